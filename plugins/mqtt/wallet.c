/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Carries out what identity.c decides. Every step is on disk before the next one is begun, and asked for by the same
 * name as before (errand.h); so whenever we die, the same step is taken again. By a claim the key of the certificate that we
 * have is asked for once more: that one has ended, and by its key the cloud knows us again.
 */
#include "plugins/mqtt/wallet.h"

#include <stdarg.h>
#include <stdio.h>
#include <systemd/sd-event.h>

#include "lib/log.h"
#include "lib/util.h"
#include "plugins/mqtt/anchors.h"
#include "plugins/mqtt/calendar.h"
#include "plugins/mqtt/credential.h"
#include "plugins/mqtt/dialect.h"
#include "plugins/mqtt/errand.h"
#include "plugins/mqtt/identity.h"
#include "plugins/mqtt/keypair.h"
#include "plugins/mqtt/keyring.h"

#define SECOND_US 1000000ull
#define CHECK_US \
	(3600 * SECOND_US) /* between two looks at the folder, while nothing is wrong with it */

struct wallet {
	const struct wallet_ops *ops;
	void *userdata;

	struct keyring *keyring;
	struct calendar *calendar;
	struct errand *errand;

	struct identity identity;
	struct credential_facts credential; /* of what we connect with */
	char trouble[GW_TEXT_MAX + 1];
	char folder[GW_TEXT_MAX + 1];       /* why nothing can be kept; empty: it can */
	sd_event_source *check;             /* the next look at that is due */
	uint64_t recheck_us;                /* while something is wrong with it */
	char passed_over[GW_TEXT_MAX + 1];  /* what was said last of what cannot be loaded */
	char leaving[GW_ID_MAX + 1];        /* the agent's job, see wallet_relinquish() */
	uint8_t due[CREDENTIAL_SERIAL_MAX]; /* the number of what was said last to be due */
	size_t due_len;
};

static void take(struct wallet *w, enum identity_event event);

/* --- saying ---------------------------------------------------------------------------------- */

static void say_trouble(struct wallet *w, const char *format, ...) GW_PRINTF(2, 3);
static void say_trouble(struct wallet *w, const char *format, ...)
{
	char text[2 * GW_TEXT_MAX], before[GW_TEXT_MAX + 1];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)gw_copy(before, sizeof(before), w->trouble);
	(void)gw_copy(w->trouble, sizeof(w->trouble), text);
	if (!gw_streq(w->trouble, before)) /* it goes on, and is no news */
		gw_log_event(WARNING, CREDENTIAL_TROUBLE, "%s", w->trouble);
}

/* --- the folder ------------------------------------------------------------------------------ */

static void look_at_folder(struct wallet *w)
{
	const char *why = keyring_check(w->keyring);

	if (*why && !gw_streq(why, w->folder))
		gw_log_event(WARNING, CREDENTIAL_TROUBLE, "%s", why);
	(void)gw_copy(w->folder, sizeof(w->folder), why);
	(void)sd_event_source_set_time_relative(w->check, *why ? w->recheck_us : CHECK_US);
	(void)sd_event_source_set_enabled(w->check, SD_EVENT_ONESHOT);
}

static int on_check(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct wallet *w = userdata;

	look_at_folder(w);
	w->ops->changed(w->userdata);
	return 0;
}

/* --- requests -------------------------------------------------------------------------------- */

static int on_publish(const char *body, void *userdata)
{
	struct wallet *w = userdata;

	return w->ops->publish(body, w->userdata);
}

/* Once in a while a message is lost; more than that is worth a word. */
static void on_unanswered(void *userdata)
{
	struct wallet *w = userdata;

	say_trouble(w, "The cloud does not answer what this gateway asks about its own "
		       "certificate: it goes on asking.");
	w->ops->changed(w->userdata);
}

static struct gw_blob serial_of(const struct wallet *w)
{
	return (struct gw_blob){ w->credential.serial, w->credential.serial_len };
}

