/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `serve`: the loop. What comes from the broker is sorted by topic and read; requests go to the
 * desk, answers and statuses to the fleet; all that is to leave goes by the turn. Nothing that a
 * gateway sends ends it: a body that is not right costs one line in the log.
 */
#include "tools/cloud/verb.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "lib/blob.h"
#include "lib/endpoint.h"
#include "lib/log.h"
#include "lib/util.h"
#include "tools/cloud/body.h"
#include "tools/cloud/broker.h"
#include "tools/cloud/crl-care.h"
#include "tools/cloud/desk.h"
#include "tools/cloud/fleet.h"
#include "tools/cloud/history.h"
#include "tools/cloud/home.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/topic.h"
#include "tools/cloud/turn.h"

#define DAY_S      ((uint64_t)86400)
#define LIFETIME_S (90 * DAY_S)
#define PENDING_S  5 /* until we are asked again what we could not do */

struct server {
	struct home home;
	struct registry *registry;
	sd_event *event;
	sd_event_source *doorbell;
	struct desk *desk;
	struct turn *turn;
	struct fleet *fleet;
	struct crl_care *crl_care;
	struct broker *broker;
};

struct wish {
	const char *broker;
	struct desk_lifetimes lifetimes;
};

/* --- messages -------------------------------------------------------------------------------- */

static void drop(const char *what, const struct topic *from, const struct body_error *error)
{
	gw_log(WARNING, "%s of %s: %s %s, dropping it", what, from->gateway, error->member,
	       error->why);
}

static int send_answer(struct server *server, const struct topic *from, char *body)
{
	char topic[TOPIC_SIZE];

	topic_response(from, topic);
	return turn_answer(server->turn, topic, body);
}

static int answer_request(struct server *server, const struct topic *from,
			  const struct request *request)
{
	const char *gateway = from->gateway;
	char *body = NULL;
	const char *step = NULL;
	int r;

	r = turn_enter(server->turn);
	if (r >= 0)
		r = registry_part_begin(server->registry);
	if (r < 0)
		return r;

	r = *from->claim
		    ? desk_answer_claim(server->desk, from->claim, gateway, request, &body, &step)
		    : desk_answer(server->desk, gateway, request, &body, &step);
	if (r < 0) {
		gw_log(ERROR, "request %s of %s: %s; it may ask again", request->id, gateway,
		       strerror(-r));
		body = body_pending(request->id, PENDING_S);
	}
	r = registry_part_end(server->registry, /* keep= */ r >= 0);
	if (r < 0 || !body) {
		free(body);
		return r < 0 ? r : -ENOMEM;
	}

	if (step)
		turn_step(server->turn, step);
	return send_answer(server, from, body);
}

static void on_request(struct server *server, const struct topic *from, struct gw_blob body)
{
	struct body_error error;
	struct request request;
	int r;

	if (body_read_request(body, &request, &error) < 0) {
		drop("request", from, &error);
		return;
	}

	r = answer_request(server, from, &request);
	if (r < 0)
		gw_log(ERROR, "request %s of %s: %s, not answering", request.id, from->gateway,
		       strerror(-r));
	else if (request.kind == REQUEST_ADOPT)
		fleet_look(server->fleet); /* there may be another gateway to tell */
}

static int answer_events(struct server *server, const struct topic *from,
			 const struct events *events)
{
	const char *gateway = from->gateway;
	char *body = NULL;
	const char *step = NULL;
	bool lost = false;
	int r;

	r = turn_enter(server->turn);
	if (r >= 0)
		r = registry_part_begin(server->registry);
	if (r < 0)
		return r;

	r = history_take(server->registry, gateway, events, &body, &step, &lost);
	if (r >= 0 && lost)
		crl_care_lost(server->crl_care, gateway);
	if (r < 0)
		gw_log(ERROR, "events %s of %s: %s; it will send them again", events->id, gateway,
		       strerror(-r));
	r = registry_part_end(server->registry, /* keep= */ r >= 0);
	if (r < 0 || !body) {
		free(body);
		return r;
	}

	if (step)
		turn_step(server->turn, step);
	r = send_answer(server, from, body);
	if (lost)
		fleet_look(server->fleet);
	return r;
}

