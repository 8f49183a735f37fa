/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registries of address blocks are data of the udev package, which a small system may lack: then
 * nobody has a name, and that is all. Names are for people to read and come from outside the tree, so
 * they are cut and made printable.
 */
#include "plugins/ip/vendor.h"

#include <stdio.h>
#include <systemd/sd-hwdb.h>

#include "lib/util.h"

#define MAC_LEN 6

struct vendor_book {
	sd_hwdb *hwdb; /* NULL: no data */
};

struct vendor_book *vendor_book_new(const char *path)
{
	struct vendor_book *book = calloc(1, sizeof(*book));

	if (!book)
		return NULL;
	if ((path ? sd_hwdb_new_from_path(path, &book->hwdb) : sd_hwdb_new(&book->hwdb)) < 0)
		book->hwdb = NULL;
	return book;
}

struct vendor_book *vendor_book_free(struct vendor_book *book)
{
	if (!book)
		return NULL;

	sd_hwdb_unref(book->hwdb);
	free(book);
	return NULL;
}

void vendor_find(struct vendor_book *book, const uint8_t *mac, size_t mac_len, char *name,
		 size_t size)
{
	const char *found;
	char modalias[32];

	name[0] = 0;
	if (!book || !book->hwdb || mac_len != MAC_LEN)
		return;

	(void)snprintf(modalias, sizeof(modalias), "OUI:%02X%02X%02X%02X%02X%02X", mac[0], mac[1],
		       mac[2], mac[3], mac[4], mac[5]);
	if (sd_hwdb_get(book->hwdb, modalias, "ID_OUI_FROM_DATABASE", &found) < 0)
		return;

	(void)gw_copy(name, size, found);
	for (char *c = name; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
}
