/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device records as SQL. States are kept by name, so that the file can be read by people. */
#include "agent/store-device.h"

#include <errno.h>

#include "agent/store.h"

#define COLUMNS                                                                                    \
	"id, state, reason, method, tenant, claim, transport, address, vendor, model, last_seen, " \
	"changed"

static int read_row(struct sqlite3_stmt *row, struct device_record *ret)
{
	char state[32];

	store_column_text(row, 0, ret->id, sizeof(ret->id));
	store_column_text(row, 1, state, sizeof(state));
	store_column_text(row, 2, ret->reason, sizeof(ret->reason));
	store_column_text(row, 3, ret->method, sizeof(ret->method));
	store_column_text(row, 4, ret->tenant, sizeof(ret->tenant));
	store_column_text(row, 5, ret->claim, sizeof(ret->claim));
	store_column_text(row, 6, ret->transport, sizeof(ret->transport));
	store_column_text(row, 7, ret->address, sizeof(ret->address));
	store_column_text(row, 8, ret->vendor, sizeof(ret->vendor));
	store_column_text(row, 9, ret->model, sizeof(ret->model));
	ret->last_seen = (uint64_t)store_column_int(row, 10);
	ret->changed = (uint64_t)store_column_int(row, 11);
	return device_state_from_name(state, &ret->state) < 0 ? -EUCLEAN : 0;
}

int store_device_get(struct store *store, const char *id, struct device_record *ret)
{
	struct sqlite3_stmt *row;
	int r;

	r = store_select(store, &row, "SELECT " COLUMNS " FROM device WHERE id = ?", "t", id);
	if (r < 0)
		return r;
	r = store_next(store, row);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;

	r = read_row(row, ret);
	store_done(row);
	return r;
}

int store_device_put(struct store *store, const struct device_record *device)
{
	int r = store_exec(store,
			   "INSERT OR REPLACE INTO device (" COLUMNS ")"
			   " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			   "ttttttttttii", device->id, device_state_name(device->state),
			   device->reason, device->method, device->tenant, device->claim,
			   device->transport, device->address, device->vendor, device->model,
			   (int64_t)device->last_seen, (int64_t)device->changed);

	return r < 0 ? r : 0;
}

int store_device_seen(struct store *store, const char *id, const char *transport,
		      const char *address, uint64_t when)
{
	int r = store_exec(
		store, "UPDATE device SET transport = ?, address = ?, last_seen = ? WHERE id = ?",
		"ttit", transport, address, (int64_t)when, id);

	return r < 0 ? r : 0;
}

int store_device_list(struct store *store, const struct device_filter *filter,
		      struct device_record *records, size_t max)
{
	struct sqlite3_stmt *row;
	size_t n = 0;
	int r;

	r = store_select(store, &row,
			 "SELECT " COLUMNS " FROM device WHERE id > ?1"
			 " AND (?2 = '' OR state = ?2) AND (?3 = '' OR tenant = ?3)"
			 " ORDER BY id LIMIT ?4",
			 "ttti", filter->after, filter->state ? filter->state : "",
			 filter->tenant ? filter->tenant : "", (int64_t)max);
	if (r < 0)
		return r;

	while (n < max && (r = store_next(store, row)) > 0) {
		r = read_row(row, &records[n]);
		if (r < 0)
			break;
		n++;
	}
	store_done(row);
	return r < 0 ? r : (int)n;
}

uint64_t store_device_count(struct store *store)
{
	return (uint64_t)store_number(store, 0, "SELECT count(*) FROM device", "");
}

uint64_t store_device_count_state(struct store *store, enum device_state state)
{
	return (uint64_t)store_number(store, 0, "SELECT count(*) FROM device WHERE state = ?", "t",
				      device_state_name(state));
}
