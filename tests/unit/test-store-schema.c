/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From each version of the store to this one: by dumps of stores as agents have left them, and by a schema of
 * the test's own, whose later steps succeed, fail, or find no room.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/store-certificate.h"
#include "agent/store-claim.h"
#include "agent/store-device.h"
#include "agent/store-job.h"
#include "agent/store-schema.h"
#include "agent/store.h"
#include "lib/util.h"

/* The version of the product; the steps behind it are the test's own. */
#define NOW    store_schema.version
#define SECOND "ALTER TABLE device ADD COLUMN shelf TEXT NOT NULL DEFAULT 'top'"
#define THIRD                                                              \
	"CREATE TABLE shelf (name TEXT PRIMARY KEY, n INTEGER NOT NULL); " \
	"INSERT INTO shelf SELECT shelf, count(*) FROM device GROUP BY shelf"

static char folder[64];
static struct store *store;
static char error[512];

static const char *file_path(void)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/gangway.db", folder);
	return path;
}

static int make_folder(void **state)
{
	store = NULL;
	*error = 0;
	(void)strcpy(folder, "/tmp/gangway-schema-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int tear_down(void **state)
{
	store = store_close(store);
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int open_as(const struct store_schema *schema)
{
	return store_open_as(schema, folder, &store, error, sizeof(error));
}

/* The steps of the product, and these. */
static struct store_schema later(const char *second, const char *third)
{
	static const char *steps[16];

	assert_true(NOW + 2 <= (int64_t)GW_ELEMENTS(steps));
	for (int64_t i = 0; i < NOW; i++)
		steps[i] = store_schema.steps[i];
	steps[NOW] = second;
	steps[NOW + 1] = third;
	return (struct store_schema){ steps, third ? NOW + 2 : NOW + 1 };
}

/* A file of the contents of tests/unit/schema/VERSION.sql. */
static void load_dump(int64_t version)
{
	static char script[1 << 18];
	const char *top = getenv("top_srcdir");
	char path[512], *problem = NULL;
	sqlite3 *db;
	FILE *file;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/tests/unit/schema/%d.sql", top ? top : ".",
		       (int)version);
	file = fopen(path, "re");
	if (!file)
		fail_msg("%s: %s; each version has a dump", path, strerror(errno));
	len = fread(script, 1, sizeof(script) - 1, file);
	assert_true(len > 0 && len < sizeof(script) - 1);
	assert_int_equal(fclose(file), 0);
	script[len] = 0;

	assert_int_equal(sqlite3_open(file_path(), &db), SQLITE_OK);
	if (sqlite3_exec(db, script, NULL, NULL, &problem) != SQLITE_OK)
		fail_msg("%s: %s", path, problem);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Everything that makes up the schema of the open store, but for how it is spelled, as one text. */
static void describe(char *text, size_t size)
{
	static const char sql[] =
		"SELECT group_concat(line, x'0a') FROM ("
		"  SELECT m.name || ' ' || c.name || ' ' || c.type || ' ' || c.[notnull] || ' ' || "
		"c.pk"
		"    || ' ' || coalesce(c.dflt_value, '-') AS line"
		"  FROM sqlite_schema m, pragma_table_xinfo(m.name) c WHERE m.type IN ('table', "
		"'index')"
		"  UNION ALL SELECT sql FROM sqlite_schema WHERE type NOT IN ('table')"
		"  ORDER BY line)";
	struct sqlite3_stmt *row;

	assert_int_equal(store_select(store, &row, sql, ""), 0);
	assert_int_equal(store_next(store, row), 1);
	store_column_text(row, 0, text, size);
	store_done(row);
	assert_true(strlen(text) > 1000 && strlen(text) < size - 1);
}

static void assert_whole(void)
{
	struct sqlite3_stmt *row;
	char verdict[64];

	assert_int_equal(store_select(store, &row, "PRAGMA integrity_check", ""), 0);
	assert_int_equal(store_next(store, row), 1);
	store_column_text(row, 0, verdict, sizeof(verdict));
	store_done(row);
	assert_string_equal(verdict, "ok");
}

/* What all dumps have in them. */
static void assert_contents(void)
{
	struct certificate_record certificate;
	struct device_record device;
	struct claim_record claim;
	static struct job_record job;

	assert_int_equal(store_device_get(store, "PUMP-7", &device), 0);
	assert_int_equal(device.state, DEVICE_ONBOARDED);
	assert_int_equal(store_certificate_of(store, "PUMP-7", CERTIFICATE_LIVE, &certificate), 0);
	assert_int_equal(store_device_get(store, "PUMP-8", &device), 0);
	assert_int_equal(device.state, DEVICE_ENROLLING);
	assert_int_equal(store_job_signing_of(store, "PUMP-8", &job), 0);
	assert_true(job.csr_len > 100);
	assert_int_equal(store_claim_open_of(store, "PUMP-9", &claim), 0);
	assert_true(claim.secret_len > 0);
	assert_true(store_meta_number(store, "claim-count", 0) == 3);
	assert_true(store_number(store, 0, "SELECT count(*) FROM audit", "") > 0);
}

static void each_version_becomes_this_one(void **state)
{
	static char fresh[32768], brought_up[32768];

	assert_int_equal(open_as(&store_schema), 0);
	describe(fresh, sizeof(fresh));

	for (int64_t version = 1; version <= store_schema.version; version++) {
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(make_folder(state), 0);
		load_dump(version);
		assert_int_equal(open_as(&store_schema), version < store_schema.version);
		assert_true(store_number(store, -1, "PRAGMA user_version", "") ==
			    store_schema.version);
		assert_whole();
		describe(brought_up, sizeof(brought_up));
		assert_string_equal(brought_up, fresh);
		assert_contents();
	}
}

static void one_step_after_the_other(void **state)
{
	struct store_schema two = later(SECOND, NULL), three;

	load_dump(NOW);
	assert_int_equal(open_as(&two), 1);
	assert_contents();
	assert_true(store_number(store, -1, "PRAGMA user_version", "") == NOW + 1);
	store = store_close(store);
	assert_int_equal(open_as(&two), 0);
	store = store_close(store);

	three = later(SECOND, THIRD);
	assert_int_equal(open_as(&three), 1);
	assert_contents();
	assert_whole();
	assert_true(store_number(store, -1, "SELECT n FROM shelf WHERE name = 'top'", "") == 3);
}

static void all_steps_at_once(void **state)
{
	struct store_schema three = later(SECOND, THIRD);

	load_dump(NOW);
	assert_int_equal(open_as(&three), 1);
	assert_contents();
	assert_true(store_number(store, -1, "PRAGMA user_version", "") == NOW + 2);
	assert_true(store_number(store, -1, "SELECT n FROM shelf WHERE name = 'top'", "") == 3);
	store = store_close(store);

	/* A new store takes the same way, and is none that was brought up. */
	assert_int_equal(unlink(file_path()), 0);
	assert_int_equal(open_as(&three), 0);
	assert_true(store_number(store, -1, "SELECT count(*) FROM shelf", "") == 0);
}

/* Three pieces, the middle one a number. */
static const char *with_number(const char *before, int64_t number, const char *after)
{
	static char text[128];

	(void)snprintf(text, sizeof(text), "%s%d%s", before, (int)number, after);
	return text;
}

/* The store cannot be opened, the error has these words in it; and it is still of the version it was, with all in it. */
static void expect_no_change(const struct store_schema *schema, int r, const char *words)
{
	assert_int_equal(open_as(schema), r);
	assert_null(store);
	assert_non_null(strstr(error, file_path()));
	if (!strstr(error, words))
		fail_msg("'%s' is not in: %s", words, error);

	assert_int_equal(open_as(&store_schema), 0);
	assert_contents();
	assert_true(store_number(store, -1,
				 "SELECT count(*) FROM pragma_table_info('device')"
				 " WHERE name = 'shelf'",
				 "") == 0);
	store = store_close(store);
}

static void a_step_that_fails(void **state)
{
	static const char *const bad[] = {
		"CREATE TABLE shelf (name TEXT); CREATE TABLE device (id TEXT)",
		"DELETE FROM claim; INSERT INTO nowhere VALUES (1)",
		"UPDATE device SET state = 'gone'; this is no SQL",
	};
	struct store_schema schema;

	load_dump(NOW);
	for (size_t i = 0; i < GW_ELEMENTS(bad); i++) {
		schema = later(SECOND, bad[i]);
		expect_no_change(&schema, -EIO,
				 with_number("schema version ", NOW + 1,
					     " and cannot be brought to the next"));
		schema = later(bad[i], THIRD);
		expect_no_change(&schema, -EIO,
				 with_number("schema version ", NOW,
					     " and cannot be brought to the next"));
	}
	assert_non_null(strstr(error, "syntax error")); /* what SQLite has to say of it */
}

static void a_file_that_may_not_grow(void **state)
{
	struct store_schema schema = later(
		"CREATE TABLE bulk (x BLOB); INSERT INTO bulk VALUES (randomblob(300000))", NULL);
	struct rlimit before, little;

	load_dump(NOW);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	little = (struct rlimit){ 200000, before.rlim_max };
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	expect_no_change(&schema, -EIO, "disk I/O error");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(open_as(&schema), 1);
	assert_contents();
}

static size_t read_file(uint8_t *bytes, size_t size)
{
	FILE *file = fopen(file_path(), "re");
	size_t len;

	assert_non_null(file);
	len = fread(bytes, 1, size, file);
	assert_true(len > 0 && len < size);
	assert_int_equal(fclose(file), 0);
	return len;
}

static void a_newer_store_is_left_as_it_is(void **state)
{
	static uint8_t before[1 << 20], after[1 << 20];
	struct store_schema three = later(SECOND, THIRD);
	size_t len;

	load_dump(NOW);
	assert_int_equal(open_as(&three), 1);
	store = store_close(store);

	len = read_file(before, sizeof(before));
	assert_int_equal(open_as(&store_schema), -EPROTO);
	assert_non_null(strstr(error, file_path()));
	assert_non_null(
		strstr(error, with_number("is of schema version ", NOW + 2, ", and gangwayd ")));
	assert_non_null(strstr(error, with_number("knows none later than ", NOW, "")));
	assert_non_null(strstr(error, "install the version that wrote it"));
	assert_int_equal(read_file(after, sizeof(after)), len);
	assert_memory_equal(before, after, len);

	assert_int_equal(open_as(&three), 0);
	assert_contents();
}

static void a_version_that_cannot_be(void **state)
{
	load_dump(NOW);
	assert_int_equal(open_as(&store_schema), 0);
	assert_int_equal(store_run_script(store, "PRAGMA user_version = -3"), 0);
	store = store_close(store);
	assert_int_equal(open_as(&store_schema), -EUCLEAN);
	assert_non_null(strstr(error, "is damaged"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(each_version_becomes_this_one),
		TEST(one_step_after_the_other),
		TEST(all_steps_at_once),
		TEST(a_step_that_fails),
		TEST(a_file_that_may_not_grow),
		TEST(a_newer_store_is_left_as_it_is),
		TEST(a_version_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
