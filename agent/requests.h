/* SPDX-License-Identifier: GPL-2.0-or-later */
/* requests: what a served device asks beside its enrolment: its settings, and to report how it went. */
#pragma once

struct agent;
struct gw_msg_rejected;
struct gw_msg_report;
struct gw_msg_settings_query;

int requests_take_settings_query(struct agent *agent, const struct gw_msg_settings_query *msg);
int requests_take_report(struct agent *agent, const struct gw_msg_report *msg);

/* The registrar turned a request away by itself; for the record. */
int requests_take_rejected(struct agent *agent, const struct gw_msg_rejected *msg);
