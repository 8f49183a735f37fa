/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flight: which repetitions of our handshake messages leave, so that two sides never chase each other. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/blob.h"

/* All zero to begin with. */
struct flight {
	uint64_t newest;  /* place of the newest message sent so far */
	bool is_answered; /* a repetition of the peer's was, since our timer fired */
	bool is_received; /* all of it: the peer has begun its next */
	bool may_repeat;
	bool by_timer; /* what is sent now */
};

/* A datagram of the peer's that has to wait: what it tells of our flight is true all the same. */
void flight_notice(struct flight *f, struct gw_blob datagram);

/* What is sent next is caused by this datagram of the peer's, or by our own timer. */
void flight_answer(struct flight *f, struct gw_blob datagram);
void flight_on_timer(struct flight *f);

/* Whether this datagram leaves. */
bool flight_leaves(struct flight *f, struct gw_blob datagram);
