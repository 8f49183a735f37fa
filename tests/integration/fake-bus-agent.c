/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent's side of the D-Bus interface with nothing behind it, for tests of gangwayctl: answers
 * that a real agent seldom gives are one option or one odd device id away. The label ERR:LIMIT is
 * refused with org.gangway1.Error.Limit, and so for each reason; ERR:DENIED, ERR:HOSTILE,
 * ERR:SILENT and ERR:DIE as their names say. What a claim asked for comes back in the device's
 * properties.  fake-bus-agent [--devices N] [--ghost] [--broken-audit] [--stuck-audit] [--records N]
 * [--jobs N] [--mute]
 */
#include <ctype.h>
#include <stdio.h>
#include <sys/mman.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "lib/label.h"
#include "lib/reason.h"
#include "lib/util.h"

#define NAME        "org.gangway1"
#define PATH        "/org/gangway1"
#define DEVICE_PATH "/org/gangway1/device"
#define DEVICES_MAX 5000

struct device {
	char id[65], state[16], reason[32], tenant[65], address[80], payload[600], model[16];
	uint64_t last_seen, claim_expires;
};

static struct device devices[DEVICES_MAX];
static size_t n_devices;
static bool ghost, broken_audit, mute, stuck_audit;
static unsigned long long n_records; /* 0: the two that are written out */
static unsigned long long n_jobs = 2;
static unsigned long long n_busy; /* calls of ListJobsAfter that are refused first */

static struct device *find_device(const char *id)
{
	for (size_t i = 0; i < n_devices; i++)
		if (gw_streq(devices[i].id, id))
			return &devices[i];
	return NULL;
}

static struct device *add_device(const char *id, const char *state)
{
	struct device *device = &devices[n_devices++];

	if (n_devices == DEVICES_MAX)
		abort();
	(void)gw_copy(device->id, sizeof(device->id), id);
	(void)gw_copy(device->state, sizeof(device->state), state);
	(void)gw_copy(device->tenant, sizeof(device->tenant), "default");
	return device;
}

static void path_of(const char *id, char path[static 256])
{
	_cleanup_free_ char *encoded = NULL;

	if (sd_bus_path_encode(DEVICE_PATH, id, &encoded) < 0)
		abort();
	(void)gw_copy(path, 256, encoded);
}

static int fail_with_reason(sd_bus_error *ret_error, enum gw_reason reason)
{
	char name[128];

	gw_reason_error_name(gw_reason_code(reason), name, sizeof(name));
	return sd_bus_error_set(ret_error, name, gw_reason_text(reason));
}

static int fail_as_asked(sd_bus_error *ret_error, const char *asked)
{
	enum gw_reason reason;
	char code[64];

	if (gw_streq(asked, "DENIED"))
		return sd_bus_error_set(ret_error, SD_BUS_ERROR_ACCESS_DENIED, "policy");
	if (gw_streq(asked, "HOSTILE"))
		return sd_bus_error_set(ret_error, "org.gangway1.Error.CloudRefused",
					"\033[2Jcloud\nsays \xc3\xa9");
	if (gw_streq(asked, "SILENT"))
		return sd_bus_error_set(ret_error, "org.gangway1.Error.Limit", "");
	if (gw_streq(asked, "FUTURE"))
		return sd_bus_error_set(ret_error, "org.gangway1.Error.NotYetInvented", "Wait.");
	if (gw_streq(asked, "DIE"))
		exit(EXIT_SUCCESS);

	(void)gw_copy(code, sizeof(code), asked);
	for (char *c = code; *c; c++)
		*c = (char)tolower(*c);
	if (gw_reason_from_code(code, &reason) < 0)
		return sd_bus_error_set(ret_error, "org.example.Odd", "no such reason");
	return fail_with_reason(ret_error, reason);
}

static int emit_change(sd_bus_message *m, const struct device *device, const char *from)
{
	char path[256];

	path_of(device->id, path);
	return sd_bus_emit_signal(sd_bus_message_get_bus(m), PATH, NAME ".Manager", "StateChanged",
				  "ossss", path, device->id, from, device->state, device->reason);
}

