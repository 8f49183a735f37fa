/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a label to its picture and back: what draw makes, picture and scan read, whatever is in the
 * label; and pictures that are cut off, damaged, foreign or absurdly large.
 */
#include "tools/ctl/picture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jpeglib.h>

#include "lib/util.h"
#include "tools/ctl/code.h"
#include "tools/ctl/draw.h"
#include "tools/ctl/scan.h"

#define EXAMPLE "GW1:IACME-0001+S60RK4CSM6MV3EE1SC5H66S35CR+C965B"
#define MARGIN  20

struct file {
	uint8_t *data;
	size_t len;
};

static struct code make(const char *text)
{
	struct code code;

	assert_int_equal(code_make(text, &code), 0);
	return code;
}

static struct file png_of(const char *text)
{
	struct code code = make(text);
	struct file file;

	assert_int_equal(draw_png(&code, &file.data, &file.len), 0);
	code_done(&code);
	return file;
}

static void assert_shows(struct picture *picture, const char *text)
{
	struct scan scan = { 0 };

	assert_int_equal(scan_picture(picture, &scan), 0);
	assert_int_equal(scan.n_texts, 1);
	assert_string_equal(scan.texts[0], text);
	scan_done(&scan);
	assert_int_equal(scan.n_texts, 0);
}

static void assert_file_shows(struct file file, const char *text)
{
	struct picture picture = { 0 };
	const char *why = NULL;

	if (picture_read(file.data, file.len, &picture, &why) != 0)
		fail_msg("the picture %s", why);
	assert_shows(&picture, text);
	picture_done(&picture);
}

static struct file jpeg_of(const struct picture *picture, J_COLOR_SPACE space, int components)
{
	struct jpeg_compress_struct info;
	struct jpeg_error_mgr errors;
	unsigned long len = 0;
	struct file file = { 0 };
	uint8_t *row = calloc(picture->width, (size_t)components);

	assert_non_null(row);
	info.err = jpeg_std_error(&errors);
	jpeg_create_compress(&info);
	jpeg_mem_dest(&info, &file.data, &len);
	info.image_width = picture->width;
	info.image_height = picture->height;
	info.input_components = components;
	info.in_color_space = space;
	jpeg_set_defaults(&info);
	jpeg_set_quality(&info, 80, TRUE);
	jpeg_start_compress(&info, TRUE);
	while (info.next_scanline < info.image_height) {
		const uint8_t *grey = picture->grey + (size_t)info.next_scanline * picture->width;

		for (size_t i = 0; i < picture->width * (size_t)components; i++)
			row[i] = grey[i / (size_t)components];
		(void)jpeg_write_scanlines(&info, &row, 1);
	}
	jpeg_finish_compress(&info);
	jpeg_destroy_compress(&info);
	free(row);
	file.len = len;
	return file;
}

static void test_png_round_trip(void **state)
{
	static const char *const labels[] = {
		EXAMPLE,
		"GW1:IA+S00000000000000000000000000+CFFFF",
		"GW1:ILONG.ID:0-9+S60RK4CSM6MV3EE1SC5H66S35CR60RK4CSM6MV3EE1SC5H6+MPT 100/5 $%*-./:"
		"+VXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX+E20281231+"
		"C0000",
	};

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		struct file file = png_of(labels[i]);

		assert_file_shows(file, labels[i]);
		free(file.data);
	}
}

static void test_jpeg_round_trip(void **state)
{
	struct file png = png_of(EXAMPLE), jpeg;
	struct picture picture = { 0 };
	const char *why;

	assert_int_equal(picture_read(png.data, png.len, &picture, &why), 0);
	jpeg = jpeg_of(&picture, JCS_GRAYSCALE, 1);
	assert_file_shows(jpeg, EXAMPLE);
	free(jpeg.data);
	jpeg = jpeg_of(&picture, JCS_RGB, 3);
	assert_file_shows(jpeg, EXAMPLE);
	free(jpeg.data);
	jpeg = jpeg_of(&picture, JCS_CMYK, 4);
	assert_int_equal(picture_read(jpeg.data, jpeg.len, &picture, &why), -EBADMSG);
	assert_non_null(strstr(why, "rare kind"));
	free(jpeg.data);
	picture_done(&picture);
	free(png.data);
}

