/* SPDX-License-Identifier: GPL-2.0-or-later */
/* openssl: keys, signing requests and certificates for tests, made by the openssl command: what is
 * under test must not have made its own exam. All files lie in one temporary folder. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

/* The temporary folder becomes the working directory; openssl_done() removes it. Fails the test. */
void openssl_init(void);
void openssl_done(void);

/* Runs "openssl ARGUMENTS" by the shell; fails the test unless it exits with 0. */
void openssl_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The contents of a file in the folder; the blob's data is to be freed. */
struct gw_blob openssl_read(const char *file);

/* Writes a file into the folder. */
void openssl_write(const char *file, struct gw_blob contents);
