/* SPDX-License-Identifier: GPL-2.0-or-later */
/* code: a text as the dark and light modules of a QR code, without the quiet zone around it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CODE_QUIET 4 /* light modules that belong around it on every side */

struct code {
	size_t width;
	uint8_t *dark; /* width * width, one byte a module */
};

/*
 * Level M, alphanumeric mode. -EINVAL if the text holds other characters, -ERANGE if it is too
 * long.
 */
int code_make(const char *text, struct code *ret);
void code_done(struct code *code);

/* Whether the module is dark; those outside are light. */
bool code_is_dark(const struct code *code, size_t x, size_t y);
