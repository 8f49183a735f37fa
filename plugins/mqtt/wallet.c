/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Carries out what identity.c decides. Every step is on disk before the next one is begun, and a job's
 * id is made from its key or its serial number; so whenever we die, the same step is taken again and
 * the cloud answers it as it did before.
 */
#include "plugins/mqtt/wallet.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>
#include <systemd/sd-event.h>

#include "lib/hex.h"
#include "lib/log.h"
#include "lib/step.h"
#include "lib/util.h"
#include "plugins/mqtt/anchors.h"
#include "plugins/mqtt/credential.h"
#include "plugins/mqtt/dialect.h"
#include "plugins/mqtt/errand.h"
#include "plugins/mqtt/identity.h"
#include "plugins/mqtt/keypair.h"
#include "plugins/mqtt/slots.h"

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
	char *given, *state;
	int state_fd; /* -1: nothing can be kept */
	unsigned renew_percent;
	uint64_t retry_first_us, retry_max_us;

	struct slots slots;
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

static int make_key(struct wallet *w)
{
	uint8_t *pem = NULL;
	size_t len;
	int r;

	r = keypair_make(&pem, &len);
	if (r < 0)
		return r;

	r = slots_store_key(&w->slots, (struct gw_blob){ pem, len });
	explicit_bzero(pem, len);
	free(pem);
	if (r >= 0)
		w->identity.candidate = IDENTITY_KEY;
	return r;
}

static int read_key(const struct wallet *w, uint8_t **ret, size_t *ret_len)
{
	return gw_read_file(w->state_fd, slots_key_name(slots_candidate(&w->slots)), SLOTS_FILE_MAX,
			    ret, ret_len);
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
	uint8_t *pem = NULL;
	size_t len = 0;
	int r = 0;

	if (w->identity.candidate == IDENTITY_NO_CANDIDATE)
		r = make_key(w);
	if (r >= 0)
		r = read_key(w, &pem, &len);
	if (r >= 0)
		r = keypair_request((struct gw_blob){ pem, len }, w->gateway, &request);
	if (pem)
		explicit_bzero(pem, len);
	free(pem);
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
	r = slots_switch(&w->slots);
	if (r < 0)
		say_trouble(w,
			    "The gateway's new certificate is in use, but cannot be made the "
			    "one to keep (%s): see to %s.",
			    strerror(-r), w->state);
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
	int r = slots_drop(&w->slots);

	if (r < 0)
		gw_log(ERROR, "A certificate that is no good cannot be removed from %s: %s",
		       w->state, strerror(-r));
	rest(w);
	if (connected && (w->identity.pass == IDENTITY_CANDIDATE ||
			  (w->identity.pass == IDENTITY_CLAIM &&
			   identity_choose(&w->identity) != IDENTITY_CLAIM)))
		w->ops->reconnect(w->userdata);
}

/* Nothing that fails here is worse than no new certificate yet. */
static void fail(struct wallet *w, int r)
{
	say_trouble(w, "No certificate can be asked for (%s): see to %s.", strerror(-r), w->state);
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
	uint8_t *key = NULL;
	_cleanup_free_ uint8_t *pem = NULL;
	const char *why = NULL;
	size_t key_len, len;
	int r;

	r = read_key(w, &key, &key_len);
	if (r < 0)
		return r;
	r = keypair_accept((struct gw_blob){ key, key_len }, w->gateway, answer->certificate,
			   answer->chain, &pem, &len, &why);
	explicit_bzero(key, key_len);
	free(key);
	if (r == -EKEYREJECTED)
		say_trouble(w, "The cloud sent a certificate that is no use: %s.", why);
	if (r < 0)
		return r;
	return slots_store_certificate(&w->slots, (struct gw_blob){ pem, len });
}

