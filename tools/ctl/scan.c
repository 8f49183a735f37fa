/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libzbar, told to look for QR codes only; codes above SCAN_TEXTS_MAX are left out. White on black
 * is tried by a second look at the inverted picture: libzbar's own way to do that (TEST_INVERTED,
 * in 0.23) writes behind its buffer.
 */
#include "tools/ctl/scan.h"

#include <zbar.h>

#include "lib/util.h"
#include "tools/ctl/picture.h"

#define Y800 0x30303859 /* "Y800": eight bits of grey a pixel */

static void destroy_scanner(zbar_image_scanner_t **scanner)
{
	if (*scanner)
		zbar_image_scanner_destroy(*scanner);
}

static void destroy_image(zbar_image_t **image)
{
	if (*image)
		zbar_image_destroy(*image);
}

static int copy_texts(const zbar_image_t *image, struct scan *scan)
{
	const zbar_symbol_t *symbol = zbar_image_first_symbol(image);

	for (; symbol && scan->n_texts < SCAN_TEXTS_MAX; symbol = zbar_symbol_next(symbol)) {
		char *text = strdup(zbar_symbol_get_data(symbol));

		if (!text)
			return -ENOMEM;
		scan->texts[scan->n_texts++] = text;
	}
	return 0;
}

static int scan_once(const struct picture *picture, struct scan *scan)
{
	_cleanup_(destroy_scanner) zbar_image_scanner_t *scanner = zbar_image_scanner_create();
	_cleanup_(destroy_image) zbar_image_t *image = zbar_image_create();

	if (!scanner || !image)
		return -ENOMEM;

	(void)zbar_image_scanner_set_config(scanner, ZBAR_NONE, ZBAR_CFG_ENABLE, 0);
	(void)zbar_image_scanner_set_config(scanner, ZBAR_QRCODE, ZBAR_CFG_ENABLE, 1);
	zbar_image_set_format(image, Y800);
	zbar_image_set_size(image, picture->width, picture->height);
	zbar_image_set_data(image, picture->grey, (unsigned long)picture->width * picture->height,
			    /* cleanup_hndlr= */ NULL);
	if (zbar_scan_image(scanner, image) < 0)
		return -EIO;
	return copy_texts(image, scan);
}

static void invert(struct picture *picture)
{
	for (size_t i = 0; i < (size_t)picture->width * picture->height; i++)
		picture->grey[i] = (uint8_t)~picture->grey[i];
}

int scan_picture(struct picture *picture, struct scan *ret)
{
	struct scan scan = { 0 };
	int r;

	r = scan_once(picture, &scan);
	if (r >= 0 && scan.n_texts == 0) {
		invert(picture);
		r = scan_once(picture, &scan);
		invert(picture);
	}
	if (r < 0)
		scan_done(&scan);
	else
		*ret = scan;
	return r;
}

void scan_done(struct scan *scan)
{
	for (size_t i = 0; i < scan->n_texts; i++) {
		explicit_bzero(scan->texts[i], strlen(scan->texts[i]));
		free(scan->texts[i]);
	}
	scan->n_texts = 0;
}