static int read_claim_options(sd_bus_message *m, struct device *device)
{
	const char *key, *tenant;
	int r, replace;

	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read(m, "s", &key);
		if (r >= 0 && gw_streq(key, "tenant")) {
			r = sd_bus_message_read(m, "v", "s", &tenant);
			if (r >= 0)
				(void)gw_copy(device->tenant, sizeof(device->tenant), tenant);
		} else if (r >= 0 && gw_streq(key, "expires")) {
			r = sd_bus_message_read(m, "v", "t", &device->claim_expires);
		} else if (r >= 0 && gw_streq(key, "replace")) {
			r = sd_bus_message_read(m, "v", "b", &replace);
			if (r >= 0 && replace)
				(void)gw_copy(device->model, sizeof(device->model), "replaced");
		} else if (r >= 0) {
			r = -EINVAL;
		}
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r;
}

static int method_claim(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	struct gw_label label = { 0 };
	const char *payload, *why;
	struct device *device;
	char path[256], from[16] = "";
	int r;

	r = sd_bus_message_read(m, "s", &payload);
	if (r < 0)
		return r;
	if (gw_label_parse(payload, &label, &why) < 0)
		return fail_with_reason(ret_error, GW_REASON_BAD_LABEL);
	if (strncmp(label.id, "ERR:", 4) == 0)
		return fail_as_asked(ret_error, label.id + 4);

	device = find_device(label.id);
	if (device)
		(void)gw_copy(from, sizeof(from), device->state);
	else
		device = add_device(label.id, "claimed");
	(void)gw_copy(device->state, sizeof(device->state), "claimed");
	(void)gw_copy(device->payload, sizeof(device->payload), payload);
	r = read_claim_options(m, device);
	if (r < 0)
		return r;

	r = emit_change(m, device, from);
	if (r < 0)
		return r;
	path_of(label.id, path);
	return sd_bus_reply_method_return(m, "o", path);
}

