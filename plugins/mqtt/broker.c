/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Credentials, look-up, one connection per address until one is up, and so with each broker of the list; and
 * from any of these to a pause and back to the start. At most one `resolve` and one `connection` exist at a time, and the timer runs only in a
 * pause.
 *
 * A connection that is cut leaves the will on the broker, which says what is true: not online.
 */
#include "plugins/mqtt/broker.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <systemd/sd-event.h>

#include "lib/endpoint.h"
#include "lib/log.h"
#include "lib/mqtt-tls.h"
#include "lib/mqtt.h"
#include "lib/resolve.h"
#include "lib/util.h"
#include "plugins/mqtt/backoff.h"
#include "plugins/mqtt/credential.h"
#include "plugins/mqtt/guise.h"
#include "plugins/mqtt/presence.h"
#include "plugins/mqtt/wallet.h"

#define SECOND_US 1000000ull

#define PAUSE_CREDENTIAL_US (30 * SECOND_US)   /* in case the folder cannot be watched */
#define PAUSE_FILES_US      (SECOND_US / 5)    /* files seldom come alone */
#define PAUSE_RIVAL_US      (300 * SECOND_US)  /* at least, the first time; then twice that, ... */
#define PAUSE_RIVAL_MAX_US  (3600 * SECOND_US) /* ... up to this */

#define STEADY_US (10 * SECOND_US) /* a connection that lasts so long was no mere flap */
#define FLAPS_MAX 5                /* in a row, before somebody is told */

/* Where we stand between two attempts. */
enum pause {
	PAUSE_NONE, /* under way, or up */
	PAUSE_CREDENTIAL,
	PAUSE_RETRY,
	PAUSE_RIVAL,
	_PAUSE_MAX,
};

struct broker {
	sd_event *event;
	const struct broker_ops *ops;
	void *userdata;

	struct gw_endpoint endpoints[BROKER_ENDPOINTS_MAX];
	size_t n_endpoints, at, n_tried; /* in a row, since one let us in */
	char *folder;
	char gateway[GW_ID_MAX + 1];
	struct presence *presence;
	struct wallet *wallet;
	struct guise *guise; /* of the connection */
	bool is_returning;   /* from a leave that we took */

	sd_event_source *again, *files;
	enum pause pause;
	struct backoff backoff;
	uint64_t rival_pause_us;

	struct gw_mqtt_clock clock;     /* not trusted until the agent says so */
	struct gw_mqtt_tls *tls;        /* for the next connection; each needs one of its own */
	const struct gw_mqtt_tls *used; /* the connection's */
	struct gw_resolve *resolve;
	struct gw_resolve_result addresses;
	size_t next_address;
	struct gw_mqtt *connection;
	uint64_t up_us; /* when it came up, 0: it is not up */
	bool corrected; /* the status that stands on the broker, once */
	unsigned flaps;
};

/* --- saying how it goes ----------------------------------------------------------------------- */

static void say(struct broker *b, enum gw_cloud_state state, bool needs_help, const char *format,
		...) GW_PRINTF(4, 5);
