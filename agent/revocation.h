/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * revocation: revocation lists, from when somebody brings one until its successor is here. Whose a list is, and what
 * stands in it, the registrar says; whether it is taken policy.c; what is on it is revoked here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/reason.h"
#include "lib/wire.h"

struct agent;
struct crl_record;
struct plugin;
struct revocation;

#define REVOCATION_LISTS_MAX 4 /* under examination at a time */

int revocation_new(struct revocation **ret);
struct revocation *revocation_free(struct revocation *revocation);

/* --- lists that come --- */

/* The cloud link brings the list of the command that follows; takes the descriptor. -EBADMSG: it is no sealed memory. */
int revocation_hold(struct agent *agent, const struct gw_msg_crl *msg, int *fd);

/* That command. GW_REASON_ASKING: it will be answered once the registrar has spoken, or is repeated; else why not. */
enum gw_reason revocation_take_command(struct agent *agent, const struct gw_msg_command *command);

/* A caller on the bus brings one, of GW_CRL_MAX at most: what comes of it bus_revocation_tell() hears, by the number
 * returned here. -ENOTCONN: there is no registrar; -EBUSY: too many are examined. */
int revocation_take(struct agent *agent, const char *who, struct gw_blob der, uint64_t *ret_number);

/* What became of a list. */
struct revocation_verdict {
	enum gw_reason reason;           /* why it was not taken */
	const char *text;                /* more about that, "" */
	const struct crl_record *record; /* NULL: nothing is known of it */
	unsigned n_revoked;              /* devices, by this list */
};

/* --- the registrar --- */

/* Asks a new registrar about all that nobody has spoken of yet. */
void revocation_brief(struct agent *agent, struct plugin *registrar);

/* It is gone: who waits on the bus waits no more. */
void revocation_lost(struct agent *agent);

/* -EBADMSG: it does not fit the list; -ENOENT: nobody asked about that. */
int revocation_take_checked(struct agent *agent, const struct gw_msg_crl_checked *msg, int fd);
