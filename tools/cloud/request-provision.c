/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `provision`, `provisioned` and `relinquished`: the gateways' own certificates. The first is asked for on a claim's
 * topic, where the broker vouches for the claim and for nothing else; all later ones on the
 * gateway's own. In both cases one job, one certificate, however often it is asked for; what was
 * refused is judged anew, since an operator may have mended it.
 *
 * A candidate unseats nothing. With two boxes of one identity both may get one; whoever proves his
 * first is the gateway, and the other hears `already-aboard` from then on. That holds when its certificate has ended, too:
 * it was away for long, and may be back tomorrow. By the key of that certificate it is known again, and nobody else is.
 */
#include "tools/cloud/request.h"

#include <openssl/x509.h>

#include "lib/blob.h"
#include "lib/log.h"
#include "lib/util.h"
#include "tools/cloud/authority.h"
#include "tools/cloud/body.h"
#include "tools/cloud/bundle.h"
#include "tools/cloud/csr.h"
#include "tools/cloud/desk.h"
#include "tools/cloud/home.h"
#include "tools/cloud/members.h"
#include "tools/cloud/policy.h"
#include "tools/cloud/registry.h"

#define CANDIDATES_MAX 3 /* unproved ones that a gateway that renews or is back may have */

/* --- answers --------------------------------------------------------------------------------- */

static int say_issued(struct desk *desk, const struct request *request, struct gw_blob der,
		      struct reply *reply)
{
	_cleanup_(bundle_done) struct bundle anchors = { .n = 0 };
	int r;

	r = desk_broker_anchors(desk, &anchors);
	if (r < 0) {
		gw_log(ERROR, "%s/%s: %s; run init once more", desk->home->path,
		       MEMBER_BROKER_ANCHORS, strerror(-r));
		return r;
	}
	return request_say(reply, body_issued_gateway(request->id, der, anchors.der, anchors.n),
			   /* is_final= */ false);
}

/* Where the reason's own words, which speak of devices, would mislead. */
static const struct {
	enum gw_reason why;
	const char *text;
} texts[] = {
	{ GW_REASON_ALREADY_ABOARD,
	  "It is aboard with another certificate. Is this a copy of its image? If the box was "
	  "replaced, readmit it in the cloud." },
	{ GW_REASON_CLAIM_USED, "As many gateways as the claim allows have come by it." },
	{ GW_REASON_NO_CLAIM, "There is no such claim of gateways." },
	{ GW_REASON_REVOKED, "This gateway, or the certificate that it has, was revoked." },
	{ GW_REASON_TOO_MANY_KEYS, "It has come with three keys and proved none of them." },
	{ GW_REASON_WITHDRAWN, "The claim was closed." },
	{ GW_REASON_CLAIM_EXPIRED, "The claim's time is over." },
	{ GW_REASON_CERTIFICATE_EXPIRED,
	  "What was issued for this has ended; ask under another id, or with another key." },
	{ GW_REASON_UNKNOWN_CERTIFICATE,
	  "Another certificate than this one is live. Is this a copy of another box's image?" },
};

static int refuse(const struct request *request, const char *gateway, enum gw_reason why,
		  struct reply *reply)
{
	const char *text = gw_reason_text(why);

	for (size_t i = 0; i < GW_ELEMENTS(texts); i++)
		if (texts[i].why == why)
			text = texts[i].text;
	gw_log(WARNING, "refused %s a certificate of its own: %s", gateway, gw_reason_code(why));
	return request_say(reply,
			   body_refused(request->id, /* final= */ true, gw_reason_code(why), text),
			   /* is_final= */ false);
}

/* --- what both ways share -------------------------------------------------------------------- */

static int issue(struct desk *desk, const char *gateway, const char *claim,
		 const struct request *request, X509_REQ *csr, struct reply *reply)
{
	const struct order order = { .profile = PROFILE_MEMBER,
				     .name = gateway,
				     .lifetime_s = desk->gateway_lifetime_s,
				     .key = X509_REQ_get0_pubkey(csr) };
	_cleanup_free_ uint8_t *der = NULL;
	struct record record;
	size_t len;
	int r;

	r = request_issue(&desk->gateway, &order, request, gateway, &record, &der, &len);
	if (r < 0)
		return r;

	(void)gw_copy(record.claim, sizeof(record.claim), claim);
	r = registry_gateway_certificate_add(desk->registry, &record, der, len);
	if (r < 0)
		return r;

	gw_log(INFO, "issued certificate %s to gateway %s", record.serial, gateway);
	reply->step = "cloud.provision";
	return say_issued(desk, request, (struct gw_blob){ der, len }, reply);
}

