/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit-lines: the record as lines of JSON, in parts. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* No line is longer. */
#define AUDIT_LINE_MAX 2048

struct store;

/* Prints the records from number `from` on to an empty file, each whole, in `max` bytes together; max is
 * at least AUDIT_LINE_MAX. Nothing is printed if there are none. */
int audit_lines_print(struct store *store, uint64_t from, size_t max, FILE *file);
