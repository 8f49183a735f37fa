/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connection, replies and news. The bus may be away at the start and may go at any time, or not give us
 * our name (its policy is read again a moment after the package was installed): the agent works on without
 * it and tries again. Every call passes bus-filter, which lasts as long as the connection.
 */
#include "agent/bus.h"

#include <stdio.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "agent/agent.h"
#include "agent/bus-filter.h"
#include "agent/bus-revocation.h"
#include "agent/bus-verify.h"
#include "agent/turn.h"
#include "lib/log.h"
#include "lib/util.h"
#include "lib/wire.h"

#define RETRY_FIRST_US 250000
#define RETRY_MAX_US   10000000
#define SYSTEM_BUS     "unix:path=/run/dbus/system_bus_socket" /* where no environment says so */

struct bus {
	struct agent *agent;
	sd_bus *connection;
	sd_bus *asker; /* for questions to the bus itself: bus-filter.c */
	struct bus_filter *filter;
	sd_event_source *retry;
	uint64_t retry_us;
	bool complained;
	char trouble[GW_TEXT_MAX + 1];
	uint64_t trouble_since_us;
};

/* --- calls --- */

bool bus_caller_uid(struct bus *bus, sd_bus_message *call, unsigned *ret)
{
	return bus->filter && bus_filter_uid(bus->filter, call, ret);
}

void bus_name_caller(struct bus *bus, sd_bus_message *call, char *name, unsigned size)
{
	unsigned uid;

	if (bus_caller_uid(bus, call, &uid))
		(void)snprintf(name, size, "uid %u", uid);
	else
		(void)snprintf(name, size, "unknown");
}

bool bus_caller_has(struct bus *bus, sd_bus_message *call, enum right right)
{
	return bus->filter && bus_filter_granted(bus->filter, call, right);
}

bool bus_charge(struct bus *bus, sd_bus_message *call, enum cost cost)
{
	return !bus->filter || bus_filter_charge(bus->filter, call, cost);
}

static void connect_later(struct bus *bus);

static bool is_leaving(const struct bus *bus)
{
	int enabled = SD_EVENT_OFF;

	(void)sd_event_source_get_enabled(bus->retry, &enabled);
	return enabled != SD_EVENT_OFF;
}

/* Of either connection: without the other it is of no use. */
static bool is_lost(struct bus *bus, sd_bus_message *m)
{
	if (sd_bus_message_is_signal(m, "org.freedesktop.DBus.Local", "Disconnected") <= 0)
		return false;
	if (is_leaving(bus))
		return true;
	gw_log_event(WARNING, BUS_LOST, "The system bus is gone, trying again");
	connect_later(bus);
	return true;
}

/* To the asker come answers only; nobody is served there. */
static int on_asker_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	(void)is_lost(userdata, m);
	return 0;
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct bus *bus = userdata;

	if (is_lost(bus, m))
		return 0;
	if (sd_bus_message_is_method_call(m, NULL, NULL) <= 0)
		return 0;
	return bus_filter_judge(bus->filter, m);
}

/* --- replies --- */

void bus_said(struct bus *bus, int r)
{
	if (r != -ENOMEM || !bus || is_leaving(bus))
		return;

	gw_log(WARNING, "There is no memory for a message on the bus: leaving it, trying again");
	connect_later(bus);
}

int bus_reply_empty(struct agent *agent, sd_bus_message *call)
{
	sd_bus_message *reply = NULL;
	int r = sd_bus_message_new_method_return(call, &reply);

	if (r >= 0)
		r = turn_reply(agent->turn, call, reply);
	return r < 0 ? r : 1;
}

static int reply_error(struct agent *agent, sd_bus_message *call, const char *name,
		       const char *text)
{
	const sd_bus_error error = SD_BUS_ERROR_MAKE_CONST(name, text);
	sd_bus_message *reply = NULL;
	int r = sd_bus_message_new_method_error(call, &reply, &error);

	if (r >= 0)
		r = turn_reply(agent->turn, call, reply);
	return r < 0 ? r : 1;
}

int bus_reply_reason(struct agent *agent, sd_bus_message *call, enum gw_reason reason)
{
	char name[128];

	gw_reason_error_name(gw_reason_code(reason), name, sizeof(name));
	return reply_error(agent, call, name, gw_reason_text(reason));
}

