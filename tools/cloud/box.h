/* SPDX-License-Identifier: GPL-2.0-or-later */
/* box: a secret sealed to one gateway's key (doc/protocol/cloud.md, "Sealed secrets"). */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct gw_blob;

#define BOX_KEY_LEN 32 /* X25519 */
#define BOX_EXTRA   60 /* bytes that a box adds: ephemeral key 32, nonce 12, tag 16 */

/* ret has room for plain.len + BOX_EXTRA. Every call gives other bytes. */
int box_seal(const uint8_t to[BOX_KEY_LEN], struct gw_blob associated, struct gw_blob plain,
	     uint8_t *ret);
