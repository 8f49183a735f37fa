/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Straight lines side by side: each waits for its own pipe or its own time, in any order, and finds its
 * variables as it left them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "lib/util.h"
#include "tools/device/fiber.h"
#include "tools/device/wait.h"

#define N_FIBERS 100
#define N_ROUNDS 20

struct reader {
	int pipe[2];
	size_t sum, n_read;
	struct fiber *fiber;
};

static void run_reader(void *userdata)
{
	struct reader *reader = userdata;
	uint8_t mine[N_ROUNDS] = { 0 }; /* on the fiber's own stack */

	assert_true(fiber_is_running());
	for (size_t i = 0; i < N_ROUNDS; i++) {
		assert_true(wait_readable(reader->pipe[0], UINT64_MAX - 1));
		assert_int_equal(read(reader->pipe[0], &mine[i], 1), 1);
		reader->n_read++;
	}
	for (size_t i = 0; i < N_ROUNDS; i++)
		reader->sum += mine[i];
}

static void test_readers(void **state)
{
	static struct reader readers[N_FIBERS];
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;

	assert_int_equal(sd_event_new(&event), 0);
	for (size_t i = 0; i < N_FIBERS; i++) {
		assert_int_equal(pipe(readers[i].pipe), 0);
		assert_int_equal(fiber_new(event, run_reader, &readers[i], &readers[i].fiber), 0);
		assert_false(fiber_has_ended(readers[i].fiber));
	}
	assert_false(fiber_is_running());

	/* Backwards, one byte each, so that every fiber is in the middle of its way in every round. */
	for (uint8_t round = 0; round < N_ROUNDS; round++)
		for (size_t i = N_FIBERS; i-- > 0;) {
			uint8_t byte = (uint8_t)(round + i);

			assert_int_equal(write(readers[i].pipe[1], &byte, 1), 1);
			while (readers[i].n_read == round)
				assert_true(sd_event_run(event, UINT64_MAX) > 0);
		}

	for (size_t i = 0; i < N_FIBERS; i++) {
		size_t sum = 0;

		for (uint8_t round = 0; round < N_ROUNDS; round++)
			sum += (uint8_t)(round + i);
		assert_true(fiber_has_ended(readers[i].fiber));
		assert_int_equal(readers[i].sum, sum);
		assert_null(fiber_free(readers[i].fiber));
		(void)close(readers[i].pipe[0]);
		(void)close(readers[i].pipe[1]);
	}
}

static void run_sleeper(void *userdata)
{
	uint64_t *until_us = userdata;
	int ends[2];

	wait_until(*until_us);
	assert_true(gw_now_monotonic_us() >= *until_us);
	assert_int_equal(pipe(ends), 0);
	assert_false(wait_readable(ends[0], gw_now_monotonic_us() + 1000));
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void run_to_end(sd_event *event, struct fiber *fiber)
{
	while (!fiber_has_ended(fiber))
		assert_true(sd_event_run(event, UINT64_MAX) > 0);
	assert_null(fiber_free(fiber));
}

static void test_times(void **state)
{
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	uint64_t now_us = gw_now_monotonic_us(), late_us = now_us + 20000, past_us = now_us - 1;
	struct fiber *late, *past;

	assert_int_equal(sd_event_new(&event), 0);
	assert_int_equal(fiber_new(event, run_sleeper, &late_us, &late), 0);
	assert_int_equal(fiber_new(event, run_sleeper, &past_us, &past), 0);
	run_to_end(event, past);
	run_to_end(event, late);
}

/* By itself, without any fiber, the same code waits in the kernel. */
static void test_alone(void **state)
{
	uint64_t until_us = gw_now_monotonic_us() + 2000;
	int ends[2];

	run_sleeper(&until_us);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_true(wait_readable(ends[0], UINT64_MAX / 2));
	(void)close(ends[0]);
	(void)close(ends[1]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readers),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
