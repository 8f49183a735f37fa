/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One flat object, small enough for one datagram in most cases. A member that has nothing to say is
 * left out. Anchors are not in it: they are at crts, in the form that every EST client knows.
 */
#include "plugins/registrar/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "lib/blob.h"
#include "lib/coap.h"
#include "lib/json-text.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "plugins/registrar/conversation.h"
#include "plugins/registrar/reply.h"
#include "plugins/registrar/resource.h"

#define SETTINGS_VERSION 1

static int set_text(json_t *root, const char *name, const char *text)
{
	return text && *text ? json_object_set_new(root, name, json_string(text)) : 0;
}

int settings_format(const struct gw_msg_settings *settings, uint8_t **ret, size_t *ret_len)
{
	json_auto_t *root = json_object();
	char *text;

	if (!root || json_object_set_new(root, "version", json_integer(SETTINGS_VERSION)) < 0 ||
	    set_text(root, "device", settings->device) < 0 ||
	    set_text(root, "tenant", settings->tenant) < 0 ||
	    set_text(root, "cloud", settings->cloud) < 0)
		return -ENOMEM;
	if (settings->renew_at &&
	    json_object_set_new(root, "renew_at", json_integer((json_int_t)settings->renew_at)) < 0)
		return -ENOMEM;

	text = gw_json_text(root);
	if (!text)
		return -ENOMEM;

	*ret = (uint8_t *)text;
	*ret_len = strlen(text);
	return 0;
}

int settings_begin(struct resource_call *call, struct reply *reply, struct gw_msg *ret_msg)
{
	*ret_msg = (struct gw_msg){ .type = GW_MSG_SETTINGS_QUERY };
	return 1;
}

/* In words that firmware can read: who asks for its settings learns that it has none any more. */
static int tell_leaver(struct reply *reply)
{
	static const char notice[] = "{\"version\":1,\"decommissioned\":true}";

	return reply_copy(reply, GW_COAP_CONTENT, GW_COAP_FORMAT_JSON,
			  (struct gw_blob){ (const uint8_t *)notice, sizeof(notice) - 1 });
}

int settings_wiped(struct resource_call *call, struct reply *reply, struct gw_msg *ret_msg)
{
	*ret_msg = (struct gw_msg){ .type = GW_MSG_WIPED };
	return 1;
}

int settings_finish(const struct resource_call *call, const struct gw_msg *answer,
		    struct reply *reply)
{
	uint8_t *body;
	size_t len;
	int r;

	if (call->peer->for_notice)
		return tell_leaver(reply);
	if (answer->settings.outcome != GW_OUTCOME_DONE) {
		reply_reason(reply, GW_COAP_FORBIDDEN, answer->settings.reason);
		return 0;
	}

	r = settings_format(&answer->settings, &body, &len);
	if (r < 0)
		return r;
	reply_body(reply, GW_COAP_CONTENT, GW_COAP_FORMAT_JSON, body, len);
	return 0;
}