static int ask(struct wallet *w)
{
	struct keypair_request request = { 0 };
	int r = 0;

	if (*w->leaving && w->identity.pass == IDENTITY_LIVE)
		return 0; /* what is on its way out is not renewed */
	if (w->identity.pass == IDENTITY_CLAIM && w->identity.has_live)
		r = keyring_reuse_key(w->keyring);
	else if (w->identity.candidate == IDENTITY_NO_CANDIDATE)
		r = keyring_make_key(w->keyring);
	if (r < 0)
		return r;

	w->identity.candidate = IDENTITY_KEY;
	r = keyring_request(w->keyring, &request);
	if (r >= 0)
		r = errand_ask(w->errand, &request,
			       w->identity.pass == IDENTITY_CLAIM ? (struct gw_blob){ NULL, 0 }
								  : serial_of(w));
	free(request.csr);
	return r;
}

/* --- leaving --------------------------------------------------------------------------------- */

static void forget(struct wallet *w)
{
	char job[GW_ID_MAX + 1];
	int r = keyring_forget(w->keyring);

	if (r < 0) {
		say_trouble(w, "What is in %s cannot be forgotten: %s.", keyring_folder(w->keyring),
			    strerror(-r));
		return; /* whatever comes next is the next try */
	}

	gw_log_event(NOTICE, CREDENTIAL_FORGOTTEN,
		     "What this gateway had of its own to go to the cloud with is forgotten");
	(void)gw_copy(job, sizeof(job), w->leaving);
	*w->leaving = *w->trouble = 0;
	errand_end(w->errand);
	calendar_end_rest(w->calendar);
	w->ops->forgotten(job, w->userdata);
	if (w->identity.pass == IDENTITY_LIVE || w->identity.pass == IDENTITY_CANDIDATE)
		w->ops->reconnect(w->userdata);
	w->identity = (struct identity){ .pass = w->identity.pass, .is_up = w->identity.is_up };
	keyring_look(w->keyring, &w->identity);
}

static void leave(struct wallet *w)
{
	int r;

	if (!*w->leaving || errand_is(w->errand, w->leaving))
		return;

	switch (w->identity.pass) {
	case IDENTITY_LIVE:
		r = w->identity.is_up ? errand_leave(w->errand, w->leaving, serial_of(w)) : 0;
		if (r < 0)
			say_trouble(w, "The cloud cannot be told that this gateway leaves: %s.",
				    strerror(-r));
		return;
	case IDENTITY_CANDIDATE: return; /* it is proved, or given up, in a moment */
	case IDENTITY_NONE:
		if (!w->identity.has_live)
			forget(w);
		return;
	case IDENTITY_GIVEN:
	case IDENTITY_CLAIM: forget(w); return;
	case _IDENTITY_PASS_MAX: return;
	}
}

void wallet_relinquish(struct wallet *w, const char *job)
{
	(void)gw_copy(w->leaving, sizeof(w->leaving), job);
	leave(w);
}

/* --- when ------------------------------------------------------------------------------------ */

/* What is renewed is what works: our own, or what was given, where there is room for another. */
static void note_certificate(struct wallet *w)
{
	switch (w->identity.pass) {
	case IDENTITY_LIVE:
	case IDENTITY_GIVEN:
		calendar_set_certificate(w->calendar, w->identity.can_keep ? &w->credential : NULL);
		return;
	case IDENTITY_CANDIDATE: return; /* what works is another */
	case IDENTITY_NONE:
	case IDENTITY_CLAIM:
	case _IDENTITY_PASS_MAX: calendar_set_certificate(w->calendar, NULL); return;
	}
}

static void on_due(void *userdata)
{
	struct wallet *w = userdata;
	const struct credential_facts *c = &w->credential;

	if (!gw_blob_equal((struct gw_blob){ w->due, w->due_len }, serial_of(w)))
		gw_log_event(NOTICE, CREDENTIAL_DUE,
			     "It is time to renew the gateway's own certificate");
	memcpy(w->due, c->serial, c->serial_len);
	w->due_len = c->serial_len;
	take(w, IDENTITY_DUE);
}

