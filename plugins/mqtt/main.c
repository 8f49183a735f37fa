/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gangway-mqtt, the cloud link: speaks MQTT with mutual TLS to the broker, and JSON in the cloud's
 * dialect behind it. Holds the gateway's own credential; may touch the network, but nothing of a
 * device.
 *
 *   main         this: settings of the agent's welcome, from there to its end
 *   relay        requests, answers, commands
 *   bulletin     what the agent is told of how it goes
 *   offer        the broker's anchors that a command brought, until that is obeyed
 *   parts        a command that comes in several bodies
 *   outstanding  requests without an answer
 *   dialect      bodies <-> messages of the link
 *   broker       the standing wish to be connected (one attempt is lib/mqtt)
 *   guise        as whom we come to it: as the gateway, or by a claim
 *   backoff      how long to wait before the next attempt
 *   presence     is somebody else using our identity?
 *   wallet       what we show the broker, and the care of it
 *   identity     what to show next, and what to do about our own certificate
 *   keyring      all there is to connect with
 *   errand       what is asked of the cloud about it
 *   calendar     when to renew our own certificate, when to try again
 *   slots        our own certificates on disk; anchors: what the broker is known by
 *   cell         what is on disk, in two files by turns
 *   keypair      a key, its request, its certificate
 *   credential   files made into what TLS takes
 *   wipe         no secret outlives the memory that it was in
 */
#include "config.h"

#include <mosquitto.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>

#include "lib/hex.h"
#include "lib/log.h"
#include "lib/mqtt-memory.h"
#include "lib/plugin.h"
#include "lib/util.h"
#include "lib/endpoint.h"
#include "plugins/mqtt/anchors.h"
#include "plugins/mqtt/broker.h"
#include "plugins/mqtt/confine.h"
#include "plugins/mqtt/dialect.h"
#include "plugins/mqtt/errand.h"
#include "plugins/mqtt/presence.h"
#include "plugins/mqtt/relay.h"
#include "plugins/mqtt/slots.h"
#include "plugins/mqtt/wallet.h"

#define SECOND_US 1000000ull

struct mqtt {
	struct gw_plugin *plugin;
	struct sd_event *event;
	struct presence presence;
	struct relay *relay; /* NULL while there is no agent, or no broker to go to */
};

/* What the agent's welcome says, read. */
struct settings {
	struct gw_endpoint endpoints[BROKER_ENDPOINTS_MAX];
	size_t n_endpoints;
	uint64_t renew_percent;
	uint64_t retry_first_s, retry_max_s, silent_after_s;
	uint64_t requests_per_second, reconnect_spread_s;
	uint8_t box_key[DIALECT_BOX_KEY_LEN];
	size_t box_key_len;
};

/* There is nothing to connect to until the agent comes with other settings. */
static int stand_idle(struct mqtt *mqtt, const char *text)
{
	const struct gw_msg msg = {
		.type = GW_MSG_CLOUD_STATE,
		.cloud_state = { .state = GW_CLOUD_UNPROVISIONED, .text = text },
	};

	gw_plugin_health(mqtt->plugin, text);
	return gw_plugin_send(mqtt->plugin, &msg, /* fd= */ -1);
}

/* Returns what is wrong, or NULL. */
static const char *read_brokers(const char *settings, struct settings *ret)
{
	static char text[GW_TEXT_MAX + 1];
	char uris[GW_ENDPOINTS_MAX + 1];
	const char *why;
	int r = gw_plugin_setting(settings, "broker", uris, sizeof(uris));

	if (r == -ENOENT || (r >= 0 && !*uris))
		return "[cloud] broker is not set: set it to mqtts://HOST:PORT.";
	if (r < 0)
		return "[cloud] broker is too long: set it to mqtts://HOST:PORT.";
	if (gw_endpoints_parse(uris, ret->endpoints, BROKER_ENDPOINTS_MAX, &ret->n_endpoints,
			       &why) < 0) {
		(void)snprintf(text, sizeof(text),
			       "[cloud] broker '%.80s' %s: set it to mqtts://HOST:PORT.", uris,
			       why);
		return text;
	}
	return NULL;
}

static uint64_t read_seconds(const char *settings, const char *key, uint64_t otherwise)
{
	uint64_t value;

	return gw_plugin_setting_u64(settings, key, 1, 86400, &value) < 0 ? otherwise : value;
}

static const char *read_settings(const struct gw_msg_welcome *welcome, struct settings *ret)
{
	const char *s = welcome->settings;
	char hex[2 * DIALECT_BOX_KEY_LEN + 1];
	const char *why = read_brokers(s, ret);

	if (why)
		return why;
	if (!gw_gateway_id_is_valid(welcome->gateway))
		return "[gateway] id is not set, or no name for a gateway: [A-Za-z0-9._-], 64 at "
		       "most.";

	ret->retry_first_s = read_seconds(s, "retry_first", 2);
	ret->retry_max_s = GW_MAX(read_seconds(s, "retry_max", 300), ret->retry_first_s);
	ret->silent_after_s = read_seconds(s, "silent_after", 15);
	if (gw_plugin_setting_u64(s, "requests_per_second", 1, 1000, &ret->requests_per_second) < 0)
		ret->requests_per_second = 50;
	if (gw_plugin_setting_u64(s, "reconnect_spread", 0, 3600, &ret->reconnect_spread_s) < 0)
		ret->reconnect_spread_s = 10;
	if (gw_plugin_setting_u64(s, "renew_after", 1, 99, &ret->renew_percent) < 0)
		ret->renew_percent = 66;
	ret->box_key_len = 0;
	if (gw_plugin_setting(s, "box_key", hex, sizeof(hex)) >= 0 &&
	    (gw_hex_decode(hex, ret->box_key, sizeof(ret->box_key), &ret->box_key_len) < 0 ||
	     ret->box_key_len != sizeof(ret->box_key)))
		return "The agent's box_key is no X25519 key: update gangwayd and gangway-mqtt "
		       "together.";
	return NULL;
}

