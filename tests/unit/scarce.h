/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scarce: memory that there is none of. Needs $(SCARCE_WRAPS). */
#pragma once

#include <stdbool.h>

/* From here on so many allocations go well, then one fails, or (`all`) each that follows. */
void scarce_begin(unsigned n_good, bool all);

/* No more of that; returns whether one failed. */
bool scarce_end(void);
