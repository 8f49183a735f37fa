/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands go to each gateway in the order of their sequence numbers and are repeated until they
 * are answered. What closes (withdraw, revoke) goes at once; what opens (claim) goes one at a time,
 * so that a closing command overtakes at most one. To a gateway that says it is away a command goes
 * once, for the broker to keep, and again when it is back. Of one that has not said how it is nobody
 * knows what it got: new commands wait for its word, or for the timer, and go behind what comes again.
 * A list goes as one command; once that is refused, each of it goes by itself, so that it is known what
 * became of it. A claim waits until the gateway has told the key to seal its secret to; each repetition
 * is sealed anew.
 */
#include "tools/cloud/fleet.h"

#include <stdio.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "lib/blob.h"
#include "lib/log.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "tools/cloud/body.h"
#include "tools/cloud/box.h"
#include "tools/cloud/bundle.h"
#include "tools/cloud/crl-command.h"
#include "tools/cloud/desk.h"
#include "tools/cloud/home.h"
#include "tools/cloud/id.h"
#include "tools/cloud/policy.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/turn.h"

#define SECOND_US     1000000ull
#define WAIT_FIRST_US (2 * SECOND_US)
#define WAIT_MAX_US   (300 * SECOND_US)
#define AGAIN_S       1
#define LATER_S       30 /* until a clock that is not trusted may be */
#define PASS_MAX      32 /* commands to one gateway at a time */
#define TOPIC_MAX     128
#define NEVER         UINT64_MAX

enum presence {
	PRESENCE_UNKNOWN,
	PRESENCE_ONLINE,
	PRESENCE_AWAY,
	_PRESENCE_MAX,
};

struct gateway {
	char id[REGISTRY_ID_MAX + 1];
	enum presence presence;
	bool has_box_key;
	uint8_t box_key[BOX_KEY_LEN];
	uint64_t wait_us; /* the next pause between repetitions */
	uint64_t due_us;  /* when to look again, or NEVER */
	bool has_open;    /* noted while the list of those that have commands is gone through */
};

struct fleet {
	struct registry *registry;
	const struct desk *desk;
	struct turn *turn;
	sd_event_source *timer;
	struct gateway **gateways; /* by id */
	size_t n_gateways;
	bool is_connected;
};

/* One look at a gateway's open commands. */
struct pass {
	struct fleet *fleet;
	struct gateway *gateway;
	bool repeat;
	uint64_t now_s;
	unsigned n_sent; /* or sent before */
	bool has_claim, has_new, has_list;
	uint64_t wake_s; /* when one that waits for its time may go; 0: none does */
};

/* --- gateways -------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct gateway *const *left = a, *const *right = b;

	return strcmp((*left)->id, (*right)->id);
}

static struct gateway *find(struct fleet *fleet, const char *id)
{
	struct gateway key, *at = &key, **found;

	if (gw_copy(key.id, sizeof(key.id), id) < 0 || fleet->n_gateways == 0)
		return NULL;

	found = bsearch(&at, fleet->gateways, fleet->n_gateways, sizeof(struct gateway *), compare);
	return found ? *found : NULL;
}

static int add_gateway(const char *id, void *userdata)
{
	struct fleet *fleet = userdata;
	struct gateway *gateway, **gateways;

	if (find(fleet, id))
		return 0;

	gateways = reallocarray(fleet->gateways, fleet->n_gateways + 1, sizeof(struct gateway *));
	if (!gateways)
		return -ENOMEM;
	fleet->gateways = gateways;

	gateway = calloc(1, sizeof(*gateway));
	if (!gateway)
		return -ENOMEM;

	(void)gw_copy(gateway->id, sizeof(gateway->id), id);
	gateway->wait_us = WAIT_FIRST_US;
	gateway->due_us = NEVER;
	gateways[fleet->n_gateways++] = gateway;
	qsort(gateways, fleet->n_gateways, sizeof(struct gateway *), compare);
	return 0;
}

static void set_timer(struct fleet *fleet)
{
	uint64_t due_us = NEVER;

	for (size_t i = 0; i < fleet->n_gateways; i++)
		due_us = GW_MIN(due_us, fleet->gateways[i]->due_us);
	(void)sd_event_source_set_time(fleet->timer, due_us);
	(void)sd_event_source_set_enabled(fleet->timer,
					  due_us == NEVER ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

/* --- sending --------------------------------------------------------------------------------- */

static int seal(const struct gateway *gateway, const struct command *command, uint8_t *box)
{
	char associated[3 * (REGISTRY_ID_MAX + 1)];
	int len = snprintf(associated, sizeof(associated), "%s|%s|%s", command->gateway,
			   command->id, command->device);

	return box_seal(gateway->box_key, (struct gw_blob){ (uint8_t *)associated, (size_t)len },
			(struct gw_blob){ command->secret, command->secret_len }, box);
}

