/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * refusals: who was turned away lately, and why. An operator wants to read of it; strangers who try
 * again and again must not fill the disk with it. In memory, bounded.
 */
#pragma once

#include <stdbool.h>

#include "lib/reason.h"

struct refusals;

int refusals_new(struct refusals **ret);
struct refusals *refusals_free(struct refusals *refusals);

/* Whether this one is worth a record: among the first `most` of its kind, for that device, in an hour. */
bool refusals_is_news(struct refusals *refusals, const char *device, enum gw_reason reason,
		      unsigned most);
