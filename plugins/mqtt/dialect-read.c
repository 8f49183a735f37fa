/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading bodies by the tables of dialect.c. A body is hostile whatever the broker promises: it is
 * taken only if every member that we know fits. Values move into memory of the body's own, so that
 * nothing of the JSON library lives on.
 *
 * A claim's secret comes through here when the configuration lets the cloud send it plain, so the
 * JSON library is made to wipe what it frees, and a body is wiped when it goes.
 */
#include "plugins/mqtt/dialect.h"

#include <assert.h>
#include <jansson.h>
#include <malloc.h>
#include <string.h>

#include "lib/base64.h"
#include "lib/hex.h"
#include "lib/util.h"
#include "plugins/mqtt/dialect-table.h"

static void wipe_and_free(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

void dialect_init(void)
{
	json_set_alloc_funcs(malloc, wipe_and_free);
}

/* --- values ---------------------------------------------------------------------------------- */

/* A body's arena is as large as its text, and no value is larger than the text that it was read
 * from. */
static uint8_t *arena_take(struct dialect_body *body, size_t len)
{
	uint8_t *at = body->arena + body->used;

	assert(len <= body->size - body->used);
	body->used += len;
	return at;
}

/* Copies a text. What is not printable ASCII becomes '?', a whole UTF-8 character one of them. */
static char *arena_text(struct dialect_body *body, const char *text)
{
	char *copy = (char *)arena_take(body, strlen(text) + 1), *at = copy;

	for (; *text; text++)
		if (((unsigned char)*text & 0xc0) != 0x80)
			*at++ = *text >= 0x20 && *text <= 0x7e ? *text : '?';
	*at = 0;
	return copy;
}

static const char *read_text(const struct dialect_member *member, const json_t *value,
			     struct dialect_body *body, const char **ret)
{
	const char *text, *why;

	if (!json_is_string(value))
		return "is no text";

	text = arena_text(body, json_string_value(value));
	if (member->type != DIALECT_TEXT && strcmp(text, json_string_value(value)) != 0)
		return "is not printable";
	why = dialect_check_text(member, text);
	if (why)
		return why;

	*ret = text;
	return NULL;
}

static const char *read_number(const struct dialect_member *member, const json_t *value,
			       uint64_t *ret)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value))
		return "is no whole number";
	if (number < 0 || (uint64_t)number < member->min || (uint64_t)number > member->max)
		return "is out of range";

	*ret = (uint64_t)number;
	return NULL;
}

static const char *read_hex(const struct dialect_member *member, const json_t *value,
			    struct dialect_body *body, struct gw_blob *ret)
{
	const char *text = json_string_value(value), *why;
	struct gw_blob blob = { 0 };
	uint8_t *data;

	if (!text)
		return "is no text";
	data = arena_take(body, strlen(text) / 2);
	if (text[strspn(text, "0123456789abcdef")] ||
	    gw_hex_decode(text, data, strlen(text) / 2, &blob.len) < 0)
		return "is no lower-case hexadecimal";

	blob.data = data;
	why = dialect_check_blob(member, blob);
	if (!why)
		*ret = blob;
	return why;
}

static const char *read_base64(const struct dialect_member *member, const json_t *value,
			       struct dialect_body *body, struct gw_blob *ret)
{
	const char *text = json_string_value(value), *why;
	size_t len = json_string_length(value), size = len / 4 * 3;
	struct gw_blob blob = { 0 };
	uint8_t *data;

	if (!text)
		return "is no text";
	data = arena_take(body, size);
	if (gw_base64_decode(text, len, data, size, &blob.len) < 0)
		return "is no base64";
	body->used -= size - blob.len; /* so that the next one follows without a gap */

	blob.data = data;
	why = dialect_check_blob(member, blob);
	if (!why)
		*ret = blob;
	return why;
}

/* Joins the certificates of an array: they are decoded one right behind the other. */
static const char *read_certs(const json_t *array, size_t min, size_t max, uint64_t max_len,
			      struct dialect_body *body, struct gw_blob *ret)
{
	static const struct dialect_member one = { .type = DIALECT_BASE64,
						   .min = 1,
						   .max = GW_CERT_MAX };
	struct gw_blob joined = { body->arena + body->used, 0 };

	if (!json_is_array(array))
		return "is no list";
	if (json_array_size(array) < min)
		return "is empty";
	if (json_array_size(array) > max)
		return "has too many certificates";

	for (size_t i = 0; i < json_array_size(array); i++) {
		struct gw_blob certificate = { 0 };
		const char *why = read_base64(&one, json_array_get(array, i), body, &certificate);

		if (why)
			return why;
		joined.len += certificate.len;
	}
	if (joined.len > max_len)
		return "is too long";

	*ret = joined;
	return NULL;
}

