/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A function a check, in the order in which one thing rests on another: whoever reads from the top meets
 * the cause before what it leads to. Dates are judged only by a clock that is trusted.
 */
#include "agent/doctor.h"

#include <stdio.h>

#include "agent/doctor-cloud.h"
#include "agent/outlook.h"
#include "agent/sheet.h"
#include "lib/util.h"

#define MINUTE 60
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

#define DISK_LITTLE   (64ull << 20) /* bytes: somebody should make room */
#define DISK_NOTHING  (1ull << 20)  /* not enough for the next changes */
#define FILES_LITTLE  256
#define FILES_NOTHING 8

const char *doctor_verdict_name(enum doctor_verdict verdict)
{
	static const char *const names[_DOCTOR_VERDICT_MAX] = {
		[DOCTOR_OK] = "ok",
		[DOCTOR_WARNING] = "warning",
		[DOCTOR_WRONG] = "wrong",
	};

	return names[verdict];
}

void doctor_duration(uint64_t seconds, char *text, size_t size)
{
	static const struct {
		const char *name;
		uint64_t seconds;
	} units[] = { { "days", DAY }, { "h", HOUR }, { "min", MINUTE }, { "s", 1 } };
	size_t i = 0;

	while (i + 1 < GW_ELEMENTS(units) && seconds < 2 * units[i].seconds)
		i++;
	(void)snprintf(text, size, "%llu %s", (unsigned long long)(seconds / units[i].seconds),
		       units[i].name);
}

/* --- time, disk --- */

static const char *clock_advice(enum clock_verdict verdict)
{
	switch (verdict) {
	case CLOCK_CLOUD_SILENT:
		return "Give the machine a source of time (timedatectl), or see why the cloud "
		       "does not answer.";
	case CLOCK_CLOUD_EARLY:
		return "Find out whose time is wrong, the cloud's now or the cloud's before. If it "
		       "was before, see --forget-time in gangwayd(8).";
	case CLOCK_BELOW_FLOOR:
		return "Give the machine a source of time: see timedatectl. If date is right, the "
		       "cloud's time was wrong once: see --forget-time in gangwayd(8).";
	case CLOCK_CLOUD_UNSTEADY: return "See to the cloud's clock; this ends by itself.";
	case CLOCK_DISPUTED:
		return "Compare date with the cloud's clock: set right the one that is wrong. Or "
		       "have [clock] trust take the system's word alone.";
	case CLOCK_TRUSTED_BY_SYSTEM:
	case CLOCK_TRUSTED_BY_CLOUD:
	case CLOCK_TRUSTED_ALONE:
	case CLOCK_NOT_SYNCHRONISED:
	case _CLOCK_VERDICT_MAX: break;
	}
	return "Give the machine a source of time: see timedatectl.";
}

static void examine_clock(struct sheet *sheet, const struct doctor_facts *facts)
{
	char since[32];

	if (facts->clock == CLOCK_TRUSTED_ALONE) {
		sheet_advise(
			sheet_find(sheet, "clock", DOCTOR_WARNING,
				   "Time is known, but %s: other programs, and logs, are wrong.",
				   clock_verdict_text(facts->clock)),
			"Give the machine a source of time: see timedatectl.");
		return;
	}
	if (clock_verdict_trusts(facts->clock)) {
		sheet_find(sheet, "clock", DOCTOR_OK, "The clock is trusted: %s.",
			   facts->clock == CLOCK_TRUSTED_BY_SYSTEM ? "the system synchronises it"
								   : "the cloud agrees with it");
		return;
	}
	doctor_duration(facts->clock_for_s, since, sizeof(since));
	sheet_advise(sheet_find(sheet, "clock", DOCTOR_WRONG,
				"The clock is not trusted, for %s: %s. Nothing is judged expired "
				"meanwhile.",
				since, clock_verdict_text(facts->clock)),
		     "%s", clock_advice(facts->clock));
}

