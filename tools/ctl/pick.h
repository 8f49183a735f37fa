/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pick: which of the codes that stand in one picture is the device's label. Pure. */
#pragma once

#include <stddef.h>

#define PICK_WHY_MAX 512

/*
 * The one text that begins with GW1:; the same text twice is one. -ENOENT if there is none,
 * -ENOTUNIQ if there are several, with a sentence in why that names their ids.
 */
int pick_label(char *const texts[], size_t n_texts, const char **ret_text,
	       char why[static PICK_WHY_MAX]);
