/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a conversation gives to whom: every resource, method and peer, the forms that it comes in, and options. Its
 * tests have one bench (conversation-bench.h); enrolment, blocks and limits have files of their own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "conversation-bench.h"
#include "lib/coap.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "openssl.h"
#include "plugins/registrar/conversation.h"
#include "plugins/registrar/exchange.h"

/* --- who may what --- */

static void every_resource_method_and_peer(void **state)
{
	static const struct {
		const char *path;
		uint8_t method;
		bool by_psk;
		bool asks;
	} cases[] = {
		{ CORE, GW_COAP_GET, true, false },   { CRTS, GW_COAP_GET, true, false },
		{ ATT, GW_COAP_GET, true, false },    { SEN, GW_COAP_POST, true, true },
		{ SREN, GW_COAP_POST, false, true },  { ES, GW_COAP_POST, true, true },
		{ CONFIG, GW_COAP_GET, false, true },
	};
	static const char report[] = "{\"version\":1,\"status\":true}";

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		for (uint8_t method = 1; method < 32; method++) {
			for (int by_certificate = 0; by_certificate < 2; by_certificate++) {
				struct bench *b =
					by_certificate ? bench_certificate() : bench_psk();
				struct asking a = asking_for(b, method, cases[i].path);
				bool may = by_certificate || cases[i].by_psk;

				if (method == GW_COAP_POST)
					a.msg.payload =
						gw_streq(cases[i].path, ES)
							? (struct gw_blob){ (const uint8_t *)report,
									    strlen(report) }
							: csr;
				say(b, &a.msg);
				if (method != cases[i].method) {
					hear_code(b, GW_COAP_NOT_ALLOWED);
				} else if (!may) {
					hear_code(b, GW_COAP_FORBIDDEN);
				} else if (cases[i].asks) {
					assert_int_equal(b->n_asked, 1);
					b->n_heard++;
				} else {
					hear_code(b, GW_COAP_CONTENT);
				}
				bench_free(b);
			}
		}
	}
}

static void unknown_paths(void **state)
{
	static const char *const paths[] = { "", "a/b/c/d/e/f/g/h", "a/b/c/d/e/f/g/h/i",
					     ".well-known/est/skg" };
	struct bench *b = bench_psk();

	for (size_t i = 0; i < GW_ELEMENTS(paths); i++) {
		struct asking a = asking_for(b, GW_COAP_GET, paths[i]);

		say(b, &a.msg);
		hear_code(b, GW_COAP_NOT_FOUND);
	}

	/* RFC 7252 5.8: what method it is comes first */
	for (uint8_t method = GW_COAP_POST + 1; method < 32; method++) {
		struct asking a = asking_for(b, method, "nowhere");

		say(b, &a.msg);
		hear_code(b, GW_COAP_NOT_ALLOWED);
	}
	bench_free(b);
}

/* --- content formats --- */

static void formats_of_requests(void **state)
{
	static const struct {
		const char *path;
		int format;
		bool good;
	} cases[] = {
		{ SEN, -1, true },
		{ SEN, 286, true },
		{ SEN, 0, false },
		{ SEN, 281, false },
		{ SEN, 50, false },
		{ ES, -1, true },
		{ ES, 50, true },
		{ ES, 60, false },
		{ ES, 0, false },
		{ SREN, 286, true },
		{ SREN, 65535, false },
		{ SEN, 65536, true }, /* three bytes are no content format, so it is not told */
	};
	static const char report[] = "{\"version\":1,\"status\":false}";

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct bench *b = bench_certificate();
		struct asking a = asking_for(b, GW_COAP_POST, cases[i].path);

		a.msg.payload = csr;
		if (gw_streq(cases[i].path, ES))
			a.msg.payload = (struct gw_blob){ (const uint8_t *)report, strlen(report) };
		if (cases[i].format >= 0)
			with(&a, GW_COAP_CONTENT_FORMAT, (uint32_t)cases[i].format);
		say(b, &a.msg);
		if (cases[i].good)
			assert_int_equal(++b->n_heard, b->n_asked);
		else
			hear_code(b, GW_COAP_BAD_FORMAT);
		bench_free(b);
	}
}

static void formats_of_answers(void **state)
{
	static const struct {
		const char *path;
		int accept, format; /* -1: refused */
	} cases[] = {
		{ CORE, 40, 40 },  { CORE, 0, -1 },   { CRTS, 281, 281 }, { CRTS, 287, 287 },
		{ CRTS, 286, -1 }, { ATT, 285, 285 }, { ATT, 281, -1 },   { CORE, -1, 40 },
		{ CRTS, -1, 281 }, { ATT, -1, 285 },
	};
	struct bench *b = bench_psk();

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct asking a = asking_for(b, GW_COAP_GET, cases[i].path);
		struct gw_coap msg;

		if (cases[i].accept >= 0)
			with(&a, GW_COAP_ACCEPT, (uint32_t)cases[i].accept);
		say(b, &a.msg);
		if (cases[i].format < 0) {
			hear_code(b, GW_COAP_NOT_ACCEPTABLE);
			continue;
		}
		msg = hear_code(b, GW_COAP_CONTENT);
		assert_int_equal(option(&msg, GW_COAP_CONTENT_FORMAT), cases[i].format);
		if (cases[i].format == 287)
			assert_true(gw_blob_equal(msg.payload, issuer));
	}
	bench_free(b);
}

