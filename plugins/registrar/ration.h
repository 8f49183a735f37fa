/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ration: something at a steady rate for all, where whoever had least of it lately goes first. Pure.
 * A host counts by itself, and with its network (path.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct path;
struct ration;

/* `rate`: a second, and at once at most. `seed`: of hashes; strangers must not know it. */
int ration_new(uint32_t rate, uint64_t seed, uint64_t now_us, struct ration **ret);
struct ration *ration_free(struct ration *r);

/* Takes one for who is at the other end of this path; false: he, or all, have had what there is. */
bool ration_take(struct ration *r, const struct path *path, uint64_t now_us);

/* What was taken for this path served a good purpose, and is held against nobody. */
void ration_forgive(struct ration *r, const struct path *path, uint64_t now_us);
