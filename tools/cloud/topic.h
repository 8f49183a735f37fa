/* SPDX-License-Identifier: GPL-2.0-or-later */
/* topic: where gateways write to us, and where they read what we say to that (doc/protocol/cloud.md). Pure. */
#pragma once

#include <stdbool.h>

#define TOPIC_ID_MAX 64
#define TOPIC_SIZE   (sizeof("gangway/v1/provision/claim:///response") + 2 * TOPIC_ID_MAX)

enum topic_leaf {
	TOPIC_REQUEST,
	TOPIC_ANSWER, /* to a command */
	TOPIC_STATUS,
	TOPIC_EVENT,
	_TOPIC_LEAF_MAX,
};

struct topic {
	enum topic_leaf leaf;
	char claim[TOPIC_ID_MAX +
		   1]; /* a box comes by it to become that gateway; empty: it is one */
	char gateway[TOPIC_ID_MAX + 1]; /* who writes there, as the broker vouches */
};

/* False: nobody writes there who is anything to us. */
bool topic_read(const char *text, struct topic *ret);

/* Where whoever wrote there reads the answer. */
void topic_response(const struct topic *topic, char ret[TOPIC_SIZE]);
