/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A claim is made under a new id each time, even for the same label: the claim burns, not the label.
 * The secret is sealed before it touches the store.
 */
#include "agent/claim.h"

#include <stdio.h>

#include "agent/agent.h"
#include "agent/discovered.h"
#include "agent/lifecycle.h"
#include "agent/policy.h"
#include "agent/renewal.h"
#include "agent/steps.h"
#include "agent/store-certificate.h"
#include "agent/store-claim.h"
#include "agent/store-device.h"
#include "agent/turn.h"
#include "agent/vault.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/util.h"

#define SECRET_KIND "claim-secret"

static bool secret_is_same(struct agent *agent, const struct claim_record *open,
			   struct gw_blob secret)
{
	const struct vault_name name = { open->tenant, open->device, SECRET_KIND };
	uint8_t plain[GW_SEALED_MAX];
	size_t len;
	bool same;

	if (vault_unseal(agent->vault, &name, (struct gw_blob){ open->secret, open->secret_len },
			 plain, &len) < 0)
		return false;
	same = len == secret.len && gw_equal_secret(plain, secret.data, len);
	explicit_bzero(plain, sizeof(plain));
	return same;
}

/* 0 never does. */
static bool has_passed(struct agent *agent, uint64_t time_s)
{
	return time_s && clock_is_trusted(&agent->clock) && time_s <= clock_now_s(&agent->clock);
}

/* The device's certificate has expired, and the configuration makes a claim the way back. */
static bool claim_helps(struct agent *agent, const char *device)
{
	struct certificate_record live;

	return agent->settings.devices_expired == RENEWAL_EXPIRED_CLAIM &&
	       clock_is_trusted(&agent->clock) &&
	       store_certificate_of(agent->store, device, CERTIFICATE_LIVE, &live) >= 0 &&
	       renewal_is_too_late(&live, clock_now_s(&agent->clock));
}

static enum policy_claim judge(struct agent *agent, const struct claim_wish *wish,
			       const struct device_record *device, enum gw_reason *ret_reason)
{
	struct claim_record open, used;
	bool is_open = store_claim_open_of(agent->store, wish->device, &open) >= 0;
	const struct policy_claim_facts facts = {
		.state = device->state,
		.same_tenant = gw_streq(device->tenant, wish->tenant),
		.same_secret = is_open && secret_is_same(agent, &open, wish->secret),
		.has_secret = wish->secret.len > 0,
		.label_expired = has_passed(agent, wish->label_expires),
		.is_over = has_passed(agent, wish->expires),
		.replace = wish->replace,
		.may_replace = wish->may_replace,
		.claim_is_used = wish->id && store_claim_get(agent->store, wish->id, &used) >= 0,
		.claim_helps = claim_helps(agent, wish->device),
		.n_devices = store_device_count(agent->store),
		.max_devices = agent->settings.devices_max,
	};

	return policy_claim(&facts, ret_reason);
}

static int seal_secret(struct agent *agent, const struct claim_wish *wish,
		       struct claim_record *claim)
{
	const struct vault_name name = { wish->tenant, wish->device, SECRET_KIND };

	if (wish->secret.len + GW_SEAL_EXTRA > sizeof(claim->secret))
		return -EMSGSIZE;
	claim->secret_len = wish->secret.len + GW_SEAL_EXTRA;
	return vault_seal(agent->vault, &name, wish->secret, claim->secret);
}

static void set_end(struct agent *agent, const struct claim_wish *wish, struct claim_record *claim)
{
	uint64_t now = clock_stamp_s(&agent->clock), lifetime_s = agent->settings.claim_lifetime_s;

	if (wish->expires)
		claim->expires = wish->expires;
	else if (now && lifetime_s)
		claim->expires = now + lifetime_s;
	else
		claim->lifetime_s = lifetime_s;
}

static int add_claim(struct agent *agent, const struct claim_wish *wish,
		     struct device_record *device)
{
	struct claim_record claim = {
		.state = CLAIM_OPEN,
		.created = clock_now_s(&agent->clock),
	};
	int r;

