/* SPDX-License-Identifier: GPL-2.0-or-later */
/* id: names for what is made here: random, so that nobody has to ask whether one is taken. */
#pragma once

#define ID_MAX 64

/* "PREFIX-0123456789abcdef" */
void id_make(const char *prefix, char ret[ID_MAX + 1]);
