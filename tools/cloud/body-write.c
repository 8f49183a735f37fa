/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing bodies. An answer is written and kept without its time, and stamped whenever it goes out,
 * so that it says the same each time but for the clock, which a gateway may depend on.
 */
#include "tools/cloud/body.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "lib/base64.h"
#include "lib/blob.h"
#include "lib/json-text.h"
#include "lib/util.h"
#include "tools/cloud/registry.h"

#define VERSION 1

/* Takes over the value, which may be NULL: then something before has failed. */
static char *finish(json_t *body)
{
	char *text = body ? gw_json_text(body) : NULL;

	json_decref(body);
	return text;
}

static json_t *base64(struct gw_blob bytes)
{
	_cleanup_free_ char *text = malloc(GW_BASE64_LEN(bytes.len) + 1);

	if (!text)
		return NULL;

	gw_base64_encode(bytes.data, bytes.len, text);
	return json_string(text);
}

char *body_adopted(const char *id, struct gw_blob certificate, const char *tenant,
		   const char *claim)
{
	return finish(json_pack("{s:i, s:s, s:s, s:o, s:[], s:s, s:s}", "v", VERSION, "kind",
				"issued", "id", id, "certificate", base64(certificate), "chain",
				"tenant", tenant, "claim", claim));
}

static json_t *base64_list(const struct gw_blob *blobs, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		if (json_array_append_new(list, base64(blobs[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *anchor_lists(const struct body_anchors *anchors)
{
	json_t *lists = json_pack("{s:o, s:o}", "device", base64_list(anchors->device, anchors->n),
				  "registrar", base64_list(anchors->registrar, anchors->n));

	if (lists && anchors->n_broker > 0 &&
	    json_object_set_new(lists, "broker", base64_list(anchors->broker, anchors->n_broker)) <
		    0) {
		json_decref(lists);
		return NULL;
	}
	return lists;
}

char *body_issued(const char *id, struct gw_blob certificate, const struct body_anchors *anchors)
{
	json_t *body = json_pack("{s:i, s:s, s:s, s:o, s:[]}", "v", VERSION, "kind", "issued", "id",
				 id, "certificate", base64(certificate), "chain");

	if (body && anchors && json_object_set_new(body, "anchors", anchor_lists(anchors)) < 0) {
		json_decref(body);
		return NULL;
	}
	return finish(body);
}

char *body_issued_gateway(const char *id, struct gw_blob certificate, const struct gw_blob *anchors,
			  size_t n_anchors)
{
	return finish(json_pack("{s:i, s:s, s:s, s:o, s:[], s:{s:o}}", "v", VERSION, "kind",
				"issued", "id", id, "certificate", base64(certificate), "chain",
				"anchors", "broker", base64_list(anchors, n_anchors)));
}

char *body_pending(const char *id, unsigned retry_after_s)
{
	return finish(json_pack("{s:i, s:s, s:s, s:i}", "v", VERSION, "kind", "pending", "id", id,
				"retry_after", (int)retry_after_s));
}

char *body_refused(const char *id, bool final, const char *reason, const char *text)
{
	return finish(json_pack("{s:i, s:s, s:s, s:b, s:s, s:s}", "v", VERSION, "kind", "refused",
				"id", id, "final", (int) final, "reason", reason, "text", text));
}

char *body_done(const char *id)
{
	return finish(json_pack("{s:i, s:s, s:s}", "v", VERSION, "kind", "done", "id", id));
}

static char *with_head(json_t *body, uint64_t head, const char *mac)
{
	if (body && head &&
	    json_object_update_new(body, json_pack("{s:I, s:s}", "head", (json_int_t)head, "mac",
						   mac)) < 0) {
		json_decref(body);
		return NULL;
	}
	return finish(body);
}

char *body_recorded(const char *id, uint64_t head, const char *mac)
{
	return with_head(json_pack("{s:i, s:s, s:s}", "v", VERSION, "kind", "done", "id", id), head,
			 mac);
}

char *body_not_recorded(const char *id, const char *reason, const char *text, uint64_t head,
			const char *mac)
{
	return with_head(json_pack("{s:i, s:s, s:s, s:b, s:s, s:s}", "v", VERSION, "kind",
				   "refused", "id", id, "final", 1, "reason", reason, "text", text),
			 head, mac);
}

/* Ours and compact, so that its last character is the closing brace. */
char *body_stamp(const char *answer, uint64_t time)
{
	char *text;

	if (asprintf(&text, "%.*s,\"time\":%" PRIu64 "}", (int)strlen(answer) - 1, answer, time) <
	    0)
		return NULL;
	return text;
}

/* One or, of a list, all. */
static int add_devices(json_t *body, const struct command *command, const struct body_more *more)
{
	json_t *list;
	int r;

	if (more->n_devices == 0)
		return json_object_set_new(body, "device", json_string(command->device));

	list = json_array();
	r = json_array_append_new(list, json_string(command->device));
	for (size_t i = 0; i < more->n_devices && r == 0; i++)
		r = json_array_append_new(list, json_string(more->devices[i]));
	if (r < 0) {
		json_decref(list);
		return r;
	}
	return json_object_set_new(body, "devices", list);
}

char *body_command_part(const struct command *command, uint64_t seq, const struct body_part *part)
{
	return finish(json_pack("{s:i, s:s, s:s, s:I, s:I, s:s, s:i, s:i, s:o}", "v", VERSION,
				"kind", command_kind_name(command->kind), "id", command->id, "seq",
				(json_int_t)seq, "expires_at", (json_int_t)command->expires_at,
				"digest", part->digest, "part", (int)part->part, "parts",
				(int)part->parts, "crl", base64(part->content)));
}

char *body_command(const struct command *command, uint64_t seq, const struct body_more *more)
{
	json_t *body = json_pack("{s:i, s:s, s:s, s:I, s:I}", "v", VERSION, "kind",
				 command_kind_name(command->kind), "id", command->id, "seq",
				 (json_int_t)seq, "expires_at", (json_int_t)command->expires_at);
	int r = body ? 0 : -1;

	if (r == 0 && command->kind == COMMAND_ANCHORS)
		r = json_object_set_new(body, "anchors", anchor_lists(more->anchors));
	else if (r == 0)
		r = add_devices(body, command, more);
	if (r == 0 && command->kind == COMMAND_CLAIM)
		r = json_object_update_new(body, json_pack("{s:s, s:s, s:I, s:b, s:o}", "tenant",
							   command->tenant, "claim", command->claim,
							   "claim_expires",
							   (json_int_t)command->claim_expires,
							   "replace", (int)command->replace,
							   "secret_sealed", base64(*more->box)));
	if (r == 0 && command->kind != COMMAND_CLAIM && *command->reason)
		r = json_object_set_new(body, "reason", json_string(command->reason));
	if (r < 0) {
		json_decref(body);
		return NULL;
	}
	return finish(body);
}
