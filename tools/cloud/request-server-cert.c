/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `server-cert`: what devices know a gateway's registrar by, for a month: it is renewed after two thirds of that, so a
 * gateway that loses the cloud has it for ten days more. The anchors come along, so that a gateway's picture of them
 * is never older than that.
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
#include "tools/cloud/desk.h"
#include "tools/cloud/policy.h"
#include "tools/cloud/registry.h"

#define REGISTRAR_LIFETIME_S ((uint64_t)30 * 86400)

int request_server_cert(struct desk *desk, const char *gateway, const struct request *request,
			struct reply *reply)
{
	struct order order = { .profile = PROFILE_REGISTRAR,
			       .name = gateway,
			       .host = gateway,
			       .lifetime_s = REGISTRAR_LIFETIME_S };
	_cleanup_(csr_freep) X509_REQ *csr = NULL;
	_cleanup_free_ uint8_t *der = NULL;
	struct body_anchors anchors;
	struct server_facts facts = { 0 };
	struct record record;
	enum gw_reason why;
	size_t len;
	int r;

	facts.csr = request_examine(request, gateway, &csr, &facts.csr_has_key, &facts.csr_in_name);
	why = policy_server(&facts);
	if (why != GW_REASON_NONE)
		return request_refuse(reply, request, why, /* text= */ NULL);

	order.key = X509_REQ_get0_pubkey(csr);
	r = request_issue(&desk->registrar, &order, request, gateway, &record, &der, &len);
	if (r >= 0)
		r = registry_registrar_add(desk->registry, &record, der, len);
	if (r < 0)
		return r;

	gw_log(INFO, "issued server certificate %s to %s", record.serial, gateway);
	reply->step = "cloud.server-cert";
	desk_anchors(desk, &anchors);
	return request_say(reply, body_issued(request->id, (struct gw_blob){ der, len }, &anchors),
			   /* is_final= */ true);
}
