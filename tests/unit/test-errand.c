/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The request about the gateway's own certificate: one at a time, repeated until it is answered, and when that is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/random.h>

#include "lib/blob.h"
#include "lib/step.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "plugins/mqtt/dialect.h"
#include "plugins/mqtt/errand.h"
#include "plugins/mqtt/keypair.h"
#include "tests/fuzz/fake-loop.h"

#define SECOND   1000000ull
#define FIRST_US (2 * SECOND)
#define MAX_US   (8 * SECOND)
#define STEP     ERRAND_STEP_LEAVE

static struct {
	struct errand *errand;
	bool is_full;
	char last[512]; /* that was published */
	unsigned n_published, n_unanswered, n_tried;
	char steps[256];
} world;

/* --- in place of the machine --- */

ssize_t __wrap_getrandom(void *buf, size_t len, unsigned flags);
void __wrap_gw_step_before(const char *name);
void __wrap_gw_step_after(const char *name);

/* Never early. */
ssize_t __wrap_getrandom(void *buf, size_t len, unsigned flags)
{
	memset(buf, 0, len);
	return (ssize_t)len;
}

static void note_step(const char *moment, const char *name)
{
	size_t len = strlen(world.steps);

	(void)snprintf(world.steps + len, sizeof(world.steps) - len, "%s %s;", moment, name);
}

void __wrap_gw_step_before(const char *name)
{
	note_step("before", name);
}

void __wrap_gw_step_after(const char *name)
{
	note_step("after", name);
}

static int on_publish(const char *body, void *userdata)
{
	assert_ptr_equal(userdata, &world);
	world.n_tried++;
	if (world.is_full)
		return -EAGAIN;
	(void)gw_copy(world.last, sizeof(world.last), body);
	world.n_published++;
	return 0;
}

static void on_unanswered(void *userdata)
{
	assert_ptr_equal(userdata, &world);
	world.n_unanswered++;
}

/* --- */

static int set_up(void **state)
{
	static const struct errand_ops ops = { on_publish, on_unanswered };

	memset(&world, 0, sizeof(world));
	fake_loop_begin(/* sent= */ NULL);
	return errand_new(/* event= */ NULL, FIRST_US, MAX_US, &ops, &world, &world.errand);
}

static int tear_down(void **state)
{
	assert_null(errand_free(world.errand));
	return 0;
}

static const uint8_t serial[] = { 1, 2, 3 };

static int ask(const char *job)
{
	return errand_leave(world.errand, job, GW_BLOB_ARRAY(serial));
}

static void it_is_said_at_once(void **state)
{
	assert_false(errand_is(world.errand, ""));
	assert_int_equal(ask("job-1"), 0);
	assert_int_equal(world.n_published, 1);
	assert_non_null(strstr(world.last, "\"relinquished\""));
	assert_non_null(strstr(world.last, "\"job-1\""));
	assert_string_equal(world.steps, "before " STEP ";after " STEP ";");
	assert_true(errand_is(world.errand, "job-1"));
	assert_false(errand_is(world.errand, "job-2"));
}

/* After two seconds, four, eight, and eight ever after; it is told once, at the third time. */
static void it_is_repeated(void **state)
{
	static const unsigned after_s[] = { 2, 4, 8, 8, 8 };

	assert_int_equal(ask("job-1"), 0);
	for (unsigned i = 0; i < GW_ELEMENTS(after_s); i++) {
		fake_loop_pass(after_s[i] * SECOND - SECOND / 2);
		assert_int_equal(world.n_published, i + 1);
		assert_int_equal(world.n_unanswered, i + 1 >= 3);
		fake_loop_pass(SECOND / 2);
		assert_int_equal(world.n_published, i + 2);
		assert_int_equal(world.n_unanswered, i + 2 >= 3);
	}
}

static void it_ends(void **state)
{
	assert_int_equal(ask("job-1"), 0);
	errand_end(world.errand);
	assert_false(errand_is(world.errand, "job-1"));
	assert_false(errand_is(world.errand, ""));
	fake_loop_pass(100 * SECOND);
	assert_int_equal(world.n_published, 1);
	assert_int_equal(world.n_unanswered, 0);
	errand_end(world.errand); /* once more is no harm */
}

