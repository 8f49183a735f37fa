/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading by table: for each kind of body the members that it has, their form, and where their
 * values go. One loop checks them all. A body is right as a whole or not at all; what it holds
 * beyond the table is ignored, so that the dialect can grow.
 */
#include "tools/cloud/body.h"

#include <jansson.h>

#include "lib/base64.h"
#include "lib/blob.h"
#include "lib/hex.h"
#include "lib/util.h"

#define VERSION     1
#define NOT_KEPT    SIZE_MAX
#define TIME_MAX    ((1ll << 53) - 1) /* what every JSON reader holds exactly */
#define METHOD_MAX  32
#define VERSION_MAX 256
#define SERIAL_MIN  2

enum form {
	FORM_NAME,   /* [A-Za-z0-9._:-]{1,64} */
	FORM_CODE,   /* [a-z0-9-] */
	FORM_TEXT,   /* printable ASCII */
	FORM_HASH,   /* lower-case hex */
	FORM_SERIAL, /* lower-case hex without leading zero octets */
	FORM_BYTES,  /* base64, into struct body_bytes */
	FORM_KEY,    /* base64 of BODY_KEY_LEN bytes, into an array */
	FORM_TIME,   /* or another number */
	FORM_BOOL,
	_FORM_MAX,
};

enum need {
	OPTIONAL,
	REQUIRED,
	EITHER, /* this one or the next */
};

struct member {
	const char *name;
	enum form form;
	enum need need;
	size_t offset; /* in the struct that is read into */
	size_t max;    /* characters, or bytes of base64 */
};

struct kind {
	const char *name;
	const struct member *members;
	size_t n_members;
};

/* clang-format off */
#define REQUEST_AT(member) offsetof(struct request, member)

static const struct member enroll_members[] = {
	{ "device",   FORM_NAME,   REQUIRED, REQUEST_AT(device), BODY_NAME_MAX },
	{ "tenant",   FORM_NAME,   REQUIRED, REQUEST_AT(tenant), BODY_NAME_MAX },
	{ "claim",    FORM_NAME,   REQUIRED, REQUEST_AT(claim),  BODY_NAME_MAX },
	{ "method",   FORM_CODE,   REQUIRED, NOT_KEPT,           METHOD_MAX },
	{ "key",      FORM_HASH,   REQUIRED, REQUEST_AT(key),    BODY_HASH_LEN },
	{ "csr",      FORM_BYTES,  REQUIRED, REQUEST_AT(csr),    BODY_CSR_MAX },
	{ "evidence", FORM_BYTES,  OPTIONAL, NOT_KEPT,           BODY_CSR_MAX },
};

static const struct member renew_members[] = {
	{ "device",   FORM_NAME,   REQUIRED, REQUEST_AT(device), BODY_NAME_MAX },
	{ "tenant",   FORM_NAME,   REQUIRED, REQUEST_AT(tenant), BODY_NAME_MAX },
	{ "serial",   FORM_SERIAL, REQUIRED, REQUEST_AT(serial), BODY_HEX_MAX },
	{ "key",      FORM_HASH,   REQUIRED, REQUEST_AT(key),    BODY_HASH_LEN },
	{ "csr",      FORM_BYTES,  REQUIRED, REQUEST_AT(csr),    BODY_CSR_MAX },
	{ "evidence", FORM_BYTES,  OPTIONAL, NOT_KEPT,           BODY_CSR_MAX },
};

static const struct member adopt_members[] = {
	{ "device",   FORM_NAME,   REQUIRED, REQUEST_AT(device), BODY_NAME_MAX },
	{ "serial",   FORM_SERIAL, REQUIRED, REQUEST_AT(serial), BODY_HEX_MAX },
	{ "key",      FORM_HASH,   REQUIRED, REQUEST_AT(key),    BODY_HASH_LEN },
};

