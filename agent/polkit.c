/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fails closed: only a bus that has never seen polkit and cannot start it is one without; a polkit that
 * is slow, hangs, dies or does not know our actions gives nobody anything. What is asked and not wanted
 * any more is taken back, so that no window for a password stays open for a caller who has left.
 */
#include "agent/polkit.h"

#include <stdio.h>
#include <systemd/sd-bus.h>

#include "lib/log.h"
#include "lib/util.h"

#define NAME      "org.freedesktop.PolicyKit1"
#define PATH      "/org/freedesktop/PolicyKit1/Authority"
#define INTERFACE "org.freedesktop.PolicyKit1.Authority"

/* A rule may run a program, for ten seconds at most; a person has to find the password. Callers wait 25 s
 * by default, and shall hear from us before that. */
#define ANSWER_US      (15 * 1000000ull)
#define INTERACTIVE_US (120 * 1000000ull)

#define ALLOW_INTERACTION 1u /* CheckAuthorizationFlags */

struct polkit {
	sd_bus *connection;
	uint64_t n_asked;
	bool was_here;
	int mood; /* what was logged last: an answer, or -1 */
};

struct polkit_check {
	struct polkit *polkit;
	sd_bus_slot *slot; /* NULL: answered */
	char id[40];
	polkit_handler_t handler;
	void *userdata;
};

int polkit_new(sd_bus *connection, struct polkit **ret)
{
	struct polkit *polkit = calloc(1, sizeof(*polkit));

	if (!polkit)
		return -ENOMEM;
	polkit->connection = connection;
	polkit->mood = -1;
	*ret = polkit;
	return 0;
}

struct polkit *polkit_free(struct polkit *polkit)
{
	free(polkit);
	return NULL;
}

/* --- answers --- */

static enum polkit_answer read_verdict(sd_bus_message *m, const char **ret_why)
{
	int is_authorized, is_challenge;
	int r = sd_bus_message_enter_container(m, 'r', "bba{ss}");

	if (r > 0)
		r = sd_bus_message_read(m, "bb", &is_authorized, &is_challenge);
	if (r <= 0) {
		*ret_why = "its answer makes no sense";
		return POLKIT_TROUBLE;
	}
	if (is_authorized)
		return POLKIT_YES;
	return is_challenge ? POLKIT_UNCONFIRMED : POLKIT_NO;
}

/* The bus itself says that there is nobody of that name, and that it cannot start anybody. */
static bool is_unknown(const sd_bus_error *error)
{
	return sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN);
}

static bool is_late(const sd_bus_error *error)
{
	return sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY) ||
	       sd_bus_error_has_name(error, SD_BUS_ERROR_TIMEOUT);
}

static enum polkit_answer read_error(const struct polkit *polkit, const sd_bus_error *error,
				     const char **ret_why)
{
	if (is_unknown(error) && !polkit->was_here)
		return POLKIT_ABSENT;
	if (is_unknown(error))
		*ret_why = "it has ended; start it, or gangwayd again if it was removed";
	else if (is_late(error))
		*ret_why = "it does not answer";
	else if (sd_bus_error_has_name(error, NAME ".Error.NotAuthorized"))
		*ret_why =
			"it does not know us: is org.gangway1.policy installed, and its owner the "
			"user that gangwayd runs as?";
	else
		*ret_why = error->message ? error->message : error->name;
	return POLKIT_TROUBLE;
}

/* A line when things change, not one a call. */
static void log_mood(struct polkit *polkit, enum polkit_answer answer, const char *why)
{
	int mood = answer == POLKIT_ABSENT || answer == POLKIT_TROUBLE ? (int)answer : POLKIT_YES;

	if (mood == polkit->mood)
		return;
	if (mood == POLKIT_TROUBLE)
		gw_log_event(
			WARNING, POLKIT_TROUBLE,
			"Asked polkit in vain (%s): only root may do anything until it answers",
			why);
	else if (mood == POLKIT_ABSENT)
		gw_log(INFO, "There is no polkit: root has all rights, the group gangway most");
	else
		gw_log_event(INFO, POLKIT_WELL, "Rights are polkit's to give");
	polkit->mood = mood;
}

/* --- questions --- */

static void take_back(const struct polkit_check *check)
{
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(check->polkit->connection, &m, NAME, PATH, INTERFACE,
					       "CancelCheckAuthorization");

	if (r >= 0)
		r = sd_bus_message_append(m, "s", check->id);
	if (r >= 0)
		r = sd_bus_message_set_auto_start(m, 0);
	if (r >= 0)
		r = sd_bus_message_set_expect_reply(m, 0);
	if (r >= 0)
		(void)sd_bus_send(check->polkit->connection, m, NULL);
	sd_bus_message_unref(m);
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	struct polkit_check *check = userdata;
	struct polkit *polkit = check->polkit;
	const sd_bus_error *error = sd_bus_message_get_error(m);
	const char *why = "";
	enum polkit_answer answer = error ? read_error(polkit, error, &why) : read_verdict(m, &why);

	if (error && is_late(error))
		take_back(check);
	if (answer != POLKIT_ABSENT)
		polkit->was_here = true;
	log_mood(polkit, answer, why);
	check->slot = sd_bus_slot_unref(check->slot);
	check->handler(answer, why, check->userdata);
	return 1;
}

static int new_question(const struct polkit_check *check, const struct polkit_question *question,
			sd_bus_message **ret)
{
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(check->polkit->connection, &m, NAME, PATH, INTERFACE,
					       "CheckAuthorization");

	if (r >= 0)
		r = sd_bus_message_append(m, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
					  question->sender, question->action, 0,
					  question->interactive ? ALLOW_INTERACTION : 0u,
					  check->id);
	if (r < 0)
		sd_bus_message_unref(m);
	else
		*ret = m;
	return r;
}

uint64_t polkit_patience_us(bool interactive)
{
	return interactive ? INTERACTIVE_US : ANSWER_US;
}

int polkit_ask(struct polkit *polkit, const struct polkit_question *question,
	       polkit_handler_t handler, void *userdata, struct polkit_check **ret)
{
	struct polkit_check *check = calloc(1, sizeof(*check));
	sd_bus_message *m = NULL;
	int r;

	if (!check)
		return -ENOMEM;

	check->polkit = polkit;
	check->handler = handler;
	check->userdata = userdata;
	(void)snprintf(check->id, sizeof(check->id), "gangway-%llu",
		       (unsigned long long)++polkit->n_asked);
	r = new_question(check, question, &m);
	if (r >= 0)
		r = sd_bus_call_async(polkit->connection, &check->slot, m, on_answer, check,
				      polkit_patience_us(question->interactive));
	sd_bus_message_unref(m);
	if (r < 0) {
		free(check);
		return r;
	}
	*ret = check;
	return 0;
}

struct polkit_check *polkit_check_free(struct polkit_check *check)
{
	if (!check)
		return NULL;
	if (check->slot)
		take_back(check);
	sd_bus_slot_unref(check->slot);
	free(check);
	return NULL;
}