static void examine_store(struct sheet *sheet, const struct doctor_facts *facts)
{
	if (!*facts->store_trouble)
		sheet_find(sheet, "store", DOCTOR_OK, "The store can be written.");
	else
		sheet_advise(sheet_find(sheet, "store", DOCTOR_WRONG, "%s.", facts->store_trouble),
			     "Do that; the agent goes on by itself with the next change.");
}

/* No trouble either way: whoever makes backups, or has given a key, wants to know which one it is. */
static void examine_key(struct sheet *sheet, const struct doctor_facts *facts)
{
	if (facts->key_is_given)
		sheet_find(sheet, "store key", DOCTOR_OK,
			   "Secrets are sealed under the credential store-key.");
	else
		sheet_find(
			sheet, "store key", DOCTOR_OK,
			"Secrets are sealed under a key that the agent has made, %s/store.key: a "
			"backup needs it too.",
			facts->state_folder);
}

static void examine_disk(struct sheet *sheet, const struct doctor_facts *facts)
{
	unsigned long long mib = facts->disk_free >> 20, files = facts->disk_files_free;
	bool counts = facts->disk_files;

	if (!facts->disk_is_known)
		sheet_find(sheet, "disk", DOCTOR_WARNING,
			   "The file system of the state folder does not say what room it has.");
	else if (facts->disk_is_read_only)
		sheet_advise(sheet_find(sheet, "disk", DOCTOR_WRONG,
					"The state folder's file system is mounted read-only."),
			     "See dmesg for why, and mount it writable.");
	else if (facts->disk_free < DISK_NOTHING)
		sheet_advise(sheet_find(sheet, "disk", DOCTOR_WRONG,
					"The disk of the state folder is full."),
			     "Make room: nothing is done that cannot be written down.");
	else if (counts && files < FILES_NOTHING)
		sheet_advise(sheet_find(sheet, "disk", DOCTOR_WRONG,
					"The file system of the state folder has no inodes left."),
			     "Remove files: see df -i.");
	else if (facts->disk_free < DISK_LITTLE)
		sheet_advise(sheet_find(sheet, "disk", DOCTOR_WARNING,
					"Only %llu MiB are free on the disk of the state folder.",
					mib),
			     "Make room before it is full.");
	else if (counts && files < FILES_LITTLE)
		sheet_advise(
			sheet_find(sheet, "disk", DOCTOR_WARNING,
				   "Only %llu inodes are free on the disk of the state folder.",
				   files),
			"Remove files before there are none: see df -i.");
	else
		sheet_find(sheet, "disk", DOCTOR_OK, "%llu MiB are free for the state folder.",
			   mib);
}

/* --- the queue --- */

static void examine_queue(struct sheet *sheet, const struct doctor_facts *facts)
{
	unsigned long long jobs = facts->jobs, most = facts->jobs_most;
	char since[32];

	doctor_duration(facts->jobs_for_s, since, sizeof(since));
	if (jobs >= most)
		sheet_advise(
			sheet_find(
				sheet, "queue", DOCTOR_WRONG,
				"%llu requests wait for the cloud, the oldest for %s, and no more "
				"are taken until it answers.",
				jobs, since),
			"See why the cloud does not answer them (gangwayctl jobs); or raise "
			"[limits] jobs.");
	else if (jobs > most / 10 * 9)
		sheet_advise(sheet_find(sheet, "queue", DOCTOR_WARNING,
					"%llu requests wait for the cloud, of %llu that may, the "
					"oldest for "
					"%s.",
					jobs, most, since),
			     "See why the cloud does not answer them (gangwayctl jobs).");
	else
		sheet_find(sheet, "queue", DOCTOR_OK, "%llu %s for the cloud.", jobs,
			   jobs == 1 ? "request waits" : "requests wait");
}

/* --- the record --- */

#define TAMPERED                                                                                 \
	"Find out who could write the store; compare with the cloud's copy of the record, then " \
	"restore the store from a backup or go on from here."