int bus_reply_errno(struct agent *agent, sd_bus_message *call, int error)
{
	char text[160];

	turn_fail(agent->turn, error);
	(void)snprintf(text, sizeof(text), "The store or the vault failed: %s", strerror(-error));
	return reply_error(agent, call, SD_BUS_ERROR_FAILED, text);
}

/* --- news --- */

/* Says one after another, as far as there is memory. */
static int device_path_tell(struct bus *bus, const struct turn_change *change)
{
	bool was_listed = change->from != DEVICE_UNKNOWN && !device_state_is_at_rest(change->from);
	bool is_listed = change->to != DEVICE_UNKNOWN && !device_state_is_at_rest(change->to);
	_cleanup_free_ char *path = NULL;
	int r = sd_bus_path_encode(BUS_DEVICE_PREFIX, change->device, &path);

	if (r >= 0 && is_listed && !was_listed)
		r = sd_bus_emit_object_added(bus->connection, path);
	else if (r >= 0)
		r = sd_bus_emit_properties_changed(bus->connection, path, "org.gangway1.Device",
						   "State", "Reason", "ReasonText", "Since", "Next",
						   "NextAt", "Advice", "Method", "Tenant",
						   "Transport", "Address", "Vendor", "Model",
						   "Fingerprint", "NotAfter", "RenewAt", "LastSeen",
						   "ClaimedBy", "ClaimExpires", NULL);
	if (r >= 0 && was_listed && !is_listed)
		r = sd_bus_emit_interfaces_removed(bus->connection, path, "org.gangway1.Device",
						   NULL);
	if (r >= 0)
		r = sd_bus_emit_signal(bus->connection, BUS_PATH, "org.gangway1.Manager",
				       "StateChanged", "ossss", path, change->device,
				       device_state_name(change->from),
				       device_state_name(change->to), change->reason);
	return r;
}

void bus_tell_change(struct bus *bus, const struct turn_change *change)
{
	if (bus && bus->connection)
		bus_said(bus, device_path_tell(bus, change));
}

static void tell_manager(struct bus *bus, const char *property, const char *other)
{
	if (bus && bus->connection)
		(void)sd_bus_emit_properties_changed(bus->connection, BUS_PATH,
						     "org.gangway1.Manager", property, other, NULL);
}

void bus_tell_plugins(struct bus *bus)
{
	tell_manager(bus, "Plugins", NULL);
}

void bus_tell_cloud(struct bus *bus)
{
	tell_manager(bus, "CloudState", "CloudText");
}

void bus_tell_clock(struct bus *bus)
{
	if (bus && bus->connection)
		(void)sd_bus_emit_properties_changed(bus->connection, BUS_PATH,
						     "org.gangway1.Manager", "ClockTrusted",
						     "ClockReason", "ClockText", NULL);
}

static void tell_state(struct bus *bus)
{
	tell_manager(bus, "State", "StateText");
}

void bus_begin(struct bus *bus)
{
	bus->trouble_since_us = gw_now_monotonic_us();
	tell_state(bus);
}

void bus_tell_transport(struct bus *bus, const char *name)
{
	_cleanup_free_ char *path = NULL;

	if (!bus || !bus->connection || sd_bus_path_encode(BUS_TRANSPORT_PREFIX, name, &path) < 0)
		return;
	(void)sd_bus_emit_properties_changed(bus->connection, path, "org.gangway1.Transport",
					     "Channels", "Healthy", "Text", NULL);
}

struct sd_bus *bus_connection(struct bus *bus)
{
	return bus ? bus->connection : NULL;
}

const char *bus_trouble(const struct bus *bus)
{
	return bus->trouble;
}

uint64_t bus_trouble_since_us(const struct bus *bus)
{
	return bus->trouble_since_us;
}

void bus_set_trouble(struct bus *bus, const char *text)
{
	if (!bus || gw_streq(bus->trouble, text ? text : ""))
		return;
	if (!*bus->trouble != !text)
		bus->trouble_since_us = gw_now_monotonic_us();
	(void)gw_copy(bus->trouble, sizeof(bus->trouble), text ? text : "");
	tell_state(bus);
}

/* --- connecting --- */

static void connect_later(struct bus *bus)
{
	(void)sd_event_source_set_time_relative(bus->retry, bus->retry_us);
	(void)sd_event_source_set_enabled(bus->retry, SD_EVENT_ONESHOT);
	bus->retry_us = GW_MIN(bus->retry_us * 2, (uint64_t)RETRY_MAX_US);
}