/* What the broker is known by: not for the agent. */
static const char *read_broker_anchors(const struct dialect_member *member, const json_t *value,
				       struct dialect_body *body)
{
	body->has_broker_anchors = true;
	return read_certs(value, 1, DIALECT_ANCHORS_MAX, member->max, body, &body->broker_anchors);
}

/* Both lists of the agent's or none: half a set of anchors would leave the other half to chance. */
static const char *read_anchors(const struct dialect_member *member, const json_t *value,
				struct dialect_body *body)
{
	static const char *const names[] = { "device", "registrar" };
	const json_t *broker = json_object_get(value, "broker");
	const char *wrong;

	if (!json_is_object(value))
		return "is no object";
	if (broker) {
		wrong = read_broker_anchors(member, broker, body);
		if (wrong ||
		    (!json_object_get(value, names[0]) && !json_object_get(value, names[1])))
			return wrong;
	}

	for (int i = 0; i < _GW_ANCHORS_MAX; i++) {
		const char *why =
			read_certs(json_object_get(value, names[i]), 1, DIALECT_ANCHORS_MAX,
				   member->max, body, &body->anchors[i]);

		if (why)
			return why;
	}
	body->has_anchors = true;
	return NULL;
}

static const char *check_line(enum dialect_type type, const char *text)
{
	uint8_t serial[GW_SERIAL_MAX];
	size_t len;

	if (type == DIALECT_NAMES)
		return gw_device_id_is_valid(text) ? NULL : "holds what is no id";
	if (text[strspn(text, "0123456789abcdef")] ||
	    gw_hex_decode(text, serial, sizeof(serial), &len) < 0 || len == 0 || serial[0] == 0)
		return "holds what is no serial";
	return NULL;
}

/* Each with a line end behind it; in JSON it has two quotation marks at least. */
static const char *read_lines(const struct dialect_member *member, const json_t *array,
			      struct dialect_body *body, const char **ret)
{
	const char *lines = (const char *)body->arena + body->used;

	if (!json_is_array(array))
		return "is no list";
	if (json_array_size(array) < member->min)
		return "is empty";
	if (json_array_size(array) > member->max)
		return "is too long";

	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *text = json_string_value(json_array_get(array, i));
		const char *why = text ? check_line(member->type, text) : "holds what is no text";

		if (why)
			return why;
		memcpy(arena_take(body, strlen(text)), text, strlen(text));
		*arena_take(body, 1) = '\n';
	}
	*arena_take(body, 1) = 0;
	*ret = lines;
	return NULL;
}

/* To the agent a refusal that is not final is one more way to say: later. */
static const char *read_final(const json_t *value, struct gw_msg_answer *answer)
{
	if (!json_is_boolean(value))
		return "is neither true nor false";

	if (json_is_true(value)) {
		answer->retry_after_s = 0;
	} else {
		answer->outcome = GW_OUTCOME_PENDING;
		if (!answer->retry_after_s)
			answer->retry_after_s = DIALECT_RETRY_AFTER;
	}
	return NULL;
}

static const char *read_value(const struct dialect_member *member, const json_t *value,
			      struct dialect_body *body)
{
	void *to = (uint8_t *)&body->msg + member->offset;
	const char *why = NULL;
	uint64_t number = 0;

	switch (member->type) {
	case DIALECT_NAME:
	case DIALECT_CODE:
	case DIALECT_TEXT: return read_text(member, value, body, to);
	case DIALECT_U32:
		why = read_number(member, value, &number);
		*(uint32_t *)to = (uint32_t)number;
		return why;
	case DIALECT_U64: return read_number(member, value, to);
	case DIALECT_BOOL:
		*(uint8_t *)to = json_is_true(value);
		return json_is_boolean(value) ? NULL : "is neither true nor false";
	case DIALECT_FINAL: return read_final(value, &body->msg.answer);
	case DIALECT_HEX:
	case DIALECT_SERIAL: return read_hex(member, value, body, to);
	case DIALECT_BOX: body->msg.command.sealed = 1; return read_base64(member, value, body, to);
	case DIALECT_BASE64: return read_base64(member, value, body, to);
	case DIALECT_CHAIN: return read_certs(value, 0, DIALECT_CHAIN_MAX, member->max, body, to);
	case DIALECT_ANCHORS: return read_anchors(member, value, body);
	case DIALECT_NAMES:
	case DIALECT_SERIALS: return read_lines(member, value, body, to);
	case _DIALECT_TYPE_MAX: break;
	}
	abort();
}

/* --- members and bodies ----------------------------------------------------------------------- */

/* How many there are of a member and of those that may stand in its place. */
static unsigned count_either(const struct dialect_member *member, const struct dialect_member *end,
			     const json_t *json)
{
	unsigned n = 0;

	do
		n += json_object_get(json, member->name) != NULL;
	while (++member < end && member->need == DIALECT_OR);
	return n;
}

