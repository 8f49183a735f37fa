/* SPDX-License-Identifier: GPL-2.0-or-later */
/* settings: the section [ip] of the configuration, as the agent's welcome brings it. */
#pragma once

#include <net/if.h>
#include <stddef.h>
#include <stdint.h>

#define SETTINGS_INTERFACES_MAX 16

struct settings {
	char interfaces[SETTINGS_INTERFACES_MAX][IF_NAMESIZE];
	size_t n_interfaces;
	uint16_t coaps_port;
};

/* Keys that are not there have their defaults: interface lo, port 5684. On error ret_why, which has
 * room for why_size bytes, says what is wrong with which key. */
int settings_parse(const char *text, struct settings *ret, char *ret_why, size_t why_size);