static void on_event(struct server *server, const struct topic *from, struct gw_blob body)
{
	_cleanup_free_ struct events *events = malloc(sizeof(*events));
	struct body_error error;
	int r = -ENOMEM;

	if (events && body_read_events(body, events, &error) < 0) {
		drop("event", from, &error);
		return;
	}
	if (events)
		r = answer_events(server, from, events);
	if (r < 0)
		gw_log(ERROR, "events of %s: %s, not answering", from->gateway, strerror(-r));
}

static void on_answer(struct server *server, const struct topic *from, struct gw_blob body)
{
	struct body_error error;
	struct answer answer;

	if (body_read_answer(body, &answer, &error) < 0)
		drop("answer", from, &error);
	else
		fleet_answer(server->fleet, from->gateway, &answer);
}

static void on_status(struct server *server, const struct topic *from, struct gw_blob body)
{
	struct body_error error;
	struct status status;

	if (body_read_status(body, &status, &error) < 0)
		drop("status", from, &error);
	else
		fleet_status(server->fleet, from->gateway, &status);
}

static void on_message(const char *text, struct gw_blob body, void *userdata)
{
	static void (*const take[_TOPIC_LEAF_MAX])(struct server *, const struct topic *,
						   struct gw_blob) = {
		[TOPIC_REQUEST] = on_request,
		[TOPIC_ANSWER] = on_answer,
		[TOPIC_STATUS] = on_status,
		[TOPIC_EVENT] = on_event,
	};
	struct topic topic;

	if (topic_read(text, &topic))
		take[topic.leaf](userdata, &topic, body);
}

static void on_up(void *userdata)
{
	struct server *server = userdata;

	fleet_connected(server->fleet);
	(void)sd_notify(/* unset_environment= */ 0, "READY=1\nSTATUS=serving");
}

static void on_down(void *userdata)
{
	struct server *server = userdata;

	fleet_disconnected(server->fleet);
	(void)sd_notify(/* unset_environment= */ 0, "STATUS=no broker");
}

static void publish(const char *topic, const char *body, void *userdata)
{
	struct server *server = userdata;

	broker_publish(server->broker, topic, body);
}

static int on_ring(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
	struct server *server = userdata;
	const char *what;
	int r = desk_reload(server->desk, &what);

	if (r < 0)
		gw_log(ERROR, "%s: %s, going on with what we had", what, strerror(-r));
	crl_care_look(server->crl_care);
	fleet_look(server->fleet);
	return 0;
}

/* --- life ------------------------------------------------------------------------------------ */

static int read_wish(int argc, char **argv, struct wish *wish)
{
	static const struct option options[] = {
		{ "broker", required_argument, NULL, 'b' },
		{ "lifetime", required_argument, NULL, 'l' },
		{ "gateway-lifetime", required_argument, NULL, 'g' },
		{ NULL },
	};
	int option, status = VERB_DONE;

	while (status == VERB_DONE &&
	       (option = getopt_long(argc, argv, "", options, /* longind= */ NULL)) >= 0) {
		switch (option) {
		case 'b': wish->broker = optarg; break;
		case 'l':
			status = verb_lifetime("--lifetime", optarg, &wish->lifetimes.device);
			break;
		case 'g':
			status = verb_lifetime("--gateway-lifetime", optarg,
					       &wish->lifetimes.gateway);
			break;
		default: return VERB_MISUSE;
		}
	}
	return status;
}

static int find_broker(struct registry *registry, const struct wish *wish, struct gw_endpoint *ret)
{
	char text[VERB_ENDPOINT_MAX + 1];
	int r;

	if (wish->broker)
		return verb_endpoint(wish->broker, ret);

	r = registry_get(registry, REGISTRY_BROKER, text, sizeof(text));
	if (r < 0)
		return verb_fail("this cloud has no broker yet (%s); run init once more",
				 strerror(-r));
	return verb_endpoint(text, ret);
}

