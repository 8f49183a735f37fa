/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bulletin: what the agent is told of how it goes: with the connection, the cloud behind it, our own certificate, and
 * what the cloud sends that is no use. Says each thing once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/wire.h"

struct bulletin;
struct dialect_error;
struct gw_plugin;
struct sd_event;
struct wallet_facts;

int bulletin_new(struct gw_plugin *plugin, struct sd_event *event, uint64_t silent_after_us,
		 struct bulletin **ret);
struct bulletin *bulletin_free(struct bulletin *b);

/* How the connection fares. `needs_help`: it will not get better until somebody does what the text says. */
void bulletin_state(struct bulletin *b, enum gw_cloud_state state, const char *text,
		    bool needs_help);

/* When the next attempt is; 0: none is due. */
void bulletin_retry(struct bulletin *b, uint64_t in_us);

/* Since when the cloud has owed us a word, as outstanding_silent_since(). It counts as long as we are online. */
void bulletin_owed_since(struct bulletin *b, uint64_t since_us);

/* The cloud said something, whatever it was. */
void bulletin_heard(struct bulletin *b);

/* What is wrong with the credential that was to be used last, NULL: nothing. To be followed by the facts. */
void bulletin_unusable(struct bulletin *b, const char *why);
void bulletin_credential(struct bulletin *b, const struct wallet_facts *facts);

/* A body on the topic was dropped for this. For the log, and for the operator by way of the agent. */
void bulletin_garbage(struct bulletin *b, const char *topic, const struct dialect_error *error);
