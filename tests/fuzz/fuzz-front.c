/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whoever is challenged is let in by the same hello with the cookie, and by no other; an answer is
 * never longer than what it answers; and what is passed to a peer is whole.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/blob.h"
#include "plugins/registrar/client-hello.h"
#include "plugins/registrar/cookie.h"
#include "plugins/registrar/front.h"
#include "plugins/registrar/record.h"
#include "tests/fuzz/input.h"

#define DATAGRAM_MAX 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t address[16] = { 2, 0, 0x16, 0x34, 192, 0, 2, 1 };
static const uint8_t elsewhere[16] = { 2, 0, 0x16, 0x34, 192, 0, 2, 2 };

static void put_number(uint8_t *at, size_t value, size_t width)
{
	for (size_t i = width; i-- > 0; value >>= 8)
		at[i] = (uint8_t)value;
}

/* The same hello with that cookie in place of its own. */
static size_t answer_challenge(struct gw_blob datagram, const struct client_hello *hello,
			       const uint8_t *cookie, uint8_t *ret)
{
	size_t head = (size_t)(hello->cookie.data - datagram.data);
	size_t tail = datagram.len - head - hello->cookie.len;
	size_t len = head + COOKIE_LEN + tail;

	memcpy(ret, datagram.data, head);
	ret[head - 1] = COOKIE_LEN;
	memcpy(ret + head, cookie, COOKIE_LEN);
	memcpy(ret + head + COOKIE_LEN, hello->cookie.data + hello->cookie.len, tail);
	put_number(ret + 11, len - 13, 2);
	put_number(ret + 14, len - 25, 3);
	put_number(ret + 22, len - 25, 3);
	return len;
}

static void try_cookie(const struct cookies *cookies, struct gw_blob datagram,
		       const uint8_t *cookie)
{
	uint8_t again[DATAGRAM_MAX + COOKIE_LEN];
	struct front_result result;
	struct front_known known;
	struct client_hello hello;
	struct gw_blob answer;

	require(client_hello_parse(datagram, &hello) == 0);
	answer = (struct gw_blob){ again, answer_challenge(datagram, &hello, cookie, again) };
	require(front_judge(cookies, GW_BLOB_ARRAY(address), NULL, answer, &result) == FRONT_ADMIT);
	require(memcmp(result.random, hello.random, CLIENT_RANDOM_LEN) == 0);
	require(result.cookie_secret == cookies->secret);

	/* its own repetition, somebody else's try, and a restart */
	known = (struct front_known){ .random = result.random,
				      .message_sequence = result.message_sequence };
	require(front_judge(cookies, GW_BLOB_ARRAY(address), &known, answer, &result) ==
		FRONT_PASS);
	require(front_judge(cookies, GW_BLOB_ARRAY(elsewhere), NULL, answer, &result) ==
		FRONT_REPLY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t random[CLIENT_RANDOM_LEN] = { 1 };
	static const struct front_known known = { random, GW_PROOF_PSK, 1, false };
	static struct cookies cookies; /* of zeros: the same for every run */
	struct gw_blob datagram = { data, size };
	struct front_result result;

	if (size > DATAGRAM_MAX)
		return 0;

	switch (front_judge(&cookies, GW_BLOB_ARRAY(address), NULL, datagram, &result)) {
	case FRONT_REPLY:
		require(size >= FRONT_REPLY_LEN);
		try_cookie(&cookies, datagram, result.reply + FRONT_REPLY_LEN - COOKIE_LEN);
		break;
	case FRONT_ADMIT:
	case FRONT_DROP: break;
	case FRONT_PASS:
	case _FRONT_VERDICT_MAX: abort(); /* there is nobody to pass it to */
	}
	if (front_judge(&cookies, GW_BLOB_ARRAY(address), &known, datagram, &result) == FRONT_PASS)
		require(record_datagram_is_whole(datagram));
	return 0;
}
