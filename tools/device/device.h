/* SPDX-License-Identifier: GPL-2.0-or-later */
/* device: the way aboard, from a label or from what lies in the state folder to a proved certificate. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/blob.h"
#include "tools/device/uri.h"

struct failure;

struct device_options {
	const char *id; /* of the label; NULL: there is none */
	struct gw_blob secret;
	struct uri gateway;
	const char *state;  /* folder */
	uint64_t until_us;  /* monotonic: give up then */
	bool renew;         /* get another certificate with the one that lies there */
	bool same_key;      /* renew with the key that is proved, not with a new one */
	bool fresh_key;     /* give up what is on its way, begin with a new key */
	struct gw_blob csr; /* send this as signing request; empty: make one */

	/* A step is done. */
	void (*on_step)(const char *name, uint64_t took_us, const char *detail, void *userdata);
	void *userdata;
};

/*
 * Goes as far as it can: 0 once the certificate is proved. Else -errno with a sentence:
 *   -EINVAL  the folder holds nothing to go on with and there is no label
 *   -EACCES  the gateway refused for good
 *   others   it did not work in time, or something is wrong on our side
 */
int device_run(const struct device_options *options, struct failure *failure);
