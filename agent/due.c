/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One timer, set for the earliest thing that is due. What is due when goes by the time on the wall, as far as
 * that is known (clock.h); the timer does not, so no jump of the clock makes it wait for years. It is looked
 * again when the clock was set, when system or cloud say something new, and at any rate within the hour. As
 * long as time is not trusted nothing is judged to be over, and it is looked again within a minute.
 *
 * What was to last for a while, and began while nobody knew the time, begins when time is trusted.
 */
#include "agent/due.h"

#include <systemd/sd-event.h>

#include "agent/agent.h"
#include "agent/bus.h"
#include "agent/clock-watch.h"
#include "agent/cloud.h"
#include "agent/crl-watch.h"
#include "agent/discovered.h"
#include "agent/leave.h"
#include "agent/lifecycle.h"
#include "agent/plugins.h"
#include "agent/queue.h"
#include "agent/sessions.h"
#include "agent/store-certificate.h"
#include "agent/store-claim.h"
#include "agent/store-device.h"
#include "agent/store-job.h"
#include "agent/turn.h"
#include "lib/log.h"
#include "lib/util.h"

#define BATCH           64 /* devices dealt with at a time; the rest follows at once */
#define LOOK_AGAIN_S    60
#define LOOK_AT_LEAST_S 3600
#define CLOCK_NEWS_S    30 /* that plugins' time may be off before they are told anew */
#define SECRET_GRACE_S  10 /* beyond the registrar's own limit of a handshake */
#define SECOND_US       1000000ull
#define DAY_S           86400

struct due {
	struct agent *agent;
	sd_event_source *timer;
	enum clock_verdict verdict;         /* as it was told */
	bool is_anchored;                   /* what began without a time has one */
	uint64_t trusted_since_us;          /* or not trusted */
	int64_t told_ahead_s;               /* what plugins were told, of the monotonic clock */
	enum credential_verdict credential; /* the last that was told */
};

/* --- what is over --- */

static void expire_claims(struct agent *agent, uint64_t now)
{
	const struct lifecycle_cause cause = { DEVICE_EVENT_CLAIM_EXPIRED, "gangway",
					       gw_reason_code(GW_REASON_CLAIM_EXPIRED), NULL };
	char ids[BATCH][GW_ID_MAX + 1];
	int n = store_claim_expired(agent->store, now, ids, BATCH);

	for (int i = 0; i < n; i++) {
		struct device_record device;

		if (store_device_get(agent->store, ids[i], &device) >= 0)
			(void)lifecycle_apply(agent, &device, &cause);
	}
}

/* The claim lives on, or went meanwhile. */
static enum device_event not_proved_event(struct agent *agent, const char *id, uint64_t now)
{
	struct claim_record claim;

	if (store_claim_open_of(agent->store, id, &claim) < 0)
		return DEVICE_EVENT_NEVER_PROVED;
	return claim.expires && claim.expires <= now ? DEVICE_EVENT_NEVER_PROVED
						     : DEVICE_EVENT_NOT_PROVED;
}

/* One that has ended cannot be proved any more: to wait for it would keep its device from the next. */
static void give_up_unproved(struct agent *agent, uint64_t now)
{
	uint64_t within = agent->settings.prove_within_s;
	char ids[BATCH][GW_ID_MAX + 1];
	int n = store_certificate_unproved(agent->store, now - GW_MIN(now, within), now, ids,
					   BATCH);

	for (int i = 0; i < n; i++) {
		struct lifecycle_cause cause = { not_proved_event(agent, ids[i], now), "gangway",
						 gw_reason_code(GW_REASON_NOT_PROVED), NULL };
		struct device_record device;

		if (store_device_get(agent->store, ids[i], &device) >= 0)
			(void)lifecycle_apply(agent, &device, &cause);
	}
}

static void forget_overdue_secrets(struct agent *agent)
{
	uint64_t grace_us =
		(agent->settings.registrar_handshake_timeout_s + SECRET_GRACE_S) * SECOND_US;
	uint64_t now_us = gw_now_monotonic_us();
	unsigned n =
		now_us > grace_us ? sessions_drop_overdue(agent->sessions, now_us - grace_us) : 0;

	if (!n)
		return;
	gw_log_event(WARNING, SECRET_UNACCOUNTED,
		     "The registrar never said how %u handshake%s ended", n, n == 1 ? "" : "s");
	lifecycle_record(agent, "secret-unaccounted", "", "gangway-registrar", "", NULL);
}

