/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command: what the cloud commands. */
#pragma once

struct agent;
struct gw_msg_command;

/* Carries a command out once, and answers it however often it is told. */
int command_take(struct agent *agent, const struct gw_msg_command *msg);
