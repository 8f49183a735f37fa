/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registry's certificates. A candidate does not unseat anything: a device may hold one at each
 * of several gateways, and several jobs of one claim may each have one, since only the gateway
 * knows which of two requests was the later. What unseats is the proof: then one is live and all
 * others are revoked.
 */
#include <sqlite3.h>

#include "lib/util.h"
#include "tools/cloud/registry-db.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/registry-sql.h"

#define COLUMNS                                                           \
	"serial, device, gateway, tenant, claim, job, key_sha256, state," \
	" reason, not_before, not_after, renews, authority"
#define N_COLUMNS 13

static void read_record(sqlite3_stmt *s, struct record *ret)
{
	struct record record = { .not_before = (uint64_t)sqlite3_column_int64(s, 9),
				 .not_after = (uint64_t)sqlite3_column_int64(s, 10) };
	char state[REGISTRY_ID_MAX + 1];

	sql_text(s, 0, record.serial, sizeof(record.serial));
	sql_text(s, 1, record.device, sizeof(record.device));
	sql_text(s, 2, record.gateway, sizeof(record.gateway));
	sql_text(s, 3, record.tenant, sizeof(record.tenant));
	sql_text(s, 4, record.claim, sizeof(record.claim));
	sql_text(s, 5, record.job, sizeof(record.job));
	sql_text(s, 6, record.key, sizeof(record.key));
	sql_text(s, 7, state, sizeof(state));
	sql_text(s, 8, record.reason, sizeof(record.reason));
	sql_text(s, 11, record.renews, sizeof(record.renews));
	record.authority = (unsigned)sqlite3_column_int64(s, 12);
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

int registry_certificate_add(struct registry *registry, const struct record *record,
			     const uint8_t *der, size_t len)
{
	return sql_run(registry->db,
		       "INSERT INTO certificate(" COLUMNS ", der)"
		       " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		       "sssssssssiisib", record->serial, record->device, record->gateway,
		       record->tenant, record->claim, record->job, record->key,
		       certificate_state_name(record->state), record->reason,
		       (int64_t)record->not_before, (int64_t)record->not_after, record->renews,
		       (int64_t)record->authority, (const void *)der, len);
}

int registry_certificate_get(struct registry *registry, const char *serial, struct record *ret)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r;

	r = sql_prepare(registry->db, &s, "SELECT " COLUMNS " FROM certificate WHERE serial = ?",
			"s", serial);
	if (r < 0)
		return r;
	return read_first(s, ret);
}

int registry_certificate_bytes(struct registry *registry, const char *serial, uint8_t **ret_der,
			       size_t *ret_len)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	uint8_t *der;
	size_t len;
	int r;

	r = sql_prepare(registry->db, &s, "SELECT der FROM certificate WHERE serial = ?", "s",
			serial);
	if (r >= 0)
		r = sql_step(s);
	if (r < 0)
		return r;
	if (r == 0)
		return -ENOENT;

	len = (size_t)sqlite3_column_bytes(s, 0);
	der = malloc(len + 1);
	if (!der)
		return -ENOMEM;
	memcpy(der, sqlite3_column_blob(s, 0), len);
	*ret_der = der;
	*ret_len = len;
	return 0;
}

int registry_certificate_of_job(struct registry *registry, const char *gateway, const char *job,
				struct record *ret)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r;

	r = sql_prepare(registry->db, &s,
			"SELECT " COLUMNS " FROM certificate WHERE gateway = ? AND job = ?", "ss",
			gateway, job);
	if (r < 0)
		return r;
	return read_first(s, ret);
}

int registry_certificate_live(struct registry *registry, const char *device, uint64_t now,
			      struct record *ret)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r;

	r = sql_prepare(registry->db, &s,
			"SELECT " COLUMNS " FROM certificate"
			" WHERE device = ? AND state = 'live' AND not_after > ?",
			"si", device, (int64_t)now);
	if (r < 0)
		return r;
	return read_first(s, ret);
}

int registry_certificate_other_keys(struct registry *registry, const char *claim, const char *key,
				    unsigned *ret)
{
	int64_t n;
	int r;

	r = sql_number(registry->db, &n,
		       "SELECT count(DISTINCT key_sha256) FROM certificate"
		       " WHERE claim = ? AND key_sha256 <> ? AND renews = ''",
		       "ss", claim, key);
	if (r < 0)
		return r;

	*ret = (unsigned)n;
	return 0;
}

int registry_certificate_other_renewals(struct registry *registry, const char *serial,
					const char *key, unsigned *ret)
{
	int64_t n;
	int r;

	r = sql_number(registry->db, &n,
		       "SELECT count(DISTINCT key_sha256) FROM certificate"
		       " WHERE renews = ? AND renews <> '' AND key_sha256 <> ?"
		       " AND reason <> 'not-proved'",
		       "ss", serial, key);
	if (r < 0)
		return r;

	*ret = (unsigned)n;
	return 0;
}

