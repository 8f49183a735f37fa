/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Takes a ClientHello apart. This is the first code that bytes from strangers meet, and it decides
 * what reaches wolfSSL: what it refuses is dropped without a trace, so it refuses all that is not
 * exactly as the RFCs have it.
 *
 * It refuses fragments, too, although a client may send them where its path is narrow (RFC 6347 4.2.3).
 * The cookie covers all of the hello, and until it is proved nothing is to be remembered (4.2.1), so
 * there is nothing that fragments could be put together in. No IP network needs them: hellos have 100 to
 * 300 bytes, an IPv6 link carries 1,280 (RFC 8200 5), an IPv4 host takes 576 (RFC 1122 3.3.2), and
 * what is narrower below fragments by itself (RFC 4944 5.3).
 */
#include "plugins/registrar/client-hello.h"

#include <errno.h>

#include "plugins/registrar/record.h"

#define SESSION_ID_MAX               32
#define EXTENSION_SUPPORTED_GROUPS   10
#define EXTENSION_SUPPORTED_VERSIONS 43

static uint16_t get_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* Takes a number of bytes, or a vector behind its length of 1 or 2 bytes, off the front. */
static int take_bytes(struct gw_blob *from, size_t len, struct gw_blob *ret)
{
	if (from->len < len)
		return -EBADMSG;

	*ret = (struct gw_blob){ from->data, len };
	from->data += len;
	from->len -= len;
	return 0;
}

static int take_vector(struct gw_blob *from, size_t width, struct gw_blob *ret)
{
	struct gw_blob len;
	int r = take_bytes(from, width, &len);

	if (r < 0)
		return r;
	return take_bytes(from, width == 1 ? len.data[0] : get_u16(len.data), ret);
}

static int check_extensions(struct gw_blob extensions)
{
	struct gw_blob type, value;

	while (extensions.len) {
		int r = take_bytes(&extensions, 2, &type);

		if (r == 0)
			r = take_vector(&extensions, 2, &value);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_body(struct gw_blob body, struct client_hello *hello)
{
	struct gw_blob version, random;
	int r;

	r = take_bytes(&body, 2, &version);
	if (r == 0)
		r = take_bytes(&body, CLIENT_RANDOM_LEN, &random);
	if (r == 0)
		r = take_vector(&body, 1, &hello->session_id);
	if (r == 0)
		r = take_vector(&body, 1, &hello->cookie);
	if (r == 0)
		r = take_vector(&body, 2, &hello->suites);
	if (r == 0)
		r = take_vector(&body, 1, &hello->compression);
	if (r == 0 && body.len)
		r = take_vector(&body, 2, &hello->extensions);
	if (r == 0)
		r = check_extensions(hello->extensions);
	if (r < 0 || body.len)
		return -EBADMSG;

	hello->version = get_u16(version.data);
	hello->random = random.data;
	return 0;
}

static bool sizes_are_right(const struct client_hello *hello)
{
	return hello->session_id.len <= SESSION_ID_MAX && hello->suites.len >= 2 &&
	       hello->suites.len % 2 == 0 && hello->compression.len >= 1;
}

bool client_hello_is_one(struct gw_blob datagram)
{
	struct record record;

	return record_next(&datagram, &record) == 0 && record.type == RECORD_HANDSHAKE &&
	       record.epoch == 0 && record.fragment.len > 0 &&
	       record.fragment.data[0] == HANDSHAKE_CLIENT_HELLO;
}

int client_hello_parse(struct gw_blob datagram, struct client_hello *ret)
{
	struct client_hello hello = { 0 };
	struct handshake message;
	struct record record;
	int r;

	r = record_next(&datagram, &record);
	if (r < 0 || datagram.len)
		return -EBADMSG;
	if (record.type != RECORD_HANDSHAKE || record.epoch != 0 ||
	    (record.version != DTLS_1_0 && record.version != DTLS_1_2))
		return -EBADMSG;

	r = handshake_next(&record.fragment, &message);
	if (r < 0 || record.fragment.len)
		return -EBADMSG;
	if (message.type != HANDSHAKE_CLIENT_HELLO || message.fragment.len != message.len)
		return -EBADMSG;

	r = parse_body(message.fragment, &hello);
	if (r < 0 || !sizes_are_right(&hello))
		return -EBADMSG;

	hello.record_sequence = record.sequence;
	hello.message_sequence = message.sequence;
	*ret = hello;
	return 0;
}

/* Whether a list of 16-bit numbers holds one of them. */
static bool list_has(struct gw_blob list, uint16_t wanted)
{
	for (size_t i = 0; i + 1 < list.len; i += 2)
		if (get_u16(list.data + i) == wanted)
			return true;
	return false;
}

bool client_hello_offers_suite(const struct client_hello *hello, uint16_t suite)
{
	return list_has(hello->suites, suite);
}

int client_hello_extension(const struct client_hello *hello, uint16_t type, struct gw_blob *ret)
{
	struct gw_blob rest = hello->extensions, number, value;

	while (take_bytes(&rest, 2, &number) == 0 && take_vector(&rest, 2, &value) == 0) {
		if (get_u16(number.data) == type) {
			*ret = value;
			return 0;
		}
	}
	return -ENOENT;
}

bool client_hello_offers_group(const struct client_hello *hello, uint16_t group)
{
	struct gw_blob extension, groups;

	if (client_hello_extension(hello, EXTENSION_SUPPORTED_GROUPS, &extension) < 0)
		return true;
	return take_vector(&extension, 2, &groups) == 0 && list_has(groups, group);
}

bool client_hello_offers_version(const struct client_hello *hello, uint16_t version)
{
	struct gw_blob extension, versions;

	if (client_hello_extension(hello, EXTENSION_SUPPORTED_VERSIONS, &extension) < 0)
		return hello->version == version;
	return take_vector(&extension, 1, &versions) == 0 && list_has(versions, version);
}
