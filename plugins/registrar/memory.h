/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory: whether wolfSSL found none, of which it does not always tell. */
#pragma once

/* Has it noted from here on. The first thing in main(). */
void memory_watch(void);

/* How often it found none so far: what it said of something is worth nothing if that was more often afterwards. */
unsigned long memory_lacked(void);
