/* SPDX-License-Identifier: GPL-2.0-or-later */
/* draw: a QR code with its quiet zone, as a file to print or as text. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct code;

/* Whole files in memory; free with free(). -ENOMEM, -EIO. */
int draw_png(const struct code *code, uint8_t **ret, size_t *ret_len);
int draw_svg(const struct code *code, uint8_t **ret, size_t *ret_len);

/* Two modules a character, black on white: for a terminal that knows UTF-8 and colours. */
void draw_blocks(const struct code *code, FILE *out);

/* Two characters a module, `##` where it is dark: for any other place. */
void draw_plain(const struct code *code, FILE *out);
