/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outlook: what is ahead of the certificates of all devices that are aboard: how many are to be renewed, and when. */
#pragma once

#include <stdint.h>

struct agent;
struct outlook;

/* Devices that are suspended are in none of it: nothing is renewed there. Times are seconds since the epoch. */
struct outlook_view {
	/* Each device is one of these four; while the clock is not trusted all that do not ask are waiting. */
	uint64_t waiting; /* it is not time yet */
	uint64_t overdue; /* it is, and the device has not come */
	uint64_t expired;
	uint64_t asking; /* expired, and it waits for a person's word */

	uint64_t
		orphaned; /* of all, beside that: whoever signed their certificate is trusted no more */

	uint64_t expired_since_s; /* the first of those expired */
	uint64_t next_s;          /* when the next of those waiting is to come, 0 = there is none */

	/* Of those overdue, who has let more than half of the rest of its certificate's life pass. */
	uint64_t late;
	uint64_t late_since_s; /* since when the one that ends first should have come */
	uint64_t late_ends_s;  /* and when that is */
};

int outlook_new(struct agent *agent, struct outlook **ret);
struct outlook *outlook_free(struct outlook *outlook);

/* As it is now, or was a moment ago. */
const struct outlook_view *outlook_look(struct outlook *outlook);
