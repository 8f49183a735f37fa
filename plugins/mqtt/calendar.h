/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * calendar: when the gateway's own certificate is to be renewed, by a clock that is trusted, and when what came to
 * nothing is tried again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct calendar;
struct credential_facts;
struct sd_event;

struct calendar_config {
	const char *gateway;
	unsigned renew_percent; /* of the certificate's life */
	uint64_t retry_first_us, retry_max_us;
};

/* Called from the loop. */
struct calendar_ops {
	void (*due)(void *userdata);    /* to be renewed; once a certificate */
	void (*rested)(void *userdata); /* the rest is over */
};

int calendar_new(struct sd_event *event, const struct calendar_config *config,
		 const struct calendar_ops *ops, void *userdata, struct calendar **ret);
struct calendar *calendar_free(struct calendar *calendar);

/* What is in use now; NULL: nothing that is renewed. It may be due at once. */
void calendar_set_certificate(struct calendar *calendar, const struct credential_facts *facts);

/* What time it is, and whether that is to be trusted; until told it is not, and nothing is due. */
void calendar_set_clock(struct calendar *calendar, bool trusted, uint64_t time_s);

/* The calendar's certificate has ended, by a clock that is trusted. */
bool calendar_is_over(const struct calendar *calendar);

/* A rest: for longer each time until calendar_rested(), or for so long (somebody else's wish). */
void calendar_rest(struct calendar *calendar);
void calendar_rest_for(struct calendar *calendar, uint64_t us);
void calendar_end_rest(struct calendar *calendar);

/* Seconds since the epoch, 0: not at all. */
uint64_t calendar_renew_at(const struct calendar *calendar);
uint64_t calendar_retry_at(const struct calendar *calendar);
