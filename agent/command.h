/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command: what the cloud commands. */
#pragma once

#include <stdint.h>

#include "lib/reason.h"

struct agent;
struct gw_msg_command;

/* Carries a command out once, and answers it however often it is told. */
int command_take(struct agent *agent, const struct gw_msg_command *msg);

/* Answers a command that had to wait for somebody. */
int command_answer_late(struct agent *agent, const char *id, uint64_t seq, enum gw_reason reason);
