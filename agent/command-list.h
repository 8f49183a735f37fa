/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command-list: what a command is about, one after the other: a device, or a list of them or of serials. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

struct command_item {
	char device[GW_ID_MAX + 1];    /* empty: it goes by .. */
	uint8_t serial[GW_SERIAL_MAX]; /* .. the serial number of a certificate */
	size_t serial_len;
};

struct command_list {
	bool is_list, of_serials;
	const char *rest; /* lines */
};

/* Whether the command names one device, or one list that it may bring, and every line of that is good. */
bool command_list_is_valid(const struct gw_msg_command *command);

/* Of a command that is valid. */
void command_list_begin(struct command_list *list, const struct gw_msg_command *command);

/* False: there are no more. */
bool command_list_next(struct command_list *list, struct command_item *ret);
