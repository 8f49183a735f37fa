/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settings: the agent's configuration, read whole and checked before anything of it is used. Every
 * key is declared once, in the table of settings.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SETTINGS_TEXT_MAX 256
#define SETTINGS_PATH     "/etc/gangway/gangway.conf"

struct settings {
	char gateway[SETTINGS_TEXT_MAX + 1];
	bool cloud_plain_secrets;
	char cloud_device_endpoint[SETTINGS_TEXT_MAX + 1];
	char cloud_broker[SETTINGS_TEXT_MAX + 1];
	uint64_t registrar_handshake_timeout_s;
	uint64_t registrar_secret_rate;
	uint64_t claim_lifetime_s; /* 0 = for ever */
	uint64_t prove_within_s;
	uint64_t devices_max;
	uint64_t jobs_max;
	uint64_t discovered_max;
	uint64_t discovered_age_s;
	bool clock_trusts_cloud;

	struct settings_section *sections; /* as text, for plugins */
};

/*
 * Reads a file. On failure nothing is written and `error` names file, line, key, what is wrong and
 * what to do.
 */
int settings_read(const char *path, struct settings *ret, char *error, size_t error_size);
void settings_done(struct settings *settings);

/* The section of that name as "key=value\n"... with defaults filled in; "" if there is none. */
const char *settings_section(const struct settings *settings, const char *name);
