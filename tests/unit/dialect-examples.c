/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The good ones, which the tests of the dialect begin with: they are read as they stand, and spoilt member by
 * member. New kinds go before the last three, which are counted from the end.
 */
#include "tests/unit/dialect-examples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "lib/util.h"
#include "lib/wire.h"

#define BOX_64                                                                                     \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
	"AAAAAAAA"                                                                                 \
	"AAAAAAAAAA=="

const struct dialect_example dialect_examples[] = {
	{ DIALECT_REQUEST,
	  "{\"v\":1,\"kind\":\"enroll\",\"id\":\"job-1\",\"device\":\"ACME-1\",\"tenant\":"
	  "\"default\","
	  "\"claim\":\"c-1\",\"method\":\"qr\",\"key\":\"" DIALECT_KEY
	  "\",\"csr\":\"MGNzcg==\",\"evidence\":\"AA==\"}",
	  { "evidence" } },
	{ DIALECT_REQUEST,
	  "{\"v\":1,\"kind\":\"proved\",\"id\":\"job-1\",\"device\":\"ACME-1\",\"claim\":\"c-1\","
	  "\"serial\":\"7a01\"}",
	  { NULL } },
	{ DIALECT_REQUEST,
	  "{\"v\":1,\"kind\":\"revoked\",\"id\":\"job-1\",\"device\":\"ACME-1\",\"serial\":"
	  "\"7a01\","
	  "\"reason\":\"superseded\"}",
	  { "device" } },
	{ DIALECT_REQUEST,
	  "{\"v\":1,\"kind\":\"server-cert\",\"id\":\"job-1\",\"key\":\"" DIALECT_KEY
	  "\",\"csr\":\"MGNzcg==\"}",
	  { NULL } },
	{ DIALECT_RESPONSE,
	  "{\"v\":1,\"kind\":\"issued\",\"id\":\"job-1\",\"time\":1790000000,\"certificate\":"
	  "\"AAEC\","
	  "\"chain\":[\"AwQ=\",\"BQ==\"],\"anchors\":{\"device\":[\"Bg==\",\"Bwg=\"],"
	  "\"registrar\":[\"CQ==\"]}}",
	  { "time", "anchors" } },
	{ DIALECT_RESPONSE,
	  "{\"v\":1,\"kind\":\"pending\",\"id\":\"job-1\",\"time\":7,\"retry_after\":30,"
	  "\"reason\":\"busy\",\"text\":\"come back\"}",
	  { "time", "reason", "text" } },
	{ DIALECT_RESPONSE,
	  "{\"v\":1,\"kind\":\"refused\",\"id\":\"job-1\",\"time\":7,\"reason\":\"live-elsewhere\","
	  "\"text\":\"at gw-2\",\"retry_after\":30,\"final\":true}",
	  { "time", "text", "retry_after" } },
	{ DIALECT_RESPONSE, "{\"v\":1,\"kind\":\"done\",\"id\":\"job-1\",\"time\":7}", { "time" } },
	{ DIALECT_COMMAND,
	  "{\"v\":1,\"kind\":\"claim\",\"id\":\"cmd-1\",\"seq\":12,\"expires_at\":1790003600,"
	  "\"device\":\"ACME-1\",\"tenant\":\"default\",\"claim\":\"fleet-77\",\"claim_expires\":5,"
	  "\"replace\":true,\"secret_sealed\":\"" BOX_64 "\"}",
	  { "claim_expires", "replace" } },
	{ DIALECT_COMMAND,
	  "{\"v\":1,\"kind\":\"claim\",\"id\":\"cmd-1\",\"seq\":12,\"expires_at\":0,"
	  "\"device\":\"ACME-1\",\"tenant\":\"default\",\"claim\":\"fleet-77\",\"secret\":"
	  "\"" DIALECT_SECRET "\"}",
	  { NULL } },
	{ DIALECT_COMMAND,
	  "{\"v\":1,\"kind\":\"withdraw\",\"id\":\"cmd-1\",\"seq\":13,\"expires_at\":0,"
	  "\"device\":\"ACME-1\"}",
	  { NULL } },
	{ DIALECT_COMMAND,
	  "{\"v\":1,\"kind\":\"revoke\",\"id\":\"cmd-1\",\"seq\":14,\"expires_at\":0,"
	  "\"device\":\"ACME-1\",\"reason\":\"stolen\"}",
	  { "reason" } },
	{ DIALECT_ANSWER, "{\"v\":1,\"kind\":\"done\",\"id\":\"cmd-1\",\"seq\":12}", { NULL } },
	{ DIALECT_ANSWER,
	  "{\"v\":1,\"kind\":\"refused\",\"id\":\"cmd-1\",\"seq\":12,\"reason\":\"already-"
	  "claimed\"}",
	  { NULL } },
	{ DIALECT_REQUEST,
	  "{\"v\":1,\"kind\":\"revoked\",\"id\":\"job-1\",\"device\":\"ACME-1\","
	  "\"of\":\"job-0\",\"reason\":\"superseded\"}",
	  { "device" } },
	{ DIALECT_REQUEST, "{\"v\":1,\"kind\":\"time\",\"id\":\"job-1\"}", { NULL } },
	{ DIALECT_COMMAND,
	  "{\"v\":1,\"kind\":\"anchors\",\"id\":\"cmd-1\",\"seq\":15,\"expires_at\":0,"
	  "\"anchors\":{\"device\":[\"MAE=\",\"MAI=\"],\"registrar\":[\"MAM=\"]}}",
	  { NULL } },
	{ DIALECT_COMMAND,
	  "{\"v\":1,\"kind\":\"revoke\",\"id\":\"cmd-1\",\"seq\":16,\"expires_at\":0,"
	  "\"devices\":[\"ACME-1\",\"ACME:2\"],\"reason\":\"stolen\"}",
	  { "reason" } },
	{ DIALECT_COMMAND,
	  "{\"v\":1,\"kind\":\"revoke\",\"id\":\"cmd-1\",\"seq\":16,\"expires_at\":0,"
	  "\"serials\":[\"0a1b\",\"15\"]}",
	  { NULL } },
	{ DIALECT_COMMAND,
	  "{\"v\":1,\"kind\":\"crl\",\"id\":\"cmd-1\",\"seq\":16,\"expires_at\":0,"
	  "\"digest\":\"" DIALECT_KEY "\",\"part\":1,\"parts\":2,\"crl\":\"MAE=\"}",
	  { NULL } },
};

