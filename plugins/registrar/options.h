/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options: the [registrar] section of the configuration, as the agent's welcome brings it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct options {
	bool psk_ccm8;
	uint32_t handshakes_max, handshakes_per_source;
	uint64_t handshake_timeout_us;
	uint32_t sessions_max, sessions_per_source;
	uint64_t idle_timeout_us;
	uint32_t secret_rate; /* a second */
};

/* Reads "key=value\n"...; what is not there has its default. -EINVAL, -ERANGE: *ret_key is no good. */
int options_read(const char *settings, struct options *ret, const char **ret_key);