static void say(struct broker *b, enum gw_cloud_state state, bool needs_help, const char *format,
		...)
{
	char text[2 * GW_TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	b->ops->state(state, text, needs_help, b->userdata);
}

/* --- pausing ---------------------------------------------------------------------------------- */

static void pause_for(struct broker *b, enum pause pause, uint64_t us)
{
	b->pause = pause;
	(void)sd_event_source_set_time_relative(b->again, us);
	(void)sd_event_source_set_enabled(b->again, SD_EVENT_ONESHOT);
	b->ops->retry(us, b->userdata);
}

/* The broker whose turn it is. */
static const struct gw_endpoint *endpoint(const struct broker *b)
{
	return &b->endpoints[b->at];
}

static uint32_t throw_dice(void)
{
	uint32_t dice = 0;

	(void)!getrandom(&dice, sizeof(dice), GRND_NONBLOCK);
	return dice;
}

/* Each broker has its turn before there is a pause. */
static void retry_later(struct broker *b)
{
	b->at = (b->at + 1) % b->n_endpoints;
	if (++b->n_tried < b->n_endpoints) {
		pause_for(b, PAUSE_RETRY, 0);
		return;
	}
	b->n_tried = 0;
	pause_for(b, PAUSE_RETRY, backoff_next(&b->backoff, throw_dice()));
}

/* It let us in before: first to the same one. */
static void return_later(struct broker *b)
{
	b->n_tried = b->n_endpoints - 1;
	b->at = (b->at + b->n_endpoints - 1) % b->n_endpoints;
	retry_later(b);
}

/* They notice in the same moment, and would meet again after the same pause. */
static void give_way(struct broker *b)
{
	uint64_t pause_us = backoff_apart(b->rival_pause_us, throw_dice());

	say(b, GW_CLOUD_OFFLINE, true,
	    "Another machine uses the identity of gateway %s: give one of the two another "
	    "[gateway] id, and a claim or certificate of its own. This one waits %u minutes before "
	    "it tries again.",
	    b->gateway, (unsigned)(pause_us / SECOND_US / 60));
	pause_for(b, PAUSE_RIVAL, pause_us);
	b->rival_pause_us = GW_MIN(b->rival_pause_us * 2, PAUSE_RIVAL_MAX_US);
}

/* --- one connection --------------------------------------------------------------------------- */

static void publish_status(struct broker *b)
{
	_cleanup_free_ char *status = NULL;

	if (guise_write_status(b->guise, &status) >= 0)
		(void)gw_mqtt_publish(b->connection, guise_topic(b->guise, DIALECT_STATUS), status,
				      /* retain= */ true);
}

static void on_up(void *userdata)
{
	struct broker *b = userdata;

	b->up_us = gw_now_monotonic_us();
	b->n_tried = 0;
	if (!guise_is_claim(b->guise)) {
		publish_status(b);
		say(b, GW_CLOUD_ONLINE, false, "Connected to the broker %s:%u.", endpoint(b)->host,
		    endpoint(b)->port);
		b->ops->room(b->userdata);
	}
	wallet_up(b->wallet);
}

/* Somebody's word on our status topic; mostly our own, come back. */
static void check_status(struct broker *b, struct gw_blob body)
{
	char id[GW_ID_MAX + 1];

	if (dialect_read_status_id(body, id) < 0)
		return;
	if (presence_is_rival(b->presence, id)) {
		gw_mqtt_leave(b->connection);
	} else if (b->up_us && !b->corrected && !gw_streq(id, b->presence->id)) {
		/* A will that came late stands there now, and says that we are away. */
		b->corrected = true;
		publish_status(b);
	}
}

static void on_room(void *userdata)
{
	struct broker *b = userdata;

	if (!guise_is_claim(b->guise))
		b->ops->room(b->userdata);
}

static void on_message(const char *topic, struct gw_blob body, void *userdata)
{
	struct broker *b = userdata;
	enum dialect_topic which;

	if (guise_topic_of(b->guise, topic, &which) < 0)
		return;
	if (which == DIALECT_STATUS)
		check_status(b, body);
	else
		b->ops->message(which, body, b->userdata);
}

/* Whether it was a good connection, as judged by its length. */
static void judge_length(struct broker *b)
{
	uint64_t lasted_us = gw_now_monotonic_us() - b->up_us;

	if (!b->up_us)
		return;
	if (lasted_us < STEADY_US) {
		b->flaps++;
		return;
	}
	b->flaps = 0;
	backoff_reset(&b->backoff);
	if (lasted_us > PAUSE_RIVAL_MAX_US)
		b->rival_pause_us = PAUSE_RIVAL_US;
}

static void say_lost(struct broker *b, const char *why)
{
	if (b->flaps < FLAPS_MAX)
		say(b, GW_CLOUD_OFFLINE, false, "The connection to %s:%u is lost: %s.",
		    endpoint(b)->host, endpoint(b)->port, why);
	else
		say(b, GW_CLOUD_OFFLINE, true,
		    "The broker %s:%u hangs up soon after each connection: see its log, and "
		    "whether another machine uses the identity of gateway %s.",
		    endpoint(b)->host, endpoint(b)->port, b->gateway);
}

/* Whose certificate it was that the other one refused is not to be told apart in all cases. */
static enum wallet_end end_for_wallet(enum gw_mqtt_end end, bool was_up)
{
	switch (end) {
	case GW_MQTT_LEFT: return WALLET_LEFT;
	case GW_MQTT_UNTRUSTED:
	case GW_MQTT_REFUSED: return was_up ? WALLET_LOST : WALLET_REFUSED;
	case GW_MQTT_UNREACHABLE:
	case GW_MQTT_LOST:
	case _GW_MQTT_END_MAX: break;
	}
	return was_up ? WALLET_LOST : WALLET_UNREACHABLE;
}

static int connect_next(struct broker *b);

static void on_closed(enum gw_mqtt_end end, const char *why, void *userdata)
{
	struct broker *b = userdata;
	char reason[GW_TEXT_MAX];
	bool was_up = b->up_us;

	(void)gw_copy(reason, sizeof(reason), why); /* goes with the connection */
	b->connection = gw_mqtt_free(b->connection);
	judge_length(b);
	b->up_us = 0;

	if (end == GW_MQTT_UNREACHABLE && b->next_address < b->addresses.n && connect_next(b) >= 0)
		return;
	if (wallet_closed(b->wallet, end_for_wallet(end, was_up), reason)) {
		pause_for(b, PAUSE_RETRY, 0); /* with what worked before */
		return;
	}

	switch (end) {
	case GW_MQTT_LEFT:
		if (b->is_returning)
			pause_for(b, PAUSE_RETRY, 0);
		else
			give_way(b);
		return;
	case GW_MQTT_UNREACHABLE:
		say(b, GW_CLOUD_OFFLINE, false, "No broker at %s:%u: %s.", endpoint(b)->host,
		    endpoint(b)->port, reason);
		break;
	case GW_MQTT_UNTRUSTED:
		say(b, GW_CLOUD_OFFLINE, true,
		    "No TLS with the broker %s:%u: %s. Look at %s, %s and the broker's "
		    "certificate.",
		    endpoint(b)->host, endpoint(b)->port, reason, CREDENTIAL_CA, CREDENTIAL_CERT);
		break;
	case GW_MQTT_REFUSED:
		say(b, GW_CLOUD_OFFLINE, true,
		    "The broker %s:%u refuses gateway %s: %s. Look at its log and its rules.",
		    endpoint(b)->host, endpoint(b)->port, b->gateway, reason);
		break;
	case GW_MQTT_LOST:
		say_lost(b, reason);
		return_later(b);
		return;
	case _GW_MQTT_END_MAX: break;
	}
	retry_later(b);
}

/* By the credentials as they are now. */
static int make_tls(struct broker *b, struct gw_mqtt_tls **ret, char *why, size_t size)
{
	struct ssl_ctx_st *ctx;
	int r;

	r = wallet_load(b->wallet, &ctx, why, size);
	b->ops->credential(r < 0 ? why : NULL, b->userdata);
	if (r < 0)
		return r;

	return gw_mqtt_tls_new(ctx, endpoint(b), &b->clock, ret);
}

/* Credentials are read for each connection; what is wrong with them has been told. */
static int take_tls(struct broker *b, struct gw_mqtt_tls **ret)
{
	char why[GW_TEXT_MAX];

	*ret = TAKE_PTR(b->tls);
	return *ret ? 0 : make_tls(b, ret, why, sizeof(why));
}

static int connect_next(struct broker *b)
{
	static const struct gw_mqtt_ops ops = { on_up, on_message, on_room, on_closed };
	struct gw_mqtt_config config;
	struct gw_mqtt_tls *tls;
	int r = take_tls(b, &tls);

	if (r < 0)
		return r;

	b->is_returning = b->corrected = false;
	r = guise_put_on(b->guise, wallet_is_claim(b->wallet) ? wallet_name(b->wallet) : NULL,
			 &config);
	if (r < 0) {
		gw_mqtt_tls_free(tls);
		return r;
	}
	b->used = tls;
	config.address = b->addresses.addresses[b->next_address++];
	config.port = endpoint(b)->port;
	return gw_mqtt_new(b->event, tls, &config, &ops, b, &b->connection);
}

/* --- one attempt ------------------------------------------------------------------------------ */

static void on_resolved(const struct gw_resolve_result *result, void *userdata)
{
	struct broker *b = userdata;
	int r;

	b->addresses = *result;
	b->next_address = 0;
	b->resolve = gw_resolve_free(b->resolve);
	if (b->addresses.error) {
		say(b, GW_CLOUD_OFFLINE, false, "The broker's name %s cannot be looked up: %s.",
		    endpoint(b)->host, b->addresses.error);
		retry_later(b);
		return;
	}

	r = connect_next(b);
	if (r < 0) {
		say(b, GW_CLOUD_OFFLINE, false, "No connection can be made: %s.", strerror(-r));
		retry_later(b);
	}
}

static int attempt(struct broker *b)
{
	char why[GW_TEXT_MAX];
	int r;

	b->tls = gw_mqtt_tls_free(b->tls);
	r = make_tls(b, &b->tls, why, sizeof(why));
	if (r < 0) {
		say(b, GW_CLOUD_UNPROVISIONED, true, "%s", why);
		pause_for(b, PAUSE_CREDENTIAL, PAUSE_CREDENTIAL_US);
		return 0;
	}
	if (b->pause == PAUSE_CREDENTIAL)
		say(b, GW_CLOUD_CONNECTING, false, "Connecting to %s:%u.", endpoint(b)->host,
		    endpoint(b)->port);
	if (b->pause == PAUSE_RIVAL)
		presence_forget(b->presence);

	b->pause = PAUSE_NONE;
	b->ops->retry(/* in_us= */ 0, b->userdata);
	r = gw_resolve_start(b->event, endpoint(b)->host, on_resolved, b, &b->resolve);
	if (r < 0)
		retry_later(b);
	return r;
}

/* A file came, went or changed. What waits for that need wait no longer. */
static int on_files(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
	struct broker *b = userdata;

	if (event->mask & IN_IGNORED)
		b->files = sd_event_source_disable_unref(b->files);
	if (event->len && strncmp(event->name, "cloud-", strlen("cloud-")) != 0)
		return 0;
	if (b->pause == PAUSE_CREDENTIAL || b->pause == PAUSE_RETRY)
		pause_for(b, b->pause, PAUSE_FILES_US);
	return 0;
}

/* Best effort: the pause ends by itself as well. */
static void watch_files(struct broker *b)
{
	if (!b->files)
		(void)sd_event_add_inotify(b->event, &b->files, b->folder,
					   IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB |
						   IN_ONLYDIR,
					   on_files, b);
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct broker *b = userdata;

	watch_files(b);
	(void)attempt(b);
	return 0;
}

/* --- life ------------------------------------------------------------------------------------- */

struct broker *broker_free(struct broker *b)
{
	if (!b)
		return NULL;

	b->connection = gw_mqtt_free(b->connection);
	b->resolve = gw_resolve_free(b->resolve);
	b->tls = gw_mqtt_tls_free(b->tls);
	b->guise = guise_free(b->guise);
	sd_event_source_disable_unref(b->again);
	sd_event_source_disable_unref(b->files);
	sd_event_unref(b->event);
	free(b->folder);
	free(b);
	return NULL;
}

GW_DEFINE_CLEANUP(struct broker *, broker_free)

static int copy_config(struct broker *b, const struct broker_config *config)
{
	b->n_endpoints = GW_MIN(config->n_endpoints, (size_t)BROKER_ENDPOINTS_MAX);
	memcpy(b->endpoints, config->endpoints, b->n_endpoints * sizeof(b->endpoints[0]));
	b->presence = config->presence;
	b->wallet = config->wallet;
	(void)gw_copy(b->gateway, sizeof(b->gateway), config->gateway);

	b->folder = strdup(config->folder);
	return b->folder ? guise_new(b->gateway, config->box_key, b->presence, &b->guise) : -ENOMEM;
}

int broker_new(sd_event *event, const struct broker_config *config, const struct broker_ops *ops,
	       void *userdata, struct broker **ret)
{
	_cleanup_(broker_freep) struct broker *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->event = sd_event_ref(event);
	b->ops = ops;
	b->userdata = userdata;
	backoff_init(&b->backoff, config->spread_us);
	b->rival_pause_us = PAUSE_RIVAL_US;

	r = copy_config(b, config);
	if (r < 0)
		return r;

	/* As if credentials had just appeared: the first attempt begins in the loop. */
	b->pause = PAUSE_CREDENTIAL;
	r = sd_event_add_time_relative(event, &b->again, CLOCK_MONOTONIC, 0, /* accuracy= */ 1000,
				       on_again, b);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(b);
	return 0;
}

/* --- use -------------------------------------------------------------------------------------- */

int broker_publish(struct broker *b, enum dialect_topic topic, const char *body)
{
	if (!b->connection || guise_is_claim(b->guise))
		return -ENOTCONN;
	return gw_mqtt_publish(b->connection, guise_topic(b->guise, topic), body,
			       /* retain= */ false);
}

void broker_set_clock(struct broker *b, bool trusted, uint64_t time_s)
{
	b->clock = (struct gw_mqtt_clock){ trusted, time_s, gw_now_boottime_us() };
	if (!b->connection || gw_mqtt_tls_is_current(b->used))
		return;

	b->connection = gw_mqtt_free(b->connection);
	b->up_us = 0;
	(void)wallet_closed(b->wallet, WALLET_LEFT, "");
	say(b, GW_CLOUD_OFFLINE, true,
	    "The certificate of the broker %s:%u, which was taken while nobody knew the time, is "
	    "not "
	    "good now. Look at %s and the broker's certificate.",
	    endpoint(b)->host, endpoint(b)->port, CREDENTIAL_CA);
	retry_later(b);
}

int broker_publish_own(struct broker *b, const char *body)
{
	if (!b->connection)
		return -ENOTCONN;
	return gw_mqtt_publish(b->connection, guise_topic(b->guise, DIALECT_REQUEST), body,
			       /* retain= */ false);
}

bool broker_has_room(const struct broker *b)
{
	return b->connection && !guise_is_claim(b->guise) && gw_mqtt_has_room(b->connection);
}

void broker_reconnect(struct broker *b)
{
	if (!b->connection)
		return; /* it comes to that by itself */
	b->is_returning = true;
	gw_mqtt_leave(b->connection);
}

int broker_anchor(const struct broker *b, uint8_t **ret, size_t *ret_len)
{
	return b->up_us ? gw_mqtt_anchor(b->connection, ret, ret_len) : -ENOTCONN;
}