static const struct member proved_members[] = {
	{ "device",   FORM_NAME,   REQUIRED, REQUEST_AT(device), BODY_NAME_MAX },
	{ "claim",    FORM_NAME,   REQUIRED, REQUEST_AT(claim),  BODY_NAME_MAX },
	{ "serial",   FORM_SERIAL, REQUIRED, REQUEST_AT(serial), BODY_HEX_MAX },
};

static const struct member revoked_members[] = {
	{ "device",   FORM_NAME,   OPTIONAL, REQUEST_AT(device), BODY_NAME_MAX },
	{ "serial",   FORM_SERIAL, EITHER,   REQUEST_AT(serial), BODY_HEX_MAX },
	{ "of",       FORM_NAME,   OPTIONAL, REQUEST_AT(of),     BODY_NAME_MAX },
	{ "reason",   FORM_CODE,   REQUIRED, REQUEST_AT(reason), BODY_CODE_MAX },
};

static const struct member server_members[] = {
	{ "key",      FORM_HASH,   REQUIRED, REQUEST_AT(key),    BODY_HASH_LEN },
	{ "csr",      FORM_BYTES,  REQUIRED, REQUEST_AT(csr),    BODY_CSR_MAX },
};

static const struct member provision_members[] = {
	{ "key",      FORM_HASH,   REQUIRED, REQUEST_AT(key),    BODY_HASH_LEN },
	{ "csr",      FORM_BYTES,  REQUIRED, REQUEST_AT(csr),    BODY_CSR_MAX },
	{ "serial",   FORM_SERIAL, OPTIONAL, REQUEST_AT(serial), BODY_HEX_MAX },
};

static const struct member provisioned_members[] = {
	{ "serial",   FORM_SERIAL, REQUIRED, REQUEST_AT(serial), BODY_HEX_MAX },
};

static const struct member suspended_members[] = {
	{ "device",   FORM_NAME,   REQUIRED, REQUEST_AT(device), BODY_NAME_MAX },
	{ "reason",   FORM_CODE,   REQUIRED, REQUEST_AT(reason), BODY_CODE_MAX },
};

static const struct member resumed_members[] = {
	{ "device",   FORM_NAME,   REQUIRED, REQUEST_AT(device), BODY_NAME_MAX },
};

#define MEMBERS(array) array, GW_ELEMENTS(array)

static const struct kind request_kinds[_REQUEST_KIND_MAX] = {
	[REQUEST_ENROLL]      = { "enroll",      MEMBERS(enroll_members) },
	[REQUEST_PROVED]      = { "proved",      MEMBERS(proved_members) },
	[REQUEST_REVOKED]     = { "revoked",     MEMBERS(revoked_members) },
	[REQUEST_SERVER_CERT] = { "server-cert", MEMBERS(server_members) },
	[REQUEST_TIME]        = { "time",        NULL, 0 },
	[REQUEST_PROVISION]   = { "provision",   MEMBERS(provision_members) },
	[REQUEST_PROVISIONED] = { "provisioned", MEMBERS(provisioned_members) },
	[REQUEST_SUSPENDED]   = { "suspended",   MEMBERS(suspended_members) },
	[REQUEST_RESUMED]     = { "resumed",     MEMBERS(resumed_members) },
	[REQUEST_RENEW]       = { "renew",       MEMBERS(renew_members) },
	[REQUEST_DECOMMISSIONED] = { "decommissioned", MEMBERS(resumed_members) },
	[REQUEST_ADOPT]       = { "adopt",       MEMBERS(adopt_members) },
	[REQUEST_RELINQUISHED] = { "relinquished", MEMBERS(provisioned_members) },
};

static const struct member done_members[] = {
	{ "seq",      FORM_TIME,   REQUIRED, NOT_KEPT, 0 },
};

static const struct member refused_members[] = {
	{ "seq",      FORM_TIME,   REQUIRED, NOT_KEPT, 0 },
	{ "reason",   FORM_CODE,   REQUIRED, offsetof(struct answer, reason), BODY_CODE_MAX },
};

