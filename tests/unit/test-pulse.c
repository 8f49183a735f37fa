/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pulse: the service manager hears of a turn that has ended, and of nothing else; a disk that takes
 * nothing is told to people, tried again, and no reason to fall silent.
 */
#include "tests/unit/agent-world.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "agent/pulse.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "lib/util.h"

/* --- in place of the service manager, the bus and the timer --- */

int __wrap_sd_notify(int unset_environment, const char *state);
int __wrap_sd_notifyf(int unset_environment, const char *format, ...) GW_PRINTF(2, 3);
int __wrap_sd_watchdog_enabled(int unset_environment, uint64_t *usec);
const char *__wrap_bus_trouble(const struct bus *bus);
int __real_sd_event_source_set_time_relative(sd_event_source *source, uint64_t usec);
int __wrap_sd_event_source_set_time_relative(sd_event_source *source, uint64_t usec);

static unsigned n_beats;
static bool is_watched;
static char status[512];
static sd_event_source *timer;

int __wrap_sd_notify(int unset_environment, const char *state)
{
	assert_string_equal(state, "WATCHDOG=1");
	n_beats++;
	return 1;
}

int __wrap_sd_notifyf(int unset_environment, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(status, sizeof(status), format, args);
	va_end(args);
	return 1;
}

int __wrap_sd_watchdog_enabled(int unset_environment, uint64_t *usec)
{
	*usec = 3600000000;
	return is_watched;
}

const char *__wrap_bus_trouble(const struct bus *bus)
{
	return world_trouble();
}

int __wrap_sd_event_source_set_time_relative(sd_event_source *source, uint64_t usec)
{
	timer = source;
	return __real_sd_event_source_set_time_relative(source, usec);
}

static void limit_files(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void start(void)
{
	assert_int_equal(pulse_new(world_agent(), &world_agent()->pulse), 0);
	world_turn();
}

/* The next beat, now. */
static void beat(void)
{
	assert_int_equal(__real_sd_event_source_set_time_relative(timer, 0), 0);
	world_turn();
}

static int set_up(void **state)
{
	n_beats = 0;
	is_watched = true;
	*status = 0;
	(void)signal(SIGXFSZ, SIG_IGN);
	return world_set_up(state);
}

static int tear_down(void **state)
{
	limit_files(RLIM_INFINITY);
	world_agent()->pulse = pulse_free(world_agent()->pulse);
	return world_tear_down(state);
}

static uint64_t written(void)
{
	return (uint64_t)store_meta_number(world_agent()->store, "pulse", 0);
}

/* --- */

static void a_beat_is_a_turn_that_ended(void **state)
{
	start();
	assert_int_equal(n_beats, 1);
	beat();
	beat();
	assert_int_equal(n_beats, 3);
	assert_int_equal(written(), 0);
}

static void turns_of_others_are_no_beats(void **state)
{
	start();
	turn_wake(world_agent()->turn);
	world_turn();
	assert_int_equal(n_beats, 1);
}

static void where_nobody_watches(void **state)
{
	is_watched = false;
	start();
	beat();
	assert_int_equal(n_beats, 0);
}

static void it_says_how_it_is(void **state)
{
	start();
	assert_string_equal(status, "STATUS=Serves gateway " WORLD_GATEWAY "; the cloud is online");
	*status = 0;
	beat();
	assert_string_equal(status, ""); /* once is enough */
}

static void a_full_disk_is_told_and_tried_again(void **state)
{
	unsigned breaks;

	start();
	limit_files(0);
	assert_int_equal(turn_open(world_agent()->turn), 0);
	(void)store_meta_set_number(world_agent()->store, "x", 1);
	world_turn();
	assert_true(*world_trouble());
	assert_non_null(strstr(status, "STATUS=The store cannot be written"));

	breaks = world_breaks();
	beat();
	beat();
	assert_int_equal(n_beats, 3);
	assert_true(*world_trouble());
	assert_int_equal(world_breaks(), breaks); /* what fails then is nobody's */

	limit_files(RLIM_INFINITY);
	beat();
	assert_string_equal(world_trouble(), "");
	assert_string_equal(status, "STATUS=Serves gateway " WORLD_GATEWAY "; the cloud is online");
	assert_int_equal(n_beats, 4);
}

static void a_store_that_nobody_uses_is_tried(void **state)
{
	start();
	world_pass(3601);
	beat();
	assert_int_equal(written(), world_now_s());

	world_pass(3601);
	limit_files(0);
	beat();
	assert_true(*world_trouble());
	assert_int_equal(n_beats, 3);
	assert_int_equal(world_breaks(), 0);
}

static void a_turn_under_way_is_left_alone(void **state)
{
	start();
	world_pass(3601);
	assert_int_equal(turn_open(world_agent()->turn), 0);
	assert_int_equal(store_meta_set_number(world_agent()->store, "x", 1), 0);
	world_spoil_store();
	beat();
	assert_int_equal(written(), 0);
	assert_int_equal(store_meta_number(world_agent()->store, "x", 0), 0);
	assert_int_equal(n_beats, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define PULSE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
		PULSE(a_beat_is_a_turn_that_ended),
		PULSE(turns_of_others_are_no_beats),
		PULSE(where_nobody_watches),
		PULSE(it_says_how_it_is),
		PULSE(a_full_disk_is_told_and_tried_again),
		PULSE(a_store_that_nobody_uses_is_tried),
		PULSE(a_turn_under_way_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
