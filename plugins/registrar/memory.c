/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where wolfSSL has no memory to look at a certificate or a signature, it says at times that it is bad,
 * which is another thing: what is bad is refused for good. So its allocations pass by here.
 *
 * wolfSSL knows one set of allocators for a process; hence a count of the process's.
 */
#include "plugins/registrar/memory.h"

#include <stdlib.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/memory.h>

static unsigned long n_lacked;

static void *note(void *memory, size_t size)
{
	n_lacked += !memory && size > 0;
	return memory;
}

static void *on_malloc(size_t size)
{
	return note(malloc(size), size);
}

static void *on_realloc(void *old, size_t size)
{
	return note(realloc(old, size), size);
}

void memory_watch(void)
{
	(void)wolfSSL_SetAllocators(on_malloc, free, on_realloc);
}

unsigned long memory_lacked(void)
{
	return n_lacked;
}
