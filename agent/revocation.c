/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A list is never read here: the registrar checks it, and says where in it the serial numbers stand. Those are taken from
 * our own copy, which nobody can change, so that not even the registrar can have a certificate revoked that its issuer
 * has not put on the list. All that follows from a list is one turn: it is on record, with the devices whose
 * certificates it names revoked, or nothing is. None of it waits for the cloud.
 */
#include "agent/revocation.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>

#include "agent/agent.h"
#include "agent/bus-revocation.h"
#include "agent/command.h"
#include "agent/crl-watch.h"
#include "agent/lifecycle.h"
#include "agent/operate.h"
#include "agent/plugins.h"
#include "agent/policy.h"
#include "agent/steps.h"
#include "agent/store-certificate.h"
#include "agent/store-crl.h"
#include "agent/turn.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/sealed.h"
#include "lib/util.h"

#define PLACES_MAX (GW_CRL_ENTRIES_MAX * GW_CRL_PLACE_LEN)

/* Under examination. */
struct list {
	uint64_t number; /* of the question; 0: free */
	int fd;
	char who[GW_ID_MAX + 1];
	char command[GW_ID_MAX + 1]; /* that brought it; empty: a caller on the bus */
	uint64_t seq;
};

struct revocation {
	struct list lists[REVOCATION_LISTS_MAX];
	uint64_t last_number;
	char held[GW_ID_MAX + 1]; /* the command for which .. */
	int held_fd;              /* .. this is held */
};

static void list_done(struct list *list)
{
	gw_closep(&list->fd);
	*list = (struct list){ .fd = -1 };
}

static struct list *find_list(struct revocation *revocation, uint64_t number)
{
	for (size_t i = 0; i < REVOCATION_LISTS_MAX; i++)
		if (revocation->lists[i].number == number)
			return &revocation->lists[i];
	return NULL;
}

static bool is_examined(const struct revocation *revocation, const char *command)
{
	for (size_t i = 0; i < REVOCATION_LISTS_MAX; i++)
		if (revocation->lists[i].number && gw_streq(revocation->lists[i].command, command))
			return true;
	return false;
}

/* --- lists that come --- */

static void ask(struct list *list, struct plugin *registrar)
{
	char id[24];
	struct gw_msg msg = { .type = GW_MSG_CRL, .crl = { id } };

	(void)snprintf(id, sizeof(id), "%llu", (unsigned long long)list->number);
	plugin_send(registrar, &msg, list->fd);
}

/* The descriptor is the list's from here on, or nobody's. */
static struct list *begin(struct agent *agent, const char *who, int *fd)
{
	struct list *list = find_list(agent->revocation, 0);

	if (!list)
		return NULL;
	list->number = ++agent->revocation->last_number;
	list->fd = TAKE_FD(*fd);
	(void)gw_copy(list->who, sizeof(list->who), who);
	return list;
}

int revocation_hold(struct agent *agent, const struct gw_msg_crl *msg, int *fd)
{
	struct revocation *revocation = agent->revocation;
	size_t len;

	if (gw_sealed_check(*fd, GW_CRL_MAX, &len) < 0)
		return -EBADMSG;
	gw_closep(&revocation->held_fd);
	revocation->held_fd = TAKE_FD(*fd);
	(void)gw_copy(revocation->held, sizeof(revocation->held), msg->id);
	return 0;
}

enum gw_reason revocation_take_command(struct agent *agent, const struct gw_msg_command *command)
{
	struct revocation *revocation = agent->revocation;
	_cleanup_close_ int fd = -1;
	struct list *list;

	if (revocation->held_fd >= 0 && gw_streq(revocation->held, command->id))
		fd = TAKE_FD(revocation->held_fd);
	if (is_examined(revocation, command->id))
		return GW_REASON_ASKING;
	if (fd < 0)
		return GW_REASON_BAD_MESSAGE;

	list = begin(agent, "cloud", &fd);
	if (!list)
		return GW_REASON_ASKING; /* there is no room yet: it is repeated */
	(void)gw_copy(list->command, sizeof(list->command), command->id);
	list->seq = command->seq;
	ask(list, plugins_find(agent->plugins, GW_ROLE_REGISTRAR));
	return GW_REASON_ASKING;
}

int revocation_take(struct agent *agent, const char *who, struct gw_blob der, uint64_t *ret_number)
{
	struct plugin *registrar = plugins_find(agent->plugins, GW_ROLE_REGISTRAR);
	_cleanup_close_ int copy = -1;
	struct list *list;
	int r;

	if (!registrar)
		return -ENOTCONN;
	copy = gw_sealed_make("crl", der);
	if (copy < 0)
		return copy;
	r = turn_open(agent->turn); /* what is sent leaves with it */
	if (r < 0)
		return r;
	list = begin(agent, who, &copy);
	if (!list)
		return -EBUSY;
	ask(list, registrar);
	*ret_number = list->number;
	return 0;
}

/* --- the registrar --- */

void revocation_brief(struct agent *agent, struct plugin *registrar)
{
	for (size_t i = 0; i < REVOCATION_LISTS_MAX; i++)
		if (agent->revocation->lists[i].number)
			ask(&agent->revocation->lists[i], registrar);
}

