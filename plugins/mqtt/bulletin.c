/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was told last stands here, so that nothing is told twice. It lives as long as the link does: what an agent that
 * comes back has to know is all told to it anew.
 *
 * "Silent" is a broker without a cloud behind it: something was published and nothing at all was
 * heard for silent_after. Until then a fresh connection counts as online.
 */
#include "plugins/mqtt/bulletin.h"

#include <stdio.h>
#include <systemd/sd-event.h>

#include "lib/log.h"
#include "lib/plugin.h"
#include "lib/util.h"
#include "plugins/mqtt/credential.h"
#include "plugins/mqtt/dialect.h"
#include "plugins/mqtt/outstanding.h"
#include "plugins/mqtt/wallet.h"

#define GRUMBLE_US 10000000  /* between two words about bad bodies */
#define GARBAGE_US 600000000 /* that the operator is shown the last of them */

/* What the agent was told last. */
struct credential_told {
	struct gw_msg_credential msg; /* with texts of its own, below */
	bool is_told;
	char text[GW_TEXT_MAX + 1], trouble[GW_TEXT_MAX + 1];
};

struct bulletin {
	struct gw_plugin *plugin;
	uint64_t silent_after_us;
	sd_event_source *silence; /* the cloud has owed us a word for too long */
	sd_event_source *quiet;   /* no bad body for long enough */

	enum gw_cloud_state state;
	char text[GW_TEXT_MAX + 1];
	bool needs_help;               /* the text says with what */
	char folder[GW_TEXT_MAX + 1];  /* why nothing can be kept; empty: it can */
	char garbage[GW_TEXT_MAX + 1]; /* what was wrong with the last bad body; empty: long ago */

	struct credential_told credential;
	char unusable[GW_TEXT_MAX + 1]; /* what is wrong with the credential; empty: nothing */
	bool is_retry_told;             /* the agent counts on an attempt */

	uint64_t grumbled_us;
	unsigned n_grumbles; /* left unsaid since then */
};

static const char *const state_names[_GW_CLOUD_MAX] = {
	[GW_CLOUD_UNPROVISIONED] = "unprovisioned",
	[GW_CLOUD_CONNECTING] = "connecting",
	[GW_CLOUD_OFFLINE] = "offline",
	[GW_CLOUD_SILENT] = "silent",
	[GW_CLOUD_ONLINE] = "online",
};

/* Texts carry file names and foreign words; the link takes printable ASCII. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

static void set_timer(sd_event_source *source, uint64_t at_us)
{
	if (at_us == OUTSTANDING_NEVER) {
		(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	} else {
		(void)sd_event_source_set_time(source, at_us);
		(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	}
}

static void tell_health(struct bulletin *b)
{
	const char *text = b->needs_help ? b->text : *b->folder ? b->folder : b->garbage;

	gw_plugin_health(b->plugin, *text ? text : NULL);
}

/* --- the connection, and the cloud behind it -------------------------------------------------- */

void bulletin_state(struct bulletin *b, enum gw_cloud_state state, const char *text,
		    bool needs_help)
{
	struct gw_msg msg = { .type = GW_MSG_CLOUD_STATE };
	char clean[GW_TEXT_MAX + 1];
	bool is_news;

	(void)gw_copy(clean, sizeof(clean), text);
	make_printable(clean);
	is_news = state != b->state || !gw_streq(clean, b->text);
	if (is_news && !needs_help)
		gw_log(NOTICE, "Cloud %s -> %s: %s", state_names[b->state], state_names[state],
		       clean);
	b->state = state;
	b->needs_help = needs_help;
	(void)gw_copy(b->text, sizeof(b->text), clean);
	tell_health(b);
	if (!is_news)
		return;

	msg.cloud_state.state = (uint8_t)state;
	msg.cloud_state.text = b->text;
	(void)gw_plugin_send(b->plugin, &msg, /* fd= */ -1);
}

void bulletin_retry(struct bulletin *b, uint64_t in_us)
{
	struct gw_msg msg = { .type = GW_MSG_CLOUD_RETRY };

	msg.cloud_retry.in_ms = (uint32_t)GW_MIN((in_us + 999) / 1000, (uint64_t)UINT32_MAX);
	if (in_us || b->is_retry_told)
		(void)gw_plugin_send(b->plugin, &msg, /* fd= */ -1);
	b->is_retry_told = in_us;
}

void bulletin_owed_since(struct bulletin *b, uint64_t since_us)
{
	if (b->state != GW_CLOUD_ONLINE)
		since_us = OUTSTANDING_NEVER;
	set_timer(b->silence,
		  since_us == OUTSTANDING_NEVER ? since_us : since_us + b->silent_after_us);
}

static int on_silence(sd_event_source *source, uint64_t usec, void *userdata)
{
	bulletin_state(userdata, GW_CLOUD_SILENT,
		       "The broker is there, but the cloud behind it does not answer.", false);
	return 0;
}

void bulletin_heard(struct bulletin *b)
{
	if (b->state == GW_CLOUD_SILENT)
		bulletin_state(b, GW_CLOUD_ONLINE, "The cloud answers.", false);
}

