/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A look-up, one connection for each address until one is up, and from any of these to a pause and
 * back to the start; pauses grow to half a minute. What is to be published while too much is under
 * way waits here, bounded; what is lost with a connection is asked for again by whom it was for.
 */
#include "tools/cloud/broker.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <systemd/sd-event.h>

#include "lib/blob.h"
#include "lib/endpoint.h"
#include "lib/log.h"
#include "lib/mqtt-tls.h"
#include "lib/mqtt.h"
#include "lib/resolve.h"
#include "lib/util.h"
#include "tools/cloud/authority.h"
#include "tools/cloud/bundle.h"
#include "tools/cloud/certificate.h"
#include "tools/cloud/home.h"
#include "tools/cloud/key.h"
#include "tools/cloud/members.h"

#define SECOND_US      1000000ull
#define PAUSE_FIRST_US (SECOND_US / 2)
#define PAUSE_MAX_US   (30 * SECOND_US)
#define QUEUE_MAX      1024

struct letter {
	char *topic, *body;
};

struct broker {
	sd_event *event;
	const struct home *home;
	struct gw_endpoint endpoint;
	const struct broker_ops *ops;
	void *userdata;

	sd_event_source *again;
	uint64_t pause_us;
	struct gw_resolve *resolve;
	struct gw_resolve_result addresses;
	size_t next_address;
	struct gw_mqtt *mqtt;
	bool is_up;

	struct letter queue[QUEUE_MAX]; /* a ring */
	size_t first, n_queued;
};

/* --- what waits to be published -------------------------------------------------------------- */

static void drop_first(struct broker *broker)
{
	struct letter *letter = &broker->queue[broker->first];

	free(letter->topic);
	free(letter->body);
	broker->first = (broker->first + 1) % QUEUE_MAX;
	broker->n_queued--;
}

static void drop_queue(struct broker *broker)
{
	while (broker->n_queued)
		drop_first(broker);
}

static void flush(struct broker *broker)
{
	while (broker->is_up && broker->n_queued) {
		const struct letter *letter = &broker->queue[broker->first];

		if (gw_mqtt_publish(broker->mqtt, letter->topic, letter->body,
				    /* retain= */ false) < 0)
			return;
		drop_first(broker);
	}
}

void broker_publish(struct broker *broker, const char *topic, const char *body)
{
	struct letter *letter;

	if (!broker || !broker->is_up)
		return;
	if (broker->n_queued == QUEUE_MAX) {
		gw_log(WARNING, "the broker takes nothing any more; dropping a message for %s",
		       topic);
		return;
	}

	letter = &broker->queue[(broker->first + broker->n_queued++) % QUEUE_MAX];
	*letter = (struct letter){ strdup(topic), strdup(body) };
	if (!letter->topic || !letter->body) {
		broker->n_queued--;
		free(letter->topic);
		free(letter->body);
		return;
	}
	flush(broker);
}

/* --- one connection -------------------------------------------------------------------------- */

static void retry_later(struct broker *broker)
{
	(void)sd_event_source_set_time_relative(broker->again, broker->pause_us);
	(void)sd_event_source_set_enabled(broker->again, SD_EVENT_ONESHOT);
	broker->pause_us = GW_MIN(2 * broker->pause_us, PAUSE_MAX_US);
}

static void on_up(void *userdata)
{
	struct broker *broker = userdata;

	gw_log(NOTICE, "connected to %s:%u", broker->endpoint.host, broker->endpoint.port);
	broker->is_up = true;
	broker->pause_us = PAUSE_FIRST_US;
	broker->ops->up(broker->userdata);
}

static void on_message(const char *topic, struct gw_blob body, void *userdata)
{
	struct broker *broker = userdata;

	broker->ops->message(topic, body, broker->userdata);
}

static void on_room(void *userdata)
{
	flush(userdata);
}

static int connect_next(struct broker *broker);

static void on_closed(enum gw_mqtt_end end, const char *why, void *userdata)
{
	struct broker *broker = userdata;
	bool was_up = broker->is_up;

	gw_log(WARNING, "broker %s:%u: %s", broker->endpoint.host, broker->endpoint.port, why);
	broker->mqtt = gw_mqtt_free(broker->mqtt);
	broker->is_up = false;
	drop_queue(broker);
	if (was_up)
		broker->ops->down(broker->userdata);
	if (end == GW_MQTT_UNREACHABLE && broker->next_address < broker->addresses.n &&
	    connect_next(broker) >= 0)
		return;
	retry_later(broker);
}