/* A list is done with: whoever brought it hears of it. */
static int answer(struct agent *agent, struct list *list, const struct revocation_verdict *verdict)
{
	int r = 0;

	if (*list->command)
		r = command_answer_late(agent, list->command, list->seq, verdict->reason);
	else
		bus_revocation_tell(agent, list->number, verdict);
	list_done(list);
	return r;
}

void revocation_lost(struct agent *agent)
{
	const struct revocation_verdict verdict = { .reason = GW_REASON_LINK_LOST, .text = "" };

	for (size_t i = 0; i < REVOCATION_LISTS_MAX; i++) {
		struct list *list = &agent->revocation->lists[i];

		if (list->number && !*list->command)
			(void)answer(agent, list, &verdict);
	}
}

/* --- what is on a list --- */

/* The serial numbers of a list: where they stand the registrar says. -EBADMSG: they do not stand there. */
static int read_places(struct gw_blob der, struct gw_blob places, struct gw_blob *serials)
{
	size_t n = places.len / GW_CRL_PLACE_LEN;

	if (places.len % GW_CRL_PLACE_LEN)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *place = places.data + i * GW_CRL_PLACE_LEN;
		uint32_t offset;
		size_t len = place[sizeof(offset)];

		memcpy(&offset, place, sizeof(offset));
		offset = be32toh(offset);
		if (len < 1 || len > GW_SERIAL_MAX || offset > der.len || len > der.len - offset)
			return -EBADMSG;
		serials[i] = (struct gw_blob){ der.data + offset, len };
	}
	return 0;
}

/* As a command would. */
static int revoke_holder(struct agent *agent, const char *device, const char *who, unsigned *n)
{
	const struct operate_wish wish = {
		.event = DEVICE_EVENT_REVOKE,
		.device = device,
		.who = who,
		.reason = gw_reason_code(GW_REASON_CERTIFICATE_REVOKED),
	};
	enum gw_reason reason;
	int r = operate_device(agent, &wish, &reason);

	if (r >= 0 && reason == GW_REASON_NONE)
		++*n;
	return r;
}

static int revoke_holders(struct agent *agent, const struct crl_record *record, const char *who,
			  const struct gw_blob *serials, size_t n, unsigned *ret_n)
{
	char device[GW_ID_MAX + 1];
	int r = 0;

	*ret_n = 0;
	for (size_t i = 0; i < n && r >= 0; i++) {
		r = store_certificate_holder(agent->store, GW_BLOB_ARRAY(record->issuer),
					     serials[i], device);
		if (r >= 0)
			r = revoke_holder(agent, device, who, ret_n);
		else if (r == -ENOENT)
			r = 0;
	}
	return r;
}

static void tell_taken(struct agent *agent, const struct list *list,
		       const struct revocation_verdict *verdict)
{
	const struct crl_record *record = verdict->record;
	char what[CRL_DESCRIPTION_MAX + 1], detail[GW_TEXT_MAX + 1];

	crl_watch_describe(record, what);
	(void)snprintf(detail, sizeof(detail), "%s: %llu certificates, %u devices revoked", what,
		       (unsigned long long)record->n_entries, verdict->n_revoked);
	lifecycle_record(agent, "crl", "", list->who, "", detail);
	gw_log_tagged(GW_LOG_NOTICE,
		      GW_LOG_TAGS(.event = GW_EVENT_REVOCATION_LIST_TAKEN, .who = list->who),
		      "A revocation list of %s is taken", detail);
}

static int put_on_record(struct agent *agent, const struct list *list, struct crl_record *record,
			 struct gw_blob *serials, size_t n, struct revocation_verdict *verdict)
{
	bool was_stale = record->is_stale;
	size_t n_new = 0;
	int r;

	record->is_stale = false; /* due.c looks at once */
	record->received = clock_stamp_s(&agent->clock);
	record->n_entries = n;
	r = store_crl_put(agent->store, record);
	if (r >= 0)
		r = store_crl_set_serials(agent->store, record->id, serials, n, &n_new);
	if (r >= 0)
		r = revoke_holders(agent, record, list->who, serials, n_new, &verdict->n_revoked);
	if (r < 0)
		return r;

	turn_step(agent->turn, STEP_CRL);
	tell_taken(agent, list, verdict);
	crl_watch_open_doors(agent, was_stale);
	return 0;
}

/* --- the verdict --- */

/* What the registrar has looked at. */
struct checked {
	const struct gw_msg_crl_checked *msg;
	struct gw_blob der, places;
	uint8_t hash[GW_HASH_LEN]; /* of the list */
};

static void fill_record(const struct checked *checked, struct crl_record *record)
{
	const struct gw_msg_crl_checked *msg = checked->msg;

	memcpy(record->issuer, msg->issuer.data, GW_HASH_LEN);
	memcpy(record->hash, checked->hash, GW_HASH_LEN);
	(void)gw_copy(record->name, sizeof(record->name), msg->text);
	memcpy(record->number, msg->number.data, msg->number.len);
	record->number_len = msg->number.len;
	record->this_update = msg->this_update;
	record->next_update = msg->next_update;
}

