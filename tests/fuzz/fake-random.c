/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chance that is the same at every run, so that what fails once fails again: the linker puts these in
 * place of the kernel's random bytes and of wolfCrypt's generator (local.mk). Nothing that is made with
 * them is worth keeping secret.
 */
#include "tests/fuzz/fake-random.h"

#include <string.h>
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/random.h>

static uint64_t state;

int __wrap_gw_random(uint8_t *buf, size_t len);
int __wrap_wc_InitRng(WC_RNG *rng);
int __wrap_wc_InitRng_ex(WC_RNG *rng, void *heap, int device);
int __wrap_wc_RNG_GenerateBlock(WC_RNG *rng, byte *buf, word32 len);

void fake_random_begin(uint64_t seed)
{
	state = seed | 1;
}

/* xorshift64* */
static uint8_t next_byte(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint8_t)(state * 0x2545f4914f6cdd1dull >> 56);
}

int __wrap_gw_random(uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = next_byte();
	return 0;
}

int __wrap_wc_InitRng(WC_RNG *rng)
{
	memset(rng, 0, sizeof(*rng));
	return 0;
}

int __wrap_wc_InitRng_ex(WC_RNG *rng, void *heap, int device)
{
	return __wrap_wc_InitRng(rng);
}

int __wrap_wc_RNG_GenerateBlock(WC_RNG *rng, byte *buf, word32 len)
{
	return __wrap_gw_random(buf, len);
}
