/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hands a descriptor of any kind to the agent's CheckConfig and prints what comes back, a line each.
 * hand-over FD
 */
#include <stdio.h>

#include <systemd/sd-bus.h>

#include "lib/util.h"

static int print_answer(sd_bus_message *reply)
{
	const char *problem;
	int r = sd_bus_message_enter_container(reply, 'a', "s");

	while (r >= 0 && (r = sd_bus_message_read_basic(reply, 's', &problem)) > 0)
		(void)puts(problem);
	return r;
}

int main(int argc, char *argv[])
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	if (argc != 2)
		return 2;
	r = sd_bus_open_system(&bus);
	if (r >= 0)
		r = sd_bus_call_method(bus, "org.gangway1", "/org/gangway1", "org.gangway1.Manager",
				       "CheckConfig", &error, &reply, "h", atoi(argv[1]));
	if (r >= 0)
		r = print_answer(reply);
	if (r < 0)
		(void)printf("%s: %s\n", error.name ? error.name : strerror(-r),
			     error.message ? error.message : "");
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
