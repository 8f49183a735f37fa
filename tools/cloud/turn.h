/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * turn: what happens between two waits of the event loop is one transaction. Whatever is to leave
 * waits in the turn and leaves after the commit, or not at all.
 */
#pragma once

#include <stdbool.h>

struct registry;
struct sd_event;
struct turn;

/* publish() takes a topic and a body; what it cannot send is lost, and will be asked for again. */
int turn_new(struct sd_event *event, struct registry *registry,
	     void (*publish)(const char *topic, const char *body, void *userdata), void *userdata,
	     struct turn **ret);

/* Drops what has not been committed. */
struct turn *turn_free(struct turn *turn);
void turn_freep(struct turn **turn);

#define TURN_ROOM 64 /* letters that there is room for after turn_enter() */

/* Begins the transaction unless it has begun. */
int turn_enter(struct turn *turn);

/* The turn holds this durable step (a static text). */
void turn_step(struct turn *turn, const char *step);

/* To leave after the commit; takes over the body. An answer gets its time then. */
int turn_answer(struct turn *turn, const char *topic, char *body);
int turn_command(struct turn *turn, const char *topic, char *body);

/* A secret is wiped in this turn. */
void turn_forget(struct turn *turn);

/* Commits now, and lets everything leave. */
void turn_end(struct turn *turn);
