/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A DTLS side that waits sends its flight again when the peer repeats its own (RFC 6347 4.2.4). When
 * neither can go on, as with a wrong key, two such sides answer each other as fast as the network
 * allows. So a repetition of the peer's is answered once; the next answer waits for our own timer.
 * Only messages in the clear are looked at: after them come the last flights, which end the chase.
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

void flight_answer(struct flight *f)
{
	f->by_timer = false;
	f->may_repeat = !f->is_answered;
}

void flight_on_timer(struct flight *f)
{
	f->by_timer = true;
	f->may_repeat = true;
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
