/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ration: something at a steady rate for all, of which each source has a share that no other gets. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct path;
struct ration;

/* `rate`: a second, and at once at most. A quarter of it is a source's own; more it gets while half is left. */
int ration_new(uint32_t rate, uint64_t now_us, struct ration **ret);
struct ration *ration_free(struct ration *r);

/* Takes one for the source of this path; false: it, or all, have had what there is. */
bool ration_take(struct ration *r, const struct path *path, uint64_t now_us);
