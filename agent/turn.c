/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commit runs in an event source behind all others, so that everything that has arrived by then
 * shares one sync of the disk. Under steady load that moment might never come: a turn that has grown
 * old or large is put before the others.
 */
#include "agent/turn.h"

#include <stdarg.h>
#include <stdio.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "agent/agent.h"
#include "agent/bus.h"
#include "agent/due.h"
#include "agent/plugins.h"
#include "agent/pulse.h"
#include "agent/store.h"
#include "lib/log.h"
#include "lib/step.h"
#include "lib/util.h"
#include "lib/wire.h"

#define STEPS_MAX   16
#define CHANGES_MAX 256   /* a turn with so many is large */
#define AGE_MAX_US  20000 /* one that is older is old */

struct letter {
	struct letter *next;
	sd_bus_message *call, *reply;
};

struct news {
	struct news *next;
	enum device_state from, to;
	char device[GW_ID_MAX + 1];
	char reason[GW_REASON_MAX + 1];
	char cause[GW_NAME_MAX + 1];
	char who[GW_ID_MAX + 1];
	bool is_unlogged;
};

struct line {
	struct line *next;
	enum gw_event event;
	bool is_warning;
	char who[GW_ID_MAX + 1];
	char text[GW_TEXT_MAX + 1];
};

struct turn {
	struct agent *agent;
	sd_event_source *commit;
	uint64_t opened_us;
	unsigned n_joined;
	int failed;      /* the first error of turn_fail() */
	bool in_trouble; /* the last commit failed */

	const char *steps[STEPS_MAX];
	size_t n_steps;
	struct letter *letters, **last_letter;
	struct news *news, **last_news;
	struct line *lines, **last_line;
};

/* --- the outbox --- */

static struct letter *take_letter(struct turn *turn)
{
	struct letter *letter = turn->letters;

	if (letter) {
		turn->letters = letter->next;
		if (!turn->letters)
			turn->last_letter = &turn->letters;
	}
	return letter;
}

static void letter_free(struct letter *letter)
{
	sd_bus_message_unref(letter->call);
	sd_bus_message_unref(letter->reply);
	free(letter);
}

static struct news *take_news(struct turn *turn)
{
	struct news *news = turn->news;

	if (news) {
		turn->news = news->next;
		if (!turn->news)
			turn->last_news = &turn->news;
	}
	return news;
}

static struct line *take_line(struct turn *turn)
{
	struct line *line = turn->lines;

	if (line) {
		turn->lines = line->next;
		if (!turn->lines)
			turn->last_line = &turn->lines;
	}
	return line;
}

static enum gw_event event_of_state(enum device_state state)
{
	switch (state) {
	case DEVICE_UNKNOWN: return GW_EVENT_DEVICE_FORGOTTEN;
	case DEVICE_DISCOVERED: return GW_EVENT_DEVICE_DISCOVERED;
	case DEVICE_CLAIMED: return GW_EVENT_DEVICE_CLAIMED;
	case DEVICE_ENROLLING: return GW_EVENT_DEVICE_ENROLLING;
	case DEVICE_ISSUED: return GW_EVENT_DEVICE_ISSUED;
	case DEVICE_ONBOARDED: return GW_EVENT_DEVICE_ONBOARDED;
	case DEVICE_SUSPENDED: return GW_EVENT_DEVICE_SUSPENDED;
	case DEVICE_REVOKED: return GW_EVENT_DEVICE_REVOKED;
	case DEVICE_DECOMMISSIONED: return GW_EVENT_DEVICE_DECOMMISSIONED;
	case DEVICE_REJECTED: return GW_EVENT_DEVICE_REJECTED;
	case _DEVICE_STATE_MAX: break;
	}
	return GW_EVENT_NONE;
}

/* Something happened to a device that is aboard before and after it. */
static bool is_aboard_throughout(const struct news *news)
{
	return news->from == DEVICE_ONBOARDED && news->to == DEVICE_ONBOARDED;
}

static enum gw_event event_of(const struct news *news)
{
	if (!is_aboard_throughout(news))
		return event_of_state(news->to);
	if (gw_streq(news->cause, device_event_name(DEVICE_EVENT_PROVED)))
		return GW_EVENT_DEVICE_RENEWED;
	return gw_streq(news->reason, gw_reason_code(GW_REASON_NEEDS_APPROVAL))
		       ? GW_EVENT_DEVICE_NEEDS_APPROVAL
		       : GW_EVENT_NONE;
}