/* One of a list may have ended by itself. */
static bool is_open(const struct command *command)
{
	return command->state == COMMAND_WAITING || command->state == COMMAND_SENT;
}

/* What goes with a command. */
struct list {
	char devices[GW_LIST_MAX][BODY_NAME_MAX + 1];
	size_t n;
};

static int add_to_list(const struct command *command, void *userdata)
{
	struct list *list = userdata;

	if (!is_open(command))
		return 0;
	if (list->n == GW_LIST_MAX - 1)
		return -E2BIG;
	return gw_copy(list->devices[list->n++], sizeof(list->devices[0]), command->device);
}

static int publish(struct fleet *fleet, const struct gateway *gateway,
		   const struct command *command, uint64_t seq)
{
	uint8_t box[REGISTRY_SECRET_MAX + BOX_EXTRA];
	_cleanup_free_ struct list *list = calloc(1, sizeof(*list));
	_cleanup_(bundle_done) struct bundle broker = { .n = 0 };
	struct body_anchors anchors;
	struct gw_blob sealed = { box, command->secret_len + BOX_EXTRA };
	struct body_more more = { .box = &sealed, .anchors = &anchors };
	char topic[TOPIC_MAX], *body;
	int r;

	if (!list)
		return -ENOMEM;

	if (command->kind == COMMAND_CLAIM && seal(gateway, command, box) < 0) {
		gw_log_device(WARNING, command->device,
			      "%s tells a key that nothing can be sealed to, so its claim waits",
			      gateway->id);
		return 0;
	}

	(void)snprintf(topic, sizeof(topic), "gangway/v1/%s/command", gateway->id);
	if (command->kind == COMMAND_CRL)
		return crl_command_publish(fleet->registry, fleet->turn, topic, command, seq);
	desk_anchors(fleet->desk, &anchors); /* those of now, whenever it was made */
	if (command->kind == COMMAND_ANCHORS && desk_broker_anchors(fleet->desk, &broker) >= 0) {
		anchors.broker = broker.der;
		anchors.n_broker = broker.n;
	}
	r = registry_command_list(fleet->registry, command, add_to_list, list);
	if (r < 0)
		return r;
	more.devices = list->devices;
	more.n_devices = list->n;
	body = body_command(command, seq, &more);
	if (!body)
		return -ENOMEM;
	return turn_command(fleet->turn, topic, body);
}

static int expire(struct fleet *fleet, const struct command *command)
{
	int r;

	r = registry_command_end(fleet->registry, command->number, COMMAND_EXPIRED,
				 gw_reason_code(GW_REASON_EXPIRED));
	if (r < 0)
		return r;

	turn_forget(fleet->turn);
	gw_log_device(NOTICE, command->device, "the claim for %s expired before it was answered",
		      command->gateway);
	return 0;
}

/* Whether it can go now, as far as the gateway and the time are concerned. */
static bool is_ready(struct pass *pass, const struct command *command)
{
	if (command->not_before > pass->now_s) {
		if (!pass->wake_s || command->not_before < pass->wake_s)
			pass->wake_s = command->not_before;
		return false;
	}
	if (command->kind == COMMAND_CRL)
		return !pass->has_list; /* of many bodies: the turn has no room for two */
	if (command->kind != COMMAND_CLAIM)
		return true;
	return pass->gateway->has_box_key && !pass->has_claim;
}

static int send_one(const struct command *open, void *userdata)
{
	struct pass *pass = userdata;
	struct fleet *fleet = pass->fleet;
	uint64_t seq = open->seq;
	int r = 0;

	if (open->expires_at && open->expires_at <= pass->now_s)
		return expire(fleet, open);
	if (pass->n_sent == PASS_MAX || !is_ready(pass, open))
		return 0;

	pass->n_sent++;
	pass->has_claim |= open->kind == COMMAND_CLAIM;
	pass->has_list |= open->kind == COMMAND_CRL;
	if (seq && !pass->repeat)
		return 0;

	if (!seq) {
		r = registry_command_sent(fleet->registry, open->number, pass->now_s, &seq);
		if (r < 0)
			return r;
		turn_step(fleet->turn, "cloud.command");
		pass->has_new = true;
	}
	return publish(fleet, pass->gateway, open, seq);
}

static void set_due(const struct pass *pass)
{
	struct gateway *gateway = pass->gateway;
	uint64_t now_us = gw_now_monotonic_us();

	gateway->due_us = NEVER;
	if (pass->n_sent && gateway->presence != PRESENCE_AWAY) {
		if (pass->has_new)
			gateway->wait_us = WAIT_FIRST_US;
		gateway->due_us = now_us + gateway->wait_us;
		if (pass->repeat)
			gateway->wait_us = GW_MIN(2 * gateway->wait_us, WAIT_MAX_US);
	}
	if (pass->wake_s)
		gateway->due_us =
			GW_MIN(gateway->due_us, now_us + (pass->wake_s - pass->now_s) * SECOND_US);
}