static void on_rested(void *userdata)
{
	take(userdata, IDENTITY_RESTED);
}

static void rest(struct wallet *w)
{
	errand_end(w->errand);
	calendar_rest(w->calendar);
}

/* --- acting ---------------------------------------------------------------------------------- */

static void promote(struct wallet *w)
{
	int r;

	errand_end(w->errand);
	r = keyring_promote(w->keyring);
	if (r < 0)
		say_trouble(w,
			    "The gateway's new certificate is in use, but cannot be made the "
			    "one to keep (%s): see to %s.",
			    strerror(-r), keyring_folder(w->keyring));
	else
		*w->trouble = 0;
	calendar_end_rest(w->calendar);
	gw_log_event(NOTICE, CREDENTIAL_RENEWED,
		     "The gateway has a new certificate of its own, and has proved it");
	note_certificate(w);
}

static void drop(struct wallet *w)
{
	bool connected = w->identity.is_up;
	int r = keyring_drop(w->keyring);

	if (r < 0)
		gw_log_event(ERROR, CREDENTIAL_TROUBLE,
			     "A certificate that is no good cannot be removed from %s: %s",
			     keyring_folder(w->keyring), strerror(-r));
	rest(w);
	if (connected && (w->identity.pass == IDENTITY_CANDIDATE ||
			  (w->identity.pass == IDENTITY_CLAIM &&
			   identity_choose(&w->identity) != IDENTITY_CLAIM)))
		w->ops->reconnect(w->userdata);
}

/* Nothing that fails here is worse than no new certificate yet. */
static void fail(struct wallet *w, int r)
{
	say_trouble(w, "No certificate can be asked for (%s): see to %s.", strerror(-r),
		    keyring_folder(w->keyring));
	take(w, IDENTITY_PUT_OFF);
}

static void act(struct wallet *w, enum identity_action action)
{
	int r = 0;

	switch (action) {
	case IDENTITY_GO_ON: return;
	case IDENTITY_ASK: r = ask(w); break;
	case IDENTITY_PROVE: r = errand_prove(w->errand, serial_of(w)); break;
	case IDENTITY_RECONNECT:
		errand_end(w->errand);
		w->ops->reconnect(w->userdata);
		return;
	case IDENTITY_PROMOTE: promote(w); return;
	case IDENTITY_REST: rest(w); return;
	case IDENTITY_DROP: drop(w); return;
	case _IDENTITY_ACTION_MAX: break;
	}
	if (r < 0)
		fail(w, r);
}

static void take(struct wallet *w, enum identity_event event)
{
	act(w, identity_take(&w->identity, event));
	leave(w);
	w->ops->changed(w->userdata);
}

/* --- answers --------------------------------------------------------------------------------- */

static int keep_certificate(struct wallet *w, const struct gw_msg_answer *answer)
{
	const char *why = NULL;
	int r = keyring_keep(w->keyring, answer->certificate, answer->chain, &why);

	if (r == -EKEYREJECTED)
		say_trouble(w, "The cloud sent a certificate that is no use: %s.", why);
	return r;
}

int wallet_take_anchors(struct wallet *w, uint64_t seq, struct gw_blob list)
{
	_cleanup_free_ uint8_t *in_use = NULL;
	size_t len = 0;
	int r;

	r = w->ops->anchor(&in_use, &len, w->userdata);
	return r < 0 ? r
		     : keyring_take_anchors(w->keyring, seq, list, (struct gw_blob){ in_use, len });
}

/* A certificate is worth having without the list that came with it. */
static int take_issued_anchors(struct wallet *w, struct gw_blob list)
{
	if (anchors_are_certificates(list))
		return wallet_take_anchors(w, ANCHORS_ISSUED, list);
	gw_log_event(
		WARNING, CLOUD_GARBAGE,
		"The cloud's list of the broker's anchors holds what is no certificate, ignoring");
	return 0;
}

