/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scan: the texts of the QR codes in a picture. */
#pragma once

#include <stddef.h>

#define SCAN_TEXTS_MAX 32

struct picture;

struct scan {
	char *texts[SCAN_TEXTS_MAX];
	size_t n_texts;
};

/* The picture is changed meanwhile, and is as before when this returns. */
int scan_picture(struct picture *picture, struct scan *ret);

/* Overwrites the texts: some hold secrets. */
void scan_done(struct scan *scan);
