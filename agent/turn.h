/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * turn: one transaction and its outbox. Whoever wants to change anything calls turn_open() first; a
 * little later, when the loop has nothing more urgent or enough has come together, everything is
 * committed at once, and only then is anybody told: plugins (their links are held), callers on the bus,
 * watchers of a device. If the commit fails nobody is told anything but that it failed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/device.h"
#include "lib/event.h"

struct agent;
struct sd_bus_message;
struct turn;

/* A device went from one state to another in this turn. Watchers on the bus are told, and the journal, in
 * one line. */
struct turn_change {
	const char *device;
	enum device_state from, to;
	const char *reason;
	const char *cause, *who; /* as in the record; NULL: nothing on record */
	bool is_unlogged;        /* strangers without end */
};

/* Something was done in this turn to no one device; who may be NULL. */
struct turn_line {
	enum gw_event event;
	bool is_warning;
	const char *who;
};

int turn_new(struct agent *agent, struct turn **ret);
struct turn *turn_free(struct turn *turn);

/* Opens the turn, or joins the one that is open. An error fails the turn. */
int turn_open(struct turn *turn);

/* Something went wrong half-way that is nobody's fault: all of this turn is undone, as if its commit had
 * failed. */
void turn_fail(struct turn *turn, int error);

/* Asks for the outbox to be emptied soon, although nothing is to be written. */
void turn_wake(struct turn *turn);

/* Names a durable step that this turn's commit will make (lib/step.h); a string constant. */
void turn_step(struct turn *turn, const char *step);

/* Queues a reply to a call on the bus; the reply is the turn's from here on. */
int turn_reply(struct turn *turn, struct sd_bus_message *call, struct sd_bus_message *reply);

/* Queues the news of a change. */
int turn_tell(struct turn *turn, const struct turn_change *change);

/* Queues a line for the journal. */
int turn_log(struct turn *turn, const struct turn_line *line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Somebody wrote apart from any turn, with that result: people are told as after a turn. */
void turn_store_was_tried(struct turn *turn, int r);

/* Commits now, as the loop would. For the very end. */
void turn_finish(struct turn *turn);

/* The same, if anything is to be written: who looks now sees nothing that may yet be undone. */
void turn_settle(struct turn *turn);
