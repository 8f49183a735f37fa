/* SPDX-License-Identifier: GPL-2.0-or-later */
/* load: many devices in one process, so many at a time, each with its own label, key, folder, socket and sessions. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct device_options;
struct failure;
struct gw_label;
struct tally;
struct tally_cost;

#define LOAD_DEVICES_MAX   100000
#define LOAD_IN_FLIGHT_MAX 4096

struct load {
	const struct device_options *each; /* but for name, secret, folder and end of patience */
	const struct gw_label *labels;     /* n_devices of them */
	size_t n_devices, n_in_flight;
	const char *state;   /* each device has its folder in this one */
	uint64_t timeout_us; /* that each device has */
};

/* Runs them all; a device that does not come aboard is no failure of ours, but stands in the tally. */
int load_run(const struct load *load, struct tally *tally, struct tally_cost *ret_cost,
	     struct failure *failure);
