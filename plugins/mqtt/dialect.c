/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables of the dialect: for each kind of body the members that it has, where their values lie
 * in a message of the link, and their limits. doc/protocol/cloud/ says the same as schemas; what
 * reads and writes by them is in dialect-read.c and dialect-write.c.
 */
#include "plugins/mqtt/dialect.h"

#include <assert.h>
#include <string.h>

#include "lib/util.h"
#include "plugins/mqtt/dialect-table.h"

/* One member a line, as a specification reads. */
/* clang-format off */
#define AT(field) offsetof(struct gw_msg, field)
#define MEMBER(name, need, type, at, min, max) \
	{ name, DIALECT_##type, DIALECT_##need, at, min, max }

#define NAME(name, need, field)             MEMBER(name, need, NAME, AT(field), 1, GW_ID_MAX)
#define CODE(name, need, field, max)        MEMBER(name, need, CODE, AT(field), 1, max)
#define TEXT(name, need, field, max)        MEMBER(name, need, TEXT, AT(field), 0, max)
#define U64(name, need, field, min) \
	MEMBER(name, need, U64, AT(field), min, DIALECT_INTEGER_MAX)
#define U32(name, need, field, min, max)    MEMBER(name, need, U32, AT(field), min, max)
#define BOOL(name, need, field)             MEMBER(name, need, BOOL, AT(field), 0, 1)
#define HASH(name, need, field) \
	MEMBER(name, need, HEX, AT(field), GW_HASH_LEN, GW_HASH_LEN)
#define SERIAL(name, need, field)           MEMBER(name, need, SERIAL, AT(field), 1, GW_SERIAL_MAX)
#define NAMES(name, need, field)            MEMBER(name, need, NAMES, AT(field), 1, GW_LIST_MAX)
#define SERIALS(name, need, field)          MEMBER(name, need, SERIALS, AT(field), 1, GW_LIST_MAX)
#define BASE64(name, need, field, min, max) MEMBER(name, need, BASE64, AT(field), min, max)
#define BOX(name, need, field, min, max) \
	MEMBER(name, need, BOX, AT(field), (min) + DIALECT_BOX_EXTRA, (max) + DIALECT_BOX_EXTRA)

static const struct dialect_member enroll_members[] = {
	NAME("device", REQUIRED, request.device),
	NAME("tenant", REQUIRED, request.tenant),
	NAME("claim", REQUIRED, request.claim),
	CODE("method", REQUIRED, request.method, GW_NAME_MAX),
	HASH("key", REQUIRED, request.key),
	BASE64("csr", REQUIRED, request.csr, 1, GW_CSR_MAX),
	BASE64("evidence", OPTIONAL, request.evidence, 1, GW_CSR_MAX),
};

static const struct dialect_member renew_members[] = {
	NAME("device", REQUIRED, request.device),
	NAME("tenant", REQUIRED, request.tenant),
	SERIAL("serial", REQUIRED, request.serial),
	HASH("key", REQUIRED, request.key),
	BASE64("csr", REQUIRED, request.csr, 1, GW_CSR_MAX),
	BASE64("evidence", OPTIONAL, request.evidence, 1, GW_CSR_MAX),
};

static const struct dialect_member adopt_members[] = {
	NAME("device", REQUIRED, request.device),
	SERIAL("serial", REQUIRED, request.serial),
	HASH("key", REQUIRED, request.key),
};

static const struct dialect_member proved_members[] = {
	NAME("device", REQUIRED, request.device),
	NAME("claim", REQUIRED, request.claim),
	SERIAL("serial", REQUIRED, request.serial),
};

static const struct dialect_member revoked_members[] = {
	NAME("device", OPTIONAL, request.device),
	SERIAL("serial", EITHER, request.serial),
	NAME("of", OR, request.of),
	CODE("reason", REQUIRED, request.reason, GW_REASON_MAX),
};

static const struct dialect_member suspended_members[] = {
	NAME("device", REQUIRED, request.device),
	CODE("reason", REQUIRED, request.reason, GW_REASON_MAX),
};

static const struct dialect_member resumed_members[] = {
	NAME("device", REQUIRED, request.device),
};

static const struct dialect_member server_cert_members[] = {
	HASH("key", REQUIRED, request.key),
	BASE64("csr", REQUIRED, request.csr, 1, GW_CSR_MAX),
};

static const struct dialect_member provision_members[] = {
	HASH("key", REQUIRED, request.key),
	BASE64("csr", REQUIRED, request.csr, 1, GW_CSR_MAX),
	SERIAL("serial", OPTIONAL, request.serial),
};

static const struct dialect_member provisioned_members[] = {
	SERIAL("serial", REQUIRED, request.serial),
};

static const struct dialect_member response_members[] = {
	U64("time", OPTIONAL, answer.time, 0),
};

static const struct dialect_member issued_members[] = {
	BASE64("certificate", REQUIRED, answer.certificate, 1, GW_CERT_MAX),
	MEMBER("chain", REQUIRED, CHAIN, AT(answer.chain), 0, GW_CHAIN_MAX),
	MEMBER("anchors", OPTIONAL, ANCHORS, 0, 1, GW_ANCHORS_MAX),
	NAME("tenant", OPTIONAL, answer.tenant),
	NAME("claim", OPTIONAL, answer.claim),
};

static const struct dialect_member pending_members[] = {
	U32("retry_after", REQUIRED, answer.retry_after_s, 1, DIALECT_RETRY_AFTER_MAX),
	CODE("reason", OPTIONAL, answer.reason, GW_REASON_MAX),
	TEXT("text", OPTIONAL, answer.text, GW_TEXT_MAX),
};

static const struct dialect_member refused_members[] = {
	CODE("reason", REQUIRED, answer.reason, GW_REASON_MAX),
	TEXT("text", OPTIONAL, answer.text, GW_TEXT_MAX),
	U32("retry_after", OPTIONAL, answer.retry_after_s, 1, DIALECT_RETRY_AFTER_MAX),
	U64("head", OPTIONAL, answer.head, 0),
	HASH("mac", OPTIONAL, answer.mac),
	MEMBER("final", REQUIRED, FINAL, 0, 0, 1), /* judges retry_after, so behind it */
};

static const struct dialect_member done_members[] = {
	U64("head", OPTIONAL, answer.head, 0),
	HASH("mac", OPTIONAL, answer.mac),
};

static const struct dialect_member command_members[] = {
	U64("seq", REQUIRED, command.seq, 1),
	U64("expires_at", REQUIRED, command.expires_at, 0),
};

static const struct dialect_member device_members[] = {
	NAME("device", REQUIRED, command.device),
};

static const struct dialect_member anchors_members[] = {
	MEMBER("anchors", REQUIRED, ANCHORS, 0, 1, GW_ANCHORS_MAX),
};

/* Where they lie: behind the message. */
#define IN_BODY(field) offsetof(struct dialect_body, field)

static const struct dialect_member crl_members[] = {
	MEMBER("digest", REQUIRED, HEX, IN_BODY(crl.digest), GW_HASH_LEN, GW_HASH_LEN),
	MEMBER("part", REQUIRED, U32, IN_BODY(crl.part), 1, DIALECT_PARTS_MAX),
	MEMBER("parts", REQUIRED, U32, IN_BODY(crl.parts), 1, DIALECT_PARTS_MAX),
	MEMBER("crl", REQUIRED, BASE64, IN_BODY(crl.content), 1, DIALECT_PART_MAX),
};

static const struct dialect_member claim_members[] = {
	NAME("device", REQUIRED, command.device),
	NAME("tenant", REQUIRED, command.tenant),
	NAME("claim", REQUIRED, command.claim),
	U64("claim_expires", OPTIONAL, command.claim_expires, 0),
	BOOL("replace", OPTIONAL, command.replace),
	BASE64("secret", EITHER, command.secret, GW_SECRET_MIN, GW_SECRET_MAX),
	BOX("secret_sealed", OR, command.secret, GW_SECRET_MIN, GW_SECRET_MAX),
};

static const struct dialect_member revoke_members[] = {
	NAME("device", EITHER, command.device),
	NAMES("devices", OR, command.devices),
	SERIALS("serials", OR, command.serials),
	CODE("reason", OPTIONAL, command.reason, GW_REASON_MAX),
};

static const struct dialect_member suspend_members[] = {
	NAME("device", EITHER, command.device),
	NAMES("devices", OR, command.devices),
	CODE("reason", OPTIONAL, command.reason, GW_REASON_MAX),
};

static const struct dialect_member resume_members[] = {
	NAME("device", EITHER, command.device),
	NAMES("devices", OR, command.devices),
};

static const struct dialect_member answer_members[] = {
	U64("seq", REQUIRED, command_answer.seq, 1),
};

static const struct dialect_member answer_refused_members[] = {
	CODE("reason", REQUIRED, command_answer.reason, GW_REASON_MAX),
};

#define MEMBERS(array) array, GW_ELEMENTS(array)

const struct dialect_topic_rule dialect_topics[_DIALECT_TOPIC_MAX] = {
	[DIALECT_STATUS] = { "status", 0, 0, 0, NULL, 0 },
	[DIALECT_REQUEST] = {
		"request", GW_MSG_REQUEST, AT(request.job), AT(request.kind),
		NULL, 0,
	},
	[DIALECT_RESPONSE] = {
		"response", GW_MSG_ANSWER, AT(answer.job), AT(answer.outcome),
		MEMBERS(response_members),
	},
	[DIALECT_COMMAND] = {
		"command", GW_MSG_COMMAND, AT(command.id), AT(command.kind),
		MEMBERS(command_members),
	},
	[DIALECT_ANSWER] = {
		"answer", GW_MSG_COMMAND_ANSWER, AT(command_answer.id), AT(command_answer.outcome),
		MEMBERS(answer_members),
	},
	[DIALECT_EVENT] = { "event", GW_MSG_EVENTS, AT(events.job), 0, NULL, 0 },
};

static const struct dialect_kind kinds[] = {
	{ DIALECT_REQUEST, "enroll",      GW_REQUEST_ENROLL,      MEMBERS(enroll_members) },
	{ DIALECT_REQUEST, "renew",       GW_REQUEST_RENEW,       MEMBERS(renew_members) },
	{ DIALECT_REQUEST, "adopt",       GW_REQUEST_ADOPT,       MEMBERS(adopt_members) },
	{ DIALECT_REQUEST, "proved",      GW_REQUEST_PROVED,      MEMBERS(proved_members) },
	{ DIALECT_REQUEST, "revoked",     GW_REQUEST_REVOKED,     MEMBERS(revoked_members) },
	{ DIALECT_REQUEST, "server-cert", GW_REQUEST_SERVER_CERT, MEMBERS(server_cert_members) },
	{ DIALECT_REQUEST, "time",        GW_REQUEST_TIME,        NULL, 0 },
	{ DIALECT_REQUEST, "suspended",   GW_REQUEST_SUSPENDED,   MEMBERS(suspended_members) },
	{ DIALECT_REQUEST, "resumed",     GW_REQUEST_RESUMED,     MEMBERS(resumed_members) },
	{ DIALECT_REQUEST, "provision",   DIALECT_PROVISION,      MEMBERS(provision_members) },
	{ DIALECT_REQUEST, "provisioned", DIALECT_PROVISIONED,    MEMBERS(provisioned_members) },
	{ DIALECT_REQUEST, "relinquished", GW_REQUEST_RELINQUISHED, MEMBERS(provisioned_members) },
	{ DIALECT_REQUEST, "decommissioned", GW_REQUEST_DECOMMISSIONED, MEMBERS(resumed_members) },

	{ DIALECT_RESPONSE, "issued",  GW_OUTCOME_DONE,    MEMBERS(issued_members) },
	{ DIALECT_RESPONSE, "pending", GW_OUTCOME_PENDING, MEMBERS(pending_members) },
	{ DIALECT_RESPONSE, "refused", GW_OUTCOME_REFUSED, MEMBERS(refused_members) },
	{ DIALECT_RESPONSE, "done",    GW_OUTCOME_DONE,    MEMBERS(done_members) },

	{ DIALECT_COMMAND, "claim",    GW_COMMAND_CLAIM,    MEMBERS(claim_members) },
	{ DIALECT_COMMAND, "withdraw", GW_COMMAND_WITHDRAW, MEMBERS(device_members) },
	{ DIALECT_COMMAND, "revoke",   GW_COMMAND_REVOKE,   MEMBERS(revoke_members) },
	{ DIALECT_COMMAND, "suspend",  GW_COMMAND_SUSPEND,  MEMBERS(suspend_members) },
	{ DIALECT_COMMAND, "resume",   GW_COMMAND_RESUME,   MEMBERS(resume_members) },
	{ DIALECT_COMMAND, "moved",    GW_COMMAND_MOVED,    MEMBERS(resume_members) },
	{ DIALECT_COMMAND, "anchors",  GW_COMMAND_ANCHORS,  MEMBERS(anchors_members) },
	{ DIALECT_COMMAND, "crl",      GW_COMMAND_CRL,      MEMBERS(crl_members) },
	{ DIALECT_COMMAND, "decommission", GW_COMMAND_DECOMMISSION, MEMBERS(resume_members) },

	{ DIALECT_ANSWER, "done",    GW_OUTCOME_DONE,    NULL, 0 },
	{ DIALECT_ANSWER, "refused", GW_OUTCOME_REFUSED, MEMBERS(answer_refused_members) },
};
/* clang-format on */

const char *dialect_topic_name(enum dialect_topic topic)
{
	return dialect_topics[topic].name;
}

const struct dialect_kind *dialect_kind_by_name(enum dialect_topic topic, const char *name)
{
	for (size_t i = 0; i < GW_ELEMENTS(kinds); i++)
		if (kinds[i].topic == topic && gw_streq(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

const struct dialect_kind *dialect_kind_by_value(enum dialect_topic topic, uint8_t value)
{
	for (size_t i = 0; i < GW_ELEMENTS(kinds); i++)
		if (kinds[i].topic == topic && kinds[i].value == value)
			return &kinds[i];
	return NULL;
}

static bool is_code(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == 0;
}

const char *dialect_check_text(const struct dialect_member *member, const char *text)
{
	size_t len = strlen(text);

	if (len < member->min)
		return "is empty";
	if (len > member->max)
		return "is too long";
	if (member->type == DIALECT_NAME && !gw_device_id_is_valid(text))
		return "is no id";
	if (member->type == DIALECT_CODE && !is_code(text))
		return "is no code";
	return NULL;
}

const char *dialect_check_blob(const struct dialect_member *member, struct gw_blob blob)
{
	if (blob.len < member->min)
		return "is too short";
	if (blob.len > member->max)
		return "is too long";
	if (member->type == DIALECT_SERIAL && blob.data[0] == 0)
		return "has a leading zero octet";
	return NULL;
}
