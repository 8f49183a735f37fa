/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The switchboard between plugins and the rooms of the agent. It decides nothing. */
#include "agent/dispatch.h"

#include <errno.h>

#include "agent/agent.h"
#include "agent/audit-export.h"
#include "agent/channels.h"
#include "agent/cloud.h"
#include "agent/command.h"
#include "agent/crl-watch.h"
#include "agent/door.h"
#include "agent/due.h"
#include "agent/enrol.h"
#include "agent/issue.h"
#include "agent/leave.h"
#include "agent/neighbours.h"
#include "agent/plugins.h"
#include "agent/queue.h"
#include "agent/requests.h"
#include "agent/revocation.h"
#include "agent/sessions.h"
#include "agent/turn.h"
#include "lib/log.h"
#include "lib/util.h"
#include "lib/wire.h"

static enum gw_role role_of(const struct plugin *plugin)
{
	struct plugin_info info;

	plugin_get_info(plugin, &info);
	return info.role;
}

static void brief_registrar(struct agent *agent, struct plugin *registrar)
{
	sessions_drop_all(agent->sessions); /* those of the one before it */
	due_brief(agent->due, registrar);
	cloud_brief(agent, registrar);
	revocation_brief(agent, registrar);
	issue_check_again(agent);
	channels_offer(agent, /* transport_or_all= */ NULL);
}

void dispatch_welcome(struct agent *agent, struct plugin *plugin)
{
	switch (role_of(plugin)) {
	case GW_ROLE_REGISTRAR: brief_registrar(agent, plugin); break;
	case GW_ROLE_TRANSPORT: channels_offer(agent, plugin); break;
	case GW_ROLE_CLOUD:
		due_brief(agent->due, plugin);
		queue_restart(agent->queue);
		audit_export_restart(agent->audit_export);
		break;
	case _GW_ROLE_MAX: break;
	}
}

void dispatch_lost(struct agent *agent, struct plugin *plugin)
{
	switch (role_of(plugin)) {
	case GW_ROLE_REGISTRAR:
		sessions_drop_all(agent->sessions);
		revocation_lost(agent);
		break;
	case GW_ROLE_TRANSPORT:
		channels_drop(agent, plugin);
		neighbours_drop(agent->neighbours, plugin_name(plugin));
		break;
	case GW_ROLE_CLOUD:
		queue_restart(agent->queue);
		audit_export_restart(agent->audit_export);
		cloud_lost(agent);
		break;
	case _GW_ROLE_MAX: break;
	}
}

/* A check of a cloud state arrives as a number that wire.c has held to its range. */
static int take_cloud_state(struct agent *agent, const struct gw_msg_cloud_state *msg)
{
	cloud_set_state(agent, (enum gw_cloud_state)msg->state, msg->text);
	return 0;
}

static int take_channel_gone(struct agent *agent, struct plugin *plugin, uint32_t channel)
{
	channels_take_gone(agent, plugin, channel);
	return 0;
}

static int deal_with(struct agent *agent, struct plugin *plugin, const struct gw_msg *msg, int *fd)
{
	int r;

	switch (msg->type) {
	case GW_MSG_CHANNEL: return channels_take(agent, plugin, &msg->channel, *fd);
	case GW_MSG_CHANNEL_GONE:
		return take_channel_gone(agent, plugin, msg->channel_gone.channel);
	case GW_MSG_NEIGHBOUR:
		return neighbours_take(agent->neighbours, plugin_name(plugin), &msg->neighbour);

	case GW_MSG_SECRET_QUERY:
		r = door_take_secret_query(agent, &msg->secret_query);
		due_look(agent->due);
		return r;
	case GW_MSG_PEER: return door_take_peer(agent, &msg->peer);
	case GW_MSG_FAILED: return door_take_failed(agent, &msg->failed);
	case GW_MSG_SESSION_END: return door_take_end(agent, &msg->session_end);

	case GW_MSG_ENROLL: return enrol_take_csr(agent, &msg->enroll);
	case GW_MSG_SETTINGS_QUERY:
		return requests_take_settings_query(agent, &msg->settings_query);
	case GW_MSG_REPORT: return requests_take_report(agent, &msg->report);
	case GW_MSG_WIPED: return leave_take_wiped(agent, &msg->wiped);
	case GW_MSG_REJECTED: return requests_take_rejected(agent, &msg->rejected);
	case GW_MSG_CHECKED: return issue_take_check(agent, &msg->checked);
	case GW_MSG_CRL_CHECKED: return revocation_take_checked(agent, &msg->crl_checked, *fd);
	case GW_MSG_ISSUERS: return crl_watch_take_issuers(agent, &msg->issuers);
	case GW_MSG_SERVER_CSR: return cloud_take_server_csr(agent, &msg->server_csr);

	case GW_MSG_CLOUD_STATE: return take_cloud_state(agent, &msg->cloud_state);
	case GW_MSG_CLOUD_RETRY: cloud_take_retry(agent, &msg->cloud_retry); return 0;
	case GW_MSG_CREDENTIAL: cloud_take_credential(agent, &msg->credential); return 0;
	case GW_MSG_REQUEST_SENT: queue_sent(agent->queue, msg->request_sent.job); return 0;
	case GW_MSG_ANSWER: return cloud_take_answer(agent, &msg->answer);
	case GW_MSG_COMMAND: cloud_heard(agent); return command_take(agent, &msg->command);
	case GW_MSG_ANCHORS: return cloud_take_anchors(agent, &msg->anchors, *fd);
	case GW_MSG_CRL: return revocation_hold(agent, &msg->crl, fd);

	case GW_MSG_HELLO:
	case GW_MSG_HEALTH: /* plugins.c has them */
	case GW_MSG_WELCOME:
	case GW_MSG_OFFER:
	case GW_MSG_SECRET:
	case GW_MSG_VERDICT:
	case GW_MSG_ENROLLED:
	case GW_MSG_SETTINGS:
	case GW_MSG_REPORTED:
	case GW_MSG_CHECK:
	case GW_MSG_SERVER_CERT:
	case GW_MSG_CLOCK:
	case GW_MSG_REQUEST:
	case GW_MSG_REQUEST_END:
	case GW_MSG_EVENT:
	case GW_MSG_EVENTS:
	case GW_MSG_COMMAND_ANSWER: break; /* ours to send */
	}
	return -EPROTO;
}

/*
 * Only what a plugin did wrong costs it its link: that link is everybody's. What went wrong with us takes
 * the turn back; what came too late for the state of its device changes nothing.
 */
int dispatch_message(struct agent *agent, struct plugin *plugin, const struct gw_msg *msg, int *fd)
{
	int r = deal_with(agent, plugin, msg, fd);

	if (r >= 0 || r == -EPROTO || r == -EBADMSG)
		return GW_MIN(r, 0);
	if (r == -ENOENT || r == -EBUSY)
		gw_log(ERROR, "A '%s' of gangway-%s has nothing to act on: %s, ignoring",
		       gw_wire_name(msg->type), plugin_name(plugin), strerror(-r));
	else
		turn_fail(agent->turn, r);
	return 0;
}
