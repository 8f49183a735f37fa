/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * devices: one line for each. The agent hands out ids page by page, so that it never has to build a
 * message without bound; what there is to know of a device is asked for device by device. One that
 * goes away between the two is left out.
 */
#include <stdio.h>

#include "lib/util.h"
#include "tools/ctl/args.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/table.h"
#include "tools/ctl/values.h"
#include "tools/ctl/when.h"

#define PAGE 500

GW_DEFINE_CLEANUP(struct table *, table_free)

static const char *const page_names[] = { "device", "id", "state", NULL };

static int append_filter(sd_bus_message *call, const struct args *args)
{
	static const char *const keys[] = { "state", "tenant" };
	int r;

	r = sd_bus_message_open_container(call, 'a', "{sv}");
	for (size_t i = 0; r >= 0 && i < GW_ELEMENTS(keys); i++)
		if (args_has(args, keys[i]))
			r = sd_bus_message_append(call, "{sv}", keys[i], "s",
						  args_get(args, keys[i]));
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	return r;
}

static int get_page(struct ctl *ctl, const struct args *args, const char *after, json_t **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	int r;

	r = bus_new_call(ctl, "ListDevices", &call);
	if (r != CTL_DONE)
		return r;
	r = append_filter(call, args);
	if (r >= 0)
		r = sd_bus_message_append(call, "su", after, (uint32_t)PAGE);
	if (r < 0)
		return bus_fail(r);

	r = bus_call(ctl, call, "devices", &reply);
	if (r != CTL_DONE)
		return r;
	r = values_read_rows(reply, page_names, ret);
	return r < 0 ? bus_fail(r) : CTL_DONE;
}

/* Looks up each device of the page and puts it behind the others. */
static int add_page(struct ctl *ctl, const json_t *page, json_t *devices)
{
	const json_t *row;
	size_t i;

	json_array_foreach(page, i, row)
	{
		json_t *device = NULL;
		int r = bus_get_all(ctl, values_text(row, "device"), BUS_DEVICE, &device);

		if (r != CTL_DONE)
			return r;
		if (device && json_array_append_new(devices, device) < 0)
			return ctl_fail("%s", strerror(ENOMEM));
	}
	return CTL_DONE;
}

static int get_devices(struct ctl *ctl, const struct args *args, json_t **ret)
{
	json_auto_t *devices = json_array();
	char after[256] = "";
	size_t n;

	do {
		json_auto_t *page = NULL;
		int r = get_page(ctl, args, after, &page);

		if (r == CTL_DONE)
			r = add_page(ctl, page, devices);
		if (r != CTL_DONE)
			return r;

		n = json_array_size(page);
		if (n)
			(void)gw_copy(after, sizeof(after),
				      values_text(json_array_get(page, n - 1), "id"));
	} while (n == PAGE);

	*ret = TAKE_PTR(devices);
	return CTL_DONE;
}

static int print_table(const json_t *devices)
{
	static const char *const headings[] = { "ID",        "STATE",   "REASON",   "METHOD",
						"TRANSPORT", "ADDRESS", "LAST SEEN" };
	_cleanup_(table_freep) struct table *table = NULL;
	const json_t *device;
	size_t i;
	int r;

	r = table_new(headings, GW_ELEMENTS(headings), &table);
	json_array_foreach(devices, i, device)
	{
		char seen[WHEN_LEN];
		const char *cells[] = {
			values_text(device, "id"),
			values_text(device, "state"),
			values_text(device, "reason"),
			values_text(device, "method"),
			values_text(device, "transport"),
			values_text(device, "address"),
			seen,
		};

		when_format(values_number(device, "last_seen"), seen);
		if (r >= 0)
			r = table_add(table, cells);
	}
	if (r >= 0)
		table_print(table, stdout);
	return r < 0 ? ctl_fail("%s", strerror(-r)) : CTL_DONE;
}

static int run(struct ctl *ctl, const struct args *args)
{
	json_auto_t *devices = NULL;
	int r;

	r = get_devices(ctl, args, &devices);
	if (r != CTL_DONE)
		return r;
	if (!ctl->json)
		return print_table(devices);

	values_print(devices, stdout);
	return CTL_DONE;
}

static const struct args_option options[] = {
	{ "state", "STATE", "only those in this state" },
	{ "tenant", "TENANT", "only those of this tenant" },
	{ 0 },
};

const struct verb verb_devices = {
	.name = "devices",
	.synopsis = "",
	.summary = "Lists the devices, one a line",
	.help = "\nThose in state discovered have knocked or announced themselves; nobody has "
		"claimed them.\n"
		"Times are UTC. With --json: an array of what show --json prints.",
	.options = options,
	.run = run,
};
