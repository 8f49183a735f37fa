/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a call and leaves it as if nobody had. The library does not tell how large a message is, so its
 * parts are counted: the bus takes out of its head what it does not know, but for the path, which may be
 * of any length.
 */
#include "agent/bus-call.h"

#include <stdint.h>
#include <systemd/sd-bus.h>

#include "lib/util.h"

#define PART_SIZE 8 /* of anything, at least */
#define DEPTH_MAX 64

/* --- size --- */

/* Reads one that is no container. */
static int read_part(sd_bus_message *m, char type, size_t *size)
{
	const char *text;
	uint64_t number;
	int r;

	*size += PART_SIZE;
	if (type != 's' && type != 'o' && type != 'g')
		return sd_bus_message_read_basic(m, type, &number);
	r = sd_bus_message_read_basic(m, type, &text);
	if (r > 0)
		*size += strlen(text);
	return r;
}

/* All of them in one, however many. */
static int read_bytes(sd_bus_message *m, size_t *size)
{
	const void *bytes;
	size_t n = 0;
	int r = sd_bus_message_read_array(m, 'y', &bytes, &n);

	*size += PART_SIZE + n;
	return r;
}

static bool is_container(char type)
{
	return type == 'a' || type == 'v' || type == 'r' || type == 'e';
}

int bus_call_measure(sd_bus_message *call, size_t size_max, unsigned *ret_places)
{
	size_t size = strlen(sd_bus_message_get_path(call));
	const char *contents;
	unsigned depth = 0;
	char type;
	int r = 1;

	while (r >= 0 && size <= size_max) {
		r = sd_bus_message_peek_type(call, &type, &contents);
		if (r == 0 && depth == 0)
			break;
		if (r == 0) {
			r = sd_bus_message_exit_container(call);
			depth--;
		} else if (r > 0 && type == 'a' && gw_streq(contents, "y")) {
			r = read_bytes(call, &size);
		} else if (r > 0 && is_container(type)) {
			size += PART_SIZE;
			r = ++depth > DEPTH_MAX
				    ? -EBADMSG
				    : sd_bus_message_enter_container(call, type, contents);
		} else if (r > 0) {
			r = read_part(call, type, &size);
		}
	}
	(void)sd_bus_message_rewind(call, /* complete= */ true);
	if (r < 0 || size > size_max)
		return -EFBIG;
	*ret_places = (unsigned)(size / BUS_CALL_PLACE) + 1;
	return 0;
}

/* --- flags --- */

/* One entry of the dictionary. */
static int read_option(sd_bus_message *m, const char *name, bool *found)
{
	const char *key, *contents;
	int is_set = 0;
	char type;
	int r = sd_bus_message_read_basic(m, 's', &key);

	if (r > 0)
		r = sd_bus_message_peek_type(m, &type, &contents);
	if (r > 0 && gw_streq(key, name) && gw_streq(contents, "b"))
		r = sd_bus_message_read(m, "v", "b", &is_set);
	else if (r > 0)
		r = sd_bus_message_skip(m, "v");
	*found = *found || is_set;
	return r;
}

static int read_options(sd_bus_message *m, const char *name, bool *found)
{
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = read_option(m, name, found);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

bool bus_call_has_flag(sd_bus_message *call, const char *name)
{
	const char *contents;
	bool found = false;
	char type;
	int r;

	while ((r = sd_bus_message_peek_type(call, &type, &contents)) > 0) {
		if (type == 'a' && gw_streq(contents, "{sv}"))
			r = read_options(call, name, &found);
		else
			r = sd_bus_message_skip(call, /* types= */ NULL);
		if (r < 0)
			break;
	}
	(void)sd_bus_message_rewind(call, /* complete= */ true);
	return found;
}