const size_t n_dialect_examples = GW_ELEMENTS(dialect_examples);

int dialect_example_read(enum dialect_topic topic, const char *text, struct dialect_body *ret,
			 struct dialect_error *ret_error)
{
	struct gw_blob blob = { (const uint8_t *)text, strlen(text) };

	return dialect_read(topic, blob, ret, ret_error);
}

struct dialect_body dialect_example_good(enum dialect_topic topic, const char *text)
{
	static uint8_t buf[GW_WIRE_MAX];
	struct dialect_body body;
	struct dialect_error error;
	size_t len;

	assert_int_equal(dialect_example_read(topic, text, &body, &error), 0);
	assert_int_equal(gw_wire_encode(&body.msg, buf, sizeof(buf), &len), 0);
	return body;
}

void dialect_assert_good(enum dialect_topic topic, const char *text)
{
	struct dialect_body body = dialect_example_good(topic, text);

	dialect_body_done(&body);
}

void dialect_assert_bad(enum dialect_topic topic, const char *text, const char *member)
{
	struct dialect_body body;
	struct dialect_error error = { 0 };

	if (dialect_example_read(topic, text, &body, &error) != -EBADMSG)
		fail_msg("accepted: %s", text);
	assert_non_null(error.kind);
	assert_non_null(error.why);
	if (member && strcmp(error.member, member) != 0)
		fail_msg("blames '%s', not '%s': %s", error.member, member, text);
}
