/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libmosquitto 2.0 in an event loop. What it does not do by itself, and what this file is about:
 *
 *   It takes a refused TCP connection for one in progress and spins: so the socket is asked for its
 *   error before the library gets to see it, and an error or hang-up always ends the connection.
 *   It says it wants to write during the whole TLS handshake: so only the handshake itself is asked
 *   (mqtt-tls.c), and nothing is written before that is complete.
 *   It has no time limit for TCP, TLS and CONNACK: so there is a timer.
 *   It closes the socket by itself on errors: so the watch on it is taken away after each call.
 *   Within its callbacks it queues and does not write: so callbacks only take notes, and settle() acts.
 */
#include "lib/mqtt.h"

#include <mosquitto.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "lib/mqtt-tls.h"
#include "lib/util.h"

#define CONNECT_TIMEOUT_US 15000000 /* TCP, TLS, CONNACK, SUBACK in all */
#define KEEPALIVE_S        30
#define MISC_US            5000000 /* how often the library looks at its keepalive */
#define QOS                1
#define SUBACK_FAILURE     0x80
#define PROTOCOL           MQTT_PROTOCOL_V311

enum phase {
	PHASE_TCP,
	PHASE_TLS,
	PHASE_MQTT, /* until all subscriptions are acknowledged */
	PHASE_UP,
	PHASE_ENDED,
	_PHASE_MAX,
};

struct gw_mqtt {
	struct mosquitto *mosq;
	struct gw_mqtt_tls *tls;
	const struct gw_mqtt_ops *ops;
	void *userdata;

	sd_event_source *io, *timeout, *misc, *end;
	enum phase phase;
	enum gw_mqtt_end how;
	char why[192];

	char *topics[GW_MQTT_TOPICS_MAX];
	size_t n_topics, n_needed;
	size_t unacked;
	int early_error; /* errno of a TCP connection that failed while the library began it */

	/* Noted by callbacks. */
	bool accepted, subscribed, room, leaving;
	char refusal[96];    /* why the broker does not want us */
	char complaint[128]; /* the last error that the library logged */
};

/* --- ending -------------------------------------------------------------------------------------- */

static void drop_watch(struct gw_mqtt *c)
{
	c->io = sd_event_source_disable_unref(c->io);
}

/* closed() comes from the loop, so that nobody's connection goes while he is inside a call on it. */
static void end(struct gw_mqtt *c, enum gw_mqtt_end how, const char *why)
{
	if (c->phase == PHASE_ENDED)
		return;

	c->phase = PHASE_ENDED;
	c->how = how;
	(void)gw_copy(c->why, sizeof(c->why), why);
	drop_watch(c);
	(void)sd_event_source_set_enabled(c->timeout, SD_EVENT_OFF);
	(void)sd_event_source_set_enabled(c->misc, SD_EVENT_OFF);
	(void)sd_event_source_set_enabled(c->end, SD_EVENT_ONESHOT);
}

/* Says what a failure of the library means: it has few words for it itself. */
static void fail(struct gw_mqtt *c, int rc)
{
	const char *distrust = gw_mqtt_tls_distrust(c->tls);
	char why[192];

	if (c->leaving)
		end(c, GW_MQTT_LEFT, "left");
	else if (*c->refusal)
		end(c, GW_MQTT_REFUSED, c->refusal);
	else if (c->phase == PHASE_UP)
		end(c, GW_MQTT_LOST,
		    rc == MOSQ_ERR_KEEPALIVE ? "it does not answer any more" : "it hung up");
	else if (distrust) {
		(void)snprintf(why, sizeof(why), "its certificate is not to be trusted: %s",
			       distrust);
		end(c, GW_MQTT_UNTRUSTED, why);
	} else if (*c->complaint) {
		(void)snprintf(why, sizeof(why), "the TLS handshake failed: %s", c->complaint);
		end(c, GW_MQTT_UNTRUSTED, why);
	} else if (gw_mqtt_tls_is_up(c->tls))
		/* With TLS 1.3 the refusal comes after our side is done, and may cross what we write. */
		end(c, GW_MQTT_REFUSED,
		    "it hung up right after the TLS handshake, as if it did not accept our "
		    "certificate");
	else
		end(c, GW_MQTT_UNREACHABLE, "it hung up");
}

/* --- driving the library ---------------------------------------------------------------------- */

/* The socket's own error, which the library would not notice. */
static int socket_error(struct gw_mqtt *c)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(mosquitto_socket(c->mosq), SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return errno;
	return error ? error : c->early_error;
}

