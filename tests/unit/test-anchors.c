/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the broker is known by: no list locks the gateway out, none comes back that a later one has replaced, and a death
 * at any byte leaves one list or the other, with the number that it came by.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/util.h"
#include "plugins/mqtt/anchors.h"
#include "plugins/mqtt/cell.h"
#include "tests/unit/disk.h"
#include "tests/unit/openssl.h"

#define NONE ((struct gw_blob){ NULL, 0 })

enum { OLD, NEW, OTHER, GIVEN, N_CERTIFICATES };

static struct gw_blob certificates[N_CERTIFICATES], given;
static int dir_fd = -1;

static int make_certificates(void **state)
{
	static const char *const names[N_CERTIFICATES] = { "old", "new", "other", "given" };

	openssl_init();
	for (int i = 0; i < N_CERTIFICATES; i++) {
		openssl_run(
			"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key "
			"-subj /CN=%s -days 30 -out %s.pem",
			names[i], names[i]);
		openssl_run("x509 -in %s.pem -outform DER -out %s.der", names[i], names[i]);
	}
	certificates[OLD] = openssl_read("old.der");
	certificates[NEW] = openssl_read("new.der");
	certificates[OTHER] = openssl_read("other.der");
	certificates[GIVEN] = openssl_read("given.der");
	given = openssl_read("given.pem");
	assert_int_equal(mkdir("state", 0700), 0);
	dir_fd = open("state", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir_fd < 0;
}

static int finish(void **state)
{
	for (int i = 0; i < N_CERTIFICATES; i++)
		free((void *)(uintptr_t)certificates[i].data);
	free((void *)(uintptr_t)given.data);
	(void)close(dir_fd);
	openssl_done();
	return 0;
}

static int set_up(void **state)
{
	static const char *const files[] = { "anchors.0", "anchors.1", "anchor-in-use.0",
					     "anchor-in-use.1" };

	disk_ends_at(0, DISK_DIES, false);
	for (size_t i = 0; i < GW_ELEMENTS(files); i++)
		(void)unlinkat(dir_fd, files[i], 0);
	return anchors_open(dir_fd);
}

/* Certificates of these numbers, the lowest first: OLD is 1, NEW 2, OTHER 4, GIVEN 8. */
static struct gw_blob list_of(unsigned which)
{
	static uint8_t bytes[8192];
	size_t len = 0;

	for (int i = 0; i < N_CERTIFICATES; i++) {
		if (!(which & 1u << i))
			continue;
		memcpy(bytes + len, certificates[i].data, certificates[i].len);
		len += certificates[i].len;
	}
	return (struct gw_blob){ bytes, len };
}

/* Which of them a connection may be verified with. */
static unsigned known(void)
{
	X509_STORE *store = X509_STORE_new();
	STACK_OF(X509_OBJECT) * objects;
	unsigned which = 0;

	anchors_add(dir_fd, store);
	objects = X509_STORE_get0_objects(store);
	for (int k = 0; k < sk_X509_OBJECT_num(objects); k++) {
		X509 *certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, k));
		unsigned char *der = NULL;
		int len = i2d_X509(certificate, &der);

		for (int i = 0; i < N_CERTIFICATES; i++)
			if (gw_blob_equal((struct gw_blob){ der, (size_t)len }, certificates[i]))
				which |= 1u << i;
		OPENSSL_free(der);
	}
	X509_STORE_free(store);
	return which;
}

static int take(uint64_t seq, unsigned list, int in_use)
{
	return anchors_take(dir_fd, seq, list_of(list), certificates[in_use], given);
}

static void a_list_replaces_the_one_before(void **state)
{
	assert_int_equal(known(), 0);
	assert_int_equal(take(7, 1 | 2, OLD), 0);
	assert_int_equal(known(), 1 | 2);
	assert_true(disk_is_synced());
	assert_int_equal(take(8, 2, NEW), 0);
	assert_int_equal(known(), 2);
	assert_int_equal(take(9, 0, GIVEN), 0); /* nothing but the file */
	assert_int_equal(known(), 0);
}

static void what_is_in_use_is_held(void **state)
{
	assert_int_equal(take(7, 1, OLD), 0);
	assert_int_equal(take(8, 4, OLD), 0);
	assert_int_equal(known(), 4 | 1);
	assert_int_equal(anchors_verified_by(dir_fd, certificates[OLD], given), 0);
	assert_int_equal(known(), 4 | 1); /* it is still the one that works */
	assert_int_equal(anchors_verified_by(dir_fd, certificates[OTHER], given), 0);
	assert_int_equal(known(), 4);

	assert_int_equal(take(9, 2, GIVEN), 0); /* that is in the file */
	assert_int_equal(known(), 2);
	assert_int_equal(take(10, 1, NEW), 0);
	assert_int_equal(known(), 1 | 2);
	assert_int_equal(anchors_verified_by(dir_fd, certificates[GIVEN], given), 0);
	assert_int_equal(known(), 1);
}

