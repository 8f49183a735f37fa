/* SPDX-License-Identifier: GPL-2.0-or-later */
/* uri: where the gateway is, `coaps://HOST[:PORT]`. Pure. */
#pragma once

#define URI_HOST_MAX 255

struct uri {
	char host[URI_HOST_MAX +
		  1]; /* a name or an address; IPv6 without brackets, with its zone */
	char port[6];
};

/* -EINVAL with a sentence in ret_why. */
int uri_parse(const char *text, struct uri *ret, const char **ret_why);
