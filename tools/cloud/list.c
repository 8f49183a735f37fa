/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `list`: the registry for people (tables) and for programs (a list of flat objects). */
#include "tools/cloud/verb.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "lib/util.h"
#include "tools/cloud/home.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/table.h"

static int row_certificate(const struct record *record, void *userdata)
{
	struct table *table = userdata;
	const char *cells[] = { record->device,
				record->gateway,
				certificate_state_name(record->state),
				record->claim,
				record->serial,
				record->suspended && !*record->reason ? "suspended"
								      : record->reason };

	table_row(table, cells);
	return 0;
}

static int row_command(const struct command *command, void *userdata)
{
	struct table *table = userdata;
	char seq[24];
	const char *cells[] = { command->device,
				command->gateway,
				command_kind_name(command->kind),
				command->claim,
				seq,
				command_state_name(command->state),
				command->outcome };

	(void)snprintf(seq, sizeof(seq), "%llu", (unsigned long long)command->seq);
	table_row(table, cells);
	return 0;
}

static int row_gateway(const struct record *record, void *userdata)
{
	struct table *table = userdata;
	const char *cells[] = { record->gateway, certificate_state_name(record->state),
				record->claim, record->serial, record->reason };

	table_row(table, cells);
	return 0;
}

static const char *claim_standing_name(const struct gateway_claim *claim)
{
	if (claim->is_closed)
		return "closed";
	return claim->n_used < claim->uses ? "open" : "used-up";
}

static int row_claim(const struct gateway_claim *claim, void *userdata)
{
	struct table *table = userdata;
	char used[48], listed[24], expires[24];
	const char *cells[] = { claim->name, used, listed, expires, claim_standing_name(claim) };

	(void)snprintf(used, sizeof(used), "%" PRIu64 " of %" PRIu64, claim->n_used, claim->uses);
	(void)snprintf(listed, sizeof(listed), claim->is_listed ? "%" PRIu64 : "any",
		       claim->n_listed);
	(void)snprintf(expires, sizeof(expires), claim->expires ? "%" PRIu64 : "never",
		       claim->expires);
	table_row(table, cells);
	return 0;
}

/* `suspended` is said only where it is so. */
static int json_certificate(const struct record *record, void *userdata)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "device", record->device,
				   "gateway", record->gateway, "serial", record->serial, "state",
				   certificate_state_name(record->state), "claim", record->claim,
				   "key_sha256", record->key);

	if (object && record->suspended &&
	    json_object_set_new(object, "suspended", json_true()) < 0) {
		json_decref(object);
		object = NULL;
	}
	return table_object(object, userdata);
}

static int json_command(const struct command *command, void *userdata)
{
	return table_object(
		json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:I}", "id", command->id,
			  "gateway", command->gateway, "seq", (json_int_t)command->seq, "kind",
			  command_kind_name(command->kind), "device", command->device, "claim",
			  command->claim, "state", command_state_name(command->state), "reason",
			  command->outcome, "made_at", (json_int_t)command->made_at),
		userdata);
}

static int json_gateway(const struct record *record, void *userdata)
{
	return table_object(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "gateway",
				      record->gateway, "serial", record->serial, "state",
				      certificate_state_name(record->state), "claim", record->claim,
				      "reason", record->reason, "key_sha256", record->key,
				      "not_before", (json_int_t)record->not_before, "not_after",
				      (json_int_t)record->not_after),
			    userdata);
}

static int json_claim(const struct gateway_claim *claim, void *userdata)
{
	return table_object(
		json_pack("{s:s, s:I, s:I, s:b, s:I, s:I, s:s}", "name", claim->name, "uses",
			  (json_int_t)claim->uses, "used", (json_int_t)claim->n_used, "listed",
			  (int)claim->is_listed, "n_listed", (json_int_t)claim->n_listed, "expires",
			  (json_int_t)claim->expires, "state", claim_standing_name(claim)),
		userdata);
}

