/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Roles carry rights. A transport speaks of channels and addresses, the registrar of peers and what
 * they ask, the cloud link of answers and commands; none can say what is another's to say. A message
 * that is not in this table closes the link it came by.
 *
 * The rates are fuses against a captured plugin, far above what honest work needs.
 */
#include "agent/rule.h"

#include "lib/util.h"

struct rule {
	enum plugin_state state;
	enum gw_role role;
	enum gw_msg_type type;
	unsigned per_second;
};

#define ANY_ROLE _GW_ROLE_MAX

static const struct rule rules[] = {
	{ PLUGIN_STRANGER, ANY_ROLE, GW_MSG_HELLO, 1 },
	{ PLUGIN_WELCOME, ANY_ROLE, GW_MSG_HEALTH, 10 },

	{ PLUGIN_WELCOME, GW_ROLE_TRANSPORT, GW_MSG_CHANNEL, 100 },
	{ PLUGIN_WELCOME, GW_ROLE_TRANSPORT, GW_MSG_CHANNEL_GONE, 100 },
	{ PLUGIN_WELCOME, GW_ROLE_TRANSPORT, GW_MSG_NEIGHBOUR, 2000 },

	{ PLUGIN_WELCOME, GW_ROLE_REGISTRAR, GW_MSG_SECRET_QUERY, 10000 },
	{ PLUGIN_WELCOME, GW_ROLE_REGISTRAR, GW_MSG_PEER, 10000 },
	{ PLUGIN_WELCOME, GW_ROLE_REGISTRAR, GW_MSG_FAILED, 10000 },
	{ PLUGIN_WELCOME, GW_ROLE_REGISTRAR, GW_MSG_SESSION_END, 10000 },
	{ PLUGIN_WELCOME, GW_ROLE_REGISTRAR, GW_MSG_ENROLL, 10000 },
	{ PLUGIN_WELCOME, GW_ROLE_REGISTRAR, GW_MSG_SETTINGS_QUERY, 10000 },
	{ PLUGIN_WELCOME, GW_ROLE_REGISTRAR, GW_MSG_REPORT, 10000 },
	{ PLUGIN_WELCOME, GW_ROLE_REGISTRAR, GW_MSG_WIPED, 10000 },
	{ PLUGIN_WELCOME, GW_ROLE_REGISTRAR, GW_MSG_REJECTED, 10000 },
	{ PLUGIN_WELCOME, GW_ROLE_REGISTRAR, GW_MSG_CHECKED, 10000 },
	{ PLUGIN_WELCOME, GW_ROLE_REGISTRAR, GW_MSG_SERVER_CSR, 10 },
	{ PLUGIN_WELCOME, GW_ROLE_REGISTRAR, GW_MSG_CRL_CHECKED, 10 },
	{ PLUGIN_WELCOME, GW_ROLE_REGISTRAR, GW_MSG_ISSUERS, 100 },

	{ PLUGIN_WELCOME, GW_ROLE_CLOUD, GW_MSG_CLOUD_STATE, 100 },
	{ PLUGIN_WELCOME, GW_ROLE_CLOUD, GW_MSG_CLOUD_RETRY, 100 },
	{ PLUGIN_WELCOME, GW_ROLE_CLOUD, GW_MSG_CREDENTIAL, 100 },
	{ PLUGIN_WELCOME, GW_ROLE_CLOUD, GW_MSG_REQUEST_SENT, 10000 },
	{ PLUGIN_WELCOME, GW_ROLE_CLOUD, GW_MSG_ANSWER, 10000 },
	{ PLUGIN_WELCOME, GW_ROLE_CLOUD, GW_MSG_COMMAND, 1000 },
	{ PLUGIN_WELCOME, GW_ROLE_CLOUD, GW_MSG_ANCHORS, 100 },
	{ PLUGIN_WELCOME, GW_ROLE_CLOUD, GW_MSG_CRL, 100 },
};

bool rule_allows(enum plugin_state state, enum gw_role role, enum gw_msg_type type,
		 unsigned *ret_per_second)
{
	for (size_t i = 0; i < GW_ELEMENTS(rules); i++) {
		if (rules[i].state != state || rules[i].type != type)
			continue;
		if (rules[i].role != ANY_ROLE && rules[i].role != role)
			continue;
		*ret_per_second = rules[i].per_second;
		return true;
	}
	return false;
}
