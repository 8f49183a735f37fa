/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * callers: who speaks on the bus, how often, and how many of their calls wait. By connection and by
 * user; both tables are bounded, and whoever comes in crowds pushes out their own. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/rights.h"

struct caller;
struct callers;

#define CALLERS_NAME_MAX 63   /* of a connection; the bus makes them up, and short */
#define CALLERS_MAX      1024 /* connections that are remembered, and users */

/* What a connection and all of a user's may do a second, in calls of COST_ORDINARY, and at once. */
#define CALLERS_RATE       500
#define CALLERS_BURST      5000
#define CALLERS_USER_RATE  1000
#define CALLERS_USER_BURST 10000

/* Calls that may wait for something: of a user or, where he is not known or root, of a connection; of all who
 * are known; of all strangers, at which point no more are read. They are counted by the places that they take
 * in memory: a call that brings much takes more than one, and never more than CALLERS_PLACES_MAX. */
#define CALLERS_WAITING_EACH      64
#define CALLERS_WAITING_MAX       512
#define CALLERS_WAITING_STRANGERS 320
#define CALLERS_PLACES_MAX        48

/* Questions to polkit under way: of a user, and of all. A bus lets us have no more than 128. */
#define CALLERS_ASKED_EACH 4
#define CALLERS_ASKED_MAX  120

int callers_new(struct callers **ret);
struct callers *callers_free(struct callers *callers);

/* The caller of that name, a stranger at first; NULL: no bus makes such names. Stays while it has calls that
 * wait, and else at least until the next one is asked for. */
struct caller *callers_get(struct callers *callers, const char *name, uint64_t now_us);

/* It is no stranger any more, nor are its calls that wait: they may be too many now. */
void callers_learn(struct callers *callers, struct caller *caller, unsigned uid, bool in_group,
		   uint64_t now_us);

bool caller_is_known(const struct caller *caller);
unsigned caller_uid(const struct caller *caller);
bool caller_is_in_group(const struct caller *caller);
const char *caller_name(const struct caller *caller);

/* Takes what a call costs; false: it has called too much lately, nothing was taken. For those known. */
bool caller_pay(struct caller *caller, enum cost cost, uint64_t now_us);

/* A call of so many places begins to wait, and ends. Who let it begin looks for a surplus. */
void callers_hold(struct callers *callers, struct caller *caller, unsigned places);
void callers_release(struct callers *callers, struct caller *caller, unsigned places);

/* Since this one has more calls that wait: whose crowd has to give up its last call; NULL: all is within limits. */
struct caller *callers_find_surplus(struct callers *callers, struct caller *caller);

/* Whether one more call of a stranger could be too many. */
bool callers_strangers_are_full(const struct callers *callers);

/* Whether they share a limit. */
bool caller_is_of_crowd(const struct caller *caller, const struct caller *other);

/* Whether the limit of its own crowd is passed, and not that of all. */
bool caller_waits_too_much(const struct caller *caller);

/* Questions about a caller who is known; he may not: as many are open as may be. */
bool callers_may_ask(const struct callers *callers, const struct caller *caller);
void callers_begin_question(struct callers *callers, struct caller *caller);
void callers_end_question(struct callers *callers, struct caller *caller);

/* It has left the bus; not while calls of it wait. */
void callers_forget(struct callers *callers, const char *name);
