/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * when: points in time as people write them. Always UTC, so that a line means the same everywhere.
 */
#pragma once

#include <stdint.h>

#define WHEN_LEN sizeof("2026-12-31T23:59:59Z")

/* "2026-12-31T23:59:59Z"; empty for 0, which means never. */
void when_format(uint64_t seconds, char text[static WHEN_LEN]);

/*
 * Takes 2026-12-31T23:59:59Z, 2026-12-31 or 20261231 (its end), +90m, +36h, +30d, +2w (from now),
 * or seconds since the epoch. -EINVAL, -ERANGE.
 */
int when_parse(const char *text, uint64_t now, uint64_t *ret);
