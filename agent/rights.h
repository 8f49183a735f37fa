/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rights: which right a call on the bus needs, and who has which. Pure; the default is to deny. */
#pragma once

#include <stdbool.h>

enum right {
	RIGHT_NONE, /* everybody may: the bus's own Peer */
	RIGHT_INSPECT,
	RIGHT_CLAIM,
	RIGHT_OPERATE,
	RIGHT_REPLACE,
	RIGHT_CONFIGURE,
	RIGHT_NOBODY, /* not in the table */
};

/* What a call is counted as, for those who call too much. */
enum cost {
	COST_ORDINARY,
	COST_WRITE, /* the disk is waited for */
	COST_LIST,  /* up to a thousand of something */
	COST_WALK,  /* mebibytes of the record, or the configuration */
};

/* Rights as a set. */
#define RIGHT_BIT(right) (1u << (right))
#define RIGHTS_ALL       (RIGHT_BIT(RIGHT_NOBODY) - 1u)

struct rights_line {
	const char *interface, *member;
	enum right right;
	enum cost cost;
};

/* A flag among a method's options that needs a right beside the method's own. */
struct rights_option {
	const char *interface, *member, *name;
	enum right right;
};

/* What a call needs; NULL: it is not in the table. */
const struct rights_line *rights_find(const char *interface, const char *member);

/* The flag of a method that needs more; NULL: it has none. */
const struct rights_option *rights_option(const struct rights_line *line);

/* How many bytes a call may bring beside what any call holds: a file; 0 for nearly all. */
unsigned rights_bytes(const struct rights_line *line);

/* Whether a method is there before the gateway is configured: what configures it, and what needs no right. */
bool rights_is_early(const struct rights_line *line);

/* The same, short: RIGHT_NOBODY for what is not in the table. */
enum right right_needed(const char *interface, const char *member);

/* "inspect", and polkit's action "org.gangway1.inspect"; NULL for those that are none. */
const char *right_name(enum right right);
const char *right_action(enum right right);

/* Where polkit is not: uid 0 has all rights, members of the group `gangway` inspect, claim and operate. */
bool right_is_held(enum right right, unsigned uid, bool in_group);

/* The same as a set. */
unsigned rights_held(unsigned uid, bool in_group);
