/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Five requests, and one reading of their answers: 2.xx carries what was asked for; 5.xx means later, and
 * 5.03 says when (RFC 9148 4.7); anything else is final, and its payload says why, for people. That the device
 * was decommissioned it may be told in answer to any of them, and in place of its settings.
 */
#include "tools/device/est.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/coap.h"
#include "lib/util.h"
#include "lib/x509.h"
#include "tools/device/certificate.h"
#include "tools/device/exchange.h"
#include "tools/device/failure.h"
#include "tools/device/pkcs7.h"
#include "tools/device/request.h"

#define PATH_ANCHORS  "/.well-known/est/crts"
#define PATH_ENROLL   "/.well-known/est/sen"
#define PATH_RENEW    "/.well-known/est/sren"
#define PATH_STATUS   "/.well-known/brski/es"
#define PATH_SETTINGS "/.well-known/gangway/config"
#define PATH_WIPED    "/.well-known/gangway/wiped"

#define DECOMMISSIONED_TEXT   "decommissioned:" /* what a 4.03 begins with */
#define DECOMMISSIONED_MEMBER "\"decommissioned\":true"

#define MAX_AGE_DEFAULT_S 60 /* RFC 7252 5.10.5 */
#define TROUBLE_WAIT_S    5  /* after an error of the gateway's own that says nothing else */
#define DIAGNOSTIC_MAX    200
#define REPORT_MAX        (DIAGNOSTIC_MAX + 64)

static unsigned class_of(const struct response *response)
{
	return response->code >> 5;
}

static uint32_t wait_of(const struct response *response)
{
	if (response->has_max_age)
		return GW_MAX(response->max_age_s, 1u);
	return response->code == GW_COAP_UNAVAILABLE ? MAX_AGE_DEFAULT_S : TROUBLE_WAIT_S;
}

/* "4.00", and behind it what the gateway says. */
static void keep_diagnostic(struct exchanges *x, const struct response *response)
{
	char text[DIAGNOSTIC_MAX];

	failure_quote((struct gw_blob){ response->body, response->len }, text, sizeof(text));
	(void)failure_set(x->failure, 0, "%u.%02u%s%s", class_of(response), response->code & 31,
			  *text ? " " : "", text);
}

static bool says(const struct response *response, const char *text)
{
	return response->body && memmem(response->body, response->len, text, strlen(text));
}

static bool is_refused_for_good(const struct response *response)
{
	size_t len = strlen(DECOMMISSIONED_TEXT);

	return response->code == GW_COAP_FORBIDDEN && response->len >= len &&
	       memcmp(response->body, DECOMMISSIONED_TEXT, len) == 0;
}

/* Runs a request; of a success the body is handed on, of the rest the verdict. */
static int ask(struct exchanges *x, const struct request *request, int *ret_format,
	       struct est_answer *ret)
{
	struct response response = { 0 };
	int r = request_run(x, request, &response);

	if (r < 0)
		return r;

	*ret = (struct est_answer){ .verdict = EST_DONE };
	*ret_format = response.format;
	keep_diagnostic(x, &response);
	if (class_of(&response) == 2) {
		ret->body = TAKE_PTR(response.body);
		ret->len = response.len;
	} else if (class_of(&response) == 5) {
		ret->verdict = EST_WAIT;
		ret->wait_s = wait_of(&response);
	} else {
		ret->verdict = is_refused_for_good(&response) ? EST_DECOMMISSIONED : EST_REFUSED;
	}
	response_done(&response);
	return 0;
}

/* Finds the certificates in a body of either format, and moves them to its front. */
static int unwrap(struct est_answer *answer, int format)
{
	struct gw_blob body = { answer->body, answer->len }, list = body, rest, der;
	struct gw_x509 x509;
	int r;

	if (format != GW_COAP_FORMAT_PKIX_CERT && pkcs7_certificates(body, &list) < 0)
		return -EBADMSG;

	rest = list;
	while ((r = certificate_next(&rest, &x509, &der)) == 0)
		;
	if (r != -ENODATA || list.len == 0)
		return -EBADMSG;

	memmove(answer->body, list.data, list.len);
	answer->len = list.len;
	return 0;
}

static int ask_certificates(struct exchanges *x, const struct request *request,
			    struct est_answer *ret)
{
	struct est_answer answer;
	int format, r;

	r = ask(x, request, &format, &answer);
	if (r < 0)
		return r;
	if (answer.verdict == EST_DONE && unwrap(&answer, format) < 0) {
		est_answer_done(&answer);
		return failure_set(x->failure, -EBADMSG,
				   "what the gateway sends as certificates are none");
	}

	*ret = answer;
	return 0;
}

int est_anchors(struct exchanges *x, struct est_answer *ret)
{
	static const struct request request = { .code = GW_COAP_GET,
						.path = PATH_ANCHORS,
						.format = REQUEST_NO_FORMAT,
						.accept = GW_COAP_FORMAT_PKCS7_CERTS };

	return ask_certificates(x, &request, ret);
}

int est_enroll(struct exchanges *x, bool renew, struct gw_blob csr, struct est_answer *ret)
{
	const struct request request = { .code = GW_COAP_POST,
					 .path = renew ? PATH_RENEW : PATH_ENROLL,
					 .format = GW_COAP_FORMAT_PKCS10,
					 .accept = GW_COAP_FORMAT_PKCS7_CERTS,
					 .body = csr };

	return ask_certificates(x, &request, ret);
}

int est_settings(struct exchanges *x, struct est_answer *ret)
{
	static const struct request request = { .code = GW_COAP_GET,
						.path = PATH_SETTINGS,
						.format = REQUEST_NO_FORMAT,
						.accept = GW_COAP_FORMAT_JSON };
	int format, r = ask(x, &request, &format, ret);

	if (r >= 0 && ret->verdict == EST_DONE &&
	    says(&(struct response){ .body = ret->body, .len = ret->len }, DECOMMISSIONED_MEMBER)) {
		est_answer_done(ret);
		ret->verdict = EST_DECOMMISSIONED;
		(void)failure_set(x->failure, 0, "its owner has let it go");
	}
	return r;
}

int est_wiped(struct exchanges *x, struct est_answer *ret)
{
	static const struct request request = { .code = GW_COAP_POST,
						.path = PATH_WIPED,
						.format = REQUEST_NO_FORMAT,
						.accept = REQUEST_NO_FORMAT };
	int format;

	return ask(x, &request, &format, ret);
}

/* Text for between the quotes of a JSON string, where most of it may stand as it is. */
static void write_json_text(const char *from, char to[DIAGNOSTIC_MAX])
{
	failure_quote((struct gw_blob){ (const uint8_t *)from, strlen(from) }, to, DIAGNOSTIC_MAX);
	for (; *to; to++)
		if (*to == '"' || *to == '\\')
			*to = '\'';
}

int est_report(struct exchanges *x, bool ok, const char *reason, struct est_answer *ret)
{
	char text[DIAGNOSTIC_MAX], body[REPORT_MAX];
	int format, len;

	write_json_text(reason, text);
	len = snprintf(body, sizeof(body), "{\"version\":1,\"status\":%s,\"reason\":\"%s\"}",
		       ok ? "true" : "false", text);

	return ask(x,
		   &(const struct request){ .code = GW_COAP_POST,
					    .path = PATH_STATUS,
					    .format = GW_COAP_FORMAT_JSON,
					    .accept = REQUEST_NO_FORMAT,
					    .body = { (const uint8_t *)body, (size_t)len } },
		   &format, ret);
}

void est_answer_done(struct est_answer *answer)
{
	free(answer->body);
	*answer = (struct est_answer){ 0 };
}
