/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store as such, and the nouns in it, in a folder of the test's own: the one transaction, files
 * that are no store, and that every member comes back as it went in.
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
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/renewal.h"
#include "agent/store-certificate.h"
#include "agent/store-claim.h"
#include "agent/store-device.h"
#include "agent/store-job.h"
#include "agent/store-key.h"
#include "agent/store.h"
#include "lib/util.h"
#include "lib/wire.h"

static char folder[64];
static struct store *store;

static const char *file_path(void)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/gangway.db", folder);
	return path;
}

static int open_store(char error[512])
{
	*error = 0;
	return store_open(folder, &store, error, 512);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int make_folder(void **state)
{
	store = NULL;
	(void)strcpy(folder, "/tmp/gangway-store-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int set_up(void **state)
{
	char error[512];

	return make_folder(state) < 0 || open_store(error) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	store = store_close(store);
	(void)chmod(folder, 0700);
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void reopen(void)
{
	char error[512];

	store = store_close(store);
	assert_int_equal(open_store(error), 0);
}

static int set(const char *key, int64_t value)
{
	return store_meta_set_number(store, key, value);
}

static int64_t get(const char *key)
{
	return store_meta_number(store, key, -1);
}

/* --- the transaction --- */

static void what_is_committed_stays(void **state)
{
	assert_int_equal(store_commit(store), 0); /* none is open */
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_begin(store), 0); /* joins */
	assert_true(store_in_transaction(store));
	assert_int_equal(set("a", 1), 0);
	assert_int_equal(store_commit(store), 1);
	assert_false(store_in_transaction(store));
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_commit(store), 0); /* nothing to write */
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(set("a", 2), 0);
	reopen(); /* as a crash would */
	assert_int_equal(get("a"), 1);
}

static int insert_twice(void)
{
	static const char sql[] = "INSERT INTO meta (key, value) VALUES ('twice', 1)";

	assert_int_equal(store_exec(store, sql, ""), 1);
	return store_exec(store, sql, "");
}

static void a_spoiled_transaction_is_undone(void **state)
{
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(set("before", 1), 0);
	assert_int_equal(insert_twice(), -EEXIST);
	assert_int_equal(set("after", 1), -EEXIST); /* nothing more is written */
	assert_int_equal(store_commit(store), -EEXIST);
	assert_false(store_in_transaction(store));
	assert_int_equal(get("before"), -1);
	assert_int_equal(get("twice"), -1);
	assert_int_equal(get("after"), -1);

	assert_int_equal(store_begin(store), 0);
	assert_int_equal(set("next", 1), 0);
	assert_int_equal(store_commit(store), 1);
	assert_int_equal(get("next"), 1);
}

static void spoiled_by_somebody_else(void **state)
{
	store_spoil(store, -EIO); /* nothing is going on: nothing is spoiled */
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(set("a", 1), 0);
	store_spoil(store, -ENOMEM);
	store_spoil(store, -EIO);
	assert_int_equal(store_commit(store), -ENOMEM);
	assert_int_equal(get("a"), -1);
}

/* SQLite rolls back by itself here, in the middle: what came behind was kept once. */
static void a_full_file(void **state)
{
	int r = 0;

	assert_true(store_number(store, 0, "PRAGMA max_page_count = 40", "") > 0);
	assert_int_equal(store_begin(store), 0);
	for (int i = 0; i < 100 && r >= 0; i++)
		r = store_exec(store, "INSERT INTO meta (key, value) VALUES (?, zeroblob(4000))",
			       "i", (int64_t)i);
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(set("after", 1), -ENOSPC);
	assert_int_equal(store_commit(store), -ENOSPC);
	assert_int_equal(get("after"), -1);
	assert_int_equal(store_number(store, -1, "SELECT count(*) FROM meta", ""), 0);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(set("small", 1), 0);
	assert_int_equal(store_commit(store), 1);
}

static void a_selection_left_early(void **state)
{
	struct sqlite3_stmt *row;
	static const char sql[] = "SELECT key FROM meta WHERE value > ? ORDER BY key";
	char key[8];

	assert_int_equal(store_begin(store), 0);
	assert_int_equal(set("a", 1), 0);
	assert_int_equal(set("bb", 2), 0);
	for (int i = 0; i < 2; i++) { /* the second time it begins anew */
		assert_int_equal(store_select(store, &row, sql, "i", (int64_t)0), 0);
		assert_int_equal(store_next(store, row), 1);
		store_column_text(row, 0, key, sizeof(key));
		assert_string_equal(key, "a");
		store_done(row);
	}
	assert_int_equal(store_commit(store), 1);
}

static void facts(void **state)
{
	uint8_t buf[4];
	size_t len = 99;

	assert_int_equal(store_meta_get(store, "k", buf, sizeof(buf), &len), -ENOENT);
	assert_int_equal(store_meta_set(store, "k", (struct gw_blob){ (const uint8_t *)"abcd", 4 }),
			 0);
	assert_int_equal(store_meta_get(store, "k", buf, 3, &len), -ENOSPC);
	assert_int_equal(len, 99);
	assert_int_equal(store_meta_get(store, "k", buf, sizeof(buf), &len), 0);
	assert_int_equal(len, 4);
	assert_memory_equal(buf, "abcd", 4);
	assert_int_equal(store_meta_set(store, "k", (struct gw_blob){ 0 }), 0);
	assert_int_equal(store_meta_get(store, "k", buf, sizeof(buf), &len), 0);
	assert_int_equal(len, 0);
	assert_int_equal(set("n", INT64_MIN), 0);
	assert_true(get("n") == INT64_MIN);
}

/* --- files --- */

static void expect_refusal(int r, const char *says)
{
	char error[512];

	assert_int_equal(open_store(error), r);
	assert_non_null(strstr(error, folder));
	if (!strstr(error, says))
		fail_msg("'%s' does not say '%s'", error, says);
}

static void write_file(const char *contents, size_t len)
{
	int fd = open(file_path(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, contents, len), len);
	(void)close(fd);
}

static void a_file_that_is_no_store(void **state)
{
	static const char text[4096] = "this is a letter to my mother";

	write_file(text, sizeof(text));
	expect_refusal(-EUCLEAN, "restore it from a backup");
}

static void a_damaged_store(void **state)
{
	char error[512];

	assert_int_equal(open_store(error), 0);
	store = store_close(store);
	write_file("SQLite format 3\0\377\377\377\377\377\377\377\377\377\377", 26);
	expect_refusal(-EUCLEAN, "is damaged");
}

static void a_newer_store(void **state)
{
	char error[512];

	assert_int_equal(open_store(error), 0);
	(void)store_number(store, 0, "PRAGMA user_version = 1000", "");
	store = store_close(store);
	expect_refusal(-EPROTO, "knows none later");
}

static void a_folder_that_is_not_there(void **state)
{
	(void)rmdir(folder);
	expect_refusal(-EROFS, "check the folder");
	assert_int_equal(mkdir(folder, 0700), 0);
}

static void a_folder_that_cannot_be_written(void **state)
{
	if (geteuid() == 0) /* whom no mode stops */
		assert_int_equal(mkdir(file_path(), 0700), 0);
	else
		assert_int_equal(chmod(folder, 0500), 0);
	expect_refusal(-EROFS, "check the folder's owner and mode");
}

static void nobody_else_reads_it(void **state)
{
	char error[512];
	struct stat st;

	(void)umask(0);
	assert_int_equal(open_store(error), 0);
	assert_int_equal(stat(file_path(), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(umask(022), 0);
}

/* --- nouns --- */

static void fill(void *to, size_t size, char with)
{
	memset(to, with, size - 1);
	((char *)to)[size - 1] = 0;
}

/* At its longest, so that nothing is cut. */
static struct device_record some_device(const char *id)
{
	struct device_record device = { .last_seen = 11, .changed = INT64_MAX };

	(void)gw_copy(device.id, sizeof(device.id), id);
	device.state = DEVICE_ISSUED;
	fill(device.reason, sizeof(device.reason), 'r');
	fill(device.method, sizeof(device.method), 'm');
	fill(device.tenant, sizeof(device.tenant), 't');
	fill(device.claim, sizeof(device.claim), 'c');
	fill(device.transport, sizeof(device.transport), 'p');
	fill(device.address, sizeof(device.address), 'a');
	fill(device.vendor, sizeof(device.vendor), 'v');
	fill(device.model, sizeof(device.model), 'o');
	return device;
}

static void devices(void **state)
{
	struct device_record in = some_device("D-1"), out = { 0 };

	assert_int_equal(store_device_get(store, "D-1", &out), -ENOENT);
	assert_int_equal(store_device_put(store, &in), 0);
	assert_int_equal(store_device_get(store, "D-1", &out), 0);
	assert_memory_equal(out.id, in.id, strlen(in.id) + 1);
	assert_int_equal(out.state, in.state);
	assert_string_equal(out.reason, in.reason);
	assert_string_equal(out.method, in.method);
	assert_string_equal(out.tenant, in.tenant);
	assert_string_equal(out.claim, in.claim);
	assert_string_equal(out.transport, in.transport);
	assert_string_equal(out.address, in.address);
	assert_string_equal(out.vendor, in.vendor);
	assert_string_equal(out.model, in.model);
	assert_true(out.last_seen == 11 && out.changed == INT64_MAX);

	assert_int_equal(store_device_seen(store, "D-1", "ip", "::1", 12), 0);
	assert_int_equal(store_device_get(store, "D-1", &out), 0);
	assert_string_equal(out.transport, "ip");
	assert_string_equal(out.address, "::1");
	assert_true(out.last_seen == 12);
	assert_int_equal(out.state, in.state);
	assert_int_equal(store_device_get(store, "d-1", &out), -ENOENT); /* as it is written */
}

static void lists_of_devices(void **state)
{
	static const char *const ids[] = { "A", "B", "C", "D" };
	struct device_record records[4], device;
	struct device_filter filter = { .after = "" };

	for (size_t i = 0; i < GW_ELEMENTS(ids); i++) {
		device = some_device(ids[i]);
		device.state = i % 2 ? DEVICE_ONBOARDED : DEVICE_CLAIMED;
		(void)gw_copy(device.tenant, sizeof(device.tenant), i < 2 ? "one" : "two");
		assert_int_equal(store_device_put(store, &device), 0);
	}
	assert_int_equal(store_device_list(store, &filter, records, 4), 4);
	assert_int_equal(store_device_list(store, &filter, records, 3), 3);
	assert_string_equal(records[2].id, "C");
	filter.after = "C";
	assert_int_equal(store_device_list(store, &filter, records, 3), 1);
	assert_string_equal(records[0].id, "D");
	filter = (struct device_filter){ .after = "", .state = "onboarded" };
	assert_int_equal(store_device_list(store, &filter, records, 4), 2);
	assert_string_equal(records[0].id, "B");
	filter.tenant = "two";
	assert_int_equal(store_device_list(store, &filter, records, 4), 1);
	assert_string_equal(records[0].id, "D");
	filter.state = "no such";
	assert_int_equal(store_device_list(store, &filter, records, 4), 0);
	assert_true(store_device_count(store) == 4);
	assert_true(store_device_count_state(store, DEVICE_CLAIMED) == 2);
	assert_true(store_device_count_state(store, DEVICE_REVOKED) == 0);
}

static struct claim_record some_claim(const char *id, const char *device, uint64_t expires)
{
	struct claim_record claim = { .created = 5, .expires = expires, .secret_len = 44 };

	(void)gw_copy(claim.id, sizeof(claim.id), id);
	(void)gw_copy(claim.device, sizeof(claim.device), device);
	fill(claim.tenant, sizeof(claim.tenant), 't');
	fill(claim.claimed_by, sizeof(claim.claimed_by), 'b');
	memset(claim.secret, 's', claim.secret_len);
	return claim;
}

static void claims(void **state)
{
	struct claim_record in = some_claim("c-1", "D", 9), out;
	uint8_t key[GW_HASH_LEN] = { 1 };

	assert_int_equal(store_claim_open_of(store, "D", &out), -ENOENT);
	assert_int_equal(store_claim_add(store, &in), 0);
	assert_int_equal(store_claim_open_of(store, "D", &out), 0);
	assert_string_equal(out.id, "c-1");
	assert_string_equal(out.tenant, in.tenant);
	assert_string_equal(out.claimed_by, in.claimed_by);
	assert_true(out.created == 5 && out.expires == 9);
	assert_int_equal(out.secret_len, 44);
	assert_memory_equal(out.secret, in.secret, 44);
	assert_int_equal(store_claim_add(store, &in), -EEXIST);

	assert_int_equal(store_key_add(store, "c-1", GW_BLOB_ARRAY(key)), 0);
	assert_int_equal(store_key_add(store, "c-1", GW_BLOB_ARRAY(key)), 0);
	assert_int_equal(store_key_count(store, "c-1"), 1);
	assert_true(store_key_is_known(store, "c-1", GW_BLOB_ARRAY(key)));
	assert_int_equal(store_key_forget(store, "c-2"), 0);
	assert_int_equal(store_key_count(store, "c-1"), 1);
	assert_false(store_key_is_known(store, "c-2", GW_BLOB_ARRAY(key)));
	key[0] = 2;
	assert_false(store_key_is_known(store, "c-1", GW_BLOB_ARRAY(key)));

	assert_int_equal(store_claim_count_secret(store, "c-1", 77), 0);
	assert_int_equal(store_number(store, 0, "SELECT n_secrets * 1000 + secret_given FROM claim",
				      ""),
			 1077);
	assert_int_equal(store_claim_end(store, "c-1", CLAIM_BURNED), 0);
	assert_int_equal(store_claim_open_of(store, "D", &out), -ENOENT);
	assert_int_equal(store_claim_get(store, "c-1", &out), 0);
	assert_int_equal(out.state, CLAIM_BURNED);
	assert_int_equal(out.secret_len, 0);
}

static void claims_that_end(void **state)
{
	static const struct {
		const char *id;
		enum device_state state;
		uint64_t expires;
	} cases[] = {
		{ "A", DEVICE_CLAIMED, 10 },
		{ "B", DEVICE_ENROLLING, 20 },
		{ "C", DEVICE_ISSUED, 5 }, /* it has its time to prove */
		{ "D", DEVICE_CLAIMED, 0 },
	};
	char ids[4][GW_ID_MAX + 1];

	assert_true(store_claim_next_end(store) == 0);
	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct device_record device = some_device(cases[i].id);
		struct claim_record claim = some_claim(cases[i].id, cases[i].id, cases[i].expires);

		device.state = cases[i].state;
		assert_int_equal(store_device_put(store, &device), 0);
		assert_int_equal(store_claim_add(store, &claim), 0);
	}
	assert_true(store_claim_next_end(store) == 10);
	assert_int_equal(store_claim_expired(store, 9, ids, 4), 0);
	assert_int_equal(store_claim_expired(store, 10, ids, 4), 1);
	assert_string_equal(ids[0], "A");
	assert_int_equal(store_claim_expired(store, UINT32_MAX, ids, 4), 2);
	assert_int_equal(store_claim_expired(store, UINT32_MAX, ids, 1), 1);
}

static struct certificate_record some_certificate(uint8_t n)
{
	struct certificate_record record = {
		.serial_len = 20,
		.not_before = 1,
		.not_after = 2,
		.issued = 30u + n,
		.round = 40u + n,
		.renew_asked = 50u + n,
		.renew_refused = 60u + n,
		.approval = APPROVAL_ASKED,
	};

	memset(record.serial, n, sizeof(record.serial));
	memset(record.fingerprint, n, sizeof(record.fingerprint));
	memset(record.key, n + 1, sizeof(record.key));
	(void)gw_copy(record.device, sizeof(record.device), "D");
	(void)gw_copy(record.claim, sizeof(record.claim), "c-1");
	(void)gw_copy(record.generation, sizeof(record.generation), "g-1");
	(void)snprintf(record.job, sizeof(record.job), "job-%u", n);
	return record;
}

static void certificates(void **state)
{
	struct certificate_record one = some_certificate(1), two = some_certificate(2), out;
	static uint8_t bytes[GW_CERT_MAX], chain[GW_CHAIN_MAX], got[GW_CERT_MAX],
		got_chain[GW_CHAIN_MAX];
	char ids[2][GW_ID_MAX + 1];
	size_t len, chain_len;

	memset(bytes, 'x', sizeof(bytes));
	memset(chain, 'y', sizeof(chain));
	assert_int_equal(
		store_certificate_add(store, &one, GW_BLOB_ARRAY(bytes), GW_BLOB_ARRAY(chain)), 0);
	assert_true(store_certificate_is_known(store, GW_BLOB_ARRAY(one.serial),
					       GW_BLOB_ARRAY(two.fingerprint)));
	assert_true(store_certificate_is_known(store, GW_BLOB_ARRAY(two.serial),
					       GW_BLOB_ARRAY(one.fingerprint)));
	assert_false(store_certificate_is_known(store, GW_BLOB_ARRAY(two.serial),
						GW_BLOB_ARRAY(two.fingerprint)));
	assert_int_equal(store_certificate_by_fingerprint(store, GW_BLOB_ARRAY(two.fingerprint),
							  &out),
			 -ENOENT);
	assert_int_equal(
		store_certificate_by_fingerprint(store, GW_BLOB_ARRAY(one.fingerprint), &out), 0);
	assert_int_equal(out.serial_len, one.serial_len);
	assert_memory_equal(out.serial, one.serial, one.serial_len);
	assert_memory_equal(out.key, one.key, sizeof(one.key));
	assert_string_equal(out.device, "D");
	assert_string_equal(out.claim, "c-1");
	assert_string_equal(out.job, "job-1");
	assert_string_equal(out.generation, "g-1");
	assert_true(out.not_before == 1 && out.not_after == 2 && out.issued == 31);
	assert_true(out.round == 41 && out.renew_asked == 51 && out.renew_refused == 61);
	assert_int_equal(out.approval, APPROVAL_ASKED);
	assert_int_equal(store_certificate_by_serial(store, GW_BLOB_ARRAY(two.serial), &out),
			 -ENOENT);
	assert_int_equal(store_certificate_by_serial(store, GW_BLOB_ARRAY(one.serial), &out), 0);
	assert_string_equal(out.job, "job-1");
	assert_true(store_certificate_has_job(store, "job-1"));
	assert_false(store_certificate_has_job(store, "job-2"));

	assert_int_equal(store_certificate_for_key(store, "g-1", GW_BLOB_ARRAY(one.key), got, &len,
						   got_chain, &chain_len),
			 0);
	assert_int_equal(len, sizeof(bytes));
	assert_int_equal(chain_len, sizeof(chain));
	assert_memory_equal(got, bytes, len);
	assert_memory_equal(got_chain, chain, chain_len);
	assert_int_equal(store_certificate_for_key(store, "c-1", GW_BLOB_ARRAY(one.key), got, &len,
						   got_chain, &chain_len),
			 -ENOENT);

	assert_true(store_certificate_oldest_candidate(store) == 31);
	assert_true(store_certificate_first_end(store) == 2);
	assert_int_equal(store_certificate_unproved(store, 30, 1, ids, 2), 0);
	assert_int_equal(store_certificate_unproved(store, 31, 1, ids, 2), 1);
	assert_int_equal(store_certificate_unproved(store, 30, 2, ids, 2), 1);
	assert_int_equal(store_certificate_of(store, "D", CERTIFICATE_LIVE, &out), -ENOENT);
	assert_int_equal(store_certificate_set_state(store, &one, CERTIFICATE_LIVE), 0);
	assert_int_equal(store_certificate_of(store, "D", CERTIFICATE_LIVE, &out), 0);
	assert_true(store_certificate_oldest_candidate(store) == 0);
	assert_true(store_certificate_first_end(store) == 0);
	assert_int_equal(store_certificate_for_key(store, "g-1", GW_BLOB_ARRAY(one.key), got, &len,
						   got_chain, &chain_len),
			 -ENOENT); /* proved: no longer asked for */
}

static void what_a_certificate_says_of_its_renewal(void **state)
{
	struct certificate_record one = some_certificate(1), out;
	static const uint8_t bytes[4];

	assert_int_equal(
		store_certificate_add(store, &one, GW_BLOB_ARRAY(bytes), GW_BLOB_ARRAY(bytes)), 0);
	for (int approval = 0; approval < _CERTIFICATE_APPROVAL_MAX; approval++) {
		one.approval = (enum certificate_approval)approval;
		one.round = one.renew_asked = one.renew_refused = 100u + (unsigned)approval;
		assert_int_equal(store_certificate_set_renewal(store, &one), 0);
		assert_int_equal(
			store_certificate_by_serial(store, GW_BLOB_ARRAY(one.serial), &out), 0);
		assert_int_equal(out.approval, approval);
		assert_true(out.round == one.round && out.renew_asked == one.round &&
			    out.renew_refused == one.round);
	}
}

/* Only those that are over, in both ways. */
static void old_certificates_are_forgotten(void **state)
{
	static const uint8_t bytes[4];
	struct certificate_record out;

	for (uint8_t n = 1; n <= 4; n++) {
		struct certificate_record one = some_certificate(n);

		one.not_after = n == 3 ? 1001 : 1000;
		one.state = n == 2 ? CERTIFICATE_LIVE : CERTIFICATE_REVOKED;
		if (n == 4)
			(void)gw_copy(one.device, sizeof(one.device), "E");
		assert_int_equal(store_certificate_add(store, &one, GW_BLOB_ARRAY(bytes),
						       GW_BLOB_ARRAY(bytes)),
				 0);
	}
	assert_int_equal(store_certificate_forget(store, "D", 1000), 0);
	for (uint8_t n = 1; n <= 4; n++) {
		struct certificate_record one = some_certificate(n);

		assert_int_equal(store_certificate_by_serial(store, GW_BLOB_ARRAY(one.serial),
							     &out),
				 n == 1 ? -ENOENT : 0);
	}
}

/* Of his claims and of his certificates, of each certificate in all its rounds; of nobody else's. */
static void what_a_device_has_tried_is_wiped(void **state)
{
	static const uint8_t bytes[4], key[GW_HASH_LEN];
	const struct claim_record claim = some_claim("c-1", "D", 0);
	char gone[3][GW_ID_MAX + 1] = { "c-1" }, left[3][GW_ID_MAX + 1] = { "c-2" };
	struct certificate_record his = some_certificate(0x2e), other = some_certificate(0x2f);

	(void)gw_copy(other.device, sizeof(other.device), "E");
	assert_int_equal(store_claim_add(store, &claim), 0);
	assert_int_equal(
		store_certificate_add(store, &his, GW_BLOB_ARRAY(bytes), GW_BLOB_ARRAY(bytes)), 0);
	assert_int_equal(store_certificate_add(store, &other, GW_BLOB_ARRAY(bytes),
					       GW_BLOB_ARRAY(bytes)),
			 0);
	renewal_generation(&his, gone[1]);
	his.round = UINT64_MAX;
	renewal_generation(&his, gone[2]);
	renewal_generation(&other, left[1]);
	his.serial_len--; /* begins like it */
	renewal_generation(&his, left[2]);

	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(store_key_add(store, gone[i], GW_BLOB_ARRAY(key)), 0);
		assert_int_equal(store_key_add(store, left[i], GW_BLOB_ARRAY(key)), 0);
	}
	assert_int_equal(store_keys_wipe(store, "D"), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(store_key_count(store, gone[i]), 0);
		assert_int_equal(store_key_count(store, left[i]), 1);
	}
}

static struct job_record some_job(const char *id, uint64_t created)
{
	struct job_record job = { .kind = GW_REQUEST_ENROLL, .created = created };

	(void)gw_copy(job.id, sizeof(job.id), id);
	(void)gw_copy(job.device, sizeof(job.device), id);
	fill(job.tenant, sizeof(job.tenant), 't');
	fill(job.claim, sizeof(job.claim), 'c');
	fill(job.of, sizeof(job.of), 'o');
	fill(job.method, sizeof(job.method), 'm');
	fill(job.reason, sizeof(job.reason), 'r');
	job.serial_len = sizeof(job.serial);
	job.key_len = sizeof(job.key);
	job.csr_len = sizeof(job.csr);
	memset(job.csr, 'x', sizeof(job.csr));
	return job;
}

static void jobs(void **state)
{
	static struct job_record in, out;
	static struct job_answer answer;

	in = some_job("j-1", 100);
	assert_int_equal(store_job_add(store, &in), 0);
	assert_int_equal(store_job_add(store, &in), -EEXIST);
	assert_int_equal(store_job_get(store, "j-1", &out), 0);
	assert_memory_equal(&out, &in, sizeof(in));
	assert_int_equal(store_job_signing_of(store, "j-1", &out), 0);
	assert_int_equal(store_job_signing_of(store, "j-2", &out), -ENOENT);

	assert_int_equal(store_job_put_off(store, "j-1", 50, "busy"), 0);
	assert_true(store_job_next_due(store) == 50);
	assert_int_equal(store_job_after(store, 0, &out), -ENOENT); /* put off */
	assert_int_equal(store_job_due(store, 49, &out), -ENOENT);
	assert_int_equal(store_job_due(store, 50, &out), 0);
	assert_int_equal(store_job_count_attempt(store, "j-1"), 0);
	assert_int_equal(store_job_due(store, 50, &out), -ENOENT);
	assert_int_equal(store_job_after(store, 99, &out), 0);
	assert_int_equal(out.attempts, 1);
	assert_int_equal(store_job_after(store, 100, &out), -ENOENT);

	assert_int_equal(store_job_checking(store, 0, &out), -ENOENT);
	assert_int_equal(store_job_set_answer(store, "j-1",
					      (struct gw_blob){ (const uint8_t *)"cert", 4 },
					      (struct gw_blob){ (const uint8_t *)"chain", 5 }),
			 0);
	assert_int_equal(store_job_checking(store, 0, &out), 0);
	assert_int_equal(out.state, JOB_CHECKING);
	assert_int_equal(store_job_after(store, 0, &out), -ENOENT); /* it is answered */
	assert_int_equal(store_job_answer(store, "j-1", &answer), 0);
	assert_int_equal(answer.certificate_len, 4);
	assert_memory_equal(answer.chain, "chain", 5);

	in = some_job("j-2", 200);
	assert_int_equal(store_job_add(store, &in), 0);
	assert_true(store_job_newest(store) == 200);
	assert_true(store_job_count(store) == 2);
	assert_int_equal(store_job_next(store, 100, &out), 0);
	assert_string_equal(out.id, "j-2");
	assert_int_equal(store_job_drop(store, "j-2"), 0);
	assert_int_equal(store_job_get(store, "j-2", &out), -ENOENT);
}

/* Whoever walks the jobs goes on from the last one: a row that does not say where it is ends the walk. */
static void a_job_out_of_order_ends_the_walk(void **state)
{
	static struct job_record in, out;

	in = some_job("j-1", 100);
	assert_int_equal(store_job_add(store, &in), 0);
	assert_true(store_exec(store, "UPDATE job SET created = 'xyz'", "") > 0);
	assert_int_equal(store_job_next(store, 100, &out), -EUCLEAN);
	assert_int_equal(store_job_after(store, 0, &out), -EUCLEAN);
	assert_true(store_exec(store, "UPDATE job SET state = 'checking'", "") > 0);
	assert_int_equal(store_job_checking(store, 0, &out), -EUCLEAN);
}

int main(void)
{
#define OPEN(name)   cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define CLOSED(name) cmocka_unit_test_setup_teardown(name, make_folder, tear_down)
	const struct CMUnitTest tests[] = {
		OPEN(what_is_committed_stays),
		OPEN(a_spoiled_transaction_is_undone),
		OPEN(spoiled_by_somebody_else),
		OPEN(a_full_file),
		OPEN(a_selection_left_early),
		OPEN(facts),
		CLOSED(a_file_that_is_no_store),
		CLOSED(a_damaged_store),
		CLOSED(a_newer_store),
		CLOSED(a_folder_that_is_not_there),
		CLOSED(a_folder_that_cannot_be_written),
		CLOSED(nobody_else_reads_it),
		OPEN(devices),
		OPEN(lists_of_devices),
		OPEN(claims),
		OPEN(claims_that_end),
		OPEN(certificates),
		OPEN(what_a_certificate_says_of_its_renewal),
		OPEN(old_certificates_are_forgotten),
		OPEN(what_a_device_has_tried_is_wiped),
		OPEN(jobs),
		OPEN(a_job_out_of_order_ends_the_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