/* The one line of a change, and only of one that is on disk. */
static void log_news(const struct news *news)
{
	const char *from = news->from == DEVICE_UNKNOWN ? "new" : device_state_name(news->from);
	const char *to = news->to == DEVICE_UNKNOWN ? "forgotten" : device_state_name(news->to);
	const struct gw_log_tags tags = {
		.event = event_of(news),
		.device = news->device,
		.from = from,
		.to = to,
		.cause = news->cause,
		.who = news->who,
		.reason = news->reason,
	};

	if (!news->is_unlogged)
		gw_log_tagged(GW_LOG_INFO, &tags, "%s%s%s%s%s%s", from,
			      is_aboard_throughout(news) ? ", " : " -> ",
			      is_aboard_throughout(news) ? news->cause : to,
			      *news->reason ? " (" : "", news->reason, *news->reason ? ")" : "");
}

static void deliver(struct turn *turn)
{
	struct letter *letter;
	struct line *line;
	struct news *news;

	plugins_release(turn->agent->plugins);
	while ((line = take_line(turn))) {
		gw_log_tagged(line->is_warning ? GW_LOG_WARNING : GW_LOG_NOTICE,
			      GW_LOG_TAGS(.event = line->event, .who = line->who), "%s",
			      line->text);
		free(line);
	}
	while ((news = take_news(turn))) {
		log_news(news);
		bus_tell_change(turn->agent->bus, &(struct turn_change){ .device = news->device,
									 .from = news->from,
									 .to = news->to,
									 .reason = news->reason });
		free(news);
	}
	while ((letter = take_letter(turn))) {
		/* Who has his answer may take it that the secret he called with is wiped. */
		letter->call = sd_bus_message_unref(letter->call);
		bus_said(turn->agent->bus, sd_bus_send(NULL, letter->reply, NULL));
		letter_free(letter);
	}
}

static void discard(struct turn *turn, int error)
{
	struct letter *letter;
	struct line *line;
	struct news *news;

	plugins_discard(turn->agent->plugins);
	while ((line = take_line(turn)))
		free(line);
	while ((news = take_news(turn)))
		free(news);
	while ((letter = take_letter(turn))) {
		bus_said(turn->agent->bus,
			 sd_bus_reply_method_errnof(
				 letter->call, error,
				 "Nothing was changed: the store cannot be written (%s)",
				 strerror(-error)));
		letter_free(letter);
	}
}

/* --- the commit --- */

/* Returns 1 if something is on disk now, 0 if there was nothing to write. */
static int commit(struct turn *turn)
{
	size_t n_steps = turn->n_steps;
	int r;

	turn->n_steps = 0;
	if (!store_in_transaction(turn->agent->store))
		return 0;

	for (size_t i = 0; i < n_steps; i++)
		gw_step_before(turn->steps[i]);
	r = store_commit(turn->agent->store);
	for (size_t i = 0; i < n_steps && r >= 0; i++)
		gw_step_after(turn->steps[i]);
	return r;
}

static const char *advice(int r)
{
	switch (r) {
	case -ENOSPC:
	case -EFBIG: return "make room on its disk";
	case -ENOMEM: return "the machine has too little memory";
	case -EUCLEAN: return "it is damaged: restore it from a backup";
	case -EROFS:
	case -EACCES: return "see that its folder can be written";
	default: return "see the log of the system, and that its disk is sound";
	}
}

/* For people, as long as it lasts. */
static void set_trouble(struct turn *turn, int r)
{
	char trouble[GW_TEXT_MAX];

	turn->in_trouble = true;
	(void)snprintf(trouble, sizeof(trouble), "The store cannot be written (%s); %s",
		       strerror(-r), advice(r));
	bus_set_trouble(turn->agent->bus, trouble);
}

static void recover(struct turn *turn)
{
	if (turn->in_trouble)
		gw_log_event(NOTICE, STORE_WELL, "The store is written again");
	turn->in_trouble = false;
	bus_set_trouble(turn->agent->bus, /* text= */ NULL);
}

void turn_store_was_tried(struct turn *turn, int r)
{
	if (r < 0 && !turn->in_trouble)
		gw_log_event(ERROR, STORE_TROUBLE, "The store cannot be written (%s); %s",
			     strerror(-r), advice(r));
	if (r < 0)
		set_trouble(turn, r);
	else if (r > 0)
		recover(turn);
}

static void give_up(struct turn *turn, int r)
{
	gw_log_event(ERROR, STORE_TROUBLE,
		     "The store cannot be written (%s): nothing of this turn is kept; %s",
		     strerror(-r), advice(r));
	discard(turn, r);
	/* What we remember of sessions may rest on what was not kept. */
	plugins_break_all(turn->agent->plugins, "the store cannot be written");
	if (turn->agent->due)
		due_undone(turn->agent->due);
	set_trouble(turn, r);
}

static void finish(struct turn *turn)
{
	int r = commit(turn);

	if (turn->failed)
		r = turn->failed;
	turn->failed = 0;
	turn->n_joined = 0;
	(void)sd_event_source_set_enabled(turn->commit, SD_EVENT_OFF);
	if (r < 0) {
		give_up(turn, r);
	} else {
		if (r > 0)
			recover(turn);
		deliver(turn);
	}
	pulse_turned(turn->agent->pulse, r);
}

