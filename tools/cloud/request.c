/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What several kinds of request need: a look at the CSR, a certificate, an answer. */
#include "tools/cloud/request.h"

#include <openssl/x509.h>
#include <time.h>

#include "lib/blob.h"
#include "lib/hex.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "tools/cloud/authority.h"
#include "tools/cloud/body.h"
#include "tools/cloud/certificate.h"
#include "tools/cloud/csr.h"
#include "tools/cloud/registry.h"

uint64_t request_now_s(void)
{
	return (uint64_t)time(/* tloc= */ NULL);
}

int request_say(struct reply *reply, char *body, bool is_final)
{
	reply->body = body;
	reply->is_final = is_final;
	return body ? 0 : -ENOMEM;
}

int request_refuse(struct reply *reply, const struct request *request, enum gw_reason why,
		   const char *text)
{
	return request_say(reply,
			   body_refused(request->id, /* final= */ true, gw_reason_code(why),
					text ?: gw_reason_text(why)),
			   /* is_final= */ true);
}

enum gw_reason request_examine(const struct request *request, const char *name, X509_REQ **ret,
			       bool *ret_has_key, bool *ret_in_name)
{
	struct gw_blob der = { request->csr.data, request->csr.len };
	uint8_t hash[KEY_HASH_LEN];
	char text[BODY_HASH_LEN + 1];
	enum gw_reason why;

	why = csr_read(der, ret);
	if (why != GW_REASON_NONE)
		return why;
	if (csr_key_hash(*ret, hash) < 0)
		return GW_REASON_BAD_CSR;

	gw_hex_encode(hash, sizeof(hash), text);
	*ret_has_key = gw_streq(text, request->key);
	*ret_in_name = csr_is_in_name_of(*ret, name);
	return GW_REASON_NONE;
}

int request_issue(const struct signer *signer, const struct order *order,
		  const struct request *request, const char *gateway, struct record *ret_record,
		  uint8_t **ret_der, size_t *ret_len)
{
	_cleanup_(certificate_freep) X509 *certificate = NULL;
	struct record record = { .state = CERTIFICATE_CANDIDATE, .authority = signer->number };
	int r;

	r = authority_issue(signer->authority, order, &certificate);
	if (r >= 0)
		r = certificate_serial(certificate, record.serial);
	if (r >= 0)
		r = certificate_validity(certificate, &record.not_before, &record.not_after);
	if (r >= 0)
		r = certificate_encode(certificate, ret_der, ret_len);
	if (r < 0)
		return r;

	(void)gw_copy(record.gateway, sizeof(record.gateway), gateway);
	(void)gw_copy(record.device, sizeof(record.device), request->device);
	(void)gw_copy(record.tenant, sizeof(record.tenant), request->tenant);
	(void)gw_copy(record.claim, sizeof(record.claim), request->claim);
	(void)gw_copy(record.job, sizeof(record.job), request->id);
	(void)gw_copy(record.key, sizeof(record.key), request->key);
	*ret_record = record;
	return 0;
}
