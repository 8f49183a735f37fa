/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which plugin may say what: every message of every role in every state, against a list of its own. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#include "agent/rule.h"
#include "lib/util.h"

static const enum gw_msg_type all_types[] = {
#define X(number, NAME, name) GW_MSG_##NAME,
	GW_WIRE_MESSAGES(X)
#undef X
};

/* What a welcomed plugin of a role may say. */
static const enum gw_msg_type by_transport[] = { GW_MSG_HEALTH, GW_MSG_CHANNEL, GW_MSG_CHANNEL_GONE,
						 GW_MSG_NEIGHBOUR };
static const enum gw_msg_type by_registrar[] = {
	GW_MSG_HEALTH,      GW_MSG_SECRET_QUERY, GW_MSG_PEER,       GW_MSG_FAILED,
	GW_MSG_SESSION_END, GW_MSG_ENROLL,       GW_MSG_REPORT,     GW_MSG_SETTINGS_QUERY,
	GW_MSG_REJECTED,    GW_MSG_CHECKED,      GW_MSG_SERVER_CSR, GW_MSG_WIPED,
	GW_MSG_CRL_CHECKED, GW_MSG_ISSUERS,
};
static const enum gw_msg_type by_cloud[] = {
	GW_MSG_HEALTH,  GW_MSG_CLOUD_STATE, GW_MSG_CLOUD_RETRY, GW_MSG_CREDENTIAL,   GW_MSG_ANSWER,
	GW_MSG_COMMAND, GW_MSG_ANCHORS,     GW_MSG_CRL,         GW_MSG_REQUEST_SENT,
};

static bool holds(const enum gw_msg_type *types, size_t n, enum gw_msg_type type)
{
	for (size_t i = 0; i < n; i++)
		if (types[i] == type)
			return true;
	return false;
}

static bool is_expected(enum plugin_state state, enum gw_role role, enum gw_msg_type type)
{
	if (state == PLUGIN_STRANGER)
		return type == GW_MSG_HELLO;

	switch (role) {
	case GW_ROLE_TRANSPORT: return holds(by_transport, GW_ELEMENTS(by_transport), type);
	case GW_ROLE_REGISTRAR: return holds(by_registrar, GW_ELEMENTS(by_registrar), type);
	case GW_ROLE_CLOUD: return holds(by_cloud, GW_ELEMENTS(by_cloud), type);
	case _GW_ROLE_MAX: break;
	}
	return false;
}

static void every_message_of_everybody(void **state)
{
	for (int s = 0; s < _PLUGIN_STATE_MAX; s++) {
		for (int role = 0; role < _GW_ROLE_MAX; role++) {
			for (size_t i = 0; i < GW_ELEMENTS(all_types); i++) {
				unsigned rate = 0;
				bool allowed = rule_allows((enum plugin_state)s, (enum gw_role)role,
							   all_types[i], &rate);

				if (allowed != is_expected((enum plugin_state)s, (enum gw_role)role,
							   all_types[i]))
					fail_msg("state %d, role %d, message '%s': %s", s, role,
						 gw_wire_name(all_types[i]),
						 allowed ? "allowed" : "not allowed");
				assert_int_equal(rate > 0, allowed);
			}
		}
	}
}

/* Only the registrar speaks of peers, only the cloud link commands, only transports bring channels. */
static void what_crosses_no_role(void **state)
{
	unsigned rate;

	assert_false(rule_allows(PLUGIN_WELCOME, GW_ROLE_TRANSPORT, GW_MSG_SECRET_QUERY, &rate));
	assert_false(rule_allows(PLUGIN_WELCOME, GW_ROLE_CLOUD, GW_MSG_SECRET_QUERY, &rate));
	assert_false(rule_allows(PLUGIN_WELCOME, GW_ROLE_REGISTRAR, GW_MSG_COMMAND, &rate));
	assert_false(rule_allows(PLUGIN_WELCOME, GW_ROLE_REGISTRAR, GW_MSG_ANCHORS, &rate));
	assert_false(rule_allows(PLUGIN_WELCOME, GW_ROLE_TRANSPORT, GW_MSG_PEER, &rate));
	assert_false(rule_allows(PLUGIN_WELCOME, GW_ROLE_CLOUD, GW_MSG_CHANNEL, &rate));
}

static void numbers_of_no_message(void **state)
{
	unsigned rate = 7;

	for (unsigned type = 0; type <= UINT16_MAX; type++) {
		if (holds(all_types, GW_ELEMENTS(all_types), (enum gw_msg_type)type))
			continue;
		for (int role = 0; role < _GW_ROLE_MAX; role++) {
			assert_false(rule_allows(PLUGIN_STRANGER, (enum gw_role)role,
						 (enum gw_msg_type)type, &rate));
			assert_false(rule_allows(PLUGIN_WELCOME, (enum gw_role)role,
						 (enum gw_msg_type)type, &rate));
		}
	}
	assert_int_equal(rate, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_of_everybody),
		cmocka_unit_test(what_crosses_no_role),
		cmocka_unit_test(numbers_of_no_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
