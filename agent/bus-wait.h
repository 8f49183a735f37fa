/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus-wait: a call on its way through the filter, and the list of those that wait: bounded, in the order in
 * which they came. And how a call is refused.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/rights.h"

struct agent;
struct bus_filter;
struct bus_waits;
struct caller;
struct callers;
struct polkit;
struct polkit_check;
struct sd_bus_message;
struct sd_bus_slot;
struct sd_event_source;

enum bus_station {
	BUS_STATION_WHO,
	BUS_STATION_TURN,
	BUS_STATION_RIGHTS,
	BUS_STATION_THROUGH,
};

/* What a station says of a call; negative errno: it failed. */
enum bus_outcome { BUS_PASSES, BUS_WAITS, BUS_REFUSED };

struct bus_wait {
	struct bus_wait *next;
	struct bus_waits *waits;
	struct sd_bus_message *call;
	struct caller *caller;
	const struct rights_line *line; /* NULL: nobody may */
	enum bus_station station;
	bool is_listed;
	unsigned places;  /* that it takes while it is */
	unsigned granted; /* rights, as far as they were asked for */
	enum right asked;
	uint64_t line_up_us; /* since when it waits until it may be asked for; 0: it does not */
	struct sd_bus_slot
		*credentials;       /* who calls is being asked for, for all calls of this caller */
	struct polkit_check *check; /* polkit is being asked */
};

/* The filter's, whose stations share it. */
struct bus_waits {
	struct agent *agent;
	struct bus_filter *filter;
	struct callers *callers;
	struct polkit *polkit;
	struct sd_event_source *look; /* when to see who can go on */
	void (*go_on)(struct bus_wait *wait);
	struct bus_wait *first;
};

/* Takes hold of the call. */
int bus_wait_new(struct bus_waits *waits, struct sd_bus_message *call, struct bus_wait **ret);
struct bus_wait *bus_wait_free(struct bus_wait *wait);

/* Behind the others. Where there are too many now some are refused, and this may be one of them: then false, and
 * it is still to be freed. */
bool bus_wait_list(struct bus_wait *wait);

struct bus_wait *bus_waits_find(struct bus_waits *waits, const struct sd_bus_message *call);

/* The first call of this caller at that station, other than this one; NULL: there is none before it. */
struct bus_wait *bus_wait_before(const struct bus_wait *wait, enum bus_station station);

/* Their caller has left. */
void bus_waits_drop(struct bus_waits *waits, const char *caller);
void bus_waits_drop_all(struct bus_waits *waits);

/* Since more is known of this caller some may be too many: those are refused. */
void bus_waits_trim(struct bus_waits *waits, struct caller *caller);

/* A call that waits for others to end is looked at again, soon. */
int bus_wait_for_others(struct bus_wait *wait);
void bus_waits_look_again(struct bus_waits *waits);

/* To polkit: answered, or not wanted any more. */
void bus_wait_end_question(struct bus_wait *wait);

/* Answers with an error; returns BUS_REFUSED. */
int bus_wait_refuse(const struct bus_wait *wait, const char *error, const char *text);