static void test_white_on_black(void **state)
{
	struct file png = png_of(EXAMPLE);
	struct picture picture = { 0 };
	const char *why;

	assert_int_equal(picture_read(png.data, png.len, &picture, &why), 0);
	for (size_t i = 0; i < (size_t)picture.width * picture.height; i++)
		picture.grey[i] = (uint8_t)~picture.grey[i];
	assert_shows(&picture, EXAMPLE);
	picture_done(&picture);
	free(png.data);
}

/* Puts pictures side by side on white. */
static struct picture side_by_side(const struct picture *a, const struct picture *b)
{
	struct picture both = { 0 };
	const char *why;

	assert_int_equal(
		picture_alloc(a->width + b->width + MARGIN, a->height + b->height, &both, &why), 0);
	memset(both.grey, 255, (size_t)both.width * both.height);
	for (size_t y = 0; y < a->height; y++)
		memcpy(both.grey + y * both.width, a->grey + y * a->width, a->width);
	for (size_t y = 0; y < b->height; y++)
		memcpy(both.grey + y * both.width + a->width + MARGIN, b->grey + y * b->width,
		       b->width);
	return both;
}

static void test_two_codes(void **state)
{
	struct file files[] = { png_of(EXAMPLE), png_of("SOMETHING ELSE") };
	struct picture pictures[2] = { 0 }, both;
	struct scan scan = { 0 };
	const char *why;

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(picture_read(files[i].data, files[i].len, &pictures[i], &why), 0);
		free(files[i].data);
	}
	both = side_by_side(&pictures[0], &pictures[1]);
	assert_int_equal(scan_picture(&both, &scan), 0);
	assert_int_equal(scan.n_texts, 2);
	scan_done(&scan);
	picture_done(&both);
	picture_done(&pictures[0]);
	picture_done(&pictures[1]);
}

static void test_no_code(void **state)
{
	struct picture white = { 0 };
	struct scan scan = { 0 };
	const char *why;

	assert_int_equal(picture_alloc(1, 1, &white, &why), 0);
	white.grey[0] = 255;
	assert_int_equal(scan_picture(&white, &scan), 0);
	assert_int_equal(scan.n_texts, 0);
	picture_done(&white);
}

/* A copy on the heap of just that size, so that a sanitizer sees the first byte too many. */
static int read_copy(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct picture picture = { 0 };
	const char *why = NULL;
	int r;

	assert_non_null(copy);
	memcpy(copy, data, len);
	r = picture_read(copy, len, &picture, &why);
	if (r < 0) {
		assert_int_equal(r, -EBADMSG);
		assert_non_null(why);
		assert_null(picture.grey);
	}
	picture_done(&picture);
	free(copy);
	return r;
}

static void test_every_truncation(void **state)
{
	struct file png = png_of(EXAMPLE), jpeg;
	struct picture picture = { 0 };
	const char *why;

	assert_int_equal(picture_read(png.data, png.len, &picture, &why), 0);
	jpeg = jpeg_of(&picture, JCS_GRAYSCALE, 1);
	picture_done(&picture);

	/* A PNG can lose its last chunk and still have all of its pixels. */
	for (size_t len = 0; len + 20 < png.len; len++)
		assert_int_equal(read_copy(png.data, len), -EBADMSG);
	for (size_t len = 0; len < jpeg.len; len += 7)
		(void)read_copy(jpeg.data, len);
	free(png.data);
	free(jpeg.data);
}

static void test_damage(void **state)
{
	struct file png = png_of(EXAMPLE), jpeg;
	struct picture picture = { 0 };
	const char *why;

	assert_int_equal(picture_read(png.data, png.len, &picture, &why), 0);
	jpeg = jpeg_of(&picture, JCS_GRAYSCALE, 1);
	picture_done(&picture);

	for (size_t i = 0; i < png.len; i++) {
		png.data[i] ^= 0x20;
		(void)read_copy(png.data, png.len);
		png.data[i] ^= 0x20;
	}
	for (size_t i = 0; i < GW_MIN(jpeg.len, 700); i++) {
		jpeg.data[i] ^= 0x20;
		(void)read_copy(jpeg.data, jpeg.len);
		jpeg.data[i] ^= 0x20;
	}
	free(png.data);
	free(jpeg.data);
}