/* The same ones that gateways are told of, beside our own authority. */
static void add_anchors(SSL_CTX *ctx, const struct home *home)
{
	_cleanup_(bundle_done) struct bundle bundle = { .n = 0 };

	if (bundle_load(home->fd, MEMBER_BROKER_ANCHORS, &bundle) < 0)
		return; /* a folder of before there were any */

	for (size_t i = 0; i < bundle.n; i++) {
		const unsigned char *at = bundle.der[i].data;
		X509 *anchor = d2i_X509(/* a= */ NULL, &at, (long)bundle.der[i].len);

		(void)X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), anchor);
		X509_free(anchor);
	}
}

static bool use_credential(SSL_CTX *ctx, const struct home *home)
{
	_cleanup_(certificate_freep) X509 *anchor = NULL, *own = NULL;
	_cleanup_(key_freep) EVP_PKEY *key = NULL;

	add_anchors(ctx, home);
	return certificate_load(home->fd, AUTHORITY_GATEWAY ".crt", &anchor) >= 0 &&
	       certificate_load(home->fd, MEMBER_CLOUD_CERTIFICATE, &own) >= 0 &&
	       key_load(home->fd, MEMBER_CLOUD_KEY, &key) >= 0 &&
	       X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), anchor) == 1 &&
	       SSL_CTX_use_certificate(ctx, own) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1 &&
	       SSL_CTX_check_private_key(ctx) == 1;
}

static int make_tls(struct broker *broker, struct gw_mqtt_tls **ret)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	bool ok = ctx && use_credential(ctx, broker->home);

	ERR_clear_error();
	if (!ok) {
		gw_log(ERROR, "%s, %s or %s.crt in %s cannot be used; run init once more",
		       MEMBER_CLOUD_CERTIFICATE, MEMBER_CLOUD_KEY, AUTHORITY_GATEWAY,
		       broker->home->path);
		SSL_CTX_free(ctx);
		return -EBADMSG;
	}
	return gw_mqtt_tls_new(ctx, &broker->endpoint, /* clock= */ NULL, ret);
}

static int connect_next(struct broker *broker)
{
	static const struct gw_mqtt_ops ops = { on_up, on_message, on_room, on_closed };
	struct gw_mqtt_config config = {
		.address = broker->addresses.addresses[broker->next_address++],
		.port = broker->endpoint.port,
		.client_id = MEMBER_CLOUD,
		.topics = { "gangway/v1/+/request", "gangway/v1/+/answer", "gangway/v1/+/status",
			    "gangway/v1/+/event", "gangway/v1/provision/+/+/request" },
		.n_topics = 5,
		.n_needed = 4,
	};
	struct gw_mqtt_tls *tls;
	int r;

	r = make_tls(broker, &tls);
	if (r < 0)
		return r;
	return gw_mqtt_new(broker->event, tls, &config, &ops, broker, &broker->mqtt);
}

/* --- one attempt ----------------------------------------------------------------------------- */

static void on_resolved(const struct gw_resolve_result *result, void *userdata)
{
	struct broker *broker = userdata;

	broker->addresses = *result;
	broker->next_address = 0;
	broker->resolve = gw_resolve_free(broker->resolve);
	if (broker->addresses.error)
		gw_log(WARNING, "broker %s: %s", broker->endpoint.host, broker->addresses.error);
	if (broker->addresses.error || connect_next(broker) < 0)
		retry_later(broker);
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct broker *broker = userdata;

	if (gw_resolve_start(broker->event, broker->endpoint.host, on_resolved, broker,
			     &broker->resolve) < 0)
		retry_later(broker);
	return 0;
}

/* --- life ------------------------------------------------------------------------------------ */

struct broker *broker_free(struct broker *broker)
{
	if (!broker)
		return NULL;

	drop_queue(broker);
	broker->mqtt = gw_mqtt_free(broker->mqtt);
	broker->resolve = gw_resolve_free(broker->resolve);
	(void)sd_event_source_disable_unref(broker->again);
	free(broker);
	return NULL;
}

void broker_freep(struct broker **broker)
{
	(void)broker_free(*broker);
}

int broker_new(struct sd_event *event, const struct home *home, const struct gw_endpoint *endpoint,
	       const struct broker_ops *ops, void *userdata, struct broker **ret)
{
	_cleanup_(broker_freep) struct broker *broker = calloc(1, sizeof(*broker));
	int r;

	if (!broker)
		return -ENOMEM;

	broker->event = event;
	broker->home = home;
	broker->endpoint = *endpoint;
	broker->ops = ops;
	broker->userdata = userdata;
	broker->pause_us = PAUSE_FIRST_US;
	r = sd_event_add_time_relative(event, &broker->again, CLOCK_MONOTONIC, 0,
				       /* accuracy= */ 1000, on_again, broker);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(broker);
	return 0;
}
