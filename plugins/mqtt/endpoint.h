/* SPDX-License-Identifier: GPL-2.0-or-later */
/* endpoint: where the broker is, read from `mqtts://HOST[:PORT]`. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ENDPOINT_HOST_MAX 253
#define ENDPOINT_PORT     8883 /* where none is given */

struct endpoint {
	char host[ENDPOINT_HOST_MAX + 1]; /* name or address, without brackets */
	uint16_t port;
	bool is_address; /* the certificate must name the address, and no name is looked up */
};

/* -EINVAL, with what is wrong in *ret_why. */
int endpoint_parse(const char *uri, struct endpoint *ret, const char **ret_why);
