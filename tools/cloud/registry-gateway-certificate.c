/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registry's certificates of gateways: as with devices a candidate unseats nothing, and the
 * proof settles which one is live. A gateway that was revoked as a whole keeps the reason in its
 * own row, so that no certificate of any age lets it in again.
 */
#include <sqlite3.h>

#include "lib/util.h"
#include "tools/cloud/registry-db.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/registry-sql.h"

#define COLUMNS "serial, gateway, claim, job, key_sha256, state, reason, not_before, not_after"

static void read_record(sqlite3_stmt *s, struct record *ret)
{
	struct record record = { .not_before = (uint64_t)sqlite3_column_int64(s, 7),
				 .not_after = (uint64_t)sqlite3_column_int64(s, 8) };
	char state[REGISTRY_ID_MAX + 1];

	sql_text(s, 0, record.serial, sizeof(record.serial));
	sql_text(s, 1, record.gateway, sizeof(record.gateway));
	sql_text(s, 2, record.claim, sizeof(record.claim));
	sql_text(s, 3, record.job, sizeof(record.job));
	sql_text(s, 4, record.key, sizeof(record.key));
	sql_text(s, 5, state, sizeof(state));
	sql_text(s, 6, record.reason, sizeof(record.reason));
	record.state = certificate_state_from(state);
	*ret = record;
}

static int read_first(sqlite3_stmt *s, struct record *ret)
{
	int r = sql_step(s);

	if (r < 0)
		return r;
	if (r == 0)
		return -ENOENT;

	read_record(s, ret);
	return 0;
}

int registry_gateway_certificate_add(struct registry *registry, const struct record *record,
				     const uint8_t *der, size_t len)
{
	return sql_run(registry->db,
		       "INSERT INTO gateway_certificate(" COLUMNS ", der)"
		       " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		       "sssssssiib", record->serial, record->gateway, record->claim, record->job,
		       record->key, certificate_state_name(record->state), record->reason,
		       (int64_t)record->not_before, (int64_t)record->not_after, (const void *)der,
		       len);
}

int registry_gateway_certificate_get(struct registry *registry, const char *serial,
				     struct record *ret)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r;

	r = sql_prepare(registry->db, &s,
			"SELECT " COLUMNS " FROM gateway_certificate WHERE serial = ?", "s",
			serial);
	if (r < 0)
		return r;
	return read_first(s, ret);
}

int registry_gateway_certificate_of_job(struct registry *registry, const char *gateway,
					const char *job, struct record *ret, uint8_t **ret_der,
					size_t *ret_len)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	struct record record;
	uint8_t *der;
	size_t len;
	int r;

	r = sql_prepare(registry->db, &s,
			"SELECT " COLUMNS ", der FROM gateway_certificate"
			" WHERE gateway = ? AND job = ?",
			"ss", gateway, job);
	if (r >= 0)
		r = read_first(s, &record);
	if (r < 0)
		return r;

	len = (size_t)sqlite3_column_bytes(s, 9);
	der = malloc(len + 1);
	if (!der)
		return -ENOMEM;
	memcpy(der, sqlite3_column_blob(s, 9), len);

	*ret = record;
	*ret_der = der;
	*ret_len = len;
	return 0;
}

int registry_gateway_certificate_live(struct registry *registry, const char *gateway,
				      struct record *ret)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r;

	r = sql_prepare(registry->db, &s,
			"SELECT " COLUMNS " FROM gateway_certificate"
			" WHERE gateway = ? AND state = 'live'",
			"s", gateway);
	if (r < 0)
		return r;
	return read_first(s, ret);
}

int registry_gateway_certificate_candidates(struct registry *registry, const char *gateway,
					    unsigned *ret)
{
	int64_t n;
	int r;

	r = sql_number(registry->db, &n,
		       "SELECT count(*) FROM gateway_certificate"
		       " WHERE gateway = ? AND state = 'candidate'",
		       "s", gateway);
	if (r < 0)
		return r;

	*ret = (unsigned)n;
	return 0;
}

int registry_gateway_certificate_trim(struct registry *registry, const char *gateway,
				      unsigned n_kept, const char *reason)
{
	return sql_run(registry->db,
		       "UPDATE gateway_certificate SET state = 'revoked', reason = ?"
		       " WHERE number IN (SELECT number FROM gateway_certificate"
		       "  WHERE gateway = ? AND state = 'candidate'"
		       "  ORDER BY number DESC LIMIT -1 OFFSET ?)",
		       "ssi", reason, gateway, (int64_t)n_kept);
}

int registry_gateway_certificate_prove(struct registry *registry, const struct record *record)
{
	int r;

	r = sql_run(registry->db,
		    "UPDATE gateway_certificate SET state = 'revoked', reason = 'superseded'"
		    " WHERE gateway = ? AND serial <> ? AND state <> 'revoked'",
		    "ss", record->gateway, record->serial);
	if (r < 0)
		return r;

	return sql_change(registry->db,
			  "UPDATE gateway_certificate SET state = 'live'"
			  " WHERE serial = ? AND state = 'candidate'",
			  "s", record->serial);
}

int registry_gateway_certificates_each(struct registry *registry,
				       int (*each)(const struct record *record, void *),
				       void *userdata)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	struct record record;
	int r;

	r = sql_prepare(registry->db, &s,
			"SELECT " COLUMNS " FROM gateway_certificate ORDER BY gateway, number", "");
	if (r < 0)
		return r;

	while ((r = sql_step(s)) > 0) {
		read_record(s, &record);
		r = each(&record, userdata);
		if (r < 0)
			return r;
	}
	return r;
}

/* Its certificates of now; what it is given later is another matter. */
int registry_gateway_retire(struct registry *registry, const char *gateway, const char *reason)
{
	return sql_run(registry->db,
		       "UPDATE gateway_certificate SET state = 'revoked', reason = ?"
		       " WHERE gateway = ? AND state <> 'revoked'",
		       "ss", reason, gateway);
}

int registry_gateway_bar(struct registry *registry, const char *gateway, const char *reason)
{
	return sql_change(registry->db, "UPDATE gateway SET revoked = ? WHERE id = ?", "ss", reason,
			  gateway);
}

int registry_gateway_is_barred(struct registry *registry, const char *gateway, char *ret_reason,
			       size_t size)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r;

	r = sql_prepare(registry->db, &s, "SELECT revoked FROM gateway WHERE id = ?", "s", gateway);
	if (r >= 0)
		r = sql_step(s);
	if (r <= 0)
		return r;

	sql_text(s, 0, ret_reason, size);
	return *ret_reason != 0;
}
