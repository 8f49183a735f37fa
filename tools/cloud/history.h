/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history: what gateways tell of their records, taken only as one chain. */
#pragma once

#include <stdbool.h>

struct events;
struct registry;

/*
 * Takes a batch, in the caller's transaction: ret_answer (a body without its time, to be freed) may leave once
 * that is committed. ret_step names the durable step that the transaction now holds, or is NULL; ret_lost: by
 * this batch the gateway's store turns out to be an old copy. An error means that the registry has failed.
 */
int history_take(struct registry *registry, const char *gateway, const struct events *events,
		 char **ret_answer, const char **ret_step, bool *ret_lost);