static int method_withdraw(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	struct device *device;
	const char *id;
	int r;

	r = sd_bus_message_read(m, "s", &id);
	if (r < 0)
		return r;
	device = find_device(id);
	if (!device)
		return fail_with_reason(ret_error, GW_REASON_NOT_FOUND);
	if (!gw_streq(device->state, "claimed"))
		return fail_with_reason(ret_error, GW_REASON_NO_CLAIM);

	(void)gw_copy(device->state, sizeof(device->state), "rejected");
	(void)gw_copy(device->reason, sizeof(device->reason), "withdrawn");
	r = emit_change(m, device, "claimed");
	return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int method_get_device(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	const char *id;
	char path[256];
	int r;

	r = sd_bus_message_read(m, "s", &id);
	if (r < 0)
		return r;
	if (!find_device(id) && !(ghost && gw_streq(id, "GHOST")))
		return fail_with_reason(ret_error, GW_REASON_NOT_FOUND);
	path_of(id, path);
	return sd_bus_reply_method_return(m, "o", path);
}

static int read_filter(sd_bus_message *m, const char **ret_state, const char **ret_tenant)
{
	const char *key, *value;
	int r;

	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read(m, "sv", &key, "s", &value);
		if (r >= 0)
			*(gw_streq(key, "state") ? ret_state : ret_tenant) = value;
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static bool device_matches(const struct device *device, const char *state, const char *tenant)
{
	return (!state || gw_streq(device->state, state)) &&
	       (!tenant || gw_streq(device->tenant, tenant));
}

static int append_device(sd_bus_message *reply, const char *id, const char *state)
{
	char path[256];

	path_of(id, path);
	return sd_bus_message_append(reply, "(oss)", path, id, state);
}

/* Devices lie in the order of their ids here. */
static int method_list_devices(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	const char *state = NULL, *tenant = NULL, *after;
	uint32_t limit;
	int r;

	r = read_filter(m, &state, &tenant);
	if (r >= 0)
		r = sd_bus_message_read(m, "su", &after, &limit);
	if (r < 0)
		return r;
	if (limit < 1 || limit > 1000)
		return sd_bus_error_set(ret_error, SD_BUS_ERROR_INVALID_ARGS, "limit is 1 to 1000");

	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(oss)");
	for (size_t i = 0; r >= 0 && limit && i < n_devices; i++) {
		if (strcmp(devices[i].id, after) <= 0 ||
		    !device_matches(&devices[i], state, tenant))
			continue;
		r = append_device(reply, devices[i].id, devices[i].state);
		limit--;
	}
	if (r >= 0 && ghost && limit && strcmp("GHOST", after) > 0)
		r = append_device(reply, "GHOST", "discovered");
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* The order of a job is its number. */
static int append_jobs(sd_bus_message *reply, uint64_t after, uint32_t limit)
{
	int r = 0;

	for (uint64_t n = after + 1; n <= n_jobs && n <= after + limit && r >= 0; n++) {
		char id[24], device[24];

		(void)snprintf(id, sizeof(id), "J%llu", (unsigned long long)n);
		(void)snprintf(device, sizeof(device), "DEV-%05llu", (unsigned long long)n);
		r = n == 1 ? sd_bus_message_append(reply, "(ssssuttts)", id, "enroll", device,
						   "waiting", 3, UINT64_C(1800000000),
						   UINT64_C(1800000060), n, "busy")
			   : sd_bus_message_append(reply, "(ssssuttts)", id, "proved", device,
						   "sent", 1, UINT64_C(1800000000) + n - 1,
						   UINT64_C(0), n, "");
	}
	return r;
}

static int method_list_jobs_after(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	uint64_t after;
	uint32_t limit;
	int r;

	if (n_busy > 0) {
		n_busy--;
		return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_LIMITS_EXCEEDED,
						  "Too many calls wait");
	}
	r = sd_bus_message_read(m, "tu", &after, &limit);
	if (r >= 0)
		r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(ssssuttts)");
	if (r >= 0)
		r = append_jobs(reply, after, limit);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* Three at a time, as an agent with more than fits would. */
static int write_records(int fd, uint64_t from)
{
	uint64_t last = GW_MIN(from + 2, n_records);

	for (uint64_t n = GW_MAX(from, 1u); n <= last; n++)
		if (dprintf(fd, "{\"n\":%llu,\"time\":1800000000,\"event\":\"e\"}\n",
			    (unsigned long long)n) < 0)
			return -errno;
	return 0;
}

static int method_read_audit(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	static const char *const records[] = {
		"{\"n\":1,\"time\":1800000000,\"event\":\"start\",\"device\":\"\",\"who\":"
		"\"gangwayd\","
		"\"reason\":\"\",\"detail\":\"\",\"mac\":\"aa\"}\n",
		"{\"n\":2,\"time\":1800000001,\"event\":\"claim\",\"device\":\"DEV-00001\",\"who\":"
		"\"uid "
		"1000\",\"reason\":\"\",\"detail\":\"\\u001b[2J\",\"mac\":\"bb\"}\n",
	};
	_cleanup_close_ int fd = memfd_create("records", MFD_CLOEXEC);
	uint64_t from;
	int r;

	r = sd_bus_message_read(m, "t", &from);
	if (r < 0)
		return r;
	if (stuck_audit)
		from = 0;
	if (n_records && (r = write_records(fd, from)) < 0)
		return r;
	for (size_t i = from > 1 ? 1 : 0; !n_records && i < GW_ELEMENTS(records) && from <= 2; i++)
		if (write(fd, records[i], strlen(records[i])) < 0)
			return -errno;
	return sd_bus_reply_method_return(m, "h", fd);
}

static int method_verify_audit(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	if (broken_audit)
		return sd_bus_reply_method_return(m, "bts", 0, UINT64_C(17), "a record is missing");
	return sd_bus_reply_method_return(m, "bts", 1, UINT64_C(0), "");
}

static int property_counts(sd_bus *bus, const char *path, const char *interface,
			   const char *property, sd_bus_message *reply, void *userdata,
			   sd_bus_error *ret_error)
{
	return sd_bus_message_append(reply, "a{su}", 3, "claimed", 3, "discovered", 0, "onboarded",
				     9);
}

static int property_plugins(sd_bus *bus, const char *path, const char *interface,
			    const char *property, sd_bus_message *reply, void *userdata,
			    sd_bus_error *ret_error)
{
	return sd_bus_message_append(reply, "a(ssssbs)", 2, "registrar", "registrar", "0.1.0",
				     "wolfSSL 5.7.2", 1, "", "ip", "transport", "0.1.0", "", 0,
				     "no interface is up");
}

static int property_text(sd_bus *bus, const char *path, const char *interface, const char *property,
			 sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	static const char *const texts[][2] = {
		{ "Version", "0.1.0" },      { "GatewayId", "gw-1" },
		{ "State", "running" },      { "StateText", "" },
		{ "CloudState", "offline" }, { "CloudText", "the broker does not answer" },
	};

	for (size_t i = 0; i < GW_ELEMENTS(texts); i++)
		if (gw_streq(texts[i][0], property))
			return sd_bus_message_append(reply, "s", texts[i][1]);
	abort();
}

static int property_number(sd_bus *bus, const char *path, const char *interface,
			   const char *property, sd_bus_message *reply, void *userdata,
			   sd_bus_error *ret_error)
{
	if (gw_streq(property, "ClockTrusted"))
		return sd_bus_message_append(reply, "b", 1);
	return sd_bus_message_append(reply, "u", 2);
}

static int property_device_text(sd_bus *bus, const char *path, const char *interface,
				const char *property, sd_bus_message *reply, void *userdata,
				sd_bus_error *ret_error)
{
	const struct device *device = userdata;
	const char *const texts[][2] = {
		{ "Id", device->id },
		{ "State", device->state },
		{ "Reason", device->reason },
		{ "ReasonText", "" },
		{ "Method", "qr" },
		{ "Tenant", device->tenant },
		{ "Transport", "ip" },
		{ "Address", device->address },
		{ "Vendor", device->payload },
		{ "Model", device->model },
		{ "Fingerprint", "" },
		{ "ClaimedBy", "uid 0" },
	};

	for (size_t i = 0; i < GW_ELEMENTS(texts); i++)
		if (gw_streq(texts[i][0], property))
			return sd_bus_message_append(reply, "s", texts[i][1]);
	abort();
}

static int property_device_time(sd_bus *bus, const char *path, const char *interface,
				const char *property, sd_bus_message *reply, void *userdata,
				sd_bus_error *ret_error)
{
	const struct device *device = userdata;
	uint64_t time = gw_streq(property, "LastSeen")       ? device->last_seen
			: gw_streq(property, "ClaimExpires") ? device->claim_expires
							     : 0;

	return sd_bus_message_append(reply, "t", time);
}

static const sd_bus_vtable manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Claim", "sa{sv}", "o", method_claim,
		      SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
	SD_BUS_METHOD("Withdraw", "s", "", method_withdraw, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("GetDevice", "s", "o", method_get_device, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("ListDevices", "a{sv}su", "a(oss)", method_list_devices,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("ListJobsAfter", "tu", "a(ssssuttts)", method_list_jobs_after,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("ReadAudit", "t", "h", method_read_audit, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("VerifyAudit", "", "bts", method_verify_audit, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL("StateChanged", "ossss", 0),
	SD_BUS_PROPERTY("Version", "s", property_text, 0, 0),
	SD_BUS_PROPERTY("GatewayId", "s", property_text, 0, 0),
	SD_BUS_PROPERTY("State", "s", property_text, 0, 0),
	SD_BUS_PROPERTY("StateText", "s", property_text, 0, 0),
	SD_BUS_PROPERTY("CloudState", "s", property_text, 0, 0),
	SD_BUS_PROPERTY("CloudText", "s", property_text, 0, 0),
	SD_BUS_PROPERTY("ClockTrusted", "b", property_number, 0, 0),
	SD_BUS_PROPERTY("Counts", "a{su}", property_counts, 0, 0),
	SD_BUS_PROPERTY("Renewals", "a{su}", property_counts, 0, 0),
	SD_BUS_PROPERTY("JobsWaiting", "u", property_number, 0, 0),
	SD_BUS_PROPERTY("Plugins", "a(ssssbs)", property_plugins, 0, 0),
	SD_BUS_VTABLE_END,
};

static const sd_bus_vtable device_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Id", "s", property_device_text, 0, 0),
	SD_BUS_PROPERTY("State", "s", property_device_text, 0, 0),
	SD_BUS_PROPERTY("Reason", "s", property_device_text, 0, 0),
	SD_BUS_PROPERTY("ReasonText", "s", property_device_text, 0, 0),
	SD_BUS_PROPERTY("Method", "s", property_device_text, 0, 0),
	SD_BUS_PROPERTY("Tenant", "s", property_device_text, 0, 0),
	SD_BUS_PROPERTY("Transport", "s", property_device_text, 0, 0),
	SD_BUS_PROPERTY("Address", "s", property_device_text, 0, 0),
	SD_BUS_PROPERTY("Vendor", "s", property_device_text, 0, 0),
	SD_BUS_PROPERTY("Model", "s", property_device_text, 0, 0),
	SD_BUS_PROPERTY("Fingerprint", "s", property_device_text, 0, 0),
	SD_BUS_PROPERTY("NotAfter", "t", property_device_time, 0, 0),
	SD_BUS_PROPERTY("LastSeen", "t", property_device_time, 0, 0),
	SD_BUS_PROPERTY("ClaimedBy", "s", property_device_text, 0, 0),
	SD_BUS_PROPERTY("ClaimExpires", "t", property_device_time, 0, 0),
	SD_BUS_VTABLE_END,
};

/* An agent of another age: it is there, and knows nothing of what it is asked. */
static const sd_bus_vtable mute_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_VTABLE_END,
};

static int on_find_device(sd_bus *bus, const char *path, const char *interface, void *userdata,
			  void **ret_found, sd_bus_error *ret_error)
{
	_cleanup_free_ char *id = NULL;
	int r;

	r = sd_bus_path_decode(path, DEVICE_PATH, &id);
	if (r <= 0)
		return r;
	*ret_found = find_device(id);
	return *ret_found != NULL;
}

static void make_devices(size_t n)
{
	static const char *const states[] = { "claimed", "onboarded", "discovered" };

	for (size_t i = 0; i < n; i++) {
		struct device *device;
		char id[32];

		(void)snprintf(id, sizeof(id), "DEV-%05zu", i + 1);
		device = add_device(id, states[i % GW_ELEMENTS(states)]);
		(void)snprintf(device->address, sizeof(device->address), "192.0.2.1:\t%zu", i);
		device->last_seen = 1800000000 + i;
	}
}

static void read_options(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++) {
		if (gw_streq(argv[i], "--ghost"))
			ghost = true;
		else if (gw_streq(argv[i], "--broken-audit"))
			broken_audit = true;
		else if (gw_streq(argv[i], "--stuck-audit"))
			stuck_audit = true;
		else if (gw_streq(argv[i], "--records") && i + 1 < argc)
			n_records = strtoull(argv[++i], NULL, 10);
		else if (gw_streq(argv[i], "--jobs") && i + 1 < argc)
			n_jobs = strtoull(argv[++i], NULL, 10);
		else if (gw_streq(argv[i], "--busy") && i + 1 < argc)
			n_busy = strtoull(argv[++i], NULL, 10);
		else if (gw_streq(argv[i], "--mute"))
			mute = true;
		else if (gw_streq(argv[i], "--devices") && i + 1 < argc)
			make_devices((size_t)atoi(argv[++i]));
		else
			exit(2);
	}
}

static int add_objects(sd_bus *bus)
{
	int r;

	r = sd_bus_add_object_vtable(bus, NULL, PATH, NAME ".Manager",
				     mute ? mute_vtable : manager_vtable, NULL);
	if (r >= 0)
		r = sd_bus_add_fallback_vtable(bus, NULL, DEVICE_PATH, NAME ".Device",
					       device_vtable, on_find_device, NULL);
	return r;
}

int main(int argc, char *argv[])
{
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	int r;

	read_options(argc, argv);
	r = sd_event_default(&event);
	if (r >= 0)
		r = sd_bus_open_system(&bus);
	if (r >= 0)
		r = sd_bus_set_exit_on_disconnect(bus, /* b= */ true);
	if (r >= 0)
		r = add_objects(bus);
	if (r >= 0)
		r = sd_bus_request_name(bus, NAME, 0);
	if (r >= 0)
		r = sd_bus_attach_event(bus, event, 0);
	if (r >= 0 && (puts("ready") < 0 || fflush(stdout) != 0))
		r = -errno;
	if (r >= 0)
		r = sd_event_loop(event);
	if (r < 0)
		(void)fprintf(stderr, "fake-bus-agent: %s\n", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
