/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A function a check, in the order in which one thing rests on another: whoever reads from the top meets
 * the cause before what it leads to. Dates are judged only by a clock that is trusted.
 */
#include "agent/doctor.h"

#include <stdarg.h>
#include <stdio.h>

#include "agent/outlook.h"
#include "lib/util.h"

#define MINUTE 60
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

#define DISK_LITTLE   (64ull << 20) /* bytes: somebody should make room */
#define DISK_NOTHING  (1ull << 20)  /* not enough for the next changes */
#define FILES_LITTLE  256
#define FILES_NOTHING 8

struct sheet {
	struct doctor_finding *findings;
	size_t n;
};

/* --- findings --- */

/* What a plugin has to say may lack its full stop. */
static void end_sentence(char *text, size_t size)
{
	size_t len = strlen(text);

	if (len > 0 && len + 1 < size && !strchr(".!?", text[len - 1]))
		(void)gw_copy(text + len, size - len, ".");
}

static struct doctor_finding *find(struct sheet *sheet, const char *check,
				   enum doctor_verdict verdict, const char *format, ...)
	GW_PRINTF(4, 5);
static struct doctor_finding *find(struct sheet *sheet, const char *check,
				   enum doctor_verdict verdict, const char *format, ...)
{
	struct doctor_finding *finding = &sheet->findings[sheet->n++];
	va_list args;

	(void)gw_copy(finding->check, sizeof(finding->check), check);
	finding->verdict = verdict;
	*finding->advice = 0;
	va_start(args, format);
	(void)vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
	end_sentence(finding->text, sizeof(finding->text));
	return finding;
}

static void advise(struct doctor_finding *finding, const char *format, ...) GW_PRINTF(2, 3);
static void advise(struct doctor_finding *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(finding->advice, sizeof(finding->advice), format, args);
	va_end(args);
}

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

static bool is_trusted(const struct doctor_facts *facts)
{
	return clock_verdict_trusts(facts->clock);
}

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
		advise(find(sheet, "clock", DOCTOR_WARNING,
			    "Time is known, but %s: other programs, and logs, are wrong.",
			    clock_verdict_text(facts->clock)),
		       "Give the machine a source of time: see timedatectl.");
		return;
	}
	if (is_trusted(facts)) {
		find(sheet, "clock", DOCTOR_OK, "The clock is trusted: %s.",
		     facts->clock == CLOCK_TRUSTED_BY_SYSTEM ? "the system synchronises it"
							     : "the cloud agrees with it");
		return;
	}
	doctor_duration(facts->clock_for_s, since, sizeof(since));
	advise(find(sheet, "clock", DOCTOR_WRONG,
		    "The clock is not trusted, for %s: %s. Nothing is judged expired meanwhile.",
		    since, clock_verdict_text(facts->clock)),
	       "%s", clock_advice(facts->clock));
}

static void examine_store(struct sheet *sheet, const struct doctor_facts *facts)
{
	if (!*facts->store_trouble)
		find(sheet, "store", DOCTOR_OK, "The store can be written.");
	else
		advise(find(sheet, "store", DOCTOR_WRONG, "%s.", facts->store_trouble),
		       "Do that; the agent goes on by itself with the next change.");
}

/* No trouble either way: whoever makes backups, or has given a key, wants to know which one it is. */
static void examine_key(struct sheet *sheet, const struct doctor_facts *facts)
{
	if (facts->key_is_given)
		find(sheet, "store key", DOCTOR_OK,
		     "Secrets are sealed under the credential store-key.");
	else
		find(sheet, "store key", DOCTOR_OK,
		     "Secrets are sealed under a key that the agent has made, %s/store.key: a "
		     "backup needs it too.",
		     facts->state_folder);
}

