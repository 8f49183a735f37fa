/* SPDX-License-Identifier: GPL-2.0-or-later */
/* settings-text: the table of keys as people read it. */
#pragma once

#include <stdio.h>

/* The file that is shipped: every key with what it is, remarked, with its default. */
void settings_text_conf(FILE *out);

/* The settings' part of gangway.conf(5), in mdoc(7). */
void settings_text_mdoc(FILE *out);
