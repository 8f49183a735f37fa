/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of malloc() and realloc(), in whatever is linked statically: the code under test and wolfSSL. */
#include "scarce.h"

#include <stdlib.h>

static struct {
	bool on, all, has_failed;
	unsigned n_good;
} scarce;

void *__real_malloc(size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *old, size_t size);

void scarce_begin(unsigned n_good, bool all)
{
	scarce.on = true;
	scarce.all = all;
	scarce.has_failed = false;
	scarce.n_good = n_good;
}

bool scarce_end(void)
{
	scarce.on = false;
	return scarce.has_failed;
}

static bool fails(void)
{
	if (!scarce.on || (scarce.has_failed && !scarce.all))
		return false;
	if (!scarce.has_failed && scarce.n_good-- > 0)
		return false;
	scarce.has_failed = true;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}
