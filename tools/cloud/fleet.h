/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fleet: the gateways as they are reached, and the commands on their way to them. */
#pragma once

struct answer;
struct desk;
struct fleet;
struct registry;
struct sd_event;
struct status;
struct turn;

/* The desk is borrowed: it knows the anchors. */
int fleet_new(struct sd_event *event, struct registry *registry, const struct desk *desk,
	      struct turn *turn, struct fleet **ret);
struct fleet *fleet_free(struct fleet *fleet);
void fleet_freep(struct fleet **fleet);

/* The registry may hold new gateways and commands. */
void fleet_look(struct fleet *fleet);

/* At the broker: each gateway's status will be heard in a moment. Or not: nothing is sent. */
void fleet_connected(struct fleet *fleet);
void fleet_disconnected(struct fleet *fleet);

void fleet_status(struct fleet *fleet, const char *gateway, const struct status *status);
void fleet_answer(struct fleet *fleet, const char *gateway, const struct answer *answer);
