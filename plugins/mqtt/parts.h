/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parts: puts together what the cloud sends in several bodies, in whatever order and however often they come. Pure. */
#pragma once

#include <stddef.h>

#include "lib/wire.h"

struct dialect_part;
struct parts;

int parts_new(struct parts **ret);
struct parts *parts_free(struct parts *parts);

/*
 * Takes a part of the command of that id. Returns 1 if nothing is missing any more: *ret is the whole then, as a new
 * memory of its own, and the parts are forgotten; 0 if there are more to come. A part of another command, or of another
 * list, begins anew. -EBADMSG: it does not fit those before it, -EFBIG: the whole is too large; all are forgotten then.
 */
int parts_take(struct parts *parts, const char *id, const struct dialect_part *part, uint8_t **ret,
	       size_t *ret_len);
