/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vendor: who made a network card, by udev's hardware database. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct vendor_book;

/* Opens the database; path NULL: the system's. Never fails: without data every answer is empty. */
struct vendor_book *vendor_book_new(const char *path);
struct vendor_book *vendor_book_free(struct vendor_book *book);

/* Writes the maker's name in printable ASCII, cut to size; empty if it is not known. */
void vendor_find(struct vendor_book *book, const uint8_t *mac, size_t mac_len, char *name,
		 size_t size);
