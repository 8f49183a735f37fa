/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PNG through libpng's simplified interface, which turns every kind of PNG into grey; what is
 * transparent is white.
 */
#include "tools/ctl/picture.h"

#include <png.h>

#include "lib/util.h"

static int read_pixels(png_image *image, struct picture *picture)
{
	static const png_color white = { 255, 255, 255 };

	return png_image_finish_read(image, &white, picture->grey, (png_int_32)picture->width,
				     /* colormap= */ NULL)
		       ? 0
		       : -EBADMSG;
}

int picture_read_png(const uint8_t *data, size_t len, struct picture *ret, const char **ret_why)
{
	png_image image = { .version = PNG_IMAGE_VERSION };
	struct picture picture = { 0 };
	int r = -EBADMSG;

	*ret_why = "is a PNG that is damaged or cut off; save it again";
	if (png_image_begin_read_from_memory(&image, data, len)) {
		image.format = PNG_FORMAT_GRAY;
		r = picture_alloc(image.width, image.height, &picture, ret_why);
		if (r >= 0)
			r = read_pixels(&image, &picture);
	}
	png_image_free(&image);

	if (r < 0)
		picture_done(&picture);
	else
		*ret = picture;
	return r;
}
