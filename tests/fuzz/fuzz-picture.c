/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An operator's picture file, whatever somebody sent him: it becomes pixels that are all there, or is
 * refused with a reason; and the texts of the codes in it are read as labels, or not.
 */
#include <string.h>

#include "lib/label.h"
#include "lib/util.h"
#include "tests/fuzz/input.h"
#include "tools/ctl/picture.h"
#include "tools/ctl/scan.h"

#define PIXELS_MAX (256u * 256) /* that are searched for codes, to keep the run short */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t sum(const struct picture *picture)
{
	uint64_t total = 0;

	for (size_t i = 0; i < (size_t)picture->width * picture->height; i++)
		total = total * 31 + picture->grey[i];
	return total;
}

static void read_codes(struct picture *picture)
{
	uint64_t before = sum(picture);
	struct scan scan = { 0 };

	if (scan_picture(picture, &scan) < 0)
		return;
	require(sum(picture) == before && scan.n_texts <= SCAN_TEXTS_MAX);
	for (size_t i = 0; i < scan.n_texts; i++) {
		struct gw_label label = { 0 };
		const char *why = NULL;

		require(gw_label_parse(scan.texts[i], &label, &why) == 0 || why);
		gw_label_wipe(&label);
	}
	scan_done(&scan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct picture picture = { 0 };
	const char *why = NULL;

	if (picture_read(data, size, &picture, &why) < 0) {
		require(!picture.grey);
		return 0;
	}
	require(picture.width > 0 && picture.height > 0);
	require(picture.width <= PICTURE_PIXELS_MAX / picture.height);
	(void)sum(&picture);
	if ((size_t)picture.width * picture.height <= PIXELS_MAX)
		read_codes(&picture);
	picture_done(&picture);
	return 0;
}
