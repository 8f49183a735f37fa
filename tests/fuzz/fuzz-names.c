/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Short texts from outside that name or spell something: what is read and written again is the same, and
 * what is taken for an address or an id holds nothing that could mean more. The first byte chooses.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base32.h"
#include "lib/base64.h"
#include "lib/endpoint.h"
#include "lib/hex.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "tests/fuzz/input.h"
#include "tools/device/uri.h"

#define TEXT_MAX 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether a text is made of these characters only. */
static bool is_of(const char *text, const char *characters)
{
	return !text[strspn(text, characters)];
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

static void try_base32(const char *text, size_t len)
{
	uint8_t bytes[TEXT_MAX];
	char again[TEXT_MAX + 8];
	size_t n;

	if (gw_base32_decode(text, len, bytes, sizeof(bytes), &n) < 0)
		return;
	gw_base32_encode(bytes, n, again);
	require(strlen(again) == len && memcmp(again, text, len) == 0);
	require(n == 0 || gw_base32_decode(text, len, bytes, n - 1, &n) == -ENOSPC);
}

static void try_base64(const char *text, size_t len)
{
	uint8_t bytes[TEXT_MAX];
	char again[TEXT_MAX + 8];
	size_t n;

	if (gw_base64_decode(text, len, bytes, sizeof(bytes), &n) < 0)
		return;
	gw_base64_encode(bytes, n, again);
	require(strlen(again) == len && memcmp(again, text, len) == 0);
	require(n == 0 || gw_base64_decode(text, len, bytes, n - 1, &n) == -ENOSPC);
}

static void try_hex(const char *text)
{
	uint8_t bytes[TEXT_MAX];
	char again[2 * TEXT_MAX + 1];
	size_t n;

	if (gw_hex_decode(text, bytes, sizeof(bytes), &n) < 0)
		return;
	gw_hex_encode(bytes, n, again);
	require(strcasecmp(again, text) == 0);
	require(n == 0 || gw_hex_decode(text, bytes, n - 1, &n) == -ENOSPC);
}

static void try_endpoint(const char *text)
{
	struct gw_endpoint endpoint;
	const char *why = NULL;

	if (gw_endpoint_parse(text, &endpoint, &why) < 0) {
		require(why != NULL);
		return;
	}
	require(*endpoint.host && endpoint.port > 0 && is_of(endpoint.host, LETTERS ":"));
	require(endpoint.is_address || !strchr(endpoint.host, ':'));
}

static void try_uri(const char *text)
{
	const char *why = NULL;
	uint64_t port;
	struct uri uri;

	if (uri_parse(text, &uri, &why) < 0) {
		require(why != NULL);
		return;
	}
	require(*uri.host && is_of(uri.host, LETTERS ":%"));
	require(gw_parse_u64(uri.port, 1, UINT16_MAX, &port) == 0);
}

static void try_ids(const char *text)
{
	enum gw_reason reason;
	char name[128];
	uint64_t number;

	if (gw_device_id_is_valid(text))
		require(*text && strlen(text) <= 64 && is_of(text, LETTERS ":"));
	if (gw_gateway_id_is_valid(text))
		require(gw_device_id_is_valid(text) && !strpbrk(text, "/+#:"));
	if (gw_reason_from_code(text, &reason) == 0)
		require(gw_streq(gw_reason_code(reason), text));
	gw_reason_error_name(text, name, sizeof(name));
	if (gw_parse_u64(text, 5, 500, &number) == 0)
		require(number >= 5 && number <= 500);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size < 1 || size > TEXT_MAX)
		return 0;

	/* On the heap, so that a sanitizer sees the first byte too many. */
	text = malloc(size);
	require(text != NULL);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	switch (data[0]) {
	case '3': try_base32(text, strlen(text)); break;
	case '6': try_base64(text, strlen(text)); break;
	case 'h': try_hex(text); break;
	case 'e': try_endpoint(text); break;
	case 'u': try_uri(text); break;
	case 'i': try_ids(text); break;
	}
	free(text);
	return 0;
}
