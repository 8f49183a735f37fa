/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A day stands for its end, as on a label: "good until the 31st" includes the 31st. A bare number
 * of eight digits is a day, since it would be 1970 as seconds.
 */
#include "tools/ctl/when.h"

#include <stdio.h>
#include <time.h>

#include "lib/util.h"

#define MINUTE_S 60
#define HOUR_S   3600
#define DAY_S    86400
#define WEEK_S   604800
#define LAST     253402300799 /* 9999-12-31T23:59:59Z */

void when_format(uint64_t seconds, char text[static WHEN_LEN])
{
	time_t t = (time_t)GW_MIN(seconds, (uint64_t)LAST);
	struct tm tm;

	*text = 0;
	if (seconds && gmtime_r(&t, &tm))
		(void)strftime(text, WHEN_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* 0 for digits where `shape` has a 0, and the very character elsewhere. */
static int check_shape(const char *text, const char *shape)
{
	for (; *shape; text++, shape++) {
		bool digit = *text >= '0' && *text <= '9';

		if (*shape == '0' ? !digit : *text != *shape)
			return -EINVAL;
	}
	return *text ? -EINVAL : 0;
}

static int from_calendar(const struct tm *given, uint64_t *ret)
{
	struct tm tm = *given;
	time_t t;

	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	t = timegm(&tm);
	/* timegm() mends what is no date, and a real one it leaves alone. */
	if (t < 0 || tm.tm_mon + 1 != given->tm_mon || tm.tm_hour != given->tm_hour ||
	    tm.tm_min != given->tm_min)
		return -EINVAL;

	*ret = (uint64_t)t;
	return 0;
}

static int parse_relative(const char *text, uint64_t now, uint64_t *ret)
{
	static const struct {
		char letter;
		uint64_t seconds;
	} units[] = { { 'm', MINUTE_S }, { 'h', HOUR_S }, { 'd', DAY_S }, { 'w', WEEK_S } };
	char digits[8];
	size_t len = strlen(text);
	uint64_t n;
	int r;

	if (len < 2 || len > sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, len - 1);
	digits[len - 1] = 0;
	r = gw_parse_u64(digits, 1, UINT64_MAX, &n);
	if (r < 0)
		return r;

	for (size_t i = 0; i < GW_ELEMENTS(units); i++) {
		if (units[i].letter == text[len - 1]) {
			*ret = now + n * units[i].seconds;
			return 0;
		}
	}
	return -EINVAL;
}

int when_parse(const char *text, uint64_t now, uint64_t *ret)
{
	struct tm tm = { 0 };
	bool is_day = check_shape(text, "0000-00-00") == 0 || check_shape(text, "00000000") == 0;
	uint64_t seconds = 0;
	int r;

	if (*text == '+') {
		r = parse_relative(text + 1, now, &seconds);
	} else if (is_day) {
		/* NOLINTNEXTLINE(cert-err34-c): is_day says that there are digits */
		(void)sscanf(text, text[4] == '-' ? "%4d-%2d-%2d" : "%4d%2d%2d", &tm.tm_year,
			     &tm.tm_mon, &tm.tm_mday);
		r = from_calendar(&tm, &seconds);
		seconds += DAY_S;
	} else if (check_shape(text, "0000-00-00T00:00:00Z") == 0) {
		/* NOLINTNEXTLINE(cert-err34-c): there are digits, four and two at a time */
		(void)sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
			     &tm.tm_hour, &tm.tm_min, &tm.tm_sec);
		r = from_calendar(&tm, &seconds);
	} else {
		r = gw_parse_u64(text, 1, LAST + 1, &seconds);
	}
	if (r < 0)
		return r;
	if (seconds == 0 || seconds > LAST + 1)
		return -ERANGE;

	*ret = seconds;
	return 0;
}
