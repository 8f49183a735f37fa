/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The answer is kept with the command's id, so that a repeated command is answered as it was the first
 * time. The highest seq is kept for good; of the answers only as many as can be under way.
 */
#include "agent/command.h"

#include <stdio.h>

#include "agent/agent.h"
#include "agent/claim.h"
#include "agent/command-list.h"
#include "agent/lifecycle.h"
#include "agent/operate.h"
#include "agent/plugins.h"
#include "agent/policy.h"
#include "agent/revocation.h"
#include "agent/steps.h"
#include "agent/store-certificate.h"
#include "agent/store-job.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "agent/vault.h"
#include "lib/hex.h"
#include "lib/log.h"
#include "lib/util.h"

#define SEQ_META     "command-seq"
#define ANSWERS_KEPT 1024

static void answer(struct agent *agent, const struct gw_msg_command *command,
		   enum gw_outcome outcome, const char *reason)
{
	struct gw_msg msg = {
		.type = GW_MSG_COMMAND_ANSWER,
		.command_answer = { command->id, command->seq, (uint8_t)outcome, reason },
	};

	plugin_send(plugins_find(agent->plugins, GW_ROLE_CLOUD), &msg, /* fd= */ -1);
}

/* Answers as before, if this command was answered before. */
static bool answer_again(struct agent *agent, const struct gw_msg_command *command)
{
	char reason[GW_REASON_MAX + 1];
	struct sqlite3_stmt *row;
	int64_t outcome;

	if (store_select(agent->store, &row, "SELECT outcome, reason FROM command WHERE id = ?",
			 "t", command->id) < 0 ||
	    store_next(agent->store, row) <= 0)
		return false;

	outcome = store_column_int(row, 0);
	store_column_text(row, 1, reason, sizeof(reason));
	store_done(row);
	answer(agent, command, (enum gw_outcome)outcome, reason);
	return true;
}

static int keep_answer(struct agent *agent, const struct gw_msg_command *command,
		       enum gw_outcome outcome, const char *reason)
{
	int64_t last = store_meta_number(agent->store, SEQ_META, 0);
	int64_t seq = command->seq <= INT64_MAX ? (int64_t)command->seq : 0; /* refused anyway */
	int r;

	r = store_exec(agent->store,
		       "INSERT INTO command (id, seq, outcome, reason) VALUES (?, ?, ?, ?)", "tiit",
		       command->id, seq, (int64_t)outcome, reason);
	if (r >= 0)
		r = store_exec(agent->store, "DELETE FROM command WHERE seq <= ?", "i",
			       seq - ANSWERS_KEPT);
	if (r >= 0 && seq > last)
		r = store_meta_set_number(agent->store, SEQ_META, seq);
	return r < 0 ? r : 0;
}

/* --- what they do --- */

/* The secret in the clear; `plain` has room for GW_SEALED_MAX bytes. */
static int open_secret(struct agent *agent, const struct gw_msg_command *command, uint8_t *plain,
		       size_t *ret_len)
{
	char about[SETTINGS_TEXT_MAX + 2 * GW_ID_MAX + 3];
	struct gw_blob associated = { (const uint8_t *)about, 0 };

	if (!command->sealed) {
		memcpy(plain, command->secret.data, command->secret.len);
		*ret_len = command->secret.len;
		return 0;
	}

	(void)snprintf(about, sizeof(about), "%s|%s|%s", agent->settings.gateway, command->id,
		       command->device);
	associated.len = strlen(about);
	return vault_open_box(agent->vault, associated, command->secret, plain, GW_SEALED_MAX,
			      ret_len);
}

static int do_claim(struct agent *agent, const struct gw_msg_command *command,
		    enum gw_reason *ret_reason)
{
	struct claim_wish wish = {
		.device = command->device,
		.tenant = *command->tenant ? command->tenant : "default",
		.vendor = "",
		.model = "",
		.expires = command->claim_expires,
		.replace = command->replace,
		.may_replace = true,
		.id = *command->claim ? command->claim : NULL,
		.who = "cloud",
	};
	uint8_t secret[GW_SEALED_MAX];
	size_t len = 0;
	int r;

	r = open_secret(agent, command, secret, &len);
	if (r == -EBADMSG || (r >= 0 && (len < GW_SECRET_MIN || len > GW_SECRET_MAX))) {
		*ret_reason = GW_REASON_BAD_MESSAGE;
		r = 0;
	} else if (r >= 0) {
		wish.secret = (struct gw_blob){ secret, len };
		r = claim_make(agent, &wish, ret_reason);
	}
	explicit_bzero(secret, sizeof(secret));
	return r;
}

/* Whose certificate it is, if that is good for anything still; empty: nobody's. */
static int find_holder(struct agent *agent, struct command_item *item, enum gw_reason *ret_reason)
{
	const struct gw_blob serial = { item->serial, item->serial_len };
	struct certificate_record certificate;
	int r = store_certificate_by_serial(agent->store, serial, &certificate);

	*ret_reason = r == -ENOENT ? GW_REASON_NOT_FOUND : GW_REASON_NONE;
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (certificate.state == CERTIFICATE_LIVE || certificate.state == CERTIFICATE_CANDIDATE)
		(void)gw_copy(item->device, sizeof(item->device), certificate.device);
	return 0;
}

static int operate_item(struct agent *agent, struct operate_wish *wish, struct command_item *item,
			enum gw_reason *ret_reason)
{
	int r = 0;

	*ret_reason = GW_REASON_NONE;
	if (!*item->device)
		r = find_holder(agent, item, ret_reason);
	if (r < 0 || !*item->device)
		return r;

