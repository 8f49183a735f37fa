/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cloud link has seen to it that a list is one; that is looked at once more, since who speaks there need not be
 * the cloud link that we wrote. A list is taken as a whole or not at all: a bad line spoils it before anything of
 * it is carried out.
 */
#include "agent/command-list.h"

#include <string.h>

#include "lib/hex.h"
#include "lib/util.h"

#define LINE_MAX GW_MAX(GW_ID_MAX, 2 * GW_SERIAL_MAX)

static bool brings_devices(enum gw_command_kind kind)
{
	return kind == GW_COMMAND_REVOKE || kind == GW_COMMAND_SUSPEND ||
	       kind == GW_COMMAND_RESUME || kind == GW_COMMAND_DECOMMISSION ||
	       kind == GW_COMMAND_MOVED;
}

/* Takes a line off the rest, without its end. False: there is none that is whole and short enough. */
static bool take_line(const char **rest, char line[LINE_MAX + 1])
{
	const char *end = strchr(*rest, '\n');
	size_t len = end ? (size_t)(end - *rest) : 0;

	if (!end || len > LINE_MAX)
		return false;
	memcpy(line, *rest, len);
	line[len] = 0;
	*rest = end + 1;
	return true;
}

static bool read_item(const char *line, bool of_serials, struct command_item *ret)
{
	struct command_item item = { 0 };

	if (!of_serials && !gw_device_id_is_valid(line))
		return false;
	if (of_serials &&
	    (gw_hex_decode(line, item.serial, sizeof(item.serial), &item.serial_len) < 0 ||
	     item.serial_len == 0))
		return false;

	if (!of_serials)
		(void)gw_copy(item.device, sizeof(item.device), line);
	*ret = item;
	return true;
}

static bool lines_are_valid(const char *lines, bool of_serials)
{
	char line[LINE_MAX + 1];
	struct command_item item;
	size_t n = 0;

	for (; *lines; n++)
		if (n == GW_LIST_MAX || !take_line(&lines, line) ||
		    !read_item(line, of_serials, &item))
			return false;
	return true;
}

bool command_list_is_valid(const struct gw_msg_command *command)
{
	enum gw_command_kind kind = (enum gw_command_kind)command->kind;
	bool has_device = *command->device, has_devices = *command->devices,
	     has_serials = *command->serials;

	if (kind == GW_COMMAND_ANCHORS || kind == GW_COMMAND_CRL)
		return !has_device && !has_devices && !has_serials;
	if (has_device + has_devices + has_serials != 1)
		return false;
	if (has_device)
		return gw_device_id_is_valid(command->device);
	if (has_serials)
		return kind == GW_COMMAND_REVOKE && lines_are_valid(command->serials, true);
	return brings_devices(kind) && lines_are_valid(command->devices, false);
}

void command_list_begin(struct command_list *list, const struct gw_msg_command *command)
{
	bool of_serials = *command->serials;

	*list = (struct command_list){
		.is_list = of_serials || *command->devices,
		.of_serials = of_serials,
		.rest = of_serials          ? command->serials
			: *command->devices ? command->devices
					    : command->device,
	};
}

bool command_list_next(struct command_list *list, struct command_item *ret)
{
	char line[LINE_MAX + 1];

	if (!*list->rest)
		return false;
	if (list->is_list)
		return take_line(&list->rest, line) && read_item(line, list->of_serials, ret);

	*ret = (struct command_item){ 0 };
	(void)gw_copy(ret->device, sizeof(ret->device), list->rest);
	list->rest = "";
	return true;
}
