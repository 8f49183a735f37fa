/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bus knows from the kernel who has connected, and with which groups: what it says was true when the
 * connection was made, and needs no look at /proc, which is hidden from us and may lie by then.
 */
#include "agent/bus-credentials.h"

#include <grp.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "lib/util.h"

void bus_group_find(const char *name, struct bus_group *ret)
{
	const struct group *group = getgrnam(name);

	*ret = (struct bus_group){ .exists = group != NULL, .gid = group ? group->gr_gid : 0 };
}

static int read_groups(sd_bus_message *m, const struct bus_group *group, bool *ret_in_group)
{
	uint32_t gid;
	int r = sd_bus_message_enter_container(m, 'v', "au");

	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "u");
	while (r >= 0 && (r = sd_bus_message_read_basic(m, 'u', &gid)) > 0)
		*ret_in_group = *ret_in_group || (group->exists && gid == group->gid);
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_uid(sd_bus_message *m, struct bus_credentials *ret)
{
	uint32_t uid;
	int r = sd_bus_message_read(m, "v", "u", &uid);

	if (r >= 0) {
		ret->is_known = true;
		ret->uid = uid;
	}
	return r;
}

void bus_credentials_read(sd_bus_message *m, const struct bus_group *group,
			  struct bus_credentials *ret)
{
	const char *key;
	int r;

	*ret = (struct bus_credentials){ 0 };
	if (sd_bus_message_is_method_error(m, NULL))
		return;
	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read_basic(m, 's', &key);
		if (r < 0)
			break;
		if (gw_streq(key, "UnixUserID"))
			r = read_uid(m, ret);
		else if (gw_streq(key, "UnixGroupIDs"))
			r = read_groups(m, group, &ret->in_group);
		else
			r = sd_bus_message_skip(m, "v");
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	if (r < 0)
		ret->is_known = false;
}
