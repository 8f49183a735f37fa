/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cloud: how the cloud fares, its answers to jobs, and what comes with them: trust anchors and the
 * registrar's own certificate.
 */
#pragma once

#include <stdbool.h>

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

void cloud_set_state(struct agent *agent, enum gw_cloud_state state, const char *text);
int cloud_take_answer(struct agent *agent, const struct gw_msg_answer *msg);

/* New anchors in a sealed memfd; -EBADMSG if it is none, or too large. */
int cloud_take_anchors(struct agent *agent, const struct gw_msg_anchors *msg, int fd);

/* The registrar wants a certificate for its own key. */
int cloud_take_server_csr(struct agent *agent, const struct gw_msg_server_csr *msg);

/* Tells a new registrar what it must know of the cloud: its state, and the anchors. */
void cloud_brief(struct agent *agent, struct plugin *registrar);
