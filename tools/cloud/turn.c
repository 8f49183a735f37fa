/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The transaction of a turn ends when the event loop has nothing more urgent to do, or when the
 * turn is full; so many requests share one sync of the disk. If the commit fails, nothing leaves:
 * whoever waits for an answer asks again, and commands are sent again by their timer.
 */
#include "tools/cloud/turn.h"

#include <systemd/sd-event.h>
#include <time.h>

#include "lib/log.h"
#include "lib/step.h"
#include "lib/util.h"
#include "tools/cloud/body.h"
#include "tools/cloud/home.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/topic.h"

#define FULL        64 /* letters; then the turn ends */
#define LETTERS_MAX (FULL + TURN_ROOM)
#define STEPS_MAX   8
#define PRIORITY    (SD_EVENT_PRIORITY_NORMAL + 10)

#define STEP_RESPONSE "cloud.response"

struct letter {
	char topic[TOPIC_SIZE];
	char *body;
	bool is_answer;
};

struct turn {
	struct registry *registry;
	sd_event_source *end;
	bool entered, forget;
	struct letter letters[LETTERS_MAX];
	size_t n_letters;
	const char *steps[STEPS_MAX];
	size_t n_steps;
	void (*publish)(const char *topic, const char *body, void *userdata);
	void *userdata;
};

static void clear(struct turn *turn)
{
	for (size_t i = 0; i < turn->n_letters; i++)
		free(turn->letters[i].body);
	turn->n_letters = turn->n_steps = 0;
	turn->entered = turn->forget = false;
	(void)sd_event_source_set_enabled(turn->end, SD_EVENT_OFF);
}

static int commit(struct turn *turn)
{
	int r;

	for (size_t i = 0; i < turn->n_steps; i++)
		gw_step_before(turn->steps[i]);
	r = registry_commit(turn->registry);
	if (r < 0)
		return r;

	for (size_t i = 0; i < turn->n_steps; i++)
		gw_step_after(turn->steps[i]);
	return 0;
}

static void send_answer(struct turn *turn, const struct letter *letter)
{
	_cleanup_free_ char *body = body_stamp(letter->body, (uint64_t)time(/* tloc= */ NULL));

	if (!body)
		return;

	gw_step_before(STEP_RESPONSE);
	turn->publish(letter->topic, body, turn->userdata);
	gw_step_after(STEP_RESPONSE);
}

void turn_end(struct turn *turn)
{
	int r;

	if (!turn->entered)
		return;

	r = commit(turn);
	if (r < 0) {
		gw_log(ERROR, "%s: %s%s; messages held back until they are asked for again: %zu",
		       registry_path(turn->registry), strerror(-r), home_advice(r),
		       turn->n_letters);
		registry_rollback(turn->registry);
		clear(turn);
		return;
	}

	for (size_t i = 0; i < turn->n_letters; i++) {
		const struct letter *letter = &turn->letters[i];

		if (letter->is_answer)
			send_answer(turn, letter);
		else
			turn->publish(letter->topic, letter->body, turn->userdata);
	}
	if (turn->forget)
		registry_forget(turn->registry);
	clear(turn);
}

static int on_end(sd_event_source *source, void *userdata)
{
	turn_end(userdata);
	return 0;
}

struct turn *turn_free(struct turn *turn)
{
	if (!turn)
		return NULL;

	if (turn->entered)
		registry_rollback(turn->registry);
	clear(turn);
	(void)sd_event_source_unref(turn->end);
	free(turn);
	return NULL;
}

void turn_freep(struct turn **turn)
{
	(void)turn_free(*turn);
}

int turn_new(struct sd_event *event, struct registry *registry,
	     void (*publish)(const char *topic, const char *body, void *userdata), void *userdata,
	     struct turn **ret)
{
	_cleanup_(turn_freep) struct turn *turn = calloc(1, sizeof(*turn));
	int r;

	if (!turn)
		return -ENOMEM;

	turn->registry = registry;
	turn->publish = publish;
	turn->userdata = userdata;
	r = sd_event_add_defer(event, &turn->end, on_end, turn);
	if (r >= 0)
		r = sd_event_source_set_priority(turn->end, PRIORITY);
	if (r >= 0)
		r = sd_event_source_set_enabled(turn->end, SD_EVENT_OFF);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(turn);
	return 0;
}

int turn_enter(struct turn *turn)
{
	int r;

	if (turn->n_letters >= FULL)
		turn_end(turn);
	if (turn->entered)
		return 0;

	r = registry_begin(turn->registry);
	if (r >= 0)
		r = sd_event_source_set_enabled(turn->end, SD_EVENT_ONESHOT);
	if (r < 0)
		return r;

	turn->entered = true;
	return 0;
}

void turn_step(struct turn *turn, const char *step)
{
	for (size_t i = 0; i < turn->n_steps; i++)
		if (gw_streq(turn->steps[i], step))
			return;
	if (turn->n_steps < STEPS_MAX)
		turn->steps[turn->n_steps++] = step;
}

static int add_letter(struct turn *turn, const char *topic, char *body, bool is_answer)
{
	struct letter *letter = &turn->letters[turn->n_letters];

	if (turn->n_letters == LETTERS_MAX || strlen(topic) >= sizeof(letter->topic)) {
		free(body);
		return -ENOBUFS;
	}

	(void)gw_copy(letter->topic, sizeof(letter->topic), topic);
	letter->body = body;
	letter->is_answer = is_answer;
	turn->n_letters++;
	return 0;
}

int turn_answer(struct turn *turn, const char *topic, char *body)
{
	return add_letter(turn, topic, body, /* is_answer= */ true);
}

int turn_command(struct turn *turn, const char *topic, char *body)
{
	return add_letter(turn, topic, body, /* is_answer= */ false);
}

void turn_forget(struct turn *turn)
{
	turn->forget = true;
}
