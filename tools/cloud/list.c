/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `list`: the registry for people (tables) and for programs (a list of flat objects). */
#include "tools/cloud/verb.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

#include "lib/json-text.h"
#include "lib/util.h"
#include "tools/cloud/home.h"
#include "tools/cloud/registry.h"

#define COLUMNS_MAX 8

/* A table, gone through twice: once to see how wide it is, once to print it. */
struct table {
	size_t n_columns;
	int widths[COLUMNS_MAX];
	bool measure;
};

static void table_row(struct table *table, const char *const *cells)
{
	for (size_t i = 0; i < table->n_columns; i++) {
		int len = (int)strlen(cells[i]);

		if (table->measure)
			table->widths[i] = GW_MAX(table->widths[i], len);
		else if (i + 1 < table->n_columns)
			(void)printf("%-*s  ", table->widths[i], cells[i]);
		else
			(void)printf("%s\n", cells[i]);
	}
}

static int row_certificate(const struct record *record, void *userdata)
{
	struct table *table = userdata;
	const char *cells[] = {
		record->device, record->gateway, certificate_state_name(record->state),
		record->claim,  record->serial,  record->reason
	};

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

static int print_object(json_t *object, void *userdata)
{
	bool *first = userdata;
	char *text = object ? gw_json_text(object) : NULL;

	json_decref(object);
	if (!text)
		return -ENOMEM;

	(void)printf("%s%s", *first ? "[" : ",\n ", text);
	*first = false;
	free(text);
	return 0;
}

static int json_certificate(const struct record *record, void *userdata)
{
	return print_object(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "device", record->device,
				      "gateway", record->gateway, "serial", record->serial, "state",
				      certificate_state_name(record->state), "claim", record->claim,
				      "key_sha256", record->key),
			    userdata);
}

static int json_command(const struct command *command, void *userdata)
{
	return print_object(
		json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:I}", "id", command->id,
			  "gateway", command->gateway, "seq", (json_int_t)command->seq, "kind",
			  command_kind_name(command->kind), "device", command->device, "claim",
			  command->claim, "state", command_state_name(command->state), "reason",
			  command->outcome, "made_at", (json_int_t)command->made_at),
		userdata);
}

static int list_json(struct registry *registry, bool commands)
{
	bool first = true;
	int r;

	r = commands ? registry_commands_each(registry, json_command, &first)
		     : registry_certificates_each(registry, json_certificate, &first);
	if (r < 0)
		return r;

	(void)puts(first ? "[]" : "]");
	return 0;
}

static int list_table(struct registry *registry, bool commands)
{
	static const char *const certificate_heads[] = { "DEVICE", "GATEWAY", "STATE",
							 "CLAIM",  "SERIAL",  "REASON" };
	static const char *const command_heads[] = { "DEVICE", "GATEWAY", "COMMAND", "CLAIM",
						     "SEQ",    "STATE",   "REASON" };
	struct table table = { .n_columns = commands ? GW_ELEMENTS(command_heads)
						     : GW_ELEMENTS(certificate_heads) };
	int r = 0;

	for (int round = 0; round < 2 && r >= 0; round++) {
		table.measure = round == 0;
		table_row(&table, commands ? command_heads : certificate_heads);
		r = commands ? registry_commands_each(registry, row_command, &table)
			     : registry_certificates_each(registry, row_certificate, &table);
	}
	return r;
}

int verb_list(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "commands", no_argument, NULL, 'c' },
		{ NULL },
	};
	_cleanup_(registry_freep) struct registry *registry = NULL;
	_cleanup_(home_close) struct home home = HOME_NONE;
	bool json = false, commands = false;
	const char *folder;
	char **none;
	int option, status, r;

	while ((option = getopt_long(argc, argv, "", options, /* longind= */ NULL)) >= 0) {
		if (option == 'j')
			json = true;
		else if (option == 'c')
			commands = true;
		else
			return VERB_MISUSE;
	}

	status = verb_arguments(argc, argv, 0, &folder, &none);
	if (status == VERB_DONE)
		status = verb_open(folder, &home, &registry);
	if (status != VERB_DONE)
		return status;

	r = json ? list_json(registry, commands) : list_table(registry, commands);
	if (r < 0)
		return verb_fail("%s/%s: %s", folder, HOME_REGISTRY, strerror(-r));
	return fflush(stdout) == 0 ? VERB_DONE : verb_fail("standard output: %s", strerror(errno));
}
