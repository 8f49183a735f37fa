/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The room where all meet. It owns the channels, the crowd of peers and the credentials, hands each
 * datagram to the front and each message of the agent's to whom it concerns, and decides nothing by
 * itself. Bad news from outside (a descriptor that is no socket, a list that is none) is logged and
 * survived; only when the agent is gone does everything end.
 */
#include "plugins/registrar/registrar.h"

#include <errno.h>
#include <systemd/sd-event.h>

#include "lib/bucket.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/plugin.h"
#include "lib/step.h"
#include "lib/util.h"
#include "plugins/registrar/channel.h"
#include "plugins/registrar/options.h"
#include "plugins/registrar/contexts.h"
#include "plugins/registrar/conversation.h"
#include "plugins/registrar/cookie.h"
#include "plugins/registrar/credentials.h"
#include "plugins/registrar/crowd.h"
#include "plugins/registrar/front.h"
#include "plugins/registrar/path.h"
#include "plugins/registrar/peer.h"
#include "plugins/registrar/ration.h"
#include "plugins/registrar/revocation.h"
#include "plugins/registrar/wall.h"

#define CHANNELS_MAX    64
#define COMPLAINT_RATE  5
#define COMPLAINT_BURST 50
#define ASK_AGAIN_US    (300 * 1000000ull) /* for a certificate that does not come */
#define ASK_SOONEST_US  5000000            /* however short the life of one that did */
#define ASK_SOON_US     100000             /* more may come at once: what was asked before */
#define ASK_ON_ERROR_US 20000000           /* of ours, which need not come again */
#define LOOK_US         (3600 * 1000000ull) /* at its dates: a machine that sleeps lets no timer run */
#define ASK_ACCURACY_US 1000000

struct registrar {
	struct gw_plugin *plugin;
	sd_event *event;
	struct cookies cookies;
	struct contexts *contexts;
	struct credentials *credentials;
	struct channel *channels[CHANNELS_MAX];
	struct crowd *crowd;

	struct peer_shared shared;
	struct conversation_facts facts;
	struct ration *secrets;
	struct gw_bucket complaints;
	uint8_t dummy_key[GW_KEY_LEN];

	sd_event_source *ask; /* for the next certificate of our own */
	bool is_wanting; /* it was asked for, or is to be, whatever the present one's dates are */
};

/* --- steps --- */

static const struct {
	enum gw_msg_type type;
	const char *step;
} steps[] = {
#define X(NAME, step) { GW_MSG_##NAME, step },
	REGISTRAR_STEPS(X)
#undef X
};

static const char *step_of(enum gw_msg_type type)
{
	for (size_t i = 0; i < GW_ELEMENTS(steps); i++)
		if (steps[i].type == type)
			return steps[i].step;
	return NULL;
}

static void tell_with(struct registrar *r, const struct gw_msg *msg, int fd)
{
	const char *step = step_of(msg->type);
	int e;

	if (step)
		gw_step_before(step);
	e = gw_plugin_send(r->plugin, msg, fd);
	if (e < 0)
		gw_log(ERROR, "Cannot tell the agent '%s': %s", gw_wire_name(msg->type),
		       strerror(-e));
	if (step)
		gw_step_after(step);
}

static void tell(struct registrar *r, const struct gw_msg *msg)
{
	tell_with(r, msg, /* fd= */ -1);
}

static void on_tell(void *userdata, const struct gw_msg *msg)
{
	tell(userdata, msg);
}

/* --- our own certificate --- */

