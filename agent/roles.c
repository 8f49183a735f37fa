/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two roles belong to two users; any other user gangway-NAME is the transport NAME. The look-up reads
 * the user database once a connection, and connections are rare.
 */
#include "agent/roles.h"

#include <pwd.h>

#include "lib/util.h"

#define PASSWD_MAX 4096

int roles_identify(uid_t uid, char *name, size_t size)
{
	size_t prefix = strlen(ROLES_USER_PREFIX);
	struct passwd entry, *found = NULL;
	char buf[PASSWD_MAX];

	if (uid == geteuid())
		return 0;
	if (getpwuid_r(uid, &entry, buf, sizeof(buf), &found) != 0 || !found)
		return -EPERM;
	if (strncmp(found->pw_name, ROLES_USER_PREFIX, prefix) != 0)
		return -EPERM;
	return gw_copy(name, size, found->pw_name + prefix) < 0 ? -EPERM : 1;
}

enum gw_role role_of_name(const char *name)
{
	if (gw_streq(name, "registrar"))
		return GW_ROLE_REGISTRAR;
	if (gw_streq(name, "mqtt"))
		return GW_ROLE_CLOUD;
	return GW_ROLE_TRANSPORT;
}