static void examine_waiting_record(struct sheet *sheet, const struct doctor_facts *facts)
{
	unsigned long long n = facts->record_waiting, most = facts->record_most;

	if (n > most / 10 * 9)
		sheet_advise(sheet_find(sheet, "record", DOCTOR_WARNING,
					"%llu records wait for the cloud; with more than %llu the "
					"oldest are "
					"summarised.",
					n, most),
			     "See why the cloud does not take them; or raise [audit] waiting.");
	else
		sheet_find(sheet, "record", DOCTOR_OK, "%llu %s for the cloud.", n,
			   n == 1 ? "record waits" : "records wait");
}

/* The walk over a record that is whole ends where what was lost begins. */
static bool is_tampered_with(const struct doctor_facts *facts)
{
	return facts->record_bad &&
	       !(facts->record_lost_to && facts->record_bad == facts->record_lost_from);
}

static void examine_lost_record(struct sheet *sheet, const struct doctor_facts *facts)
{
	char since[32], span[64] = "", common[32];

	doctor_duration(facts->record_lost_s, since, sizeof(since));
	if (facts->record_common_s != DOCTOR_NEVER) {
		doctor_duration(facts->record_common_s, common, sizeof(common));
		(void)snprintf(span, sizeof(span), ", made within the last %s,", common);
	}
	sheet_advise(
		sheet_find(sheet, "record", DOCTOR_WRONG,
			   "An old copy of the store was put back, or another store (noticed %s "
			   "ago): the "
			   "cloud has records %llu to %llu%s that are not here. What was revoked, "
			   "suspended or decommissioned by them is served.",
			   since, (unsigned long long)facts->record_lost_from,
			   (unsigned long long)facts->record_lost_to, span),
		"See in the cloud's copy what happened then (gangway-cloud events). What is "
		"revoked "
		"there is revoked here again by the revocation list that it sends; the rest is to "
		"be done again.");
}

static void examine_record(struct sheet *sheet, const struct doctor_facts *facts)
{
	char found[32], refused[32];

	doctor_duration(facts->record_bad_s, found, sizeof(found));
	doctor_duration(facts->record_refused_s, refused, sizeof(refused));
	if (is_tampered_with(facts))
		sheet_advise(
			sheet_find(
				sheet, "record", DOCTOR_WRONG,
				"The record was tampered with (found %s ago), at record %llu: %s.",
				found, (unsigned long long)facts->record_bad, facts->record_why),
			TAMPERED);
	else if (!facts->record_is_sealed)
		sheet_advise(sheet_find(sheet, "record", DOCTOR_WRONG,
					"The record was tampered with: what is sealed of it cannot "
					"be opened."),
			     TAMPERED);
	else if (facts->record_lost_to)
		examine_lost_record(sheet, facts);
	else if (*facts->record_refusal)
		sheet_advise(
			sheet_find(
				sheet, "record", DOCTOR_WRONG,
				"The cloud will not take the record, for %s: %s; it is asked again "
				"every few minutes.",
				refused, facts->record_refusal),
			"Ask the cloud's operator why; nothing is lost meanwhile.");
	else
		examine_waiting_record(sheet, facts);
}

/* --- devices --- */

static void ago(const struct doctor_facts *facts, uint64_t at_s, char *text, size_t size)
{
	doctor_duration(facts->now_s - GW_MIN(at_s, facts->now_s), text, size);
}

static void examine_late(struct sheet *sheet, const struct doctor_facts *facts)
{
	const struct outlook_view *renewals = facts->renewals;
	uint64_t ends = renewals->late_ends_s;
	char since[32], left[32];

	ago(facts, renewals->late_since_s, since, sizeof(since));
	doctor_duration(ends - GW_MIN(ends, facts->now_s), left, sizeof(left));
	sheet_advise(
		sheet_find(sheet, "renewals", DOCTOR_WARNING,
			   "%llu device(s) should have renewed long ago, the first for %s; its "
			   "certificate ends in %s.",
			   (unsigned long long)renewals->late, since, left),
		"See that they are on, and reach the gateway: gangwayctl show ID says when each "
		"was "
		"seen last.");
}

