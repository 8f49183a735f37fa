/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The front decides on every datagram. A stranger is answered only to a well-formed ClientHello, with
 * fewer bytes than it sent, and is remembered only once its cookie is right. A device that was
 * switched off and comes back from the same port is a stranger again: it has another random. The
 * same random again is a repetition, and the peer's own business.
 */
#include "plugins/registrar/front.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "plugins/registrar/clear.h"
#include "plugins/registrar/client-hello.h"
#include "plugins/registrar/cookie.h"
#include "plugins/registrar/record.h"

#define RESTART_RECORDS_MAX 31 /* repetitions of its first hello that a client may have sent */

_Static_assert(FRONT_REPLY_LEN == COOKIE_REPLY_LEN, "the reply is the cookie's");
_Static_assert(FRONT_REFUSAL_LEN == RECORD_ALERT_LEN, "the refusal is an alert");

/* Suites by which a client says that it has a pre-shared key; served or not, such a client is no
 * certificate client. Stacks offer them only where a key is configured. */
static const uint16_t psk_suites[] = {
	0xccac, /* ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256 */
	0xc037, /* ECDHE_PSK_WITH_AES_128_CBC_SHA256 */
	0xc0a8, /* PSK_WITH_AES_128_CCM_8 */
};

/* What wolfSSL is built with. Where none of them is offered it would take one all the same. */
static const uint16_t groups[] = {
	29, /* x25519 */
	23, /* secp256r1 */
	24, /* secp384r1 */
};

static bool shares_group(const struct client_hello *hello)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (client_hello_offers_group(hello, groups[i]))
			return true;
	return false;
}

static enum gw_proof proof_of(const struct client_hello *hello)
{
	for (size_t i = 0; i < sizeof(psk_suites) / sizeof(psk_suites[0]); i++)
		if (client_hello_offers_suite(hello, psk_suites[i]))
			return GW_PROOF_PSK;
	return GW_PROOF_CERTIFICATE;
}

static enum front_verdict admit(const struct cookies *cookies, struct gw_blob address,
				const struct client_hello *hello, struct front_result *ret)
{
	const uint8_t *secret;

	if (cookies_check(cookies, address, hello, &secret) < 0)
		return cookies_challenge(cookies, address, hello, ret->reply) < 0 ? FRONT_DROP
										  : FRONT_REPLY;

	ret->proof = proof_of(hello);
	ret->shares_group = shares_group(hello);
	ret->random = hello->random;
	ret->record_sequence = hello->record_sequence;
	ret->message_sequence = hello->message_sequence;
	ret->cookie_secret = secret;
	return FRONT_ADMIT;
}

static enum front_verdict judge_known(const struct front_known *known, struct gw_blob datagram)
{
	if (!record_datagram_is_whole(datagram))
		return FRONT_DROP;
	return clear_is_expected(datagram, known->proof, known->message_sequence) ? FRONT_PASS
										  : FRONT_DROP;
}

/*
 * Whether a client that shakes hands may be shown a challenge that was meant for another hello. It
 * carries that one's numbers: large ones would have the client take our flight for old records, or
 * the challenge for our next message. A device that begins anew counts from 0.
 */
static bool is_harmless(const struct client_hello *hello)
{
	return hello->message_sequence == 0 && hello->record_sequence <= RESTART_RECORDS_MAX;
}

/* A client that was misled by a foreign challenge says the same hello under another number: it begins anew. */
static bool is_repetition(const struct front_known *known, const struct client_hello *hello)
{
	return hello->message_sequence == known->message_sequence &&
	       memcmp(known->random, hello->random, CLIENT_RANDOM_LEN) == 0;
}

enum front_verdict front_judge(const struct cookies *cookies, struct gw_blob address,
			       const struct front_known *known, struct gw_blob datagram,
			       struct front_result *ret)
{
	enum front_verdict verdict;
	struct client_hello hello;

	if (!client_hello_is_one(datagram))
		return known ? judge_known(known, datagram) : FRONT_DROP;

	if (client_hello_parse(datagram, &hello) < 0)
		return FRONT_DROP;
	if (known && is_repetition(known, &hello))
		return FRONT_PASS;
	if (!client_hello_offers_version(&hello, DTLS_1_2))
		return FRONT_DROP;

	verdict = admit(cookies, address, &hello, ret);
	if (verdict == FRONT_REPLY && known && !known->is_complete && !is_harmless(&hello))
		return FRONT_DROP;
	return verdict;
}

void front_refuse(const struct front_result *admission, uint8_t ret[FRONT_REFUSAL_LEN])
{
	record_alert(admission->record_sequence, ALERT_HANDSHAKE_FAILURE, ret);
}