static void test_foreign_files(void **state)
{
	static const char *const files[] = { "",
					     "x",
					     "GIF89a............",
					     "BM..............",
					     "%PDF-1.7.........",
					     "RIFF....WEBPVP8 ",
					     "\xff\xd8\xff",
					     "\x89PNG\r\n\x1a\n" };
	struct picture picture = { 0 };
	const char *why;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const uint8_t *data = (const uint8_t *)files[i];

		assert_int_equal(picture_read(data, strlen(files[i]), &picture, &why), -EBADMSG);
		assert_non_null(strstr(why, "neither PNG nor JPEG"));
	}
}

static void test_size(void **state)
{
	struct picture picture = { 0 };
	const char *why = NULL;

	assert_int_equal(picture_alloc(0, 1, &picture, &why), -EBADMSG);
	assert_int_equal(picture_alloc(1, 0, &picture, &why), -EBADMSG);
	assert_int_equal(picture_alloc(0xffffffff, 0xffffffff, &picture, &why), -EBADMSG);
	assert_int_equal(picture_alloc(PICTURE_PIXELS_MAX, 2, &picture, &why), -EBADMSG);
	assert_int_equal(picture_alloc(8192, 8193, &picture, &why), -EBADMSG);
	assert_non_null(strstr(why, "64 million"));
	assert_int_equal(picture_alloc(8192, 8192, &picture, &why), 0);
	picture_done(&picture);
}

static void test_code(void **state)
{
	struct code code;
	char longest[600];

	/* 48 characters fit the version of 29 modules because they are alphanumeric: 42 bytes would. */
	code = make(EXAMPLE);
	assert_int_equal(code.width, 29);
	assert_true(code_is_dark(&code, 0, 0));
	assert_false(code_is_dark(&code, 7, 0));
	assert_false(code_is_dark(&code, code.width, 0));
	assert_false(code_is_dark(&code, 0, code.width));
	assert_false(code_is_dark(&code, (size_t)-1, 0));
	code_done(&code);

	memset(longest, 'A', 512);
	longest[512] = 0;
	code = make(longest);
	code_done(&code);

	assert_int_equal(code_make("lower case", &code), -EINVAL);
	assert_int_equal(code_make("A=B", &code), -EINVAL);
}

static char *drawn_by(void (*draw)(const struct code *code, FILE *out), const struct code *code)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	draw(code, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* Turns the plain drawing back into modules and compares each. */
static void test_plain_drawing(void **state)
{
	struct code code = make(EXAMPLE);
	char *text = drawn_by(draw_plain, &code);
	size_t width = code.width + 2 * (size_t)CODE_QUIET;

	assert_int_equal(strlen(text), width * (2 * width + 1));
	for (size_t y = 0; y < width; y++)
		for (size_t x = 0; x < width; x++) {
			const char *at = text + y * (2 * width + 1) + 2 * x;
			bool dark = code_is_dark(&code, x - CODE_QUIET, y - CODE_QUIET);

			assert_memory_equal(at, dark ? "##" : "  ", 2);
		}
	free(text);
	code_done(&code);
}

static void test_block_drawing(void **state)
{
	uint8_t modules[] = { 1, 0, 1, 1 };
	struct code code = { 2, modules };
	char *text = drawn_by(draw_blocks, &code);

	assert_string_equal(text, "\033[30;107m          \033[0m\n"
				  "\033[30;107m          \033[0m\n"
				  "\033[30;107m    █▄    \033[0m\n"
				  "\033[30;107m          \033[0m\n"
				  "\033[30;107m          \033[0m\n");
	free(text);
}

static void test_svg(void **state)
{
	uint8_t modules[] = { 1, 1, 0, 0, 0, 0, 1, 0, 1 };
	struct code code = { 3, modules };
	uint8_t *data;
	size_t len;

	assert_int_equal(draw_svg(&code, &data, &len), 0);
	assert_int_equal(strlen((char *)data), len);
	assert_non_null(strstr((char *)data, "viewBox=\"0 0 11 11\""));
	assert_non_null(strstr((char *)data, "d=\"M4 4h2v1H4zM4 6h1v1H4zM6 6h1v1H6z\""));
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_png_round_trip),
		cmocka_unit_test(test_jpeg_round_trip),
		cmocka_unit_test(test_white_on_black),
		cmocka_unit_test(test_two_codes),
		cmocka_unit_test(test_no_code),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_foreign_files),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_code),
		cmocka_unit_test(test_plain_drawing),
		cmocka_unit_test(test_block_drawing),
		cmocka_unit_test(test_svg),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