#define ANSWER_DONE 0

static const struct kind answer_kinds[] = {
	[ANSWER_DONE] = { "done",    MEMBERS(done_members) },
	                { "refused", MEMBERS(refused_members) },
};

#define EVENT_AT(member)  offsetof(struct event, member)
#define EVENTS_AT(member) offsetof(struct events, member)

static const struct member events_members[] = {
	{ "first",    FORM_TIME,   REQUIRED, EVENTS_AT(first),   0 },
	{ "before",   FORM_HASH,   REQUIRED, EVENTS_AT(before),  BODY_HASH_LEN },
	{ "broken",   FORM_CODE,   OPTIONAL, EVENTS_AT(broken),  BODY_CODE_MAX },
};

static const struct kind events_kinds[] = {
	{ "events", MEMBERS(events_members) },
};

static const struct member event_members[] = {
	{ "n",        FORM_TIME,   REQUIRED, EVENT_AT(n),        0 },
	{ "time",     FORM_TIME,   REQUIRED, EVENT_AT(time),     0 },
	{ "event",    FORM_CODE,   REQUIRED, EVENT_AT(event),    BODY_NAME_MAX },
	{ "device",   FORM_TEXT,   OPTIONAL, EVENT_AT(device),   BODY_NAME_MAX },
	{ "who",      FORM_TEXT,   OPTIONAL, EVENT_AT(who),      BODY_NAME_MAX },
	{ "reason",   FORM_CODE,   OPTIONAL, EVENT_AT(reason),   BODY_CODE_MAX },
	{ "detail",   FORM_TEXT,   OPTIONAL, EVENT_AT(detail),   BODY_TEXT_MAX },
	{ "mac",      FORM_HASH,   REQUIRED, EVENT_AT(mac),      BODY_HASH_LEN },
};

static const struct kind event_kind = { "event", MEMBERS(event_members) };

static const struct member status_members[] = {
	{ "online",   FORM_BOOL,   REQUIRED, offsetof(struct status, online), 0 },
	{ "version",  FORM_TEXT,   REQUIRED, NOT_KEPT, VERSION_MAX },
	{ "since",    FORM_TIME,   REQUIRED, NOT_KEPT, 0 },
	{ "box_key",  FORM_KEY,    OPTIONAL, offsetof(struct status, box_key), BODY_KEY_LEN },
};

static const struct kind status_kinds[] = {
	{ "status", MEMBERS(status_members) },
};
/* clang-format on */

const char *body_request_name(enum request_kind kind)
{
	return request_kinds[kind].name;
}

static int invalid(struct body_error *ret_error, const char *member, const char *why)
{
	*ret_error = (struct body_error){ member, why };
	return -EBADMSG;
}

static bool consists_of(const char *text, const char *characters)
{
	return text[strspn(text, characters)] == 0;
}

static const char *check_text(const struct member *member, const char *text)
{
	size_t len = strlen(text);

	if (len == 0)
		return "is empty";
	if (len > member->max)
		return "is too long";

	switch (member->form) {
	case FORM_NAME: return gw_device_id_is_valid(text) ? NULL : "is no id";
	case FORM_CODE:
		return consists_of(text, "abcdefghijklmnopqrstuvwxyz0123456789-") ? NULL
										  : "is no code";
	case FORM_TEXT: return gw_is_printable(text) ? NULL : "is not printable";
	case FORM_HASH:
		return len == member->max && consists_of(text, "0123456789abcdef")
			       ? NULL
			       : "is no SHA-256 in hex";
	case FORM_SERIAL:
		return len % 2 == 0 && consists_of(text, "0123456789abcdef") &&
				       memcmp(text, "00", SERIAL_MIN) != 0
			       ? NULL
			       : "is no serial number in hex";
	case FORM_BYTES:
	case FORM_KEY:
	case FORM_TIME:
	case FORM_BOOL:
	case _FORM_MAX: break;
	}
	return "is no text";
}

