/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A DTLS side that waits sends its flight again when the peer repeats its own (RFC 6347 4.2.4). When
 * neither can go on, as with a wrong key, two such sides answer each other as fast as the network
 * allows. So a repetition of the peer's is answered once; the next answer waits for our own timer.
 * Only messages in the clear are looked at: after them come the last flights, which end the chase.
 *
 * A peer that has begun its next flight has all of ours, and will repeat its own. To send ours again then
 * is worse than useless: GnuTLS waits anew after each such datagram, and libcoap gives it five seconds.
 */
#include "plugins/registrar/flight.h"

#include "plugins/registrar/record.h"

/* Where in the handshake a datagram begins, from 1 on; 0: it is no clear part of a handshake. */
static uint64_t find_place(struct gw_blob datagram)
{
	struct handshake message;
	struct record record;

	if (record_next(&datagram, &record) < 0 || record.type != RECORD_HANDSHAKE ||
	    record.epoch != 0)
		return 0;
	if (handshake_next(&record.fragment, &message) < 0)
		return 0;
	return ((uint64_t)message.sequence << 24 | message.offset) + 1;
}

/* Whether it holds part of a flight behind the one with the ClientHello. */
static bool goes_on(struct gw_blob datagram)
{
	struct record record;

	while (record_next(&datagram, &record) == 0) {
		if (record.epoch > 0 || record.type == RECORD_CHANGE_CIPHER_SPEC)
			return true;
		if (record.type == RECORD_HANDSHAKE && record.fragment.len > 0 &&
		    record.fragment.data[0] != HANDSHAKE_CLIENT_HELLO)
			return true;
	}
	return false;
}

void flight_notice(struct flight *f, struct gw_blob datagram)
{
	f->is_received |= goes_on(datagram);
}

/* A ClientHello again says that our flight was not received, whatever we were made to believe. */
void flight_answer(struct flight *f, struct gw_blob datagram)
{
	flight_notice(f, datagram);
	f->by_timer = false;
	f->may_repeat = !f->is_answered && !goes_on(datagram);
}

void flight_on_timer(struct flight *f)
{
	f->by_timer = true;
	f->may_repeat = !f->is_received;
	f->is_answered = false;
}

bool flight_leaves(struct flight *f, struct gw_blob datagram)
{
	uint64_t place = find_place(datagram);

	if (place == 0)
		return true;
	if (place > f->newest) {
		f->newest = place;
		f->is_answered = false;
		return true;
	}
	if (f->may_repeat && !f->by_timer)
		f->is_answered = true;
	return f->may_repeat;
}
