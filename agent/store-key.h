/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store-key: the keys that a device has tried in one generation: SHA-256 of the SubjectPublicKeyInfo. */
#pragma once

#include <stdbool.h>

struct gw_blob;
struct store;

int store_key_add(struct store *store, const char *generation, struct gw_blob key);
bool store_key_is_known(struct store *store, const char *generation, struct gw_blob key);
unsigned store_key_count(struct store *store, const char *generation);

/* The generation is over: nobody can ask under it any more. */
int store_key_forget(struct store *store, const char *generation);

/* All that a device has tried, under its claims and in its renewals; while its certificates are on record. */
int store_keys_wipe(struct store *store, const char *device);
