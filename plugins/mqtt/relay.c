/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PUBACK proves nothing, so nothing here looks at it but the pace: a request is over when a
 * response comes or the agent withdraws it. A command is handed to the agent each time it comes,
 * and what the agent answers is published once: if that is lost, the cloud repeats the command and
 * the agent, which remembers, answers again. So nothing has to be kept here that must survive this
 * process.
 */
#include "plugins/mqtt/relay.h"

#include <sys/random.h>
#include <systemd/sd-event.h>

#include "lib/bucket.h"
#include "lib/log.h"
#include "lib/plugin.h"
#include "lib/sealed.h"
#include "lib/step.h"
#include "lib/util.h"
#include "plugins/mqtt/anchors.h"
#include "plugins/mqtt/broker.h"
#include "plugins/mqtt/bulletin.h"
#include "plugins/mqtt/dialect-events.h"
#include "plugins/mqtt/dialect.h"
#include "plugins/mqtt/offer.h"
#include "plugins/mqtt/outstanding.h"
#include "plugins/mqtt/parts.h"
#include "plugins/mqtt/wallet.h"

/* After a long absence the broker may hold the same command a thousand times. What is dropped
 * the cloud repeats; what is too much for the agent would cost the link. */
#define COMMANDS_PER_SECOND 200

struct relay {
	struct gw_plugin *plugin;
	struct wallet *wallet;
	struct broker *broker;
	struct bulletin *bulletin;
	struct outstanding *outstanding;
	struct dialect_events *events; /* of the batch that is coming in */
	struct parts *parts;           /* of a command that comes in several bodies */
	struct offer offer;            /* of the broker's anchors */
	struct gw_bucket pace;         /* of requests */
	sd_event_source *pump;         /* the next repetition is due */

	uint64_t second;
	unsigned n_commands; /* in that second */
};

/* --- how it goes ------------------------------------------------------------------------------ */

static void on_wallet_changed(void *userdata)
{
	struct relay *relay = userdata;
	struct wallet_facts facts;

	wallet_get_facts(relay->wallet, &facts);
	bulletin_credential(relay->bulletin, &facts);
}

static void on_credential(const char *why, void *userdata)
{
	struct relay *relay = userdata;

	bulletin_unusable(relay->bulletin, why);
	on_wallet_changed(relay);
}

static int on_wallet_publish(const char *body, void *userdata)
{
	struct relay *relay = userdata;

	return broker_publish_own(relay->broker, body);
}

static int on_wallet_anchor(uint8_t **ret, size_t *ret_len, void *userdata)
{
	struct relay *relay = userdata;

	return broker_anchor(relay->broker, ret, ret_len);
}

static void on_wallet_reconnect(void *userdata)
{
	struct relay *relay = userdata;

	broker_reconnect(relay->broker);
}

static void on_wallet_forgotten(const char *job, void *userdata)
{
	struct relay *relay = userdata;
	const struct gw_msg msg = { .type = GW_MSG_ANSWER,
				    .answer = { .job = job,
						.outcome = GW_OUTCOME_DONE,
						.reason = "",
						.text = "",
						.tenant = "",
						.claim = "" } };

	(void)gw_plugin_send(relay->plugin, &msg, /* fd= */ -1);
}

static void on_retry(uint64_t in_us, void *userdata)
{
	struct relay *relay = userdata;

	bulletin_retry(relay->bulletin, in_us);
}

static void watch_silence(struct relay *relay)
{
	bulletin_owed_since(relay->bulletin, outstanding_silent_since(relay->outstanding));
}

static void heard(struct relay *relay)
{
	outstanding_heard(relay->outstanding);
	bulletin_heard(relay->bulletin);
	watch_silence(relay);
}

static void on_state(enum gw_cloud_state state, const char *text, bool needs_help, void *userdata)
{
	struct relay *relay = userdata;

	if (state == GW_CLOUD_ONLINE)
		outstanding_restart(relay->outstanding, gw_now_monotonic_us());
	bulletin_state(relay->bulletin, state, text, needs_help);
	watch_silence(relay);
}

/* --- towards the cloud ------------------------------------------------------------------------ */

/* What waits for its turn looks like what waits for an answer to who only knows that it was handed to us. */
static void tell_sent(struct relay *relay, const struct outstanding_request *request)
{
	const struct gw_msg msg = { .type = GW_MSG_REQUEST_SENT, .request_sent = { request->job } };

	if (!request->has_gone && request->topic == DIALECT_REQUEST)
		(void)gw_plugin_send(relay->plugin, &msg, /* fd= */ -1);
}