/* What was sent may be lost: if what is new went first, that would be refused as out of order. */
static void wait_for_word(struct fleet *fleet, struct gateway *gateway)
{
	gateway->wait_us = WAIT_FIRST_US;
	gateway->due_us = GW_MIN(gateway->due_us, gw_now_monotonic_us() + WAIT_FIRST_US);
	set_timer(fleet);
}

/* Sends what is new to a gateway, and with `repeat` what it has not answered, too. */
static void send_open(struct fleet *fleet, struct gateway *gateway, bool repeat)
{
	struct pass pass = { .fleet = fleet,
			     .gateway = gateway,
			     .repeat = repeat,
			     .now_s = (uint64_t)time(/* tloc= */ NULL) };
	int r;

	if (!fleet->is_connected)
		return;
	if (gateway->presence == PRESENCE_UNKNOWN && !repeat) {
		wait_for_word(fleet, gateway);
		return;
	}

	r = turn_enter(fleet->turn);
	if (r >= 0)
		r = registry_commands_open(fleet->registry, gateway->id, send_one, &pass);
	if (r < 0) {
		gw_log(ERROR, "commands to %s: %s; trying again later", gateway->id, strerror(-r));
		pass.n_sent = 1;
	}
	set_due(&pass);
	set_timer(fleet);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct fleet *fleet = userdata;
	uint64_t now_us = gw_now_monotonic_us();

	for (size_t i = 0; i < fleet->n_gateways; i++)
		if (fleet->gateways[i]->due_us <= now_us)
			send_open(fleet, fleet->gateways[i], /* repeat= */ true);
	set_timer(fleet);
	return 0;
}

/* --- what happens ---------------------------------------------------------------------------- */

static int note_open(const char *id, void *userdata)
{
	struct fleet *fleet = userdata;
	struct gateway *gateway = find(fleet, id);

	if (gateway)
		gateway->has_open = true;
	return 0;
}

/* The list is gone through to its end first: nothing can be written while it is being read. */
static void find_open(struct fleet *fleet)
{
	int r;

	for (size_t i = 0; i < fleet->n_gateways; i++)
		fleet->gateways[i]->has_open = false;

	r = registry_gateways_each(fleet->registry, add_gateway, fleet);
	if (r >= 0)
		r = registry_commands_gateways(fleet->registry, note_open, fleet);
	if (r < 0)
		gw_log(ERROR, "%s: %s%s", registry_path(fleet->registry), strerror(-r),
		       home_advice(r));
}

void fleet_look(struct fleet *fleet)
{
	find_open(fleet);
	for (size_t i = 0; i < fleet->n_gateways; i++)
		if (fleet->gateways[i]->has_open)
			send_open(fleet, fleet->gateways[i], /* repeat= */ false);
}

void fleet_connected(struct fleet *fleet)
{
	uint64_t due_us = gw_now_monotonic_us() + WAIT_FIRST_US;

	fleet->is_connected = true;
	find_open(fleet);
	for (size_t i = 0; i < fleet->n_gateways; i++)
		if (fleet->gateways[i]->has_open)
			fleet->gateways[i]->due_us = due_us; /* its status comes before that */
	set_timer(fleet);
}

void fleet_disconnected(struct fleet *fleet)
{
	fleet->is_connected = false;
	for (size_t i = 0; i < fleet->n_gateways; i++) {
		fleet->gateways[i]->presence = PRESENCE_UNKNOWN;
		fleet->gateways[i]->due_us = NEVER;
	}
	set_timer(fleet);
}

void fleet_status(struct fleet *fleet, const char *id, const struct status *status)
{
	struct gateway *gateway = find(fleet, id);
	enum presence presence = status->online ? PRESENCE_ONLINE : PRESENCE_AWAY;
	bool repeat;

	if (!gateway) {
		gw_log(WARNING, "status of %s, which is not on record, ignoring", id);
		return;
	}

	if (presence != gateway->presence)
		gw_log(INFO, "%s is %s", id, status->online ? "online" : "away");
	repeat = status->online || gateway->presence == PRESENCE_UNKNOWN;
	gateway->presence = presence;
	if (status->has_box_key) {
		gateway->has_box_key = true;
		memcpy(gateway->box_key, status->box_key, BOX_KEY_LEN);
	}
	if (status->online)
		gateway->wait_us = WAIT_FIRST_US;
	send_open(fleet, gateway, repeat);
}