/* Without leading zeros, the longer number is the greater. */
static int compare_numbers(const struct gw_msg_crl_checked *msg, const struct crl_record *record)
{
	if (msg->number.len != record->number_len)
		return msg->number.len < record->number_len ? -1 : 1;
	return memcmp(msg->number.data, record->number, record->number_len);
}

static int refuse(struct agent *agent, struct list *list, struct revocation_verdict *verdict)
{
	const char *code = gw_reason_code(verdict->reason);
	char what[CRL_DESCRIPTION_MAX + 1] = "";

	if (verdict->record)
		crl_watch_describe(verdict->record, what);
	gw_log_tagged(GW_LOG_WARNING,
		      GW_LOG_TAGS(.event = GW_EVENT_REVOCATION_LIST_REFUSED, .who = list->who,
				  .reason = code),
		      "A revocation list is not taken (%s): %s%s", code, what, verdict->text);
	lifecycle_record_often(agent, "crl-refused", "", list->who, code,
			       *what ? what : verdict->text);
	return answer(agent, list, verdict);
}

static int take(struct agent *agent, struct list *list, const struct checked *checked,
		struct crl_record *record, struct revocation_verdict *verdict)
{
	size_t n = checked->places.len / GW_CRL_PLACE_LEN;
	_cleanup_free_ struct gw_blob *serials = calloc(n + 1, sizeof(*serials));
	int r = serials ? read_places(checked->der, checked->places, serials) : -ENOMEM;

	if (r >= 0)
		r = put_on_record(agent, list, record, serials, n, verdict);
	return r < 0 ? r : answer(agent, list, verdict);
}

/* Into `record` what is on record of that issuer. */
static int find_predecessor(struct agent *agent, const struct checked *checked,
			    struct crl_record *record, struct policy_list_facts *facts)
{
	int r = store_crl_get(agent->store, checked->msg->issuer, record);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	facts->on_record = true;
	facts->compared = compare_numbers(checked->msg, record);
	facts->is_same = memcmp(checked->hash, record->hash, sizeof(record->hash)) == 0;
	return 0;
}

static int judge(struct agent *agent, struct list *list, const struct checked *checked)
{
	const struct gw_msg_crl_checked *msg = checked->msg;
	struct policy_list_facts facts = {
		.is_signed = msg->ok,
		.this_update = msg->this_update,
		.now = clock_now_s(&agent->clock),
		.clock_trusted = clock_is_trusted(&agent->clock),
	};
	struct crl_record record = { 0 };
	struct revocation_verdict verdict = { .text = msg->ok ? "" : msg->text };
	enum policy_list what;
	int r;

	if (msg->ok) {
		verdict.record = &record;
		r = find_predecessor(agent, checked, &record, &facts);
		if (r < 0)
			return r;
	}
	what = policy_list(&facts, &verdict.reason);
	if (what == POLICY_LIST_UNCHANGED)
		return answer(agent, list, &verdict);
	if (msg->ok)
		fill_record(checked, &record);
	if (what == POLICY_LIST_REFUSED)
		return refuse(agent, list, &verdict);
	return take(agent, list, checked, &record, &verdict);
}

static bool is_well_formed(const struct gw_msg_crl_checked *msg)
{
	return !msg->ok || (msg->issuer.len == GW_HASH_LEN && msg->number.len > 0 &&
			    msg->next_update >= msg->this_update);
}

int revocation_take_checked(struct agent *agent, const struct gw_msg_crl_checked *msg, int fd)
{
	_cleanup_free_ uint8_t *der = NULL, *places = NULL;
	struct checked checked = { .msg = msg };
	struct list *list;
	uint64_t number;
	int r;

	if (gw_parse_u64(msg->id, 1, UINT64_MAX, &number) < 0 || !is_well_formed(msg))
		return -EBADMSG;
	list = find_list(agent->revocation, number);
	if (!list)
		return -ENOENT;

	r = gw_sealed_read(fd, PLACES_MAX, &places, &checked.places.len);
	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	r = gw_sealed_read(list->fd, GW_CRL_MAX, &der, &checked.der.len);
	if (r < 0)
		return r;
	checked.places.data = places;
	checked.der.data = der;
	r = gw_sha256(checked.der, checked.hash);
	if (r >= 0)
		r = turn_open(agent->turn);
	return r < 0 ? r : judge(agent, list, &checked);
}

/* --- life --- */

int revocation_new(struct revocation **ret)
{
	struct revocation *revocation = calloc(1, sizeof(*revocation));

	if (!revocation)
		return -ENOMEM;
	revocation->held_fd = -1;
	for (size_t i = 0; i < REVOCATION_LISTS_MAX; i++)
		revocation->lists[i].fd = -1;
	*ret = revocation;
	return 0;
}

struct revocation *revocation_free(struct revocation *revocation)
{
	if (!revocation)
		return NULL;
	for (size_t i = 0; i < REVOCATION_LISTS_MAX; i++)
		list_done(&revocation->lists[i]);
	gw_closep(&revocation->held_fd);
	free(revocation);
	return NULL;
}