/* What can be listed. */
enum what {
	WHAT_CERTIFICATES,
	WHAT_COMMANDS,
	WHAT_GATEWAYS,
	WHAT_CLAIMS,
	_WHAT_MAX,
};

static int list_json(struct registry *registry, enum what what)
{
	bool first = true;
	int r = -EINVAL;

	switch (what) {
	case WHAT_CERTIFICATES:
		r = registry_certificates_each(registry, json_certificate, &first);
		break;
	case WHAT_COMMANDS: r = registry_commands_each(registry, json_command, &first); break;
	case WHAT_GATEWAYS:
		r = registry_gateway_certificates_each(registry, json_gateway, &first);
		break;
	case WHAT_CLAIMS: r = registry_gateway_claims_each(registry, json_claim, &first); break;
	case _WHAT_MAX: break;
	}
	if (r < 0)
		return r;

	(void)puts(first ? "[]" : "]");
	return 0;
}

static const char *const heads[_WHAT_MAX][TABLE_COLUMNS_MAX] = {
	[WHAT_CERTIFICATES] = { "DEVICE", "GATEWAY", "STATE", "CLAIM", "SERIAL", "REASON" },
	[WHAT_COMMANDS] = { "DEVICE", "GATEWAY", "COMMAND", "CLAIM", "SEQ", "STATE", "REASON" },
	[WHAT_GATEWAYS] = { "GATEWAY", "STATE", "CLAIM", "SERIAL", "REASON" },
	[WHAT_CLAIMS] = { "CLAIM", "USED", "LISTED", "EXPIRES", "STATE" },
};

static int list_rows(struct registry *registry, enum what what, struct table *table)
{
	switch (what) {
	case WHAT_CERTIFICATES: return registry_certificates_each(registry, row_certificate, table);
	case WHAT_COMMANDS: return registry_commands_each(registry, row_command, table);
	case WHAT_GATEWAYS: return registry_gateway_certificates_each(registry, row_gateway, table);
	case WHAT_CLAIMS: return registry_gateway_claims_each(registry, row_claim, table);
	case _WHAT_MAX: break;
	}
	return -EINVAL;
}

static int list_table(struct registry *registry, enum what what)
{
	struct table table = { .n_columns = 0 };
	int r = 0;

	while (table.n_columns < TABLE_COLUMNS_MAX && heads[what][table.n_columns])
		table.n_columns++;
	for (int round = 0; round < 2 && r >= 0; round++) {
		table.measure = round == 0;
		table_row(&table, heads[what]);
		r = list_rows(registry, what, &table);
	}
	return r;
}

int verb_list(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "commands", no_argument, NULL, WHAT_COMMANDS },
		{ "gateways", no_argument, NULL, WHAT_GATEWAYS },
		{ "claims", no_argument, NULL, WHAT_CLAIMS },
		{ NULL },
	};
	_cleanup_(registry_freep) struct registry *registry = NULL;
	_cleanup_(home_close) struct home home = HOME_NONE;
	enum what what = WHAT_CERTIFICATES;
	bool json = false;
	const char *folder;
	char **none;
	int option, status, r;

	while ((option = getopt_long(argc, argv, "", options, /* longind= */ NULL)) >= 0) {
		if (option == 'j')
			json = true;
		else if (option < _WHAT_MAX && what == WHAT_CERTIFICATES)
			what = (enum what)option;
		else if (option < _WHAT_MAX)
			return verb_misuse("list shows one thing at a time");
		else
			return VERB_MISUSE;
	}

	status = verb_arguments(argc, argv, 0, &folder, &none);
	if (status == VERB_DONE)
		status = verb_open(folder, &home, &registry);
	if (status != VERB_DONE)
		return status;

	r = json ? list_json(registry, what) : list_table(registry, what);
	if (r < 0)
		return verb_fail_file(folder, HOME_REGISTRY, r);
	return fflush(stdout) == 0 ? VERB_DONE : verb_fail("standard output: %s", strerror(errno));
}
