/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rule: which plugin may say what, when, and how often. Pure. */
#pragma once

#include <stdbool.h>

#include "lib/wire.h"

/* What the agent knows of a plugin. */
enum plugin_state {
	PLUGIN_STRANGER, /* connected, has not said who it is */
	PLUGIN_WELCOME,
	_PLUGIN_STATE_MAX,
};

/*
 * Whether a message is in turn. Everything that no rule names is not. *ret_per_second is how many a
 * second are taken (twice as many in a burst); more ends the link.
 */
bool rule_allows(enum plugin_state state, enum gw_role role, enum gw_msg_type type,
		 unsigned *ret_per_second);
