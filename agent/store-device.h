/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store-device: the record of a device. Only device-set.c writes its state. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/device.h"
#include "lib/wire.h"

struct store;

struct device_record {
	char id[GW_ID_MAX + 1];
	enum device_state state;
	char reason[GW_REASON_MAX + 1]; /* code, empty: nothing to say */
	char method[GW_NAME_MAX + 1];
	char tenant[GW_ID_MAX + 1];
	char claim[GW_ID_MAX + 1]; /* the latest claim */
	char transport[GW_NAME_MAX + 1];
	char address[GW_ADDRESS_MAX + 1];
	char vendor[GW_ID_MAX + 1];
	char model[GW_ID_MAX + 1];
	uint64_t last_seen; /* seconds since the epoch, 0 = never; the next one too */
	uint64_t changed;
};

/* -ENOENT: no such device. */
int store_device_get(struct store *store, const char *id, struct device_record *ret);

/* Writes the whole record. */
int store_device_put(struct store *store, const struct device_record *device);

/* Where the device was seen last; leaves the rest alone. */
int store_device_seen(struct store *store, const char *id, const char *transport,
		      const char *address, uint64_t when);

struct device_filter {
	const char *state;  /* NULL: any */
	const char *tenant; /* NULL: any */
	const char *after;  /* id; "" from the start */
};

/* Up to max records in the order of their ids. Returns their number. */
int store_device_list(struct store *store, const struct device_filter *filter,
		      struct device_record *records, size_t max);

uint64_t store_device_count(struct store *store);
uint64_t store_device_count_state(struct store *store, enum device_state state);
