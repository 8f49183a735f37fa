/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-rights: whether a caller has every right that a call needs. */
#pragma once

struct bus_wait;
struct bus_waits;

/* The last station: passes, waits for polkit and goes on by itself, or refuses. */
int bus_rights_ask(struct bus_wait *wait);

/* Goes on with those whose question could not be asked until others were answered. */
void bus_rights_look(struct bus_waits *waits);

/* The same as the first for a call that has been through: all it needs has to be there. */
int bus_rights_compare(struct bus_wait *wait);
