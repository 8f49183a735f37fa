/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OpenSSL prepares tables once in a process, here and there, when they are first wanted. Where it had no memory
 * just then they stay broken, it goes on, and from then on digests are unknown and every signing request
 * is "bad": a gateway would be offline, and a cloud refuse devices, until somebody thinks of a restart. So the
 * program ends by itself, and whoever looks after it starts it again; what it had to do is on disk, here
 * or at the other end.
 */
#include "lib/mqtt-memory.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/log.h"

static void *or_end(void *memory, size_t size)
{
	if (memory || size == 0)
		return memory;

	gw_log(ERROR, "There is no memory for OpenSSL, which cannot go on without: ending");
	_exit(EXIT_FAILURE);
}

static void *on_malloc(size_t size, const char *file, int line)
{
	return or_end(size ? malloc(size) : NULL, size);
}

static void *on_realloc(void *memory, size_t size, const char *file, int line)
{
	if (size == 0) {
		free(memory);
		return NULL;
	}
	return or_end(realloc(memory, size), size);
}

static void on_free(void *memory, const char *file, int line)
{
	free(memory);
}

void gw_mqtt_memory_is_vital(void)
{
	if (CRYPTO_set_mem_functions(on_malloc, on_realloc, on_free) != 1)
		abort(); /* too late: somebody was first */
}
