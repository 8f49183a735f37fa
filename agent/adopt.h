/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * adopt: devices that come with a certificate of the fleet of which there is no record here. The cloud is asked
 * where they are at home; until it has said so they wait at the door.
 */
#pragma once

#include "lib/reason.h"

struct adopt;
struct agent;
struct gw_msg_answer;
struct gw_msg_checked;
struct gw_msg_peer;
struct job_record;

int adopt_new(struct adopt **ret);
struct adopt *adopt_free(struct adopt *adopt);

/* Has the cloud asked, if it is not being asked already. GW_REASON_ASKING: it is; else why not. */
int adopt_ask(struct agent *agent, const struct gw_msg_peer *msg, enum gw_reason *ret_reason);

/* The cloud's answer. */
int adopt_take_answer(struct agent *agent, const struct job_record *job,
		      const struct gw_msg_answer *msg);

/* The registrar's word on the certificate in it. */
int adopt_take_check(struct agent *agent, const struct job_record *job,
		     const struct gw_msg_checked *msg);
