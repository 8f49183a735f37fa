/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sequence. plan.c says what is next; each step here does it, and leaves the folder such that the
 * plan goes on from there. What rests with the gateway is tried again as patience.c says.
 *
 * A session lasts for one step. Between two tries there is none, however short the pause: a handshake
 * costs milliseconds, a session that one side has forgotten costs minutes.
 */
#include "tools/device/device.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/crypto.h"
#include "lib/hex.h"
#include "lib/util.h"
#include "lib/x509.h"
#include "tools/device/certificate.h"
#include "tools/device/dtls.h"
#include "tools/device/est.h"
#include "tools/device/exchange.h"
#include "tools/device/failure.h"
#include "tools/device/key.h"
#include "tools/device/patience.h"
#include "tools/device/plan.h"
#include "tools/device/state.h"
#include "tools/device/trust.h"
#include "tools/device/wait.h"

#define SECOND_US  1000000u
#define SERIAL_MAX 20 /* bytes of a serial number, RFC 5280 4.1.2.2 */

struct device {
	const struct device_options *options;
	struct failure *failure;
	struct state *state;
	char id[65];
	uint64_t step_began_us;
	uint32_t wait_s; /* with -EAGAIN: as the gateway asked */
	bool proved;
};

/* One session and what is said over it. */
struct visit {
	struct dtls *dtls;
	struct exchanges exchanges;
};

/* --- telling what happens --- */

