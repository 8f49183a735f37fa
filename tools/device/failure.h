/* SPDX-License-Identifier: GPL-2.0-or-later */
/* failure: why something did not work, as a sentence for a person, beside the errno for the program. */
#pragma once

#include <stddef.h>

#include "lib/blob.h"

#define FAILURE_MAX 384 /* bytes of the sentence */

struct failure {
	char text[FAILURE_MAX];
};

/* Keeps the sentence and returns `error`. */
int failure_set(struct failure *failure, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts words in front of the sentence that is there; returns `error`. */
int failure_prefix(struct failure *failure, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Makes text of bytes that the gateway sent: what is not printable ASCII becomes '?'. */
void failure_quote(struct gw_blob bytes, char *text, size_t size);