static void examine_renewals(struct sheet *sheet, const struct doctor_facts *facts)
{
	const struct outlook_view *renewals = facts->renewals;
	char since[32];

	ago(facts, renewals->expired_since_s, since, sizeof(since));
	if (renewals->asking)
		sheet_advise(
			sheet_find(sheet, "renewals", DOCTOR_WARNING,
				   "%llu device(s) ask to renew a certificate that has expired.",
				   (unsigned long long)renewals->asking),
			"See which: gangwayctl devices; then gangwayctl approve ID, or reject ID.");
	else if (renewals->expired)
		sheet_advise(
			sheet_find(sheet, "renewals", DOCTOR_WARNING,
				   "The certificates of %llu device(s) have expired, the first %s "
				   "ago.",
				   (unsigned long long)renewals->expired, since),
			"If they are in use, claim them again with --replace; [devices] expired "
			"says what such a device can get by itself.");
	else if (renewals->orphaned)
		sheet_advise(
			sheet_find(sheet, "renewals", DOCTOR_WARNING,
				   "The certificates of %llu device(s) are of an authority that is "
				   "trusted no "
				   "more: they cannot come in.",
				   (unsigned long long)renewals->orphaned),
			"gangwayctl show ID says which; claim them again with --replace.");
	else if (renewals->late)
		examine_late(sheet, facts);
	else
		sheet_find(sheet, "renewals", DOCTOR_OK, "No device's certificate has expired.");
}

static void examine_lists(struct sheet *sheet, const struct doctor_facts *facts)
{
	unsigned long long n = facts->lists, n_stale = facts->lists_stale;
	const char *check = "revocation";
	char since[32];

	doctor_duration(facts->list_stale_s, since, sizeof(since));
	if (n == 0)
		sheet_find(sheet, check, DOCTOR_OK, "No revocation list is on record.");
	else if (n_stale == 0)
		sheet_find(sheet, check, DOCTOR_OK, "%llu revocation %s on record, and up to date.",
			   n, n == 1 ? "list is" : "lists are");
	else
		sheet_advise(
			sheet_find(sheet, check,
				   facts->stale_list_closes ? DOCTOR_WRONG : DOCTOR_WARNING,
				   "The revocation list of %s is out of date for %s%s: devices "
				   "with its "
				   "certificates are %s.",
				   facts->list_name, since, n_stale > 1 ? " (and others)" : "",
				   facts->stale_list_closes ? "told to come again later"
							    : "served as before"),
			"Have the cloud send a fresh one, or bring one: gangwayctl revoke --crl "
			"FILE.");
}

/* --- plugins --- */

/* One that is not well may wait for another, and go on by itself. */
static const char *what_next(const struct doctor_facts *facts, enum gw_role role)
{
	switch (role) {
	case GW_ROLE_CLOUD: return "Do what it says.";
	case GW_ROLE_REGISTRAR:
		return facts->cloud == GW_CLOUD_ONLINE ? "It goes on by itself."
						       : "It goes on by itself once the cloud has "
							 "answered: see credentials, "
							 "broker and cloud.";
	case GW_ROLE_TRANSPORT:
	case _GW_ROLE_MAX: break;
	}
	return "See to that, or correct the configuration; then it goes on by itself.";
}

