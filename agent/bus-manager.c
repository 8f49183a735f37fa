/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The object /org/gangway1: its table, and thin handlers that read arguments, call, and reply. */
#include "config.h"

#include <stdio.h>
#include <systemd/sd-bus.h>

#include "agent/agent.h"
#include "agent/audit-export.h"
#include "agent/bus-audit.h"
#include "agent/bus-config.h"
#include "agent/bus-doctor.h"
#include "agent/bus-jobs.h"
#include "agent/bus-revocation.h"
#include "agent/bus-verify.h"
#include "agent/bus.h"
#include "agent/claim.h"
#include "agent/cloud.h"
#include "agent/discovered.h"
#include "agent/outlook.h"
#include "agent/plugins.h"
#include "agent/queue.h"
#include "agent/reset.h"
#include "agent/store-device.h"
#include "agent/store-job.h"
#include "agent/turn.h"
#include "lib/label.h"
#include "lib/log.h"
#include "lib/util.h"

#define LIST_MAX       1000
#define TENANT_DEFAULT "default"

/* --- claims --- */

struct claim_options {
	const char *tenant;
	int replace;
	uint64_t expires;
};

static int read_option(sd_bus_message *m, const char *name, struct claim_options *ret)
{
	if (gw_streq(name, "replace"))
		return sd_bus_message_read(m, "v", "b", &ret->replace);
	if (gw_streq(name, "tenant"))
		return sd_bus_message_read(m, "v", "s", &ret->tenant);
	if (gw_streq(name, "expires"))
		return sd_bus_message_read(m, "v", "t", &ret->expires);
	return -EINVAL;
}

static int read_options(sd_bus_message *m, struct claim_options *ret)
{
	const char *name;
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read_basic(m, 's', &name);
		if (r >= 0)
			r = read_option(m, name, ret);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int reply_device(struct agent *agent, sd_bus_message *call, const char *id)
{
	_cleanup_free_ char *path = NULL;
	sd_bus_message *reply = NULL;
	int r = sd_bus_path_encode(BUS_DEVICE_PREFIX, id, &path);

	if (r >= 0)
		r = sd_bus_message_new_method_return(call, &reply);
	if (r >= 0)
		r = sd_bus_message_append(reply, "o", path);
	if (r >= 0)
		r = turn_reply(agent->turn, call, TAKE_PTR(reply));
	sd_bus_message_unref(reply);
	return r < 0 ? r : 1;
}

static int claim_label(struct agent *agent, sd_bus_message *call, const struct gw_label *label,
		       const struct claim_options *options)
{
	char who[32];
	const struct claim_wish wish = {
		.device = label->id,
		.secret = { label->secret, label->secret_len },
		.tenant = options->tenant,
		.vendor = label->vendor,
		.model = label->model,
		.expires = options->expires,
		.label_expires = label->expires,
		.replace = options->replace,
		.may_replace = bus_caller_has(agent->bus, call, RIGHT_REPLACE),
		.who = who,
	};
	enum gw_reason reason;
	int r;

	bus_name_caller(agent->bus, call, who, sizeof(who));
	if (label->secret_is_weak)
		gw_log_tagged(GW_LOG_WARNING,
			      GW_LOG_TAGS(.event = GW_EVENT_LABEL_WEAK, .device = label->id,
					  .who = who),
			      "The label's secret is weak: all of one kind");
	r = claim_make(agent, &wish, &reason);
	if (r < 0)
		return bus_reply_errno(agent, call, r);
	if (reason != GW_REASON_NONE)
		return bus_reply_reason(agent, call, reason);
	return reply_device(agent, call, label->id);
}

static int method_claim(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct claim_options options = { .tenant = TENANT_DEFAULT };
	struct agent *agent = userdata;
	struct gw_label label = { 0 };
	const char *payload, *why;
	int r;

	(void)sd_bus_message_sensitive(call);
	r = sd_bus_message_read_basic(call, 's', &payload);
	if (r >= 0)
		r = read_options(call, &options);
	if (r < 0)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "Options are replace (b), tenant (s) and expires (t)");
	if (!gw_device_id_is_valid(options.tenant))
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "A tenant is 1 to 64 characters of A-Z a-z 0-9 . _ : -");
	if (gw_label_parse(payload, &label, &why) < 0)
		return sd_bus_error_setf(error, "org.gangway1.Error.BadLabel", "%s", why);

	r = claim_label(agent, call, &label, &options);
	gw_label_wipe(&label);
	return r;
}

