/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records of epoch 0 carry no proof of who sent them: anybody who can write a peer's address into a
 * datagram can send one, and to wolfSSL most of what is wrong with a handshake message is fatal. So
 * only what the client has to say next is let through: those messages, under those numbers. Alerts in clear
 * are nobody's (RFC 6347 4.1.2.7 lets us discard them): a client that gave up is timed out.
 *
 * What is left to somebody who guesses a port and hits the moment is a key exchange of his own, in
 * place of the client's: DTLS 1.2 has nothing against that, and the client begins anew.
 */
#include "plugins/registrar/clear.h"

#include <stddef.h>

#include "plugins/registrar/record.h"

/* The messages in their order, behind the ClientHello. */
static const struct {
	uint8_t type;
	enum gw_proof proof;
	uint16_t place;
} flow[] = {
	{ HANDSHAKE_CLIENT_KEY_EXCHANGE, GW_PROOF_PSK, 1 },
	{ HANDSHAKE_CERTIFICATE, GW_PROOF_CERTIFICATE, 1 },
	{ HANDSHAKE_CLIENT_KEY_EXCHANGE, GW_PROOF_CERTIFICATE, 2 },
	{ HANDSHAKE_CERTIFICATE_VERIFY, GW_PROOF_CERTIFICATE, 3 },
};

static bool message_is_expected(const struct handshake *message, enum gw_proof proof,
				uint16_t sequence)
{
	for (size_t i = 0; i < sizeof(flow) / sizeof(flow[0]); i++)
		if (message->type == flow[i].type && proof == flow[i].proof)
			return message->sequence == (uint16_t)(sequence + flow[i].place);
	return false;
}

static bool is_of_handshake(const struct record *record, enum gw_proof proof, uint16_t sequence)
{
	struct gw_blob rest = record->fragment;
	struct handshake message;

	while (rest.len)
		if (handshake_next(&rest, &message) < 0 ||
		    !message_is_expected(&message, proof, sequence))
			return false;
	return record->type == RECORD_HANDSHAKE;
}

/* To wolfSSL another version is fatal here, and another value. */
static bool is_change(const struct record *record)
{
	return record->type == RECORD_CHANGE_CIPHER_SPEC && record->version == DTLS_1_2 &&
	       record->fragment.len == 1 && record->fragment.data[0] == 1;
}

bool clear_is_expected(struct gw_blob datagram, enum gw_proof proof, uint16_t sequence)
{
	struct record record;

	while (record_next(&datagram, &record) == 0) {
		if (record.epoch > 0)
			continue;
		if (!is_change(&record) && !is_of_handshake(&record, proof, sequence))
			return false;
	}
	return true;
}