	wish->device = item->device;
	return operate_device(agent, wish, ret_reason);
}

static void record_refused_item(struct agent *agent, const struct command_item *item,
				enum gw_reason reason)
{
	char serial[2 * GW_SERIAL_MAX + 1];

	gw_hex_encode(item->serial, item->serial_len, serial);
	lifecycle_record_often(agent, "command-refused", item->device, "cloud",
			       gw_reason_code(reason), serial);
}

/* All of a list that can be done is, in this one turn. The first that cannot gives the reason for the whole, and
 * each is on record, as far as there are not too many in an hour. */
static int do_operate(struct agent *agent, const struct gw_msg_command *command,
		      enum device_event event, enum gw_reason *ret_reason)
{
	struct operate_wish wish = { .event = event, .who = "cloud", .reason = command->reason };
	struct command_list list;
	struct command_item item;
	enum gw_reason reason;
	int r;

	*ret_reason = GW_REASON_NONE;
	command_list_begin(&list, command);
	while (command_list_next(&list, &item)) {
		r = operate_item(agent, &wish, &item, &reason);
		if (r < 0)
			return r;
		if (reason == GW_REASON_NONE)
			continue;
		if (*ret_reason == GW_REASON_NONE)
			*ret_reason = reason;
		if (list.is_list)
			record_refused_item(agent, &item, reason);
	}
	return 0;
}

static int carry_out(struct agent *agent, const struct gw_msg_command *command,
		     enum gw_reason *ret_reason)
{
	switch ((enum gw_command_kind)command->kind) {
	case GW_COMMAND_CLAIM: return do_claim(agent, command, ret_reason);
	case GW_COMMAND_WITHDRAW:
		return claim_withdraw(agent, command->device, "cloud", ret_reason);
	case GW_COMMAND_REVOKE: return do_operate(agent, command, DEVICE_EVENT_REVOKE, ret_reason);
	case GW_COMMAND_SUSPEND:
		return do_operate(agent, command, DEVICE_EVENT_SUSPEND, ret_reason);
	case GW_COMMAND_RESUME: return do_operate(agent, command, DEVICE_EVENT_RESUME, ret_reason);
	case GW_COMMAND_ANCHORS:
		*ret_reason = GW_REASON_NONE;
		return 0; /* cloud.c has taken them */
	case GW_COMMAND_DECOMMISSION:
		return do_operate(agent, command, DEVICE_EVENT_DECOMMISSION, ret_reason);
	case GW_COMMAND_CRL: *ret_reason = revocation_take_command(agent, command); return 0;
	case GW_COMMAND_MOVED: return do_operate(agent, command, DEVICE_EVENT_MOVED, ret_reason);
	case _GW_COMMAND_MAX: break;
	}
	return -EBADMSG;
}

/* What goes into the store by a name must be one; a number must fit there. */
static bool is_well_formed(const struct gw_msg_command *command)
{
	return command_list_is_valid(command) &&
	       (!*command->tenant || gw_device_id_is_valid(command->tenant)) &&
	       (!*command->claim || gw_device_id_is_valid(command->claim)) &&
	       command->seq <= INT64_MAX;
}

static bool may_be_obeyed(struct agent *agent, const struct gw_msg_command *command,
			  enum gw_reason *ret_reason)
{
	bool claims = command->kind == GW_COMMAND_CLAIM;
	const struct policy_command_facts facts = {
		.opens = claims || command->kind == GW_COMMAND_RESUME,
		.seq = command->seq,
		.last_seq = (uint64_t)store_meta_number(agent->store, SEQ_META, 0),
		.expires_at = command->expires_at,
		.now = clock_now_s(&agent->clock),
		.clock_trusted = clock_is_trusted(&agent->clock),
		.secret_is_plain = claims && !command->sealed,
		.plain_is_allowed = agent->settings.cloud_plain_secrets,
		.claims_leaver = claims && store_job_has_of(agent->store, command->device,
							    GW_REQUEST_DECOMMISSIONED),
	};

	return policy_command(&facts, ret_reason);
}

static int finish(struct agent *agent, const struct gw_msg_command *command, enum gw_reason reason)
{
	enum gw_outcome outcome = reason == GW_REASON_NONE ? GW_OUTCOME_DONE : GW_OUTCOME_REFUSED;

	if (outcome == GW_OUTCOME_REFUSED)
		lifecycle_record(agent, "command-refused", command->device, "cloud",
				 gw_reason_code(reason), NULL);
	turn_step(agent->turn, STEP_COMMAND);
	answer(agent, command, outcome, gw_reason_code(reason));
	return keep_answer(agent, command, outcome, gw_reason_code(reason));
}

int command_answer_late(struct agent *agent, const char *id, uint64_t seq, enum gw_reason reason)
{
	const struct gw_msg_command command = { .id = id, .seq = seq, .device = "" };

	return finish(agent, &command, reason);
}

int command_take(struct agent *agent, const struct gw_msg_command *command)
{
	enum gw_reason reason;
	int r;

	r = turn_open(agent->turn);
	if (r < 0)
		return r;
	if (answer_again(agent, command))
		return 0;

	if (!is_well_formed(command))
		reason = GW_REASON_BAD_MESSAGE;
	else if (may_be_obeyed(agent, command, &reason))
		r = carry_out(agent, command, &reason);
	if (r < 0 || reason == GW_REASON_ASKING)
		return r; /* the registrar has to look at it first */
	return finish(agent, command, reason);
}
