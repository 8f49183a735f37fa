/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * With a claim there is no status and no will, since there is no gateway yet, and nothing but the claim's own topics,
 * which the broker's rules are made for. The will is the status that says that we are away, of the same connection.
 */
#include "config.h"

#include "plugins/mqtt/guise.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/mqtt.h"
#include "lib/util.h"
#include "plugins/mqtt/presence.h"

#define TOPIC_MAX  (sizeof("gangway/v1/provision///response") + 2 * GW_ID_MAX)
#define CLIENT_MAX (sizeof("gangway-provision-") + GW_ID_MAX)

struct guise {
	char gateway[GW_ID_MAX + 1];
	uint8_t box_key[DIALECT_BOX_KEY_LEN];
	size_t box_key_len;
	struct presence *presence;

	bool is_claim;
	char client_id[CLIENT_MAX];
	char topics[_DIALECT_TOPIC_MAX][TOPIC_MAX]; /* empty: there is none of that kind */
	char *will;
	uint64_t since_s; /* when the connection was begun, by the clock on the wall */
};

static int write_status(const struct guise *g, bool online, char **ret)
{
	const struct dialect_status status = {
		.id = g->presence->id,
		.online = online,
		.version = PACKAGE_VERSION,
		.since = g->since_s,
		.box_key = { g->box_key, g->box_key_len },
	};

	return dialect_write_status(&status, ret);
}

static void name_topics(struct guise *g)
{
	for (int i = 0; i < _DIALECT_TOPIC_MAX; i++)
		(void)snprintf(g->topics[i], TOPIC_MAX, "gangway/v1/%s/%s", g->gateway,
			       dialect_topic_name((enum dialect_topic)i));
}

static void name_topics_of(struct guise *g, const char *claim)
{
	static const enum dialect_topic of_claim[] = { DIALECT_REQUEST, DIALECT_RESPONSE };

	memset(g->topics, 0, sizeof(g->topics));
	for (size_t i = 0; i < GW_ELEMENTS(of_claim); i++)
		(void)snprintf(g->topics[of_claim[i]], TOPIC_MAX, "gangway/v1/provision/%s/%s/%s",
			       claim, g->gateway, dialect_topic_name(of_claim[i]));
}

static void be_claim(struct guise *g, const char *claim, struct gw_mqtt_config *ret)
{
	g->is_claim = true;
	name_topics_of(g, claim);
	(void)snprintf(g->client_id, CLIENT_MAX, "gangway-provision-%s", g->gateway);
	*ret = (struct gw_mqtt_config){
		.client_id = g->client_id,
		.topics = { g->topics[DIALECT_RESPONSE] },
		.n_topics = 1,
		.n_needed = 1,
		.forget = true,
	};
}

static int be_gateway(struct guise *g, struct gw_mqtt_config *ret)
{
	int r;

	g->is_claim = false;
	name_topics(g);
	(void)snprintf(g->client_id, CLIENT_MAX, "gangway-%s", g->gateway);
	(void)presence_next(g->presence);
	g->since_s = gw_now_realtime_us() / 1000000;
	r = write_status(g, /* online= */ false, &g->will);
	if (r < 0)
		return r;

	*ret = (struct gw_mqtt_config){
		.client_id = g->client_id,
		.will_topic = g->topics[DIALECT_STATUS],
		.will = g->will,
		.topics = { g->topics[DIALECT_RESPONSE], g->topics[DIALECT_COMMAND],
			    g->topics[DIALECT_STATUS] },
		.n_topics = 3,
		.n_needed = 2,
	};
	return 0;
}

int guise_put_on(struct guise *g, const char *claim, struct gw_mqtt_config *ret)
{
	free(TAKE_PTR(g->will));
	if (!claim)
		return be_gateway(g, ret);
	be_claim(g, claim, ret);
	return 0;
}

bool guise_is_claim(const struct guise *g)
{
	return g->is_claim;
}

const char *guise_topic(const struct guise *g, enum dialect_topic topic)
{
	return g->topics[topic];
}

int guise_topic_of(const struct guise *g, const char *name, enum dialect_topic *ret)
{
	static const enum dialect_topic heard[] = { DIALECT_RESPONSE, DIALECT_COMMAND,
						    DIALECT_STATUS };

	for (size_t i = 0; i < GW_ELEMENTS(heard); i++) {
		if (*name && gw_streq(name, g->topics[heard[i]])) {
			*ret = heard[i];
			return 0;
		}
	}
	return -ENOENT;
}

int guise_write_status(const struct guise *g, char **ret)
{
	return write_status(g, /* online= */ true, ret);
}

struct guise *guise_free(struct guise *g)
{
	if (g)
		free(g->will);
	free(g);
	return NULL;
}

int guise_new(const char *gateway, struct gw_blob box_key, struct presence *presence,
	      struct guise **ret)
{
	struct guise *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	(void)gw_copy(g->gateway, sizeof(g->gateway), gateway);
	g->box_key_len = GW_MIN(box_key.len, sizeof(g->box_key));
	if (g->box_key_len)
		memcpy(g->box_key, box_key.data, g->box_key_len);
	g->presence = presence;
	name_topics(g);
	*ret = g;
	return 0;
}
