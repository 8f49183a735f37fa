/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settings-key: every key of gangway.conf, declared once, in the table of settings-key.c. The checks, the
 * shipped file, gangway.conf(5) and `gangwayctl config show` are all made from it. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct settings;

enum settings_type {
	SETTINGS_TYPE_BOOL,
	SETTINGS_TYPE_NUMBER,
	SETTINGS_TYPE_GATEWAY,
	SETTINGS_TYPE_BROKER,
	SETTINGS_TYPE_TEXT,
	SETTINGS_TYPE_INTERFACES,
	SETTINGS_TYPE_CLOCK,
	SETTINGS_TYPE_STORE_KEY,
	SETTINGS_TYPE_STALE_CRL,
	SETTINGS_TYPE_EXPIRED,
	_SETTINGS_TYPE_MAX,
};

/* Who uses a key, and so what a change of it takes. */
enum settings_use {
	SETTINGS_USE_AGENT = 1 << 0,   /* takes a change at once */
	SETTINGS_USE_PLUGIN = 1 << 1,  /* is welcomed anew */
	SETTINGS_USE_RESTART = 1 << 2, /* keeps what it began with until it is started again */
};

struct settings_key {
	const char *section, *name;
	enum settings_type type;
	uint64_t min, max;
	const char *value; /* default; NULL: must be set */
	const char *unit;  /* of a number, in the plural; may be NULL */
	size_t offset;     /* in struct settings; SIZE_MAX: only a plugin wants it */
	unsigned use;      /* enum settings_use */
	const char *text;  /* what it is, for people */
};

#define SETTINGS_WHY_MAX 192

/* The keys in the order of the file, NULL behind the last. */
const struct settings_key *settings_key_at(size_t i);

const struct settings_key *settings_key_find(const char *section, const char *name);
bool settings_key_knows_section(const char *section);

/* Checks a value and puts it in its place, if it has one. Returns whether it is good; if not, `why` says what
 * it must be. */
bool settings_key_set(const struct settings_key *key, const char *value, struct settings *settings,
		      char why[static SETTINGS_WHY_MAX]);

/* What a value may be: "a number from 1 to 3600". */
void settings_key_describe(const struct settings_key *key, char *text, size_t size);

/* The known section, or key of a section, that is written most like this; NULL: none is near. */
const char *settings_key_near_section(const char *section);
const char *settings_key_near_name(const char *section, const char *name);

/* Another section that has a key of this name, or NULL. */
const char *settings_key_other_section(const char *section, const char *name);
