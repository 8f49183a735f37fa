/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The quiet zone is drawn by walking from -CODE_QUIET on: coordinates wrap, and what lies outside
 * of a code is light. On a terminal both colours are set, since a code in the terminal's own would
 * come out inverted on dark ones.
 */
#include "tools/ctl/draw.h"

#include <png.h>

#include "lib/util.h"
#include "tools/ctl/code.h"

#define SCALE          8 /* pixels a module in a PNG: 6 mm at 300 dpi for the smallest label */
#define BLACK_ON_WHITE "\033[30;107m"
#define NORMAL         "\033[0m"

static size_t full_width(const struct code *code)
{
	return code->width + 2 * (size_t)CODE_QUIET;
}

static uint8_t *draw_pixels(const struct code *code, size_t width)
{
	uint8_t *pixels = malloc(width * width);

	if (!pixels)
		return NULL;

	for (size_t y = 0; y < width; y++)
		for (size_t x = 0; x < width; x++)
			pixels[y * width + x] =
				code_is_dark(code, x / SCALE - CODE_QUIET, y / SCALE - CODE_QUIET)
					? 0
					: 255;
	return pixels;
}

int draw_png(const struct code *code, uint8_t **ret, size_t *ret_len)
{
	size_t width = full_width(code) * SCALE;
	_cleanup_free_ uint8_t *pixels = draw_pixels(code, width);
	png_image image = {
		.version = PNG_IMAGE_VERSION,
		.width = (png_uint_32)width,
		.height = (png_uint_32)width,
		.format = PNG_FORMAT_GRAY,
	};
	png_alloc_size_t len = width * width + 1024;
	_cleanup_free_ uint8_t *file = malloc(len);
	int written;

	if (!pixels || !file)
		return -ENOMEM;

	written = png_image_write_to_memory(&image, file, &len, /* convert_to_8_bit= */ 0, pixels,
					    /* row_stride= */ 0, /* colormap= */ NULL);
	png_image_free(&image);
	if (!written)
		return -EIO;

	*ret = TAKE_PTR(file);
	*ret_len = len;
	return 0;
}

/* One run of dark modules as a rectangle of a path; returns where the run ends. */
static size_t draw_run(const struct code *code, size_t x, size_t y, FILE *out)
{
	size_t end = x;

	while (code_is_dark(code, end, y))
		end++;
	if (end > x)
		(void)fprintf(out, "M%zu %zuh%zuv1H%zuz", x + CODE_QUIET, y + CODE_QUIET, end - x,
			      x + CODE_QUIET);
	return GW_MAX(end, x + 1);
}

int draw_svg(const struct code *code, uint8_t **ret, size_t *ret_len)
{
	size_t width = full_width(code), len = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &len);
	bool failed;

	if (!out)
		return -ENOMEM;

	(void)fprintf(out,
		      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %zu %zu\" "
		      "shape-rendering=\"crispEdges\">\n"
		      "<path fill=\"#fff\" d=\"M0 0h%zuv%zuH0z\"/>\n<path d=\"",
		      width, width, width, width);
	for (size_t y = 0; y < code->width; y++)
		for (size_t x = 0; x < code->width;)
			x = draw_run(code, x, y, out);
	(void)fputs("\"/>\n</svg>\n", out);

	failed = ferror(out) != 0;
	if (fclose(out) != 0 || failed) {
		free(text);
		return -ENOMEM;
	}
	*ret = (uint8_t *)text;
	*ret_len = len;
	return 0;
}

void draw_blocks(const struct code *code, FILE *out)
{
	static const char *const blocks[2][2] = { { " ", "▄" }, { "▀", "█" } };
	size_t width = full_width(code);

	for (size_t y = 0; y < width; y += 2) {
		(void)fputs(BLACK_ON_WHITE, out);
		for (size_t x = 0; x < width; x++) {
			size_t mx = x - CODE_QUIET, my = y - CODE_QUIET;

			(void)fputs(
				blocks[code_is_dark(code, mx, my)][code_is_dark(code, mx, my + 1)],
				out);
		}
		(void)fputs(NORMAL "\n", out);
	}
}

void draw_plain(const struct code *code, FILE *out)
{
	size_t width = full_width(code);

	for (size_t y = 0; y < width; y++) {
		for (size_t x = 0; x < width; x++)
			(void)fputs(code_is_dark(code, x - CODE_QUIET, y - CODE_QUIET) ? "##"
										       : "  ",
				    out);
		(void)fputc('\n', out);
	}
}