static void step_done(struct device *d, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void step_done(struct device *d, const char *name, const char *format, ...)
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
	step_done(d, "certificate", "serial %s, good until %s", serial, end);
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
	step_done(d, "handshake", "%s, %s", dtls_suite(ret->dtls),
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

/* --- the steps --- */

static int make_key(struct device *d)
{
	uint8_t key[KEY_MAX];
	size_t len;
	int r;

	if (d->options->same_key && d->state->credential.key.len) {
		r = state_store_key(d->state, d->state->credential.key, d->failure);
		if (r >= 0)
			step_done(d, "key", "the one of the certificate, once more");
		return r;
	}

	r = key_make(key, &len);
	if (r < 0)
		return failure_set(d->failure, r, "no key could be made");

	r = state_store_key(d->state, (struct gw_blob){ key, len }, d->failure);
	explicit_bzero(key, sizeof(key));
	if (r < 0)
		return r;
	step_done(d, "key", "P-256, stored");
	return 0;
}

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
	step_done(d, "anchors", "stored");
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
	step_done(d, "wiped", "key, certificate, anchors and settings are gone");
	if (est_wiped(&visit->exchanges, &answer) < 0 || answer.verdict != EST_DONE)
		step_done(d, "farewell", "not taken, ignoring: %s", d->failure->text);
	else
		step_done(d, "farewell", "taken");
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

static int enroll(struct device *d)
{
	struct visit visit;
	int r = visit_with_secret(d, &visit);

	if (r < 0)
		return r;
	r = obtain(d, &visit, /* renew= */ false);
	visit_end(&visit);
	return r;
}

static int renew(struct device *d)
{
	struct visit visit;
	int r = visit_with_certificate(d, &d->state->credential, &visit);

	if (r < 0)
		return r;
	return end_visit(d, &visit, obtain(d, &visit, /* renew= */ true));
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
		step_done(d, "report", "not taken, ignoring: %s", d->failure->text);
	else
		step_done(d, "report", "taken");
	est_answer_done(&answer);
}

static int prove(struct device *d, const struct credential *credential)
{
	struct visit visit;
	int r = visit_with_certificate(d, credential, &visit);

	if (r < 0)
		return r;

	r = fetch_settings(d, &visit);
	if (r >= 0 && credential == &d->state->candidate)
		r = state_promote(d->state, d->failure);
	if (r >= 0) {
		step_done(d, "proof", "settings stored");
		report_success(d, &visit);
		d->proved = true;
	}
	return end_visit(d, &visit, r);
}

static int prove_candidate(struct device *d)
{
	int r = prove(d, &d->state->candidate);

	if (r == -EACCES || r == -ECONNRESET)
		return failure_prefix(d->failure, r,
				      "the certificate is not taken (--fresh-key begins again): ");
	return r;
}

static int prove_credential(struct device *d)
{
	return prove(d, &d->state->credential);
}

/* --- insisting --- */

/* Tries until it works, is refused, or the time is over. */
static int insist(struct device *d, int (*attempt)(struct device *))
{
	struct patience patience;

	patience_init(&patience, d->options->until_us);
	for (;;) {
		uint64_t pause_us;
		uint32_t random = 0;
		int r = attempt(d);

		(void)gw_random((uint8_t *)&random, sizeof(random));
		switch (patience_judge(&patience, r, d->wait_s, random, gw_now_monotonic_us(),
				       &pause_us)) {
		case PATIENCE_STOP: return r;
		case PATIENCE_TIME_OUT:
			return failure_prefix(d->failure, -ETIMEDOUT, "timed out: ");
		case PATIENCE_AGAIN:
			wait_until(gw_now_monotonic_us() + pause_us);
			step_done(d, "pause", "%s", d->failure->text);
			break;
		case _PATIENCE_VERDICT_MAX: abort();
		}
	}
}

/* --- the way --- */

/* A key that the gateway refuses for good must not stand in the way of the credential. */
static int insist_on_renewal(struct device *d)
{
	struct failure why;
	int r = insist(d, renew);

	if (r != -EACCES)
		return r;

	why = *d->failure;
	if (state_drop_candidate(d->state, d->failure) >= 0)
		*d->failure = why;
	return r;
}

/*
 * A candidate that is not taken was given up by the gateway, or by the cloud: the credential, then, is as good
 * as before. Only when that has been seen is the candidate forgotten, since it may be the other way round,
 * and the gateway not itself today.
 */
static int insist_on_candidate(struct device *d)
{
	struct failure why;
	int r = insist(d, prove_candidate);

	if ((r != -EACCES && r != -ECONNRESET) || !d->state->credential.key.len)
		return r;

	why = *d->failure;
	if (prove_credential(d) < 0) {
		*d->failure = why;
		return r;
	}
	step_done(d, "credential", "still good: the certificate after it is given up");
	d->proved = !d->options->renew;
	return state_drop_candidate(d->state, d->failure);
}

/* The name in the credential that lies there; -ENOENT: there is none. */
static int name_of_credential(const struct state *state, struct gw_blob *ret)
{
	struct gw_blob chain = state->credential.chain, der;
	struct gw_x509 x509;

	if (certificate_next(&chain, &x509, &der) < 0)
		return -ENOENT;
	return gw_x509_name_get(x509.subject, GW_X509_COMMON_NAME, ret);
}

/* The name is the label's; without one, the credential's. */
static int settle_name(struct device *d)
{
	const char *id = d->options->id;
	struct gw_blob name;
	int r = name_of_credential(d->state, &name);

	if (!id && r < 0)
		return failure_set(d->failure, -EINVAL,
				   "%s holds no credential, so a label is needed", d->state->path);
	if (id && r >= 0 &&
	    !gw_blob_equal(name, (struct gw_blob){ (const uint8_t *)id, strlen(id) }))
		return failure_set(d->failure, -EINVAL, "%s belongs to a device other than %s",
				   d->state->path, id);

	if (id)
		(void)gw_copy(d->id, sizeof(d->id), id);
	else
		failure_quote(name, d->id, sizeof(d->id));
	return 0;
}

static int do_step(struct device *d, enum plan_step step)
{
	switch (step) {
	case PLAN_MAKE_KEY: return make_key(d);
	case PLAN_ENROLL:
		if (!d->options->secret.len)
			return failure_set(d->failure, -EINVAL,
					   "a label with a secret is needed to begin");
		return insist(d, enroll);
	case PLAN_RENEW: return insist_on_renewal(d);
	case PLAN_PROVE_CANDIDATE: return insist_on_candidate(d);
	case PLAN_PROVE_CREDENTIAL: return insist(d, prove_credential);
	case PLAN_NOTHING_TO_RENEW:
		return failure_set(d->failure, -EINVAL,
				   "%s holds no proved certificate, so there is nothing to renew",
				   d->state->path);
	case PLAN_NO_ANCHORS:
		return failure_set(d->failure, -EPERM,
				   "%s/anchors.pem is missing: the gateway could be anybody; put "
				   "the file back",
				   d->state->path);
	case PLAN_DONE:
	case _PLAN_STEP_MAX: break;
	}
	abort();
}

static int go(struct device *d)
{
	struct plan_facts facts = { .renew = d->options->renew };
	enum plan_step step;
	int r;

	r = settle_name(d);
	if (r >= 0 && d->options->fresh_key)
		r = state_drop_candidate(d->state, d->failure);

	while (r >= 0) {
		state_describe(d->state, &facts);
		facts.proved = d->proved;
		step = plan_next(&facts);
		if (step == PLAN_DONE)
			return 0;
		r = do_step(d, step);
	}
	return r;
}

int device_run(const struct device_options *options, struct failure *failure)
{
	struct device d = { .options = options,
			    .failure = failure,
			    .step_began_us = gw_now_monotonic_us() };
	int r = state_open(options->state, failure, &d.state);

	if (r < 0)
		return r;
	r = go(&d);
	(void)state_free(d.state);
	return r;
}
