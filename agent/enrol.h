/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * enrol: from a device's CSR to its certificate. ENROLL comes from the registrar, becomes a job for
 * the cloud, whose answer the registrar checks before the certificate counts as issued.
 */
#pragma once

struct agent;
struct gw_msg_answer;
struct gw_msg_checked;
struct gw_msg_enroll;
struct job_record;

int enrol_take_csr(struct agent *agent, const struct gw_msg_enroll *msg);

/* The cloud's answer to an enrolment. */
int enrol_take_answer(struct agent *agent, const struct job_record *job,
		      const struct gw_msg_answer *msg);

/* The registrar's word on it. */
int enrol_take_check(struct agent *agent, const struct gw_msg_checked *msg);

/* There is a (new) registrar: ask it what is still to be checked. */
void enrol_check_again(struct agent *agent);

/* Whoever waits for this enrolment waits in vain. */
void enrol_answer_void(struct agent *agent, const char *job, const char *reason);