static int watch_signals(sd_event *event)
{
	sigset_t signals;
	int r;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &signals, /* oldset= */ NULL) < 0 ||
	    signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;

	/* Without a handler the loop just ends. */
	r = sd_event_add_signal(event, /* ret= */ NULL, SIGTERM, /* callback= */ NULL,
				/* userdata= */ NULL);
	if (r >= 0)
		r = sd_event_add_signal(event, /* ret= */ NULL, SIGINT, /* callback= */ NULL,
					/* userdata= */ NULL);
	return r;
}

static int watch_doorbell(struct server *server)
{
	char path[HOME_PATH_MAX];
	int r;

	r = home_hold_bell(&server->home); /* makes it, too */
	if (r >= 0)
		r = home_path(&server->home, HOME_DOORBELL, path, sizeof(path));
	if (r < 0)
		return r;
	r = sd_event_add_inotify(server->event, &server->doorbell, path, IN_CLOSE_WRITE, on_ring,
				 server);
	if (r == -EMFILE)
		gw_log(ERROR,
		       "Cannot watch %s: this user has as many watches as "
		       "fs.inotify.max_user_instances "
		       "allows; end what has them, or raise it by sysctl",
		       path);
	return r;
}

static int start(struct server *server, const struct gw_endpoint *endpoint)
{
	static const struct broker_ops ops = { .up = on_up,
					       .message = on_message,
					       .down = on_down };
	int r;

	r = sd_event_new(&server->event);
	if (r >= 0)
		r = watch_signals(server->event);
	if (r >= 0)
		r = turn_new(server->event, server->registry, publish, server, &server->turn);
	if (r >= 0)
		r = fleet_new(server->event, server->registry, server->desk, server->turn,
			      &server->fleet);
	if (r >= 0)
		r = crl_care_new(server->event, &server->home, server->registry, server->turn,
				 server->fleet, &server->crl_care);
	if (r >= 0)
		r = watch_doorbell(server);
	if (r >= 0)
		r = broker_new(server->event, &server->home, endpoint, &ops, server,
			       &server->broker);
	return r;
}

/* What the last turn holds is committed; it leaves if there still is a broker. */
static void server_done(struct server *server)
{
	if (server->turn)
		turn_end(server->turn);
	crl_care_freep(&server->crl_care);
	fleet_freep(&server->fleet);
	turn_freep(&server->turn);
	desk_freep(&server->desk);
	broker_freep(&server->broker);
	(void)sd_event_source_disable_unref(server->doorbell);
	(void)sd_event_unref(server->event);
	registry_freep(&server->registry);
	home_close(&server->home);
}

static int open_desk(struct server *server, const struct desk_lifetimes *lifetimes)
{
	const char *what;
	int r;

	r = home_lock(&server->home, HOME_CLOUD);
	if (r == -EWOULDBLOCK)
		return verb_fail("another serve is at work in %s", server->home.path);
	if (r < 0)
		return verb_fail("%s/" HOME_CLOUD ": %s; run init once more", server->home.path,
				 strerror(-r));

	r = desk_new(&server->home, server->registry, lifetimes, &server->desk, &what);
	if (r < 0)
		return verb_fail_file(server->home.path, what, r);
	return VERB_DONE;
}

int verb_serve(int argc, char **argv)
{
	_cleanup_(server_done) struct server server = { .home = HOME_NONE };
	struct wish wish = { .lifetimes = { LIFETIME_S, LIFETIME_S } };
	struct gw_endpoint endpoint;
	const char *folder;
	char **none;
	int status, r;

	status = read_wish(argc, argv, &wish);
	if (status == VERB_DONE)
		status = verb_arguments(argc, argv, 0, &folder, &none);
	if (status == VERB_DONE)
		status = verb_open(folder, &server.home, &server.registry);
	if (status == VERB_DONE)
		status = find_broker(server.registry, &wish, &endpoint);
	if (status == VERB_DONE)
		status = open_desk(&server, &wish.lifetimes);
	if (status != VERB_DONE)
		return status;

	r = start(&server, &endpoint);
	if (r >= 0)
		r = sd_event_loop(server.event);
	if (r < 0)
		return verb_fail("%s: %s%s", server.home.path, strerror(-r), home_advice(r));
	return VERB_DONE;
}
