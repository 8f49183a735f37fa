/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few helpers behind util.h that need a body: whole-file reading and crash-safe writing, number
 * parsing, clocks, and the three character sets that names and texts from outside must fit.
 */
#include "lib/util.h"

#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/blob.h"

#define ID_MAX 64

int gw_copy(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);
	size_t fit = GW_MIN(len, size - 1);

	memcpy(to, from, fit);
	to[fit] = 0;
	return fit == len ? 0 : -ENOSPC;
}

static int read_fully(int fd, uint8_t *buf, size_t size, size_t *ret_len)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, buf + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}

	*ret_len = len;
	return 0;
}

int gw_read_fd(int fd, size_t max, uint8_t **ret, size_t *ret_len)
{
	_cleanup_free_ uint8_t *buf = NULL;
	size_t len = 0;
	int r;

	buf = malloc(max + 1);
	if (!buf)
		return -ENOMEM;

	r = read_fully(fd, buf, max + 1, &len);
	if (r < 0)
		return r;
	if (len > max) {
		explicit_bzero(buf, max + 1);
		return -EFBIG;
	}

	buf[len] = 0;
	*ret_len = len;
	*ret = TAKE_PTR(buf);
	return 0;
}

int gw_read_file(int dir_fd, const char *path, size_t max, uint8_t **ret, size_t *ret_len)
{
	_cleanup_close_ int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : gw_read_fd(fd, max, ret, ret_len);
}

static int write_fully(int fd, struct gw_blob contents)
{
	while (contents.len) {
		ssize_t n = write(fd, contents.data, contents.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		contents.data += n;
		contents.len -= (size_t)n;
	}

	return fsync(fd) < 0 ? -errno : 0;
}

/* A rename is on disk only once the folder that holds the name is. */
static int sync_folder_of(int dir_fd, const char *path)
{
	_cleanup_free_ char *folder = strdup(path);
	_cleanup_close_ int fd = -1;
	char *slash;

	if (!folder)
		return -ENOMEM;

	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = 0; /* keeps the root's own slash */
	fd = openat(dir_fd, slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fsync(fd) < 0 ? -errno : 0;
}

int gw_write_file(int dir_fd, const char *path, struct gw_blob contents, unsigned mode)
{
	_cleanup_free_ char *temporary = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&temporary, "%s.new", path) < 0)
		return -ENOMEM;

	(void)unlinkat(dir_fd, temporary, 0);
	fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;

	r = write_fully(fd, contents);
	if (r >= 0 && renameat(dir_fd, temporary, dir_fd, path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir_fd, temporary, 0);
		return r;
	}

	return sync_folder_of(dir_fd, path);
}

int gw_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (!*text)
		return -EINVAL;

	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return -ERANGE;
	}
	if (value < min || value > max)
		return -ERANGE;

	*ret = value;
	return 0;
}

static uint64_t now_us(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t gw_now_realtime_us(void)
{
	return now_us(CLOCK_REALTIME);
}

uint64_t gw_now_monotonic_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}

uint64_t gw_now_boottime_us(void)
{
	return now_us(CLOCK_BOOTTIME);
}

static bool name_is_valid(const char *name, const char *punctuation)
{
	size_t len = strlen(name);

	if (len < 1 || len > ID_MAX)
		return false;

	for (const char *c = name; *c; c++) {
		bool letter = (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z');
		bool digit = *c >= '0' && *c <= '9';

		if (!letter && !digit && !strchr(punctuation, *c))
			return false;
	}
	return true;
}

bool gw_device_id_is_valid(const char *id)
{
	return name_is_valid(id, "._:-");
}

bool gw_gateway_id_is_valid(const char *id)
{
	return name_is_valid(id, "._-") && !gw_streq(id, "provision");
}

bool gw_interface_is_valid(const char *name, size_t len)
{
	if (len == 0 || len >= IF_NAMESIZE)
		return false;
	if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')))
		return false;

	for (size_t i = 0; i < len; i++)
		if (name[i] <= 0x20 || name[i] > 0x7e || name[i] == '/' || name[i] == ':')
			return false;
	return true;
}

bool gw_is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}
