/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables, and how those of each version become those of the next. A store is always made by taking all
 * steps, a new one as well, so that an old store that was brought up and a new one cannot differ.
 *
 * A step that was released never changes: a change of the tables is a step more, at the end, and comes with a
 * dump of what it leads to (tests/unit/schema/, where a test asks for it).
 */
#include "agent/store-schema.h"

#include <stdio.h>

#include "agent/store.h"
#include "lib/util.h"

static const char *const steps[] = {
	/* 0 to 1: of an empty file, the first store. */
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"

	"CREATE TABLE device ("
	"  id TEXT PRIMARY KEY, state TEXT NOT NULL, reason TEXT NOT NULL, method TEXT NOT NULL,"
	"  tenant TEXT NOT NULL, claim TEXT NOT NULL, transport TEXT NOT NULL,"
	"  address TEXT NOT NULL, vendor TEXT NOT NULL, model TEXT NOT NULL,"
	"  last_seen INTEGER NOT NULL, changed INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX device_state ON device (state, id);"

	"CREATE TABLE claim ("
	"  id TEXT PRIMARY KEY, device TEXT NOT NULL, tenant TEXT NOT NULL, state TEXT NOT NULL,"
	"  secret BLOB NOT NULL, claimed_by TEXT NOT NULL, created INTEGER NOT NULL,"
	"  expires INTEGER NOT NULL, n_secrets INTEGER NOT NULL, secret_given INTEGER NOT NULL)"
	"  WITHOUT ROWID;"
	"CREATE INDEX claim_device ON claim (device, state);"
	"CREATE INDEX claim_expires ON claim (expires) WHERE state = 'open' AND expires > 0;"

	"CREATE TABLE claim_key ("
	"  claim TEXT NOT NULL, key BLOB NOT NULL, PRIMARY KEY (claim, key)) WITHOUT ROWID;"

	"CREATE TABLE certificate ("
	"  serial BLOB PRIMARY KEY, fingerprint BLOB NOT NULL UNIQUE, key BLOB NOT NULL,"
	"  device TEXT NOT NULL, claim TEXT NOT NULL, job TEXT NOT NULL, state TEXT NOT NULL,"
	"  not_before INTEGER NOT NULL, not_after INTEGER NOT NULL, issued INTEGER NOT NULL,"
	"  certificate BLOB NOT NULL, chain BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX certificate_device ON certificate (device, state);"
	"CREATE INDEX certificate_job ON certificate (job);"
	"CREATE INDEX certificate_issued ON certificate (issued) WHERE state = 'candidate';"

	"CREATE TABLE job ("
	"  id TEXT PRIMARY KEY, kind INTEGER NOT NULL, state TEXT NOT NULL, device TEXT NOT NULL,"
	"  tenant TEXT NOT NULL, claim TEXT NOT NULL, of TEXT NOT NULL, method TEXT NOT NULL,"
	"  reason TEXT NOT NULL, serial BLOB NOT NULL, key BLOB NOT NULL, csr BLOB NOT NULL,"
	"  certificate BLOB NOT NULL, chain BLOB NOT NULL, created INTEGER NOT NULL,"
	"  due INTEGER NOT NULL, attempts INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE UNIQUE INDEX job_order ON job (created);"
	"CREATE INDEX job_device ON job (device, kind);"
	"CREATE INDEX job_due ON job (due) WHERE due > 0;"

	"CREATE TABLE audit ("
	"  n INTEGER PRIMARY KEY, time INTEGER NOT NULL, event TEXT NOT NULL, device TEXT NOT NULL,"
	"  who TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, mac BLOB NOT NULL);"

	"CREATE TABLE anchors (purpose INTEGER PRIMARY KEY, certificates BLOB NOT NULL);"

	"CREATE TABLE command ("
	"  id TEXT PRIMARY KEY, seq INTEGER NOT NULL, outcome INTEGER NOT NULL,"
	"  reason TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX command_seq ON command (seq);",

	/* 1 to 2: certificates are renewed; what stands for a claim there is its generation (renewal.h). */
	"ALTER TABLE claim_key RENAME TO tried_key;"
	"ALTER TABLE tried_key RENAME COLUMN claim TO generation;"

	"ALTER TABLE certificate ADD COLUMN generation TEXT NOT NULL DEFAULT '';"
	"UPDATE certificate SET generation = claim;"
	"ALTER TABLE certificate ADD COLUMN round INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE certificate ADD COLUMN renew_asked INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE certificate ADD COLUMN renew_refused INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE certificate ADD COLUMN approval TEXT NOT NULL DEFAULT '';"
	"CREATE INDEX certificate_ends ON certificate (not_after) WHERE state = 'candidate';"

	/* What the cloud said when it put a job off. */
	"ALTER TABLE job ADD COLUMN why TEXT NOT NULL DEFAULT '';"

	/* Else these are walks through all there is: tests/integration/test_plans.py. */
	"CREATE INDEX certificate_generation ON certificate (generation) WHERE state = 'candidate';"
	"CREATE INDEX certificate_left ON certificate (issued) WHERE state = 'left';"
	"CREATE INDEX job_of ON job (of) WHERE of <> '';"

	/* All that says when a live one is to be renewed, so that a look at all of them reads no certificate. */
	"CREATE INDEX certificate_ahead ON certificate"
	"  (not_after, not_before, issued, renew_asked, approval, device, state) WHERE state = "
	"'live';"

	/* Revocation lists: the newest of each issuer, which is known by the hash of its name. Nobody knows it of
	 * certificates that were on record before. */
	"ALTER TABLE certificate ADD COLUMN issuer BLOB NOT NULL DEFAULT x'';"
	"CREATE TABLE crl ("
	"  id INTEGER PRIMARY KEY, issuer BLOB NOT NULL UNIQUE, name TEXT NOT NULL,"
	"  number BLOB NOT NULL, hash BLOB NOT NULL, this_update INTEGER NOT NULL,"
	"  next_update INTEGER NOT NULL, received INTEGER NOT NULL, n_entries INTEGER NOT NULL,"
	"  is_stale INTEGER NOT NULL);"
	"CREATE TABLE crl_serial ("
	"  crl INTEGER NOT NULL, serial BLOB NOT NULL, PRIMARY KEY (crl, serial)) WITHOUT ROWID;",
};

const struct store_schema store_schema = { steps, GW_ELEMENTS(steps) };

static int take_step(struct store *store, const char *step, int64_t version)
{
	char script[64];
	int r;

	r = store_run_script(store, step);
	if (r < 0)
		return r;

	(void)snprintf(script, sizeof(script), "PRAGMA user_version = %d", (int)version + 1);
	return store_run_script(store, script);
}

static int take_steps(struct store *store, const struct store_schema *schema, int64_t *version)
{
	int found, r;

	*version = store_number(store, -1, "PRAGMA user_version", "");
	if (*version < 0)
		return -EUCLEAN;
	if (*version > schema->version)
		return -EPROTO;

	found = (int)*version;
	while (*version < schema->version) {
		r = take_step(store, schema->steps[*version], *version);
		if (r < 0)
			return r;
		++*version;
	}
	return found;
}

/* After an error the transaction is left open: closing the file undoes it, and till then SQLite can say what
 * went wrong. */
int store_migrate(struct store *store, const struct store_schema *schema, int64_t *ret_reached)
{
	int found, r;

	r = store_run_script(store, "BEGIN IMMEDIATE");
	if (r < 0)
		return r;

	found = take_steps(store, schema, ret_reached);
	if (found < 0)
		return found;

	r = store_run_script(store, "COMMIT");
	return r < 0 ? r : found;
}
