/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The objects below /org/gangway1/device. They are made on demand: a path is decoded to an id, the
 * device is looked up, and its properties are read from that one picture of it.
 */
#include <systemd/sd-bus.h>

#include "agent/agent.h"
#include "agent/approval.h"
#include "agent/bus.h"
#include "agent/discovered.h"
#include "agent/issuers.h"
#include "agent/operate.h"
#include "agent/policy.h"
#include "agent/prospect.h"
#include "agent/renewal.h"
#include "agent/store-certificate.h"
#include "agent/store-claim.h"
#include "agent/store-device.h"
#include "agent/store-job.h"
#include "lib/hex.h"
#include "lib/log.h"
#include "lib/reason.h"
#include "lib/util.h"

#define LISTED_MAX 1000
#define DAY_S      86400

/* The picture that find_device() makes and the properties are read from. */
static struct {
	struct agent *agent;
	struct device_record device;
	char fingerprint[2 * GW_HASH_LEN + 1];
	uint64_t not_after, renew_at;
	char claimed_by[GW_ID_MAX + 1];
	uint64_t claim_expires;
	struct prospect prospect;
} picture;

static void paint_sighting(const struct sighting *seen)
{
	picture.device.state = DEVICE_DISCOVERED;
	picture.device.last_seen = seen->last_seen;
	(void)gw_copy(picture.device.id, sizeof(picture.device.id), seen->id);
	(void)gw_copy(picture.device.transport, sizeof(picture.device.transport), seen->transport);
	(void)gw_copy(picture.device.address, sizeof(picture.device.address), seen->address);
}

static void paint_certificate(struct agent *agent, const char *id)
{
	struct certificate_record certificate;

	if (store_certificate_of(agent->store, id, CERTIFICATE_LIVE, &certificate) < 0 &&
	    store_certificate_of(agent->store, id, CERTIFICATE_CANDIDATE, &certificate) < 0)
		return;
	gw_hex_encode(certificate.fingerprint, sizeof(certificate.fingerprint),
		      picture.fingerprint);
	picture.not_after = certificate.not_after;
	if (certificate.state == CERTIFICATE_LIVE)
		picture.renew_at = renewal_at(&certificate, agent->settings.devices_renew_after,
					      agent->settings.devices_renew_spread);
}

static void paint_live(struct agent *agent, const struct certificate_record *live,
		       struct prospect_facts *facts)
{
	const struct settings *settings = &agent->settings;
	uint64_t now = clock_now_s(&agent->clock);

	facts->is_orphaned =
		issuers_lack(agent->issuers, (struct gw_blob){ live->issuer, live->issuer_len });
	facts->is_renewing = store_job_has_of(agent->store, live->device, GW_REQUEST_RENEW);
	facts->grace_ends = live->not_after + settings->devices_grace_days * DAY_S;
	facts->has_expired = clock_is_trusted(&agent->clock) && renewal_is_too_late(live, now);
	facts->is_approved = live->approval == APPROVAL_GIVEN;
	facts->refusal =
		policy_expired(settings->devices_expired,
			       renewal_grace_is_over(live, settings->devices_grace_days, now));
}

static void paint_prospect(struct agent *agent)
{
	const struct settings *settings = &agent->settings;
	const char *id = picture.device.id;
	struct prospect_facts facts = { .state = picture.device.state,
					.claim_ends = picture.claim_expires,
					.renew_at = picture.renew_at };
	struct certificate_record record;

	if (gw_reason_from_code(picture.device.reason, &facts.reason) < 0)
		facts.reason = GW_REASON_NONE;
	if (store_certificate_of(agent->store, id, CERTIFICATE_LIVE, &record) >= 0)
		paint_live(agent, &record, &facts);
	if (store_certificate_of(agent->store, id, CERTIFICATE_CANDIDATE, &record) >= 0)
		facts.unproved_ends =
			GW_MIN(record.issued + settings->prove_within_s, record.not_after);
	if (store_certificate_of(agent->store, id, CERTIFICATE_LEFT, &record) >= 0 && record.issued)
		facts.notice_ends = record.issued + settings->devices_notice_days * DAY_S;
	prospect_look(&facts, &picture.prospect);
}

static void paint_claim(struct agent *agent)
{
	struct claim_record claim;

	if (store_claim_get(agent->store, picture.device.claim, &claim) < 0)
		return;
	(void)gw_copy(picture.claimed_by, sizeof(picture.claimed_by), claim.claimed_by);
	picture.claim_expires = claim.state == CLAIM_OPEN ? claim.expires : 0;
}

