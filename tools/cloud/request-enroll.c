/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `enroll`: a certificate for a device under a claim. Whether it is granted is policy.c's; here its
 * facts are gathered, and a claim that was the gateway's own business so far becomes known with the
 * first certificate under it. The certificate is a candidate until the device has been seen with
 * it.
 */
#include "tools/cloud/request.h"

#include <openssl/x509.h>
#include <stdio.h>

#include "lib/blob.h"
#include "lib/log.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "tools/cloud/authority.h"
#include "tools/cloud/body.h"
#include "tools/cloud/csr.h"
#include "tools/cloud/policy.h"
#include "tools/cloud/registry.h"

#define TEXT_MAX 256

static enum claim_standing standing_of(const struct claim *claim, const char *gateway,
				       const struct request *request)
{
	if (!gw_streq(claim->gateway, gateway) || !gw_streq(claim->device, request->device))
		return CLAIM_STANDS_FOREIGN;
	if (!gw_streq(claim->tenant, request->tenant))
		return CLAIM_STANDS_OTHER_TENANT;

	switch (claim->state) {
	case CLAIM_OPEN: return CLAIM_STANDS_OPEN;
	case CLAIM_SPENT: return CLAIM_STANDS_SPENT;
	case CLAIM_CLOSED:
	case _CLAIM_STATE_MAX: break;
	}
	return CLAIM_STANDS_CLOSED;
}

static int claim_facts(struct desk *desk, const char *gateway, const struct request *request,
		       struct enroll_facts *facts)
{
	struct claim claim;
	int r;

	r = registry_claim_get(desk->registry, request->claim, &claim);
	if (r == -ENOENT) {
		facts->claim = CLAIM_STANDS_NEW;
		return 0;
	}
	if (r < 0)
		return r;

	facts->claim = standing_of(&claim, gateway, request);
	(void)gw_reason_from_code(claim.reason, &facts->claim_why);
	if (facts->claim == CLAIM_STANDS_OPEN && claim.expires &&
	    claim.expires <= request_now_s()) {
		facts->claim = CLAIM_STANDS_CLOSED;
		facts->claim_why = GW_REASON_CLAIM_EXPIRED;
	}
	return 0;
}

/* The live record is for the text of a refusal. */
static int device_facts(struct desk *desk, const char *gateway, const struct request *request,
			struct record *live, struct enroll_facts *facts)
{
	int r;

	r = registry_certificate_live(desk->registry, request->device, request_now_s(), live);
	if (r == -ENOENT) {
		facts->device = DEVICE_STANDS_NOWHERE;
		return 0;
	}
	if (r < 0)
		return r;

	if (!gw_streq(live->gateway, gateway))
		facts->device = DEVICE_STANDS_ELSEWHERE;
	else if (!gw_streq(live->tenant, request->tenant))
		facts->device = DEVICE_STANDS_HERE_OTHER_TENANT;
	else
		facts->device = DEVICE_STANDS_HERE;
	return 0;
}

/* Where a device is aboard is said to its own tenant only. */
static int refuse_enroll(struct reply *reply, const struct request *request, enum gw_reason why,
			 const struct record *live)
{
	char text[TEXT_MAX + 1];

	if (why != GW_REASON_LIVE_ELSEWHERE || !gw_streq(live->tenant, request->tenant))
		return request_refuse(reply, request, why, /* text= */ NULL);

	(void)snprintf(text, sizeof(text), "%s is aboard at %s.", request->device, live->gateway);
	return request_refuse(reply, request, why, text);
}

static int add_claim(struct desk *desk, const char *gateway, const struct request *request)
{
	struct claim claim = { .state = CLAIM_OPEN };

	(void)gw_copy(claim.id, sizeof(claim.id), request->claim);
	(void)gw_copy(claim.gateway, sizeof(claim.gateway), gateway);
	(void)gw_copy(claim.device, sizeof(claim.device), request->device);
	(void)gw_copy(claim.tenant, sizeof(claim.tenant), request->tenant);
	return registry_claim_add(desk->registry, &claim);
}

static int grant_enroll(struct desk *desk, const char *gateway, const struct request *request,
			EVP_PKEY *key, struct reply *reply)
{
	struct order order = { .profile = PROFILE_DEVICE,
			       .name = request->device,
			       .organisation = request->tenant,
			       .lifetime_s = desk->lifetime_s,
			       .key = key };
	_cleanup_free_ uint8_t *der = NULL;
	struct record record;
	size_t len;
	int r;

	r = request_issue(&desk->device, &order, request, gateway, &record, &der, &len);
	if (r >= 0)
		r = registry_certificate_add(desk->registry, &record, der, len);
	if (r < 0)
		return r;

	gw_log_device(INFO, request->device, "issued %s to %s under claim %s", record.serial,
		      gateway, request->claim);
	reply->step = "cloud.issue";
	return request_say(reply,
			   body_issued(request->id, (struct gw_blob){ der, len },
				       /* anchors= */ NULL),
			   /* is_final= */ true);
}

int request_enroll(struct desk *desk, const char *gateway, const struct request *request,
		   struct reply *reply)
{
	_cleanup_(csr_freep) X509_REQ *csr = NULL;
	struct enroll_facts facts = { 0 };
	struct record live = { 0 };
	enum gw_reason why;
	int r;

	facts.csr = request_examine(request, request->device, &csr, &facts.csr_has_key,
				    &facts.csr_in_name);
	r = claim_facts(desk, gateway, request, &facts);
	if (r >= 0)
		r = device_facts(desk, gateway, request, &live, &facts);
	if (r >= 0)
		r = registry_tenant_is_allowed(desk->registry, gateway, request->tenant,
					       &facts.tenant_is_allowed);
	if (r >= 0)
		r = registry_certificate_other_keys(desk->registry, request->claim, request->key,
						    &facts.n_other_keys);
	if (r < 0)
		return r;

	why = policy_enroll(&facts);
	if (why != GW_REASON_NONE)
		return refuse_enroll(reply, request, why, &live);

	if (facts.claim == CLAIM_STANDS_NEW) {
		r = add_claim(desk, gateway, request);
		if (r < 0)
			return r;
	}
	return grant_enroll(desk, gateway, request, X509_REQ_get0_pubkey(csr), reply);
}
