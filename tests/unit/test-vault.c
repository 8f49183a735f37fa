/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vault and the record that it chains: what is sealed opens for its own name and gateway only; a
 * record that is changed, put in, moved or dropped shows.
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

#include "agent/audit-lines.h"
#include "agent/audit-verify.h"
#include "agent/audit.h"
#include "agent/store.h"
#include "agent/vault.h"
#include "lib/crypto.h"
#include "lib/util.h"

static char folder[64];
static struct store *store;
static struct vault *vault;
static char error[512];

static enum vault_key wanted = VAULT_KEY_AUTO;

static int open_vault(void)
{
	*error = 0;
	return vault_open(folder, store, wanted, &vault, error, sizeof(error));
}

static int set_up(void **state)
{
	(void)unsetenv("CREDENTIALS_DIRECTORY");
	(void)strcpy(folder, "/tmp/gangway-vault-XXXXXX");
	store = NULL;
	vault = NULL;
	wanted = VAULT_KEY_AUTO;
	return !mkdtemp(folder) || store_open(folder, &store, error, sizeof(error)) < 0 ||
			       open_vault() < 0
		       ? -1
		       : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int tear_down(void **state)
{
	vault = vault_close(vault);
	store = store_close(store);
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *in_folder(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void write_key(const char *name, const char *contents)
{
	const struct gw_blob blob = { (const uint8_t *)contents, strlen(contents) };

	assert_int_equal(gw_write_file(AT_FDCWD, in_folder(name), blob, 0600), 0);
}

/* --- sealing --- */

static const struct vault_name name = { "tenant", "device", "claim-secret" };
static const struct gw_blob secret = { (const uint8_t *)"sixteen bytes..!", 16 };

static void opens_for_its_own_name_only(void **state)
{
	static const struct vault_name others[] = {
		{ "tenant2", "device", "claim-secret" }, { "tenant", "device2", "claim-secret" },
		{ "tenant", "device", "other" },         { "", "device", "claim-secret" },
		{ "device", "tenant", "claim-secret" },
	};
	uint8_t sealed[16 + GW_SEAL_EXTRA], plain[sizeof(sealed)];
	size_t len;

	assert_int_equal(vault_seal(vault, &name, secret, sealed), 0);
	assert_int_equal(vault_unseal(vault, &name, GW_BLOB_ARRAY(sealed), plain, &len), 0);
	assert_int_equal(len, 16);
	assert_memory_equal(plain, secret.data, 16);
	for (size_t i = 0; i < GW_ELEMENTS(others); i++)
		assert_int_equal(vault_unseal(vault, &others[i], GW_BLOB_ARRAY(sealed), plain,
					      &len),
				 -EBADMSG);
}

static void every_bit_counts(void **state)
{
	uint8_t sealed[16 + GW_SEAL_EXTRA], plain[sizeof(sealed)];
	size_t len;

	assert_int_equal(vault_seal(vault, &name, secret, sealed), 0);
	for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(vault_unseal(vault, &name, GW_BLOB_ARRAY(sealed), plain, &len),
				 -EBADMSG);
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t n = 0; n < sizeof(sealed); n++)
		assert_int_equal(vault_unseal(vault, &name, (struct gw_blob){ sealed, n }, plain,
					      &len),
				 -EBADMSG);
}

static void never_the_same_twice(void **state)
{
	uint8_t one[16 + GW_SEAL_EXTRA], two[sizeof(one)];

	assert_int_equal(vault_seal(vault, &name, secret, one), 0);
	assert_int_equal(vault_seal(vault, &name, secret, two), 0);
	assert_memory_not_equal(one, two, sizeof(one));
}

/* --- keys --- */

static void the_key_file_is_ours_alone(void **state)
{
	struct stat st;

	assert_int_equal(stat(in_folder("store.key"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 32);
}

static void opens_again(void **state)
{
	uint8_t sealed[16 + GW_SEAL_EXTRA], plain[sizeof(sealed)], box[VAULT_BOX_LEN];
	size_t len;

	memcpy(box, vault_box_key(vault), sizeof(box));
	assert_int_equal(vault_seal(vault, &name, secret, sealed), 0);
	vault = vault_close(vault);
	assert_int_equal(open_vault(), 0);
	assert_memory_equal(vault_box_key(vault), box, sizeof(box));
	assert_int_equal(vault_unseal(vault, &name, GW_BLOB_ARRAY(sealed), plain, &len), 0);
}

static void expect_refusal(int r, const char *says)
{
	vault = vault_close(vault);
	assert_int_equal(open_vault(), r);
	assert_null(vault);
	if (!strstr(error, says) || !strstr(error, folder))
		fail_msg("'%s' does not say '%s'", error, says);
}

static void the_key_is_gone(void **state)
{
	assert_int_equal(unlink(in_folder("store.key")), 0);
	expect_refusal(-ENOKEY, "put back store.key");
	assert_int_equal(access(in_folder("store.key"), F_OK), -1); /* and none is made */
}

static void the_key_is_another(void **state)
{
	write_key("store.key", "0123456789abcdef0123456789abcdef");
	expect_refusal(-EBADMSG, "another key");
}

static void the_key_is_short(void **state)
{
	write_key("store.key", "0123456789abcdef0123456789abcde");
	expect_refusal(-EINVAL, "shorter than 32 bytes");
}

/* As a unit gives it, that has a place for a key where nobody put one. */
static void a_blank_credential_is_none(void **state)
{
	write_key("store-key", "\n");
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
	vault = vault_close(vault);
	assert_int_equal(open_vault(), 0); /* with the vault's own key */
	assert_int_equal(vault_key(vault), VAULT_KEY_OWN);
}

/* Whatever there is else: none at all, a blank one, and then a real one of another's. */
static void a_credential_that_must_be_there(void **state)
{
	assert_int_equal(vault_key(vault), VAULT_KEY_OWN);
	wanted = VAULT_KEY_CREDENTIAL;
	expect_refusal(-ENOKEY, "asks for the credential store-key");
	write_key("store-key", "\n");
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
	expect_refusal(-ENOKEY, "asks for the credential store-key");
	write_key("store-key", "a credential of the service manager");
	expect_refusal(-EBADMSG, "another key");
}

static void a_credential_goes_first(void **state)
{
	vault = vault_close(vault);
	store = store_close(store);
	assert_int_equal(unlink(in_folder("gangway.db")), 0);
	assert_int_equal(store_open(folder, &store, error, sizeof(error)), 0);
	write_key("store-key", "a credential of the service manager");
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
	wanted = VAULT_KEY_CREDENTIAL;
	assert_int_equal(open_vault(), 0);
	assert_int_equal(vault_key(vault), VAULT_KEY_CREDENTIAL);

	wanted = VAULT_KEY_AUTO;
	(void)unsetenv("CREDENTIALS_DIRECTORY"); /* then the file is the wrong key */
	expect_refusal(-EBADMSG, "put back the right store-key");
}

static void no_box_is_opened_that_cannot_be_one(void **state)
{
	uint8_t box[GW_BOX_EXTRA + 8] = { 9 }, plain[4];
	size_t len;

	assert_int_equal(vault_open_box(vault, secret, (struct gw_blob){ box, GW_BOX_EXTRA - 1 },
					plain, sizeof(plain), &len),
			 -EBADMSG);
	assert_int_equal(vault_open_box(vault, secret, GW_BLOB_ARRAY(box), plain, sizeof(plain),
					&len),
			 -EBADMSG); /* larger than the room for it */
	assert_int_equal(vault_open_box(vault, secret, (struct gw_blob){ box, GW_BOX_EXTRA + 4 },
					plain, sizeof(plain), &len),
			 -EBADMSG);
}

/* --- the record --- */

#define N_RECORDS 5

static void record(const char *event)
{
	struct audit_record full = { .who = "uid 0", .device = "D", .reason = "r", .detail = "d" };

	(void)gw_copy(full.event, sizeof(full.event), event);
	assert_int_equal(audit_add(store, vault, &full), 0);
}

static int keep_record(void **state)
{
	int r = set_up(state);

	for (int i = 0; i < N_RECORDS; i++)
		record((const char *[]){ "a", "b", "c", "d", "e" }[i]);
	return r;
}

static void tamper(const char *sql)
{
	assert_true(store_exec(store, sql, "") > 0);
}

/* first_bad 0: the record is whole. */
static void verify(uint64_t first_bad, const char *says)
{
	uint64_t bad = UINT64_MAX;
	const char *why = NULL;

	assert_int_equal(audit_verify(store, vault, &bad, &why), 0);
	if (bad != first_bad)
		fail_msg("first bad is %llu, not %llu: %s", (unsigned long long)bad,
			 (unsigned long long)first_bad, why);
	if (!strstr(why, says))
		fail_msg("'%s' does not say '%s'", why, says);
	assert_int_equal(bad == 0, *why == 0);
}

/* Reads a part; returns the number behind its last record, or `from` if it is empty. */
static uint64_t read_part(uint64_t from, size_t max)
{
	_cleanup_free_ char *part = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&part, &len);

	assert_non_null(file);
	assert_int_equal(audit_lines_print(store, from, max, file), 0);
	(void)fclose(file);
	assert_true(len <= max);
	for (char *line = part, *end; line < part + len; line = end + 1, from++) {
		unsigned long long n;

		end = strchr(line, '\n');
		assert_non_null(end);
		assert_int_equal(sscanf(line, "{\"n\":%llu,", &n), 1);
		assert_int_equal(n, from);
		assert_int_equal(end[-1], '}');
	}
	return from;
}

static void a_record_leaves_in_parts(void **state)
{
	uint64_t from = 1, next;
	unsigned n = 0;

	assert_int_equal(read_part(1, AUDIT_LINE_MAX - 1), 1);
	assert_int_equal(read_part(1, 1u << 20), N_RECORDS + 1);
	for (; (next = read_part(from, AUDIT_LINE_MAX + 300)) > from; n++)
		from = next;
	assert_int_equal(from, N_RECORDS + 1);
	assert_true(n > 1 && n < N_RECORDS);
	assert_int_equal(read_part(UINT64_MAX, 1u << 20), UINT64_MAX);
}

static void the_longest_line_has_room(void **state)
{
	struct audit_record full;

	memset(&full, '\\', sizeof(full));
	full.event[sizeof(full.event) - 1] = full.device[sizeof(full.device) - 1] = 0;
	full.who[sizeof(full.who) - 1] = full.reason[sizeof(full.reason) - 1] = 0;
	full.detail[sizeof(full.detail) - 1] = 0;
	assert_int_equal(audit_add(store, vault, &full), 0);
	assert_int_equal(read_part(1, AUDIT_LINE_MAX), 2);
}

static void an_empty_record_is_whole(void **state)
{
	struct audit_record out;

	verify(1, "head of the chain is missing"); /* which a store gets as it begins */
	assert_int_equal(audit_get(store, 1, &out), -ENOENT);
	assert_int_equal(audit_begin(store, vault, /* now_s= */ 7), 0);
	verify(0, "");
	assert_int_equal(audit_get(store, 1, &out), 0);
	assert_string_equal(out.event, "record-begun");
	assert_true(out.time == 7);
	assert_int_equal(audit_begin(store, vault, /* now_s= */ 7), 0); /* once */
	assert_int_equal(audit_get(store, 2, &out), -ENOENT);
}

static void a_whole_record(void **state)
{
	struct audit_record out;

	verify(0, "");
	assert_int_equal(audit_get(store, 3, &out), 0);
	assert_true(out.n == 3);
	assert_string_equal(out.event, "c");
	assert_string_equal(out.who, "uid 0");
	assert_string_equal(out.device, "D");
	assert_string_equal(out.reason, "r");
	assert_string_equal(out.detail, "d");
	assert_int_equal(audit_get(store, N_RECORDS + 1, &out), -ENOENT);
	assert_int_equal(audit_get(store, UINT64_MAX, &out), -ENOENT);
}

static void a_changed_record(void **state)
{
	static const char *const changes[] = {
		"UPDATE audit SET event = 'x' WHERE n = 3",
		"UPDATE audit SET device = 'x' WHERE n = 3",
		"UPDATE audit SET who = 'x' WHERE n = 3",
		"UPDATE audit SET reason = '' WHERE n = 3",
		"UPDATE audit SET detail = 'dd' WHERE n = 3",
		"UPDATE audit SET time = time + 1 WHERE n = 3",
		"UPDATE audit SET mac = zeroblob(32) WHERE n = 3",
		"UPDATE audit SET mac = x'00' WHERE n = 3",
		"UPDATE audit SET reason = 'rd', detail = '' WHERE n = 3", /* bytes moved over */
	};

	for (size_t i = 0; i < GW_ELEMENTS(changes); i++) {
		assert_int_equal(store_begin(store), 0);
		tamper(changes[i]);
		verify(3, "changed");
		store_spoil(store, -EIO);
		assert_int_equal(store_commit(store), -EIO);
		verify(0, "");
	}
}

static void dropped_records(void **state)
{
	static const struct {
		const char *sql;
		uint64_t first_bad;
		const char *says;
	} cases[] = {
		{ "DELETE FROM audit WHERE n = 1", 1, "missing" },
		{ "DELETE FROM audit WHERE n = 3", 3, "missing" },
		{ "DELETE FROM audit WHERE n = 5", 5, "newest records are missing" },
		{ "DELETE FROM audit", 1, "newest records are missing" },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		assert_int_equal(store_begin(store), 0);
		tamper(cases[i].sql);
		verify(cases[i].first_bad, cases[i].says);
		store_spoil(store, -EIO);
		assert_int_equal(store_commit(store), -EIO);
	}
}

static void moved_and_inserted_records(void **state)
{
	tamper("UPDATE audit SET n = 100 WHERE n = 2");
	tamper("UPDATE audit SET n = 2 WHERE n = 4");
	tamper("UPDATE audit SET n = 4 WHERE n = 100");
	verify(2, "moved");
}

static void a_copied_record(void **state)
{
	tamper("INSERT INTO audit SELECT 6, time, event, device, who, reason, detail, mac FROM "
	       "audit "
	       "WHERE n = 5");
	verify(6, "inserted");
}

/* The rest is renumbered too, as one would who wants it not to show. */
static void a_record_cut_out_and_the_gap_closed(void **state)
{
	tamper("DELETE FROM audit WHERE n = 2");
	tamper("UPDATE audit SET n = n - 1 WHERE n > 2");
	verify(2, "changed, inserted or moved");
}

static void the_head(void **state)
{
	assert_int_equal(store_begin(store), 0);
	tamper("UPDATE meta SET value = zeroblob(68) WHERE key = 'audit-head'");
	verify(1, "head of the chain was changed");
	assert_int_equal(audit_add(store, vault, &(struct audit_record){ .event = "x" }), -EBADMSG);
	store_spoil(store, -EIO);
	assert_int_equal(store_commit(store), -EIO);

	tamper("DELETE FROM meta WHERE key = 'audit-head'");
	verify(1, "head of the chain is missing");
}

static void an_old_head(void **state)
{
	uint8_t head[128];
	size_t len;

	assert_int_equal(store_meta_get(store, "audit-head", head, sizeof(head), &len), 0);
	record("f");
	verify(0, "");
	assert_int_equal(store_meta_set(store, "audit-head", (struct gw_blob){ head, len }), 0);
	verify(N_RECORDS + 1, "records were added");
}

int main(void)
{
#define VAULT(name)  cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define RECORD(name) cmocka_unit_test_setup_teardown(name, keep_record, tear_down)
	const struct CMUnitTest tests[] = {
		VAULT(opens_for_its_own_name_only),
		VAULT(every_bit_counts),
		VAULT(never_the_same_twice),
		VAULT(the_key_file_is_ours_alone),
		VAULT(opens_again),
		VAULT(the_key_is_gone),
		VAULT(the_key_is_another),
		VAULT(the_key_is_short),
		VAULT(a_blank_credential_is_none),
		VAULT(a_credential_that_must_be_there),
		VAULT(a_credential_goes_first),
		VAULT(no_box_is_opened_that_cannot_be_one),
		VAULT(an_empty_record_is_whole),
		VAULT(the_longest_line_has_room),
		RECORD(a_whole_record),
		RECORD(a_record_leaves_in_parts),
		RECORD(a_changed_record),
		RECORD(dropped_records),
		RECORD(moved_and_inserted_records),
		RECORD(a_copied_record),
		RECORD(a_record_cut_out_and_the_gap_closed),
		RECORD(the_head),
		RECORD(an_old_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
