/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever x509.c finds in a certificate, a signing request or a list lies within the input. */
#include <stdlib.h>

#include "lib/x509.h"

#define CERTS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void within(const uint8_t *data, size_t size, struct gw_blob part)
{
	if (part.len > 0 && (part.data < data || part.data + part.len > data + size))
		abort();
}

static void try_certificate(const uint8_t *data, size_t size)
{
	struct gw_x509 x509;

	if (gw_x509_parse((struct gw_blob){ data, size }, &x509) < 0)
		return;

	within(data, size, x509.serial);
	within(data, size, x509.subject);
	within(data, size, x509.spki);
	if (x509.serial.len == 0 || (x509.serial.len > 1 && x509.serial.data[0] == 0))
		abort();
	if (gw_x509_name_is(x509.subject, GW_X509_COMMON_NAME, "ACME-1") &&
	    !gw_x509_name_has(x509.subject, GW_X509_COMMON_NAME))
		abort();
}

static void try_request(const uint8_t *data, size_t size)
{
	struct gw_x509_request request;

	if (gw_x509_parse_request((struct gw_blob){ data, size }, &request) < 0)
		return;

	within(data, size, request.subject);
	within(data, size, request.spki);
	within(data, size, request.algorithm);
	within(data, size, request.challenge);
	(void)gw_x509_name_is(request.subject, GW_X509_ORGANISATION, "x");
}

static void try_list(const uint8_t *data, size_t size)
{
	struct gw_blob certs[CERTS_MAX];
	size_t n, len = 0;

	if (gw_x509_split((struct gw_blob){ data, size }, certs, CERTS_MAX, &n) < 0)
		return;

	for (size_t i = 0; i < n; i++)
		len += certs[i].len;
	if (len != size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_certificate(data, size);
	try_request(data, size);
	try_list(data, size);
	return 0;
}