static void take_issued(struct wallet *w, const struct dialect_body *body)
{
	int r = 0;

	if (body->has_broker_anchors)
		r = take_issued_anchors(w, body->broker_anchors);
	if (r >= 0)
		r = keep_certificate(w, &body->msg.answer);
	if (r == -EKEYREJECTED) {
		take(w, IDENTITY_PUT_OFF);
	} else if (r < 0) {
		fail(w, r);
	} else {
		*w->trouble = 0;
		errand_end(w->errand);
		take(w, IDENTITY_ISSUED);
	}
}

static void be_put_off(struct wallet *w, const struct gw_msg_answer *answer)
{
	say_trouble(w, "The cloud puts off the gateway's new certificate%s%s.",
		    *answer->text ? ": " : "", answer->text);
	act(w, identity_take(&w->identity, IDENTITY_PUT_OFF));
	calendar_rest_for(w->calendar,
			  answer->retry_after_s * SECOND_US); /* the cloud's wish, not ours */
	w->ops->changed(w->userdata);
}

static void be_refused(struct wallet *w, const struct gw_msg_answer *answer)
{
	say_trouble(w, "The cloud refuses this gateway %s (%s): %s",
		    w->identity.candidate == IDENTITY_CERTIFICATE ? "its new certificate"
								  : "a certificate",
		    answer->reason, answer->text);
	take(w, IDENTITY_DENIED);
}

bool wallet_take_answer(struct wallet *w, const struct dialect_body *body)
{
	const struct gw_msg_answer *answer = &body->msg.answer;
	bool asked = w->identity.candidate == IDENTITY_KEY;

	if (*w->leaving && gw_streq(answer->job, w->leaving)) {
		if (answer->outcome != GW_OUTCOME_PENDING)
			forget(w); /* if the cloud knows nothing of it, all the more so */
		return true;
	}
	if (!errand_is_own(answer->job))
		return false;
	if (!errand_is(w->errand, answer->job))
		return true; /* answers cross repetitions */

	if (answer->outcome == GW_OUTCOME_PENDING)
		be_put_off(w, answer);
	else if (answer->outcome == GW_OUTCOME_REFUSED)
		be_refused(w, answer);
	else if (asked && answer->certificate.len)
		take_issued(w, body);
	else if (!asked && !answer->certificate.len)
		take(w, IDENTITY_PROVED);
	return true;
}

/* --- connections ----------------------------------------------------------------------------- */

/* What cannot be loaded is passed over; true if there may be something else. */
static bool pass_over(struct wallet *w, enum identity_pass pass, const char *why)
{
	if (!gw_streq(why, w->passed_over))
		gw_log_event(WARNING, CREDENTIAL_TROUBLE, "%s", why);
	(void)gw_copy(w->passed_over, sizeof(w->passed_over), why);
	switch (pass) {
	case IDENTITY_LIVE: w->identity.has_live = false; return true;
	case IDENTITY_GIVEN: w->identity.has_given = false; return w->identity.has_claim;
	case IDENTITY_CANDIDATE:
		w->identity.candidate = IDENTITY_NO_CANDIDATE;
		(void)keyring_drop(w->keyring);
		return true;
	case IDENTITY_NONE:
	case IDENTITY_CLAIM:
	case _IDENTITY_PASS_MAX: break;
	}
	return false;
}

int wallet_load(struct wallet *w, struct ssl_ctx_st **ret, char *why, size_t size)
{
	enum identity_pass pass;
	int r;

	keyring_look(w->keyring, &w->identity);
	do {
		pass = identity_choose(&w->identity);
		r = keyring_load(w->keyring, pass, ret, &w->credential, why, size);
	} while (r < 0 && r != -ENOMEM && pass_over(w, pass, why));

	w->identity.pass = r < 0 ? IDENTITY_NONE : pass;
	w->identity.is_due = false; /* another one may be in its place */
	note_certificate(w);
	return r;
}

bool wallet_is_claim(const struct wallet *w)
{
	return w->identity.pass == IDENTITY_CLAIM;
}

const char *wallet_name(const struct wallet *w)
{
	return w->credential.name;
}

