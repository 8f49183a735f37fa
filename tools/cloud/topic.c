/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "gangway/v1/GATEWAY/LEAF", and "gangway/v1/provision/claim:CLAIM/GATEWAY/request" of boxes that come by a claim.
 * The broker has seen to it that nobody else writes there: to the former its gateway alone, to
 * the latter whoever holds the claim. What is read here is only in whose name, and the answer goes nowhere else.
 */
#include "tools/cloud/topic.h"

#include <stdio.h>

#include "lib/endpoint.h"
#include "lib/util.h"
#include "tools/cloud/members.h"

#define PREFIX    "gangway/v1/"
#define PROVISION "provision/"

static const char *const leaves[_TOPIC_LEAF_MAX] = {
	[TOPIC_REQUEST] = "request",
	[TOPIC_ANSWER] = "answer",
	[TOPIC_STATUS] = "status",
	[TOPIC_EVENT] = "event",
};

static bool skip(const char **text, const char *prefix)
{
	size_t len = strlen(prefix);

	if (strncmp(*text, prefix, len) != 0)
		return false;
	*text += len;
	return true;
}

/* The part up to the next slash. */
static bool take_id(const char **text, char id[TOPIC_ID_MAX + 1])
{
	const char *slash = strchr(*text, '/');
	size_t len = slash ? (size_t)(slash - *text) : 0;

	if (len == 0 || len > TOPIC_ID_MAX)
		return false;
	memcpy(id, *text, len);
	id[len] = 0;
	*text = slash + 1;
	return gw_gateway_id_is_valid(id);
}

bool topic_read(const char *text, struct topic *ret)
{
	struct topic topic = { .claim = "" };

	if (!skip(&text, PREFIX))
		return false;
	if (skip(&text, PROVISION) && (!skip(&text, MEMBER_CLAIM) || !take_id(&text, topic.claim)))
		return false;
	if (!take_id(&text, topic.gateway))
		return false;

	for (int i = 0; i < (*topic.claim ? TOPIC_REQUEST + 1 : _TOPIC_LEAF_MAX); i++) {
		if (gw_streq(text, leaves[i])) {
			topic.leaf = (enum topic_leaf)i;
			*ret = topic;
			return true;
		}
	}
	return false;
}

void topic_response(const struct topic *topic, char ret[TOPIC_SIZE])
{
	bool by_claim = *topic->claim;

	(void)snprintf(ret, TOPIC_SIZE, PREFIX "%s%s%s%s/response",
		       by_claim ? PROVISION MEMBER_CLAIM : "", topic->claim, by_claim ? "/" : "",
		       topic->gateway);
}
