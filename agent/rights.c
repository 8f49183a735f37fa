/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line a method. What has no line here nobody can call. */
#include "agent/rights.h"

#include "lib/util.h"

static const struct {
	const char *interface, *member;
	enum right right;
} needs[] = {
	{ "org.gangway1.Manager", "Claim", RIGHT_CLAIM },
	{ "org.gangway1.Manager", "Withdraw", RIGHT_CLAIM },
	{ "org.gangway1.Manager", "GetDevice", RIGHT_INSPECT },
	{ "org.gangway1.Manager", "ListDevices", RIGHT_INSPECT },
	{ "org.gangway1.Manager", "ListJobs", RIGHT_INSPECT },
	{ "org.gangway1.Manager", "ReadAudit", RIGHT_INSPECT },
	{ "org.gangway1.Manager", "VerifyAudit", RIGHT_INSPECT },
	{ "org.freedesktop.DBus.Properties", "Get", RIGHT_INSPECT },
	{ "org.freedesktop.DBus.Properties", "GetAll", RIGHT_INSPECT },
	{ "org.freedesktop.DBus.Properties", "Set", RIGHT_CONFIGURE },
	{ "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", RIGHT_INSPECT },
	{ "org.freedesktop.DBus.Introspectable", "Introspect", RIGHT_NONE },
	{ "org.freedesktop.DBus.Peer", "Ping", RIGHT_NONE },
	{ "org.freedesktop.DBus.Peer", "GetMachineId", RIGHT_NONE },
};

enum right right_needed(const char *interface, const char *member)
{
	for (size_t i = 0; i < GW_ELEMENTS(needs); i++)
		if (gw_streq(needs[i].interface, interface) && gw_streq(needs[i].member, member))
			return needs[i].right;
	return RIGHT_NOBODY;
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