/* What is wrong with a member's being there or not, or NULL. */
static const char *check_presence(const struct dialect_member *member,
				  const struct dialect_member *end, const json_t *json)
{
	bool here = json_object_get(json, member->name);
	unsigned n;

	switch (member->need) {
	case DIALECT_OPTIONAL:
	case DIALECT_OR: return NULL;
	case DIALECT_REQUIRED: return here ? NULL : "is missing";
	case DIALECT_EITHER:
		n = count_either(member, end, json);
		return n == 1 ? NULL : n > 1 ? "has a rival" : "is missing";
	case _DIALECT_NEED_MAX: break;
	}
	abort();
}

/* Returns what is wrong, of which *ret_member is the name, or NULL. */
static const char *read_members(const struct dialect_member *members, size_t n, const json_t *json,
				struct dialect_body *body, const char **ret_member)
{
	for (size_t i = 0; i < n; i++) {
		const json_t *value = json_object_get(json, members[i].name);
		const char *why = check_presence(&members[i], members + n, json);

		*ret_member = members[i].name;
		if (!why && value)
			why = read_value(&members[i], value, body);
		if (why)
			return why;
	}
	return NULL;
}

/* The members that open every body. */
static const char *read_head(enum dialect_topic topic, const json_t *json,
			     struct dialect_body *body, const struct dialect_kind **ret_kind,
			     const char **ret_member)
{
	const struct dialect_member id = {
		"id", DIALECT_NAME, DIALECT_REQUIRED, dialect_topics[topic].id, 1, GW_ID_MAX,
	};
	const json_t *v = json_object_get(json, "v");
	const char *kind = json_string_value(json_object_get(json, "kind"));

	*ret_member = "body";
	if (!json_is_object(json))
		return "is no JSON object";

	*ret_member = "v";
	if (!json_is_integer(v) || json_integer_value(v) != DIALECT_VERSION)
		return "is not 1";

	*ret_member = "kind";
	*ret_kind = kind ? dialect_kind_by_name(topic, kind) : NULL;
	if (!*ret_kind)
		return "is unknown here";

	return read_members(&id, 1, json, body, ret_member);
}

static const char *read_body(enum dialect_topic topic, const json_t *json,
			     struct dialect_body *body, const struct dialect_kind **ret_kind,
			     const char **ret_member)
{
	const struct dialect_topic_rule *rule = &dialect_topics[topic];
	const char *why;

	body->msg.type = rule->type;
	why = read_head(topic, json, body, ret_kind, ret_member);
	if (why)
		return why;

	*((uint8_t *)&body->msg + rule->value) = (*ret_kind)->value;
	why = read_members(rule->members, rule->n_members, json, body, ret_member);
	if (!why)
		why = read_members((*ret_kind)->members, (*ret_kind)->n_members, json, body,
				   ret_member);
	return why;
}

static int refuse(struct dialect_error *ret, const struct dialect_kind *kind, const char *member,
		  const char *why)
{
	*ret = (struct dialect_error){ kind ? kind->name : "?", member, why };
	return -EBADMSG;
}

int dialect_read(enum dialect_topic topic, struct gw_blob text, struct dialect_body *ret,
		 struct dialect_error *ret_error)
{
	struct dialect_body body = { .size = text.len };
	const struct dialect_kind *kind = NULL;
	const char *member = "body", *why;
	json_t *json;

	assert(topic > DIALECT_STATUS && topic < _DIALECT_TOPIC_MAX);
	if (text.len > DIALECT_BODY_MAX)
		return refuse(ret_error, /* kind= */ NULL, member, "is too long");

	json = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json)
		return refuse(ret_error, /* kind= */ NULL, member, "is no JSON");
	body.arena = malloc(text.len);
	if (!body.arena) {
		json_decref(json);
		return -ENOMEM;
	}

	why = read_body(topic, json, &body, &kind, &member);
	json_decref(json);
	if (why) {
		dialect_body_done(&body);
		return refuse(ret_error, kind, member, why);
	}

	*ret = body;
	return 0;
}

void dialect_body_done(struct dialect_body *body)
{
	if (body->arena)
		explicit_bzero(body->arena, body->size);
	free(body->arena);
	*body = (struct dialect_body){ 0 };
}

int dialect_read_status_id(struct gw_blob text, char id[GW_ID_MAX + 1])
{
	json_t *json = NULL;
	const char *value;
	int r = -EBADMSG;

	if (text.len > DIALECT_BODY_MAX)
		return r;

	json = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	value = json_string_value(json_object_get(json, "id"));
	if (value && gw_device_id_is_valid(value))
		r = gw_copy(id, GW_ID_MAX + 1, value);
	json_decref(json);
	return r;
}