static int connect_cloud(struct mqtt *mqtt, const char *gateway, const struct settings *settings)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	const char *state = gw_plugin_state(mqtt->plugin);
	const struct broker_config broker = {
		.endpoints = settings->endpoints,
		.n_endpoints = settings->n_endpoints,
		.gateway = gateway,
		.folder = folder,
		.box_key = { settings->box_key, settings->box_key_len },
		.spread_us = settings->reconnect_spread_s * SECOND_US,
		.presence = &mqtt->presence,
	};
	const struct wallet_config wallet = {
		.gateway = gateway,
		.given = folder,
		.state = state ? state : getenv("STATE_DIRECTORY"),
		.renew_percent = (unsigned)settings->renew_percent,
		.retry_first_us = settings->retry_first_s * SECOND_US,
		.retry_max_us = settings->retry_max_s * SECOND_US,
	};
	const struct relay_config config = {
		.retry_first_us = settings->retry_first_s * SECOND_US,
		.retry_max_us = settings->retry_max_s * SECOND_US,
		.silent_after_us = settings->silent_after_s * SECOND_US,
		.per_second = (unsigned)settings->requests_per_second,
		.broker = &broker,
		.wallet = &wallet,
	};

	if (!folder)
		return stand_idle(mqtt,
				  "There is no folder of credentials: start gangway-mqtt by its "
				  "unit, or set CREDENTIALS_DIRECTORY.");
	return relay_new(mqtt->plugin, mqtt->event, &config, &mqtt->relay);
}

static int on_welcome(void *userdata, const struct gw_msg_welcome *welcome)
{
	struct mqtt *mqtt = userdata;
	struct settings settings;
	const char *why = read_settings(welcome, &settings);

	return why ? stand_idle(mqtt, why) : connect_cloud(mqtt, welcome->gateway, &settings);
}

static int on_message(void *userdata, const struct gw_msg *msg, int *fd)
{
	struct mqtt *mqtt = userdata;

	return mqtt->relay ? relay_message(mqtt->relay, msg) : 0;
}

/* The agent comes back with all that it still wants; the broker learns by the will that we are
 * deaf. */
static void on_lost(void *userdata)
{
	struct mqtt *mqtt = userdata;

	mqtt->relay = relay_free(mqtt->relay);
}

/* Before anybody from outside is heard. */
static void confine(void)
{
	int r = confine_ioctl();

	if (r < 0)
		gw_log(WARNING,
		       "The kernel does not take a filter of system calls (%s): whoever takes this "
		       "program over could fill the disk; ignoring",
		       strerror(-r));
}

static int on_start(struct gw_plugin *plugin, struct sd_event *event, void **ret_userdata)
{
	struct mqtt *mqtt = calloc(1, sizeof(*mqtt));
	uint64_t process = 0;

	if (!mqtt)
		return -ENOMEM;
	if (getrandom(&process, sizeof(process), 0) < 0) {
		free(mqtt);
		return -errno;
	}

	confine();
	dialect_init();
	(void)mosquitto_lib_init();
	mqtt->plugin = plugin;
	mqtt->event = event;
	presence_init(&mqtt->presence, process);
	*ret_userdata = mqtt;
	return 0;
}

static void on_stop(void *userdata)
{
	struct mqtt *mqtt = userdata;

	mqtt->relay = relay_free(mqtt->relay);
	free(mqtt);
	(void)mosquitto_lib_cleanup();
}

int main(int argc, char **argv)
{
	static const char *const steps[] = {
		RELAY_STEP_REQUEST, RELAY_STEP_RESPONSE,    RELAY_STEP_COMMAND, RELAY_STEP_ANSWER,
		RELAY_STEP_EVENT,   ERRAND_STEP_ASK,        ERRAND_STEP_PROVE,  SLOTS_STEP_KEY,
		ANCHORS_STEP,       SLOTS_STEP_CERTIFICATE, SLOTS_STEP_SWITCH,  SLOTS_STEP_RETIRE,
		SLOTS_STEP_DROP,    SLOTS_STEP_FORGET,      ERRAND_STEP_LEAVE,
	};
	static char library[sizeof("libmosquitto 000.000.000")];
	struct gw_plugin_info info = {
		.name = "mqtt",
		.summary = "The cloud link of gangway: MQTT with mutual TLS.",
		.library = library,
		.steps = steps,
		.n_steps = GW_ELEMENTS(steps),
		.start = on_start,
		.welcome = on_welcome,
		.message = on_message,
		.lost = on_lost,
		.stop = on_stop,
		.keeps_state = true,
	};
	int major, minor, revision;

	(void)signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like others */
	gw_mqtt_memory_is_vital();
	(void)mosquitto_lib_version(&major, &minor, &revision);
	(void)snprintf(library, sizeof(library), "libmosquitto %d.%d.%d", major, minor, revision);
	return gw_plugin_main(argc, argv, &info);
}
