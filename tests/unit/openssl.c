/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The openssl command as a maker of test material, in a folder of its own. */
#include "openssl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#define FILE_MAX 65536

static char folder[] = "/tmp/gangway-test-XXXXXX";

void openssl_init(void)
{
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
}

void openssl_done(void)
{
	char command[128];

	assert_int_equal(chdir("/"), 0);
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

void openssl_run(const char *format, ...)
{
	char arguments[1024], command[1200];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(arguments, sizeof(arguments), format, args);
	va_end(args);
	(void)snprintf(command, sizeof(command),
		       "openssl %s 2>errors || { cat errors >&2; false; }", arguments);
	if (system(command) != 0)
		fail_msg("failed: openssl %s", arguments);
}

struct gw_blob openssl_read(const char *file)
{
	uint8_t *data = malloc(FILE_MAX);
	FILE *f = fopen(file, "rb");
	size_t len;

	assert_non_null(data);
	if (!f)
		fail_msg("no file '%s'", file);
	len = fread(data, 1, FILE_MAX, f);
	(void)fclose(f);
	assert_in_range(len, 1, FILE_MAX - 1);
	return (struct gw_blob){ data, len };
}

void openssl_write(const char *file, struct gw_blob contents)
{
	FILE *f = fopen(file, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(contents.data, 1, contents.len, f), contents.len);
	assert_int_equal(fclose(f), 0);
}