/* Others of this gateway were superseded; elsewhere the device is simply not any more. */
static int revoke_others(struct registry *registry, const struct record *record)
{
	return sql_run(registry->db,
		       "UPDATE certificate SET state = 'revoked', reason ="
		       "  CASE WHEN gateway = ?1 THEN 'superseded' ELSE 'live-elsewhere' END"
		       " WHERE device = ?2 AND serial <> ?3 AND state <> 'revoked'",
		       "sss", record->gateway, record->device, record->serial);
}

int registry_certificate_prove(struct registry *registry, const struct record *record)
{
	int r;

	r = revoke_others(registry, record);
	if (r >= 0)
		r = sql_change(registry->db,
			       "UPDATE certificate SET state = 'live'"
			       " WHERE serial = ? AND state = 'candidate'",
			       "s", record->serial);
	if (r < 0)
		return r;
	return registry_claim_spend(registry, record->claim);
}

int registry_certificate_revoke(struct registry *registry, const char *serial, const char *reason)
{
	return sql_run(registry->db,
		       "UPDATE certificate SET state = 'revoked', reason = ?"
		       " WHERE serial = ? AND state <> 'revoked'",
		       "ss", reason, serial);
}

int registry_certificates_revoke(struct registry *registry, const char *device, const char *reason)
{
	return sql_run(registry->db,
		       "UPDATE certificate SET state = 'revoked', reason = ?"
		       " WHERE device = ? AND state <> 'revoked'",
		       "ss", reason, device);
}

/* sql: counts by the one number that it is given. */
static int count_devices(struct registry *registry, const char *sql, uint64_t by, unsigned *ret)
{
	int64_t n;
	int r = sql_number(registry->db, &n, sql, "i", (int64_t)by);

	if (r < 0)
		return r;

	*ret = (unsigned)n;
	return 0;
}

int registry_certificates_under(struct registry *registry, unsigned authority, unsigned *ret)
{
	return count_devices(registry,
			     "SELECT count(DISTINCT device) FROM certificate"
			     " WHERE authority = ? AND state <> 'revoked'",
			     authority, ret);
}

int registry_certificates_up_to(struct registry *registry, uint64_t number, unsigned *ret)
{
	return count_devices(registry,
			     "SELECT count(DISTINCT device) FROM certificate"
			     " WHERE number <= ? AND state <> 'revoked'",
			     number, ret);
}

int registry_certificates_last(struct registry *registry, uint64_t *ret)
{
	int64_t n;
	int r;

	r = sql_number(registry->db, &n, "SELECT coalesce(max(number), 0) FROM certificate", "");
	if (r < 0)
		return r;

	*ret = (uint64_t)n;
	return 0;
}

int registry_certificates_revoke_at(struct registry *registry, const char *gateway,
				    const char *device, const char *reason)
{
	return sql_run(registry->db,
		       "UPDATE certificate SET state = 'revoked', reason = ?"
		       " WHERE device = ? AND gateway = ? AND state <> 'revoked'",
		       "sss", reason, device, gateway);
}

int registry_certificates_each(struct registry *registry,
			       int (*each)(const struct record *record, void *), void *userdata)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	struct record record;
	int r;

	r = sql_prepare(registry->db, &s,
			"SELECT " COLUMNS ", EXISTS(SELECT 1 FROM suspended"
			" WHERE suspended.device = certificate.device)"
			" FROM certificate ORDER BY number",
			"");
	if (r < 0)
		return r;

	while ((r = sql_step(s)) > 0) {
		read_record(s, &record);
		record.suspended = sqlite3_column_int(s, N_COLUMNS);
		r = each(&record, userdata);
		if (r < 0)
			return r;
	}
	return r;
}

int registry_registrar_add(struct registry *registry, const struct record *record,
			   const uint8_t *der, size_t len)
{
	int r;

	/* What nobody accepts any more is of no interest; so it cannot fill the disk. */
	r = sql_run(registry->db, "DELETE FROM registrar WHERE gateway = ? AND not_after < ?", "si",
		    record->gateway, (int64_t)record->not_before);
	if (r < 0)
		return r;

	return sql_run(
		registry->db,
		"INSERT INTO registrar(serial, gateway, key_sha256, not_before, not_after, der)"
		" VALUES(?, ?, ?, ?, ?, ?)",
		"sssiib", record->serial, record->gateway, record->key, (int64_t)record->not_before,
		(int64_t)record->not_after, (const void *)der, len);
}
