/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is got done in one session. Between two there is nothing, however short the pause: a handshake costs
 * milliseconds, a session that one side has forgotten costs minutes. Whoever is told on any of them that the
 * owner has let the device go, goes.
 */
#include "tools/device/visit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/hex.h"
#include "lib/util.h"
#include "lib/x509.h"
#include "tools/device/certificate.h"
#include "tools/device/device.h"
#include "tools/device/dtls.h"
#include "tools/device/est.h"
#include "tools/device/exchange.h"
#include "tools/device/failure.h"
#include "tools/device/key.h"
#include "tools/device/state.h"
#include "tools/device/trust.h"

#define SERIAL_MAX 20 /* bytes of a serial number, RFC 5280 4.1.2.2 */

/* One session and what is said over it. */
struct visit {
	struct dtls *dtls;
	struct exchanges exchanges;
};

/* --- telling what happens --- */

void device_step_done(struct device *d, const char *name, const char *format, ...)
{
	uint64_t now_us = gw_now_monotonic_us();
	char detail[160];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);

	d->options->on_step(name, now_us - d->step_began_us, detail, d->options->userdata);
	d->step_began_us = now_us;
}

static void tell_certificate(struct device *d, struct gw_blob chain)
{
	char serial[2 * SERIAL_MAX + 1] = "?", end[32] = "?";
	struct gw_x509 x509 = { 0 };
	struct gw_blob der;
	struct tm tm;
	time_t time;

	(void)certificate_next(&chain, &x509, &der);
	gw_hex_encode(x509.serial.data, GW_MIN(x509.serial.len, (size_t)SERIAL_MAX), serial);
	time = (time_t)x509.not_after;
	if (gmtime_r(&time, &tm))
		(void)strftime(end, sizeof(end), "%Y-%m-%d %H:%M:%S", &tm);
	device_step_done(d, "certificate", "serial %s, good until %s", serial, end);
}

/* --- visits --- */

static void visit_end(struct visit *visit)
{
	visit->dtls = dtls_free(visit->dtls);
}

static int visit_begin(struct device *d, const struct dtls_proof *proof, struct visit *ret)
{
	int r = dtls_connect(&d->options->gateway, proof, d->options->until_us, d->failure,
			     &ret->dtls);

	if (r < 0)
		return r;
	device_step_done(d, "handshake", "%s, %s", dtls_suite(ret->dtls),
			 proof->secret.len ? "by the label's secret" : "by certificate");

	r = exchanges_init(&ret->exchanges, ret->dtls, d->failure, d->options->until_us);
	if (r < 0)
		visit_end(ret);
	return r;
}

static int visit_with_secret(struct device *d, struct visit *ret)
{
	const struct dtls_proof proof = { .identity = d->id, .secret = d->options->secret };
	int r = visit_begin(d, &proof, ret);

	if (r == -ETIMEDOUT)
		return failure_prefix(
			d->failure, r,
			"the gateway is not there, or it does not know this secret: ");
	return r;
}

static int visit_with_certificate(struct device *d, const struct credential *credential,
				  struct visit *ret)
{
	const struct dtls_proof proof = { .anchors = { d->state->anchors, d->state->anchors_len },
					  .chain = credential->chain,
					  .key = credential->key };

	return visit_begin(d, &proof, ret);
}

/* Turns the verdict of an answer into an errno. */
static int judge(struct device *d, const struct est_answer *answer, const char *what)
{
	switch (answer->verdict) {
	case EST_DONE: return 0;
	case EST_WAIT:
		d->wait_s = answer->wait_s;
		return failure_prefix(d->failure, -EAGAIN, "%s: come again in %u s: ", what,
				      answer->wait_s);
	case EST_REFUSED: return failure_prefix(d->failure, -EACCES, "%s: refused: ", what);
	case EST_DECOMMISSIONED: return failure_prefix(d->failure, -EOWNERDEAD, "%s: ", what);
	case _EST_VERDICT_MAX: break;
	}
	abort();
}

/* --- what is asked --- */

static int fetch_anchors(struct device *d, struct visit *visit)
{
	struct est_answer answer;
	int r = est_anchors(&visit->exchanges, &answer);

	if (r < 0)
		return r;
	r = judge(d, &answer, "anchors");
	if (r >= 0)
		r = state_store_anchors(d->state, (struct gw_blob){ answer.body, answer.len },
					d->failure);
	est_answer_done(&answer);
	if (r < 0)
		return r;
	device_step_done(d, "anchors", "stored");
	return 0;
}

static int ask_certificate(struct device *d, struct visit *visit, bool renew,
			   struct est_answer *ret)
{
	struct gw_blob csr = d->options->csr;
	uint8_t own[KEY_REQUEST_MAX];
	int r;

	if (!csr.len) {
		r = key_request(d->state->candidate.key, d->id, own, &csr.len);
		if (r < 0)
			return failure_set(d->failure, r, "no signing request could be made");
		csr.data = own;
	}

	r = est_enroll(&visit->exchanges, renew, csr, ret);
	return r < 0 ? r : judge(d, ret, "certificate");
}

