/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults are the answer that was asked for: they are printed, and only their number is an error. */
#include "tools/ctl/configuration.h"

#include <stdio.h>

#include "lib/util.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/values.h"

#define GIVEN "<given>"

static const char *const names[] = { "section", "key", "value", "default", "source", "live", NULL };

static void print_fault(const char *fault, const char *file)
{
	if (file && strncmp(fault, GIVEN, strlen(GIVEN)) == 0) {
		(void)printf("%s", file);
		fault += strlen(GIVEN);
	}
	for (; *fault; fault++)
		(void)putchar(*fault < ' ' || *fault > '~' ? '?' : *fault);
	(void)putchar('\n');
}

static void print_verdict(const json_t *faults)
{
	json_auto_t *verdict = json_object();

	(void)json_object_set_new(verdict, "valid", json_false());
	(void)json_object_set_new(verdict, "problems", json_deep_copy(faults));
	values_print(verdict, stdout);
}

int config_print_faults(struct ctl *ctl, const json_t *faults, const char *file)
{
	if (ctl->json)
		print_verdict(faults);
	for (size_t i = 0; !ctl->json && i < json_array_size(faults); i++)
		print_fault(json_string_value(json_array_get(faults, i)), file);
	return ctl_fail("the configuration is not valid; nothing has changed (bad-configuration)");
}

int config_print_fault_text(struct ctl *ctl, const char *text)
{
	json_auto_t *faults = json_array();

	while (*text) {
		size_t len = strcspn(text, "\n");

		(void)json_array_append_new(faults, json_stringn(text, len));
		text += len + (text[len] == '\n');
	}
	return config_print_faults(ctl, faults, /* file= */ NULL);
}

int config_list(struct ctl *ctl, const char *which, json_t **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	_cleanup_free_ char *faults = NULL;
	int r;

	r = bus_new_call(ctl, "ListSettings", &call);
	if (r != CTL_DONE)
		return r;
	r = sd_bus_message_append(call, "s", which);
	if (r < 0)
		return bus_fail(r);

	r = bus_call_or_text(ctl, call, "config", "bad-configuration", &reply, &faults);
	if (faults)
		return config_print_fault_text(ctl, faults);
	if (r != CTL_DONE)
		return r;
	r = values_read_rows(reply, names, ret);
	return r < 0 ? bus_fail(r) : CTL_DONE;
}

const json_t *config_find(const json_t *list, const json_t *setting)
{
	const json_t *other;
	size_t i;

	json_array_foreach(list, i, other) if (gw_streq(values_text(other, "section"),
							values_text(setting, "section")) &&
					       gw_streq(values_text(other, "key"),
							values_text(setting, "key"))) return other;
	return NULL;
}

void config_name(const json_t *setting, char *name, size_t size)
{
	(void)snprintf(name, size, "[%s] %s", values_text(setting, "section"),
		       values_text(setting, "key"));
}
