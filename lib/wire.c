/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables that say what each message holds, and the one loop that writes and reads them all.
 * Nothing here knows what a message means. Input is hostile: every length is checked against the
 * bytes that are there and against the field's own limit before it is used.
 */
#include "lib/wire.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	KIND_U8,
	KIND_U16,
	KIND_U32,
	KIND_U64,
	KIND_TEXT,  /* one line */
	KIND_LINES, /* a text that may hold line ends */
	KIND_BLOB,
	_KIND_MAX,
};

struct field {
	const char *name;
	enum kind kind;
	size_t offset;
	uint64_t max; /* largest value of a number, largest length of the others */
	size_t min;   /* least length of a blob that is not empty */
};

struct message {
	enum gw_msg_type type;
	const char *name;
	const struct field *fields;
	size_t n_fields;
};

/* One field a line, as a specification reads. */
/* clang-format off */
#define FIELD(message, member, kind, max) \
	{ #member, kind, offsetof(struct gw_msg, message.member), max, 0 }
#define BYTES(message, member, min, max) \
	{ #member, KIND_BLOB, offsetof(struct gw_msg, message.member), max, min }

#define U8(message, member, max)   FIELD(message, member, KIND_U8, max)
#define BOOL(message, member)      FIELD(message, member, KIND_U8, 1)
#define U16(message, member)       FIELD(message, member, KIND_U16, UINT16_MAX)
#define U32(message, member)       FIELD(message, member, KIND_U32, UINT32_MAX)
#define U64(message, member)       FIELD(message, member, KIND_U64, UINT64_MAX)
#define TEXT(message, member, max) FIELD(message, member, KIND_TEXT, max)
#define LINES(message, member, max) FIELD(message, member, KIND_LINES, max)
#define BLOB(message, member, max) BYTES(message, member, 1, max)
#define HASH(message, member)      BYTES(message, member, GW_HASH_LEN, GW_HASH_LEN)

static const struct field hello_fields[] = {
	U16(hello, version_min),
	U16(hello, version_max),
	TEXT(hello, name, GW_NAME_MAX),
	TEXT(hello, program, GW_TEXT_MAX),
	TEXT(hello, library, GW_TEXT_MAX),
};

static const struct field welcome_fields[] = {
	U16(welcome, version),
	TEXT(welcome, gateway, GW_ID_MAX),
	LINES(welcome, settings, GW_SETTINGS_MAX),
};

static const struct field health_fields[] = {
	BOOL(health, ok),
	TEXT(health, text, GW_TEXT_MAX),
};

static const struct field channel_fields[] = {
	U32(channel, channel),
	U8(channel, kind, _GW_CHANNEL_MAX - 1),
	U16(channel, mtu),
	U32(channel, bit_rate),
	TEXT(channel, transport, GW_NAME_MAX),
	TEXT(channel, label, GW_ADDRESS_MAX),
};

static const struct field channel_gone_fields[] = {
	U32(channel_gone, channel),
};

static const struct field offer_fields[] = {
	BOOL(offer, again),
};

static const struct field neighbour_fields[] = {
	BOOL(neighbour, present),
	TEXT(neighbour, address, GW_ADDRESS_MAX),
	TEXT(neighbour, link_address, GW_ADDRESS_MAX),
	TEXT(neighbour, interface, GW_NAME_MAX),
	TEXT(neighbour, vendor, GW_TEXT_MAX),
};

static const struct field secret_query_fields[] = {
	U64(secret_query, session),
	U32(secret_query, channel),
	TEXT(secret_query, identity, GW_ID_MAX),
	TEXT(secret_query, address, GW_ADDRESS_MAX),
};

static const struct field secret_fields[] = {
	U64(secret, session),
	BYTES(secret, secret, GW_SECRET_MIN, GW_SECRET_MAX),
};

static const struct field peer_fields[] = {
	U64(peer, session),
	U32(peer, channel),
	U8(peer, proof, _GW_PROOF_MAX - 1),
	TEXT(peer, identity, GW_ID_MAX),
	TEXT(peer, address, GW_ADDRESS_MAX),
	TEXT(peer, suite, GW_ADDRESS_MAX),
	BLOB(peer, serial, GW_SERIAL_MAX),
	HASH(peer, fingerprint),
	HASH(peer, key),
	HASH(peer, issuer),
};

static const struct field verdict_fields[] = {
	U64(verdict, session),
	U8(verdict, allow, _GW_ALLOW_MAX - 1),
	TEXT(verdict, device, GW_ID_MAX),
	TEXT(verdict, reason, GW_REASON_MAX),
};

static const struct field failed_fields[] = {
	U64(failed, session),
	TEXT(failed, reason, GW_REASON_MAX),
};

static const struct field session_end_fields[] = {
	U64(session_end, session),
	TEXT(session_end, reason, GW_REASON_MAX),
};

static const struct field enroll_fields[] = {
	U64(enroll, session),
	U32(enroll, request),
	BOOL(enroll, renew),
	HASH(enroll, key),
	BLOB(enroll, csr, GW_CSR_MAX),
};

static const struct field enrolled_fields[] = {
	U64(enrolled, session),
	U32(enrolled, request),
	U8(enrolled, outcome, _GW_OUTCOME_MAX - 1),
	U32(enrolled, retry_after_s),
	TEXT(enrolled, reason, GW_REASON_MAX),
	BLOB(enrolled, certificate, GW_CERT_MAX),
	BLOB(enrolled, chain, GW_CHAIN_MAX),
};

static const struct field settings_query_fields[] = {
	U64(settings_query, session),
	U32(settings_query, request),
};

static const struct field settings_fields[] = {
	U64(settings, session),
	U32(settings, request),
	U8(settings, outcome, _GW_OUTCOME_MAX - 1),
	TEXT(settings, reason, GW_REASON_MAX),
	TEXT(settings, device, GW_ID_MAX),
	TEXT(settings, tenant, GW_ID_MAX),
	TEXT(settings, cloud, GW_TEXT_MAX),
	U64(settings, renew_at),
};

static const struct field report_fields[] = {
	U64(report, session),
	U32(report, request),
	BOOL(report, ok),
	TEXT(report, text, GW_TEXT_MAX),
};

static const struct field reported_fields[] = {
	U64(reported, session),
	U32(reported, request),
	U8(reported, outcome, _GW_OUTCOME_MAX - 1),
	TEXT(reported, reason, GW_REASON_MAX),
};

static const struct field wiped_fields[] = {
	U64(wiped, session),
	U32(wiped, request),
};

static const struct field rejected_fields[] = {
	U64(rejected, session),
	TEXT(rejected, reason, GW_REASON_MAX),
};

static const struct field check_fields[] = {
	TEXT(check, job, GW_ID_MAX),
	TEXT(check, device, GW_ID_MAX),
	TEXT(check, tenant, GW_ID_MAX),
	HASH(check, key),
	BLOB(check, certificate, GW_CERT_MAX),
	BLOB(check, chain, GW_CHAIN_MAX),
};

static const struct field checked_fields[] = {
	TEXT(checked, job, GW_ID_MAX),
	BOOL(checked, ok),
	TEXT(checked, reason, GW_REASON_MAX),
	BLOB(checked, serial, GW_SERIAL_MAX),
	HASH(checked, fingerprint),
	U64(checked, not_before),
	U64(checked, not_after),
	HASH(checked, issuer),
};

static const struct field server_csr_fields[] = {
	HASH(server_csr, key),
	BLOB(server_csr, csr, GW_CSR_MAX),
};

static const struct field server_cert_fields[] = {
	HASH(server_cert, key),
	BLOB(server_cert, certificate, GW_CERT_MAX),
	BLOB(server_cert, chain, GW_CHAIN_MAX),
};

static const struct field anchors_fields[] = {
	U8(anchors, purpose, _GW_ANCHORS_MAX - 1),
};

static const struct field crl_fields[] = {
	TEXT(crl, id, GW_ID_MAX),
};

static const struct field crl_checked_fields[] = {
	TEXT(crl_checked, id, GW_ID_MAX),
	BOOL(crl_checked, ok),
	TEXT(crl_checked, text, GW_TEXT_MAX),
	HASH(crl_checked, issuer),
	BLOB(crl_checked, number, GW_SERIAL_MAX),
	U64(crl_checked, this_update),
	U64(crl_checked, next_update),
};

static const struct field issuers_fields[] = {
	BYTES(issuers, issuers, GW_HASH_LEN, GW_ISSUERS_MAX * GW_HASH_LEN),
};

static const struct field clock_fields[] = {
	U64(clock, time),
	BOOL(clock, trusted),
};

static const struct field cloud_state_fields[] = {
	U8(cloud_state, state, _GW_CLOUD_MAX - 1),
	TEXT(cloud_state, text, GW_TEXT_MAX),
};

static const struct field cloud_retry_fields[] = {
	U32(cloud_retry, in_ms),
};

static const struct field credential_fields[] = {
	BOOL(credential, ok),
	TEXT(credential, text, GW_TEXT_MAX),
	U64(credential, not_before),
	U64(credential, not_after),
	U64(credential, ca_not_after),
	U8(credential, source, _GW_CREDENTIAL_MAX - 1),
	U64(credential, renew_at),
	U64(credential, retry_at),
	TEXT(credential, trouble, GW_TEXT_MAX),
};

static const struct field request_fields[] = {
	TEXT(request, job, GW_ID_MAX),
	U8(request, kind, _GW_REQUEST_MAX - 1),
	TEXT(request, device, GW_ID_MAX),
	TEXT(request, tenant, GW_ID_MAX),
	TEXT(request, claim, GW_ID_MAX),
	TEXT(request, of, GW_ID_MAX),
	TEXT(request, method, GW_NAME_MAX),
	TEXT(request, reason, GW_REASON_MAX),
	BLOB(request, serial, GW_SERIAL_MAX),
	HASH(request, key),
	BLOB(request, csr, GW_CSR_MAX),
	BLOB(request, evidence, GW_CSR_MAX),
};

static const struct field request_end_fields[] = {
	TEXT(request_end, job, GW_ID_MAX),
};

static const struct field request_sent_fields[] = {
	TEXT(request_sent, job, GW_ID_MAX),
};

static const struct field answer_fields[] = {
	TEXT(answer, job, GW_ID_MAX),
	U8(answer, outcome, _GW_OUTCOME_MAX - 1),
	U32(answer, retry_after_s),
	U64(answer, time),
	TEXT(answer, reason, GW_REASON_MAX),
	TEXT(answer, text, GW_TEXT_MAX),
	BLOB(answer, certificate, GW_CERT_MAX),
	BLOB(answer, chain, GW_CHAIN_MAX),
	U64(answer, head),
	HASH(answer, mac),
	TEXT(answer, tenant, GW_ID_MAX),
	TEXT(answer, claim, GW_ID_MAX),
};

static const struct field event_fields[] = {
	U64(event, n),
	U64(event, time),
	TEXT(event, event, GW_ID_MAX),
	TEXT(event, device, GW_ID_MAX),
	TEXT(event, who, GW_ID_MAX),
	TEXT(event, reason, GW_REASON_MAX),
	TEXT(event, detail, GW_TEXT_MAX),
	HASH(event, mac),
};

static const struct field events_fields[] = {
	TEXT(events, job, GW_ID_MAX),
	U64(events, first),
	U16(events, count),
	HASH(events, before),
	TEXT(events, broken, GW_REASON_MAX),
};

static const struct field command_fields[] = {
	TEXT(command, id, GW_ID_MAX),
	U64(command, seq),
	U64(command, expires_at),
	U8(command, kind, _GW_COMMAND_MAX - 1),
	TEXT(command, device, GW_ID_MAX),
	TEXT(command, claim, GW_ID_MAX),
	TEXT(command, tenant, GW_ID_MAX),
	U64(command, claim_expires),
	BOOL(command, replace),
	BOOL(command, sealed),
	BLOB(command, secret, GW_SEALED_MAX),
	TEXT(command, reason, GW_REASON_MAX),
	LINES(command, devices, GW_LIST_DEVICES_MAX),
	LINES(command, serials, GW_LIST_SERIALS_MAX),
};

static const struct field command_answer_fields[] = {
	TEXT(command_answer, id, GW_ID_MAX),
	U64(command_answer, seq),
	U8(command_answer, outcome, _GW_OUTCOME_MAX - 1),
	TEXT(command_answer, reason, GW_REASON_MAX),
};

/* clang-format on */

static const struct message messages[] = {
#define X(number, NAME, name) \
	{ GW_MSG_##NAME, #name, name##_fields, sizeof(name##_fields) / sizeof(name##_fields[0]) },
	GW_WIRE_MESSAGES(X)
#undef X
};

static const struct message *find_message(unsigned type)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (messages[i].type == type)
			return &messages[i];
	return NULL;
}

/* --- one field: between struct and value, and what a value may be --- */

struct value {
	uint64_t number;
	struct gw_blob bytes; /* of a text: without the zero byte */
};

static struct value load(const struct gw_msg *msg, const struct field *field)
{
	const void *member = (const uint8_t *)msg + field->offset;
	const char *text;

	switch (field->kind) {
	case KIND_U8: return (struct value){ .number = *(const uint8_t *)member };
	case KIND_U16: return (struct value){ .number = *(const uint16_t *)member };
	case KIND_U32: return (struct value){ .number = *(const uint32_t *)member };
	case KIND_U64: return (struct value){ .number = *(const uint64_t *)member };
	case KIND_TEXT:
	case KIND_LINES:
		text = *(const char *const *)member;
		return (struct value){
			.bytes = { (const uint8_t *)text, text ? strlen(text) : 0 },
		};
	case KIND_BLOB: return (struct value){ .bytes = *(const struct gw_blob *)member };
	case _KIND_MAX: break;
	}
	abort();
}

static void store(struct gw_msg *msg, const struct field *field, struct value value)
{
	void *member = (uint8_t *)msg + field->offset;

	switch (field->kind) {
	case KIND_U8: *(uint8_t *)member = (uint8_t)value.number; return;
	case KIND_U16: *(uint16_t *)member = (uint16_t)value.number; return;
	case KIND_U32: *(uint32_t *)member = (uint32_t)value.number; return;
	case KIND_U64: *(uint64_t *)member = value.number; return;
	case KIND_TEXT:
	case KIND_LINES: *(const char **)member = (const char *)value.bytes.data; return;
	case KIND_BLOB: *(struct gw_blob *)member = value.bytes; return;
	case _KIND_MAX: break;
	}
	abort();
}

static bool is_printable(struct gw_blob text, bool lines)
{
	for (size_t i = 0; i < text.len; i++)
		if ((text.data[i] < 0x20 || text.data[i] > 0x7e) &&
		    !(lines && text.data[i] == '\n'))
			return false;
	return true;
}

/* Both sides ask here, so that nobody sends what the other refuses. NULL: the value may pass. */
static const char *find_fault(const struct field *field, struct value value)
{
	switch (field->kind) {
	case KIND_U8:
	case KIND_U16:
	case KIND_U32:
	case KIND_U64: return value.number > field->max ? "is out of range" : NULL;
	case KIND_TEXT:
	case KIND_LINES:
		if (value.bytes.len > field->max)
			return "is too long";
		return is_printable(value.bytes, field->kind == KIND_LINES) ? NULL
									    : "is not printable";
	case KIND_BLOB:
		if (value.bytes.len > field->max)
			return "is too long";
		return value.bytes.len && value.bytes.len < field->min ? "is too short" : NULL;
	case _KIND_MAX: break;
	}
	abort();
}

/* --- writing --- */

struct writer {
	uint8_t *at, *end;
};

static int put_number(struct writer *w, uint64_t value, size_t width)
{
	uint64_t big = htobe64(value);

	if ((size_t)(w->end - w->at) < width)
		return -EMSGSIZE;

	memcpy(w->at, (const uint8_t *)&big + sizeof(big) - width, width);
	w->at += width;
	return 0;
}

static int put_bytes(struct writer *w, struct gw_blob bytes)
{
	int r = put_number(w, bytes.len, 2);

	if (r < 0)
		return r;
	if ((size_t)(w->end - w->at) < bytes.len)
		return -EMSGSIZE;

	if (bytes.len)
		memcpy(w->at, bytes.data, bytes.len);
	w->at += bytes.len;
	return 0;
}

static int put_text(struct writer *w, struct gw_blob text)
{
	int r = put_bytes(w, text);

	return r < 0 ? r : put_number(w, 0, 1);
}

static int put_field(struct writer *w, const struct field *field, struct value value)
{
	if (find_fault(field, value))
		return -EMSGSIZE;

	switch (field->kind) {
	case KIND_U8: return put_number(w, value.number, 1);
	case KIND_U16: return put_number(w, value.number, 2);
	case KIND_U32: return put_number(w, value.number, 4);
	case KIND_U64: return put_number(w, value.number, 8);
	case KIND_TEXT:
	case KIND_LINES: return put_text(w, value.bytes);
	case KIND_BLOB: return put_bytes(w, value.bytes);
	case _KIND_MAX: break;
	}
	abort();
}

int gw_wire_encode(const struct gw_msg *msg, uint8_t *buf, size_t size, size_t *ret_len)
{
	const struct message *message = find_message(msg->type);
	struct writer w = { buf, buf + size };
	int r;

	if (!message)
		return -EINVAL;

	r = put_number(&w, message->type, 2);
	for (size_t i = 0; r >= 0 && i < message->n_fields; i++)
		r = put_field(&w, &message->fields[i], load(msg, &message->fields[i]));
	if (r < 0)
		return r;

	*ret_len = (size_t)(w.at - buf);
	return 0;
}

/* --- reading --- */

struct reader {
	const uint8_t *at, *end;
};

static const char *get_number(struct reader *r, size_t width, uint64_t *ret)
{
	uint64_t value = 0;

	if ((size_t)(r->end - r->at) < width)
		return "is cut short";

	for (size_t i = 0; i < width; i++)
		value = value << 8 | *r->at++;
	*ret = value;
	return NULL;
}

static const char *get_bytes(struct reader *r, struct gw_blob *ret)
{
	uint64_t len;
	const char *why = get_number(r, 2, &len);

	if (why)
		return why;
	if ((size_t)(r->end - r->at) < len)
		return "is cut short";

	*ret = (struct gw_blob){ r->at, len };
	r->at += len;
	return NULL;
}

/* The zero byte behind a text is part of the message, so that the text can be used where it lies. */
static const char *get_text(struct reader *r, struct gw_blob *ret)
{
	uint64_t zero;
	const char *why = get_bytes(r, ret);

	if (why)
		return why;
	if (get_number(r, 1, &zero) || zero != 0)
		return "does not end in a zero byte";
	return NULL;
}

static const char *get_field(struct reader *r, const struct field *field, struct value *ret)
{
	switch (field->kind) {
	case KIND_U8: return get_number(r, 1, &ret->number);
	case KIND_U16: return get_number(r, 2, &ret->number);
	case KIND_U32: return get_number(r, 4, &ret->number);
	case KIND_U64: return get_number(r, 8, &ret->number);
	case KIND_TEXT:
	case KIND_LINES: return get_text(r, &ret->bytes);
	case KIND_BLOB: return get_bytes(r, &ret->bytes);
	case _KIND_MAX: break;
	}
	abort();
}

static int refuse(struct gw_wire_error *ret, const char *message, const char *field,
		  const char *why)
{
	*ret = (struct gw_wire_error){ message, field, why };
	return -EBADMSG;
}

int gw_wire_decode(const uint8_t *buf, size_t len, struct gw_msg *ret,
		   struct gw_wire_error *ret_error)
{
	struct reader r = { buf, buf + len };
	const struct message *message;
	struct gw_msg msg;
	uint64_t type;

	if (get_number(&r, 2, &type))
		return refuse(ret_error, "message", "type", "is cut short");
	message = find_message((unsigned)type);
	if (!message)
		return refuse(ret_error, "message", "type", "is unknown");

	memset(&msg, 0, sizeof(msg));
	msg.type = message->type;
	for (size_t i = 0; i < message->n_fields; i++) {
		const struct field *field = &message->fields[i];
		struct value value = { 0 };
		const char *why = get_field(&r, field, &value);

		if (!why)
			why = find_fault(field, value);
		if (why)
			return refuse(ret_error, message->name, field->name, why);
		store(&msg, field, value);
	}
	if (r.at != r.end)
		return refuse(ret_error, message->name, "end", "is followed by left-over bytes");

	*ret = msg;
	return 0;
}

const char *gw_wire_name(enum gw_msg_type type)
{
	const struct message *message = find_message(type);

	return message ? message->name : "?";
}

bool gw_wire_has_fd(enum gw_msg_type type)
{
	return type == GW_MSG_CHANNEL || type == GW_MSG_ANCHORS || type == GW_MSG_CRL ||
	       type == GW_MSG_CRL_CHECKED;
}
