/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rights: which right a call on the bus needs, and who has which. Pure; the default is to deny. */
#pragma once

#include <stdbool.h>

enum right {
	RIGHT_NONE, /* everybody may: the bus's own Peer and Introspectable */
	RIGHT_INSPECT,
	RIGHT_CLAIM,
	RIGHT_OPERATE,
	RIGHT_REPLACE,
	RIGHT_CONFIGURE,
	RIGHT_NOBODY, /* not in the table */
};

/* What a call needs. */
enum right right_needed(const char *interface, const char *member);

/* Whether a caller has a right: uid 0 has all, members of the group `gangway` inspect, claim and
 * operate. */
bool right_is_held(enum right right, unsigned uid, bool in_group);
