/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * It ends soon in the last 30 days, or in the last third of a short life: who has to get another by hand
 * needs days, and who has it renewed by a machine does it earlier.
 */
#include "agent/credential.h"

#include <stdbool.h>
#include <stddef.h>

#include "lib/util.h"

#define SOON_S (30ull * 86400)

static bool is_known(const struct credential_dates *dates)
{
	return dates->not_after > dates->not_before;
}

static uint64_t soon_s(const struct credential_dates *dates)
{
	return dates->not_after - GW_MIN(SOON_S, (dates->not_after - dates->not_before) / 3);
}

enum credential_verdict credential_judge(const struct credential_dates *dates, uint64_t now_s)
{
	if (!is_known(dates))
		return CREDENTIAL_UNKNOWN;
	if (now_s < dates->not_before)
		return CREDENTIAL_NOT_YET;
	if (now_s >= dates->not_after)
		return CREDENTIAL_ENDED;
	if (dates->ca_not_after && now_s >= dates->ca_not_after)
		return CREDENTIAL_CA_ENDED;
	return now_s >= soon_s(dates) ? CREDENTIAL_ENDS_SOON : CREDENTIAL_GOOD;
}

uint64_t credential_next_s(const struct credential_dates *dates, uint64_t now_s)
{
	const uint64_t edges[] = { dates->not_before, soon_s(dates), dates->not_after,
				   dates->ca_not_after };
	uint64_t next = 0;

	for (size_t i = 0; is_known(dates) && i < GW_ELEMENTS(edges); i++)
		if (edges[i] > now_s && (!next || edges[i] < next))
			next = edges[i];
	return next;
}