static int find_device(sd_bus *bus, const char *path, const char *interface, void *userdata,
		       void **ret_found, sd_bus_error *error)
{
	struct agent *agent = userdata;
	_cleanup_free_ char *id = NULL;
	const struct sighting *seen;
	int r = sd_bus_path_decode(path, BUS_DEVICE_PREFIX, &id);

	if (r <= 0)
		return r;

	memset(&picture, 0, sizeof(picture));
	picture.agent = agent;
	seen = discovered_find(agent->discovered, id);
	r = store_device_get(agent->store, id, &picture.device);
	if (r == -ENOENT && !seen)
		return 0;
	if (r == -ENOENT) {
		paint_sighting(seen);
	} else if (r < 0) {
		return r;
	} else {
		paint_certificate(agent, id);
		paint_claim(agent);
	}
	paint_prospect(agent);
	*ret_found = &picture;
	return 1;
}

static int property_text(sd_bus *bus, const char *path, const char *interface, const char *property,
			 sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const char *text = "";
	enum gw_reason reason;

	if (gw_streq(property, "Id"))
		text = picture.device.id;
	else if (gw_streq(property, "State"))
		text = device_state_name(picture.device.state);
	else if (gw_streq(property, "Reason"))
		text = picture.device.reason;
	else if (gw_streq(property, "ReasonText"))
		text = gw_reason_from_code(picture.device.reason, &reason) >= 0
			       ? gw_reason_text(reason)
			       : "";
	else if (gw_streq(property, "Method"))
		text = picture.device.method;
	else if (gw_streq(property, "Tenant"))
		text = picture.device.tenant;
	else if (gw_streq(property, "Transport"))
		text = picture.device.transport;
	else if (gw_streq(property, "Address"))
		text = picture.device.address;
	else if (gw_streq(property, "Vendor"))
		text = picture.device.vendor;
	else if (gw_streq(property, "Model"))
		text = picture.device.model;
	else if (gw_streq(property, "Fingerprint"))
		text = picture.fingerprint;
	else if (gw_streq(property, "ClaimedBy"))
		text = picture.claimed_by;
	else if (gw_streq(property, "Next"))
		text = picture.prospect.next;
	else if (gw_streq(property, "Advice"))
		text = picture.prospect.advice;
	return sd_bus_message_append(reply, "s", text);
}

static int property_time(sd_bus *bus, const char *path, const char *interface, const char *property,
			 sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	uint64_t time = 0;

	if (gw_streq(property, "Since"))
		time = picture.device.changed;
	else if (gw_streq(property, "NextAt"))
		time = picture.prospect.at;
	else if (gw_streq(property, "NotAfter"))
		time = picture.not_after;
	else if (gw_streq(property, "RenewAt"))
		time = picture.renew_at;
	else if (gw_streq(property, "LastSeen"))
		time = picture.device.last_seen;
	else if (gw_streq(property, "ClaimExpires"))
		time = picture.claim_expires;
	return sd_bus_message_append(reply, "t", time);
}

/* --- what is done with it --- */

static int reply_verdict(struct agent *agent, sd_bus_message *call, int r, enum gw_reason refusal)
{
	if (r < 0)
		return bus_reply_errno(agent, call, r);
	if (refusal != GW_REASON_NONE)
		return bus_reply_reason(agent, call, refusal);
	return bus_reply_empty(agent, call);
}

/* All below: find_device() has just made the picture of the device that is called. */
static int operate(sd_bus_message *call, enum device_event event, const char *reason)
{
	struct agent *agent = picture.agent;
	char who[32];
	const struct operate_wish wish = { event, picture.device.id, who, reason };
	enum gw_reason refusal;
	int r;

	bus_name_caller(agent->bus, call, who, sizeof(who));
	r = operate_device(agent, &wish, &refusal);
	return reply_verdict(agent, call, r, refusal);
}

static int decide(sd_bus_message *call, bool approve, const char *reason)
{
	struct agent *agent = picture.agent;
	enum gw_reason refusal;
	char who[32];
	int r;

	bus_name_caller(agent->bus, call, who, sizeof(who));
	r = approval_decide(agent, picture.device.id, approve, reason, who, &refusal);
	return reply_verdict(agent, call, r, refusal);
}

static int operate_with_reason(sd_bus_message *call, enum device_event event, sd_bus_error *error)
{
	bool aboard = picture.device.state == DEVICE_ONBOARDED;
	const char *reason;
	int r = sd_bus_message_read_basic(call, 's', &reason);

	if (r < 0)
		return r;
	if (!operate_reason_is_valid(reason))
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "A reason is at most %d characters of a-z 0-9 -, or empty",
					 GW_REASON_MAX);
	if (event == DEVICE_EVENT_REJECT && aboard)
		return decide(call, /* approve= */ false, reason);
	return operate(call, event, reason);
}

static int method_renew(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct agent *agent = picture.agent;
	enum gw_reason refusal;
	char who[32];
	int r;

	bus_name_caller(agent->bus, call, who, sizeof(who));
	r = approval_ask_renewal(agent, picture.device.id, who, &refusal);
	return reply_verdict(agent, call, r, refusal);
}

static int method_approve(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return decide(call, /* approve= */ true, /* reason= */ "");
}

