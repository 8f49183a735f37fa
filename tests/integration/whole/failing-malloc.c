/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * To be preloaded: makes one allocation of one program fail. Which one is said in a file that is shared
 * with whoever tests (allocations.py), and may be said anew while the program runs:
 *
 *	GANGWAY_ALLOCATIONS        the file, laid out as struct orders
 *	GANGWAY_ALLOCATIONS_OF     the program's name; in any other this does nothing
 *	GANGWAY_ALLOCATIONS_TRIED  the places that have had their turn, in any process that shares this file
 *
 * Where it failed goes into the file too. The sanitizers' allocator is used where there is one, so that
 * what an error path leaks or uses after free is seen as ever.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FRAMES_MAX 40
#define STACKS_MAX 65536 /* of places that have had their turn; a power of 2 */

enum mode {
	MODE_OFF,
	MODE_NTH, /* the n-th from now */
	MODE_NEW, /* the first from a place that has not had its turn */
};

struct orders {
	_Atomic uint32_t mode;
	_Atomic uint32_t n_failed;
	_Atomic uint64_t n_calls; /* since the last order */
	_Atomic uint64_t nth;
	char where[4096]; /* "module+offset ..." innermost first */
};

/* The next allocator: the sanitizers', or else the library's own. */
void *__interceptor_malloc(size_t size) __attribute__((weak));
void *__interceptor_calloc(size_t n, size_t size) __attribute__((weak));
void *__interceptor_realloc(void *old, size_t size) __attribute__((weak));
void *__interceptor_memalign(size_t alignment, size_t size) __attribute__((weak));
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static struct orders *orders; /* NULL: this program is left alone */
static _Atomic uint64_t *tried;
static _Thread_local bool busy;

static bool is_new(void *const *frames, int n)
{
	uint64_t hash = 14695981039346656037u;

	for (int i = 0; i < n; i++)
		hash = (hash ^ (uintptr_t)frames[i]) * 1099511628211u;
	hash |= 1;
	for (size_t i = (hash >> 20) % STACKS_MAX;; i = (i + 1) % STACKS_MAX) {
		uint64_t there = 0;

		if (atomic_compare_exchange_strong(&tried[i], &there, hash))
			return true;
		if (there == hash)
			return false;
	}
}

static void note_place(struct orders *o, void *const *frames, int n)
{
	size_t at = 0;

	for (int i = 0; i < n && at < sizeof(o->where) - 256; i++) {
		Dl_info info;

		if (dladdr(frames[i], &info) && info.dli_fname)
			at += (size_t)snprintf(
				o->where + at, 256, "%s+%#zx ", info.dli_fname,
				(size_t)((char *)frames[i] - (char *)info.dli_fbase));
	}
}

/* Whether this one is to fail. */
static bool strike(void)
{
	struct orders *o = orders;
	void *frames[FRAMES_MAX];
	bool fails;
	int n;

	if (!o || busy || atomic_load(&o->mode) == MODE_OFF)
		return false;

	busy = true;
	fails = atomic_fetch_add(&o->n_calls, 1) + 1 == atomic_load(&o->nth);
	if (atomic_load(&o->mode) == MODE_NEW || fails) {
		n = backtrace(frames, FRAMES_MAX);
		if (atomic_load(&o->mode) == MODE_NEW)
			fails = !atomic_load(&o->n_failed) && is_new(frames + 2, n - 2);
		if (fails) {
			atomic_fetch_add(&o->n_failed, 1);
			note_place(o, frames + 2, n - 2);
		}
	}
	busy = false;
	if (fails)
		errno = ENOMEM;
	return fails;
}

void *malloc(size_t size)
{
	if (strike())
		return NULL;
	return __interceptor_malloc ? __interceptor_malloc(size) : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	if (strike())
		return NULL;
	return __interceptor_calloc ? __interceptor_calloc(n, size) : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	if (strike())
		return NULL;
	return __interceptor_realloc ? __interceptor_realloc(old, size) : __libc_realloc(old, size);
}

void *reallocarray(void *old, size_t n, size_t size)
{
	size_t whole;

	if (__builtin_mul_overflow(n, size, &whole)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, whole);
}

static void *aligned(size_t alignment, size_t size)
{
	if (strike())
		return NULL;
	return __interceptor_memalign ? __interceptor_memalign(alignment, size)
				      : __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size)
{
	return aligned(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return aligned(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	void *block = aligned(alignment, size);

	if (!block)
		return ENOMEM;
	*ret = block;
	return 0;
}

/* The sanitizers have their own, which would not come by here. */
static char *copy_of(const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	if (copy) {
		memcpy(copy, text, len);
		copy[len] = '\0';
	}
	return copy;
}

char *strndup(const char *text, size_t max)
{
	return copy_of(text, strnlen(text, max));
}

char *strdup(const char *text)
{
	return copy_of(text, strlen(text));
}

static void *map_file(const char *name, size_t size)
{
	const char *path = getenv(name);
	void *map;
	int fd;

	fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		abort();
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (map == MAP_FAILED)
		abort();
	return map;
}

__attribute__((constructor)) static void start(void)
{
	const char *of = getenv("GANGWAY_ALLOCATIONS_OF");
	void *frames[FRAMES_MAX];

	if (!of || strcmp(of, program_invocation_short_name) != 0)
		return;

	(void)backtrace(frames, FRAMES_MAX); /* loads what it needs now, not in the middle */
	tried = map_file("GANGWAY_ALLOCATIONS_TRIED", STACKS_MAX * sizeof(*tried));
	orders = map_file("GANGWAY_ALLOCATIONS", sizeof(*orders));
}