static void two_anchors_are_no_single_certificate(void **state)
{
	struct gw_blob anchors[] = { certificate, issuer };
	struct bench *b = bench_psk();
	struct asking a = asking_for(b, GW_COAP_GET, CRTS);
	struct gw_coap msg;

	b->facts.anchors = anchors;
	b->facts.n_anchors = 2;
	say(b, &a.msg);
	msg = hear_code(b, GW_COAP_CONTENT);
	assert_pkcs7(msg.payload);

	a = asking_for(b, GW_COAP_GET, CRTS);
	with(&a, GW_COAP_ACCEPT, 287);
	say(b, &a.msg);
	msg = hear_code(b, GW_COAP_NOT_ACCEPTABLE);
	assert_text(&msg, "more than one certificate: ask for 281");
	bench_free(b);
}

static void without_anchors_later(void **state)
{
	struct bench *b = bench_psk();
	struct asking a = asking_for(b, GW_COAP_GET, CRTS);
	struct gw_coap msg;

	b->facts.n_anchors = 0;
	say(b, &a.msg);
	msg = hear_code(b, GW_COAP_UNAVAILABLE);
	assert_int_equal(option(&msg, GW_COAP_MAX_AGE), 10);
	bench_free(b);
}

/* --- options --- */

static void critical_options(void **state)
{
	static const struct {
		uint16_t number;
		size_t len;
		bool good;
	} cases[] = {
		{ GW_COAP_IF_MATCH, 4, false },
		{ GW_COAP_URI_HOST, 9, true },
		{ GW_COAP_URI_HOST, 0, false },
		{ GW_COAP_URI_HOST, 256, false },
		{ GW_COAP_ETAG, 4, true },
		{ 5, 0, false }, /* If-None-Match */
		{ GW_COAP_OBSERVE, 0, true },
		{ GW_COAP_URI_PORT, 2, true },
		{ GW_COAP_URI_PORT, 3, false },
		{ 9, 2, false },                     /* OSCORE */
		{ GW_COAP_CONTENT_FORMAT, 3, true }, /* a wrong length, but not critical */
		{ GW_COAP_MAX_AGE, 4, true },
		{ GW_COAP_URI_QUERY, 255, true },
		{ GW_COAP_URI_QUERY, 256, false },
		{ 16, 1, true }, /* Hop-Limit */
		{ GW_COAP_ACCEPT, 3, false },
		{ GW_COAP_BLOCK2, 4, false },
		{ GW_COAP_SIZE2, 4, true },
		{ 258, 1, true }, /* No-Response */
		{ 65000, 3, true },
		{ 65001, 3, false },
	};
	static const uint8_t zeros[256];
	struct gw_coap msg;

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct bench *b = bench_psk();
		struct asking a = asking_for(b, GW_COAP_GET, ATT);

		assert_int_equal(gw_coap_add(&a.msg, cases[i].number,
					     (struct gw_blob){ zeros, cases[i].len }),
				 0);
		say(b, &a.msg);
		msg = hear_code(b, cases[i].good ? GW_COAP_CONTENT : GW_COAP_BAD_OPTION);
		assert_null(gw_coap_find(&msg, GW_COAP_OBSERVE));

		/* RFC 7252 5.4.1: a NON is rejected instead of answered */
		a.msg.type = GW_COAP_NON;
		a.msg.id++;
		say(b, &a.msg);
		msg = hear(b);
		assert_int_equal(msg.type, cases[i].good ? GW_COAP_NON : GW_COAP_RST);
		bench_free(b);
	}
}

static void options_that_come_twice(void **state)
{
	static const struct {
		uint16_t number;
		bool good;
	} cases[] = { { GW_COAP_ACCEPT, false },
		      { GW_COAP_BLOCK2, false },
		      { GW_COAP_URI_HOST, false },
		      { GW_COAP_URI_QUERY, true },
		      { GW_COAP_SIZE2, true } };

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct bench *b = bench_psk();
		struct asking a = asking_for(b, GW_COAP_GET, ATT);
		uint32_t value = cases[i].number == GW_COAP_ACCEPT ? 285 : 1;

		with(&a, cases[i].number, value);
		with(&a, cases[i].number, value);
		say(b, &a.msg);
		hear_code(b, cases[i].good ? GW_COAP_CONTENT : GW_COAP_BAD_OPTION);
		bench_free(b);
	}
}

