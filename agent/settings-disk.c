/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files are opened without waiting, and looked at before a byte is read: a FIFO or a device in the place of a
 * file must not stop the agent. Each is read once, into memory; who writes to it meanwhile changes nothing
 * any more.
 */
#include "agent/settings-disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "agent/settings-file.h"
#include "agent/settings-report.h"
#include "lib/util.h"

#define SUFFIX    ".conf"
#define BLOBS_MAX (SETTINGS_DROP_IN_MAX + 2)

const struct settings_paths settings_paths_system = { SETTINGS_VENDOR_PATH, SETTINGS_PATH, true };

/* --- bytes --- */

/* Up to the end, and one more byte, to see that it is no longer. */
static ssize_t read_all(int fd, char *data, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = pread(fd, data + len, size - len, (off_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

static int read_blob(int fd, const char *path, struct settings_blob *ret, const char **ret_why)
{
	_cleanup_free_ char *data = malloc(SETTINGS_FILE_MAX + 1), *name = strdup(path);
	ssize_t len;

	if (!data || !name)
		return -ENOMEM;
	len = read_all(fd, data, SETTINGS_FILE_MAX + 1);
	if (len < 0) {
		*ret_why = strerror((int)-len);
		return -EINVAL;
	}
	if (len > SETTINGS_FILE_MAX) {
		*ret_why = "it is larger than 64 KiB; split it";
		return -EINVAL;
	}

	*ret = (struct settings_blob){ .path = TAKE_PTR(name),
				       .data = TAKE_PTR(data),
				       (size_t)len };
	return 0;
}

static void blob_done(struct settings_blob *blob)
{
	free((char *)(uintptr_t)blob->path);
	free((char *)(uintptr_t)blob->data);
}

/* --- files --- */

struct reading {
	struct settings_report *report;
	struct settings_blob *blobs;
	size_t n;
};

static const char *advice(int error)
{
	switch (error) {
	case EACCES: return "; the agent's user must be able to read it: chmod 0644";
	case ELOOP: return "; the link leads nowhere: remove it";
	default: return "";
	}
}

static void complain(struct reading *reading, const char *path, int error)
{
	settings_report_add(reading->report, "%s: cannot be read: %s%s", path, strerror(error),
			    advice(error));
}

/* -ENOENT: there is no such file, which only the caller can judge. */
static int read_file(struct reading *reading, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	const char *why = NULL;
	struct stat st;
	int r;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &st) < 0) {
		complain(reading, path, errno);
		return 0;
	}
	if (!S_ISREG(st.st_mode)) {
		settings_report_add(reading->report, "%s: is no regular file; remove it", path);
		return 0;
	}

	r = read_blob(fd, path, &reading->blobs[reading->n], &why);
	if (r >= 0)
		reading->n++;
	if (r == -EINVAL)
		settings_report_add(reading->report, "%s: cannot be read: %s", path, why);
	return GW_MIN(r == -EINVAL ? 0 : r, 0);
}

/* --- drop-ins --- */

struct names {
	char *names[SETTINGS_DROP_IN_MAX];
	size_t n;
};

static void names_free(struct names *names)
{
	while (names->n > 0)
		free(names->names[--names->n]);
}

/* What editors and package tools leave lying about ends otherwise, or is hidden. */
static bool is_drop_in(const char *name)
{
	size_t len = strlen(name);

	return *name != '.' && len > strlen(SUFFIX) &&
	       gw_streq(name + len - strlen(SUFFIX), SUFFIX);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_folder(struct reading *reading, DIR *folder, const char *path, struct names *names)
{
	const struct dirent *entry;

	while (errno = 0, (entry = readdir(folder))) {
		if (!is_drop_in(entry->d_name))
			continue;
		if (names->n == SETTINGS_DROP_IN_MAX) {
			settings_report_add(reading->report,
					    "%s: holds more than %d files; put some into one", path,
					    SETTINGS_DROP_IN_MAX);
			break;
		}
		names->names[names->n] = strdup(entry->d_name);
		if (!names->names[names->n])
			return -ENOMEM;
		names->n++;
	}
	if (errno)
		complain(reading, path, errno);
	qsort(names->names, names->n, sizeof(names->names[0]), compare);
	return 0;
}

static void close_folder(DIR **folder)
{
	if (*folder)
		(void)closedir(*folder);
}

static int read_drop_ins(struct reading *reading, const char *file)
{
	_cleanup_(close_folder) DIR *folder = NULL;
	_cleanup_(names_free) struct names names = { 0 };
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s.d", file) < 0)
		return -ENOMEM;
	folder = opendir(path);
	if (!folder) {
		if (errno != ENOENT)
			complain(reading, path, errno);
		return 0;
	}

	r = list_folder(reading, folder, path, &names);
	for (size_t i = 0; i < names.n && r >= 0; i++) {
		_cleanup_free_ char *name = NULL;

		if (asprintf(&name, "%s/%s", path, names.names[i]) < 0)
			return -ENOMEM;
		r = read_file(reading, name);
		if (r == -ENOENT) {
			complain(reading, name, ENOENT);
			r = 0;
		}
	}
	return r;
}

static int read_all_files(struct reading *reading, const struct settings_paths *paths)
{
	int r = -ENOENT;

	if (paths->vendor)
		r = read_file(reading, paths->vendor);
	if (reading->n)
		reading->blobs[0].is_vendor = true;
	if (r < 0 && r != -ENOENT)
		return r;

	r = read_file(reading, paths->file);
	if (r == -ENOENT && !paths->file_is_optional) {
		settings_report_add(reading->report,
				    "%s: there is no such file; name one with --config",
				    paths->file);
		return -ENOENT;
	}
	return r < 0 && r != -ENOENT ? r : read_drop_ins(reading, paths->file);
}

int settings_disk_read(const struct settings_paths *paths, struct settings_report *report,
		       struct settings_blob **ret, size_t *ret_n)
{
	struct reading reading = { report, calloc(BLOBS_MAX, sizeof(struct settings_blob)), 0 };
	int r;

	if (!reading.blobs)
		return -ENOMEM;
	r = read_all_files(&reading, paths);
	if (r < 0) {
		settings_blobs_free(reading.blobs, reading.n);
		return r;
	}

	*ret = reading.blobs;
	*ret_n = reading.n;
	return 0;
}

struct settings_blob *settings_blobs_free(struct settings_blob *blobs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		blob_done(&blobs[i]);
	free(blobs);
	return NULL;
}
