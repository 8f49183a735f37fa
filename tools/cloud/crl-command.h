/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crl-command: a revocation list on its way to a gateway, in as many bodies as it takes. */
#pragma once

#include <stdint.h>

struct command;
struct registry;
struct turn;

/* The newest list of the authority that the command is about, whenever it was made. */
int crl_command_publish(struct registry *registry, struct turn *turn, const char *topic,
			const struct command *command, uint64_t seq);
