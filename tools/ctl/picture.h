/* SPDX-License-Identifier: GPL-2.0-or-later */
/* picture: a photo or drawing as grey pixels, out of the bytes of a PNG or JPEG file. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PICTURE_FILE_MAX   (32u << 20) /* bytes */
#define PICTURE_PIXELS_MAX (64u << 20) /* more than a telephone's camera has */

struct picture {
	unsigned width, height;
	uint8_t *grey; /* width * height, 0 is black */
};

/* -EBADMSG, with what is wrong in ret_why, behind "the picture ". */
int picture_read(const uint8_t *data, size_t len, struct picture *ret, const char **ret_why);
void picture_done(struct picture *picture);

/* One for each format; picture_read() chooses. */
int picture_read_png(const uint8_t *data, size_t len, struct picture *ret, const char **ret_why);
int picture_read_jpeg(const uint8_t *data, size_t len, struct picture *ret, const char **ret_why);

/* Room for the pixels; refuses what is empty or too large. */
int picture_alloc(unsigned width, unsigned height, struct picture *ret, const char **ret_why);
