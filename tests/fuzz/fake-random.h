/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake-random: random bytes that are the same at every run. */
#pragma once

#include <stdint.h>

void fake_random_begin(uint64_t seed);
