/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A body that can be read fits the link, and one that we could have written ourselves is written
 * again as the same bytes. The first byte chooses the topic: 'q' request, 'r' response, 'c'
 * command, 'a' answer.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"
#include "plugins/mqtt/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fits_link(const struct dialect_body *body)
{
	static uint8_t buf[GW_WIRE_MAX];
	struct gw_wire_error error;
	struct gw_msg msg;
	size_t len;

	if (gw_wire_encode(&body->msg, buf, sizeof(buf), &len) < 0)
		abort();
	if (gw_wire_decode(buf, len, &msg, &error) < 0)
		abort();
	for (int i = 0; i < _GW_ANCHORS_MAX; i++)
		if (body->has_anchors != !!body->anchors[i].len ||
		    body->anchors[i].len > GW_ANCHORS_MAX)
			abort();
}

static void check_round_trip(enum dialect_topic topic, const struct gw_msg *msg)
{
	_cleanup_free_ char *text = NULL, *text_again = NULL;
	struct dialect_error error;
	struct dialect_body again;

	if (dialect_write(msg, &text, &error) < 0)
		abort();
	if (dialect_read(topic, (struct gw_blob){ (const uint8_t *)text, strlen(text) }, &again,
			 &error) < 0)
		abort();
	if (dialect_write(&again.msg, &text_again, &error) < 0)
		abort();
	if (strcmp(text, text_again) != 0)
		abort();
	dialect_body_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char letters[_DIALECT_TOPIC_MAX] = { '-', 'q', 'r', 'c', 'a' };
	const char *letter = size ? memchr(letters, data[0], sizeof(letters)) : NULL;
	struct dialect_error error = { 0 };
	enum dialect_topic topic;
	struct dialect_body body;
	char id[GW_ID_MAX + 1];

	if (!letter || size > DIALECT_BODY_MAX + 1)
		return 0;
	dialect_init();
	topic = (enum dialect_topic)(letter - letters);
	if (topic == DIALECT_STATUS) {
		(void)dialect_read_status_id((struct gw_blob){ data + 1, size - 1 }, id);
		return 0;
	}

	if (dialect_read(topic, (struct gw_blob){ data + 1, size - 1 }, &body, &error) < 0) {
		if (!error.kind || !error.member || !error.why)
			abort();
		return 0;
	}
	check_fits_link(&body);
	if (topic == DIALECT_REQUEST || topic == DIALECT_ANSWER)
		check_round_trip(topic, &body.msg);
	dialect_body_done(&body);
	return 0;
}