/* --- our own certificate ---------------------------------------------------------------------- */

static bool is_same(const struct gw_msg_credential *a, const struct gw_msg_credential *b)
{
	return a->ok == b->ok && a->not_before == b->not_before && a->not_after == b->not_after &&
	       a->ca_not_after == b->ca_not_after && a->source == b->source &&
	       a->renew_at == b->renew_at && a->retry_at == b->retry_at &&
	       gw_streq(a->text, b->text) && gw_streq(a->trouble, b->trouble);
}

static uint64_t time_of(int64_t seconds)
{
	return (uint64_t)GW_MAX(seconds, 0);
}

static void tell_credential(struct bulletin *b, const struct wallet_facts *facts)
{
	const struct credential_dates *dates = &facts->credential->dates;
	struct credential_told *told = &b->credential, now = { .is_told = true };
	struct gw_msg msg = { .type = GW_MSG_CREDENTIAL };

	(void)gw_copy(now.text, sizeof(now.text), b->unusable);
	(void)gw_copy(now.trouble, sizeof(now.trouble), facts->trouble);
	make_printable(now.text);
	make_printable(now.trouble);
	now.msg = (struct gw_msg_credential){
		.ok = !*now.text,
		.text = now.text,
		.not_before = time_of(dates->not_before),
		.not_after = time_of(dates->not_after),
		.ca_not_after = time_of(dates->ca_not_after),
		.source = (uint8_t)facts->source,
		.renew_at = facts->renew_at_s,
		.retry_at = facts->retry_at_s,
		.trouble = now.trouble,
	};
	if (facts->source == GW_CREDENTIAL_NONE && now.msg.ok)
		return; /* nobody has looked yet */
	if (told->is_told && is_same(&told->msg, &now.msg))
		return;

	*told = now;
	told->msg.text = told->text;
	told->msg.trouble = told->trouble;
	msg.credential = told->msg;
	(void)gw_plugin_send(b->plugin, &msg, /* fd= */ -1);
}

void bulletin_unusable(struct bulletin *b, const char *why)
{
	(void)gw_copy(b->unusable, sizeof(b->unusable), why ? why : "");
}

void bulletin_credential(struct bulletin *b, const struct wallet_facts *facts)
{
	tell_credential(b, facts);
	(void)gw_copy(b->folder, sizeof(b->folder), facts->folder);
	make_printable(b->folder);
	tell_health(b);
	if (facts->source == GW_CREDENTIAL_CLAIM && facts->is_up)
		bulletin_state(b, GW_CLOUD_UNPROVISIONED,
			       *facts->trouble ? facts->trouble
					       : "Asking the cloud for this gateway's certificate.",
			       /* needs_help= */ *facts->trouble);
}

/* --- what is no use --------------------------------------------------------------------------- */

static int on_quiet(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct bulletin *b = userdata;

	*b->garbage = 0;
	tell_health(b);
	return 0;
}

/* Not more often than people read. */
void bulletin_garbage(struct bulletin *b, const char *topic, const struct dialect_error *error)
{
	uint64_t now_us = gw_now_monotonic_us();

	if (b->grumbled_us && now_us - b->grumbled_us < GRUMBLE_US) {
		b->n_grumbles++;
		return;
	}

	gw_log_event(WARNING, CLOUD_GARBAGE,
		     "Dropped a body on topic %s ('%s'): '%s' %s; %u more since the last line",
		     topic, error->kind, error->member, error->why, b->n_grumbles);
	b->grumbled_us = now_us;
	b->n_grumbles = 0;

	(void)snprintf(b->garbage, sizeof(b->garbage),
		       "The cloud sends what is no use: on topic %s ('%s'), '%s' %s; look into the "
		       "cloud, its release and its broker's permissions",
		       topic, error->kind, error->member, error->why);
	make_printable(b->garbage);
	tell_health(b);
	set_timer(b->quiet, now_us + GARBAGE_US);
}

/* --- life ------------------------------------------------------------------------------------- */

struct bulletin *bulletin_free(struct bulletin *b)
{
	if (!b)
		return NULL;

	sd_event_source_disable_unref(b->silence);
	sd_event_source_disable_unref(b->quiet);
	free(b);
	return NULL;
}

GW_DEFINE_CLEANUP(struct bulletin *, bulletin_free)

static int make_timer(sd_event *event, sd_event_source **ret, sd_event_time_handler_t handler,
		      struct bulletin *b)
{
	int r = sd_event_add_time(event, ret, CLOCK_MONOTONIC, 0, /* accuracy= */ 10000, handler,
				  b);

	return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

int bulletin_new(struct gw_plugin *plugin, sd_event *event, uint64_t silent_after_us,
		 struct bulletin **ret)
{
	_cleanup_(bulletin_freep) struct bulletin *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->plugin = plugin;
	b->silent_after_us = silent_after_us;
	b->state = GW_CLOUD_OFFLINE; /* with no text, so that the first word is a new one */
	r = make_timer(event, &b->silence, on_silence, b);
	if (r >= 0)
		r = make_timer(event, &b->quiet, on_quiet, b);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(b);
	return 0;
}
