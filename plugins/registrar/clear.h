/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clear: what a client has to say in clear between its ClientHello and its Finished (RFC 5246 7.3, RFC
 * 4279 2), and so all that may reach a peer's session unauthenticated. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/wire.h"

/* Whether a datagram, which must be whole (record.h), is nothing but what is encrypted and what a client
 * with this proof says in clear. `sequence`: of the message that its ClientHello was. */
bool clear_is_expected(struct gw_blob datagram, enum gw_proof proof, uint16_t sequence);