/* Makes room for another candidate of a gateway that we know. */
static int trim(struct desk *desk, const char *gateway)
{
	return registry_gateway_certificate_trim(desk->registry, gateway, CANDIDATES_MAX - 1,
						 gw_reason_code(GW_REASON_SUPERSEDED));
}

/* Whether this request was answered with a certificate before; then it is answered here. */
static int answer_again(struct desk *desk, const char *gateway, const struct request *request,
			struct reply *reply)
{
	_cleanup_free_ uint8_t *der = NULL;
	struct record record;
	size_t len;
	int r;

	r = registry_gateway_certificate_of_job(desk->registry, gateway, request->id, &record, &der,
						&len);
	if (r < 0)
		return r == -ENOENT ? 0 : r;

	if (!gw_streq(record.key, request->key))
		r = refuse(request, gateway, GW_REASON_BAD_MESSAGE, reply);
	else if (record.state == CERTIFICATE_REVOKED)
		r = refuse(request, gateway, GW_REASON_REVOKED, reply);
	else if (record.not_after <= request_now_s())
		r = refuse(request, gateway, GW_REASON_CERTIFICATE_EXPIRED, reply);
	else
		r = say_issued(desk, request, (struct gw_blob){ der, len }, reply);
	return r < 0 ? r : 1;
}

/* ret_is_back: as in struct provision_facts, for who comes with that key. */
static int is_aboard(struct registry *registry, const char *gateway, const char *key, bool *ret,
		     bool *ret_is_back)
{
	struct record live;
	int r = registry_gateway_certificate_live(registry, gateway, &live);

	if (r < 0 && r != -ENOENT)
		return r;

	*ret = r >= 0;
	*ret_is_back = r >= 0 && live.not_after <= request_now_s() && gw_streq(live.key, key);
	return 0;
}

/* --- by a claim ------------------------------------------------------------------------------ */

static int claim_standing(struct registry *registry, const char *name, const char *gateway,
			  enum gateway_claim_standing *ret)
{
	bool is_on_list = false, used_it = false;
	struct gateway_claim claim;
	int r;

	*ret = GATEWAY_CLAIM_UNKNOWN;
	r = registry_gateway_claim_get(registry, name, &claim);
	if (r == -ENOENT)
		return 0;
	if (r >= 0)
		r = registry_gateway_claim_lists(registry, name, gateway, &is_on_list);
	if (r >= 0)
		r = registry_gateway_claim_was_used_by(registry, name, gateway, &used_it);
	if (r < 0)
		return r;

	if (claim.is_closed)
		*ret = GATEWAY_CLAIM_CLOSED;
	else if (claim.expires && request_now_s() >= claim.expires)
		*ret = GATEWAY_CLAIM_EXPIRED;
	else if (claim.is_listed && !is_on_list)
		*ret = GATEWAY_CLAIM_NOT_LISTED;
	else if (claim.n_used - used_it >= claim.uses)
		*ret = GATEWAY_CLAIM_USED_UP;
	else
		*ret = GATEWAY_CLAIM_OPEN;
	return 0;
}

static int gather(struct desk *desk, const char *claim, const char *gateway, const char *key,
		  struct provision_facts *facts)
{
	char reason[REGISTRY_ID_MAX + 1];
	int r;

	facts->id_is_valid = member_gateway_is_valid(gateway);
	r = claim_standing(desk->registry, claim, gateway, &facts->claim);
	if (r >= 0)
		r = is_aboard(desk->registry, gateway, key, &facts->is_aboard, &facts->is_back);
	if (r >= 0)
		r = registry_gateway_certificate_candidates(desk->registry, gateway,
							    &facts->n_candidates);
	if (r >= 0)
		r = registry_gateway_is_barred(desk->registry, gateway, reason, sizeof(reason));
	if (r < 0)
		return r;

	facts->is_barred = r > 0;
	return 0;
}

