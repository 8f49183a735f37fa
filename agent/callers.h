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

#define CALLERS_NAME_MAX 63  /* of a connection; the bus makes them up, and short */
#define CALLERS_MAX      256 /* connections that are remembered, and users */

/* What a connection and all of a user's may do a second, in calls of COST_ORDINARY, and at once. */
#define CALLERS_RATE       500
#define CALLERS_BURST      5000
#define CALLERS_USER_RATE  1000
#define CALLERS_USER_BURST 10000

/* Calls that may wait for something: of a connection or of a user (not root), of all who are known, and of
 * all strangers. */
#define CALLERS_WAITING_EACH      64
#define CALLERS_WAITING_MAX       512
#define CALLERS_WAITING_STRANGERS 128

int callers_new(struct callers **ret);
struct callers *callers_free(struct callers *callers);

/* The caller of that name, a stranger at first; NULL: there is no room for more. Stays while it has calls
 * that wait, and else at least until the next one is asked for. */
struct caller *callers_get(struct callers *callers, const char *name, uint64_t now_us);

/* It is no stranger any more. False: more calls of this user wait now than may, so this one shall go. */
bool callers_learn(struct callers *callers, struct caller *caller, unsigned uid, bool in_group,
		   uint64_t now_us);

bool caller_is_known(const struct caller *caller);
unsigned caller_uid(const struct caller *caller);
bool caller_is_in_group(const struct caller *caller);
const char *caller_name(const struct caller *caller);

/* Takes what a call costs; false: it has called too much lately, nothing was taken. For those known. */
bool caller_pay(struct caller *caller, enum cost cost, uint64_t now_us);

/* A call begins to wait; false: too many do already. */
bool callers_hold(struct callers *callers, struct caller *caller);
void callers_release(struct callers *callers, struct caller *caller);

/* It has left the bus; not while calls of it wait. */
void callers_forget(struct callers *callers, const char *name);
