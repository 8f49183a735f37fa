/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Job records as SQL. */
#include "agent/store-job.h"

#include <errno.h>
#include <string.h>

#include "agent/store.h"
#include "lib/util.h"

static const char *const kind_names[_GW_REQUEST_MAX] = {
	[GW_REQUEST_ENROLL] = "enroll",
	[GW_REQUEST_PROVED] = "proved",
	[GW_REQUEST_REVOKED] = "revoked",
	[GW_REQUEST_SERVER_CERT] = "server-cert",
	[GW_REQUEST_TIME] = "time",
	[GW_REQUEST_SUSPENDED] = "suspended",
	[GW_REQUEST_RESUMED] = "resumed",
	[GW_REQUEST_RENEW] = "renew",
	[GW_REQUEST_DECOMMISSIONED] = "decommissioned",
	[GW_REQUEST_ADOPT] = "adopt",
	[GW_REQUEST_RELINQUISHED] = "relinquished",
};

static const char *const state_names[_JOB_STATE_MAX] = {
	[JOB_WAITING] = "waiting",
	[JOB_CHECKING] = "checking",
};

const char *job_kind_name(enum gw_request_kind kind)
{
	return kind_names[kind];
}

const char *job_state_name(enum job_state state)
{
	return state_names[state];
}

#define COLUMNS                                                                                   \
	"id, kind, state, device, tenant, claim, of, method, reason, serial, key, csr, created, " \
	"due, attempts, why"

static int read_row(struct sqlite3_stmt *row, struct job_record *ret)
{
	int64_t kind = store_column_int(row, 1);
	char state[16];

	if (kind < 0 || kind >= _GW_REQUEST_MAX)
		return -EUCLEAN;
	store_column_text(row, 0, ret->id, sizeof(ret->id));
	ret->kind = (enum gw_request_kind)kind;
	store_column_text(row, 2, state, sizeof(state));
	ret->state = gw_streq(state, state_names[JOB_CHECKING]) ? JOB_CHECKING : JOB_WAITING;
	store_column_text(row, 3, ret->device, sizeof(ret->device));
	store_column_text(row, 4, ret->tenant, sizeof(ret->tenant));
	store_column_text(row, 5, ret->claim, sizeof(ret->claim));
	store_column_text(row, 6, ret->of, sizeof(ret->of));
	store_column_text(row, 7, ret->method, sizeof(ret->method));
	store_column_text(row, 8, ret->reason, sizeof(ret->reason));
	ret->created = (uint64_t)store_column_int(row, 12);
	ret->due = (uint64_t)store_column_int(row, 13);
	ret->attempts = (unsigned)store_column_int(row, 14);
	store_column_text(row, 15, ret->why, sizeof(ret->why));
	if (store_column_bytes(row, 9, ret->serial, sizeof(ret->serial), &ret->serial_len) < 0 ||
	    store_column_bytes(row, 10, ret->key, sizeof(ret->key), &ret->key_len) < 0 ||
	    store_column_bytes(row, 11, ret->csr, sizeof(ret->csr), &ret->csr_len) < 0)
		return -EUCLEAN;
	return 0;
}

static int get_one(struct store *store, struct sqlite3_stmt *row, struct job_record *ret)
{
	int r = store_next(store, row);

	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = read_row(row, ret);
	store_done(row);
	return r;
}

/*
 * The first of the rows behind `created`. A damaged one may be found there that says to be elsewhere, since a
 * text is above all numbers: who went on from there would go round for ever.
 */
static int get_behind(struct store *store, struct sqlite3_stmt *row, uint64_t created,
		      struct job_record *ret)
{
	int r = get_one(store, row, ret);

	if (r < 0)
		return r;
	return ret->created > created && ret->created <= INT64_MAX ? 0 : -EUCLEAN;
}