static int method_withdraw(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct agent *agent = userdata;
	enum gw_reason reason;
	const char *id;
	char who[32];
	int r = sd_bus_message_read_basic(call, 's', &id);

	if (r < 0)
		return r;
	bus_name_caller(agent->bus, call, who, sizeof(who));
	r = claim_withdraw(agent, id, who, &reason);
	if (r < 0)
		return bus_reply_errno(agent, call, r);
	if (reason != GW_REASON_NONE)
		return bus_reply_reason(agent, call, reason);
	return bus_reply_empty(agent, call);
}

/* --- looking --- */

static int method_get_device(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct agent *agent = userdata;
	struct device_record device;
	const char *id;
	int r = sd_bus_message_read_basic(call, 's', &id);

	if (r < 0)
		return r;
	if (store_device_get(agent->store, id, &device) < 0 &&
	    !discovered_find(agent->discovered, id))
		return bus_reply_reason(agent, call, GW_REASON_NOT_FOUND);
	return reply_device(agent, call, id);
}

static int read_filter(sd_bus_message *m, struct device_filter *ret)
{
	const char *name;
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read_basic(m, 's', &name);
		if (r < 0)
			return r;
		if (gw_streq(name, "state"))
			r = sd_bus_message_read(m, "v", "s", &ret->state);
		else if (gw_streq(name, "tenant"))
			r = sd_bus_message_read(m, "v", "s", &ret->tenant);
		else
			return -EINVAL;
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int append_device(sd_bus_message *reply, const char *id, enum device_state state)
{
	_cleanup_free_ char *path = NULL;
	int r = sd_bus_path_encode(BUS_DEVICE_PREFIX, id, &path);

	return r < 0 ? r
		     : sd_bus_message_append(reply, "(oss)", path, id, device_state_name(state));
}

/* Whether a sighting passes the filter: nobody's tenant, and discovered. */
static bool shows_discovered(const struct device_filter *filter)
{
	return !filter->tenant &&
	       (!filter->state || gw_streq(filter->state, device_state_name(DEVICE_DISCOVERED)));
}

/* Two sorted lists in one: records from the store, sightings from memory. */
static int append_devices(struct agent *agent, sd_bus_message *reply,
			  const struct device_filter *filter, size_t max)
{
	_cleanup_free_ struct device_record *records = calloc(max, sizeof(*records));
	const struct sighting *seen = NULL;
	size_t n_records, i = 0;
	int r;

	if (!records)
		return -ENOMEM;
	r = store_device_list(agent->store, filter, records, max);
	if (r < 0)
		return r;
	n_records = (size_t)r;

	if (shows_discovered(filter))
		seen = discovered_after(agent->discovered, filter->after);
	for (size_t n = 0; n < max && (seen || i < n_records) && r >= 0; n++) {
		if (seen && (i == n_records || strcmp(seen->id, records[i].id) < 0)) {
			r = append_device(reply, seen->id, DEVICE_DISCOVERED);
			seen = discovered_after(agent->discovered, seen->id);
		} else {
			r = append_device(reply, records[i].id, records[i].state);
			i++;
		}
	}
	return r;
}

static int method_list_devices(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct agent *agent = userdata;
	struct device_filter filter = { 0 };
	sd_bus_message *reply = NULL;
	uint32_t limit;
	int r;

	r = read_filter(call, &filter);
	if (r >= 0)
		r = sd_bus_message_read(call, "su", &filter.after, &limit);
	if (r < 0 || limit < 1 || limit > LIST_MAX)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "Filters are state (s) and tenant (s), limit is 1 to %d",
					 LIST_MAX);

	r = sd_bus_message_new_method_return(call, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(oss)");
	if (r >= 0)
		r = append_devices(agent, reply, &filter, limit);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (r >= 0)
		r = turn_reply(agent->turn, call, TAKE_PTR(reply));
	sd_bus_message_unref(reply);
	return r < 0 ? r : 1;
}

static int method_list_jobs(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return bus_jobs_list(userdata, call);
}

static int method_list_jobs_after(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return bus_jobs_list_after(userdata, call, error);
}

/* --- the record --- */

static int method_read_audit(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return bus_audit_read(userdata, call);
}

static int method_verify_audit(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return bus_verify_call(userdata, call);
}

/* --- configuration --- */

static int method_list_settings(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return bus_config_list(userdata, call);
}

static int method_check_config(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return bus_config_check(userdata, call);
}

static int method_load_revocation_list(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return bus_revocation_call(userdata, call);
}

static int method_reload(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return bus_config_reload(userdata, call);
}

static int method_factory_reset(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct agent *agent = userdata;
	sd_bus_message *reply = NULL;
	unsigned n = 0;
	char who[32];
	int r;

	bus_name_caller(agent->bus, call, who, sizeof(who));
	r = reset_to_factory(agent, who, &n);
	if (r < 0)
		return bus_reply_errno(agent, call, r);

	r = sd_bus_message_new_method_return(call, &reply);
	if (r >= 0)
		r = sd_bus_message_append(reply, "u", (uint32_t)n);
	if (r >= 0)
		r = turn_reply(agent->turn, call, TAKE_PTR(reply));
	sd_bus_message_unref(reply);
	return r < 0 ? r : 1;
}

static int method_doctor(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return bus_doctor_call(userdata, call);
}

/* --- properties --- */

static int property_text(sd_bus *bus, const char *path, const char *interface, const char *property,
			 sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct agent *agent = userdata;
	const char *trouble = bus_trouble(agent->bus);
	struct cloud_facts cloud;
	const char *text = "";

	cloud_get_facts(agent, &cloud);

	if (gw_streq(property, "Version"))
		text = PACKAGE_VERSION;
	else if (gw_streq(property, "GatewayId"))
		text = agent->settings.gateway;
	else if (gw_streq(property, "State"))
		text = *trouble ? "waiting" : "running";
	else if (gw_streq(property, "StateText"))
		text = trouble;
	else if (gw_streq(property, "CloudState"))
		text = cloud_state_name(agent);
	else if (gw_streq(property, "CloudText"))
		text = cloud_text(agent);
	else if (gw_streq(property, "ClockReason"))
		text = clock_verdict_code(clock_verdict(&agent->clock));
	else if (gw_streq(property, "CredentialSource"))
		text = cloud.care.source;
	else if (gw_streq(property, "CredentialText"))
		text = cloud.care.trouble;
	else if (gw_streq(property, "ClockText"))
		text = clock_verdict_text(clock_verdict(&agent->clock));
	return sd_bus_message_append(reply, "s", text);
}

static int property_time(sd_bus *bus, const char *path, const char *interface, const char *property,
			 sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	return sd_bus_message_append(reply, "t", bus_doctor_time(userdata, property));
}

static int property_clock_trusted(sd_bus *bus, const char *path, const char *interface,
				  const char *property, sd_bus_message *reply, void *userdata,
				  sd_bus_error *error)
{
	struct agent *agent = userdata;

	return sd_bus_message_append(reply, "b", clock_is_trusted(&agent->clock));
}

static int property_counts(sd_bus *bus, const char *path, const char *interface,
			   const char *property, sd_bus_message *reply, void *userdata,
			   sd_bus_error *error)
{
	struct agent *agent = userdata;
	int r = sd_bus_message_open_container(reply, 'a', "{su}");

	for (int i = DEVICE_DISCOVERED; i < _DEVICE_STATE_MAX && r >= 0; i++) {
		enum device_state state = (enum device_state)i;
		uint64_t n = state == DEVICE_DISCOVERED
				     ? discovered_count(agent->discovered)
				     : store_device_count_state(agent->store, state);

		r = sd_bus_message_append(reply, "{su}", device_state_name(state), (uint32_t)n);
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int property_renewals(sd_bus *bus, const char *path, const char *interface,
			     const char *property, sd_bus_message *reply, void *userdata,
			     sd_bus_error *error)
{
	struct agent *agent = userdata;
	const struct outlook_view *view = outlook_look(agent->outlook);

	return sd_bus_message_append(reply, "a{su}", 4, "waiting", (uint32_t)view->waiting,
				     "overdue", (uint32_t)view->overdue, "expired",
				     (uint32_t)view->expired, "asking", (uint32_t)view->asking);
}

static int property_renewal_next(sd_bus *bus, const char *path, const char *interface,
				 const char *property, sd_bus_message *reply, void *userdata,
				 sd_bus_error *error)
{
	struct agent *agent = userdata;

	return sd_bus_message_append(reply, "t", outlook_look(agent->outlook)->next_s);
}

static int property_jobs_waiting(sd_bus *bus, const char *path, const char *interface,
				 const char *property, sd_bus_message *reply, void *userdata,
				 sd_bus_error *error)
{
	struct agent *agent = userdata;

	return sd_bus_message_append(reply, "u", (uint32_t)store_job_count(agent->store));
}

static int property_jobs_since(sd_bus *bus, const char *path, const char *interface,
			       const char *property, sd_bus_message *reply, void *userdata,
			       sd_bus_error *error)
{
	struct agent *agent = userdata;

	return sd_bus_message_append(reply, "t", store_job_oldest(agent->store) / 1000000);
}

static int property_jobs_last(sd_bus *bus, const char *path, const char *interface,
			      const char *property, sd_bus_message *reply, void *userdata,
			      sd_bus_error *error)
{
	struct agent *agent = userdata;
	uint64_t n = queue_held_back(agent->queue, store_job_count(agent->store));

	return sd_bus_message_append(reply, "t", n ? queue_turn_s(agent->queue, n) : 0);
}

static int property_revocation_lists(sd_bus *bus, const char *path, const char *interface,
				     const char *property, sd_bus_message *reply, void *userdata,
				     sd_bus_error *error)
{
	return bus_revocation_list(userdata, reply);
}

static int property_audit(sd_bus *bus, const char *path, const char *interface,
			  const char *property, sd_bus_message *reply, void *userdata,
			  sd_bus_error *error)
{
	struct audit_export_facts facts;

	audit_export_get_facts(userdata, &facts);
	return sd_bus_message_append(reply, "t",
				     gw_streq(property, "AuditFirst")  ? facts.first
				     : gw_streq(property, "AuditHead") ? facts.head
								       : facts.acknowledged);
}

static int property_plugins(sd_bus *bus, const char *path, const char *interface,
			    const char *property, sd_bus_message *reply, void *userdata,
			    sd_bus_error *error)
{
	static const char *const roles[_GW_ROLE_MAX] = {
		[GW_ROLE_TRANSPORT] = "transport",
		[GW_ROLE_REGISTRAR] = "registrar",
		[GW_ROLE_CLOUD] = "cloud",
	};
	struct agent *agent = userdata;
	struct plugin *plugin = NULL;
	struct plugin_info info;
	int r = sd_bus_message_open_container(reply, 'a', "(ssssbs)");

	while (r >= 0 && (plugin = plugins_next(agent->plugins, plugin))) {
		plugin_get_info(plugin, &info);
		r = sd_bus_message_append(reply, "(ssssbs)", info.name, roles[info.role],
					  info.program, info.library, info.healthy, info.text);
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* clang-format off */
static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("Claim",
		SD_BUS_ARGS("s", payload, "a{sv}", options), SD_BUS_RESULT("o", device),
		method_claim, SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
	SD_BUS_METHOD_WITH_ARGS("Withdraw",
		SD_BUS_ARGS("s", id), SD_BUS_NO_RESULT,
		method_withdraw, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("GetDevice",
		SD_BUS_ARGS("s", id), SD_BUS_RESULT("o", device),
		method_get_device, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ListDevices",
		SD_BUS_ARGS("a{sv}", filter, "s", after, "u", limit), SD_BUS_RESULT("a(oss)", devices),
		method_list_devices, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ListJobs",
		SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssssutt)", jobs),
		method_list_jobs, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ListJobsAfter",
		SD_BUS_ARGS("t", after, "u", limit), SD_BUS_RESULT("a(ssssuttts)", jobs),
		method_list_jobs_after, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ReadAudit",
		SD_BUS_ARGS("t", from), SD_BUS_RESULT("h", records),
		method_read_audit, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("VerifyAudit",
		SD_BUS_NO_ARGS, SD_BUS_RESULT("b", ok, "t", first_bad, "s", reason),
		method_verify_audit, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ListSettings",
		SD_BUS_ARGS("s", which), SD_BUS_RESULT("a(sssssb)", settings),
		method_list_settings, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("CheckConfig",
		SD_BUS_ARGS("ay", config), SD_BUS_RESULT("as", problems),
		method_check_config, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("LoadRevocationList",
		SD_BUS_ARGS("ay", list),
		SD_BUS_RESULT("s", issuer, "s", number, "t", this_update, "t", next_update,
			"u", certificates, "u", devices),
		method_load_revocation_list, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Reload",
		SD_BUS_NO_ARGS, SD_BUS_RESULT("as", needs_restart),
		method_reload, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Doctor",
		SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssss)", findings),
		method_doctor, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("FactoryReset",
		SD_BUS_NO_ARGS, SD_BUS_RESULT("u", devices),
		method_factory_reset, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL_WITH_ARGS("StateChanged",
		SD_BUS_ARGS("o", device, "s", id, "s", from, "s", to, "s", reason), 0),
	SD_BUS_PROPERTY("Version", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("GatewayId", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("State", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("StateText", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("StateSince", "t", property_time, 0, 0),
	SD_BUS_PROPERTY("CloudState", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("CloudText", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("CloudSince", "t", property_time, 0, 0),
	SD_BUS_PROPERTY("CloudRetry", "t", property_time, 0, 0),
	SD_BUS_PROPERTY("CloudHeard", "t", property_time, 0, 0),
	SD_BUS_PROPERTY("CredentialSource", "s", property_text, 0, 0),
	SD_BUS_PROPERTY("CredentialText", "s", property_text, 0, 0),
	SD_BUS_PROPERTY("CredentialEnds", "t", property_time, 0, 0),
	SD_BUS_PROPERTY("CredentialRenews", "t", property_time, 0, 0),
	SD_BUS_PROPERTY("CredentialRetry", "t", property_time, 0, 0),
	SD_BUS_PROPERTY("ClockTrusted", "b", property_clock_trusted, 0,
		SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("ClockReason", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("ClockText", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Time", "t", property_time, 0, 0),
	SD_BUS_PROPERTY("ClockSince", "t", property_time, 0, 0),
	SD_BUS_PROPERTY("Counts", "a{su}", property_counts, 0, 0),
	SD_BUS_PROPERTY("Renewals", "a{su}", property_renewals, 0, 0),
	SD_BUS_PROPERTY("RenewalNext", "t", property_renewal_next, 0, 0),
	SD_BUS_PROPERTY("JobsWaiting", "u", property_jobs_waiting, 0, 0),
	SD_BUS_PROPERTY("JobsSince", "t", property_jobs_since, 0, 0),
	SD_BUS_PROPERTY("JobsLast", "t", property_jobs_last, 0, 0),
	SD_BUS_PROPERTY("RevocationLists", "a(ssttutt)", property_revocation_lists, 0, 0),
	SD_BUS_PROPERTY("AuditFirst", "t", property_audit, 0, 0),
	SD_BUS_PROPERTY("AuditHead", "t", property_audit, 0, 0),
	SD_BUS_PROPERTY("AuditAcknowledged", "t", property_audit, 0, 0),
	SD_BUS_PROPERTY("Plugins", "a(ssssbs)", property_plugins, 0,
		SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION),
	SD_BUS_VTABLE_END,
};
/* clang-format on */

int bus_manager_add(struct agent *agent, sd_bus *bus)
{
	return sd_bus_add_object_vtable(bus, NULL, BUS_PATH, "org.gangway1.Manager", vtable, agent);
}
