/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * presence: the ids under which this process has been with the broker, and whether somebody else
 * has been there with our identity in between. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PRESENCE_ID_MAX 32

struct presence_past {
	uint64_t process;
	unsigned connection; /* its latest that we heard of, 0: none */
};

struct presence {
	uint64_t process; /* no two processes have the same, on whatever machine */
	unsigned connections;
	unsigned
		known; /* the connection on which we first heard a status of our own, 0: none yet */
	char id[PRESENCE_ID_MAX + 1];
	struct presence_past
		past; /* who was there before us: our machine's last process, as we take it */
};

/* `process` is any 64 random bits. */
void presence_init(struct presence *p, uint64_t process);

/* The id of the next connection. */
const char *presence_next(struct presence *p);

/* Takes whoever was there before the next connection for our own past. */
void presence_forget(struct presence *p);

/* A status of this id stands on our topic: true if it tells of a rival. */
bool presence_is_rival(struct presence *p, const char *id);
