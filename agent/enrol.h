/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * enrol: from a device's CSR, for its first certificate or the next one, to a job for the cloud; and the
 * answer to all who wait for that. The rest of the way is issue.h.
 */
#pragma once

struct agent;
struct gw_msg_enroll;
struct gw_msg_enrolled;

int enrol_take_csr(struct agent *agent, const struct gw_msg_enroll *msg);

/* Answers all who wait for a job, and lets them wait no more. */
void enrol_answer(struct agent *agent, const char *job, const struct gw_msg_enrolled *enrolled);

/* Whoever waits for this job waits in vain. */
void enrol_answer_void(struct agent *agent, const char *job, const char *reason);
