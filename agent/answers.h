/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * answers: memory files that went to callers. They count as our memory for as long as anybody holds
 * them, so there are only so many at a time, of one user and of all.
 */
#pragma once

#include <stdbool.h>

struct answers;
struct sd_event;

#define ANSWERS_EACH 8 /* of a user; root has no limit of its own */
#define ANSWERS_ROOT 8 /* kept for root */
#define ANSWERS_MAX  32

int answers_new(struct sd_event *event, struct answers **ret);
struct answers *answers_free(struct answers *answers);

/* How many this user has. */
unsigned answers_held(const struct answers *answers, unsigned uid);

/* Whether he may have one more. */
bool answers_may_hold(const struct answers *answers, unsigned uid);

/* Counts the memory file until nobody holds it any more: no descriptor, no mapping, on no way. It still is
 * the caller's to close. -EBUSY: not one more. */
int answers_add(struct answers *answers, unsigned uid, int fd);