static void forget_sightings(struct agent *agent)
{
	char gone[GW_ID_MAX + 1];

	while (discovered_take_aged(agent->discovered, gone))
		(void)turn_tell(agent->turn, &(struct turn_change){ .device = gone,
								    .from = DEVICE_DISCOVERED,
								    .to = DEVICE_UNKNOWN,
								    .reason = "" });
}

/* --- when to look again --- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return !a ? b : !b ? a : GW_MIN(a, b);
}

static uint64_t next_look_s(struct agent *agent, uint64_t now)
{
	uint64_t candidate = store_certificate_oldest_candidate(agent->store);
	uint64_t owing_us = sessions_oldest_owing(agent->sessions);
	uint64_t aged_s = discovered_next_aged_s(agent->discovered);
	uint64_t now_us = gw_now_monotonic_us(), pump_us = queue_next_us(agent->queue);
	bool trusted = clock_is_trusted(&agent->clock);
	uint64_t next = now + (trusted ? LOOK_AT_LEAST_S : LOOK_AGAIN_S);
	struct cloud_facts cloud;

	cloud_get_facts(agent, &cloud);
	next = earlier(next, store_job_next_due(agent->store));
	if (trusted) {
		next = earlier(next, credential_next_s(&cloud.credential, now));
		next = earlier(next, store_claim_next_end(agent->store));
		next = earlier(next, leave_next_s(agent));
		next = earlier(next, crl_watch_next_s(agent, now));
		next = earlier(next, candidate ? candidate + agent->settings.prove_within_s : 0);
		next = earlier(next, store_certificate_first_end(agent->store));
	}
	if (pump_us != UINT64_MAX)
		next = earlier(next, now + 1 + (pump_us - GW_MIN(pump_us, now_us)) / SECOND_US);
	if (aged_s)
		next = earlier(next, now + aged_s);
	if (owing_us)
		next = earlier(next, now + agent->settings.registrar_handshake_timeout_s +
					     SECRET_GRACE_S);
	return next;
}

static void set_timer(struct due *due, uint64_t now)
{
	uint64_t next = GW_MAX(next_look_s(due->agent, now), now + 1);

	(void)sd_event_source_set_time(due->timer,
				       gw_now_monotonic_us() + (next - now) * SECOND_US);
	(void)sd_event_source_set_enabled(due->timer, SD_EVENT_ONESHOT);
}

/* --- looking --- */

static int64_t ahead_s(uint64_t now)
{
	return (int64_t)now - (int64_t)(gw_now_boottime_us() / SECOND_US);
}

void due_brief(struct due *due, struct plugin *plugin)
{
	const struct clock_trust *clock = &due->agent->clock;
	struct gw_msg msg = { .type = GW_MSG_CLOCK,
			      .clock = { clock_bound_s(clock), clock_is_trusted(clock) } };

	plugin_send(plugin, &msg, /* fd= */ -1);
}

static void tell_plugins(struct due *due, uint64_t now)
{
	due->told_ahead_s = ahead_s(now);
	due_brief(due, plugins_find(due->agent->plugins, GW_ROLE_REGISTRAR));
	due_brief(due, plugins_find(due->agent->plugins, GW_ROLE_CLOUD));
}

static void log_verdict(enum clock_verdict verdict)
{
	const char *text = clock_verdict_text(verdict);

	if (clock_verdict_trusts(verdict))
		gw_log_event(NOTICE, CLOCK_TRUSTED, "The clock is trusted%s%s", *text ? ": " : "",
			     text);
	else
		gw_log_event(NOTICE, CLOCK_UNTRUSTED, "The clock is not trusted: %s", text);
}

/* What was reckoned from a time that nobody knew is reckoned from now. */
static void anchor(struct due *due, uint64_t now)
{
	struct agent *agent = due->agent;
	int r;

	if (due->is_anchored)
		return;
	r = store_claim_anchor(agent->store, now);
	if (r >= 0)
		r = store_certificate_anchor(agent->store, now);
	if (r < 0)
		turn_fail(agent->turn, r);
	due->is_anchored = true;
}

static void tell_clock(struct due *due, enum clock_verdict verdict, uint64_t now)
{
	bool trusts = clock_verdict_trusts(verdict), is_first = due->verdict == _CLOCK_VERDICT_MAX;
	bool turns = is_first || clock_verdict_trusts(due->verdict) != trusts;
	int64_t off_s = ahead_s(now) - due->told_ahead_s;

	if (turns)
		due->trusted_since_us = gw_now_monotonic_us();
	if (!trusts)
		due->is_anchored = false;
	if (turns && trusts) /* who waited for that comes again */
		sessions_end_waiting(due->agent->sessions, gw_reason_code(GW_REASON_RESTARTED));
	if (turns || off_s > CLOCK_NEWS_S || off_s < -CLOCK_NEWS_S)
		tell_plugins(due, now);
	if (verdict == due->verdict)
		return;
	due->verdict = verdict;
	log_verdict(verdict);
	bus_tell_clock(due->agent->bus);
}