static void note_anchor(struct wallet *w)
{
	_cleanup_free_ uint8_t *in_use = NULL;
	size_t len = 0;

	if (w->ops->anchor(&in_use, &len, w->userdata) >= 0)
		(void)keyring_verified_by(w->keyring, (struct gw_blob){ in_use, len });
}

void wallet_up(struct wallet *w)
{
	note_anchor(w);
	take(w, IDENTITY_UP);
}

bool wallet_closed(struct wallet *w, enum wallet_end end, const char *why)
{
	static const enum identity_event events[_WALLET_END_MAX] = {
		[WALLET_REFUSED] = IDENTITY_REFUSED,
		[WALLET_UNREACHABLE] = IDENTITY_UNREACHABLE,
		[WALLET_LOST] = IDENTITY_LOST,
	};
	bool candidate = w->identity.pass == IDENTITY_CANDIDATE;

	errand_end(w->errand);
	if (end == WALLET_LEFT) {
		w->identity.is_up = false;
		return false;
	}
	if (candidate)
		say_trouble(w, "The gateway's new certificate cannot be used yet: %s.", why);
	take(w, events[end]);
	return candidate && identity_choose(&w->identity) != IDENTITY_CANDIDATE;
}

void wallet_set_clock(struct wallet *w, bool trusted, uint64_t time_s)
{
	calendar_set_clock(w->calendar, trusted, time_s);
	w->ops->changed(w->userdata);
}

void wallet_get_facts(const struct wallet *w, struct wallet_facts *ret)
{
	static const enum gw_credential_source sources[_IDENTITY_PASS_MAX] = {
		[IDENTITY_NONE] = GW_CREDENTIAL_NONE,
		[IDENTITY_LIVE] = GW_CREDENTIAL_OWN,
		[IDENTITY_GIVEN] = GW_CREDENTIAL_GIVEN,
		[IDENTITY_CANDIDATE] = GW_CREDENTIAL_CANDIDATE,
		[IDENTITY_CLAIM] = GW_CREDENTIAL_CLAIM,
	};

	*ret = (struct wallet_facts){
		.source = sources[w->identity.pass],
		.is_up = w->identity.is_up,
		.credential = &w->credential,
		.renew_at_s =
			w->identity.pass == IDENTITY_CANDIDATE ? 0 : calendar_renew_at(w->calendar),
		.retry_at_s = calendar_retry_at(w->calendar),
		.trouble = w->trouble,
		.folder = w->folder,
	};
}

/* --- life ------------------------------------------------------------------------------------ */

struct wallet *wallet_free(struct wallet *w)
{
	if (!w)
		return NULL;

	sd_event_source_disable_unref(w->check);
	errand_free(w->errand);
	calendar_free(w->calendar);
	keyring_free(w->keyring);
	free(w);
	return NULL;
}

GW_DEFINE_CLEANUP(struct wallet *, wallet_free)

int wallet_new(struct sd_event *event, const struct wallet_config *config,
	       const struct wallet_ops *ops, void *userdata, struct wallet **ret)
{
	static const struct errand_ops errand_ops = { on_publish, on_unanswered };
	static const struct calendar_ops calendar_ops = { on_due, on_rested };
	const struct calendar_config calendar = { config->gateway, config->renew_percent,
						  config->retry_first_us, config->retry_max_us };
	_cleanup_(wallet_freep) struct wallet *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->ops = ops;
	w->userdata = userdata;
	w->recheck_us = config->retry_max_us;
	r = keyring_new(config->gateway, config->given, config->state, &w->keyring);
	if (r >= 0)
		r = calendar_new(event, &calendar, &calendar_ops, w, &w->calendar);
	if (r >= 0)
		r = errand_new(event, config->retry_first_us, config->retry_max_us, &errand_ops, w,
			       &w->errand);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &w->check, CLOCK_MONOTONIC, CHECK_US,
					       /* accuracy= */ SECOND_US, on_check, w);
	if (r < 0)
		return r;
	look_at_folder(w);
	keyring_look(w->keyring, &w->identity);

	*ret = TAKE_PTR(w);
	return 0;
}
