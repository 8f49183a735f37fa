/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state folder: what is written is there when it is opened again, whoever damages it is told so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "lib/util.h"
#include "tests/unit/device-certificates.h"
#include "tools/device/failure.h"
#include "tools/device/pem.h"
#include "tools/device/plan.h"
#include "tools/device/state.h"

static struct failure failure;

/* A folder of its own for each test, in `state`. */
static int set_up(void **state)
{
	char *path = strdup("/tmp/test-device-state-XXXXXX");

	assert_non_null(mkdtemp(path));
	*state = path;
	(void)failure_set(&failure, 0, "%s", "");
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = { "candidate.pem", "credential.pem",      "anchors.pem",
					     "settings.json", "inner/candidate.pem", "inner" };
	char path[4096];

	for (size_t i = 0; i < GW_ELEMENTS(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", (char *)*state, names[i]);
		(void)remove(path);
	}
	assert_int_equal(rmdir(*state), 0); /* nothing else was left there */
	free(*state);
	return 0;
}

static struct state *open_state(void **state)
{
	struct state *s = NULL;

	assert_int_equal(state_open(*state, &failure, &s), 0);
	return s;
}

static struct plan_facts facts_of(const struct state *s)
{
	struct plan_facts facts = { 0 };

	state_describe(s, &facts);
	return facts;
}

static void write_text(void **state, const char *name, const char *text)
{
	int dir_fd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(dir_fd >= 0);
	assert_int_equal(gw_write_file(dir_fd, name,
				       (struct gw_blob){ (const uint8_t *)text, strlen(text) },
				       0600),
			 0);
	(void)close(dir_fd);
}

static struct stat stat_of(void **state, const char *name)
{
	char path[4096];
	struct stat st = { 0 };

	(void)snprintf(path, sizeof(path), "%s/%s", (char *)*state, name);
	if (stat(path, &st) < 0)
		assert_int_equal(errno, ENOENT);
	return st;
}

static struct gw_blob read_pem(const char *pem, const char *label)
{
	uint8_t *der = NULL;
	size_t len = 0;

	assert_int_equal(pem_next(&pem, label, &der, &len), 0);
	return (struct gw_blob){ der, len };
}

static void free_blob(struct gw_blob *blob)
{
	free((void *)(uintptr_t)blob->data);
}

#define _cleanup_blob_ _cleanup_(free_blob)

static void test_empty(void **state)
{
	struct state *s = open_state(state);
	struct plan_facts facts = facts_of(s);

	assert_int_equal(facts.candidate, PLAN_CREDENTIAL_NONE);
	assert_false(facts.has_credential);
	assert_false(facts.has_anchors);
	(void)state_free(s);
}

static void test_folder_is_made(void **state)
{
	char path[4096];
	struct stat st;
	struct state *s;

	(void)snprintf(path, sizeof(path), "%s/inner", (char *)*state);
	assert_int_equal(state_open(path, &failure, &s), 0);
	(void)state_free(s);
	st = stat_of(state, "inner");
	assert_int_equal(st.st_mode & 07777, 0700);
}

/* The whole way, opened again after each step as after a crash. */
static void test_way(void **state)
{
	_cleanup_blob_ struct gw_blob key = read_pem(pem_device_key, PEM_KEY);
	_cleanup_blob_ struct gw_blob chain = read_pem(pem_device, PEM_CERTIFICATE);
	_cleanup_blob_ struct gw_blob anchors = read_pem(pem_root, PEM_CERTIFICATE);
	struct state *s = open_state(state);

	assert_int_equal(state_store_key(s, key, &failure), 0);
	assert_int_equal(facts_of(s).candidate, PLAN_CREDENTIAL_KEY);
	(void)state_free(s);

	s = open_state(state);
	assert_int_equal(facts_of(s).candidate, PLAN_CREDENTIAL_KEY);
	assert_true(gw_blob_equal(s->candidate.key, key));
	assert_int_equal(state_store_anchors(s, anchors, &failure), 0);
	assert_true(facts_of(s).has_anchors);
	(void)state_free(s);

	s = open_state(state);
	assert_true(gw_blob_equal((struct gw_blob){ s->anchors, s->anchors_len }, anchors));
	assert_int_equal(state_store_certificate(s, chain, &failure), 0);
	assert_int_equal(facts_of(s).candidate, PLAN_CREDENTIAL_CERTIFICATE);
	(void)state_free(s);

	s = open_state(state);
	assert_int_equal(facts_of(s).candidate, PLAN_CREDENTIAL_CERTIFICATE);
	assert_true(gw_blob_equal(s->candidate.key, key));
	assert_true(gw_blob_equal(s->candidate.chain, chain));
	assert_false(facts_of(s).has_credential);
	assert_int_equal(state_promote(s, &failure), 0);
	assert_int_equal(facts_of(s).candidate, PLAN_CREDENTIAL_NONE);
	assert_true(facts_of(s).has_credential);
	(void)state_free(s);

	s = open_state(state);
	assert_int_equal(facts_of(s).candidate, PLAN_CREDENTIAL_NONE);
	assert_true(facts_of(s).has_credential);
	assert_true(gw_blob_equal(s->credential.key, key));
	assert_true(gw_blob_equal(s->credential.chain, chain));
	assert_int_equal(
		state_store_settings(s, (struct gw_blob){ (const uint8_t *)"{}", 2 }, &failure), 0);
	(void)state_free(s);
	assert_int_equal(stat_of(state, "settings.json").st_size, 2);
}

static void test_modes(void **state)
{
	_cleanup_blob_ struct gw_blob key = read_pem(pem_device_key, PEM_KEY);
	_cleanup_blob_ struct gw_blob chain = read_pem(pem_device, PEM_CERTIFICATE);
	mode_t mask = umask(0);
	struct state *s = open_state(state);

	assert_int_equal(state_store_key(s, key, &failure), 0);
	assert_int_equal(stat_of(state, "candidate.pem").st_mode & 07777, 0600);
	assert_int_equal(state_store_certificate(s, chain, &failure), 0);
	assert_int_equal(stat_of(state, "candidate.pem").st_mode & 07777, 0600);
	assert_int_equal(state_promote(s, &failure), 0);
	assert_int_equal(stat_of(state, "credential.pem").st_mode & 07777, 0600);
	assert_int_equal(stat_of(state, "candidate.pem").st_mode, 0);
	(void)state_free(s);
	(void)umask(mask);
}

/* A candidate beside a credential: the first may go, the second stays. */
static void test_drop(void **state)
{
	_cleanup_blob_ struct gw_blob key = read_pem(pem_device_key, PEM_KEY);
	_cleanup_blob_ struct gw_blob chain = read_pem(pem_device, PEM_CERTIFICATE);
	struct state *s = open_state(state);

	assert_int_equal(state_drop_candidate(s, &failure), 0); /* there is none */
	assert_int_equal(state_store_key(s, key, &failure), 0);
	assert_int_equal(state_store_certificate(s, chain, &failure), 0);
	assert_int_equal(state_promote(s, &failure), 0);
	assert_int_equal(state_store_key(s, key, &failure), 0);
	assert_int_equal(state_drop_candidate(s, &failure), 0);
	assert_int_equal(facts_of(s).candidate, PLAN_CREDENTIAL_NONE);
	(void)state_free(s);

	s = open_state(state);
	assert_int_equal(facts_of(s).candidate, PLAN_CREDENTIAL_NONE);
	assert_true(facts_of(s).has_credential);
	(void)state_free(s);
}

static void test_locked(void **state)
{
	struct state *s = open_state(state), *second;

	assert_int_equal(state_open(*state, &failure, &second), -EBUSY);
	assert_non_null(strstr(failure.text, "another gangway-device"));
	(void)state_free(s);
	s = open_state(state);
	(void)state_free(s);
}

static void assert_refused(void **state, const char *name, const char *text)
{
	struct state *s;

	write_text(state, name, text);
	assert_int_equal(state_open(*state, &failure, &s), -EBADMSG);
	assert_non_null(strstr(failure.text, name));
	assert_null(strstr(failure.text, "BEGIN")); /* nothing of what a key file holds is shown */
}

static void test_damaged_candidate(void **state)
{
	char text[8192];

	assert_refused(state, "candidate.pem", "");
	assert_refused(state, "candidate.pem", "key\n");
	assert_refused(state, "candidate.pem", pem_device);
	(void)snprintf(text, sizeof(text), "%s%s", pem_device_key, pem_device_key);
	assert_refused(state, "candidate.pem", text);
	(void)snprintf(text, sizeof(text), "%s%.200s", pem_device_key, pem_device);
	assert_refused(state, "candidate.pem", text);
	(void)snprintf(text, sizeof(text), "%.100s", pem_device_key);
	assert_refused(state, "candidate.pem", text);
}

static void test_damaged_credential(void **state)
{
	assert_refused(state, "credential.pem", "");
	assert_refused(state, "credential.pem", pem_device_key); /* no certificate */
}

static void test_damaged_anchors(void **state)
{
	assert_refused(state, "anchors.pem", "");
	assert_refused(state, "anchors.pem", pem_device_key);
}

static void test_too_large(void **state)
{
	_cleanup_free_ char *text = malloc(256 * 1024 + 2);
	struct state *s;

	assert_non_null(text);
	memset(text, 'x', 256 * 1024 + 1);
	text[256 * 1024 + 1] = 0;
	write_text(state, "anchors.pem", text);
	assert_int_equal(state_open(*state, &failure, &s), -EFBIG);
	assert_non_null(strstr(failure.text, "anchors.pem"));
}

static void test_no_folder(void **state)
{
	struct state *s;

	assert_int_equal(state_open("/dev/null", &failure, &s), -ENOTDIR);
	assert_int_equal(state_open("/nowhere/at/all", &failure, &s), -ENOENT);
	assert_non_null(strstr(failure.text, "/nowhere/at/all"));
}

/* What does not reach the disk is an error: the folder goes away under us. */
static void test_cannot_write(void **state)
{
	_cleanup_blob_ struct gw_blob key = read_pem(pem_device_key, PEM_KEY);
	_cleanup_blob_ struct gw_blob anchors = read_pem(pem_root, PEM_CERTIFICATE);
	struct state *s = open_state(state);

	assert_int_equal(rmdir(*state), 0);
	assert_int_equal(state_store_key(s, key, &failure), -ENOENT);
	assert_non_null(strstr(failure.text, "candidate.pem"));
	assert_int_equal(state_store_anchors(s, anchors, &failure), -ENOENT);
	assert_int_equal(state_store_settings(s, key, &failure), -ENOENT);
	assert_int_equal(state_promote(s, &failure), -ENOENT);
	(void)state_free(s);
	assert_int_equal(mkdir(*state, 0700), 0);
}

/* Anchors that are none are not written. */
static void test_anchors_malformed(void **state)
{
	struct state *s = open_state(state);

	assert_int_equal(state_store_anchors(s, (struct gw_blob){ (const uint8_t *)"0\x82", 2 },
					     &failure),
			 -EBADMSG);
	assert_int_equal(stat_of(state, "anchors.pem").st_mode, 0);
	(void)state_free(s);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		in_folder(test_empty),
		in_folder(test_folder_is_made),
		in_folder(test_way),
		in_folder(test_modes),
		in_folder(test_drop),
		in_folder(test_locked),
		in_folder(test_damaged_candidate),
		in_folder(test_damaged_credential),
		in_folder(test_damaged_anchors),
		in_folder(test_too_large),
		in_folder(test_no_folder),
		in_folder(test_cannot_write),
		in_folder(test_anchors_malformed),
	};

	return cmocka_run_group_tests(tests, /* group_setup= */ NULL, /* group_teardown= */ NULL);
}
