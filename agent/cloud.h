/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cloud: how the cloud fares, its answers to jobs, and what comes with them: trust anchors and the
 * registrar's own certificate.
 */
#pragma once

#include <stdbool.h>

#include "agent/credential.h"
#include "lib/wire.h"

struct agent;
struct cloud;
struct plugin;

int cloud_new(struct cloud **ret);
struct cloud *cloud_free(struct cloud *cloud);

bool cloud_is_online(struct agent *agent);

/* "online" and the like, and a sentence. */
const char *cloud_state_name(struct agent *agent);
const char *cloud_text(struct agent *agent);

/* What there is to know. Times are of the monotonic clock, 0 = never, or none. */
struct cloud_facts {
	enum gw_cloud_state state;
	const char *text;
	uint64_t since_us;
	uint64_t retry_us; /* when the cloud link tries again */
	uint64_t heard_us; /* the last answer, or command */
	/* The gateway's own credential, as the cloud link found it. */
	bool credential_is_known, credential_is_ok;
	const char *credential_text;
	struct credential_dates credential;
	struct credential_care care;
};

void cloud_get_facts(struct agent *agent, struct cloud_facts *ret);

void cloud_take_retry(struct agent *agent, const struct gw_msg_cloud_retry *msg);
void cloud_take_credential(struct agent *agent, const struct gw_msg_credential *msg);
void cloud_heard(struct agent *agent);

/* Asks it what time it is, if it is time to. */
void cloud_look_at_time(struct agent *agent, bool is_trusted);

/* What it told is to be asked anew: somebody has set the machine's clock, perhaps not this one's alone. */
void cloud_doubt_time(struct agent *agent);

/* The cloud link is gone, and what it told with it. */
void cloud_lost(struct agent *agent);

void cloud_set_state(struct agent *agent, enum gw_cloud_state state, const char *text);
int cloud_take_answer(struct agent *agent, const struct gw_msg_answer *msg);

/* New anchors in a sealed memfd; -EBADMSG if it is none, or too large. */
int cloud_take_anchors(struct agent *agent, const struct gw_msg_anchors *msg, int fd);

/* The registrar wants a certificate for its own key. */
int cloud_take_server_csr(struct agent *agent, const struct gw_msg_server_csr *msg);

/* Tells a new registrar what it must know of the cloud: its state, and the anchors. */
void cloud_brief(struct agent *agent, struct plugin *registrar);