static int on_commit(sd_event_source *source, void *userdata)
{
	finish(userdata);
	return 0;
}

void turn_finish(struct turn *turn)
{
	finish(turn);
}

void turn_settle(struct turn *turn)
{
	if (store_in_transaction(turn->agent->store))
		finish(turn);
}

static bool is_due(const struct turn *turn)
{
	return turn->n_joined >= CHANGES_MAX ||
	       gw_now_monotonic_us() - turn->opened_us > AGE_MAX_US;
}

void turn_wake(struct turn *turn)
{
	if (turn->n_joined++ == 0) {
		turn->opened_us = gw_now_monotonic_us();
		(void)sd_event_source_set_priority(turn->commit, SD_EVENT_PRIORITY_IDLE);
		(void)sd_event_source_set_enabled(turn->commit, SD_EVENT_ONESHOT);
	} else if (is_due(turn)) {
		(void)sd_event_source_set_priority(turn->commit, SD_EVENT_PRIORITY_IMPORTANT);
	}
}

void turn_fail(struct turn *turn, int error)
{
	turn_wake(turn);
	if (!turn->failed)
		turn->failed = error;
	store_spoil(turn->agent->store, error);
}

int turn_open(struct turn *turn)
{
	int r;

	turn_wake(turn);
	if (turn->failed)
		return turn->failed;
	r = store_begin(turn->agent->store);
	if (r < 0)
		turn_fail(turn, r);
	return r;
}

void turn_step(struct turn *turn, const char *step)
{
	for (size_t i = 0; i < turn->n_steps; i++)
		if (turn->steps[i] == step)
			return;
	if (turn->n_steps < STEPS_MAX)
		turn->steps[turn->n_steps++] = step;
}

int turn_reply(struct turn *turn, sd_bus_message *call, sd_bus_message *reply)
{
	struct letter *letter = malloc(sizeof(*letter));

	if (!letter) {
		sd_bus_message_unref(reply);
		return -ENOMEM;
	}

	*letter = (struct letter){ .call = sd_bus_message_ref(call), .reply = reply };
	*turn->last_letter = letter;
	turn->last_letter = &letter->next;
	turn_wake(turn);
	return 0;
}

int turn_tell(struct turn *turn, const struct turn_change *change)
{
	struct news *news = malloc(sizeof(*news));

	if (!news)
		return -ENOMEM;

	*news = (struct news){
		.from = change->from,
		.to = change->to,
		.is_unlogged = change->is_unlogged,
	};
	(void)gw_copy(news->device, sizeof(news->device), change->device);
	(void)gw_copy(news->reason, sizeof(news->reason), change->reason);
	(void)gw_copy(news->cause, sizeof(news->cause), change->cause ? change->cause : "");
	(void)gw_copy(news->who, sizeof(news->who), change->who ? change->who : "");
	*turn->last_news = news;
	turn->last_news = &news->next;
	turn_wake(turn);
	return 0;
}

int turn_log(struct turn *turn, const struct turn_line *said, const char *format, ...)
{
	struct line *line = calloc(1, sizeof(*line));
	va_list args;

	if (!line)
		return -ENOMEM;

	line->event = said->event;
	line->is_warning = said->is_warning;
	(void)gw_copy(line->who, sizeof(line->who), said->who ? said->who : "");
	va_start(args, format);
	(void)vsnprintf(line->text, sizeof(line->text), format, args);
	va_end(args);
	*turn->last_line = line;
	turn->last_line = &line->next;
	turn_wake(turn);
	return 0;
}

/* --- life --- */

int turn_new(struct agent *agent, struct turn **ret)
{
	struct turn *turn = calloc(1, sizeof(*turn));
	int r;

	if (!turn)
		return -ENOMEM;

	turn->agent = agent;
	turn->last_letter = &turn->letters;
	turn->last_news = &turn->news;
	turn->last_line = &turn->lines;
	r = sd_event_add_defer(agent->event, &turn->commit, on_commit, turn);
	if (r >= 0)
		r = sd_event_source_set_enabled(turn->commit, SD_EVENT_OFF);
	if (r < 0) {
		turn_free(turn);
		return r;
	}

	*ret = turn;
	return 0;
}

struct turn *turn_free(struct turn *turn)
{
	struct letter *letter;
	struct line *line;
	struct news *news;

	if (!turn)
		return NULL;

	while ((news = take_news(turn)))
		free(news);
	while ((letter = take_letter(turn)))
		letter_free(letter);
	while ((line = take_line(turn)))
		free(line);
	sd_event_source_disable_unref(turn->commit);
	free(turn);
	return NULL;
}
