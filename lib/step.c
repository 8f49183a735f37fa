/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Death at a named step. SIGKILL, not exit(): no handler runs, no buffer is flushed, just as when
 * the power goes.
 */
#include "config.h"

#include "lib/step.h"

#include <signal.h>
#include <stdio.h>

#include "lib/util.h"

void gw_steps_list(const char *const *names, size_t n_names)
{
	for (size_t i = 0; i < n_names; i++)
		(void)puts(names[i]);
}

#ifdef GW_FAULT_POINTS
static void die_if_told(const char *name, const char *moment)
{
	const char *wish = getenv("GANGWAY_DIE_AT");
	size_t len = strlen(name);

	if (wish && strncmp(wish, name, len) == 0 && wish[len] == ':' &&
	    gw_streq(wish + len + 1, moment))
		(void)raise(SIGKILL);
}

#else
static void die_if_told(const char *name, const char *moment)
{
}
#endif

void gw_step_before(const char *name)
{
	die_if_told(name, "before");
}

void gw_step_after(const char *name)
{
	die_if_told(name, "after");
}
