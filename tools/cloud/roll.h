/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * roll: which of the device and registrar authorities signs, and which are anchors. They are numbered, and both are
 * replaced together: the next one is an anchor before it signs, the last one for a while after.
 */
#pragma once

#include <stddef.h>

struct home;
struct registry;

enum roll_phase {
	ROLL_NONE,     /* one authority, which is the anchor */
	ROLL_BEGUN,    /* the next one is an anchor, too */
	ROLL_SWITCHED, /* it signs; the last one is an anchor still */
	_ROLL_PHASE_MAX,
};

struct roll {
	unsigned number; /* of the authorities that sign; the first is 1 */
	enum roll_phase phase;
};

#define ROLL_ANCHORS_MAX 2
#define ROLL_NAME_MAX    64

int roll_read(struct registry *registry, struct roll *ret);

/* The numbers of the anchors, the one that signs first; returns how many. */
size_t roll_anchors(const struct roll *roll, unsigned numbers[ROLL_ANCHORS_MAX]);

/* "device-ca", "device-ca-2": what the files of that authority are called. */
void roll_name(const char *base, unsigned number, char name[ROLL_NAME_MAX]);

/* Makes what follows from it in the folder: BASE.crt with all anchors, for people and programs; the key of an authority
 * that is retired goes. Outside of a transaction; may be repeated. */
int roll_tidy(const struct home *home, struct registry *registry);
