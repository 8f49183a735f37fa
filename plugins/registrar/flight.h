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
	bool may_repeat;
	bool by_timer; /* what is sent now */
};

/* What is sent next is caused by the peer, or by our own timer. */
void flight_answer(struct flight *f);
void flight_on_timer(struct flight *f);

/* Whether this datagram leaves. */
bool flight_leaves(struct flight *f, struct gw_blob datagram);
