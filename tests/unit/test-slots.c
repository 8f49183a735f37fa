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
#include "plugins/mqtt/slots.h"

#define TEXT(text) ((struct gw_blob){ (const uint8_t *)(text), strlen(text) })

static char folder[] = "/tmp/gangway-slots-XXXXXX";
static int dir_fd;

/* Dies at the n-th call that changes the disk, in a process of its own; 0: never. */
static unsigned die_at, n_changes;

static void change(void)
{
	if (++n_changes == die_at)
		_exit(77);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
	change();
	return __real_fsync(fd);
}

int __real_unlinkat(int fd, const char *name, int flags);
int __wrap_unlinkat(int fd, const char *name, int flags);
int __wrap_unlinkat(int fd, const char *name, int flags)
{
	change();
	return __real_unlinkat(fd, name, flags);
}

int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	change();
	return __real_renameat(from_fd, from, to_fd, to);
}

static const char *const all[] = {
	"a.key",     "a.cert",     "b.key",     "b.cert",     "live",
	"a.key.new", "a.cert.new", "b.key.new", "b.cert.new", "live.new"
};

static int setup(void **state)
{
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

static void must_read(int slot, const char *key, const char *certificate)
{
	const char *const names[] = { slots_key_name(slot), slots_certificate_name(slot) };
	const char *const texts[] = { key, certificate };
	struct stat st;

	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ uint8_t *text = NULL;
		size_t len;
		int r = gw_read_file(dir_fd, names[i], 100, &text, &len);

		if (!texts[i]) {
			assert_int_equal(r, -ENOENT);
			continue;
		}
		assert_int_equal(r, 0);
		assert_string_equal((char *)text, texts[i]);
		assert_int_equal(fstatat(dir_fd, names[i], &st, 0), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
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

	assert_int_equal(slots_store_certificate(&slots, TEXT("certificate 2")), 0);
	assert_int_equal(unlinkat(dir_fd, "a.key", 0), 0);
	open_slots(&slots);
	assert_int_equal(slots.fill[0], SLOTS_EMPTY);
	assert_int_equal(slots_store_key(&slots, TEXT("key 3")), 0);
	must_read(0, "key 3", NULL);
}

static void write_note(const char *text)
{
	assert_int_equal(gw_write_file(dir_fd, "live", TEXT(text), 0600), 0);
}

static void test_notes(void **state)
{
	static const char *const bad[] = {
		"",
		"what",
		"gangway slots 2\nlive a\nretired -\n",
		"gangway slots 1\nlive c\nretired -\n",
		"gangway slots 1\nlive a\nretired x\n",
		"gangway slots 1\nlive a\nretired -",
		"gangway slots 1\nlive a\nretired -x",
		"gangway slots 1\nlive a\n",
	};
	struct slots slots;

	open_slots(&slots);
	assert_int_equal(slots_store_key(&slots, TEXT("key")), 0);
	assert_int_equal(slots_store_certificate(&slots, TEXT("certificate")), 0);
	for (size_t i = 0; i < GW_ELEMENTS(bad); i++) {
		write_note(bad[i]);
		assert_int_equal(slots_open(dir_fd, &slots), -EBADMSG);
		assert_int_equal(slots.live, SLOTS_NONE);
		assert_int_equal(slots.fill[slots_candidate(&slots)], SLOTS_WHOLE);
	}

	write_note("gangway slots 1\nlive b\nretired -\n"); /* its files are gone */
	open_slots(&slots);
	assert_int_equal(slots.live, SLOTS_NONE);
	assert_int_equal(slots_candidate(&slots), 0);
	write_note(
		"gangway slots 1\nlive a\nretired a\n"); /* never written so; the live one stays */
	open_slots(&slots);
	assert_int_equal(slots.live, 0);
	must_read(0, "key", "certificate");
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
	default: return slots_drop(slots);
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
	for (size_t i = 5; i < GW_ELEMENTS(all); i++)
		assert_int_not_equal(faccessat(dir_fd, all[i], F_OK, 0), 0);

	/* And it can go on: the step is taken again, or the next one. */
	if (slots.live == 0 && step == 2)
		assert_int_equal(take(&slots, step), 0);
	if (slots.live == 0 && step == 0)
		assert_int_equal(take(&slots, step), 0);
}

static void test_death(void **state)
{
	static const int stages[] = { 0, 1, 2, 2 };

	for (int step = 0; step < 4; step++) {
		int status = 77 << 8;
		unsigned n;

		for (n = 1; status == 77 << 8; n++) {
			struct slots slots;
			pid_t pid;

			assert_int_equal(setup(state), 0);
			begin(&slots, stages[step]);
			pid = fork();
			if (pid == 0) {
				n_changes = 0;
				die_at = n;
				_exit(take(&slots, step) == 0 ? 0 : 1);
			}
			assert_int_equal(waitpid(pid, &status, 0), pid);
			must_be_sound(step);
		}
		assert_int_equal(status, 0);
		assert_true(n > 4); /* it has died a few times */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_the_way, setup),
		cmocka_unit_test_setup(test_a_new_key_empties_the_slot, setup),
		cmocka_unit_test_setup(test_notes, setup),
		cmocka_unit_test_setup(test_death, setup),
	};

	return cmocka_run_group_tests(tests, NULL, finish);
}
