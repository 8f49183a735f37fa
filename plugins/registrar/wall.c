/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wolfSSL asks for the time without saying on whose behalf, so there is one for the whole process. */
#include "plugins/registrar/wall.h"

#include <stddef.h>
#include <time.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn_public.h>

#include "lib/util.h"

#define SECOND_US 1000000u

static uint64_t told_s, told_at_us;

uint64_t wall_now_s(void)
{
	return told_s ? told_s + (gw_now_boottime_us() - told_at_us) / SECOND_US : 0;
}

static time_t on_time(time_t *ret)
{
	time_t now = (time_t)wall_now_s();

	if (ret)
		*ret = now;
	return now;
}

void wall_set(uint64_t now_s)
{
	told_s = now_s;
	told_at_us = gw_now_boottime_us();
	(void)wc_SetTimeCb(on_time);
}

void wall_forget(void)
{
	told_s = 0;
	(void)wc_SetTimeCb(NULL);
}
