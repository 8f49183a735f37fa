/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dialect-examples: one whole body of each kind, with all of its members, and what the reader makes of a text. */
#pragma once

#include <stddef.h>

#include "plugins/mqtt/dialect.h"

/* In them: bytes 0 to 31 in hex, and 0 to 13 in base64. */
#define DIALECT_KEY    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define DIALECT_SECRET "AAECAwQFBgcICQoLDA0="

struct dialect_example {
	enum dialect_topic topic;
	const char *text;
	const char *optional[5]; /* members that may be left out */
};

extern const struct dialect_example dialect_examples[];
extern const size_t n_dialect_examples;

/* Which of them name several devices, or several certificates. */
#define DIALECT_LIST_OF_DEVICES (n_dialect_examples - 3)
#define DIALECT_LIST_OF_SERIALS (n_dialect_examples - 2)

int dialect_example_read(enum dialect_topic topic, const char *text, struct dialect_body *ret,
			 struct dialect_error *ret_error);

/* The body of a text; asserts that it is good, and fit for the link. */
struct dialect_body dialect_example_good(enum dialect_topic topic, const char *text);

/* It is good; it is not, and this member (NULL: any) is to blame. */
void dialect_assert_good(enum dialect_topic topic, const char *text);
void dialect_assert_bad(enum dialect_topic topic, const char *text, const char *member);