static void examine_plugin(struct sheet *sheet, const struct doctor_facts *facts,
			   const struct doctor_plugin *plugin)
{
	char check[GW_NAME_MAX + 16], since[32];

	doctor_duration(plugin->for_s, since, sizeof(since));
	(void)snprintf(check, sizeof(check), "plugin %s", plugin->name);
	if (!plugin->healthy)
		sheet_advise(sheet_find(sheet, check, DOCTOR_WRONG,
					"gangway-%s is not well, for %s: %s", plugin->name, since,
					plugin->text),
			     "%s journalctl -u gangway-%s says more.",
			     what_next(facts, plugin->role), plugin->name);
	else if (!gw_streq(plugin->program, facts->version))
		sheet_advise(
			sheet_find(sheet, check, DOCTOR_WARNING,
				   "gangway-%s is of version %s, the agent of %s.", plugin->name,
				   plugin->program, facts->version),
			"If an update was installed, restart it: systemctl restart gangway-%s.",
			plugin->name);
	else
		sheet_find(sheet, check, DOCTOR_OK, "gangway-%s %s is connected and well.",
			   plugin->name, plugin->program);
}

/* Who is connected stays so, and does not come back once it has gone. */
static void examine_link(struct sheet *sheet, const struct doctor_facts *facts)
{
	char since[32] = "";

	if (!facts->link_lost) {
		sheet_find(sheet, "link", DOCTOR_OK, "Plugins find the agent.");
		return;
	}
	if (facts->link_lost_s != DOCTOR_NEVER)
		doctor_duration(facts->link_lost_s, since, sizeof(since));
	sheet_advise(sheet_find(sheet, "link", DOCTOR_WRONG,
				"Somebody has taken the agent's socket %s away%s%s%s: plugins that "
				"start anew "
				"do not find it.",
				facts->link_lost, *since ? ", " : "", since, *since ? " ago" : ""),
		     "systemctl restart gangwayd.socket: that restarts the agent, too.");
}

static void examine_role(struct sheet *sheet, const struct doctor_facts *facts, enum gw_role role)
{
	static const struct {
		const char *check, *name, *text, *unit;
	} missing[_GW_ROLE_MAX] = {
		[GW_ROLE_TRANSPORT] = { "plugin ip", "No transport", "devices find no door",
					"gangway-ip" },
		[GW_ROLE_REGISTRAR] = { "plugin registrar", "The registrar",
					"no device can come in", "gangway-registrar" },
		[GW_ROLE_CLOUD] = { "plugin mqtt", "The cloud link", "requests wait on disk",
				    "gangway-mqtt" },
	};
	bool is_there = false;
	char since[32];

	for (size_t i = 0; i < facts->n_plugins; i++) {
		if (facts->plugins[i].role != role)
			continue;
		is_there = true;
		examine_plugin(sheet, facts, &facts->plugins[i]);
	}
	if (is_there)
		return;
	doctor_duration(facts->missing_for_s[role], since, sizeof(since));
	sheet_advise(sheet_find(sheet, missing[role].check, DOCTOR_WRONG,
				"%s %s connected, for %s: %s.", missing[role].name,
				role == GW_ROLE_TRANSPORT ? "is" : "is not", since,
				missing[role].text),
		     "systemctl start %s; if it does not stay: journalctl -u %s.",
		     missing[role].unit, missing[role].unit);
}

/* What others wait for comes first. */
static void examine_roles(struct sheet *sheet, const struct doctor_facts *facts)
{
	examine_role(sheet, facts, GW_ROLE_CLOUD);
	examine_role(sheet, facts, GW_ROLE_TRANSPORT);
	examine_role(sheet, facts, GW_ROLE_REGISTRAR);
}

size_t doctor_examine(const struct doctor_facts *facts,
		      struct doctor_finding findings[static DOCTOR_FINDINGS_MAX])
{
	struct sheet sheet = { findings, 0 };

	examine_disk(&sheet, facts);
	examine_store(&sheet, facts);
	examine_key(&sheet, facts);
	examine_link(&sheet, facts);
	examine_roles(&sheet, facts);
	doctor_look_at_cloud(&sheet, facts);
	examine_clock(&sheet, facts);
	examine_queue(&sheet, facts);
	examine_record(&sheet, facts);
	examine_renewals(&sheet, facts);
	examine_lists(&sheet, facts);
	return sheet.n;
}
