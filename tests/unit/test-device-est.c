/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is asked, and how each answer is read; what carries it is replaced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/coap.h"
#include "lib/util.h"
#include "tests/unit/device-certificates.h"
#include "tools/device/est.h"
#include "tools/device/exchange.h"
#include "tools/device/failure.h"
#include "tools/device/pem.h"
#include "tools/device/request.h"

static struct {
	struct response response; /* to be given; its body is borrowed */
	int result;

	struct request request; /* that came */
	char body[512];
} carrier;

static struct failure failure;
static struct exchanges exchanges = { .failure = &failure };

int request_run(struct exchanges *x, const struct request *request, struct response *ret)
{
	carrier.request = *request;
	assert_true(request->body.len < sizeof(carrier.body));
	if (request->body.len)
		memcpy(carrier.body, request->body.data, request->body.len);
	carrier.body[request->body.len] = 0;
	if (carrier.result < 0)
		return carrier.result;

	*ret = carrier.response;
	ret->body = gw_blob_dup((struct gw_blob){ carrier.response.body, carrier.response.len });
	return 0;
}

void response_done(struct response *response)
{
	free(response->body);
	*response = (struct response){ 0 };
}

static void set_response(uint8_t code, int format, const void *body, size_t len)
{
	memset(&carrier, 0, sizeof(carrier));
	carrier.response = (struct response){
		.code = code, .format = format, .body = (uint8_t *)(uintptr_t)body, .len = len
	};
	(void)failure_set(&failure, 0, "%s", "");
}

static void set_text(uint8_t code, const char *text)
{
	set_response(code, REQUEST_NO_FORMAT, text, strlen(text));
}

static size_t count(const char *text, const char *word)
{
	size_t n = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		n++;
	return n;
}

static void test_certificates(void **state)
{
	static const struct {
		const char *pem, *label;
		int format;
		size_t n;
	} cases[] = {
		{ pem_pkcs7_three, "PKCS7", GW_COAP_FORMAT_PKCS7_CERTS, 3 },
		{ pem_pkcs7_one, "PKCS7", GW_COAP_FORMAT_PKCS7_CERTS, 1 },
		{ pem_pkcs7_one, "PKCS7", REQUEST_NO_FORMAT, 1 },
		{ pem_device, PEM_CERTIFICATE, GW_COAP_FORMAT_PKIX_CERT, 1 },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		_cleanup_free_ uint8_t *der = NULL;
		_cleanup_free_ char *text = NULL;
		struct est_answer answer;
		const char *pem = cases[i].pem;
		size_t len, text_len;

		assert_int_equal(pem_next(&pem, cases[i].label, &der, &len), 0);
		set_response(GW_COAP_CONTENT, cases[i].format, der, len);
		assert_int_equal(est_anchors(&exchanges, &answer), 0);
		assert_int_equal(answer.verdict, EST_DONE);
		assert_int_equal(pem_from_list((struct gw_blob){ answer.body, answer.len },
					       PEM_CERTIFICATE, &text, &text_len),
				 0);
		assert_int_equal(count(text, "BEGIN CERTIFICATE"), cases[i].n);
		est_answer_done(&answer);
		assert_null(answer.body);
	}
}

static void test_no_certificates(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		int format;
	} cases[] = {
		{ "", 0, GW_COAP_FORMAT_PKCS7_CERTS },
		{ "", 0, GW_COAP_FORMAT_PKIX_CERT },
		{ "hello", 5, GW_COAP_FORMAT_PKCS7_CERTS },
		{ "hello", 5, GW_COAP_FORMAT_PKIX_CERT },
		{ "0\0", 2, GW_COAP_FORMAT_PKIX_CERT }, /* a SEQUENCE, but nothing in it */
		{ "0\0", 2, GW_COAP_FORMAT_JSON },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct est_answer answer;

		set_response(GW_COAP_CONTENT, cases[i].format, cases[i].bytes, cases[i].len);
		assert_int_equal(est_anchors(&exchanges, &answer), -EBADMSG);
		assert_string_not_equal(failure.text, "");
	}
}

static void test_requests(void **state)
{
	static const uint8_t csr[] = "request";
	struct est_answer answer;

	set_text(GW_COAP_BAD_REQUEST, "");
	assert_int_equal(est_anchors(&exchanges, &answer), 0);
	assert_int_equal(carrier.request.code, GW_COAP_GET);
	assert_string_equal(carrier.request.path, "/.well-known/est/crts");
	assert_int_equal(carrier.request.accept, GW_COAP_FORMAT_PKCS7_CERTS);
	assert_int_equal(carrier.request.format, REQUEST_NO_FORMAT);

	for (unsigned renew = 0; renew < 2; renew++) {
		assert_int_equal(est_enroll(&exchanges, renew, GW_BLOB_ARRAY(csr), &answer), 0);
		assert_int_equal(carrier.request.code, GW_COAP_POST);
		assert_string_equal(carrier.request.path,
				    renew ? "/.well-known/est/sren" : "/.well-known/est/sen");
		assert_int_equal(carrier.request.format, GW_COAP_FORMAT_PKCS10);
		assert_int_equal(carrier.request.accept, GW_COAP_FORMAT_PKCS7_CERTS);
		assert_string_equal(carrier.body, "request");
	}

	assert_int_equal(est_settings(&exchanges, &answer), 0);
	assert_int_equal(carrier.request.code, GW_COAP_GET);
	assert_string_equal(carrier.request.path, "/.well-known/gangway/config");
	assert_int_equal(carrier.request.accept, GW_COAP_FORMAT_JSON);
}

