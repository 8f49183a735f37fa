/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The few shapes a reply has. A reply owns its body; each function fills in an empty one. */
#include "plugins/registrar/reply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/blob.h"
#include "lib/coap.h"
#include "lib/reason.h"

void reply_done(struct reply *reply)
{
	free(reply->body);
	*reply = (struct reply){ .format = REPLY_NO_FORMAT };
}

void reply_body(struct reply *reply, uint8_t code, int format, uint8_t *body, size_t len)
{
	*reply = (struct reply){ .code = code, .format = format, .body = body, .len = len };
}

void reply_code(struct reply *reply, uint8_t code)
{
	reply_body(reply, code, REPLY_NO_FORMAT, /* body= */ NULL, 0);
}

int reply_copy(struct reply *reply, uint8_t code, int format, struct gw_blob body)
{
	uint8_t *copy = gw_blob_dup(body);

	if (!copy)
		return -ENOMEM;
	reply_body(reply, code, format, copy, body.len);
	return 0;
}

void reply_text(struct reply *reply, uint8_t code, const char *text)
{
	struct gw_blob body = { (const uint8_t *)text, strlen(text) };

	if (reply_copy(reply, code, REPLY_NO_FORMAT, body) < 0)
		reply_code(reply, code);
}

void reply_reason(struct reply *reply, uint8_t code, const char *reason)
{
	char text[REPLY_TEXT_MAX];
	enum gw_reason known;

	if (gw_reason_from_code(reason, &known) == 0)
		(void)snprintf(text, sizeof(text), "%s: %s", reason, gw_reason_text(known));
	else
		(void)snprintf(text, sizeof(text), "%s", reason);
	reply_text(reply, code, text);
}

void reply_later(struct reply *reply, uint32_t max_age_s)
{
	reply_code(reply, GW_COAP_UNAVAILABLE);
	reply->max_age_s = max_age_s;
}
