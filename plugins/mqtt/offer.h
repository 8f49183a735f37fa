/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offer: the broker's anchors that a command brought, kept until the agent says what becomes of that command: what it
 * says of the broker is not for the agent; whether it is obeyed, is. One at a time: the next one takes its place. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

struct offer {
	char command[GW_ID_MAX + 1];
	uint8_t *list; /* DER, one after the other; NULL: there is none */
	size_t len;
};

/* A command brought that list, which is copied. On failure the one before it stays. */
int offer_make(struct offer *offer, const char *command, struct gw_blob list);

/* Whether the list came with that command. */
bool offer_is_of(const struct offer *offer, const char *command);

/* There is none any more. */
void offer_end(struct offer *offer);