static void take_issued(struct wallet *w, const struct dialect_body *body)
{
	int r = 0;

	if (body->has_broker_anchors)
		r = wallet_take_anchors(w, body->broker_anchors);
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

int wallet_take_anchors(struct wallet *w, struct gw_blob list)
{
	_cleanup_free_ uint8_t *in_use = NULL, *given = NULL;
	size_t in_use_len = 0, given_len = 0;
	int r;

	if (w->state_fd < 0)
		return 0; /* what we were given has to do */

	(void)w->ops->anchor(&in_use, &in_use_len, w->userdata);
	(void)credential_given_ca(w->given, &given, &given_len);
	r = anchors_take(w->state_fd, list, (struct gw_blob){ in_use, in_use_len },
			 (struct gw_blob){ given, given_len });
	if (r == -EBADMSG) {
		gw_log(WARNING, "The cloud's list of the broker's anchors holds what is no "
				"certificate, ignoring");
		return 0;
	}
	return r;
}

/* --- connections ----------------------------------------------------------------------------- */

static void look_around(struct wallet *w)
{
	struct identity *i = &w->identity;
	static const enum identity_candidate candidates[_SLOTS_FILL_MAX] = {
		[SLOTS_EMPTY] = IDENTITY_NO_CANDIDATE,
		[SLOTS_KEY] = IDENTITY_KEY,
		[SLOTS_WHOLE] = IDENTITY_CERTIFICATE,
	};

	i->can_keep = w->state_fd >= 0;
	i->has_live = i->can_keep && w->slots.live != SLOTS_NONE;
	i->has_given = credential_is_given(w->given, CREDENTIAL_CERT, CREDENTIAL_KEY);
	i->has_claim = i->can_keep &&
		       credential_is_given(w->given, CREDENTIAL_CLAIM_CERT, CREDENTIAL_CLAIM_KEY);
	i->candidate = i->can_keep ? candidates[w->slots.fill[slots_candidate(&w->slots)]]
				   : IDENTITY_NO_CANDIDATE;
}

static int load(struct wallet *w, enum identity_pass pass, struct ssl_ctx_st **ret, char *why,
		size_t size)
{
	struct credential_source source = { .given = w->given,
					    .anchors_fd = w->state_fd,
					    .cert = CREDENTIAL_CERT,
					    .key = CREDENTIAL_KEY };
	int slot = pass == IDENTITY_LIVE ? w->slots.live : slots_candidate(&w->slots);

	if (pass == IDENTITY_CLAIM) {
		source.cert = CREDENTIAL_CLAIM_CERT;
		source.key = CREDENTIAL_CLAIM_KEY;
		source.is_claim = true;
	} else if (pass == IDENTITY_LIVE || pass == IDENTITY_CANDIDATE) {
		source.own = w->state;
		source.cert = slots_certificate_name(slot);
		source.key = slots_key_name(slot);
	}
	return credential_load(&source, w->gateway, ret, &w->credential, why, size);
}

/* What cannot be loaded is passed over; true if there may be something else. */
static bool pass_over(struct wallet *w, enum identity_pass pass, const char *why)
{
	gw_log(WARNING, "%s", why);
	switch (pass) {
	case IDENTITY_LIVE: w->identity.has_live = false; return true;
	case IDENTITY_GIVEN: w->identity.has_given = false; return w->identity.has_claim;
	case IDENTITY_CANDIDATE:
		w->identity.candidate = IDENTITY_NO_CANDIDATE;
		(void)slots_drop(&w->slots);
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

	look_around(w);
	do {
		pass = identity_choose(&w->identity);
		/* Who has nothing hears of the file that most gateways have. */
		r = load(w, pass == IDENTITY_NONE ? IDENTITY_GIVEN : pass, ret, why, size);
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
	_cleanup_free_ uint8_t *in_use = NULL, *given = NULL;
	size_t in_use_len = 0, given_len = 0;

	if (w->state_fd < 0 || w->ops->anchor(&in_use, &in_use_len, w->userdata) < 0)
		return;
	(void)credential_given_ca(w->given, &given, &given_len);
	(void)anchors_verified_by(w->state_fd, (struct gw_blob){ in_use, in_use_len },
				  (struct gw_blob){ given, given_len });
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
	if (w->state_fd >= 0)
		(void)close(w->state_fd);
	free(w->given);
	free(w->state);
	free(w);
	return NULL;
}

GW_DEFINE_CLEANUP(struct wallet *, wallet_free)

/* A folder that is not to be had costs renewal, not the connection. */
static void open_state(struct wallet *w)
{
	int r;

	w->state_fd = open(w->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->state_fd < 0) {
		say_trouble(w, "Nothing can be kept in %s (%s): make it a folder of this program.",
			    w->state, strerror(errno));
		return;
	}

	r = slots_open(w->state_fd, &w->slots);
	if (r == -EBADMSG) {
		gw_log(WARNING,
		       "Which certificate in %s is the live one cannot be told: what is "
		       "whole is tried",
		       w->state);
	} else if (r < 0) {
		say_trouble(w, "What is in %s cannot be used: %s.", w->state, strerror(-r));
		(void)close(TAKE_FD(w->state_fd));
	}
}

static int copy_config(struct wallet *w, const struct wallet_config *config)
{
	(void)gw_copy(w->gateway, sizeof(w->gateway), config->gateway);
	w->renew_percent = config->renew_percent;
	w->retry_first_us = config->retry_first_us;
	w->retry_max_us = w->rest_us = config->retry_max_us;
	w->given = strdup(config->given);
	if (!w->given)
		return -ENOMEM;
	if (!config->state)
		return 0;
	w->state = strdup(config->state);
	return w->state ? 0 : -ENOMEM;
}

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
	w->state_fd = -1;
	w->slots.live = SLOTS_NONE;
	w->ops = ops;
	w->userdata = userdata;
	r = copy_config(w, config);
	if (r >= 0)
		r = errand_new(event, config->retry_first_us, config->retry_max_us, &errand_ops, w,
			       &w->errand);
	if (r >= 0)
		r = make_timer(event, &w->rested, on_rested, w);
	if (r >= 0)
		r = make_timer(event, &w->look, on_look, w);
	if (r < 0)
		return r;
	if (w->state)
		open_state(w);

	*ret = TAKE_PTR(w);
	return 0;
}