int store_job_add(struct store *store, const struct job_record *job)
{
	int r = store_exec(store,
			   "INSERT INTO job (" COLUMNS ", certificate, chain)"
			   " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, x'', x'')",
			   "titttttttbbbiiit", job->id, (int64_t)job->kind, state_names[job->state],
			   job->device, job->tenant, job->claim, job->of, job->method, job->reason,
			   (struct gw_blob){ job->serial, job->serial_len },
			   (struct gw_blob){ job->key, job->key_len },
			   (struct gw_blob){ job->csr, job->csr_len }, (int64_t)job->created,
			   (int64_t)job->due, (int64_t)job->attempts, job->why);

	return r < 0 ? r : 0;
}

int store_job_get(struct store *store, const char *id, struct job_record *ret)
{
	struct sqlite3_stmt *row;
	int r = store_select(store, &row, "SELECT " COLUMNS " FROM job WHERE id = ?", "t", id);

	return r < 0 ? r : get_one(store, row, ret);
}

int store_job_signing_of(struct store *store, const char *device, struct job_record *ret)
{
	struct sqlite3_stmt *row;
	int r = store_select(store, &row,
			     "SELECT " COLUMNS " FROM job WHERE device = ? AND kind IN (?, ?)",
			     "tii", device, (int64_t)GW_REQUEST_ENROLL, (int64_t)GW_REQUEST_RENEW);

	return r < 0 ? r : get_one(store, row, ret);
}

int store_job_adopting(struct store *store, const char *device, struct job_record *ret)
{
	struct sqlite3_stmt *row;
	int r = store_select(store, &row,
			     "SELECT " COLUMNS " FROM job WHERE device = ? AND kind = ?", "ti",
			     device, (int64_t)GW_REQUEST_ADOPT);

	return r < 0 ? r : get_one(store, row, ret);
}

int store_job_set_home(struct store *store, const char *id, const char *tenant, const char *claim)
{
	int r = store_exec(store, "UPDATE job SET tenant = ?, claim = ? WHERE id = ?", "ttt",
			   tenant, claim, id);

	return r < 0 ? r : 0;
}

int store_job_answer(struct store *store, const char *id, struct job_answer *ret)
{
	struct sqlite3_stmt *row;
	int r;

	r = store_select(store, &row, "SELECT certificate, chain FROM job WHERE id = ?", "t", id);
	if (r < 0)
		return r;
	r = store_next(store, row);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;

	r = store_column_bytes(row, 0, ret->certificate, sizeof(ret->certificate),
			       &ret->certificate_len);
	if (r >= 0)
		r = store_column_bytes(row, 1, ret->chain, sizeof(ret->chain), &ret->chain_len);
	store_done(row);
	return r;
}

int store_job_set_answer(struct store *store, const char *id, struct gw_blob certificate,
			 struct gw_blob chain)
{
	int r = store_exec(store,
			   "UPDATE job SET state = 'checking', certificate = ?, chain = ?, due = 0"
			   " WHERE id = ?",
			   "bbt", certificate, chain, id);

	return r < 0 ? r : 0;
}

int store_job_set_waiting(struct store *store, const char *id, uint64_t due, const char *why)
{
	int r = store_exec(store,
			   "UPDATE job SET state = 'waiting', certificate = x'', chain = x'',"
			   " due = ?, why = ? WHERE id = ?",
			   "itt", (int64_t)due, why, id);

	return r < 0 ? r : 0;
}

int store_job_put_off(struct store *store, const char *id, uint64_t due, const char *why)
{
	int r = store_exec(store, "UPDATE job SET due = ?, why = ? WHERE id = ?", "itt",
			   (int64_t)due, why, id);

	return r < 0 ? r : 0;
}

int store_job_count_attempt(struct store *store, const char *id)
{
	int r = store_exec(store, "UPDATE job SET attempts = attempts + 1, due = 0 WHERE id = ?",
			   "t", id);

	return r < 0 ? r : 0;
}

int store_job_drop(struct store *store, const char *id)
{
	int r = store_exec(store, "DELETE FROM job WHERE id = ?", "t", id);

	return r < 0 ? r : 0;
}