static const char *read_text(const struct member *member, json_t *value, char *at)
{
	const char *text = json_string_value(value), *why;

	if (!text)
		return "is no text";

	why = check_text(member, text);
	if (why)
		return why;

	if (at)
		(void)gw_copy(at, member->max + 1, text);
	return NULL;
}

static const char *read_base64(const struct member *member, json_t *value, uint8_t *at,
			       size_t *ret_len)
{
	const char *text = json_string_value(value);
	uint8_t scratch[BODY_CSR_MAX];
	int r;

	if (!text)
		return "is no text";

	r = gw_base64_decode(text, json_string_length(value), at ?: scratch, member->max, ret_len);
	if (r == -ENOSPC)
		return "is too long";
	if (r < 0)
		return "is no base64";
	return *ret_len ? NULL : "is empty";
}

static const char *read_number(json_t *value, uint64_t *at)
{
	if (!json_is_integer(value))
		return "is no whole number";
	if (json_integer_value(value) < 0 || json_integer_value(value) > TIME_MAX)
		return "is out of range";
	if (at)
		*at = (uint64_t)json_integer_value(value);
	return NULL;
}

static const char *read_value(const struct member *member, json_t *value, uint8_t *at)
{
	struct body_bytes *bytes = (struct body_bytes *)(void *)at;
	const char *why;
	size_t len = 0;

	switch (member->form) {
	case FORM_NAME:
	case FORM_CODE:
	case FORM_TEXT:
	case FORM_HASH:
	case FORM_SERIAL: return read_text(member, value, (char *)at);
	case FORM_BYTES:
		return read_base64(member, value, bytes ? bytes->data : NULL,
				   bytes ? &bytes->len : &len);
	case FORM_KEY:
		why = read_base64(member, value, at, &len);
		return why || len == member->max ? why : "is too short";
	case FORM_TIME: return read_number(value, (uint64_t *)(void *)at);
	case FORM_BOOL:
		if (!json_is_boolean(value))
			return "is neither true nor false";
		if (at)
			*(bool *)(void *)at = json_is_true(value);
		return NULL;
	case _FORM_MAX: break;
	}
	return "is of no known form";
}

static int read_members(json_t *body, const struct kind *kind, void *ret,
			struct body_error *ret_error)
{
	for (size_t i = 0; i < kind->n_members; i++) {
		const struct member *member = &kind->members[i];
		json_t *value = json_object_get(body, member->name);
		uint8_t *at = member->offset == NOT_KEPT ? NULL : (uint8_t *)ret + member->offset;
		bool other =
			member->need == EITHER && json_object_get(body, kind->members[i + 1].name);
		const char *why;

		if (value && other)
			return invalid(ret_error, member->name, "excludes the one beside it");
		if (!value && (member->need == OPTIONAL || other))
			continue;

		why = value ? read_value(member, value, at) : "is missing";
		if (why)
			return invalid(ret_error, member->name, why);
	}
	return 0;
}

static int read_kind(json_t *body, const struct kind *kinds, size_t n_kinds, size_t *ret,
		     struct body_error *ret_error)
{
	const char *name = json_string_value(json_object_get(body, "kind"));

	for (size_t i = 0; name && i < n_kinds; i++) {
		if (gw_streq(name, kinds[i].name)) {
			*ret = i;
			return 0;
		}
	}
	return invalid(ret_error, "kind", "is none of this topic");
}

static int read_head(json_t *body, char id[BODY_NAME_MAX + 1], struct body_error *ret_error)
{
	static const struct member member = { "id", FORM_NAME, REQUIRED, 0, BODY_NAME_MAX };
	json_t *version = json_object_get(body, "v"), *value = json_object_get(body, "id");
	const char *why;

	if (!json_is_object(body))
		return invalid(ret_error, "body", "is no object");
	if (!json_is_integer(version) || json_integer_value(version) != VERSION)
		return invalid(ret_error, "v", "is not 1");

	why = value ? read_text(&member, value, id) : "is missing";
	return why ? invalid(ret_error, "id", why) : 0;
}