static void examine_disk(struct sheet *sheet, const struct doctor_facts *facts)
{
	unsigned long long mib = facts->disk_free >> 20, files = facts->disk_files_free;
	bool counts = facts->disk_files;

	if (!facts->disk_is_known)
		find(sheet, "disk", DOCTOR_WARNING,
		     "The file system of the state folder does not say what room it has.");
	else if (facts->disk_is_read_only)
		advise(find(sheet, "disk", DOCTOR_WRONG,
			    "The state folder's file system is mounted read-only."),
		       "See dmesg for why, and mount it writable.");
	else if (facts->disk_free < DISK_NOTHING)
		advise(find(sheet, "disk", DOCTOR_WRONG, "The disk of the state folder is full."),
		       "Make room: nothing is done that cannot be written down.");
	else if (counts && files < FILES_NOTHING)
		advise(find(sheet, "disk", DOCTOR_WRONG,
			    "The file system of the state folder has no inodes left."),
		       "Remove files: see df -i.");
	else if (facts->disk_free < DISK_LITTLE)
		advise(find(sheet, "disk", DOCTOR_WARNING,
			    "Only %llu MiB are free on the disk of the state folder.", mib),
		       "Make room before it is full.");
	else if (counts && files < FILES_LITTLE)
		advise(find(sheet, "disk", DOCTOR_WARNING,
			    "Only %llu inodes are free on the disk of the state folder.", files),
		       "Remove files before there are none: see df -i.");
	else
		find(sheet, "disk", DOCTOR_OK, "%llu MiB are free for the state folder.", mib);
}

/* --- the cloud --- */

#define RENEW                                                                                     \
	"Get a new certificate from the cloud's operator, put it into the folder of credentials " \
	"as cloud-cert (with a new cloud-key), and restart gangway-mqtt."

/* It renews by itself, and has not. */
#define COME_BACK                                                                                  \
	"By a claim that is still good it comes back by itself. If it has none: get one from the " \
	"cloud's operator, put it into the folder of credentials as cloud-claim-cert and "         \
	"cloud-claim-key, and restart gangway-mqtt."

static const char *renew_advice(const struct doctor_facts *facts)
{
	return facts->care.source && gw_streq(facts->care.source, "own") ? COME_BACK : RENEW;
}

static void examine_dates(struct sheet *sheet, const struct doctor_facts *facts)
{
	enum credential_verdict verdict =
		is_trusted(facts) ? credential_judge(&facts->credential, facts->now_s)
				  : CREDENTIAL_UNKNOWN;
	const struct credential_dates *dates = &facts->credential;
	const char *what = facts->care.source && gw_streq(facts->care.source, "claim")
				   ? "A claim, by which the gateway gets a certificate of its own,"
				   : "The gateway's certificate";
	uint64_t now = facts->now_s;
	char left[32], gone[32], ca_gone[32], begins[32], renews[32] = "";

	doctor_duration(dates->not_after - GW_MIN(dates->not_after, now), left, sizeof(left));
	doctor_duration(now - GW_MIN(dates->not_after, now), gone, sizeof(gone));
	doctor_duration(now - GW_MIN(dates->ca_not_after, now), ca_gone, sizeof(ca_gone));
	doctor_duration(dates->not_before - GW_MIN(dates->not_before, now), begins, sizeof(begins));
	switch (verdict) {
	case CREDENTIAL_UNKNOWN:
	case _CREDENTIAL_VERDICT_MAX:
		find(sheet, "credentials", DOCTOR_OK,
		     "%s and its key are there and fit; dates are judged once the clock is "
		     "trusted.",
		     what);
		return;
	case CREDENTIAL_GOOD:
		if (facts->care.renew_at_s > now)
			doctor_duration(facts->care.renew_at_s - now, renews, sizeof(renews));
		find(sheet, "credentials", DOCTOR_OK,
		     "%s and its key are there and fit, for another %s%s%s.", what, left,
		     *renews ? "; it is renewed in " : "", renews);
		return;
	case CREDENTIAL_ENDS_SOON:
		advise(find(sheet, "credentials", DOCTOR_WARNING,
			    "The gateway's own certificate ends in %s.", left),
		       "%s", renew_advice(facts));
		return;
	case CREDENTIAL_NOT_YET:
		advise(find(sheet, "credentials", DOCTOR_WRONG,
			    "The gateway's own certificate is not good yet; it will be in %s.",
			    begins),
		       "%s", renew_advice(facts));
		return;
	case CREDENTIAL_ENDED:
		advise(find(sheet, "credentials", DOCTOR_WRONG,
			    "The gateway's own certificate has expired, %s ago.", gone),
		       "%s", renew_advice(facts));
		return;
	case CREDENTIAL_CA_ENDED:
		advise(find(sheet, "credentials", DOCTOR_WRONG,
			    "The certificate of the broker's CA has expired, %s ago.", ca_gone),
		       "Get the new one from the cloud's operator, put it into the folder of "
		       "credentials as cloud-ca, and restart gangway-mqtt.");
		return;
	}
}

