/* SPDX-License-Identifier: GPL-2.0-or-later */
/* certificate: X.509 certificates as files, as bytes, and as the few facts that we keep of them. */
#pragma once

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

#define CERTIFICATE_SERIAL_TEXT 41 /* characters of a serial number in hex, and the zero byte */

/* PEM, mode 0644. */
int certificate_load(int dir_fd, const char *path, X509 **ret);
int certificate_store(int dir_fd, const char *path, X509 *certificate);

/* DER on the heap. Free with free(). */
int certificate_encode(X509 *certificate, uint8_t **ret, size_t *ret_len);

/* The serial number as lower-case hex, two digits a byte. */
int certificate_serial(X509 *certificate, char text[CERTIFICATE_SERIAL_TEXT]);

/* Validity in seconds since the epoch. */
int certificate_validity(X509 *certificate, uint64_t *ret_not_before, uint64_t *ret_not_after);

/* For _cleanup_(). */
void certificate_freep(X509 **certificate);