static void the_next_one_takes_its_place(void **state)
{
	assert_int_equal(ask("job-1"), 0);
	fake_loop_pass(2 * SECOND);
	assert_int_equal(world.n_published, 2);
	assert_int_equal(ask("job-2"), 0);
	assert_true(errand_is(world.errand, "job-2"));
	assert_false(errand_is(world.errand, "job-1"));
	assert_int_equal(world.n_published, 3);
	fake_loop_pass(2 * SECOND);
	assert_int_equal(world.n_published, 4);
	assert_non_null(strstr(world.last, "\"job-2\""));
	assert_int_equal(world.n_unanswered, 0); /* each counts for itself */
	fake_loop_pass(4 * SECOND);
	assert_int_equal(world.n_unanswered, 1);
}

/* A broker that keeps nobody up is asked soon again, but no busy loop is made of that; what was not said is not counted. */
static void there_is_no_room(void **state)
{
	world.is_full = true;
	assert_int_equal(ask("job-1"), 0);
	assert_string_equal(world.steps, "before " STEP ";");
	fake_loop_pass(10 * SECOND);
	assert_in_range(world.n_tried, 50, 110);
	assert_int_equal(world.n_published, 0);
	assert_int_equal(world.n_unanswered, 0);

	world.is_full = false;
	fake_loop_pass(SECOND / 5);
	assert_int_equal(world.n_published, 1);
	fake_loop_pass(SECOND);
	assert_int_equal(world.n_published, 1);
}

static void what_cannot_be_said(void **state)
{
	assert_int_equal(ask("job-1"), 0);
	assert_true(ask("no job") < 0);
	assert_false(errand_is(world.errand, "job-1")); /* nobody wants that any more */
	fake_loop_pass(100 * SECOND);
	assert_int_equal(world.n_published, 1);
}

/* The same key and the same number are the same job, whenever they are asked about; others are others. */
static void jobs_have_names_of_their_own(void **state)
{
	uint8_t csr[] = "csr";
	struct keypair_request key = {
		.csr = csr, .csr_len = 3, .hash = { 0xff }, .about = { 0xab, 0xcd }
	};

	assert_int_equal(errand_ask(world.errand, &key, (struct gw_blob){ NULL, 0 }), 0);
	assert_true(errand_is(world.errand, "gateway-abcd0000000000000000000000000000"));
	assert_non_null(strstr(world.last, "\"provision\""));
	assert_null(strstr(world.last, "\"serial\""));
	assert_int_equal(errand_ask(world.errand, &key, GW_BLOB_ARRAY(serial)), 0);
	assert_true(errand_is(world.errand, "gateway-abcd0000000000000000000000000000"));
	assert_non_null(strstr(world.last, "\"serial\":\"010203\""));
	key.about[15] = 1;
	assert_int_equal(errand_ask(world.errand, &key, GW_BLOB_ARRAY(serial)), 0);
	assert_true(errand_is(world.errand, "gateway-abcd0000000000000000000000000001"));

	assert_int_equal(errand_prove(world.errand, GW_BLOB_ARRAY(serial)), 0);
	assert_true(errand_is(world.errand, "gateway-proof-010203"));
	assert_non_null(strstr(world.last, "\"provisioned\""));
	assert_string_equal(world.steps, "before mqtt.provision;after mqtt.provision;"
					 "before mqtt.provision;after mqtt.provision;"
					 "before mqtt.provision;after mqtt.provision;"
					 "before mqtt.provisioned;after mqtt.provisioned;");

	assert_true(errand_is_own("gateway-proof-010203"));
	assert_true(errand_is_own("gateway-abcd"));
	assert_false(errand_is_own("gateway"));
	assert_false(errand_is_own("1234"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(it_is_said_at_once),
		TEST(it_is_repeated),
		TEST(it_ends),
		TEST(the_next_one_takes_its_place),
		TEST(there_is_no_room),
		TEST(what_cannot_be_said),
		TEST(jobs_have_names_of_their_own),
#undef TEST
	};

	assert_null(errand_free(NULL));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
