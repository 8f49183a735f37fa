/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing bodies by the tables of dialect.c: what the gateway says. A message that the schemas
 * would not accept is refused here rather than by a cloud that would have to drop it in silence.
 * Members come in the order of the tables, so that a repeated body has the same bytes.
 */
#include "plugins/mqtt/dialect.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64.h"
#include "lib/hex.h"
#include "lib/json-text.h"
#include "lib/util.h"
#include "plugins/mqtt/dialect-table.h"

/* An operator's own words may stand where the dialect wants a code: a revocation is never held up
 * for its reason. */
static void make_code(const char *text, char *code, size_t size)
{
	(void)gw_copy(code, size, *text ? text : "unspecified");
	for (char *c = code; *c; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
		else if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9')))
			*c = '-';
	}
}

static const char *write_text(const struct dialect_member *member, const char *text, json_t **ret)
{
	char code[GW_REASON_MAX + 1];
	const char *why;

	text = text ? text : "";
	if (member->type == DIALECT_CODE) {
		make_code(text, code, sizeof(code));
		text = code;
	}
	why = dialect_check_text(member, text);
	if (!why)
		*ret = json_string(text);
	return why;
}

static const char *write_number(const struct dialect_member *member, uint64_t value, json_t **ret)
{
	if (value < member->min || value > member->max)
		return "is out of range";
	*ret = json_integer((json_int_t)value);
	return NULL;
}

static const char *write_hex(const struct dialect_member *member, struct gw_blob blob, json_t **ret)
{
	char text[2 * GW_HASH_LEN + 1];
	const char *why;

	if (member->type == DIALECT_SERIAL)
		for (; blob.len && !*blob.data; blob.len--)
			blob.data++;
	why = dialect_check_blob(member, blob);
	if (why)
		return why;

	assert(blob.len <= GW_HASH_LEN);
	gw_hex_encode(blob.data, blob.len, text);
	*ret = json_string(text);
	return NULL;
}

static const char *write_base64(const struct dialect_member *member, struct gw_blob blob,
				json_t **ret)
{
	_cleanup_free_ char *text = NULL;
	const char *why = dialect_check_blob(member, blob);

	if (why)
		return why;
	text = malloc(GW_BASE64_LEN(blob.len) + 1);
	if (!text)
		return NULL;
	gw_base64_encode(blob.data, blob.len, text);
	*ret = json_string(text);
	return NULL;
}

/* Returns what is wrong, or NULL; then *ret is NULL only for want of memory. */
static const char *write_value(const struct dialect_member *member, const struct gw_msg *msg,
			       json_t **ret)
{
	const void *from = (const uint8_t *)msg + member->offset;

	switch (member->type) {
	case DIALECT_NAME:
	case DIALECT_CODE:
	case DIALECT_TEXT: return write_text(member, *(const char *const *)from, ret);
	case DIALECT_U64: return write_number(member, *(const uint64_t *)from, ret);
	case DIALECT_HEX:
	case DIALECT_SERIAL: return write_hex(member, *(const struct gw_blob *)from, ret);
	case DIALECT_BASE64: return write_base64(member, *(const struct gw_blob *)from, ret);
	case DIALECT_U32:
	case DIALECT_BOOL:
	case DIALECT_FINAL:
	case DIALECT_BOX:
	case DIALECT_CHAIN:
	case DIALECT_ANCHORS:
	case DIALECT_NAMES:
	case DIALECT_SERIALS: /* only the cloud says such */
	case _DIALECT_TYPE_MAX: break;
	}
	abort();
}

static bool is_empty(const struct dialect_member *member, const struct gw_msg *msg)
{
	const void *from = (const uint8_t *)msg + member->offset;
	const char *text;

	if (member->type == DIALECT_NAME || member->type == DIALECT_CODE ||
	    member->type == DIALECT_TEXT) {
		text = *(const char *const *)from;
		return !text || !*text;
	}
	assert(member->type == DIALECT_BASE64 || member->type == DIALECT_SERIAL);
	return !((const struct gw_blob *)from)->len;
}

