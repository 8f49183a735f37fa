/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crl-watch: the revocation lists on record: what they say of a peer, how they age, and when they go. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/wire.h"

struct agent;
struct crl_record;

/* Of the certificate that a peer has proved; `ret_closes`: its list is out of date, and the configuration is to let
 * nobody in by it. */
int crl_watch_look_up(struct agent *agent, const struct gw_msg_peer *msg, bool *ret_is_listed,
		      bool *ret_closes);

/* The lists of those who sign no certificates here any more are forgotten. -EBADMSG. */
int crl_watch_take_issuers(struct agent *agent, const struct gw_msg_issuers *msg);

/* Time is trusted: says of lists that they are out of date, and closes doors where that is wanted. */
void crl_watch_look(struct agent *agent, uint64_t now);

/* When the next one will be; 0: none. */
uint64_t crl_watch_next_s(struct agent *agent, uint64_t now);

/* [devices] stale_crl has another value: who is in, and who waits, is judged anew. */
void crl_watch_reloaded(struct agent *agent);

/* A list has gone, or a fresh one has come: who waited for that comes again. */
void crl_watch_open_doors(struct agent *agent, bool was_stale);

/* "4711", or "0x.." for one that is longer than a person reads; "gangway device-ca, number 4711". */
#define CRL_NUMBER_MAX      (2 * GW_SERIAL_MAX + 2)
#define CRL_DESCRIPTION_MAX (GW_ID_MAX + CRL_NUMBER_MAX + 16)
void crl_watch_number(const struct crl_record *record, char text[CRL_NUMBER_MAX + 1]);
void crl_watch_describe(const struct crl_record *record, char text[CRL_DESCRIPTION_MAX + 1]);