/* Is it for our key, in our name, under an anchor? *chain gets it and its issuers, in order. */
static int check_certificate(struct device *d, struct gw_blob list, uint8_t *chain, size_t *ret_len)
{
	uint8_t public[KEY_PUBLIC_MAX];
	struct gw_blob rest = { chain, 0 }, der;
	struct gw_x509 x509 = { 0 };
	size_t len;
	int r;

	if (key_public(d->state->candidate.key, public, &len) < 0)
		return failure_set(d->failure, -EPERM, "our own key cannot be read");
	if (certificate_chain(list, (struct gw_blob){ public, len }, chain, &rest.len) < 0)
		return failure_set(d->failure, -EPERM, "it is not for our key");

	*ret_len = rest.len;
	r = trust_check((struct gw_blob){ d->state->anchors, d->state->anchors_len }, rest,
			d->failure);
	if (r < 0)
		return failure_prefix(d->failure, r, "it leads to no anchor: ");

	(void)certificate_next(&rest, &x509, &der);
	if (!gw_x509_name_is(x509.subject, GW_X509_COMMON_NAME, d->id))
		return failure_set(d->failure, -EPERM, "it is in another name");
	return 0;
}

/* A certificate that is of no use is worth a word to the operator. */
static void report_bad_certificate(struct device *d, struct visit *visit)
{
	struct failure why = *d->failure;
	struct est_answer answer = { 0 };

	(void)est_report(&visit->exchanges, /* ok= */ false, why.text, &answer);
	est_answer_done(&answer);
	*d->failure = why;
}

static int keep_certificate(struct device *d, struct visit *visit, const struct est_answer *answer)
{
	_cleanup_free_ uint8_t *chain = malloc(answer->len + 1);
	size_t len = 0;
	int r;

	if (!chain)
		return failure_set(d->failure, -ENOMEM, "no memory");

	r = check_certificate(d, (struct gw_blob){ answer->body, answer->len }, chain, &len);
	if (r < 0) {
		(void)failure_prefix(d->failure, r, "the certificate is of no use: ");
		report_bad_certificate(d, visit);
		return r;
	}

	r = state_store_certificate(d->state, (struct gw_blob){ chain, len }, d->failure);
	if (r < 0)
		return r;
	tell_certificate(d, (struct gw_blob){ chain, len });
	return 0;
}

static int obtain(struct device *d, struct visit *visit, bool renew)
{
	struct est_answer answer = { 0 };
	int r;

	r = fetch_anchors(d, visit);
	if (r < 0)
		return r;
	r = ask_certificate(d, visit, renew, &answer);
	if (r >= 0)
		r = keep_certificate(d, visit, &answer);
	est_answer_done(&answer);
	return r;
}

/* Our owner has let us go: nothing that he gave us stays, and the gateway hears that it is so. If the power goes in
 * between, it never does; it stops asking by itself. */
static int leave(struct device *d, struct visit *visit)
{
	struct est_answer answer = { 0 };
	int r = state_wipe(d->state, d->failure);

	if (r < 0)
		return r;
	device_step_done(d, "wiped", "key, certificate, anchors and settings are gone");
	if (est_wiped(&visit->exchanges, &answer) < 0 || answer.verdict != EST_DONE)
		device_step_done(d, "farewell", "not taken, ignoring: %s", d->failure->text);
	else
		device_step_done(d, "farewell", "taken");
	est_answer_done(&answer);
	return failure_set(d->failure, -EOWNERDEAD,
			   "decommissioned: the owner has let this device go, and it has wiped "
			   "itself; with a new claim it begins again");
}

/* What a visit has come to: who is told there that it is to go, goes. */
static int end_visit(struct device *d, struct visit *visit, int r)
{
	if (r == -EOWNERDEAD)
		r = leave(d, visit);
	visit_end(visit);
	return r;
}

/* Any answer to a request on this session is the proof; the settings are worth asking for. */
static int fetch_settings(struct device *d, struct visit *visit)
{
	struct est_answer answer;
	int r = est_settings(&visit->exchanges, &answer);

	if (r < 0)
		return r;
	r = judge(d, &answer, "settings");
	if (r >= 0)
		r = state_store_settings(d->state, (struct gw_blob){ answer.body, answer.len },
					 d->failure);
	est_answer_done(&answer);
	return r;
}

/* The proof stands without it. */
static void report_success(struct device *d, struct visit *visit)
{
	struct est_answer answer = { 0 };

	if (est_report(&visit->exchanges, /* ok= */ true, "proved", &answer) < 0 ||
	    answer.verdict != EST_DONE)
		device_step_done(d, "report", "not taken, ignoring: %s", d->failure->text);
	else
		device_step_done(d, "report", "taken");
	est_answer_done(&answer);
}

/* --- what a visit is for --- */

int visit_enroll(struct device *d)
{
	struct visit visit;
	int r = visit_with_secret(d, &visit);

	if (r < 0)
		return r;
	r = obtain(d, &visit, /* renew= */ false);
	visit_end(&visit);
	return r;
}

int visit_renew(struct device *d)
{
	struct visit visit;
	int r = visit_with_certificate(d, &d->state->credential, &visit);

	if (r < 0)
		return r;
	return end_visit(d, &visit, obtain(d, &visit, /* renew= */ true));
}

int visit_prove(struct device *d, const struct credential *credential)
{
	struct visit visit;
	int r = visit_with_certificate(d, credential, &visit);

	if (r < 0)
		return r;

	r = fetch_settings(d, &visit);
	if (r >= 0 && credential == &d->state->candidate)
		r = state_promote(d->state, d->failure);
	if (r >= 0) {
		device_step_done(d, "proof", "settings stored");
		report_success(d, &visit);
	}
	return end_visit(d, &visit, r);
}
