/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The certificate side of a conversation: anchors out, signing requests in, certificates out. A signing
 * request that is refused here is answered here, and the agent is told for the record; one that is
 * fit becomes an ENROLL. Nothing is remembered: the same request again is the same job to the agent.
 */
#include "plugins/registrar/est.h"

#include <errno.h>

#include "lib/coap.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "plugins/registrar/conversation.h"
#include "plugins/registrar/csr.h"
#include "plugins/registrar/pkcs7.h"
#include "plugins/registrar/reply.h"
#include "plugins/registrar/resource.h"

/*
 * CsrAttrs (RFC 7030 4.5.2): sign with ecdsa-with-SHA256, by a key (id-ecPublicKey) on prime256v1. It
 * is what every client can do; csr.c takes more.
 */
static const uint8_t attributes[] = {
	0x30, 0x21,                                                 /* SEQUENCE */
	0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, /* ecdsa-with-SHA256 */
	0x30, 0x15,                                                 /* Attribute */
	0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,       /* id-ecPublicKey */
	0x31, 0x0a,                                                 /* SET */
	0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, /* prime256v1 */
};

/* Certificates in the form that the peer wants; a single one of them if it wants no PKCS#7. */
static int reply_certs(struct reply *reply, uint8_t code, int format, const struct gw_blob *parts,
		       size_t n_parts)
{
	uint8_t *body;
	size_t len;
	int r;

	if (format == GW_COAP_FORMAT_PKIX_CERT)
		return reply_copy(reply, code, format, parts[0]);

	r = pkcs7_certs_only(parts, n_parts, &body, &len);
	if (r < 0)
		return r;
	reply_body(reply, code, format, body, len);
	return 0;
}

int est_anchors(struct resource_call *call, struct reply *reply, struct gw_msg *ret_msg)
{
	const struct conversation_facts *facts = call->facts;

	if (facts->n_anchors == 0) {
		reply_later(reply, RESOURCE_RETRY_AFTER_S);
		return 0;
	}
	if (call->format == GW_COAP_FORMAT_PKIX_CERT && facts->n_anchors > 1) {
		reply_text(reply, GW_COAP_NOT_ACCEPTABLE, "more than one certificate: ask for 281");
		return 0;
	}
	return reply_certs(reply, GW_COAP_CONTENT, call->format, facts->anchors, facts->n_anchors);
}

int est_attributes(struct resource_call *call, struct reply *reply, struct gw_msg *ret_msg)
{
	return reply_copy(reply, GW_COAP_CONTENT, GW_COAP_FORMAT_CSRATTRS,
			  (struct gw_blob)GW_BLOB_ARRAY(attributes));
}

static int enroll(struct resource_call *call, bool renew, struct reply *reply,
		  struct gw_msg *ret_msg)
{
	enum gw_reason reason;
	int r;

	r = csr_check(call->body, call->peer->device, call->peer->binding, &reason, call->key);
	if (r < 0)
		return r;

	if (reason != GW_REASON_NONE) {
		reply_reason(reply, GW_COAP_BAD_REQUEST, gw_reason_code(reason));
		*ret_msg = (struct gw_msg){ .type = GW_MSG_REJECTED,
					    .rejected.reason = gw_reason_code(reason) };
		return 0;
	}

	*ret_msg = (struct gw_msg){
		.type = GW_MSG_ENROLL,
		.enroll = { .renew = renew, .key = GW_BLOB_ARRAY(call->key), .csr = call->body }
	};
	return 1;
}

int est_enroll(struct resource_call *call, struct reply *reply, struct gw_msg *ret_msg)
{
	return enroll(call, /* renew= */ false, reply, ret_msg);
}

int est_renew(struct resource_call *call, struct reply *reply, struct gw_msg *ret_msg)
{
	return enroll(call, /* renew= */ true, reply, ret_msg);
}

int est_enrolled(const struct resource_call *call, const struct gw_msg *answer, struct reply *reply)
{
	const struct gw_msg_enrolled *enrolled = &answer->enrolled;
	const struct gw_blob parts[] = { enrolled->certificate, enrolled->chain };

	switch ((enum gw_outcome)enrolled->outcome) {
	case GW_OUTCOME_DONE:
		return reply_certs(reply, GW_COAP_CHANGED, call->format, parts, GW_ELEMENTS(parts));
	case GW_OUTCOME_PENDING:
		reply_later(reply, enrolled->retry_after_s ? enrolled->retry_after_s
							   : RESOURCE_RETRY_AFTER_S);
		return 0;
	case GW_OUTCOME_REFUSED: reply_reason(reply, GW_COAP_FORBIDDEN, enrolled->reason); return 0;
	case _GW_OUTCOME_MAX: break;
	}
	return -EBADMSG;
}