/* What works goes on working meanwhile; so it is a warning, until what works has expired. */
static void examine_care(struct sheet *sheet, const struct doctor_facts *facts)
{
	char wait[32] = "";

	if (facts->care.retry_at_s > facts->now_s)
		doctor_duration(facts->care.retry_at_s - facts->now_s, wait, sizeof(wait));
	advise(find(sheet, "renewal", DOCTOR_WARNING, "%s%s%s%s", facts->care.trouble,
		    *wait ? " Tried again in " : "", wait, *wait ? "." : ""),
	       "See to that in the cloud, or ask its operator; what the gateway has goes on "
	       "working until it ends.");
}

static void examine_credentials(struct sheet *sheet, const struct doctor_facts *facts)
{
	if (facts->credential_is_known && facts->care.trouble && *facts->care.trouble)
		examine_care(sheet, facts);

	if (!facts->credential_is_known)
		advise(find(sheet, "credentials", DOCTOR_WARNING,
			    "Nobody has looked at the gateway's credentials yet: the cloud link "
			    "does that."),
		       "See to what is wrong with gangway-mqtt and [cloud] broker first.");
	else if (!facts->credential_is_ok)
		advise(find(sheet, "credentials", DOCTOR_WRONG, "%s", facts->credential_text),
		       "Do what it says; devices wait meanwhile, and nothing is lost.");
	else
		examine_dates(sheet, facts);
}

static const struct doctor_plugin *find_link(const struct doctor_facts *facts)
{
	for (size_t i = 0; i < facts->n_plugins; i++)
		if (facts->plugins[i].role == GW_ROLE_CLOUD)
			return &facts->plugins[i];
	return NULL;
}

/* Where the link asks for somebody's help (a clone, a certificate that is refused), the network is not what is wrong. */
static const char *broker_advice(const struct doctor_facts *facts)
{
	const struct doctor_plugin *link = find_link(facts);

	if (!link)
		return "Start the cloud link: systemctl start gangway-mqtt.";
	if (!link->healthy && gw_streq(link->text, facts->cloud_text))
		return "Do what it says; then it goes on by itself, and nothing is lost.";
	return "See that the network reaches [cloud] broker; it goes on by itself, and nothing is "
	       "lost.";
}

/* "for 3 min, trying again in 12 s" */
static void describe_wait(const struct doctor_facts *facts, char *text, size_t size)
{
	char since[32], next[32];

	doctor_duration(facts->cloud_for_s, since, sizeof(since));
	if (facts->cloud_retry_s == DOCTOR_NEVER) {
		(void)snprintf(text, size, "for %s", since);
		return;
	}
	doctor_duration(facts->cloud_retry_s, next, sizeof(next));
	(void)snprintf(text, size, "for %s, trying again in %s", since, next);
}

static void examine_broker(struct sheet *sheet, const struct doctor_facts *facts)
{
	char wait[96];

	describe_wait(facts, wait, sizeof(wait));
	switch (facts->cloud) {
	case GW_CLOUD_ONLINE:
	case GW_CLOUD_SILENT:
		find(sheet, "broker", DOCTOR_OK, "The gateway is connected to the broker.");
		return;
	case GW_CLOUD_CONNECTING:
		find(sheet, "broker", DOCTOR_WARNING, "Connecting, %s: %s", wait,
		     facts->cloud_text);
		return;
	case GW_CLOUD_UNPROVISIONED:
		advise(find(sheet, "broker", DOCTOR_WRONG,
			    "There is nothing to go to the broker with, %s: %s", wait,
			    facts->cloud_text),
		       "Do what it says; devices wait meanwhile, and nothing is lost.");
		return;
	case GW_CLOUD_OFFLINE:
		advise(find(sheet, "broker", DOCTOR_WRONG, "Not connected, %s: %s", wait,
			    facts->cloud_text),
		       "%s", broker_advice(facts));
		return;
	case _GW_CLOUD_MAX: break;
	}
}

