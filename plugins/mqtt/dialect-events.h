/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dialect-events: a batch of records for the topic `event`. It is collected one by one as the agent sends
 * it, and becomes one body. Pure.
 */
#pragma once

struct dialect_error;
struct dialect_events;
struct gw_msg_event;
struct gw_msg_events;

int dialect_events_new(struct dialect_events **ret);
struct dialect_events *dialect_events_free(struct dialect_events *events);

/* Adds a record. -EPROTO: a batch has no more than GW_EVENTS_MAX. -EINVAL as dialect_write(). */
int dialect_events_add(struct dialect_events *events, const struct gw_msg_event *event,
		       struct dialect_error *ret_error);

/* Writes the batch, and begins another. -EPROTO: other records were added than it says; -EMSGSIZE: it would be
 * larger than a body may be. *ret_text is freed by the caller. */
int dialect_events_write(struct dialect_events *events, const struct gw_msg_events *msg,
			 char **ret_text, struct dialect_error *ret_error);