static int on_name(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct bus *bus = userdata;
	const sd_bus_error *refusal = sd_bus_message_get_error(m);

	if (refusal) {
		gw_log_event(ERROR, BUS_REFUSED,
			     "The bus does not give us the name " BUS_NAME
			     " (%s); is its policy installed, "
			     "or another gangwayd running? Trying again",
			     refusal->message);
		connect_later(bus);
		return 0;
	}
	gw_log_event(INFO, BUS_JOINED, "On the bus as " BUS_NAME);
	bus->retry_us = RETRY_FIRST_US;
	bus->complained = false;
	return 0;
}

static int set_up(struct bus *bus)
{
	sd_bus *connection = bus->connection;
	int r;

	(void)sd_bus_set_exit_on_disconnect(connection, 0);
	(void)sd_bus_set_exit_on_disconnect(bus->asker, 0);
	r = bus_filter_new(bus->agent, connection, bus->asker, &bus->filter);
	if (r >= 0)
		r = sd_bus_add_filter(connection, NULL, on_message, bus);
	if (r >= 0)
		r = sd_bus_add_object_manager(connection, NULL, BUS_PATH);
	if (r >= 0)
		r = bus_manager_add(bus->agent, connection);
	if (r >= 0)
		r = bus_device_add(bus->agent, connection);
	if (r >= 0)
		r = bus_transport_add(bus->agent, connection);
	if (r >= 0)
		r = sd_bus_add_filter(bus->asker, NULL, on_asker_message, bus);
	if (r >= 0)
		r = sd_bus_attach_event(bus->asker, bus->agent->event, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = sd_bus_attach_event(connection, bus->agent->event, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = sd_bus_request_name_async(connection, NULL, BUS_NAME, 0, on_name, bus);
	return r;
}

static void disconnect(struct bus *bus)
{
	bus_verify_clear(bus->agent->verify);
	bus_revocation_clear(bus->agent->bus_revocation);
	bus->filter = bus_filter_free(bus->filter);
	bus->connection = sd_bus_close_unref(bus->connection);
	bus->asker = sd_bus_close_unref(bus->asker);
}

/* As the library does for the system's bus, but that the asker takes no descriptors, and nobody can hand it one. The other
 * connection gives the record's (ReadAudit), and who may give has to take: that it gets none is the bus's policy's to see to. */
static int open_connection(bool may_give, sd_bus **ret)
{
	const char *address = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");
	sd_bus *bus = NULL;
	int r = sd_bus_new(&bus);

	if (r >= 0)
		r = sd_bus_set_address(bus, address ? address : SYSTEM_BUS);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, true);
	if (r >= 0)
		r = sd_bus_negotiate_fds(bus, may_give);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0) {
		sd_bus_unref(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct bus *bus = userdata;
	int r;

	disconnect(bus);
	r = open_connection(/* may_give= */ true, &bus->connection);
	if (r >= 0)
		r = open_connection(/* may_give= */ false, &bus->asker);
	if (r >= 0)
		r = set_up(bus);
	if (r >= 0)
		return 0;

	if (!bus->complained)
		gw_log_event(WARNING, BUS_LOST,
			     "No system bus (%s): gangwayctl cannot reach us; start dbus, or set "
			     "DBUS_SYSTEM_BUS_ADDRESS. Trying again",
			     strerror(-r));
	bus->complained = true;
	disconnect(bus);
	connect_later(bus);
	return 0;
}

int bus_new(struct agent *agent, struct bus **ret)
{
	struct bus *bus = calloc(1, sizeof(*bus));
	int r;

	if (!bus)
		return -ENOMEM;

	bus->agent = agent;
	bus->trouble_since_us = gw_now_monotonic_us();
	bus->retry_us = RETRY_FIRST_US;
	r = sd_event_add_time_relative(agent->event, &bus->retry, CLOCK_MONOTONIC, 0,
				       /* accuracy= */ 1000, on_retry, bus);
	if (r < 0) {
		bus_free(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

struct bus *bus_free(struct bus *bus)
{
	if (!bus)
		return NULL;
	if (bus->connection)
		(void)sd_bus_flush(bus->connection);
	disconnect(bus);
	sd_event_source_disable_unref(bus->retry);
	free(bus);
	return NULL;
}
