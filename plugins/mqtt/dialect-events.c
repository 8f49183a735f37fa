/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record is the agent's own, so its texts are taken as they are; what the cloud may rely on is that a
 * body holds the records that it says, in order and without a gap.
 */
#include "plugins/mqtt/dialect-events.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json-text.h"
#include "lib/util.h"
#include "plugins/mqtt/dialect-table.h"

#define AT(field) offsetof(struct gw_msg, field)
#define MEMBER(name, need, type, field, min, max)                         \
	{                                                                 \
		name, DIALECT_##type, DIALECT_##need, AT(field), min, max \
	}

/* clang-format off */
static const struct dialect_member event_members[] = {
	MEMBER("n",      REQUIRED, U64,  event.n,      1, DIALECT_INTEGER_MAX),
	MEMBER("time",   REQUIRED, U64,  event.time,   0, DIALECT_INTEGER_MAX),
	MEMBER("event",  REQUIRED, CODE, event.event,  1, GW_ID_MAX),
	MEMBER("device", OPTIONAL, TEXT, event.device, 1, GW_ID_MAX),
	MEMBER("who",    OPTIONAL, TEXT, event.who,    1, GW_ID_MAX),
	MEMBER("reason", OPTIONAL, TEXT, event.reason, 1, GW_REASON_MAX),
	MEMBER("detail", OPTIONAL, TEXT, event.detail, 1, GW_TEXT_MAX),
	MEMBER("mac",    REQUIRED, HEX,  event.mac,    GW_HASH_LEN, GW_HASH_LEN),
};

static const struct dialect_member batch_members[] = {
	MEMBER("id",     REQUIRED, NAME, events.job,    1, GW_ID_MAX),
	MEMBER("first",  REQUIRED, U64,  events.first,  1, DIALECT_INTEGER_MAX),
	MEMBER("before", REQUIRED, HEX,  events.before, GW_HASH_LEN, GW_HASH_LEN),
	MEMBER("broken", OPTIONAL, CODE, events.broken, 1, GW_REASON_MAX),
};
/* clang-format on */

struct dialect_events {
	json_t *list;
	uint64_t first, last;
};

static int begin(struct dialect_events *events)
{
	json_decref(events->list);
	*events = (struct dialect_events){ .list = json_array() };
	return events->list ? 0 : -ENOMEM;
}

int dialect_events_new(struct dialect_events **ret)
{
	struct dialect_events *events = calloc(1, sizeof(*events));

	if (!events)
		return -ENOMEM;
	if (begin(events) < 0) {
		free(events);
		return -ENOMEM;
	}
	*ret = events;
	return 0;
}

struct dialect_events *dialect_events_free(struct dialect_events *events)
{
	if (events)
		json_decref(events->list);
	free(events);
	return NULL;
}

int dialect_events_add(struct dialect_events *events, const struct gw_msg_event *event,
		       struct dialect_error *ret_error)
{
	const struct gw_msg msg = { .type = GW_MSG_EVENT, .event = *event };
	size_t n = json_array_size(events->list);
	json_t *json;
	int r;

	*ret_error = (struct dialect_error){ "events", "n", "does not follow the one before" };
	if (n == GW_EVENTS_MAX || (n && event->n != events->last + 1))
		return -EPROTO;

	json = json_object();
	if (!json)
		return -ENOMEM;
	r = dialect_write_members(event_members, GW_ELEMENTS(event_members), &msg, json, ret_error);
	if (r < 0) {
		json_decref(json);
		return r;
	}
	if (json_array_append_new(events->list, json) < 0)
		return -ENOMEM;

	events->first = n ? events->first : event->n;
	events->last = event->n;
	return 0;
}

static int write_batch(struct dialect_events *events, const struct gw_msg_events *batch, char **ret,
		       struct dialect_error *ret_error)
{
	const struct gw_msg msg = { .type = GW_MSG_EVENTS, .events = *batch };
	json_t *json = json_pack("{s:i, s:s}", "v", DIALECT_VERSION, "kind", "events");
	char *text = NULL;
	int r;

	if (!json)
		return -ENOMEM;
	r = dialect_write_members(batch_members, GW_ELEMENTS(batch_members), &msg, json, ret_error);
	if (r >= 0 && json_object_set(json, "events", events->list) < 0)
		r = -ENOMEM;
	if (r >= 0)
		text = gw_json_text(json);
	json_decref(json);
	if (r < 0 || !text)
		return r < 0 ? r : -ENOMEM;
	if (strlen(text) > DIALECT_BODY_MAX) {
		free(text);
		return -EMSGSIZE;
	}
	*ret = text;
	return 0;
}

int dialect_events_write(struct dialect_events *events, const struct gw_msg_events *batch,
			 char **ret_text, struct dialect_error *ret_error)
{
	int r, begun;

	*ret_error = (struct dialect_error){ "events", "first", "are other records" };
	if (batch->count != json_array_size(events->list) ||
	    (batch->count && batch->first != events->first))
		return -EPROTO;

	r = write_batch(events, batch, ret_text, ret_error);
	begun = begin(events);
	if (r >= 0 && begun < 0) {
		free(*ret_text);
		return begun;
	}
	return r;
}
