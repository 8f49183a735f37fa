/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An array of fixed size. An entry makes room when its hour is over and not before, so the size is
 * also the limit of what is news in an hour: whoever knows many device ids gets no more than that.
 */
#include "agent/refusals.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/util.h"
#include "lib/wire.h"

#define REFUSALS_MAX 256
#define QUIET_US     3600000000ull

struct refusal {
	char device[GW_ID_MAX + 1]; /* empty: no known device */
	enum gw_reason reason;
	unsigned n; /* so many this hour; 0: the entry is free */
	uint64_t at_us;
};

struct refusals {
	struct refusal entries[REFUSALS_MAX];
};

int refusals_new(struct refusals **ret)
{
	struct refusals *refusals = calloc(1, sizeof(*refusals));

	if (!refusals)
		return -ENOMEM;
	*ret = refusals;
	return 0;
}

struct refusals *refusals_free(struct refusals *refusals)
{
	free(refusals);
	return NULL;
}

static bool is_free(const struct refusal *entry, uint64_t now_us)
{
	return !entry->n || now_us - entry->at_us >= QUIET_US;
}

bool refusals_is_news(struct refusals *refusals, const char *device, enum gw_reason reason,
		      unsigned most)
{
	uint64_t now_us = gw_now_monotonic_us();
	struct refusal *room = NULL;

	for (size_t i = 0; i < REFUSALS_MAX; i++) {
		struct refusal *entry = &refusals->entries[i];

		if (is_free(entry, now_us))
			room = room ? room : entry;
		else if (entry->reason == reason && gw_streq(entry->device, device))
			return entry->n++ < most;
	}
	if (!room)
		return false;

	*room = (struct refusal){ .reason = reason, .n = 1, .at_us = now_us };
	(void)gw_copy(room->device, sizeof(room->device), device);
	return true;
}
