/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Failures are counted by their errno, with the sentence of the first one beside the count: sentences name
 * devices and times, and a thousand of them say no more than one.
 *
 * A load generator that is itself the bottleneck measures itself. Ours is one thread, so the share of time in
 * which its loop had nothing to do says it, whatever it was that kept the loop busy: arithmetic, the disk, or a
 * processor that others had.
 */
#include "tools/device/tally.h"

#include <stdlib.h>
#include <string.h>

#include "lib/util.h"

int tally_init(struct tally *tally, size_t room)
{
	*tally = (struct tally){ .room = room };
	tally->took_us = calloc(room ? room : 1, sizeof(*tally->took_us));
	return tally->took_us ? 0 : -ENOMEM;
}

void tally_done(struct tally *tally)
{
	free(tally->took_us);
	*tally = (struct tally){ 0 };
}

void tally_aboard(struct tally *tally, uint64_t took_us)
{
	if (tally->n_aboard < tally->room)
		tally->took_us[tally->n_aboard++] = took_us;
	tally->n++;
}

static struct tally_reason *find_reason(struct tally *tally, int error)
{
	size_t i = 0;

	while (i < tally->n_reasons && tally->reasons[i].error != error)
		i++;
	return &tally->reasons[GW_MIN(i, (size_t)TALLY_REASONS_MAX - 1)];
}

void tally_failed(struct tally *tally, int error, const char *why)
{
	struct tally_reason *reason = find_reason(tally, error);

	if (reason->n++ == 0) {
		reason->error = error;
		(void)gw_copy(reason->first, sizeof(reason->first), why);
		tally->n_reasons++;
	}
	tally->n++;
}

/* --- figures --- */

static int compare_times(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

uint64_t tally_percentile_us(const struct tally *tally, unsigned percent)
{
	size_t rank = (tally->n_aboard * percent + 99) / 100;

	if (tally->n_aboard == 0)
		return 0;
	return tally->took_us[rank ? rank - 1 : 0];
}

unsigned tally_idle_percent(const struct tally_cost *cost)
{
	if (cost->wall_us == 0)
		return 0;
	return (unsigned)(GW_MIN(cost->idle_us, cost->wall_us) * 100 / cost->wall_us);
}

static double milliseconds(uint64_t us)
{
	return (double)us / 1000;
}

static double seconds(uint64_t us)
{
	return (double)us / 1000000;
}

static double per_second(size_t n, uint64_t us)
{
	return us ? (double)n * 1000000 / (double)us : 0;
}

/* --- for people --- */

static void print_times(const struct tally *t, FILE *to)
{
	(void)fprintf(to, "latency      p50 %.0f ms, p95 %.0f ms, p99 %.0f ms, longest %.0f ms\n",
		      milliseconds(tally_percentile_us(t, 50)),
		      milliseconds(tally_percentile_us(t, 95)),
		      milliseconds(tally_percentile_us(t, 99)),
		      milliseconds(tally_percentile_us(t, 100)));
}

static void print_cost(const struct tally *t, const struct tally_cost *cost, FILE *to)
{
	unsigned idle = tally_idle_percent(cost);

	(void)fprintf(to,
		      "processor    %.2f s user, %.2f s system: %.2f ms for each device aboard\n",
		      seconds(cost->user_us), seconds(cost->system_us),
		      t->n_aboard
			      ? milliseconds(cost->user_us + cost->system_us) / (double)t->n_aboard
			      : 0);
	(void)fprintf(to, "limit        this program was idle %u %% of the time%s\n", idle,
		      idle < TALLY_IDLE_MIN ? ": it was the limit itself" : "");
}

static void print_text(const struct tally *t, const struct tally_cost *cost, FILE *to)
{
	(void)fprintf(to, "aboard       %zu of %zu\n", t->n_aboard, t->n);
	for (size_t i = 0; i < t->n_reasons; i++)
		(void)fprintf(to, "failed       %zu (%s): %s\n", t->reasons[i].n,
			      strerrorname_np(-t->reasons[i].error), t->reasons[i].first);
	(void)fprintf(to, "again        %zu, attempts that were not the first\n", t->n_again);
	(void)fprintf(to, "took         %.2f s, %.1f a second, %zu in flight\n",
		      seconds(cost->wall_us), per_second(t->n_aboard, cost->wall_us),
		      cost->n_in_flight);
	if (t->n_aboard)
		print_times(t, to);
	print_cost(t, cost, to);
}

/* --- for programs --- */

/* A sentence holds nothing but printable ASCII. */
static void print_json_string(const char *text, FILE *to)
{
	(void)fputc('"', to);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			(void)fputc('\\', to);
		(void)fputc(*text, to);
	}
	(void)fputc('"', to);
}

static void print_json(const struct tally *t, const struct tally_cost *cost, FILE *to)
{
	(void)fprintf(to,
		      "{\"devices\": %zu, \"aboard\": %zu, \"again\": %zu, \"in_flight\": %zu, "
		      "\"seconds\": %.6f, \"user_seconds\": %.6f, \"system_seconds\": %.6f, "
		      "\"idle_percent\": %u, \"is_limit\": %s, \"latency_ms\": [",
		      t->n, t->n_aboard, t->n_again, cost->n_in_flight, seconds(cost->wall_us),
		      seconds(cost->user_us), seconds(cost->system_us), tally_idle_percent(cost),
		      tally_idle_percent(cost) < TALLY_IDLE_MIN ? "true" : "false");
	for (size_t i = 0; i < t->n_aboard; i++)
		(void)fprintf(to, "%s%.3f", i ? ", " : "", milliseconds(t->took_us[i]));
	(void)fputs("], \"failed\": [", to);
	for (size_t i = 0; i < t->n_reasons; i++) {
		(void)fprintf(to,
			      "%s{\"error\": \"%s\", \"devices\": %zu, \"first\": ", i ? ", " : "",
			      strerrorname_np(-t->reasons[i].error), t->reasons[i].n);
		print_json_string(t->reasons[i].first, to);
		(void)fputc('}', to);
	}
	(void)fputs("]}\n", to);
}

void tally_print(struct tally *tally, const struct tally_cost *cost, bool json, FILE *to)
{
	qsort(tally->took_us, tally->n_aboard, sizeof(*tally->took_us), compare_times);
	if (json)
		print_json(tally, cost, to);
	else
		print_text(tally, cost, to);
}
