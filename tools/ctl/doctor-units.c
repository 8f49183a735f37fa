/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the service manager knows of our units. Where there is no service manager (a container, a set that
 * was started by hand), there is nothing to say; where it runs what was not installed as a unit, neither.
 */
#include "tools/ctl/doctor.h"

#include <stdio.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

#include "lib/util.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/when.h"

#define SYSTEMD "org.freedesktop.systemd1"
#define SOCKET  "gangwayd.socket"
#define AGENT   "gangwayd.service"
#define JOURNAL "journalctl -u %s says why."

static const char *const units[] = {
	"gangway.target",       SOCKET, AGENT, "gangway-registrar.service", "gangway-ip.service",
	"gangway-mqtt.service",
};

/* --- judging --- */

/* command: what to do, with %s for the unit. */
static void find_unit(struct doctor *doctor, const struct doctor_unit *unit,
		      enum doctor_verdict verdict, const char *command, const char *text)
{
	const char *gap = strstr(command, "%s");
	char check[64], advice[128], since[WHEN_LEN] = "";

	if (verdict == DOCTOR_WRONG)
		when_format(unit->since_s, since);

	(void)snprintf(check, sizeof(check), "unit %s", unit->name);
	(void)gw_copy(advice, sizeof(advice), command);
	if (gap)
		(void)snprintf(advice, sizeof(advice), "%.*s%s%s", (int)(gap - command), command,
			       unit->name, gap + strlen("%s"));
	doctor_find(doctor, check, verdict, advice, "%s%s%s.", text, *since ? ", since " : "",
		    since);
}

void doctor_judge_unit(struct doctor *doctor, const struct doctor_unit *unit)
{
	bool active = gw_streq(unit->active, "active") || gw_streq(unit->active, "reloading"),
	     starts = gw_streq(unit->active, "activating");
	char text[256];

	if (gw_streq(unit->load, "not-found")) {
		find_unit(doctor, unit, DOCTOR_WRONG, "", "It is not installed");
	} else if (gw_streq(unit->load, "masked")) {
		find_unit(doctor, unit, DOCTOR_WRONG,
			  "systemctl unmask %s; then systemctl start gangway.target",
			  "It is masked: nobody can start it");
	} else if (!gw_streq(unit->load, "loaded")) {
		(void)snprintf(text, sizeof(text), "Its file cannot be used (%s)", unit->load);
		find_unit(doctor, unit, DOCTOR_WRONG, "systemctl status %s says why.", text);
	} else if (gw_streq(unit->active, "failed")) {
		(void)snprintf(text, sizeof(text), "It has failed (%s)",
			       *unit->result ? unit->result : unit->sub);
		find_unit(doctor, unit, DOCTOR_WRONG, JOURNAL, text);
	} else if (starts && unit->n_restarts) {
		(void)snprintf(text, sizeof(text), "It ends again and again (%s, %u time%s)",
			       unit->result, unit->n_restarts, unit->n_restarts == 1 ? "" : "s");
		find_unit(doctor, unit, DOCTOR_WRONG, JOURNAL, text);
	} else if (starts) {
		find_unit(doctor, unit, DOCTOR_WARNING, "systemctl status %s",
			  "It is being started");
	} else if (!active && gw_streq(unit->name, SOCKET)) {
		find_unit(doctor, unit, DOCTOR_WRONG,
			  "It comes and goes with " AGENT ": see there; if that runs, systemctl "
			  "restart " AGENT ".",
			  "It does not run");
	} else if (!active) {
		find_unit(doctor, unit, DOCTOR_WRONG, "systemctl start %s", "It does not run");
	} else if (unit->n_restarts) {
		(void)snprintf(text, sizeof(text),
			       "It runs, and ended unasked %u time%s since it was last started",
			       unit->n_restarts, unit->n_restarts == 1 ? "" : "s");
		find_unit(doctor, unit, DOCTOR_WARNING, JOURNAL, text);
	} else if (gw_streq(unit->file, "disabled")) {
		find_unit(doctor, unit, DOCTOR_WARNING, "systemctl enable %s",
			  "It runs, but is not started with the machine");
	} else {
		find_unit(doctor, unit, DOCTOR_OK, "", "It runs");
	}
}

/* --- asking --- */

/* Empty where there is no such property. */
static void get_text(sd_bus *bus, const char *path, const char *interface, const char *property,
		     char *text, size_t size)
{
	_cleanup_free_ char *value = NULL;

	if (sd_bus_get_property_string(bus, SYSTEMD, path, interface, property, NULL, &value) < 0)
		(void)gw_copy(text, size, "");
	else
		(void)gw_copy(text, size, value);
}

bool doctor_agent_is_masked(struct ctl *ctl)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	const char *path;
	char load[32];

	if (sd_bus_call_method(ctl->bus, SYSTEMD, "/org/freedesktop/systemd1", SYSTEMD ".Manager",
			       "LoadUnit", NULL, &reply, "s", AGENT) < 0 ||
	    sd_bus_message_read(reply, "o", &path) < 0)
		return false;
	get_text(ctl->bus, path, SYSTEMD ".Unit", "LoadState", load, sizeof(load));
	return gw_streq(load, "masked");
}

static int look_at_unit(struct doctor *doctor, sd_bus *bus, const char *name)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	char load[32], active[32], sub[32], result[64], file[32];
	struct doctor_unit unit = { name, load, active, sub, result, file, 0, 0 };
	uint64_t since_us = 0;
	uint32_t n_restarts = 0;
	const char *path;
	int r;

	r = sd_bus_call_method(bus, SYSTEMD, "/org/freedesktop/systemd1", SYSTEMD ".Manager",
			       "LoadUnit", NULL, &reply, "s", name);
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &path);
	if (r < 0)
		return r;

	get_text(bus, path, SYSTEMD ".Unit", "LoadState", load, sizeof(load));
	get_text(bus, path, SYSTEMD ".Unit", "ActiveState", active, sizeof(active));
	get_text(bus, path, SYSTEMD ".Unit", "SubState", sub, sizeof(sub));
	get_text(bus, path, SYSTEMD ".Unit", "UnitFileState", file, sizeof(file));
	get_text(bus, path, gw_streq(name, SOCKET) ? SYSTEMD ".Socket" : SYSTEMD ".Service",
		 "Result", result, sizeof(result));
	(void)sd_bus_get_property_trivial(bus, SYSTEMD, path, SYSTEMD ".Service", "NRestarts", NULL,
					  'u', &n_restarts);
	(void)sd_bus_get_property_trivial(bus, SYSTEMD, path, SYSTEMD ".Unit",
					  "StateChangeTimestamp", NULL, 't', &since_us);
	unit.n_restarts = n_restarts;
	unit.since_s = since_us / 1000000;
	doctor_judge_unit(doctor, &unit);
	return 0;
}

void doctor_look_at_units(struct doctor *doctor, struct ctl *ctl)
{
	int r = -ENOTCONN;

	if (sd_booted() <= 0) {
		doctor_find(
			doctor, "units", DOCTOR_OK, "",
			"systemd does not run here: who started the programs looks after them.");
		return;
	}
	for (size_t i = 0; ctl->bus && i < GW_ELEMENTS(units); i++) {
		r = look_at_unit(doctor, ctl->bus, units[i]);
		if (r < 0)
			break;
	}
	if (r < 0)
		doctor_find(doctor, "units", DOCTOR_WARNING, "See systemctl status gangway.target.",
			    "systemd does not tell how the units are: %s.", strerror(-r));
}
