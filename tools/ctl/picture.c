/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The format is told by a file's first bytes, not by its name: telephones and browsers rename
 * freely.
 */
#include "tools/ctl/picture.h"

#include "lib/util.h"

static const uint8_t png_magic[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
static const uint8_t jpeg_magic[] = { 0xff, 0xd8, 0xff };

int picture_read(const uint8_t *data, size_t len, struct picture *ret, const char **ret_why)
{
	if (len > sizeof(png_magic) && memcmp(data, png_magic, sizeof(png_magic)) == 0)
		return picture_read_png(data, len, ret, ret_why);
	if (len > sizeof(jpeg_magic) && memcmp(data, jpeg_magic, sizeof(jpeg_magic)) == 0)
		return picture_read_jpeg(data, len, ret, ret_why);

	*ret_why = "is neither PNG nor JPEG; save it as one of them";
	return -EBADMSG;
}

int picture_alloc(unsigned width, unsigned height, struct picture *ret, const char **ret_why)
{
	struct picture picture = { width, height, NULL };

	if (width == 0 || height == 0 || width > PICTURE_PIXELS_MAX / height) {
		*ret_why = "is empty or has more than 64 million pixels; cut out the code";
		return -EBADMSG;
	}

	picture.grey = malloc((size_t)width * height);
	if (!picture.grey)
		return -ENOMEM;

	*ret = picture;
	return 0;
}

void picture_done(struct picture *picture)
{
	free(picture->grey);
	picture->grey = NULL;
}