static int publish_request(struct relay *relay, struct outstanding_request *request)
{
	enum dialect_topic topic = (enum dialect_topic)request->topic;
	const char *step = topic == DIALECT_EVENT ? RELAY_STEP_EVENT : RELAY_STEP_REQUEST;
	uint32_t dice = 0;
	int r;

	gw_step_before(step);
	r = broker_publish(relay->broker, topic, request->body);
	if (r < 0)
		return r;
	gw_step_after(step);

	tell_sent(relay, request);
	(void)!getrandom(&dice, sizeof(dice), GRND_NONBLOCK);
	outstanding_published(relay->outstanding, request, gw_now_monotonic_us(), dice);
	return 0;
}

/* What time it is must not wait: an answer counts for a minute. There is one such question at a time. */
static bool may_go(struct relay *relay, const struct outstanding_request *request, uint64_t now_us)
{
	return request->is_urgent || gw_bucket_take(&relay->pace, 1, now_us);
}

static uint64_t next_pump_us(struct relay *relay)
{
	if (!broker_has_room(relay->broker))
		return OUTSTANDING_NEVER;
	return GW_MAX(outstanding_next(relay->outstanding), gw_bucket_ready_us(&relay->pace, 1));
}

static void set_pump(struct relay *relay, uint64_t at_us)
{
	bool is_due = at_us != OUTSTANDING_NEVER;

	if (is_due)
		(void)sd_event_source_set_time(relay->pump, at_us);
	(void)sd_event_source_set_enabled(relay->pump, is_due ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

/* Publishes what is due, as far as the broker and the pace let it; its acknowledgements bring us back here. */
static void pump(struct relay *relay)
{
	struct outstanding_request *request = NULL;
	uint64_t now_us = gw_now_monotonic_us();

	while (broker_has_room(relay->broker) &&
	       (request = outstanding_due(relay->outstanding, now_us)) &&
	       may_go(relay, request, now_us))
		if (publish_request(relay, request) < 0)
			break;

	set_pump(relay, next_pump_us(relay));
	watch_silence(relay);
}

static int on_pump(sd_event_source *source, uint64_t usec, void *userdata)
{
	pump(userdata);
	return 0;
}

static void on_room(void *userdata)
{
	pump(userdata);
}

/* Never the link's fault, and nothing that trying again would mend. */
static int refuse_to_say(const struct gw_msg *msg, const struct dialect_error *error)
{
	gw_log(ERROR, "The agent's %s ('%s') has a member '%s' that %s, ignoring",
	       gw_wire_name(msg->type), error->kind, error->member, error->why);
	return 0;
}

static int take_request(struct relay *relay, const struct gw_msg *msg)
{
	struct dialect_error error;
	char *body;
	int r;

	if (msg->request.kind == GW_REQUEST_RELINQUISHED) {
		wallet_relinquish(relay->wallet, msg->request.job);
		return 0;
	}

	r = dialect_write(msg, &body, &error);
	if (r == -EINVAL)
		return refuse_to_say(msg, &error);
	if (r < 0)
		return r;

	r = outstanding_add(relay->outstanding, DIALECT_REQUEST, msg->request.job, body,
			    gw_now_monotonic_us());
	if (r < 0)
		return r;
	if (msg->request.kind == GW_REQUEST_TIME)
		outstanding_hurry(relay->outstanding, msg->request.job);
	pump(relay);
	return 0;
}

static int take_event(struct relay *relay, const struct gw_msg *msg)
{
	struct dialect_error error;
	int r = dialect_events_add(relay->events, &msg->event, &error);

	return r == -EINVAL ? refuse_to_say(msg, &error) : r;
}

static int take_events(struct relay *relay, const struct gw_msg *msg)
{
	struct dialect_error error;
	char *body;
	int r;

	r = dialect_events_write(relay->events, &msg->events, &body, &error);
	if (r == -EINVAL)
		return refuse_to_say(msg, &error);
	if (r < 0)
		return r;

	r = outstanding_add(relay->outstanding, DIALECT_EVENT, msg->events.job, body,
			    gw_now_monotonic_us());
	if (r < 0)
		return r;
	pump(relay);
	return 0;
}

/* Before the cloud hears of it. Not taken: the command stays unanswered, and comes again with its list. */
static int take_broker_anchors(struct relay *relay, const struct gw_msg_command_answer *answer)
{
	const struct gw_blob list = { relay->offer.list, relay->offer.len };
	int r = 0;

	if (!offer_is_of(&relay->offer, answer->id))
		return 0;
	if (answer->outcome == GW_OUTCOME_DONE)
		r = wallet_take_anchors(relay->wallet, answer->seq, list);
	if (r == -ESTALE) {
		gw_log(NOTICE,
		       "A later list of the broker's anchors stands here already, ignoring");
	} else if (r < 0) {
		gw_log(WARNING,
		       "The cloud's list of the broker's anchors cannot be kept now (%s): the "
		       "cloud will send it again",
		       strerror(-r));
		return r;
	}
	offer_end(&relay->offer);
	return 0;
}

static int take_command_answer(struct relay *relay, const struct gw_msg *msg)
{
	_cleanup_free_ char *body = NULL;
	struct dialect_error error;
	int r;

	if (take_broker_anchors(relay, &msg->command_answer) < 0)
		return 0; /* unanswered: the cloud will ask again */
	r = dialect_write(msg, &body, &error);
	if (r == -EINVAL)
		return refuse_to_say(msg, &error);
	if (r < 0)
		return r;

	gw_step_before(RELAY_STEP_ANSWER);
	r = broker_publish(relay->broker, DIALECT_ANSWER, body);
	if (r >= 0)
		gw_step_after(RELAY_STEP_ANSWER);
	return 0; /* not published: the cloud will ask again */
}

int relay_message(struct relay *relay, const struct gw_msg *msg)
{
	if (msg->type == GW_MSG_REQUEST)
		return take_request(relay, msg);
	if (msg->type == GW_MSG_COMMAND_ANSWER)
		return take_command_answer(relay, msg);
	if (msg->type == GW_MSG_EVENT)
		return take_event(relay, msg);
	if (msg->type == GW_MSG_EVENTS)
		return take_events(relay, msg);
	if (msg->type == GW_MSG_CLOCK) {
		broker_set_clock(relay->broker, msg->clock.trusted, msg->clock.time);
		wallet_set_clock(relay->wallet, msg->clock.trusted, msg->clock.time);
		return 0;
	}
	if (msg->type != GW_MSG_REQUEST_END)
		return -EPROTO;

	if (outstanding_remove(relay->outstanding, msg->request_end.job))
		pump(relay);
	return 0;
}

/* --- from the cloud --------------------------------------------------------------------------- */

static void grumble(struct relay *relay, enum dialect_topic topic,
		    const struct dialect_error *error)
{
	bulletin_garbage(relay->bulletin, dialect_topic_name(topic), error);
}

static int send_anchors(struct relay *relay, const struct dialect_body *body)
{
	for (int i = 0; i < _GW_ANCHORS_MAX; i++) {
		struct gw_msg msg = { .type = GW_MSG_ANCHORS,
				      .anchors = { .purpose = (uint8_t)i } };
		_cleanup_close_ int fd = -1;
		int r;

		fd = gw_sealed_make("anchors", body->anchors[i]);
		if (fd < 0)
			return fd;
		r = gw_plugin_send(relay->plugin, &msg, fd);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Returns 0 if parts of it are missing still. */
static int send_list(struct relay *relay, const struct dialect_body *body)
{
	struct gw_msg msg = { .type = GW_MSG_CRL, .crl = { body->msg.command.id } };
	_cleanup_free_ uint8_t *whole = NULL;
	_cleanup_close_ int fd = -1;
	size_t len = 0;
	int r = parts_take(relay->parts, body->msg.command.id, &body->crl, &whole, &len);

	if (r <= 0)
		return r;
	fd = gw_sealed_make("crl", (struct gw_blob){ whole, len });
	if (fd < 0)
		return fd;
	r = gw_plugin_send(relay->plugin, &msg, fd);
	return r < 0 ? r : 1;
}

static void take_response(struct relay *relay, const struct dialect_body *body)
{
	int r = 0;

	gw_step_before(RELAY_STEP_RESPONSE);
	if (body->has_anchors)
		r = send_anchors(relay, body);
	if (r >= 0)
		r = gw_plugin_send(relay->plugin, &body->msg, /* fd= */ -1);
	if (r < 0) {
		gw_log(ERROR, "A response cannot be passed on (%s), ignoring", strerror(-r));
		return; /* the request is still open, and repeated */
	}
	gw_step_after(RELAY_STEP_RESPONSE);

	(void)outstanding_remove(relay->outstanding, body->msg.answer.job);
}

static bool is_one_too_many(struct relay *relay)
{
	uint64_t second = gw_now_monotonic_us() / 1000000;

	if (second != relay->second)
		relay->n_commands = 0;
	relay->second = second;
	return relay->n_commands++ >= COMMANDS_PER_SECOND;
}

static void take_command(struct relay *relay, const struct dialect_body *body)
{
	static const struct dialect_error no_list = { "anchors", "broker",
						      "holds what is no certificate" };
	static const struct dialect_error too_many = { "any", "body", "is one too many at a time" };
	int r = 0;

	if (is_one_too_many(relay)) {
		grumble(relay, DIALECT_COMMAND, &too_many);
		return;
	}

	if (body->has_broker_anchors && !anchors_are_certificates(body->broker_anchors)) {
		grumble(relay, DIALECT_COMMAND, &no_list);
		return;
	}

	gw_step_before(RELAY_STEP_COMMAND);
	if (body->has_broker_anchors)
		r = offer_make(&relay->offer, body->msg.command.id, body->broker_anchors);
	if (r >= 0 && body->has_anchors)
		r = send_anchors(relay, body);
	else if (body->msg.command.kind == GW_COMMAND_CRL && (r = send_list(relay, body)) == 0)
		return; /* parts of it are still to come */
	if (r >= 0)
		r = gw_plugin_send(relay->plugin, &body->msg, /* fd= */ -1);
	if (r < 0) {
		gw_log(ERROR, "A command cannot be passed on (%s), ignoring", strerror(-r));
		return; /* it is repeated */
	}
	gw_step_after(RELAY_STEP_COMMAND);
}

static void on_message(enum dialect_topic topic, struct gw_blob text, void *userdata)
{
	_cleanup_(dialect_body_done) struct dialect_body body = { 0 };
	struct relay *relay = userdata;
	struct dialect_error error;
	int r;

	r = dialect_read(topic, text, &body, &error);
	if (r == -EBADMSG)
		grumble(relay, topic, &error);
	if (r < 0)
		return;

	if (topic == DIALECT_RESPONSE && !wallet_take_answer(relay->wallet, &body))
		take_response(relay, &body);
	else if (topic != DIALECT_RESPONSE)
		take_command(relay, &body);
	heard(relay);
}

/* --- life ------------------------------------------------------------------------------------- */

struct relay *relay_free(struct relay *relay)
{
	if (!relay)
		return NULL;

	relay->broker = broker_free(relay->broker);
	relay->wallet = wallet_free(relay->wallet);
	relay->outstanding = outstanding_free(relay->outstanding);
	relay->events = dialect_events_free(relay->events);
	relay->bulletin = bulletin_free(relay->bulletin);
	relay->parts = parts_free(relay->parts);
	offer_end(&relay->offer);
	sd_event_source_disable_unref(relay->pump);
	free(relay);
	return NULL;
}

GW_DEFINE_CLEANUP(struct relay *, relay_free)

static int make_pump(struct relay *relay, sd_event *event)
{
	int r = sd_event_add_time(event, &relay->pump, CLOCK_MONOTONIC, 0, /* accuracy= */ 10000,
				  on_pump, relay);

	return r < 0 ? r : sd_event_source_set_enabled(relay->pump, SD_EVENT_OFF);
}

int relay_new(struct gw_plugin *plugin, sd_event *event, const struct relay_config *config,
	      struct relay **ret)
{
	static const struct broker_ops ops = { on_state, on_credential, on_retry, on_message,
					       on_room };
	static const struct wallet_ops wallet_ops = { on_wallet_publish, on_wallet_anchor,
						      on_wallet_reconnect, on_wallet_changed,
						      on_wallet_forgotten };
	_cleanup_(relay_freep) struct relay *relay = calloc(1, sizeof(*relay));
	struct broker_config broker = *config->broker;
	int r;

	if (!relay)
		return -ENOMEM;
	relay->plugin = plugin;
	gw_bucket_init(&relay->pace, config->per_second, config->per_second, gw_now_monotonic_us());

	r = bulletin_new(plugin, event, config->silent_after_us, &relay->bulletin);
	if (r >= 0)
		r = outstanding_new(config->retry_first_us, config->retry_max_us,
				    &relay->outstanding);
	if (r >= 0)
		r = dialect_events_new(&relay->events);
	if (r >= 0)
		r = parts_new(&relay->parts);
	if (r >= 0)
		r = make_pump(relay, event);
	if (r < 0)
		return r;
	r = wallet_new(event, config->wallet, &wallet_ops, relay, &relay->wallet);
	if (r < 0)
		return r;
	broker.wallet = relay->wallet;
	r = broker_new(event, &broker, &ops, relay, &relay->broker);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(relay);
	return 0;
}
