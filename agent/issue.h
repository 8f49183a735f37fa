/* SPDX-License-Identifier: GPL-2.0-or-later */
/* issue: from the cloud's answer to an enrolment or a renewal to a certificate that is on record and given out. */
#pragma once

#include <stdbool.h>

struct agent;
struct gw_msg_answer;
struct gw_msg_checked;
struct job_answer;
struct job_record;

/* The cloud's answer. */
int issue_take_answer(struct agent *agent, const struct job_record *job,
		      const struct gw_msg_answer *msg);

/* The certificate of an answer is put on disk, and shown to the registrar. */
int issue_hold(struct agent *agent, const struct job_record *job, const struct gw_msg_answer *msg);

/* The certificate of an answer that the registrar has checked goes on record under that claim: live if its device has
 * proved it, else as a candidate. */
int issue_put(struct agent *agent, const struct job_record *job, const struct job_answer *held,
	      const struct gw_msg_checked *msg, bool is_proved, const char *claim);

/* The registrar's word on it. */
int issue_take_check(struct agent *agent, const struct gw_msg_checked *msg);

/* There is a (new) registrar: ask it what is still to be checked. */
void issue_check_again(struct agent *agent);
