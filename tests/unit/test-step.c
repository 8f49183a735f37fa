/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Death at a named step, each try in a child of its own. In a build with fault points the child dies
 * of SIGKILL at just the step and moment it was told, in one without it never does.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/step.h"
#include "lib/util.h"

/* How far a child came that passes store.put: 0 died before, 1 after, 2 not at all. */
static int run_to_death(const char *die_at)
{
	int status, far[2];
	char mark;
	int n = 0;
	pid_t pid;

	assert_int_equal(pipe(far), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (die_at)
			(void)setenv("GANGWAY_DIE_AT", die_at, 1);
		else
			(void)unsetenv("GANGWAY_DIE_AT");
		gw_step_before("store.put");
		(void)!write(far[1], "x", 1);
		gw_step_after("store.put");
		(void)!write(far[1], "x", 1);
		_exit(0);
	}
	(void)close(far[1]);
	while (read(far[0], &mark, 1) == 1)
		n++;
	(void)close(far[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (n == 2)
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	else
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return n;
}

static void test_told(void **state)
{
#ifdef GW_FAULT_POINTS
	assert_int_equal(run_to_death("store.put:before"), 0);
	assert_int_equal(run_to_death("store.put:after"), 1);
#else
	assert_int_equal(run_to_death("store.put:before"), 2);
	assert_int_equal(run_to_death("store.put:after"), 2);
#endif
}

static void test_not_told(void **state)
{
	static const char *const others[] = {
		NULL,
		"",
		":",
		"store.put",
		"store.put:",
		"store.put:befor",
		"store.put:before ",
		"store.pu:before",
		"store.putt:before",
		"store:before",
		"other:before",
		":before",
	};

	for (size_t i = 0; i < GW_ELEMENTS(others); i++)
		assert_int_equal(run_to_death(others[i]), 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
