/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 64 random bits behind a prefix that tells people what kind of thing it is. */
#include "tools/cloud/id.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "lib/hex.h"

#define RANDOM_LEN 8

void id_make(const char *prefix, char ret[ID_MAX + 1])
{
	uint8_t bytes[RANDOM_LEN];
	char digits[2 * RANDOM_LEN + 1];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		abort(); /* cannot happen for so few bytes; an id that repeats must not */

	gw_hex_encode(bytes, sizeof(bytes), digits);
	(void)snprintf(ret, ID_MAX + 1, "%s-%s", prefix, digits);
}
