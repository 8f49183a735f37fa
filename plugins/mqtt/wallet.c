/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Carries out what identity.c decides. Every step is on disk before the next one is begun, and a job's
 * id is made from its key or its serial number; so whenever we die, the same step is taken again and
 * the cloud answers it as it did before.
 */
#include "plugins/mqtt/wallet.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>
#include <systemd/sd-event.h>

#include "lib/hex.h"
#include "lib/log.h"
#include "lib/step.h"
#include "lib/util.h"
#include "plugins/mqtt/credential.h"
#include "plugins/mqtt/dialect.h"
#include "plugins/mqtt/errand.h"
#include "plugins/mqtt/identity.h"
#include "plugins/mqtt/keypair.h"
#include "plugins/mqtt/keyring.h"

#define SECOND_US 1000000ull
#define NEVER     UINT64_MAX
#define LOOK_US   (30 * SECOND_US) /* at the clock on the wall, which may jump */
#define RESTS_MAX 12               /* the longest rest is so many times retry_max */

#define JOB_ASK   "gateway-"
#define JOB_PROVE "gateway-proof-"
#define JOB_LEN   32 /* hex digits behind it */

struct wallet {
	const struct wallet_ops *ops;
	void *userdata;

	char gateway[GW_ID_MAX + 1];
	unsigned renew_percent;
	uint64_t retry_first_us, retry_max_us;

	struct keyring *keyring;
	struct identity identity;
	struct credential_facts credential; /* of what we connect with */

	struct errand *errand;
	sd_event_source *rested, *look;
	uint64_t rest_us, retry_at_s;
	bool clock_is_trusted;
	uint64_t told_s, told_us; /* the time, and gw_now_boottime_us() then */
	char trouble[GW_TEXT_MAX + 1];
};

static void take(struct wallet *w, enum identity_event event);

/* --- saying ---------------------------------------------------------------------------------- */

static void say_trouble(struct wallet *w, const char *format, ...) GW_PRINTF(2, 3);
static void say_trouble(struct wallet *w, const char *format, ...)
{
	char text[2 * GW_TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)gw_copy(w->trouble, sizeof(w->trouble), text);
	gw_log(WARNING, "%s", w->trouble);
}