static void log_credential(enum credential_verdict verdict, uint64_t days)
{
	switch (verdict) {
	case CREDENTIAL_UNKNOWN:
	case CREDENTIAL_GOOD:
	case _CREDENTIAL_VERDICT_MAX: return;
	case CREDENTIAL_ENDS_SOON:
		gw_log_event(WARNING, CREDENTIAL_EXPIRING,
			     "The gateway's own certificate ends in %llu day%s",
			     (unsigned long long)days, days == 1 ? "" : "s");
		return;
	case CREDENTIAL_NOT_YET:
		gw_log_event(ERROR, CREDENTIAL_EXPIRED,
			     "The gateway's own certificate is not good yet");
		return;
	case CREDENTIAL_ENDED:
		gw_log_event(ERROR, CREDENTIAL_EXPIRED,
			     "The gateway's own certificate has expired");
		return;
	case CREDENTIAL_CA_ENDED:
		gw_log_event(ERROR, CREDENTIAL_EXPIRED,
			     "The certificate of the broker's CA has expired");
		return;
	}
}

static void watch_credential(struct due *due, uint64_t now)
{
	enum credential_verdict verdict;
	struct cloud_facts cloud;

	cloud_get_facts(due->agent, &cloud);
	if (!cloud.credential_is_known)
		return; /* the cloud link is away: no news of it */
	verdict = credential_judge(&cloud.credential, now);
	if (verdict != due->credential)
		log_credential(verdict, (cloud.credential.not_after - now) / DAY_S);
	due->credential = verdict;
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct due *due = userdata;
	enum clock_verdict verdict = clock_verdict(&due->agent->clock);
	uint64_t now = clock_now_s(&due->agent->clock);
	bool trusted = clock_verdict_trusts(verdict);

	clock_watch_look(due->agent->clock_watch, trusted);
	cloud_look_at_time(due->agent, trusted);
	if (turn_open(due->agent->turn) < 0)
		return 0;

	tell_clock(due, verdict, now);
	if (trusted) {
		anchor(due, now);
		expire_claims(due->agent, now);
		give_up_unproved(due->agent, now);
		leave_look(due->agent, now);
		crl_watch_look(due->agent, now);
		watch_credential(due, now);
	}
	forget_overdue_secrets(due->agent);
	forget_sightings(due->agent);
	queue_pump(due->agent->queue);
	set_timer(due, now);
	return 0;
}

uint64_t due_clock_since_us(const struct due *due)
{
	return due->trusted_since_us;
}

void due_clock_was_set(struct due *due)
{
	due->told_ahead_s = INT64_MIN / 2;
	due_look(due);
}

void due_look(struct due *due)
{
	(void)sd_event_source_set_time(due->timer, 0);
	(void)sd_event_source_set_enabled(due->timer, SD_EVENT_ONESHOT);
}

void due_undone(struct due *due)
{
	due->is_anchored = false;
	(void)sd_event_source_set_time(due->timer,
				       gw_now_monotonic_us() + LOOK_AGAIN_S * SECOND_US);
	(void)sd_event_source_set_enabled(due->timer, SD_EVENT_ONESHOT);
}

int due_new(struct agent *agent, struct due **ret)
{
	struct due *due = calloc(1, sizeof(*due));
	int r;

	if (!due)
		return -ENOMEM;

	due->agent = agent;
	due->verdict = _CLOCK_VERDICT_MAX;
	due->trusted_since_us = gw_now_monotonic_us();
	r = sd_event_add_time(agent->event, &due->timer, CLOCK_MONOTONIC, 0, /* accuracy= */ 0,
			      on_time, due);
	if (r >= 0) /* once a turn, before it is committed */
		r = sd_event_source_set_priority(due->timer, SD_EVENT_PRIORITY_IDLE - 1);
	if (r < 0) {
		due_free(due);
		return r;
	}
	*ret = due;
	return 0;
}

struct due *due_free(struct due *due)
{
	if (due)
		sd_event_source_disable_unref(due->timer);
	free(due);
	return NULL;
}
