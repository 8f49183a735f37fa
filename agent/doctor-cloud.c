/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From what the gateway shows the broker to whether the cloud behind it answers: each rests on the one before.
 * Dates are judged only by a clock that is trusted.
 */
#include "agent/doctor-cloud.h"

#include <stdio.h>

#include "agent/sheet.h"
#include "lib/util.h"

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
		clock_verdict_trusts(facts->clock)
			? credential_judge(&facts->credential, facts->now_s)
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
		sheet_find(sheet, "credentials", DOCTOR_OK,
			   "%s and its key are there and fit; dates are judged once the clock is "
			   "trusted.",
			   what);
		return;
	case CREDENTIAL_GOOD:
		if (facts->care.renew_at_s > now)
			doctor_duration(facts->care.renew_at_s - now, renews, sizeof(renews));
		sheet_find(sheet, "credentials", DOCTOR_OK,
			   "%s and its key are there and fit, for another %s%s%s.", what, left,
			   *renews ? "; it is renewed in " : "", renews);
		return;
	case CREDENTIAL_ENDS_SOON:
		sheet_advise(sheet_find(sheet, "credentials", DOCTOR_WARNING,
					"The gateway's own certificate ends in %s.", left),
			     "%s", renew_advice(facts));
		return;
	case CREDENTIAL_NOT_YET:
		sheet_advise(
			sheet_find(
				sheet, "credentials", DOCTOR_WRONG,
				"The gateway's own certificate is not good yet; it will be in %s.",
				begins),
			"%s", renew_advice(facts));
		return;
	case CREDENTIAL_ENDED:
		sheet_advise(sheet_find(sheet, "credentials", DOCTOR_WRONG,
					"The gateway's own certificate has expired, %s ago.", gone),
			     "%s", renew_advice(facts));
		return;
	case CREDENTIAL_CA_ENDED:
		sheet_advise(sheet_find(sheet, "credentials", DOCTOR_WRONG,
					"The certificate of the broker's CA has expired, %s ago.",
					ca_gone),
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
	sheet_advise(sheet_find(sheet, "renewal", DOCTOR_WARNING, "%s%s%s%s", facts->care.trouble,
				*wait ? " Tried again in " : "", wait, *wait ? "." : ""),
		     "See to that in the cloud, or ask its operator; what the gateway has goes on "
		     "working until it ends.");
}

static void examine_credentials(struct sheet *sheet, const struct doctor_facts *facts)
{
	if (facts->credential_is_known && facts->care.trouble && *facts->care.trouble)
		examine_care(sheet, facts);

	if (!facts->credential_is_known)
		sheet_advise(sheet_find(sheet, "credentials", DOCTOR_WARNING,
					"Nobody has looked at the gateway's credentials yet: the "
					"cloud link "
					"does that."),
			     "See to what is wrong with gangway-mqtt and [cloud] broker first.");
	else if (!facts->credential_is_ok)
		sheet_advise(sheet_find(sheet, "credentials", DOCTOR_WRONG, "%s",
					facts->credential_text),
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
		sheet_find(sheet, "broker", DOCTOR_OK, "The gateway is connected to the broker.");
		return;
	case GW_CLOUD_CONNECTING:
		sheet_find(sheet, "broker", DOCTOR_WARNING, "Connecting, %s: %s", wait,
			   facts->cloud_text);
		return;
	case GW_CLOUD_UNPROVISIONED:
		sheet_advise(sheet_find(sheet, "broker", DOCTOR_WRONG,
					"There is nothing to go to the broker with, %s: %s", wait,
					facts->cloud_text),
			     "Do what it says; devices wait meanwhile, and nothing is lost.");
		return;
	case GW_CLOUD_OFFLINE:
		sheet_advise(sheet_find(sheet, "broker", DOCTOR_WRONG, "Not connected, %s: %s",
					wait, facts->cloud_text),
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
		sheet_advise(
			sheet_find(
				sheet, "cloud", DOCTOR_WRONG,
				"The cloud behind the broker has not answered for %s; requests are "
				"repeated.",
				since),
			"See that the service behind the broker runs, and may read and write this "
			"gateway's topics.");
	else if (facts->cloud != GW_CLOUD_ONLINE)
		sheet_find(sheet, "cloud", DOCTOR_WARNING,
			   "Whether the cloud answers shows when the broker is there.");
	else if (facts->cloud_heard_s == DOCTOR_NEVER)
		sheet_find(sheet, "cloud", DOCTOR_OK,
			   "The cloud was not asked anything yet since the agent started.");
	else
		sheet_find(sheet, "cloud", DOCTOR_OK, "The cloud last spoke %s ago.", heard);
}

void doctor_look_at_cloud(struct sheet *sheet, const struct doctor_facts *facts)
{
	examine_credentials(sheet, facts);
	examine_broker(sheet, facts);
	examine_cloud(sheet, facts);
}