int store_job_after(struct store *store, uint64_t created, struct job_record *ret)
{
	struct sqlite3_stmt *row;
	int r = store_select(store, &row,
			     "SELECT " COLUMNS " FROM job WHERE created > ?"
			     " AND due = 0 AND state = 'waiting' AND NOT EXISTS"
			     " (SELECT 1 FROM job AS other WHERE other.device = job.device"
			     "  AND other.device <> '' AND other.created < job.created)"
			     " ORDER BY created LIMIT 1",
			     "i", (int64_t)created);

	return r < 0 ? r : get_behind(store, row, created, ret);
}

int store_job_due(struct store *store, uint64_t now_s, struct job_record *ret)
{
	struct sqlite3_stmt *row;
	int r = store_select(store, &row,
			     "SELECT " COLUMNS " FROM job"
			     " WHERE due > 0 AND (due <= ? OR due > ?) ORDER BY due LIMIT 1",
			     "ii", (int64_t)now_s, (int64_t)now_s + JOB_PUT_OFF_MAX_S);

	return r < 0 ? r : get_one(store, row, ret);
}

int store_job_next(struct store *store, uint64_t created, struct job_record *ret)
{
	struct sqlite3_stmt *row;
	int r = store_select(store, &row,
			     "SELECT " COLUMNS
			     " FROM job WHERE created > ? ORDER BY created LIMIT 1",
			     "i", (int64_t)created);

	return r < 0 ? r : get_behind(store, row, created, ret);
}

int store_job_checking(struct store *store, uint64_t created, struct job_record *ret)
{
	struct sqlite3_stmt *row;
	int r = store_select(store, &row,
			     "SELECT " COLUMNS " FROM job WHERE created > ?"
			     " AND state = 'checking' ORDER BY created LIMIT 1",
			     "i", (int64_t)created);

	return r < 0 ? r : get_behind(store, row, created, ret);
}

bool store_job_voids(struct store *store, const char *enrolment)
{
	return store_number(store, 0,
			    "SELECT count(*) FROM job WHERE of = ? AND of <> '' AND kind = ?", "ti",
			    enrolment, (int64_t)GW_REQUEST_REVOKED) > 0;
}

uint64_t store_job_next_of(struct store *store, const struct job_record *job)
{
	return (uint64_t)store_number(store, 0,
				      "SELECT min(created) FROM job WHERE device = ?"
				      " AND device <> '' AND created > ?",
				      "ti", job->device, (int64_t)job->created);
}

uint64_t store_job_newest(struct store *store)
{
	return (uint64_t)store_number(store, 0, "SELECT max(created) FROM job", "");
}

uint64_t store_job_oldest(struct store *store)
{
	return (uint64_t)store_number(store, 0, "SELECT min(created) FROM job", "");
}

uint64_t store_job_count(struct store *store)
{
	return (uint64_t)store_number(store, 0, "SELECT count(*) FROM job", "");
}

bool store_job_has_kind(struct store *store, enum gw_request_kind kind)
{
	return store_number(store, 0, "SELECT 1 FROM job WHERE kind = ? LIMIT 1", "i",
			    (int64_t)kind) == 1;
}

bool store_job_has_of(struct store *store, const char *device, enum gw_request_kind kind)
{
	return store_number(store, 0, "SELECT 1 FROM job WHERE device = ? AND kind = ? LIMIT 1",
			    "ti", device, (int64_t)kind) == 1;
}

uint64_t store_job_count_put_off(struct store *store)
{
	return (uint64_t)store_number(store, 0, "SELECT count(*) FROM job WHERE due > 0", "");
}

uint64_t store_job_count_until(struct store *store, uint64_t created)
{
	return (uint64_t)store_number(store, 0, "SELECT count(*) FROM job WHERE created <= ?", "i",
				      (int64_t)created);
}

uint64_t store_job_next_due(struct store *store)
{
	return (uint64_t)store_number(store, 0, "SELECT min(due) FROM job WHERE due > 0", "");
}
