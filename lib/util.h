/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util: the few idioms that every file of the house uses. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct gw_blob;

#define GW_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define GW_MIN(a, b)       ((a) < (b) ? (a) : (b))
#define GW_MAX(a, b)       ((a) > (b) ? (a) : (b))

#define GW_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Runs func(&variable) when the variable goes out of scope. */
#define _cleanup_(func) __attribute__((cleanup(func)))

/* Hands a pointer (or descriptor) on: the variable no longer owns it. */
#define TAKE_PTR(ptr)                     \
	({                                \
		__typeof__(ptr) _p = ptr; \
		ptr = NULL;               \
		_p;                       \
	})
#define TAKE_FD(fd)          \
	({                   \
		int _f = fd; \
		fd = -1;     \
		_f;          \
	})

/* Defines the cleanup helper x_freep() for a type with x_free() that returns NULL. */
#define GW_DEFINE_CLEANUP(type, func)       \
	static inline void func##p(type *p) \
	{                                   \
		if (*p)                     \
			(void)func(*p);     \
	}

static inline void gw_freep(void *p)
{
	free(*(void **)p);
}

static inline void gw_closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

#define _cleanup_free_  _cleanup_(gw_freep)
#define _cleanup_close_ _cleanup_(gw_closep)

static inline bool gw_streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* Copies text into an array, cut at its end if need be; returns -ENOSPC when it was cut. */
int gw_copy(char *to, size_t size, const char *from);

/* Reads a whole small file, at most max bytes (-EFBIG above); a zero byte follows the contents. */
int gw_read_file(int dir_fd, const char *path, size_t max, uint8_t **ret, size_t *ret_len);

/* The same of what is open, from where it stands. */
int gw_read_fd(int fd, size_t max, uint8_t **ret, size_t *ret_len);

/* Writes a file so that after a crash either the old or the new contents stand there, on disk. */
int gw_write_file(int dir_fd, const char *path, struct gw_blob contents, unsigned mode);

/* Parses a whole decimal number within [min, max]; -EINVAL or -ERANGE. */
int gw_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/* Microseconds: time that a person reads, and time that never jumps. */
uint64_t gw_now_realtime_us(void);
uint64_t gw_now_monotonic_us(void);
uint64_t gw_now_boottime_us(void); /* monotonic, and goes on while the machine sleeps */

/* True for `[A-Za-z0-9._:-]{1,64}`: what may be a device id on this gateway. */
bool gw_device_id_is_valid(const char *id);

/* True for `[A-Za-z0-9._-]{1,64}` other than "provision": what may stand in a topic as a gateway. */
bool gw_gateway_id_is_valid(const char *id);

/* True for what the kernel takes as an interface's name: so many bytes of a text. */
bool gw_interface_is_valid(const char *name, size_t len);

/* True if the text holds only printable ASCII: what may enter a log line, a table or a record. */
bool gw_is_printable(const char *text);