static void test_later(void **state)
{
	static const struct {
		uint8_t code;
		bool has_max_age;
		uint32_t max_age_s, wait_s;
	} cases[] = {
		{ GW_COAP_UNAVAILABLE, true, 30, 30 },
		{ GW_COAP_UNAVAILABLE, true, UINT32_MAX, UINT32_MAX },
		{ GW_COAP_UNAVAILABLE, true, 0, 1 },
		{ GW_COAP_UNAVAILABLE, false, 0, 60 }, /* RFC 7252 5.10.5 */
		{ GW_COAP_INTERNAL, false, 0, 5 },
		{ GW_COAP_INTERNAL, true, 9, 9 },
		{ GW_COAP_CODE(5, 4), false, 0, 5 },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct est_answer answer;

		set_text(cases[i].code, "");
		carrier.response.has_max_age = cases[i].has_max_age;
		carrier.response.max_age_s = cases[i].max_age_s;
		assert_int_equal(est_settings(&exchanges, &answer), 0);
		assert_int_equal(answer.verdict, EST_WAIT);
		assert_int_equal(answer.wait_s, cases[i].wait_s);
		assert_null(answer.body);
	}
}

/* Whatever is neither success nor later is never. */
static void test_codes(void **state)
{
	for (unsigned code = 1; code < 256; code++) {
		struct est_answer answer;
		enum est_verdict expected = code >> 5 == 2   ? EST_DONE
					    : code >> 5 == 5 ? EST_WAIT
							     : EST_REFUSED;

		set_text((uint8_t)code, "");
		assert_int_equal(est_settings(&exchanges, &answer), 0);
		assert_int_equal(answer.verdict, expected);
		est_answer_done(&answer);
	}
}

static void test_diagnostic(void **state)
{
	struct est_answer answer;

	set_text(GW_COAP_FORBIDDEN, "too-many-keys: Three\nare \x80 enough.");
	assert_int_equal(est_settings(&exchanges, &answer), 0);
	assert_string_equal(failure.text, "4.03 too-many-keys: Three?are ? enough.");
	set_text(GW_COAP_TOO_LARGE, "");
	assert_int_equal(est_settings(&exchanges, &answer), 0);
	assert_string_equal(failure.text, "4.13");
}

static void test_long_diagnostic(void **state)
{
	char text[2000];
	struct est_answer answer;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	set_text(GW_COAP_FORBIDDEN, text);
	assert_int_equal(est_settings(&exchanges, &answer), 0);
	assert_in_range(strlen(failure.text), 100, FAILURE_MAX - 1);
}

static void test_report(void **state)
{
	static const struct {
		bool ok;
		const char *reason, *body;
	} cases[] = {
		{ true, "proved", "{\"version\":1,\"status\":true,\"reason\":\"proved\"}" },
		{ false, "a \"b\" \\n\n",
		  "{\"version\":1,\"status\":false,\"reason\":\"a 'b' 'n?\"}" },
		{ false, "", "{\"version\":1,\"status\":false,\"reason\":\"\"}" },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct est_answer answer;

		set_text(GW_COAP_CHANGED, "");
		assert_int_equal(est_report(&exchanges, cases[i].ok, cases[i].reason, &answer), 0);
		assert_int_equal(answer.verdict, EST_DONE);
		assert_string_equal(carrier.body, cases[i].body);
		assert_string_equal(carrier.request.path, "/.well-known/brski/es");
		assert_int_equal(carrier.request.format, GW_COAP_FORMAT_JSON);
		est_answer_done(&answer);
	}
}

/* A reason of any length leaves whole JSON, within what a gateway takes. */
static void test_long_report(void **state)
{
	for (size_t len = 150; len < FAILURE_MAX; len++) {
		char reason[FAILURE_MAX];
		struct est_answer answer;

		memset(reason, 'x', len);
		reason[len] = 0;
		set_text(GW_COAP_CHANGED, "");
		assert_int_equal(est_report(&exchanges, /* ok= */ false, reason, &answer), 0);
		assert_string_equal(carrier.body + strlen(carrier.body) - 3, "x\"}");
		est_answer_done(&answer);
	}
}

static void test_errors_pass(void **state)
{
	struct est_answer answer;

	set_text(GW_COAP_CHANGED, "");
	carrier.result = -ETIMEDOUT;
	assert_int_equal(est_anchors(&exchanges, &answer), -ETIMEDOUT);
	assert_int_equal(est_settings(&exchanges, &answer), -ETIMEDOUT);
	assert_int_equal(est_report(&exchanges, /* ok= */ true, "", &answer), -ETIMEDOUT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certificates),    cmocka_unit_test(test_no_certificates),
		cmocka_unit_test(test_requests),        cmocka_unit_test(test_later),
		cmocka_unit_test(test_codes),           cmocka_unit_test(test_diagnostic),
		cmocka_unit_test(test_long_diagnostic), cmocka_unit_test(test_report),
		cmocka_unit_test(test_long_report),     cmocka_unit_test(test_errors_pass),
	};

	return cmocka_run_group_tests(tests, /* group_setup= */ NULL, /* group_teardown= */ NULL);
}
