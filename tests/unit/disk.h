/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * disk: a power cut at any byte of any write. The test links with --wrap=pwrite,--wrap=fsync; each write is a
 * series of moments: none of its bytes has reached the disk, the first one has, .., all have; and the same from
 * the other end, since a disk writes in the order that it likes.
 */
#pragma once

#include <stdbool.h>

enum disk_end {
	DISK_DIES,  /* the process ends with DISK_DEAD */
	DISK_FAILS, /* the call does, with EIO, once */
};

#define DISK_DEAD 77

/* At the n-th moment from now on; 0: never. */
void disk_ends_at(unsigned moment, enum disk_end how, bool from_behind);

/* How many there were since. */
unsigned disk_moments(void);

/* Whether all that was written was synced after it. */
bool disk_is_synced(void);
