/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The slots on disk: every step, and a death at each moment of each step, after which they are opened again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/util.h"
#include "plugins/mqtt/cell.h"
#include "plugins/mqtt/slots.h"
#include "tests/unit/disk.h"

#define TEXT(text) ((struct gw_blob){ (const uint8_t *)(text), strlen(text) })

static char folder[] = "/tmp/gangway-slots-XXXXXX";
static int dir_fd;

static const char *const all[] = { "a.0", "a.1", "b.0", "b.1", "live.0", "live.1" };

static int setup(void **state)
{
	disk_ends_at(0, DISK_DIES, false);
	if (!dir_fd) {
		assert_non_null(mkdtemp(folder));
		dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	for (size_t i = 0; i < GW_ELEMENTS(all); i++)
		(void)unlinkat(dir_fd, all[i], 0);
	return dir_fd < 0;
}

static int finish(void **state)
{
	(void)setup(state);
	(void)close(dir_fd);
	return rmdir(folder);
}

static bool is_text(struct gw_blob blob, const char *text)
{
	return gw_blob_equal(blob, TEXT(text));
}

/* `key` NULL: the slot is empty, `certificate` NULL: there is only a key. */
static void must_read(int slot, const char *key, const char *certificate)
{
	_cleanup_(slots_pair_done) struct slots_pair pair = { 0 };
	const struct slots slots = { .dir_fd = dir_fd };
	int r = slots_read(&slots, slot, &pair);

	assert_int_equal(r, key ? 0 : -ENOENT);
	if (!key)
		return;
	assert_true(is_text(pair.key, key));
	assert_true(is_text(pair.certificate, certificate ? certificate : ""));
}

/* No file holds these bytes. */
static void must_be_gone(const char *secret)
{
	for (size_t i = 0; i < GW_ELEMENTS(all); i++) {
		_cleanup_free_ uint8_t *data = NULL;
		size_t len;

		assert_int_equal(gw_read_file(dir_fd, all[i], 1000, &data, &len), 0);
		assert_null(memmem(data, len, secret, strlen(secret)));
	}
}

static void open_slots(struct slots *slots)
{
	assert_int_equal(slots_open(dir_fd, slots), 0);
}

static void test_the_way(void **state)
{
	struct slots slots;

	open_slots(&slots);
	assert_int_equal(slots.live, SLOTS_NONE);
	assert_int_equal(slots_switch(&slots), -ENOKEY);
	assert_int_equal(slots_store_certificate(&slots, TEXT("early")), -ENOKEY);

	assert_int_equal(slots_store_key(&slots, TEXT("key 1")), 0);
	assert_int_equal(slots_switch(&slots), -ENOKEY);
	assert_int_equal(slots_store_certificate(&slots, TEXT("certificate 1")), 0);
	assert_int_equal(slots_switch(&slots), 0);
	assert_int_equal(slots.live, 0);
	must_read(0, "key 1", "certificate 1");
	must_read(1, NULL, NULL);

	assert_int_equal(slots_store_key(&slots, TEXT("key 2")), 0);
	must_read(0, "key 1", "certificate 1");
	assert_int_equal(slots_drop(&slots), 0);
	must_read(1, NULL, NULL);
	assert_int_equal(slots_store_key(&slots, TEXT("key 3")), 0);
	assert_int_equal(slots_store_certificate(&slots, TEXT("certificate 3")), 0);
	open_slots(&slots);
	assert_int_equal(slots.live, 0);
	assert_int_equal(slots.fill[1], SLOTS_WHOLE);
	assert_int_equal(slots_switch(&slots), 0);
	assert_int_equal(slots.live, 1);
	must_read(0, NULL, NULL);
	must_read(1, "key 3", "certificate 3");
	must_be_gone("key 1");
	must_be_gone("key 2");
}

/* A new key never meets the certificate of an older one. */
static void test_a_new_key_empties_the_slot(void **state)
{
	struct slots slots;

	open_slots(&slots);
	assert_int_equal(slots_store_key(&slots, TEXT("key 1")), 0);
	assert_int_equal(slots_store_certificate(&slots, TEXT("certificate 1")), 0);
	assert_int_equal(slots_store_key(&slots, TEXT("key 2")), 0);
	must_read(0, "key 2", NULL);

	must_be_gone("key 1");
}

/* What nobody of ours wrote is nothing, and makes room. */
static void test_garbage(void **state)
{
	static const char *const bad[] = {
		"",
		"what",
		"gangway slot 2, key of 3 bytes\nkey",
		"gangway slot 1, key of 4 bytes\nkey",
		"gangway slot 1, key of 0 bytes\nkey",
		"gangway slot 1, key of 03 bytes\nkey",
		"gangway slot 1, key of -1 bytes\nkey",
		"gangway slot 1, key of 3 bytes",
		"gangway slot 1, key of 99999999999999999999 bytes\nkey",
	};
	struct slots slots;

	open_slots(&slots);
	for (size_t i = 0; i < GW_ELEMENTS(bad); i++) {
		assert_int_equal(cell_write(dir_fd, "a", TEXT(bad[i])), 0);
		open_slots(&slots);
		assert_int_equal(slots.fill[0], SLOTS_EMPTY);
		must_be_gone("key of");
	}
	assert_int_equal(cell_write(dir_fd, "a", TEXT("gangway slot 1, key of 3 bytes\nkey")), 0);
	open_slots(&slots);
	assert_int_equal(slots.fill[0], SLOTS_KEY);
}

static void write_note(const char *text)
{
	assert_int_equal(cell_write(dir_fd, "live", TEXT(text)), 0);
}

static void test_notes(void **state)
{
	static const char *const bad[] = {
		"",
		"what",
		"gangway slots 3\nlive a\nretired -\n",
		"gangway slots 2\nlive c\nretired -\n",
		"gangway slots 2\nlive a\nretired x\n",
		"gangway slots 2\nlive a\nretired -",
		"gangway slots 2\nlive a\nretired -x",
		"gangway slots 2\nlive a\n",
	};
	struct slots slots;

	open_slots(&slots);
	assert_int_equal(slots_store_key(&slots, TEXT("key")), 0);
	assert_int_equal(slots_store_certificate(&slots, TEXT("certificate")), 0);
	for (size_t i = 0; i < GW_ELEMENTS(bad); i++) {
		write_note(bad[i]);
		open_slots(&slots);
		assert_int_equal(slots.live, SLOTS_NONE);
		assert_int_equal(slots.fill[slots_candidate(&slots)], SLOTS_WHOLE);
	}

	write_note("gangway slots 2\nlive b\nretired -\n"); /* its files are gone */
	open_slots(&slots);
	assert_int_equal(slots.live, SLOTS_NONE);
	assert_int_equal(slots_candidate(&slots), 0);
	write_note(
		"gangway slots 2\nlive a\nretired a\n"); /* never written so; the live one stays */
	open_slots(&slots);
	assert_int_equal(slots.live, 0);
	must_read(0, "key", "certificate");
}

/* The note says that a slot is still to be wiped, but the disk took no writes: it is not used all the same, and a new
 * key in it is not taken for the old one. */
static void test_a_disk_that_takes_no_writes(void **state)
{
	struct slots slots;

	open_slots(&slots);
	assert_int_equal(slots_store_key(&slots, TEXT("key 1")), 0);
	assert_int_equal(slots_store_certificate(&slots, TEXT("certificate 1")), 0);
	assert_int_equal(slots_switch(&slots), 0);
	assert_int_equal(slots_store_key(&slots, TEXT("key 2")), 0);
	assert_int_equal(slots_store_certificate(&slots, TEXT("certificate 2")), 0);
	write_note("gangway slots 2\nlive b\nretired a\n");

	disk_ends_at(1, DISK_FAILS, false);
	open_slots(&slots);
	assert_true(disk_moments() > 0);
	disk_ends_at(0, DISK_FAILS, false);
	assert_int_equal(slots.live, 1);
	assert_int_equal(slots.fill[0], SLOTS_EMPTY);
	assert_int_equal(slots_candidate(&slots), 0);
	assert_int_equal(slots_store_key(&slots, TEXT("key 3")), 0);
	open_slots(&slots);
	must_read(0, "key 3", NULL);
	must_read(1, "key 2", "certificate 2");
}

/* What leads up to a step, and the step. */
static void begin(struct slots *slots, int stage)
{
	open_slots(slots);
	assert_int_equal(slots_store_key(slots, TEXT("old key")), 0);
	assert_int_equal(slots_store_certificate(slots, TEXT("old certificate")), 0);
	assert_int_equal(slots_switch(slots), 0);
	if (stage >= 1)
		assert_int_equal(slots_store_key(slots, TEXT("new key")), 0);
	if (stage >= 2)
		assert_int_equal(slots_store_certificate(slots, TEXT("new certificate")), 0);
}

static int take(struct slots *slots, int step)
{
	switch (step) {
	case 0: return slots_store_key(slots, TEXT("new key"));
	case 1: return slots_store_certificate(slots, TEXT("new certificate"));
	case 2: return slots_switch(slots);
	case 3: return slots_drop(slots);
	default: return slots_forget(slots);
	}
}

/* Whatever happened: one whole credential is live, and what else there is fits together. */
static void must_be_sound(int step)
{
	struct slots slots;

	open_slots(&slots);
	assert_true(slots.live == 0 || (slots.live == 1 && step == 2));
	if (slots.live == 0)
		must_read(0, "old key", "old certificate");
	else
		must_read(1, "new key", "new certificate");
	if (slots.live == 1)
		assert_int_equal(slots.fill[0], SLOTS_EMPTY);
	else if (slots.fill[1] == SLOTS_WHOLE)
		must_read(1, "new key", "new certificate");
	if (slots.live == 1)
		must_be_gone("old key");
	if (slots.fill[1 - slots.live] == SLOTS_EMPTY && slots.live == 0)
		must_be_gone("new key");

	/* And it can go on: the step is taken again, or the next one. */
	if (slots.live == 0 && step == 2)
		assert_int_equal(take(&slots, step), 0);
	if (slots.live == 0 && step == 0)
		assert_int_equal(take(&slots, step), 0);
}

/* Of each slot there is all or nothing, so what still connects goes on; done again, no byte is left. */
static void must_be_forgotten(void)
{
	struct slots slots;

	open_slots(&slots);
	assert_true(slots.live == SLOTS_NONE || slots.live == 0);
	must_read(0, slots.live == 0 ? "old key" : NULL, "old certificate");
	must_read(1, slots.fill[1] == SLOTS_WHOLE ? "new key" : NULL, "new certificate");
	if (slots.live == SLOTS_NONE)
		must_be_gone("old key");
	if (slots.fill[1] == SLOTS_EMPTY)
		must_be_gone("new key");

	assert_int_equal(slots_forget(&slots), 0);
	assert_int_equal(slots.live, SLOTS_NONE);
	must_be_gone("old");
	must_be_gone("new");
	must_be_gone("live");
	open_slots(&slots);
	assert_int_equal(slots.live, SLOTS_NONE);
	assert_int_equal(slots_candidate(&slots), 0);
	assert_int_equal(slots_store_key(&slots, TEXT("next key")), 0); /* as when it was new */
	must_read(0, "next key", NULL);
}

static void die(void **state, int step, bool from_behind)
{
	static const int stages[] = { 0, 1, 2, 2, 2 };
	int status = DISK_DEAD << 8;
	unsigned moment;

	for (moment = 1; status == DISK_DEAD << 8; moment++) {
		struct slots slots;
		pid_t pid;

		assert_int_equal(setup(state), 0);
		begin(&slots, stages[step]);
		pid = fork();
		if (pid == 0) {
			disk_ends_at(moment, DISK_DIES, from_behind);
			_exit(take(&slots, step) == 0 ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (step < 4)
			must_be_sound(step);
		else
			must_be_forgotten();
	}
	assert_int_equal(status, 0);
	assert_true(moment > 56); /* it has died at each byte of a header */
}

static void test_death(void **state)
{
	for (int step = 0; step < 5; step++) {
		die(state, step, /* from_behind= */ false);
		die(state, step, /* from_behind= */ true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_the_way, setup),
		cmocka_unit_test_setup(test_a_new_key_empties_the_slot, setup),
		cmocka_unit_test_setup(test_garbage, setup),
		cmocka_unit_test_setup(test_notes, setup),
		cmocka_unit_test_setup(test_a_disk_that_takes_no_writes, setup),
		cmocka_unit_test_setup(test_death, setup),
	};

	return cmocka_run_group_tests(tests, NULL, finish);
}
