/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trust: does a chain of certificates lead to an anchor? */
#pragma once

#include "lib/blob.h"

struct failure;

/*
 * Checks signatures, dates and constraints from the first certificate of the chain up to one of the
 * anchors, both DER, one behind the other. -EPERM with the reason, -EIO.
 */
int trust_check(struct gw_blob anchors, struct gw_blob chain, struct failure *failure);