	set_end(agent, wish, &claim);
	if (wish->id)
		(void)gw_copy(claim.id, sizeof(claim.id), wish->id);
	else if ((r = lifecycle_new_claim_id(agent, claim.id, sizeof(claim.id))) < 0)
		return r;
	(void)gw_copy(claim.device, sizeof(claim.device), wish->device);
	(void)gw_copy(claim.tenant, sizeof(claim.tenant), wish->tenant);
	(void)gw_copy(claim.claimed_by, sizeof(claim.claimed_by), wish->who);
	r = seal_secret(agent, wish, &claim);
	if (r >= 0)
		r = store_claim_add(agent->store, &claim);
	if (r < 0)
		return r;

	(void)gw_copy(device->id, sizeof(device->id), wish->device);
	(void)gw_copy(device->tenant, sizeof(device->tenant), wish->tenant);
	(void)gw_copy(device->method, sizeof(device->method), "qr");
	(void)gw_copy(device->vendor, sizeof(device->vendor), wish->vendor);
	(void)gw_copy(device->model, sizeof(device->model), wish->model);
	(void)gw_copy(device->claim, sizeof(device->claim), claim.id);
	return 0;
}

/* An old claim is ended by the lifecycle before the new one is added: a device has one that is open. */
static int carry_out(struct agent *agent, const struct claim_wish *wish,
		     struct device_record *device, enum device_event event)
{
	const struct lifecycle_cause cause = { event, wish->who, "", NULL };
	int r;

	(void)gw_copy(device->id, sizeof(device->id), wish->device);
	turn_step(agent->turn, STEP_CLAIM);
	r = lifecycle_apply(agent, device, &cause);
	if (r >= 0)
		r = add_claim(agent, wish, device);
	if (r >= 0)
		r = store_device_put(agent->store, device);
	if (r >= 0)
		discovered_forget(agent->discovered, wish->device);
	return r;
}

/* What is known of the device so far; a record in memory counts as discovered. */
static int load(struct agent *agent, const char *id, struct device_record *ret)
{
	const struct sighting *seen;
	int r = store_device_get(agent->store, id, ret);

	if (r != -ENOENT)
		return r;

	*ret = (struct device_record){ .state = DEVICE_UNKNOWN };
	seen = discovered_find(agent->discovered, id);
	if (seen) {
		ret->state = DEVICE_DISCOVERED;
		ret->last_seen = seen->last_seen;
		(void)gw_copy(ret->transport, sizeof(ret->transport), seen->transport);
		(void)gw_copy(ret->address, sizeof(ret->address), seen->address);
	}
	return 0;
}

int claim_make(struct agent *agent, const struct claim_wish *wish, enum gw_reason *ret_reason)
{
	struct device_record device;
	int r;

	r = turn_open(agent->turn);
	if (r >= 0)
		r = load(agent, wish->device, &device);
	if (r < 0)
		return r;

	switch (judge(agent, wish, &device, ret_reason)) {
	case POLICY_CLAIM_REFUSED:
		lifecycle_record_refusal(agent, "claim-refused", wish->device, wish->who,
					 gw_reason_code(*ret_reason));
		return 0;
	case POLICY_CLAIM_UNCHANGED: return 0;
	case POLICY_CLAIM_NEW: return carry_out(agent, wish, &device, DEVICE_EVENT_CLAIM);
	case POLICY_CLAIM_REPLACE: return carry_out(agent, wish, &device, DEVICE_EVENT_REPLACE);
	}
	return -EINVAL;
}

int claim_withdraw(struct agent *agent, const char *id, const char *who, enum gw_reason *ret_reason)
{
	struct device_record device;
	int r;

	r = turn_open(agent->turn);
	if (r >= 0)
		r = store_device_get(agent->store, id, &device);
	if (r == -ENOENT) {
		*ret_reason = GW_REASON_NOT_FOUND;
		return 0;
	}
	if (r < 0)
		return r;

	*ret_reason = GW_REASON_NONE;
	turn_step(agent->turn, STEP_WITHDRAW);
	r = lifecycle_apply(agent, &device,
			    &(struct lifecycle_cause){ DEVICE_EVENT_WITHDRAW, who,
						       gw_reason_code(GW_REASON_WITHDRAWN), NULL });
	if (r == -EBUSY) {
		*ret_reason = GW_REASON_NO_CLAIM;
		return 0;
	}
	return r;
}
