/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JPEG through libjpeg, which leaves a broken file by longjmp: all it jumps over lives in one
 * struct. Its warnings (a photo cut short) are no reason to give up, since the code may stand in
 * what is there.
 */
#include "tools/ctl/picture.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include "lib/util.h"

struct jpeg {
	struct jpeg_decompress_struct info;
	struct jpeg_error_mgr errors;
	jmp_buf broken;
	struct picture picture;
};

static void on_error(j_common_ptr info)
{
	struct jpeg *jpeg = info->client_data;

	longjmp(jpeg->broken, 1);
}

static void on_message(j_common_ptr info, int level)
{
}

static int read_rows(struct jpeg *jpeg, const char **ret_why)
{
	struct jpeg_decompress_struct *info = &jpeg->info;
	int r;

	(void)jpeg_read_header(info, /* require_image= */ TRUE);
	info->out_color_space = JCS_GRAYSCALE;
	r = picture_alloc(info->image_width, info->image_height, &jpeg->picture, ret_why);
	if (r < 0)
		return r;

	(void)jpeg_start_decompress(info);
	while (info->output_scanline < info->output_height) {
		JSAMPROW row =
			jpeg->picture.grey + (size_t)info->output_scanline * jpeg->picture.width;

		(void)jpeg_read_scanlines(info, &row, 1);
	}
	return 0;
}

/* A function of its own: what lives in the caller's frame is intact behind a longjmp. */
static int decode(struct jpeg *jpeg, const uint8_t *data, size_t len, const char **ret_why)
{
	if (setjmp(jpeg->broken)) {
		*ret_why = "is a JPEG that is damaged or of a rare kind; save it as PNG";
		return -EBADMSG;
	}

	jpeg_create_decompress(&jpeg->info);
	jpeg_mem_src(&jpeg->info, data, len);
	return read_rows(jpeg, ret_why);
}

int picture_read_jpeg(const uint8_t *data, size_t len, struct picture *ret, const char **ret_why)
{
	struct jpeg jpeg = { 0 };
	int r;

	jpeg.info.err = jpeg_std_error(&jpeg.errors);
	jpeg.errors.error_exit = on_error;
	jpeg.errors.emit_message = on_message;
	jpeg.info.client_data = &jpeg;

	r = decode(&jpeg, data, len, ret_why);
	jpeg_destroy_decompress(&jpeg.info);
	if (r < 0)
		picture_done(&jpeg.picture);
	else
		*ret = jpeg.picture;
	return r;
}