/* Nothing is in memory here: each call is as after a restart. */
static void an_old_command_brings_nothing_back(void **state)
{
	assert_int_equal(take(7, 1 | 2, OLD), 0);
	assert_int_equal(take(9, 2, NEW), 0);
	assert_int_equal(take(7, 1 | 2, NEW), -ESTALE);
	assert_int_equal(take(8, 1, NEW), -ESTALE);
	assert_int_equal(take(1, 1, NEW), -ESTALE);
	assert_int_equal(known(), 2);
	assert_int_equal(take(9, 1, NEW), 0); /* it was done already, whatever it brings now */
	assert_int_equal(known(), 2);
	assert_int_equal(take(UINT64_MAX, 1, NEW), 0);
	assert_int_equal(known(), 1 | 2);
	assert_int_equal(take(UINT64_MAX - 1, 2, OLD), -ESTALE);
}

/* The same list with a later number is news, too: what came in between is old from then on. */
static void the_number_counts_without_the_list(void **state)
{
	assert_int_equal(take(7, 1, OLD), 0);
	assert_int_equal(take(9, 1, OLD), 0);
	assert_int_equal(take(8, 2, OLD), -ESTALE);
	assert_int_equal(known(), 1);
}

/* It replaces the list, and leaves the number: a command that was done before it is old all the same. */
static void what_comes_with_a_certificate(void **state)
{
	assert_int_equal(take(ANCHORS_ISSUED, 1, OLD), 0);
	assert_int_equal(take(7, 1 | 2, OLD), 0);
	assert_int_equal(take(ANCHORS_ISSUED, 2, NEW), 0);
	assert_int_equal(known(), 2);
	assert_int_equal(take(7, 1 | 2, NEW), 0);
	assert_int_equal(take(6, 1 | 2, NEW), -ESTALE);
	assert_int_equal(known(), 2);
	assert_int_equal(take(8, 1 | 2, NEW), 0);
	assert_int_equal(known(), 1 | 2);
	assert_int_equal(anchors_forget(dir_fd), 0);
	assert_int_equal(known(), 0);
	assert_int_equal(take(1, 1, OLD), 0); /* as when it was new */
	assert_int_equal(known(), 1);
}

static void what_is_no_list(void **state)
{
	static const char *const bad[] = { "", "what", "gangway anchors 1, of command ",
					   "gangway anchors 2, of command 7\n",
					   "gangway anchors 1, of command x\n" };
	struct gw_blob list = list_of(1 | 2);

	assert_false(anchors_are_certificates((struct gw_blob){ list.data, list.len - 1 }));
	assert_false(anchors_are_certificates((struct gw_blob){ list.data + 1, list.len - 1 }));
	assert_true(anchors_are_certificates(list));
	assert_true(anchors_are_certificates(NONE));
	assert_int_equal(anchors_take(dir_fd, 7, (struct gw_blob){ list.data, list.len - 1 },
				      certificates[OLD], given),
			 -EBADMSG);

	for (size_t i = 0; i < GW_ELEMENTS(bad); i++) {
		assert_int_equal(
			cell_write(dir_fd, "anchors",
				   (struct gw_blob){ (const uint8_t *)bad[i], strlen(bad[i]) }),
			0);
		assert_int_equal(known(), 0);
		assert_int_equal(take(1, 1, OLD), 0);
		assert_int_equal(known(), 1);
	}
}

/* One list or the other, each with its number; and what is in use is known throughout. */
static void must_be_sound(void)
{
	unsigned which = known();
	bool is_taken = which & 2u;

	assert_int_equal(which & 1u, 1); /* the one in use: in the old list, or held */
	assert_int_equal(take(8, 4, OLD), is_taken ? -ESTALE : 0);
	assert_int_equal(known() & 4u, is_taken ? 0 : 4);
}

static int take_next(void)
{
	return take(9, 2, OLD);
}

static int forget(void)
{
	return anchors_forget(dir_fd);
}

/* What is left leads nowhere else than before, and goes when it is done again. */
static void must_be_forgotten(void)
{
	assert_int_equal(known() & ~1u, 0);
	assert_int_equal(forget(), 0);
	assert_int_equal(known(), 0);
	assert_int_equal(take(1, 4, OTHER), 0);
	assert_int_equal(known(), 4);
}

static void die(void **state, int (*step)(void), void (*judge)(void), bool from_behind)
{
	int status = DISK_DEAD << 8;
	unsigned moment;

	/* The contents are written as one; their bytes are the same to a cut, but for the first and the last few. */
	for (moment = 1; status == DISK_DEAD << 8; moment += moment > 200 ? 13 : 1) {
		pid_t pid;

		assert_int_equal(set_up(state), 0);
		assert_int_equal(take(7, 1, OLD), 0);
		pid = fork();
		if (pid == 0) {
			disk_ends_at(moment, DISK_DIES, from_behind);
			_exit(step() == 0 ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		judge();
	}
	assert_int_equal(status, 0);
	assert_true(moment > 400);
}

static void death(void **state)
{
	for (int from_behind = 0; from_behind < 2; from_behind++) {
		die(state, take_next, must_be_sound, from_behind);
		die(state, forget, must_be_forgotten, from_behind);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_list_replaces_the_one_before, set_up),
		cmocka_unit_test_setup(what_is_in_use_is_held, set_up),
		cmocka_unit_test_setup(an_old_command_brings_nothing_back, set_up),
		cmocka_unit_test_setup(the_number_counts_without_the_list, set_up),
		cmocka_unit_test_setup(what_comes_with_a_certificate, set_up),
		cmocka_unit_test_setup(what_is_no_list, set_up),
		cmocka_unit_test_setup(death, set_up),
	};

	return cmocka_run_group_tests(tests, make_certificates, finish);
}