static uint32_t wanted_events(struct gw_mqtt *c)
{
	bool write = false;

	switch (c->phase) {
	case PHASE_TCP: return EPOLLOUT;
	case PHASE_TLS: write = gw_mqtt_tls_wants_write(c->tls); break;
	case PHASE_MQTT:
	case PHASE_UP: write = mosquitto_want_write(c->mosq); break;
	case PHASE_ENDED:
	case _PHASE_MAX: break;
	}
	return EPOLLIN | (write ? EPOLLOUT : 0u);
}

static int subscribe(struct gw_mqtt *c)
{
	return mosquitto_subscribe_multiple(c->mosq, /* mid= */ NULL, (int)c->n_topics, c->topics,
					    QOS, /* options= */ 0, /* properties= */ NULL);
}

static int act_on_notes(struct gw_mqtt *c)
{
	int rc = MOSQ_ERR_SUCCESS;
	bool wait = false;

	/*
	 * CONNECT has waited for this; unless it has gone by itself, it leaves on the next wake-up, after
	 * a read: a server of TLS 1.3 may just have refused our certificate, and a failed write would
	 * hide what it said.
	 */
	if (c->phase == PHASE_TLS && gw_mqtt_tls_is_up(c->tls)) {
		c->phase = PHASE_MQTT;
		wait = !c->accepted;
	}
	if (c->accepted) {
		c->accepted = false;
		rc = subscribe(c);
	}
	if (*c->refusal)
		return MOSQ_ERR_CONN_REFUSED;
	if (c->leaving) {
		(void)mosquitto_disconnect(c->mosq);
		return MOSQ_ERR_NO_CONN;
	}
	if (rc == MOSQ_ERR_SUCCESS && c->phase >= PHASE_MQTT && !wait &&
	    mosquitto_want_write(c->mosq))
		rc = mosquitto_loop_write(c->mosq, 1);
	return rc;
}

static void tell(struct gw_mqtt *c)
{
	if (c->phase == PHASE_MQTT && c->subscribed) {
		c->phase = PHASE_UP;
		(void)sd_event_source_set_enabled(c->timeout, SD_EVENT_OFF);
		c->ops->up(c->userdata);
	}
	if (c->phase == PHASE_UP && c->room) {
		c->room = false;
		c->ops->room(c->userdata);
	}
}

/* After each call of the library, with its result: carries out what callbacks noted, and looks
 * whether there still is a connection. */
static void settle(struct gw_mqtt *c, int rc)
{
	if (c->phase == PHASE_ENDED)
		return;

	if (rc == MOSQ_ERR_SUCCESS)
		rc = act_on_notes(c);
	if (rc != MOSQ_ERR_SUCCESS || mosquitto_socket(c->mosq) < 0) {
		fail(c, rc);
		return;
	}

	tell(c);
	if (c->phase != PHASE_ENDED)
		(void)sd_event_source_set_io_events(c->io, wanted_events(c));
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct gw_mqtt *c = userdata;
	int rc = MOSQ_ERR_SUCCESS;

	if (c->phase == PHASE_TCP) {
		int error = socket_error(c);

		if (error || revents & (EPOLLERR | EPOLLHUP)) {
			end(c, GW_MQTT_UNREACHABLE, error ? strerror(error) : "it hung up");
			return 0;
		}
		c->phase = PHASE_TLS;
	}

	/* During the handshake, reading is what drives it, writing included. */
	if (c->phase == PHASE_TLS || revents & ~(uint32_t)EPOLLOUT)
		rc = mosquitto_loop_read(c->mosq, 1);
	settle(c, rc);

	/* What was left to read has been read, and what it was is told if anything could be. */
	if (c->phase != PHASE_ENDED && revents & (EPOLLERR | EPOLLHUP))
		fail(c, MOSQ_ERR_CONN_LOST);
	return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	static const char *const whys[_PHASE_MAX] = {
		[PHASE_TCP] = "no answer to the TCP connection",
		[PHASE_TLS] = "the TLS handshake takes too long",
		[PHASE_MQTT] = "no answer to the MQTT connection",
	};
	struct gw_mqtt *c = userdata;

	end(c, GW_MQTT_UNREACHABLE, whys[c->phase]);
	return 0;
}

