/* SPDX-License-Identifier: GPL-2.0-or-later */
/* confine: what this program gives up by itself, since its unit cannot take it away. */
#pragma once

/* For good, for all threads to come and all that is executed. -EINVAL: the kernel has no such filters. */
int confine_ioctl(void);