int request_provision_by(struct desk *desk, const char *claim, const char *gateway,
			 const struct request *request, struct reply *reply)
{
	_cleanup_(csr_freep) X509_REQ *csr = NULL;
	struct provision_facts facts = { 0 };
	enum gw_reason why;
	int r;

	r = answer_again(desk, gateway, request, reply);
	if (r != 0)
		return r < 0 ? r : 0;

	facts.csr = request_examine(request, gateway, &csr, &facts.csr_has_key, &facts.csr_in_name);
	r = gather(desk, claim, gateway, request->key, &facts);
	if (r < 0)
		return r;

	why = policy_provision(&facts);
	if (why != GW_REASON_NONE)
		return refuse(request, gateway, why, reply);

	if (facts.is_back)
		gw_log(NOTICE, "%s is back after its certificate has ended, with the same key",
		       gateway);
	r = registry_gateway_admit(desk->registry, claim, gateway);
	if (r >= 0 && facts.is_back)
		r = trim(desk, gateway);
	return r < 0 ? r : issue(desk, gateway, claim, request, csr, reply);
}

/* --- renewal --------------------------------------------------------------------------------- */

static int renewed_standing(struct registry *registry, const char *gateway,
			    const struct request *request, enum renewed_standing *ret)
{
	struct record record;
	bool aboard, back;
	int r;

	*ret = RENEWED_UNTOLD;
	if (!*request->serial)
		return 0;

	r = registry_gateway_certificate_get(registry, request->serial, &record);
	if (r >= 0 && gw_streq(record.gateway, gateway)) {
		*ret = record.state == CERTIFICATE_REVOKED ? RENEWED_REVOKED : RENEWED_GOOD;
		return 0;
	}
	if (r < 0 && r != -ENOENT)
		return r;

	r = is_aboard(registry, gateway, request->key, &aboard, &back);
	if (r >= 0)
		*ret = aboard ? RENEWED_STRANGE : RENEWED_UNKNOWN;
	return r;
}

int request_provision(struct desk *desk, const char *gateway, const struct request *request,
		      struct reply *reply)
{
	_cleanup_(csr_freep) X509_REQ *csr = NULL;
	struct renew_gateway_facts facts = { 0 };
	enum gw_reason why;
	int r;

	r = answer_again(desk, gateway, request, reply);
	if (r != 0)
		return r < 0 ? r : 0;

	facts.csr = request_examine(request, gateway, &csr, &facts.csr_has_key, &facts.csr_in_name);
	r = renewed_standing(desk->registry, gateway, request, &facts.renewed);
	if (r < 0)
		return r;

	why = policy_renew_gateway(&facts);
	if (why != GW_REASON_NONE)
		return refuse(request, gateway, why, reply);

	r = trim(desk, gateway);
	return r < 0 ? r : issue(desk, gateway, /* claim= */ "", request, csr, reply);
}

/* --- the proof ------------------------------------------------------------------------------- */

int request_provisioned(struct desk *desk, const char *gateway, const struct request *request,
			struct reply *reply)
{
	struct record record;
	int r;

	r = registry_gateway_certificate_get(desk->registry, request->serial, &record);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r < 0 || !gw_streq(record.gateway, gateway))
		return refuse(request, gateway, GW_REASON_UNKNOWN_CERTIFICATE, reply);
	if (record.state == CERTIFICATE_REVOKED)
		return refuse(request, gateway, GW_REASON_REVOKED, reply);

	if (record.state == CERTIFICATE_CANDIDATE) {
		r = registry_gateway_certificate_prove(desk->registry, &record);
		if (r < 0)
			return r;
		gw_log(INFO, "gateway %s has proved %s", gateway, record.serial);
		reply->step = "cloud.provisioned";
	}
	return request_say(reply, body_done(request->id), /* is_final= */ false);
}

/* --- the end --------------------------------------------------------------------------------- */

/* It was reset, and has nothing to come with any more; by a claim that still lets it in it may come again. */
int request_relinquished(struct desk *desk, const char *gateway, const struct request *request,
			 struct reply *reply)
{
	const char *why = gw_reason_code(GW_REASON_DECOMMISSIONED);
	struct record record;
	int r;

	r = registry_gateway_certificate_get(desk->registry, request->serial, &record);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r >= 0 && gw_streq(record.gateway, gateway)) {
		r = registry_gateway_retire(desk->registry, gateway, why);
		if (r < 0)
			return r;
		gw_log(INFO, "gateway %s has given up its certificates", gateway);
		reply->step = "cloud.relinquished";
	}
	return request_say(reply, body_done(request->id), /* is_final= */ true);
}