static int on_misc(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct gw_mqtt *c = userdata;

	(void)sd_event_source_set_time_relative(source, MISC_US);
	(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	if (c->phase >= PHASE_MQTT)
		settle(c, mosquitto_loop_misc(c->mosq));
	return 0;
}

static int on_end(sd_event_source *source, void *userdata)
{
	struct gw_mqtt *c = userdata;

	c->ops->closed(c->how, c->why, c->userdata);
	return 0;
}

/* --- the library's callbacks: they only take notes ------------------------------------------------ */

static void on_connect(struct mosquitto *mosq, void *userdata, int code)
{
	static const char *const refusals[] = {
		[1] = "it does not speak MQTT 3.1.1", [2] = "it refuses the client id",
		[3] = "it is not available",          [4] = "it wants a user name and password",
		[5] = "it does not let us in",
	};
	struct gw_mqtt *c = userdata;

	c->accepted = code == 0;
	if (!c->accepted)
		(void)gw_copy(c->refusal, sizeof(c->refusal),
			      code > 0 && code < (int)GW_ELEMENTS(refusals)
				      ? refusals[code]
				      : "it refuses the connection");
}

static void on_subscribe(struct mosquitto *mosq, void *userdata, int mid, int n, const int *granted)
{
	struct gw_mqtt *c = userdata;

	c->subscribed = true;
	for (size_t i = 0; i < c->n_needed; i++)
		if (i >= (size_t)n || granted[i] == SUBACK_FAILURE)
			(void)snprintf(c->refusal, sizeof(c->refusal),
				       "it does not let us read %.50s", c->topics[i]);
}

static void on_publish(struct mosquitto *mosq, void *userdata, int mid)
{
	struct gw_mqtt *c = userdata;

	if (c->unacked)
		c->unacked--;
	c->room = true;
}

static void on_message(struct mosquitto *mosq, void *userdata,
		       const struct mosquitto_message *message)
{
	struct gw_mqtt *c = userdata;
	struct gw_blob body = { message->payload, (size_t)message->payloadlen };

	c->ops->message(message->topic, body, c->userdata);
	if (message->payload)
		explicit_bzero(message->payload, body.len); /* there may have been a secret in it */
}

/* "OpenSSL Error[0]: error:0A000418:SSL routines::tlsv1 alert unknown ca" -> the last part. */
static void on_log(struct mosquitto *mosq, void *userdata, int level, const char *text)
{
	struct gw_mqtt *c = userdata;
	const char *colon = strrchr(text, ':');

	if (level == MOSQ_LOG_ERR && !*c->complaint)
		(void)gw_copy(c->complaint, sizeof(c->complaint), colon ? colon + 1 : text);
}

/* --- life ------------------------------------------------------------------------------------------ */

struct gw_mqtt *gw_mqtt_free(struct gw_mqtt *c)
{
	if (!c)
		return NULL;

	drop_watch(c);
	sd_event_source_disable_unref(c->timeout);
	sd_event_source_disable_unref(c->misc);
	sd_event_source_disable_unref(c->end);
	mosquitto_destroy(c->mosq);
	gw_mqtt_tls_free(c->tls);
	for (size_t i = 0; i < c->n_topics; i++)
		free(c->topics[i]);
	free(c);
	return NULL;
}

GW_DEFINE_CLEANUP(struct gw_mqtt *, gw_mqtt_free)

static int make_timers(struct gw_mqtt *c, sd_event *event)
{
	int r = sd_event_add_time_relative(event, &c->timeout, CLOCK_MONOTONIC, CONNECT_TIMEOUT_US,
					   /* accuracy= */ 0, on_timeout, c);

	if (r < 0)
		return r;
	r = sd_event_add_time_relative(event, &c->misc, CLOCK_MONOTONIC, MISC_US,
				       /* accuracy= */ 1000000, on_misc, c);
	if (r < 0)
		return r;
	r = sd_event_add_defer(event, &c->end, on_end, c);
	return r < 0 ? r : sd_event_source_set_enabled(c->end, SD_EVENT_OFF);
}

static int make_client(struct gw_mqtt *c, const struct gw_mqtt_config *config)
{
	int rc;

	c->mosq = mosquitto_new(config->client_id, /* clean_session= */ config->forget, c);
	if (!c->mosq)
		return -ENOMEM;
	mosquitto_connect_callback_set(c->mosq, on_connect);
	mosquitto_subscribe_callback_set(c->mosq, on_subscribe);
	mosquitto_publish_callback_set(c->mosq, on_publish);
	mosquitto_message_callback_set(c->mosq, on_message);
	mosquitto_log_callback_set(c->mosq, on_log);
	(void)mosquitto_max_inflight_messages_set(c->mosq, GW_MQTT_UNACKED);

	rc = mosquitto_int_option(c->mosq, MOSQ_OPT_PROTOCOL_VERSION, PROTOCOL);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_int_option(c->mosq, MOSQ_OPT_TCP_NODELAY, 1);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_int_option(c->mosq, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_void_option(c->mosq, MOSQ_OPT_SSL_CTX, gw_mqtt_tls_context(c->tls));
	if (rc == MOSQ_ERR_SUCCESS && config->will_topic)
		rc = mosquitto_will_set(c->mosq, config->will_topic, (int)strlen(config->will),
					config->will, QOS, /* retain= */ true);
	return rc == MOSQ_ERR_SUCCESS ? 0 : -ENOMEM;
}

static int copy_topics(struct gw_mqtt *c, const struct gw_mqtt_config *config)
{
	for (size_t i = 0; i < config->n_topics; i++) {
		c->topics[i] = strdup(config->topics[i]);
		if (!c->topics[i])
			return -ENOMEM;
		c->n_topics++;
	}
	c->n_needed = config->n_needed;
	return 0;
}

/* Numeric, so nothing is looked up here. Whatever fails from here on comes by closed(). */
static int begin(struct gw_mqtt *c, sd_event *event, const struct gw_mqtt_config *config)
{
	int rc;

	errno = 0;
	rc = mosquitto_connect_async(c->mosq, config->address, config->port, KEEPALIVE_S);
	if (rc == MOSQ_ERR_ERRNO && !gw_mqtt_tls_is_up(c->tls)) {
		end(c, GW_MQTT_UNREACHABLE, strerror(errno));
		return 0;
	}
	/* What fails that soon is a refusal by a near host; some versions of the library do not say so. */
	if (rc == MOSQ_ERR_TLS && !*c->complaint && !gw_mqtt_tls_distrust(c->tls)) {
		end(c, GW_MQTT_UNREACHABLE, strerror(ECONNREFUSED));
		return 0;
	}
	if (rc != MOSQ_ERR_SUCCESS) {
		fail(c, rc);
		return 0;
	}

	/* A refusal by a near host comes at once, and the library's first write eats it. */
	if (errno == ECONNREFUSED || errno == ECONNRESET || errno == EPIPE)
		c->early_error = errno;
	return sd_event_add_io(event, &c->io, mosquitto_socket(c->mosq), EPOLLOUT, on_io, c);
}

int gw_mqtt_new(sd_event *event, struct gw_mqtt_tls *tls, const struct gw_mqtt_config *config,
		const struct gw_mqtt_ops *ops, void *userdata, struct gw_mqtt **ret)
{
	_cleanup_(gw_mqtt_freep) struct gw_mqtt *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		gw_mqtt_tls_free(tls);
		return -ENOMEM;
	}
	c->tls = tls;
	c->ops = ops;
	c->userdata = userdata;

	r = copy_topics(c, config);
	if (r < 0)
		return r;
	r = make_timers(c, event);
	if (r < 0)
		return r;
	r = make_client(c, config);
	if (r < 0)
		return r;

	r = begin(c, event, config);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(c);
	return 0;
}

/* --- use ------------------------------------------------------------------------------------------- */

void gw_mqtt_leave(struct gw_mqtt *c)
{
	c->leaving = true;
	(void)sd_event_source_set_time_relative(c->misc, 0);
}

int gw_mqtt_publish(struct gw_mqtt *c, const char *topic, const char *body, bool retain)
{
	int rc;

	if (c->phase != PHASE_UP)
		return -ENOTCONN;
	if (c->unacked >= GW_MQTT_UNACKED)
		return -EAGAIN;

	rc = mosquitto_publish(c->mosq, /* mid= */ NULL, topic, (int)strlen(body), body, QOS,
			       retain);
	if (rc != MOSQ_ERR_SUCCESS) {
		fail(c, rc);
		return -ENOTCONN;
	}

	c->unacked++;
	(void)sd_event_source_set_io_events(c->io, wanted_events(c));
	return 0;
}

int gw_mqtt_anchor(const struct gw_mqtt *c, uint8_t **ret, size_t *ret_len)
{
	return c->phase == PHASE_UP ? gw_mqtt_tls_anchor(c->tls, ret, ret_len) : -ENOENT;
}

bool gw_mqtt_has_room(const struct gw_mqtt *c)
{
	return c->phase == PHASE_UP && c->unacked < GW_MQTT_WINDOW;
}