static void no_proxy(void **state)
{
	static const uint16_t options[] = { GW_COAP_PROXY_URI, GW_COAP_PROXY_SCHEME };
	static const enum gw_coap_type types[] = { GW_COAP_CON, GW_COAP_NON };
	static const char uri[] = "coap://elsewhere/";
	struct bench *b = bench_psk();
	struct gw_coap msg;

	for (size_t i = 0; i < GW_ELEMENTS(options); i++) {
		for (size_t t = 0; t < GW_ELEMENTS(types); t++) {
			struct asking a = asking_for(b, GW_COAP_GET, ATT);

			a.msg.type = types[t];
			assert_int_equal(
				gw_coap_add(&a.msg, options[i],
					    (struct gw_blob){ (const uint8_t *)uri, strlen(uri) }),
				0);
			say(b, &a.msg);
			msg = hear(b);
			assert_int_equal(msg.code, GW_COAP_NO_PROXY);
			assert_int_equal(msg.type,
					 types[t] == GW_COAP_CON ? GW_COAP_ACK : GW_COAP_NON);
		}
	}
	bench_free(b);
}

static void malformed_blocks(void **state)
{
	struct bench *b = bench_psk();
	struct asking a = asking_for(b, GW_COAP_GET, ATT);

	with(&a, GW_COAP_BLOCK2, 7); /* the reserved size */
	say(b, &a.msg);
	hear_code(b, GW_COAP_BAD_REQUEST);

	a = asking_for(b, GW_COAP_GET, ATT);
	with_block(&a, GW_COAP_BLOCK1, 0, false, 64); /* nothing takes a body here */
	say(b, &a.msg);
	hear_code(b, GW_COAP_BAD_OPTION);
	bench_free(b);
}

/* --- reports and settings --- */

static void a_report(void **state)
{
	static const char report[] = "{\"version\":1,\"status\":false,\"reason\":\"no\"}";
	struct bench *b = bench_psk();
	struct asking a = asking_for(b, GW_COAP_POST, ES);
	struct gw_msg question;
	struct gw_coap msg;

	a.msg.payload = (struct gw_blob){ (const uint8_t *)report, strlen(report) };
	say(b, &a.msg);
	question = heard(b, GW_MSG_REPORT);
	assert_int_equal(question.report.ok, 0);
	assert_string_equal(question.report.text, "no");
	answer(b, &(struct gw_msg){ .type = GW_MSG_REPORTED,
				    .reported.request = question.report.request });
	msg = hear_code(b, GW_COAP_CHANGED);
	assert_int_equal(msg.payload.len, 0);

	a = asking_for(b, GW_COAP_POST, ES);
	a.msg.payload = (struct gw_blob){ (const uint8_t *)report, 5 };
	say(b, &a.msg);
	hear_code(b, GW_COAP_BAD_REQUEST);

	a = asking_for(b, GW_COAP_POST, ES);
	a.msg.payload = (struct gw_blob){ (const uint8_t *)report, strlen(report) };
	say(b, &a.msg);
	answer(b, &(struct gw_msg){ .type = GW_MSG_REPORTED,
				    .reported = { .request = heard(b, GW_MSG_REPORT).report.request,
						  .outcome = GW_OUTCOME_REFUSED,
						  .reason = "not-possible" } });
	hear_code(b, GW_COAP_FORBIDDEN);
	bench_free(b);
}

static void settings_in_blocks(void **state)
{
	struct bench *b = bench_certificate();
	struct asking a = asking_for(b, GW_COAP_GET, CONFIG);
	struct gw_msg question;
	uint8_t whole[1024];
	size_t len;

	with_block(&a, GW_COAP_BLOCK2, 0, false, 16);
	say(b, &a.msg);
	question = heard(b, GW_MSG_SETTINGS_QUERY);
	answer(b, &(struct gw_msg){ .type = GW_MSG_SETTINGS,
				    .settings = { .request = question.settings_query.request,
						  .device = "ACME-1",
						  .tenant = "default",
						  .cloud = "mqtts://cloud.example" } });
	len = fetch_blocks(b, GW_COAP_GET, CONFIG, hear_code(b, GW_COAP_CONTENT), whole);
	whole[len] = 0;
	assert_string_equal((char *)whole, "{\"version\":1,\"device\":\"ACME-1\",\"tenant\":"
					   "\"default\",\"cloud\":\"mqtts://cloud.example\"}");
	assert_int_equal(b->n_asked, 1);
	bench_free(b);
}

