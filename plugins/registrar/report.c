/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * {"version":1,"status":true,"reason":"...","reason-context":{...}}. Only the status and the reason
 * are of use: the context is the maker's own and is checked for its form only. The reason ends up in
 * front of an operator, so whatever is not printable ASCII in it becomes '?'.
 */
#include "plugins/registrar/report.h"

#include <errno.h>

#include <jansson.h>

#include "lib/blob.h"
#include "lib/coap.h"
#include "lib/util.h"
#include "plugins/registrar/reply.h"
#include "plugins/registrar/resource.h"

#define REPORT_VERSION 1

static void copy_printable(char ret[GW_TEXT_MAX + 1], const char *from)
{
	size_t i;

	for (i = 0; i < GW_TEXT_MAX && from[i]; i++)
		ret[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	ret[i] = 0;
}

int report_parse(struct gw_blob json, bool *ret_ok, char ret_text[GW_TEXT_MAX + 1])
{
	json_auto_t *root = NULL;
	const char *reason = "";
	json_t *context = NULL;
	int version, ok;

	if (json.len > REPORT_MAX)
		return -EBADMSG;

	root = json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES,
			  /* error= */ NULL);
	if (!root || json_unpack(root, "{s:i, s:b, s?s, s?o}", "version", &version, "status", &ok,
				 "reason", &reason, "reason-context", &context) < 0)
		return -EBADMSG;
	if (version != REPORT_VERSION || (context && !json_is_object(context)))
		return -EBADMSG;

	*ret_ok = ok;
	copy_printable(ret_text, reason);
	return 0;
}

int report_begin(struct resource_call *call, struct reply *reply, struct gw_msg *ret_msg)
{
	bool ok;

	if (report_parse(call->body, &ok, call->text) < 0) {
		reply_text(reply, GW_COAP_BAD_REQUEST, "not an enrolment status (RFC 8995 5.9.4)");
		return 0;
	}

	*ret_msg = (struct gw_msg){ .type = GW_MSG_REPORT,
				    .report = { .ok = ok, .text = call->text } };
	return 1;
}

int report_finish(const struct resource_call *call, const struct gw_msg *answer,
		  struct reply *reply)
{
	if (answer->reported.outcome == GW_OUTCOME_DONE)
		reply_code(reply, GW_COAP_CHANGED);
	else
		reply_reason(reply, GW_COAP_FORBIDDEN, answer->reported.reason);
	return 0;
}