static int end_command(struct fleet *fleet, const struct command *command,
		       const struct answer *answer)
{
	enum command_state state = answer->done ? COMMAND_DONE : COMMAND_REFUSED;
	int r;

	gw_log_device(INFO, command->device, "%s %s of %s: %s%s%s",
		      command_kind_name(command->kind), command->id, command->gateway,
		      command_state_name(state), answer->done ? "" : ", ", answer->reason);
	turn_forget(fleet->turn);
	r = registry_command_end(fleet->registry, command->number, state, answer->reason);
	if (r < 0 || answer->done || command->kind != COMMAND_CLAIM)
		return r;

	r = registry_claim_close(fleet->registry, command->claim, answer->reason);
	return r == -ENOENT ? 0 : r; /* it was used or withdrawn meanwhile */
}

static int send_again(struct fleet *fleet, const struct command *command, uint64_t delay_s)
{
	char id[ID_MAX + 1];

	id_make("command", id);
	return registry_command_again(fleet->registry, command->number, id,
				      (uint64_t)time(/* tloc= */ NULL) + delay_s);
}

/* An answer, and whether it is to a whole list. */
struct heard {
	struct fleet *fleet;
	const struct answer *answer;
	bool is_list;
};

static int take_answer(const struct command *command, void *userdata)
{
	struct heard *heard = userdata;
	struct fleet *fleet = heard->fleet;
	const struct answer *answer = heard->answer;
	enum gw_reason why = GW_REASON_NONE;
	bool overtaken;
	int r;

	if (!is_open(command))
		return 0;
	r = registry_command_is_overtaken(fleet->registry, command, &overtaken);
	if (r < 0)
		return r;

	(void)gw_reason_from_code(answer->reason, &why);
	switch (policy_answer(answer->done, why, overtaken)) {
	case COMMAND_IS_DONE: break;
	case COMMAND_IS_REFUSED:
		if (heard->is_list && !overtaken)
			return send_again(fleet, command, /* delay_s= */ 0);
		break;
	case COMMAND_AGAIN: return send_again(fleet, command, AGAIN_S);
	case COMMAND_AGAIN_LATER: return send_again(fleet, command, LATER_S);
	}
	return end_command(fleet, command, answer);
}

static int note_list(const struct command *command, void *userdata)
{
	*(bool *)userdata = true;
	return 0;
}

/* The one that was sent comes last: it is by its id that the others are known. */
static int take_answers(struct fleet *fleet, const struct command *command,
			const struct answer *answer)
{
	struct heard heard = { fleet, answer, false };
	int r;

	turn_step(fleet->turn, "cloud.answered");
	r = registry_command_list(fleet->registry, command, note_list, &heard.is_list);
	if (r >= 0)
		r = registry_command_list(fleet->registry, command, take_answer, &heard);
	return r < 0 ? r : take_answer(command, &heard);
}

void fleet_answer(struct fleet *fleet, const char *id, const struct answer *answer)
{
	struct gateway *gateway = find(fleet, id);
	struct command command = { 0 };
	int r;

	r = turn_enter(fleet->turn);
	if (r >= 0)
		r = registry_command_get(fleet->registry, id, answer->id, &command);
	if (r == -ENOENT) {
		gw_log(INFO, "%s answers %s, which was never asked, ignoring", id, answer->id);
		return;
	}
	if (r >= 0 && is_open(&command))
		r = take_answers(fleet, &command, answer);
	explicit_bzero(&command, sizeof(command));
	if (r < 0) {
		gw_log(ERROR, "answer of %s to %s: %s; it is repeated later", id, answer->id,
		       strerror(-r));
		return;
	}
	if (gateway)
		send_open(fleet, gateway, /* repeat= */ false);
}

/* --- life ------------------------------------------------------------------------------------ */

struct fleet *fleet_free(struct fleet *fleet)
{
	if (!fleet)
		return NULL;

	for (size_t i = 0; i < fleet->n_gateways; i++)
		free(fleet->gateways[i]);
	free(fleet->gateways);
	(void)sd_event_source_disable_unref(fleet->timer);
	free(fleet);
	return NULL;
}

void fleet_freep(struct fleet **fleet)
{
	(void)fleet_free(*fleet);
}

int fleet_new(struct sd_event *event, struct registry *registry, const struct desk *desk,
	      struct turn *turn, struct fleet **ret)
{
	_cleanup_(fleet_freep) struct fleet *fleet = calloc(1, sizeof(*fleet));
	int r;

	if (!fleet)
		return -ENOMEM;

	fleet->registry = registry;
	fleet->desk = desk;
	fleet->turn = turn;
	r = sd_event_add_time(event, &fleet->timer, CLOCK_MONOTONIC, NEVER, /* accuracy= */ 0,
			      on_timer, fleet);
	if (r >= 0)
		r = sd_event_source_set_enabled(fleet->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = registry_gateways_each(registry, add_gateway, fleet);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(fleet);
	return 0;
}