static void ask_at(struct registrar *r, uint64_t when_us)
{
	(void)sd_event_source_set_time(r->ask, when_us);
	(void)sd_event_source_set_enabled(r->ask,
					  when_us == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

/* By the time that is known. While it is not, nothing is late. */
static bool knows_time(const struct registrar *r)
{
	return r->shared.dates_matter && wall_now_s();
}

static void report_health(struct registrar *r)
{
	const char *trouble = NULL;

	if (!credentials_are_complete(r->credentials))
		trouble = "Waiting for anchors and a certificate from the cloud: devices with "
			  "certificates are not served yet";
	else if (knows_time(r) && !credentials_are_good(r->credentials, wall_now_s()))
		trouble =
			"Our own certificate is not good at this time: devices that know the time "
			"do not talk to us until the cloud has sent another one, which is asked "
			"for";
	gw_plugin_health(r->plugin, trouble);
}

static void ask_for_certificate(struct registrar *r)
{
	uint64_t now_us = gw_now_monotonic_us();
	struct gw_msg question;
	int e;

	e = credentials_question(r->credentials, &question);
	if (e < 0) {
		gw_log(ERROR, "Cannot make a key for our certificate: %s, trying again",
		       strerror(-e));
		ask_at(r, now_us + ASK_SOONEST_US);
		return;
	}
	r->is_wanting = true;
	ask_at(r, now_us + ASK_AGAIN_US);
	tell(r, &question);
}

static void ask_at_renewal(struct registrar *r)
{
	uint64_t now_us = gw_now_monotonic_us(), due_us = credentials_renew_us(r->credentials);

	ask_at(r, GW_MAX(GW_MIN(due_us, now_us + LOOK_US), now_us + ASK_SOONEST_US));
}

static bool is_untimely(const struct registrar *r)
{
	return credentials_are_current(r->credentials) && knows_time(r) &&
	       !credentials_are_timely(r->credentials, wall_now_s());
}

static int on_ask(sd_event_source *source, uint64_t due_us, void *userdata)
{
	struct registrar *r = userdata;
	bool is_due = gw_now_monotonic_us() >= credentials_renew_us(r->credentials);

	if (!r->is_wanting && credentials_are_current(r->credentials) && !is_due && !is_untimely(r))
		ask_at_renewal(r);
	else
		ask_for_certificate(r);
	return 0;
}

/*
 * What cannot be used must not be missed for ever: the link ends, and the agent says all again, if we had no
 * memory for it just now; else (wolfSSL does not always tell) the anchors come again with the next certificate.
 */
static int not_taken(struct registrar *r, const char *what, int e)
{
	if (e == -ENOMEM)
		return e;

	gw_log(WARNING, "The %s that came cannot be used (%s), asking again", what, strerror(-e));
	r->is_wanting = true;
	ask_at(r, gw_now_monotonic_us() + ASK_ON_ERROR_US);
	report_health(r);
	return 0;
}

static int take_certificate(struct registrar *r, const struct gw_msg_server_cert *msg)
{
	const char *why = NULL;
	int e = credentials_take_certificate(r->credentials, msg, gw_now_monotonic_us(), &why);

	if (e < 0)
		return not_taken(r, "certificate", e);
	if (why) {
		gw_log(WARNING, "The certificate that came for us is no good (%s), ignoring", why);
		return 0;
	}
	gw_log(INFO, "We have a certificate of our own");
	r->is_wanting = false;
	report_health(r);
	ask_at_renewal(r);
	return 0;
}

/* The agent drops the lists of those who are none any more. */
static int tell_issuers(struct registrar *r)
{
	uint8_t hashes[GW_ISSUERS_MAX * GW_HASH_LEN];
	struct gw_msg msg = { .type = GW_MSG_ISSUERS, .issuers = { .issuers = { hashes, 0 } } };
	int e = credentials_issuers(r->credentials, hashes, &msg.issuers.issuers.len);

	if (e >= 0)
		tell(r, &msg);
	return e;
}

static int take_anchors(struct registrar *r, const struct gw_msg_anchors *msg, int fd)
{
	bool ask = false;
	int e = credentials_take_anchors(r->credentials, msg->purpose, fd, &ask);

	if (e < 0)
		return not_taken(r, "list of trust anchors", e);
	if (ask)
		ask_at(r, gw_now_monotonic_us() + ASK_SOON_US);
	report_health(r);
	return msg->purpose == GW_ANCHORS_DEVICE ? tell_issuers(r) : 0;
}

static int take_check(struct registrar *r, const struct gw_msg_check *check)
{
	const char *why = NULL;
	struct gw_msg answer;
	int e = credentials_check(r->credentials, check, &answer, &why);

	if (e < 0)
		return e;
	if (why)
		gw_log_device(WARNING, check->device, "The certificate that came for it: %s", why);
	tell(r, &answer);
	return 0;
}

static int take_list(struct registrar *r, const struct gw_msg_crl *question, int fd)
{
	struct revocation_answer answer = { .places = -1 };
	int e = credentials_check_list(r->credentials, question, fd, &answer);

	if (e < 0)
		return e;
	if (!answer.msg.crl_checked.ok)
		gw_log(WARNING, "A revocation list that came is no good: %s", answer.text);
	tell_with(r, &answer.msg, answer.places);
	revocation_answer_done(&answer);
	return 0;
}

/* --- channels --- */

static void admit(struct registrar *r, struct channel *channel, const struct path *path,
		  const struct front_result *admission, struct gw_blob datagram)
{
	struct WOLFSSL_CTX *context =
		contexts_get(r->contexts, admission->proof, admission->shares_group);
	uint8_t refusal[FRONT_REFUSAL_LEN];

	if (context) {
		(void)crowd_admit(r->crowd, channel, path, context, admission, datagram);
	} else {
		front_refuse(admission, refusal);
		channel_send(channel, path, GW_BLOB_ARRAY(refusal));
	}
}

static void on_datagram(void *userdata, struct channel *channel, const struct path *path,
			struct gw_blob datagram)
{
	struct registrar *r = userdata;
	struct front_result result;
	struct front_known known;
	bool is_known = crowd_knows(r->crowd, path, &known);

	(void)cookies_rotate(&r->cookies, gw_now_monotonic_us());
	switch (front_judge(&r->cookies, path_peer(path), is_known ? &known : NULL, datagram,
			    &result)) {
	case FRONT_REPLY:
		if (is_known)
			crowd_hold_back(r->crowd, path);
		channel_send(channel, path, GW_BLOB_ARRAY(result.reply));
		break;
	case FRONT_PASS: crowd_receive(r->crowd, path, datagram); break;
	case FRONT_ADMIT: admit(r, channel, path, &result, datagram); break;
	case FRONT_DROP:
	case _FRONT_VERDICT_MAX: break;
	}
}

static void drop_channel(struct registrar *r, struct channel **place)
{
	crowd_end_channel(r->crowd, *place);
	*place = channel_free(*place);
}

static void on_broken(void *userdata, struct channel *channel)
{
	struct registrar *r = userdata;

	gw_log(WARNING, "Channel %u is of no more use: its socket was shut down",
	       channel_number(channel));
	for (size_t i = 0; i < GW_ELEMENTS(r->channels); i++)
		if (r->channels[i] == channel)
			drop_channel(r, &r->channels[i]);
}

static int add_channel(struct registrar *r, const struct gw_msg_channel *msg, int *fd)
{
	static const struct channel_ops ops = { on_datagram, on_broken };

	if (msg->kind != GW_CHANNEL_DATAGRAM)
		return -EOPNOTSUPP;

	for (size_t i = 0; i < GW_ELEMENTS(r->channels); i++)
		if (!r->channels[i])
			return channel_new(r->event, msg, fd, &ops, r, &r->channels[i]);
	return -EMFILE;
}

static int take_channel(struct registrar *r, const struct gw_msg_channel *msg, int *fd)
{
	int e = add_channel(r, msg, fd);

	if (e == -ENOMEM)
		return e;
	if (e < 0)
		gw_log(WARNING, "Channel %u of '%s' (%s) is not usable: %s, ignoring", msg->channel,
		       msg->transport, msg->label, strerror(-e));
	else
		gw_log(INFO, "Serving channel %u of '%s' (%s)", msg->channel, msg->transport,
		       msg->label);
	return 0;
}

static void take_channel_gone(struct registrar *r, uint32_t channel)
{
	for (size_t i = 0; i < GW_ELEMENTS(r->channels); i++)
		if (r->channels[i] && channel_number(r->channels[i]) == channel)
			drop_channel(r, &r->channels[i]);
}

/* --- the agent --- */

/* The session that a message is about; false: it is about none. */
static bool session_of(const struct gw_msg *msg, uint64_t *ret)
{
	if (msg->type == GW_MSG_SECRET)
		*ret = msg->secret.session;
	else if (msg->type == GW_MSG_VERDICT)
		*ret = msg->verdict.session;
	else if (msg->type == GW_MSG_SESSION_END)
		*ret = msg->session_end.session;
	else if (msg->type == GW_MSG_ENROLLED)
		*ret = msg->enrolled.session;
	else if (msg->type == GW_MSG_SETTINGS)
		*ret = msg->settings.session;
	else if (msg->type == GW_MSG_REPORTED)
		*ret = msg->reported.session;
	else
		return false;
	return true;
}

static void take_clock(struct registrar *r, const struct gw_msg_clock *msg)
{
	r->shared.dates_matter = msg->trusted;
	wall_set(msg->time);
	report_health(r);
	if (is_untimely(r))
		ask_at(r, gw_now_monotonic_us() + ASK_SOON_US);
}

static int dispatch(struct registrar *r, const struct gw_msg *msg, int *fd)
{
	uint64_t session;

	if (session_of(msg, &session))
		crowd_take(r->crowd, session, msg);
	else if (msg->type == GW_MSG_CHANNEL)
		return take_channel(r, &msg->channel, fd);
	else if (msg->type == GW_MSG_CHANNEL_GONE)
		take_channel_gone(r, msg->channel_gone.channel);
	else if (msg->type == GW_MSG_CHECK)
		return take_check(r, &msg->check);
	else if (msg->type == GW_MSG_SERVER_CERT)
		return take_certificate(r, &msg->server_cert);
	else if (msg->type == GW_MSG_ANCHORS)
		return take_anchors(r, &msg->anchors, *fd);
	else if (msg->type == GW_MSG_CRL)
		return take_list(r, &msg->crl, *fd);
	else if (msg->type == GW_MSG_CLOUD_STATE)
		r->facts.cloud_online = msg->cloud_state.state == GW_CLOUD_ONLINE;
	else if (msg->type == GW_MSG_CLOCK)
		take_clock(r, &msg->clock);
	else
		return -EPROTO;
	return 0;
}

int registrar_take(struct registrar *r, const struct gw_msg *msg, int *fd)
{
	const char *step = step_of(msg->type);
	int e;

	if (step)
		gw_step_before(step);
	e = dispatch(r, msg, fd);
	if (step)
		gw_step_after(step);
	return e;
}

static int apply(struct registrar *r, const struct options *options)
{
	const struct crowd_limits limits = {
		.handshakes_max = options->handshakes_max,
		.handshakes_per_source = options->handshakes_per_source,
		.sessions_max = options->sessions_max,
		.sessions_per_source = options->sessions_per_source,
	};
	uint64_t now_us = gw_now_monotonic_us(), seed;
	int e = gw_random((uint8_t *)&seed, sizeof(seed));

	if (e < 0)
		return e;

	/* Nobody is there yet, or any more, who could hold the one before. */
	r->secrets = ration_free(r->secrets);
	e = ration_new(options->secret_rate, seed, now_us, &r->secrets);
	if (e < 0)
		return e;

	r->shared.secrets = r->secrets;
	r->shared.handshake_timeout_us = options->handshake_timeout_us;
	r->shared.idle_timeout_us = options->idle_timeout_us;
	gw_bucket_init(&r->complaints, COMPLAINT_RATE, COMPLAINT_BURST, now_us);
	crowd_set_limits(r->crowd, &limits);
	return contexts_serve_psk(r->contexts, options->psk_ccm8);
}

int registrar_welcome(struct registrar *r, const struct gw_msg_welcome *welcome)
{
	struct options options;
	const char *key = NULL;
	int e;

	e = options_read(welcome->settings, &options, &key);
	if (e < 0) {
		gw_log(ERROR, "Configuration [registrar] %s: not a value that can be used", key);
		return e;
	}
	e = apply(r, &options);
	if (e < 0)
		return e;

	report_health(r);
	if (credentials_are_current(r->credentials))
		ask_at_renewal(r);
	else
		ask_for_certificate(r);
	return 0;
}

void registrar_lost(struct registrar *r)
{
	crowd_stop(r->crowd);
	for (size_t i = 0; i < GW_ELEMENTS(r->channels); i++)
		r->channels[i] = channel_free(r->channels[i]);
	r->facts.cloud_online = false;
	r->shared.dates_matter = true;
	wall_forget();
	ask_at(r, UINT64_MAX);
}

/* --- life --- */

struct registrar *registrar_free(struct registrar *r)
{
	if (!r)
		return NULL;

	r->crowd = crowd_free(r->crowd);
	for (size_t i = 0; i < GW_ELEMENTS(r->channels); i++)
		r->channels[i] = channel_free(r->channels[i]);
	r->credentials = credentials_free(r->credentials);
	r->contexts = contexts_free(r->contexts);
	sd_event_source_disable_unref(r->ask);
	r->secrets = ration_free(r->secrets);
	cookies_done(&r->cookies);
	explicit_bzero(r->dummy_key, sizeof(r->dummy_key));
	free(r);
	return NULL;
}

GW_DEFINE_CLEANUP(struct registrar *, registrar_free)

static int make_rooms(struct registrar *r)
{
	int e;

	e = cookies_init(&r->cookies, gw_now_monotonic_us());
	if (e < 0)
		return e;
	e = gw_random(r->dummy_key, sizeof(r->dummy_key));
	if (e < 0)
		return e;
	e = contexts_new(&r->contexts);
	if (e < 0)
		return e;
	e = credentials_new(r->contexts, &r->facts, &r->credentials);
	if (e < 0)
		return e;
	e = crowd_new(r->event, &r->shared, &r->crowd);
	if (e < 0)
		return e;
	e = sd_event_add_time(r->event, &r->ask, CLOCK_MONOTONIC, UINT64_MAX, ASK_ACCURACY_US,
			      on_ask, r);
	return e < 0 ? e : sd_event_source_set_enabled(r->ask, SD_EVENT_OFF);
}

int registrar_new(struct gw_plugin *plugin, sd_event *event, struct registrar **ret)
{
	_cleanup_(registrar_freep) struct registrar *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return -ENOMEM;

	r->plugin = plugin;
	r->event = event;
	r->shared = (struct peer_shared){
		.tell = on_tell,
		.userdata = r,
		.facts = &r->facts,
		.dummy_key = r->dummy_key,
		.complaints = &r->complaints,
		.dates_matter = true,
	};
	e = make_rooms(r);
	if (e < 0)
		return e;

	*ret = TAKE_PTR(r);
	return 0;
}