static void json_freep(json_t **value)
{
	json_decref(*value);
}

static int parse(struct gw_blob text, json_t **ret, struct body_error *ret_error)
{
	json_error_t error;

	if (text.len > BODY_MAX)
		return invalid(ret_error, "body", "is too long");

	*ret = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &error);
	return *ret ? 0 : invalid(ret_error, "body", "is no JSON");
}

static int read_object(json_t *body, const struct kind *kinds, size_t n_kinds, char *id,
		       size_t *ret_kind, void *ret, struct body_error *ret_error)
{
	int r;

	r = read_head(body, id, ret_error);
	if (r >= 0)
		r = read_kind(body, kinds, n_kinds, ret_kind, ret_error);
	if (r < 0)
		return r;
	return read_members(body, &kinds[*ret_kind], ret, ret_error);
}

static int read_body(struct gw_blob text, const struct kind *kinds, size_t n_kinds, char *id,
		     size_t *ret_kind, void *ret, struct body_error *ret_error)
{
	_cleanup_(json_freep) json_t *body = NULL;
	int r = parse(text, &body, ret_error);

	return r < 0 ? r : read_object(body, kinds, n_kinds, id, ret_kind, ret, ret_error);
}

int body_read_request(struct gw_blob text, struct request *ret, struct body_error *ret_error)
{
	size_t kind = 0;
	int r;

	*ret = (struct request){ 0 };
	r = read_body(text, request_kinds, GW_ELEMENTS(request_kinds), ret->id, &kind, ret,
		      ret_error);
	ret->kind = (enum request_kind)kind;
	return r;
}

int body_read_answer(struct gw_blob text, struct answer *ret, struct body_error *ret_error)
{
	size_t kind = 0;
	int r;

	*ret = (struct answer){ 0 };
	r = read_body(text, answer_kinds, GW_ELEMENTS(answer_kinds), ret->id, &kind, ret,
		      ret_error);
	ret->done = kind == ANSWER_DONE;
	return r;
}

/* The numbers have no gap, so that what was dropped on the way shows here already. */
static int read_list(json_t *list, struct events *events, struct body_error *ret_error)
{
	if (!json_is_array(list))
		return invalid(ret_error, "events", "is no list");
	if (json_array_size(list) > BODY_EVENTS_MAX)
		return invalid(ret_error, "events", "is too long");
	if (!events->first)
		return invalid(ret_error, "first", "is out of range");

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *one = json_array_get(list, i);
		int r = json_is_object(one)
				? read_members(one, &event_kind, &events->events[i], ret_error)
				: invalid(ret_error, "events", "has something that is no object");

		if (r < 0)
			return r;
		if (events->events[i].n != events->first + i)
			return invalid(ret_error, "n", "does not follow the one before");
	}
	events->n_events = json_array_size(list);
	return 0;
}

int body_read_events(struct gw_blob text, struct events *ret, struct body_error *ret_error)
{
	_cleanup_(json_freep) json_t *body = NULL;
	size_t kind = 0;
	int r;

	*ret = (struct events){ 0 };
	r = parse(text, &body, ret_error);
	if (r >= 0)
		r = read_object(body, events_kinds, GW_ELEMENTS(events_kinds), ret->id, &kind, ret,
				ret_error);
	return r < 0 ? r : read_list(json_object_get(body, "events"), ret, ret_error);
}

int body_read_status(struct gw_blob text, struct status *ret, struct body_error *ret_error)
{
	static const uint8_t none[BODY_KEY_LEN];
	char id[BODY_NAME_MAX + 1];
	size_t kind;
	int r;

	*ret = (struct status){ 0 };
	r = read_body(text, status_kinds, GW_ELEMENTS(status_kinds), id, &kind, ret, ret_error);
	ret->has_box_key = memcmp(ret->box_key, none, BODY_KEY_LEN) != 0;
	return r;
}