static void examine_cloud(struct sheet *sheet, const struct doctor_facts *facts)
{
	char since[32], heard[32];

	doctor_duration(facts->cloud_for_s, since, sizeof(since));
	if (facts->cloud_heard_s != DOCTOR_NEVER)
		doctor_duration(facts->cloud_heard_s, heard, sizeof(heard));

	if (facts->cloud == GW_CLOUD_SILENT)
		advise(find(sheet, "cloud", DOCTOR_WRONG,
			    "The cloud behind the broker has not answered for %s; requests are "
			    "repeated.",
			    since),
		       "See that the service behind the broker runs, and may read and write this "
		       "gateway's topics.");
	else if (facts->cloud != GW_CLOUD_ONLINE)
		find(sheet, "cloud", DOCTOR_WARNING,
		     "Whether the cloud answers shows when the broker is there.");
	else if (facts->cloud_heard_s == DOCTOR_NEVER)
		find(sheet, "cloud", DOCTOR_OK,
		     "The cloud was not asked anything yet since the agent started.");
	else
		find(sheet, "cloud", DOCTOR_OK, "The cloud last spoke %s ago.", heard);
}

static void examine_queue(struct sheet *sheet, const struct doctor_facts *facts)
{
	unsigned long long jobs = facts->jobs, most = facts->jobs_most;
	char since[32];

	doctor_duration(facts->jobs_for_s, since, sizeof(since));
	if (jobs >= most)
		advise(find(sheet, "queue", DOCTOR_WRONG,
			    "%llu requests wait for the cloud, the oldest for %s, and no more "
			    "are taken until it answers.",
			    jobs, since),
		       "See why the cloud does not answer them (gangwayctl jobs); or raise "
		       "[limits] jobs.");
	else if (jobs > most / 10 * 9)
		advise(find(sheet, "queue", DOCTOR_WARNING,
			    "%llu requests wait for the cloud, of %llu that may, the oldest for "
			    "%s.",
			    jobs, most, since),
		       "See why the cloud does not answer them (gangwayctl jobs).");
	else
		find(sheet, "queue", DOCTOR_OK, "%llu %s for the cloud.", jobs,
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
		advise(find(sheet, "record", DOCTOR_WARNING,
			    "%llu records wait for the cloud; with more than %llu the oldest are "
			    "summarised.",
			    n, most),
		       "See why the cloud does not take them; or raise [audit] waiting.");
	else
		find(sheet, "record", DOCTOR_OK, "%llu %s for the cloud.", n,
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
	advise(find(sheet, "record", DOCTOR_WRONG,
		    "An old copy of the store was put back, or another store (noticed %s ago): the "
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
		advise(find(sheet, "record", DOCTOR_WRONG,
			    "The record was tampered with (found %s ago), at record %llu: %s.",
			    found, (unsigned long long)facts->record_bad, facts->record_why),
		       TAMPERED);
	else if (!facts->record_is_sealed)
		advise(find(sheet, "record", DOCTOR_WRONG,
			    "The record was tampered with: what is sealed of it cannot be opened."),
		       TAMPERED);
	else if (facts->record_lost_to)
		examine_lost_record(sheet, facts);
	else if (*facts->record_refusal)
		advise(find(sheet, "record", DOCTOR_WRONG,
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
	advise(find(sheet, "renewals", DOCTOR_WARNING,
		    "%llu device(s) should have renewed long ago, the first for %s; its "
		    "certificate ends in %s.",
		    (unsigned long long)renewals->late, since, left),
	       "See that they are on, and reach the gateway: gangwayctl show ID says when each was "
	       "seen last.");
}

static void examine_renewals(struct sheet *sheet, const struct doctor_facts *facts)
{
	const struct outlook_view *renewals = facts->renewals;
	char since[32];

	ago(facts, renewals->expired_since_s, since, sizeof(since));
	if (renewals->asking)
		advise(find(sheet, "renewals", DOCTOR_WARNING,
			    "%llu device(s) ask to renew a certificate that has expired.",
			    (unsigned long long)renewals->asking),
		       "See which: gangwayctl devices; then gangwayctl approve ID, or reject ID.");
	else if (renewals->expired)
		advise(find(sheet, "renewals", DOCTOR_WARNING,
			    "The certificates of %llu device(s) have expired, the first %s ago.",
			    (unsigned long long)renewals->expired, since),
		       "If they are in use, claim them again with --replace; [devices] expired "
		       "says what such a device can get by itself.");
	else if (renewals->orphaned)
		advise(find(sheet, "renewals", DOCTOR_WARNING,
			    "The certificates of %llu device(s) are of an authority that is "
			    "trusted no "
			    "more: they cannot come in.",
			    (unsigned long long)renewals->orphaned),
		       "gangwayctl show ID says which; claim them again with --replace.");
	else if (renewals->late)
		examine_late(sheet, facts);
	else
		find(sheet, "renewals", DOCTOR_OK, "No device's certificate has expired.");
}

static void examine_lists(struct sheet *sheet, const struct doctor_facts *facts)
{
	unsigned long long n = facts->lists, n_stale = facts->lists_stale;
	const char *check = "revocation";
	char since[32];

	doctor_duration(facts->list_stale_s, since, sizeof(since));
	if (n == 0)
		find(sheet, check, DOCTOR_OK, "No revocation list is on record.");
	else if (n_stale == 0)
		find(sheet, check, DOCTOR_OK, "%llu revocation %s on record, and up to date.", n,
		     n == 1 ? "list is" : "lists are");
	else
		advise(find(sheet, check, facts->stale_list_closes ? DOCTOR_WRONG : DOCTOR_WARNING,
			    "The revocation list of %s is out of date for %s%s: devices with its "
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
		advise(find(sheet, check, DOCTOR_WRONG, "gangway-%s is not well, for %s: %s",
			    plugin->name, since, plugin->text),
		       "%s journalctl -u gangway-%s says more.", what_next(facts, plugin->role),
		       plugin->name);
	else if (!gw_streq(plugin->program, facts->version))
		advise(find(sheet, check, DOCTOR_WARNING,
			    "gangway-%s is of version %s, the agent of %s.", plugin->name,
			    plugin->program, facts->version),
		       "If an update was installed, restart it: systemctl restart gangway-%s.",
		       plugin->name);
	else
		find(sheet, check, DOCTOR_OK, "gangway-%s %s is connected and well.", plugin->name,
		     plugin->program);
}

/* Who is connected stays so, and does not come back once it has gone. */
static void examine_link(struct sheet *sheet, const struct doctor_facts *facts)
{
	char since[32] = "";

	if (!facts->link_lost) {
		find(sheet, "link", DOCTOR_OK, "Plugins find the agent.");
		return;
	}
	if (facts->link_lost_s != DOCTOR_NEVER)
		doctor_duration(facts->link_lost_s, since, sizeof(since));
	advise(find(sheet, "link", DOCTOR_WRONG,
		    "Somebody has taken the agent's socket %s away%s%s%s: plugins that start anew "
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
	advise(find(sheet, missing[role].check, DOCTOR_WRONG, "%s %s connected, for %s: %s.",
		    missing[role].name, role == GW_ROLE_TRANSPORT ? "is" : "is not", since,
		    missing[role].text),
	       "systemctl start %s; if it does not stay: journalctl -u %s.", missing[role].unit,
	       missing[role].unit);
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
	examine_credentials(&sheet, facts);
	examine_broker(&sheet, facts);
	examine_cloud(&sheet, facts);
	examine_clock(&sheet, facts);
	examine_queue(&sheet, facts);
	examine_record(&sheet, facts);
	examine_renewals(&sheet, facts);
	examine_lists(&sheet, facts);
	return sheet.n;
}
