/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `renew`: the next certificate of a device that is aboard. The claim under which it came is spent; what
 * speaks for it now is its present certificate, which stays the live one until the next is proved. Whether
 * that has expired is the gateway's business: it knows whom it let in, and who approved.
 */
#include "tools/cloud/request.h"

#include <openssl/x509.h>

#include "lib/blob.h"
#include "lib/log.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "tools/cloud/authority.h"
#include "tools/cloud/body.h"
#include "tools/cloud/csr.h"
#include "tools/cloud/policy.h"
#include "tools/cloud/registry.h"

static int find_present(struct desk *desk, const char *gateway, const struct request *request,
			struct record *present, struct renew_facts *facts)
{
	static const enum present_standing standings[_CERTIFICATE_STATE_MAX] = {
		[CERTIFICATE_CANDIDATE] = PRESENT_STANDS_UNKNOWN, /* nobody has seen it yet */
		[CERTIFICATE_LIVE] = PRESENT_STANDS_LIVE,
		[CERTIFICATE_REVOKED] = PRESENT_STANDS_REVOKED,
	};
	int r;

	facts->present = PRESENT_STANDS_UNKNOWN;
	r = registry_certificate_get(desk->registry, request->serial, present);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;

	if (!gw_streq(present->gateway, gateway) || !gw_streq(present->device, request->device))
		return 0;
	facts->present = standings[present->state];
	facts->same_tenant = gw_streq(present->tenant, request->tenant);
	(void)gw_reason_from_code(present->reason, &facts->revoked_why);
	return 0;
}

static int grant(struct desk *desk, const char *gateway, const struct request *request,
		 const struct record *present, EVP_PKEY *key, struct reply *reply)
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
	if (r < 0)
		return r;
	(void)gw_copy(record.claim, sizeof(record.claim), present->claim);
	(void)gw_copy(record.renews, sizeof(record.renews), present->serial);
	r = registry_certificate_add(desk->registry, &record, der, len);
	if (r < 0)
		return r;

	gw_log_device(INFO, request->device, "issued %s to %s, to renew %s", record.serial, gateway,
		      present->serial);
	reply->step = "cloud.issue";
	return request_say(reply,
			   body_issued(request->id, (struct gw_blob){ der, len },
				       /* anchors= */ NULL),
			   /* is_final= */ true);
}

int request_renew(struct desk *desk, const char *gateway, const struct request *request,
		  struct reply *reply)
{
	_cleanup_(csr_freep) X509_REQ *csr = NULL;
	struct renew_facts facts = { 0 };
	struct record present = { 0 };
	enum gw_reason why;
	int r;

	facts.csr = request_examine(request, request->device, &csr, &facts.csr_has_key,
				    &facts.csr_in_name);
	r = find_present(desk, gateway, request, &present, &facts);
	if (r >= 0)
		r = registry_tenant_is_allowed(desk->registry, gateway, request->tenant,
					       &facts.tenant_is_allowed);
	if (r >= 0)
		r = registry_certificate_other_renewals(desk->registry, request->serial,
							request->key, &facts.n_other_keys);
	if (r < 0)
		return r;

	why = policy_renew(&facts);
	if (why != GW_REASON_NONE)
		return request_refuse(reply, request, why, /* text= */ NULL);
	return grant(desk, gateway, request, &present, X509_REQ_get0_pubkey(csr), reply);
}