/* Whether a member is said at all; *ret_why is set if the message leaves no good way. */
static bool is_said(const struct dialect_member *member, const struct gw_msg *msg,
		    const char **ret_why)
{
	switch (member->need) {
	case DIALECT_REQUIRED: return true;
	case DIALECT_OPTIONAL:
	case DIALECT_OR: return !is_empty(member, msg);
	case DIALECT_EITHER:
		if (is_empty(member, msg) == is_empty(&member[1], msg))
			*ret_why = is_empty(member, msg) ? "is missing" : "has a rival";
		return !is_empty(member, msg);
	case _DIALECT_NEED_MAX: break;
	}
	abort();
}

int dialect_write_members(const struct dialect_member *members, size_t n, const struct gw_msg *msg,
			  json_t *json, struct dialect_error *ret_error)
{
	for (size_t i = 0; i < n; i++) {
		json_t *value = NULL;
		const char *why = NULL;
		bool said = is_said(&members[i], msg, &why);

		if (said && !why)
			why = write_value(&members[i], msg, &value);
		if (why) {
			ret_error->member = members[i].name;
			ret_error->why = why;
			return -EINVAL;
		}
		if (said && json_object_set_new(json, members[i].name, value) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int dump(json_t *json, char **ret)
{
	char *text = gw_json_text(json);

	json_decref(json);
	if (!text)
		return -ENOMEM;
	*ret = text;
	return 0;
}

static json_t *open_body(const char *kind)
{
	return json_pack("{s:i, s:s}", "v", DIALECT_VERSION, "kind", kind);
}

int dialect_write(const struct gw_msg *msg, char **ret_text, struct dialect_error *ret_error)
{
	enum dialect_topic topic = msg->type == GW_MSG_REQUEST ? DIALECT_REQUEST : DIALECT_ANSWER;
	const struct dialect_topic_rule *rule = &dialect_topics[topic];
	const struct dialect_member id = {
		"id", DIALECT_NAME, DIALECT_REQUIRED, rule->id, 1, GW_ID_MAX,
	};
	const struct dialect_kind *kind =
		dialect_kind_by_value(topic, *((const uint8_t *)msg + rule->value));
	json_t *json;
	int r;

	assert(msg->type == rule->type);
	*ret_error = (struct dialect_error){ "?", "kind", "has no word in the dialect" };
	if (!kind)
		return -EINVAL;
	json = open_body(kind->name);
	if (!json)
		return -ENOMEM;

	ret_error->kind = kind->name;
	r = dialect_write_members(&id, 1, msg, json, ret_error);
	if (r >= 0)
		r = dialect_write_members(rule->members, rule->n_members, msg, json, ret_error);
	if (r >= 0)
		r = dialect_write_members(kind->members, kind->n_members, msg, json, ret_error);
	if (r < 0) {
		json_decref(json);
		return r;
	}
	return dump(json, ret_text);
}

int dialect_write_status(const struct dialect_status *status, char **ret_text)
{
	static const struct dialect_member key = { .type = DIALECT_BASE64,
						   .min = DIALECT_BOX_KEY_LEN,
						   .max = DIALECT_BOX_KEY_LEN };
	json_t *json = json_pack("{s:i, s:s, s:s, s:b, s:s, s:I}", "v", DIALECT_VERSION, "kind",
				 "status", "id", status->id, "online", status->online, "version",
				 status->version, "since", (json_int_t)status->since);
	json_t *value = NULL;

	if (!json)
		return -ENOMEM;
	if (status->box_key.len) {
		const char *why = write_base64(&key, status->box_key, &value);

		assert(!why);
		if (json_object_set_new(json, "box_key", value) < 0) {
			json_decref(json);
			return -ENOMEM;
		}
	}
	return dump(json, ret_text);
}
