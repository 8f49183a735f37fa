/* SPDX-License-Identifier: GPL-2.0-or-later */
/* endpoint: where a broker is, read from `mqtts://HOST[:PORT]`, or a list of them. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_ENDPOINT_HOST_MAX 253
#define GW_ENDPOINT_PORT     8883 /* where none is given */

struct gw_endpoint {
	char host[GW_ENDPOINT_HOST_MAX + 1]; /* name or address, without brackets */
	uint16_t port;
	bool is_address; /* the certificate must name the address, and no name is looked up */
};

#define GW_ENDPOINTS_MAX 1024 /* characters of a list */

/* -EINVAL, with what is wrong in *ret_why. */
int gw_endpoint_parse(const char *uri, struct gw_endpoint *ret, const char **ret_why);

/* Several, in a row, apart by blanks or commas; likewise. */
int gw_endpoints_parse(const char *uris, struct gw_endpoint *ret, size_t max, size_t *ret_n,
		       const char **ret_why);