static void settings_refused(void **state)
{
	struct bench *b = bench_certificate();
	struct asking a = asking_for(b, GW_COAP_GET, CONFIG);
	struct gw_coap msg;

	say(b, &a.msg);
	answer(b, &(struct gw_msg){
			  .type = GW_MSG_SETTINGS,
			  .settings = {
				  .request = heard(b, GW_MSG_SETTINGS_QUERY).settings_query.request,
				  .outcome = GW_OUTCOME_REFUSED,
				  .reason = "suspended" } });
	msg = hear_code(b, GW_COAP_FORBIDDEN);
	assert_text(&msg, "suspended: The device is suspended; resume it to serve it again.");
	bench_free(b);
}

/* --- who has left --- */

#define LEAVER_SETTINGS "{\"version\":1,\"decommissioned\":true}"

static struct bench *bench_leaver(void)
{
	return bench_new(&(struct conversation_peer){
		.device = "ACME-1", .by_certificate = true, .for_notice = true });
}

/* Whatever it asks for, and however. */
static void a_leaver_is_served_nothing(void **state)
{
	static const struct {
		uint8_t method;
		const char *path;
	} asked[] = {
		{ GW_COAP_GET, ".well-known/core" },
		{ GW_COAP_GET, ".well-known/est/crts" },
		{ GW_COAP_GET, "nothing" },
		{ GW_COAP_POST, CONFIG },
		{ GW_COAP_POST, ".well-known/est/sren" },
		{ GW_COAP_POST, ".well-known/brski/es" },
		{ GW_COAP_GET, ".well-known/gangway/wiped" },
		{ 4, CONFIG },
	};
	struct bench *b = bench_leaver();

	for (size_t i = 0; i < GW_ELEMENTS(asked); i++) {
		struct asking a = asking_for(b, asked[i].method, asked[i].path);
		struct gw_coap msg;

		say(b, &a.msg);
		assert_string_equal(heard(b, GW_MSG_REJECTED).rejected.reason, "decommissioned");
		msg = hear_code(b, GW_COAP_FORBIDDEN);
		assert_text(&msg, "decommissioned: The device was decommissioned; a new claim "
				  "lets it in again.");
	}
	bench_free(b);
}

static void a_leaver_learns_it_from_its_settings(void **state)
{
	struct bench *b = bench_leaver();
	struct asking a = asking_for(b, GW_COAP_GET, CONFIG);
	struct gw_coap msg;

	say(b, &a.msg);
	answer(b, &(struct gw_msg){
			  .type = GW_MSG_SETTINGS,
			  .settings = {
				  .request = heard(b, GW_MSG_SETTINGS_QUERY).settings_query.request,
				  .outcome = GW_OUTCOME_REFUSED,
				  .reason = "decommissioned" } });
	msg = hear_code(b, GW_COAP_CONTENT);
	assert_int_equal(msg.payload.len, strlen(LEAVER_SETTINGS));
	assert_memory_equal(msg.payload.data, LEAVER_SETTINGS, msg.payload.len);
	bench_free(b);
}

static void a_leaver_says_that_it_is_wiped(void **state)
{
	struct bench *b = bench_leaver();
	struct asking a = asking_for(b, GW_COAP_POST, ".well-known/gangway/wiped");

	say(b, &a.msg);
	answer(b, &(struct gw_msg){ .type = GW_MSG_REPORTED,
				    .reported = { .request = heard(b, GW_MSG_WIPED).wiped.request,
						  .outcome = GW_OUTCOME_DONE,
						  .reason = "" } });
	(void)hear_code(b, GW_COAP_CHANGED);
	bench_free(b);
}

/* It is nothing for who is aboard. */
static void who_is_served_cannot_say_it(void **state)
{
	struct bench *b = bench_certificate();
	struct asking a = asking_for(b, GW_COAP_POST, ".well-known/gangway/wiped");

	say(b, &a.msg);
	(void)hear_code(b, GW_COAP_FORBIDDEN);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_resource_method_and_peer),
		cmocka_unit_test(unknown_paths),
		cmocka_unit_test(formats_of_requests),
		cmocka_unit_test(formats_of_answers),
		cmocka_unit_test(two_anchors_are_no_single_certificate),
		cmocka_unit_test(without_anchors_later),
		cmocka_unit_test(critical_options),
		cmocka_unit_test(options_that_come_twice),
		cmocka_unit_test(no_proxy),
		cmocka_unit_test(malformed_blocks),
		cmocka_unit_test(a_report),
		cmocka_unit_test(settings_in_blocks),
		cmocka_unit_test(settings_refused),
		cmocka_unit_test(a_leaver_is_served_nothing),
		cmocka_unit_test(a_leaver_learns_it_from_its_settings),
		cmocka_unit_test(a_leaver_says_that_it_is_wiped),
		cmocka_unit_test(who_is_served_cannot_say_it),
	};

	return cmocka_run_group_tests(tests, bench_make_material, bench_remove_material);
}
