/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settings-disk: which files the configuration consists of, and their bytes. In the order in which they are
 * read, the later prevails: the vendor's, the file itself, its drop-ins FILE.d/NAME.conf by name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct settings_blob;
struct settings_report;

#define SETTINGS_PATH        "/etc/gangway/gangway.conf"
#define SETTINGS_VENDOR_PATH "/usr/share/gangway/gangway.conf"

#define SETTINGS_FILE_MAX    65536 /* bytes of one file */
#define SETTINGS_DROP_IN_MAX 64    /* drop-ins */

struct settings_paths {
	const char *vendor;    /* NULL: none */
	const char *file;      /* its drop-ins are in FILE.d */
	bool file_is_optional; /* all may be said in drop-ins */
};

/* What holds on an installed system. */
extern const struct settings_paths settings_paths_system;

/*
 * Reads them all. What cannot be read is reported; -ENOENT: so is that the file is not there; -ENOMEM. The blobs
 * are the caller's to free.
 */
int settings_disk_read(const struct settings_paths *paths, struct settings_report *report,
		       struct settings_blob **ret, size_t *ret_n);
struct settings_blob *settings_blobs_free(struct settings_blob *blobs, size_t n);