static int method_reject(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return operate_with_reason(call, DEVICE_EVENT_REJECT, error);
}

static int method_suspend(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return operate_with_reason(call, DEVICE_EVENT_SUSPEND, error);
}

static int method_resume(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return operate(call, DEVICE_EVENT_RESUME, "");
}

static int method_revoke(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return operate_with_reason(call, DEVICE_EVENT_REVOKE, error);
}

static int method_decommission(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return operate(call, DEVICE_EVENT_DECOMMISSION, "");
}

#define CONSTANT SD_BUS_VTABLE_PROPERTY_CONST
#define CHANGES  SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Id", "s", property_text, 0, CONSTANT),
	SD_BUS_PROPERTY("State", "s", property_text, 0, CHANGES),
	SD_BUS_PROPERTY("Reason", "s", property_text, 0, CHANGES),
	SD_BUS_PROPERTY("ReasonText", "s", property_text, 0, CHANGES),
	SD_BUS_PROPERTY("Since", "t", property_time, 0, CHANGES),
	SD_BUS_PROPERTY("Next", "s", property_text, 0, CHANGES),
	SD_BUS_PROPERTY("NextAt", "t", property_time, 0, CHANGES),
	SD_BUS_PROPERTY("Advice", "s", property_text, 0, CHANGES),
	SD_BUS_PROPERTY("Method", "s", property_text, 0, CHANGES),
	SD_BUS_PROPERTY("Tenant", "s", property_text, 0, CHANGES),
	SD_BUS_PROPERTY("Transport", "s", property_text, 0, CHANGES),
	SD_BUS_PROPERTY("Address", "s", property_text, 0, CHANGES),
	SD_BUS_PROPERTY("Vendor", "s", property_text, 0, CHANGES),
	SD_BUS_PROPERTY("Model", "s", property_text, 0, CHANGES),
	SD_BUS_PROPERTY("Fingerprint", "s", property_text, 0, CHANGES),
	SD_BUS_PROPERTY("NotAfter", "t", property_time, 0, CHANGES),
	SD_BUS_PROPERTY("RenewAt", "t", property_time, 0, CHANGES),
	SD_BUS_PROPERTY("LastSeen", "t", property_time, 0, CHANGES),
	SD_BUS_PROPERTY("ClaimedBy", "s", property_text, 0, CHANGES),
	SD_BUS_PROPERTY("ClaimExpires", "t", property_time, 0, CHANGES),
	SD_BUS_METHOD("Renew", NULL, NULL, method_renew, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Approve", NULL, NULL, method_approve, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Reject", SD_BUS_ARGS("s", reason), SD_BUS_NO_RESULT, method_reject,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Suspend", SD_BUS_ARGS("s", reason), SD_BUS_NO_RESULT,
				method_suspend, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Resume", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_resume,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Revoke", SD_BUS_ARGS("s", reason), SD_BUS_NO_RESULT, method_revoke,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Decommission", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT,
				method_decommission, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

/* --- the list of those not at rest --- */

static int add_path(char **paths, size_t *n, const char *id)
{
	return sd_bus_path_encode(BUS_DEVICE_PREFIX, id, &paths[(*n)++]);
}

static int add_records(struct agent *agent, enum device_state state, char **paths, size_t *n)
{
	const struct device_filter filter = { .state = device_state_name(state), .after = "" };
	size_t room = LISTED_MAX - *n;
	_cleanup_free_ struct device_record *records = calloc(room ? room : 1, sizeof(*records));
	int found, r = 0;

	if (!records)
		return -ENOMEM;
	found = store_device_list(agent->store, &filter, records, room);
	for (int i = 0; i < found && r >= 0; i++)
		r = add_path(paths, n, records[i].id);
	return found < 0 ? found : r;
}

static int enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
		     sd_bus_error *error)
{
	struct agent *agent = userdata;
	char **paths = calloc(LISTED_MAX + 1, sizeof(*paths));
	const struct sighting *seen = NULL;
	size_t n = 0;
	int r;

	if (!paths)
		return -ENOMEM;

	r = add_records(agent, DEVICE_ENROLLING, paths, &n);
	if (r >= 0)
		r = add_records(agent, DEVICE_ISSUED, paths, &n);
	while (r >= 0 && n < LISTED_MAX &&
	       (seen = discovered_after(agent->discovered, seen ? seen->id : "")))
		r = add_path(paths, &n, seen->id);
	if (r < 0) {
		while (n)
			free(paths[--n]);
		free(paths);
		return r;
	}
	*ret_nodes = paths;
	return 0;
}

int bus_device_add(struct agent *agent, sd_bus *bus)
{
	int r = sd_bus_add_fallback_vtable(bus, NULL, BUS_DEVICE_PREFIX, "org.gangway1.Device",
					   vtable, find_device, agent);

	return r < 0 ? r
		     : sd_bus_add_node_enumerator(bus, NULL, BUS_DEVICE_PREFIX, enumerate, agent);
}
