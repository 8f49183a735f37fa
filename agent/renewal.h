/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * renewal: when a certificate is to be renewed, whether it is too late, and what stands for the claim in
 * that: the generation of a renewal is the certificate that the device authenticates with. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct certificate_record;

/* What a device whose certificate has expired can still get ([devices] expired). */
enum renewal_expired {
	RENEWAL_EXPIRED_REFUSE,
	RENEWAL_EXPIRED_GRACE, /* a renewal, within grace_days and with approval */
	RENEWAL_EXPIRED_CLAIM, /* another way aboard, by a claim that need not ask for a replacement */
	_RENEWAL_EXPIRED_MAX,
};

/*
 * When a device should renew it, in seconds since the epoch: after so many percent of its life, and then within
 * so many of the rest, over which the fleet's devices are spread. 0 = its dates make no sense.
 */
uint64_t renewal_at(const struct certificate_record *certificate, uint64_t after_percent,
		    uint64_t spread_percent);

/* Whether it had ended by `now_s`, and whether so many days more have passed. */
bool renewal_is_too_late(const struct certificate_record *certificate, uint64_t now_s);
bool renewal_grace_is_over(const struct certificate_record *certificate, uint64_t grace_days,
			   uint64_t now_s);

/* A name that no claim can have. GW_ID_MAX + 1 bytes. */
void renewal_generation(const struct certificate_record *certificate, char *generation);
