/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Options that must be understood and are not, come too often or have a wrong length are refused
 * (RFC 7252 5.4.1, 5.4.3, 5.4.5); others of that kind are ignored. That includes Observe: our answers
 * never change by themselves. We are nobody's proxy, and that has an answer of its own (5.10.2).
 */
#include "plugins/registrar/request.h"

#include <errno.h>

#include "lib/util.h"

static const struct {
	uint16_t number;
	bool repeatable;
	size_t len_min, len_max;
} known[] = {
	{ GW_COAP_URI_HOST, false, 1, 255 }, { GW_COAP_URI_PORT, false, 0, 2 },
	{ GW_COAP_URI_PATH, true, 0, 255 },  { GW_COAP_URI_QUERY, true, 0, 255 },
	{ GW_COAP_ACCEPT, false, 0, 2 },     { GW_COAP_BLOCK2, false, 0, 3 },
	{ GW_COAP_BLOCK1, false, 0, 3 },
};

static bool is_understood(const struct gw_coap *msg, size_t at)
{
	const struct gw_coap_option *option = &msg->options[at];

	for (size_t i = 0; i < GW_ELEMENTS(known); i++) {
		if (known[i].number != option->number)
			continue;
		return option->value.len >= known[i].len_min &&
		       option->value.len <= known[i].len_max &&
		       (known[i].repeatable || at == 0 ||
			msg->options[at - 1].number != option->number);
	}
	return !gw_coap_is_critical(option->number);
}

static int read_block(const struct gw_coap *msg, uint16_t number, bool *ret_has,
		      struct gw_coap_block *ret)
{
	int r = gw_coap_find_block(msg, number, ret);

	*ret_has = r == 0;
	return r == -ENOENT ? 0 : r;
}

/* The value of an option that is a content format; one of a wrong length counts as not there. */
static int read_format(const struct gw_coap *msg, uint16_t number)
{
	const struct gw_coap_option *option = gw_coap_find(msg, number);
	uint32_t value;

	if (!option || option->value.len > sizeof(uint16_t) ||
	    gw_coap_find_uint(msg, number, &value) < 0)
		return -1;
	return (int)value;
}

static void refuse(uint8_t code, const char *why, uint8_t *ret_code, const char **ret_why)
{
	*ret_code = code;
	*ret_why = why;
}

static int read_uri(const struct gw_coap *msg, struct request *request)
{
	for (size_t i = 0; i < msg->n_options; i++) {
		const struct gw_coap_option *option = &msg->options[i];

		if (option->number == GW_COAP_URI_PATH) {
			if (request->n_path == REQUEST_SEGMENTS_MAX)
				return -E2BIG;
			request->path[request->n_path++] = option->value;
		}
		if (option->number == GW_COAP_URI_QUERY && !request->query.data)
			request->query = option->value;
	}
	return 0;
}

void request_read(const struct gw_coap *msg, struct request *ret, uint8_t *ret_code,
		  const char **ret_why)
{
	*ret = (struct request){
		.method = msg->code,
		.accept = read_format(msg, GW_COAP_ACCEPT),
		.format = read_format(msg, GW_COAP_CONTENT_FORMAT),
		.payload = msg->payload,
	};
	(void)gw_coap_find_uint(msg, GW_COAP_SIZE1, &ret->size1);

	if (gw_coap_find(msg, GW_COAP_PROXY_URI) || gw_coap_find(msg, GW_COAP_PROXY_SCHEME)) {
		refuse(GW_COAP_NO_PROXY, "this is no proxy", ret_code, ret_why);
		return;
	}
	for (size_t i = 0; i < msg->n_options; i++)
		if (!is_understood(msg, i)) {
			refuse(GW_COAP_BAD_OPTION, "an option is not understood", ret_code,
			       ret_why);
			return;
		}
	if (read_block(msg, GW_COAP_BLOCK1, &ret->has_block1, &ret->block1) < 0 ||
	    read_block(msg, GW_COAP_BLOCK2, &ret->has_block2, &ret->block2) < 0) {
		refuse(GW_COAP_BAD_REQUEST, "a block option is malformed", ret_code, ret_why);
		return;
	}
	if (read_uri(msg, ret) < 0) {
		refuse(GW_COAP_NOT_FOUND, "no such resource", ret_code, ret_why);
		return;
	}

	*ret_code = GW_COAP_EMPTY;
}
