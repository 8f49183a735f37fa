/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settings: the agent's configuration, read whole and checked before anything of it is used. Every
 * key is declared once, in the table of settings-key.c; what files there are is said in settings-disk.h,
 * and which of them prevails in settings.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/renewal.h"

struct settings_blob;
struct settings_key;
struct settings_paths;
struct settings_report;

#define SETTINGS_TEXT_MAX    256  /* of a value */
#define SETTINGS_NAME_MAX    64   /* of a key or section */
#define SETTINGS_SECTION_MAX 3968 /* GW_SETTINGS_MAX, less what the agent adds for the cloud link */

/* One value that holds. */
struct settings_entry {
	struct settings_entry *next;
	const struct settings_key *key; /* NULL: of a plugin of other makers */
	char section[SETTINGS_NAME_MAX + 1], name[SETTINGS_NAME_MAX + 1];
	char *value;
	char *fallback; /* what would hold without the files of the gateway's owner */
	char *source;   /* "FILE:LINE", or "default" */
};

struct settings {
	char gateway[SETTINGS_TEXT_MAX + 1];
	bool cloud_plain_secrets;
	char cloud_device_endpoint[SETTINGS_TEXT_MAX + 1];
	char cloud_broker[SETTINGS_TEXT_MAX + 1];
	uint64_t cloud_requests_per_second;
	uint64_t cloud_retry_first_s;
	uint64_t cloud_retry_max_s;
	uint64_t registrar_handshake_timeout_s;
	uint64_t registrar_secret_rate;
	uint64_t claim_lifetime_s; /* 0 = for ever */
	uint64_t prove_within_s;
	uint64_t devices_notice_days;
	uint64_t devices_max;
	uint64_t jobs_max;
	uint64_t discovered_max;
	uint64_t discovered_age_s;
	uint64_t devices_renew_after, devices_renew_spread; /* percent */
	enum renewal_expired devices_expired;
	bool devices_adopt;
	bool devices_stale_crl_closes;
	uint64_t devices_grace_days;
	uint64_t audit_keep_days; /* 0 = for ever */
	uint64_t audit_keep_records;
	uint64_t audit_waiting_max;
	bool clock_trusts_cloud;
	bool store_key_is_given; /* by the service manager, and by nobody else */

	struct settings_entry *entries; /* the table's first, in its order */
};

/*
 * Reads all files, and `draft` (may be NULL) as if it was the last of them. On failure nothing is written and
 * the report holds all that is wrong. -EINVAL; -ENOENT: no such file; -ENOMEM.
 */
int settings_read(const struct settings_paths *paths, const struct settings_blob *draft,
		  struct settings *ret, struct settings_report *report);
void settings_done(struct settings *settings);

const struct settings_entry *settings_find(const struct settings *settings, const char *section,
					   const char *name);

/*
 * What a plugin is welcomed with: its section as "key=value\n"..., "" if there is none. That is [cloud] for the
 * cloud link, a section of that name where we know one for plugins, else [plugin NAME].
 */
void settings_of_plugin(const struct settings *settings, const char *plugin,
			char text[static SETTINGS_SECTION_MAX]);

/* Whether that plugin has to be told. */
bool settings_differ_for_plugin(const struct settings *a, const struct settings *b,
				const char *plugin);

/* Takes over from `running` what only a new start can change; the two must be in use no more but to be
 * compared. Returns how many differed, and names the first few. */
size_t settings_keep(struct settings *fresh, struct settings *running,
		     const struct settings_key **ret_kept, size_t max);
