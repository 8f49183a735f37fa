/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ration: something at a steady rate for all, of which no source gets more than its share. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct path;
struct ration;

/* `rate`: a second, and at once at most; a source gets a quarter of it. */
int ration_new(uint32_t rate, uint64_t now_us, struct ration **ret);
struct ration *ration_free(struct ration *r);

/* Takes one for the source of this path; false: it, or all, have had what there is. */
bool ration_take(struct ration *r, const struct path *path, uint64_t now_us);
