/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unlike the other verbs' calls, one that fails here is a finding and no end: the next check may say why.
 * The agent's own findings are taken over as they are.
 */
#include "tools/ctl/doctor.h"

#include <glob.h>
#include <limits.h>

#include "lib/util.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/values.h"

#define POLICY_FILES "{/usr/share,/usr/local/share,/etc}/dbus-1/system.d/" BUS_NAME ".conf"
#define POLKIT       "org.freedesktop.PolicyKit1"

static const char *const finding_names[] = { "check", "verdict", "text", "advice", NULL };

static bool has_owner(struct ctl *ctl, const char *name)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int owned = 0;

	if (sd_bus_call_method(ctl->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
			       "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s", name) < 0)
		return false;
	return sd_bus_message_read(reply, "b", &owned) >= 0 && owned;
}

/* Where a package, or an administrator, puts the policy by which the agent may have its name. */
static bool has_policy(void)
{
	glob_t files = { 0 };
	bool found = glob(POLICY_FILES, GLOB_BRACE, /* errfunc= */ NULL, &files) == 0;

	globfree(&files);
	return found;
}

static void find_no_agent(struct doctor *doctor, struct ctl *ctl)
{
	if (doctor_agent_is_masked(ctl))
		doctor_find(doctor, "bus", DOCTOR_WRONG,
			    "systemctl unmask gangwayd; then systemctl start gangway.target",
			    "gangwayd is not on the bus: somebody has masked its unit, so that "
			    "nobody can start it.");
	else if (has_policy())
		doctor_find(
			doctor, "bus", DOCTOR_WRONG,
			"systemctl start gangwayd; if it does not stay: journalctl -u gangwayd.",
			"gangwayd is not on the bus: nobody has the name " BUS_NAME ".");
	else
		doctor_find(doctor, "bus", DOCTOR_WRONG,
			    "Install the policy " BUS_NAME ".conf into "
			    "/usr/share/dbus-1/system.d (dpkg --verify gangway tells what a "
			    "package lacks), then systemctl reload dbus.",
			    "Nobody has the name " BUS_NAME " on the bus, and the policy that lets "
			    "gangwayd have it is not installed.");
}

/* It says itself what it lacks, and where. */
static void find_unconfigured(struct doctor *doctor, const char *said)
{
	const char *end = said ? strstr(said, ", then") : NULL;

	doctor_find(doctor, "agent", DOCTOR_WRONG,
		    "Set it, there or in a file of gangway.conf.d; then systemctl reload gangwayd.",
		    "gangwayd waits: %.*s.", end ? (int)(end - said) : INT_MAX,
		    end ? said : "nobody has said yet which gateway this is");
}

static void find_why_not(struct doctor *doctor, const sd_bus_error *error)
{
	if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED) ||
	    sd_bus_error_has_name(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
		doctor_find(doctor, "agent", DOCTOR_WARNING,
			    "Run this as root, or as a member of group gangway.",
			    "You do not have the right to ask the agent how it is.");
	else if (sd_bus_error_has_name(error, "org.gangway1.Error.Unconfigured"))
		find_unconfigured(doctor, error->message);
	else if (sd_bus_error_has_name(error, SD_BUS_ERROR_UNKNOWN_METHOD))
		doctor_find(doctor, "agent", DOCTOR_WARNING, "systemctl restart gangwayd",
			    "The agent that runs is of an older version than gangwayctl.");
	else if (sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY) ||
		 sd_bus_error_has_name(error, SD_BUS_ERROR_TIMEOUT))
		doctor_find(doctor, "agent", DOCTOR_WRONG,
			    "systemctl restart gangwayd, and see journalctl -u gangwayd.",
			    "The agent is on the bus and does not answer.");
	else
		doctor_find(doctor, "agent", DOCTOR_WRONG, "See journalctl -u gangwayd.",
			    "The agent does not say how it is: %s.",
			    error->message ? error->message : "it gives no reason");
}

void doctor_ask_agent(struct doctor *doctor, struct ctl *ctl)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	json_auto_t *findings = NULL;
	int r;

	r = sd_bus_call_method(ctl->bus, BUS_NAME, BUS_PATH, BUS_MANAGER, "Doctor", &error, &reply,
			       "");
	if (r < 0) {
		find_why_not(doctor, &error);
		return;
	}
	if (values_read_rows(reply, finding_names, &findings) < 0) {
		doctor_find(doctor, "agent", DOCTOR_WRONG, "Install gangway whole, of one version.",
			    "The agent's answer makes no sense.");
		return;
	}
	doctor->agent_answers = true;
	(void)json_array_extend(doctor->findings, findings);
}

static void look_at_polkit(struct doctor *doctor, struct ctl *ctl)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

	/* It is started by being asked. */
	(void)sd_bus_call_method(ctl->bus, POLKIT, "/org/freedesktop/PolicyKit1/Authority",
				 "org.freedesktop.DBus.Peer", "Ping", &error, NULL, "");
	if (has_owner(ctl, POLKIT))
		doctor_find(doctor, "polkit", DOCTOR_OK, "", "polkit says who may do what.");
	else if (sd_bus_error_has_name(&error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
		 sd_bus_error_has_name(&error, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
		doctor_find(doctor, "polkit", DOCTOR_OK, "",
			    "There is no polkit: root may do all, the group gangway most.");
	else
		doctor_find(doctor, "polkit", DOCTOR_WARNING, "See journalctl -u polkit.",
			    "polkit is installed and does not run (%s): only root may do anything.",
			    error.message ? error.message : "no reason given");
}

void doctor_look_at_bus(struct doctor *doctor, struct ctl *ctl)
{
	int r = bus_try(ctl);

	if (r < 0) {
		doctor_find(doctor, "bus", DOCTOR_WRONG, "systemctl start dbus",
			    "The system bus cannot be reached: %s.", strerror(-r));
		return;
	}

	doctor->agent_is_there = has_owner(ctl, BUS_NAME);
	if (doctor->agent_is_there)
		doctor_find(doctor, "bus", DOCTOR_OK, "", "gangwayd is on the bus.");
	else
		find_no_agent(doctor, ctl);
	look_at_polkit(doctor, ctl);
	if (doctor->agent_is_there)
		doctor_ask_agent(doctor, ctl);
}
