/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source: where a label comes from: the command line, standard input, or a picture. */
#pragma once

struct args;
struct gw_label;

/*
 * The word is a label or `-`; --image names a picture. ret_text: as it was given, without white
 * space around it; free with source_free_text(). Reports what is wrong, behind "<what> refused: "
 * where it is the label: an enum ctl_status.
 */
int source_read(const struct args *args, const char *what, char **ret_text, struct gw_label *ret);

/* Overwrites the text, which holds a secret. For _cleanup_. */
void source_free_text(char **text);
