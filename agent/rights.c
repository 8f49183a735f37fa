/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line a method. What has no line here nobody can call. Properties are read with `inspect`, all of
 * them: GetAll and GetManagedObjects give them together, so no property may be worth more than that.
 *
 * The defaults below are written a second time for polkit: dbus/org.gangway1.policy denies, and
 * dbus/zz-gangway.rules gives the group what it has here. A test compares the three.
 */
#include "agent/rights.h"

#include "agent/settings-disk.h"
#include "lib/util.h"
#include "lib/wire.h"

#define MANAGER "org.gangway1.Manager"
#define DEVICE  "org.gangway1.Device"

static const struct rights_line needs[] = {
	{ MANAGER, "Claim", RIGHT_CLAIM, COST_WRITE },
	{ MANAGER, "Withdraw", RIGHT_CLAIM, COST_WRITE },
	{ MANAGER, "GetDevice", RIGHT_INSPECT, COST_ORDINARY },
	{ MANAGER, "ListDevices", RIGHT_INSPECT, COST_LIST },
	{ MANAGER, "ListJobs", RIGHT_INSPECT, COST_LIST },
	{ MANAGER, "ListJobsAfter", RIGHT_INSPECT, COST_LIST },
	{ MANAGER, "ReadAudit", RIGHT_INSPECT, COST_WALK },
	{ MANAGER, "VerifyAudit", RIGHT_INSPECT, COST_ORDINARY },
	{ MANAGER, "ListSettings", RIGHT_INSPECT, COST_WALK },
	{ MANAGER, "CheckConfig", RIGHT_CONFIGURE, COST_WALK },
	{ MANAGER, "LoadRevocationList", RIGHT_OPERATE, COST_WALK },
	{ MANAGER, "Reload", RIGHT_CONFIGURE, COST_WALK },
	{ MANAGER, "FactoryReset", RIGHT_CONFIGURE, COST_WALK },
	{ MANAGER, "Doctor", RIGHT_INSPECT, COST_LIST },
	{ DEVICE, "Renew", RIGHT_OPERATE, COST_WRITE },
	{ DEVICE, "Approve", RIGHT_OPERATE, COST_WRITE },
	{ DEVICE, "Reject", RIGHT_OPERATE, COST_WRITE },
	{ DEVICE, "Suspend", RIGHT_OPERATE, COST_WRITE },
	{ DEVICE, "Resume", RIGHT_OPERATE, COST_WRITE },
	{ DEVICE, "Revoke", RIGHT_OPERATE, COST_WRITE },
	{ DEVICE, "Decommission", RIGHT_OPERATE, COST_WRITE },
	{ "org.freedesktop.DBus.Properties", "Get", RIGHT_INSPECT, COST_ORDINARY },
	{ "org.freedesktop.DBus.Properties", "GetAll", RIGHT_INSPECT, COST_ORDINARY },
	{ "org.freedesktop.DBus.Properties", "Set", RIGHT_CONFIGURE, COST_ORDINARY },
	{ "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", RIGHT_INSPECT, COST_LIST },
	/* The nodes that it names are the ids of devices. */
	{ "org.freedesktop.DBus.Introspectable", "Introspect", RIGHT_INSPECT, COST_LIST },
	{ "org.freedesktop.DBus.Peer", "Ping", RIGHT_NONE, COST_ORDINARY },
	{ "org.freedesktop.DBus.Peer", "GetMachineId", RIGHT_NONE, COST_ORDINARY },
};

static const struct rights_option options[] = {
	{ MANAGER, "Claim", "replace", RIGHT_REPLACE },
};

/* Methods that take what a file holds. */
static const struct {
	const char *interface, *member;
	unsigned max;
} bytes[] = {
	{ MANAGER, "CheckConfig", SETTINGS_FILE_MAX },
	{ MANAGER, "LoadRevocationList", GW_CRL_MAX },
};

unsigned rights_bytes(const struct rights_line *line)
{
	for (size_t i = 0; i < GW_ELEMENTS(bytes); i++)
		if (gw_streq(bytes[i].interface, line->interface) &&
		    gw_streq(bytes[i].member, line->member))
			return bytes[i].max;
	return 0;
}

const struct rights_option *rights_option(const struct rights_line *line)
{
	for (size_t i = 0; i < GW_ELEMENTS(options); i++)
		if (gw_streq(options[i].interface, line->interface) &&
		    gw_streq(options[i].member, line->member))
			return &options[i];
	return NULL;
}

const struct rights_line *rights_find(const char *interface, const char *member)
{
	for (size_t i = 0; i < GW_ELEMENTS(needs); i++)
		if (gw_streq(needs[i].interface, interface) && gw_streq(needs[i].member, member))
			return &needs[i];
	return NULL;
}

bool rights_is_early(const struct rights_line *line)
{
	if (line->right == RIGHT_NONE)
		return true;
	return gw_streq(line->interface, MANAGER) &&
	       (gw_streq(line->member, "CheckConfig") || gw_streq(line->member, "Reload"));
}

enum right right_needed(const char *interface, const char *member)
{
	const struct rights_line *line = rights_find(interface, member);

	return line ? line->right : RIGHT_NOBODY;
}

const char *right_action(enum right right)
{
	switch (right) {
	case RIGHT_INSPECT: return "org.gangway1.inspect";
	case RIGHT_CLAIM: return "org.gangway1.claim";
	case RIGHT_OPERATE: return "org.gangway1.operate";
	case RIGHT_REPLACE: return "org.gangway1.replace";
	case RIGHT_CONFIGURE: return "org.gangway1.configure";
	case RIGHT_NONE:
	case RIGHT_NOBODY: break;
	}
	return NULL;
}

const char *right_name(enum right right)
{
	const char *action = right_action(right);

	return action ? action + sizeof("org.gangway1.") - 1 : NULL;
}

bool right_is_held(enum right right, unsigned uid, bool in_group)
{
	switch (right) {
	case RIGHT_NONE: return true;
	case RIGHT_INSPECT:
	case RIGHT_CLAIM:
	case RIGHT_OPERATE: return uid == 0 || in_group;
	case RIGHT_REPLACE:
	case RIGHT_CONFIGURE: return uid == 0;
	case RIGHT_NOBODY: break;
	}
	return false;
}

unsigned rights_held(unsigned uid, bool in_group)
{
	unsigned held = 0;

	for (enum right right = RIGHT_NONE; right < RIGHT_NOBODY; right++)
		if (right_is_held(right, uid, in_group))
			held |= RIGHT_BIT(right);
	return held;
}
