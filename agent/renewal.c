/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A certificate's life begins when it came to us, or with its own date: an authority dates back for the
 * sake of slow clocks, by more than a short life has in all.
 *
 * A whole fleet may have come aboard in one hour. Where each device's time lies is decided by a hash of its
 * id, so that it stays where it is from one certificate to the next.
 */
#include "agent/renewal.h"

#include <stdio.h>
#include <string.h>

#include "agent/store-certificate.h"
#include "lib/hex.h"
#include "lib/util.h"

#define DAY_S        86400
#define SPREAD_STEPS 65536

/* FNV-1a, and what it leaves even where ids differ in their last digit only spread over all bits. */
static uint64_t hash_id(const char *id)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *id; id++)
		hash = (hash ^ (uint8_t)*id) * 0x100000001b3;
	hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccd;
	return hash ^ hash >> 33;
}

/* Dates come from a cloud: any number may stand there. */
static uint64_t share(uint64_t whole, uint64_t part, uint64_t of)
{
	return whole / of * part + whole % of * part / of;
}

uint64_t renewal_at(const struct certificate_record *certificate, uint64_t after_percent,
		    uint64_t spread_percent)
{
	uint64_t from = certificate->not_before, to = certificate->not_after;
	uint64_t whole, early, spread, at;

	if (certificate->issued > from && certificate->issued < to)
		from = certificate->issued;
	if (to <= from)
		return 0;

	whole = to - from;
	early = share(whole, after_percent, 100);
	spread = share(whole - early, spread_percent, 100);
	at = from + early +
	     share(spread, hash_id(certificate->device) % SPREAD_STEPS, SPREAD_STEPS);
	if (certificate->renew_asked)
		at = GW_MIN(at, certificate->renew_asked);
	return at;
}

bool renewal_is_too_late(const struct certificate_record *certificate, uint64_t now_s)
{
	return certificate->not_after <= now_s;
}

bool renewal_grace_is_over(const struct certificate_record *certificate, uint64_t grace_days,
			   uint64_t now_s)
{
	uint64_t since_s = now_s - GW_MIN(certificate->not_after, now_s);

	return since_s / DAY_S >= grace_days;
}

/* '+' stands in no id of a claim. */
void renewal_generation(const struct certificate_record *certificate, char *generation)
{
	char serial[2 * GW_SERIAL_MAX + 1];

	_Static_assert(sizeof(serial) + sizeof("+.18446744073709551615") <= GW_ID_MAX + 1,
		       "a generation fits where a claim's id does");
	gw_hex_encode(certificate->serial, certificate->serial_len, serial);
	(void)snprintf(generation, GW_ID_MAX + 1, "+%s.%llu", serial,
		       (unsigned long long)certificate->round);
}