static void set_timer(sd_event_source *source, uint64_t at_us)
{
	if (at_us == NEVER) {
		(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	} else {
		(void)sd_event_source_set_time(source, at_us);
		(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	}
}

/* --- requests -------------------------------------------------------------------------------- */

static uint32_t dice(void)
{
	uint32_t value = 0;

	(void)!getrandom(&value, sizeof(value), GRND_NONBLOCK);
	return value;
}

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

static void make_job(const char *prefix, const uint8_t *about, size_t len, char *job, size_t size)
{
	char digits[2 * KEYPAIR_HASH_LEN + 1];

	gw_hex_encode(about, GW_MIN(len, (size_t)KEYPAIR_HASH_LEN), digits);
	(void)snprintf(job, size, "%s%.*s", prefix, JOB_LEN, digits);
}

static int send_asking(struct wallet *w, const struct keypair_request *asked)
{
	char job[GW_ID_MAX + 1];
	struct gw_msg_request request = {
		.job = job,
		.kind = DIALECT_PROVISION,
		.key = { asked->hash, sizeof(asked->hash) },
		.csr = { asked->csr, asked->csr_len },
	};

	make_job(JOB_ASK, asked->hash, sizeof(asked->hash), job, sizeof(job));
	if (w->identity.pass != IDENTITY_CLAIM)
		request.serial = (struct gw_blob){ w->credential.serial, w->credential.serial_len };
	return errand_send(w->errand, &request, WALLET_STEP_ASK);
}

static int ask(struct wallet *w)
{
	struct keypair_request request = { 0 };
	int r = 0;

	if (w->identity.candidate == IDENTITY_NO_CANDIDATE)
		r = keyring_make_key(w->keyring);
	if (r < 0)
		return r;

	w->identity.candidate = IDENTITY_KEY;
	r = keyring_request(w->keyring, &request);
	if (r >= 0)
		r = send_asking(w, &request);
	free(request.csr);
	return r;
}

static int prove(struct wallet *w)
{
	char job[GW_ID_MAX + 1];
	const struct gw_msg_request request = {
		.job = job,
		.kind = DIALECT_PROVISIONED,
		.serial = { w->credential.serial, w->credential.serial_len },
	};

	make_job(JOB_PROVE, request.serial.data, request.serial.len, job, sizeof(job));
	return errand_send(w->errand, &request, WALLET_STEP_PROVE);
}

/* --- when ------------------------------------------------------------------------------------ */

static uint64_t now_s(const struct wallet *w)
{
	return w->told_s + (gw_now_boottime_us() - w->told_us) / SECOND_US;
}

/* The same for one certificate whenever it is asked, and another for the next. */
static uint32_t seed_of(const struct wallet *w)
{
	uint32_t hash = 2166136261u;

	for (const char *c = w->gateway; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	for (size_t i = 0; i < w->credential.serial_len; i++)
		hash = (hash ^ w->credential.serial[i]) * 16777619u;
	return hash ^ hash >> 16;
}

static uint64_t renew_at_s(const struct wallet *w)
{
	const struct credential_dates *dates = &w->credential.dates;

	if (!w->identity.can_keep || dates->not_before < 0 || dates->not_after <= 0 ||
	    (w->identity.pass != IDENTITY_LIVE && w->identity.pass != IDENTITY_GIVEN))
		return 0;
	return identity_renew_at((uint64_t)dates->not_before, (uint64_t)dates->not_after,
				 w->renew_percent, seed_of(w));
}

static void look_at_clock(struct wallet *w)
{
	uint64_t at_s = renew_at_s(w), now = now_s(w), wait_us = LOOK_US;

	if (!at_s || !w->clock_is_trusted || w->identity.is_due) {
		set_timer(w->look, NEVER);
		return;
	}
	if (now >= at_s) {
		gw_log(NOTICE, "It is time to renew the gateway's own certificate");
		take(w, IDENTITY_DUE);
		return;
	}
	wait_us = GW_MIN(wait_us, (at_s - now) * SECOND_US);
	set_timer(w->look, gw_now_monotonic_us() + wait_us);
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
	look_at_clock(userdata);
	return 0;
}

/* A rest never uses up what is left of the certificate that works. */
static uint64_t rest_within_life(const struct wallet *w, uint64_t us)
{
	int64_t left_s = w->credential.dates.not_after - (int64_t)now_s(w);

	if (!w->clock_is_trusted || left_s <= 0 || w->identity.pass == IDENTITY_CLAIM)
		return us;
	return GW_MAX(GW_MIN(us, (uint64_t)left_s * SECOND_US / 8), w->retry_first_us);
}

static void rest_for(struct wallet *w, uint64_t us)
{
	us = rest_within_life(w, us);
	us -= us / 4096 * (dice() % 1024); /* a quarter of it, at most */
	w->retry_at_s = now_s(w) + us / SECOND_US;
	set_timer(w->rested, gw_now_monotonic_us() + us);
}

static void rest(struct wallet *w)
{
	errand_end(w->errand);
	rest_for(w, w->rest_us);
	w->rest_us = GW_MIN(2 * w->rest_us, RESTS_MAX * w->retry_max_us);
}

static int on_rested(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct wallet *w = userdata;

	w->retry_at_s = 0;
	take(w, IDENTITY_RESTED);
	return 0;
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
	w->rest_us = w->retry_max_us;
	w->retry_at_s = 0;
	set_timer(w->rested, NEVER);
	gw_log(NOTICE, "The gateway has a new certificate of its own, and has proved it");
	look_at_clock(w);
}

static void drop(struct wallet *w)
{
	bool connected = w->identity.is_up;
	int r = keyring_drop(w->keyring);

	if (r < 0)
		gw_log(ERROR, "A certificate that is no good cannot be removed from %s: %s",
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
	case IDENTITY_PROVE: r = prove(w); break;
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

static int take_anchors(struct wallet *w, struct gw_blob list)
{
	_cleanup_free_ uint8_t *in_use = NULL;
	size_t len = 0;
	int r;

	(void)w->ops->anchor(&in_use, &len, w->userdata);
	r = keyring_take_anchors(w->keyring, list, (struct gw_blob){ in_use, len });
	if (r != -EBADMSG)
		return r;
	gw_log(WARNING,
	       "The cloud's list of the broker's anchors holds what is no certificate, ignoring");
	return 0;
}

static void take_issued(struct wallet *w, const struct dialect_body *body)
{
	int r = 0;

	if (body->has_broker_anchors)
		r = take_anchors(w, body->broker_anchors);
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
	rest_for(w, answer->retry_after_s * SECOND_US); /* the cloud's wish, not ours */
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

	if (strncmp(answer->job, JOB_ASK, strlen(JOB_ASK)) != 0)
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
	gw_log(WARNING, "%s", why);
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
	look_at_clock(w);
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
	look_at_clock(w);
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
	w->clock_is_trusted = trusted;
	w->told_s = time_s;
	w->told_us = gw_now_boottime_us();
	look_at_clock(w);
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
		.renew_at_s = renew_at_s(w),
		.retry_at_s = w->retry_at_s,
		.trouble = w->trouble,
	};
}

/* --- life ------------------------------------------------------------------------------------ */

struct wallet *wallet_free(struct wallet *w)
{
	if (!w)
		return NULL;

	errand_free(w->errand);
	sd_event_source_disable_unref(w->rested);
	sd_event_source_disable_unref(w->look);
	keyring_free(w->keyring);
	free(w);
	return NULL;
}

GW_DEFINE_CLEANUP(struct wallet *, wallet_free)

static int make_timer(sd_event *event, sd_event_source **ret, sd_event_time_handler_t handler,
		      struct wallet *w)
{
	int r = sd_event_add_time(event, ret, CLOCK_MONOTONIC, 0, /* accuracy= */ 1000, handler, w);

	return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

int wallet_new(sd_event *event, const struct wallet_config *config, const struct wallet_ops *ops,
	       void *userdata, struct wallet **ret)
{
	static const struct errand_ops errand_ops = { on_publish, on_unanswered };
	_cleanup_(wallet_freep) struct wallet *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->ops = ops;
	w->userdata = userdata;
	(void)gw_copy(w->gateway, sizeof(w->gateway), config->gateway);
	w->renew_percent = config->renew_percent;
	w->retry_first_us = config->retry_first_us;
	w->retry_max_us = w->rest_us = config->retry_max_us;
	r = keyring_new(config->gateway, config->given, config->state, &w->keyring);
	if (r >= 0)
		r = errand_new(event, config->retry_first_us, config->retry_max_us, &errand_ops, w,
			       &w->errand);
	if (r >= 0)
		r = make_timer(event, &w->rested, on_rested, w);
	if (r >= 0)
		r = make_timer(event, &w->look, on_look, w);
	if (r < 0)
		return r;
	if (*keyring_trouble(w->keyring))
		say_trouble(w, "%s", keyring_trouble(w->keyring));

	*ret = TAKE_PTR(w);
	return 0;
}
