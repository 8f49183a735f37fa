/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sequence. plan.c says what is next; each step here does it, by a visit to the gateway mostly, and leaves
 * the folder such that the plan goes on from there. What rests with the gateway is tried again as patience.c says.
 *
 * What the gateway has refused for good must not stand in the way of what it still takes: such a candidate is
 * given up here, and nowhere else, and never because of a "later".
 */
#include "tools/device/device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/crypto.h"
#include "lib/util.h"
#include "lib/x509.h"
#include "tools/device/certificate.h"
#include "tools/device/failure.h"
#include "tools/device/key.h"
#include "tools/device/patience.h"
#include "tools/device/plan.h"
#include "tools/device/state.h"
#include "tools/device/visit.h"
#include "tools/device/wait.h"

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
			device_step_done(d, "pause", "%s", d->failure->text);
			break;
		case _PATIENCE_VERDICT_MAX: abort();
		}
	}
}

/* --- what is refused --- */

static int prove_candidate(struct device *d)
{
	return visit_prove(d, &d->state->candidate);
}

static int prove_credential(struct device *d)
{
	return visit_prove(d, &d->state->credential);
}

/* Whether the gateway has said no: in words, or by ending one session after the other. */
static bool is_refusal(int r)
{
	return r == -EACCES || r == -ECONNRESET;
}

/* A key that lay there from an earlier run has had its day; one that was just made would fare no better than the next. */
static int insist_on_renewal(struct device *d)
{
	struct failure why;
	int r = insist(d, visit_renew), refused = r;

	if (r != -EACCES)
		return r;

	why = *d->failure;
	r = state_drop_candidate(d->state, d->failure);
	if (r < 0)
		return r;
	if (d->has_made_key)
		return failure_set(d->failure, refused, "%s", why.text);
	device_step_done(d, "dropped", "the key of an earlier renewal: %s", why.text);
	return 0;
}

/*
 * The gateway gives a candidate up that nobody proves in time, that another one has superseded, or that its records
 * do not know: the credential is as good as before, then. Only when that has been seen is the candidate forgotten,
 * since it may be the other way round, and the gateway not itself today.
 */
static int fall_back(struct device *d)
{
	struct failure why = *d->failure;
	int r = insist(d, prove_credential);

	if (r == -EOWNERDEAD)
		return r;
	if (r < 0)
		return failure_prefix(d->failure, r, "%s; and with the one before it: ", why.text);

	r = state_drop_candidate(d->state, d->failure);
	if (r < 0)
		return r;
	device_step_done(d, "dropped", "the one before it is still good");
	d->proved = !d->options->renew;
	return 0;
}

/* A first certificate that was given up leaves the claim open: by the secret there is another one for the same key. */
static int ask_again(struct device *d)
{
	struct failure why = *d->failure;
	int r;

	d->has_asked_again = true;
	r = insist(d, visit_enroll);
	if (r < 0)
		return failure_prefix(d->failure, r, "%s; and by the label: ", why.text);
	return 0;
}

static int insist_on_candidate(struct device *d)
{
	int r = insist(d, prove_candidate);

	d->proved = r >= 0;
	if (!is_refusal(r))
		return r;

	(void)failure_prefix(d->failure, r, "the certificate is not taken: ");
	if (d->state->credential.key.len)
		return fall_back(d);
	if (d->options->secret.len && !d->has_asked_again)
		return ask_again(d);
	return r;
}

static int insist_on_credential(struct device *d)
{
	int r = insist(d, prove_credential);

	d->proved = r >= 0;
	return r;
}

/* --- the way --- */

static int make_key(struct device *d)
{
	uint8_t key[KEY_MAX];
	size_t len;
	int r;

	d->has_made_key = true;
	if (d->options->same_key && d->state->credential.key.len) {
		r = state_store_key(d->state, d->state->credential.key, d->failure);
		if (r >= 0)
			device_step_done(d, "key", "the one of the certificate, once more");
		return r;
	}

	r = key_make(key, &len);
	if (r < 0)
		return failure_set(d->failure, r, "no key could be made");

	r = state_store_key(d->state, (struct gw_blob){ key, len }, d->failure);
	explicit_bzero(key, sizeof(key));
	if (r < 0)
		return r;
	device_step_done(d, "key", "P-256, stored");
	return 0;
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
		return insist(d, visit_enroll);
	case PLAN_RENEW: return insist_on_renewal(d);
	case PLAN_PROVE_CANDIDATE: return insist_on_candidate(d);
	case PLAN_PROVE_CREDENTIAL: return insist_on_credential(d);
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
