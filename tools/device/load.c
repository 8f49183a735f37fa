/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As many lanes as devices may be in flight. A lane is a fiber that takes the next device, runs it from its
 * label to its proved certificate just as if it were alone, notes the outcome, and takes another.
 *
 * The time in which the loop waited for anything to happen is kept: it says whether the gateway was measured
 * here, or this program.
 */
#include "tools/device/load.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include "lib/label.h"
#include "lib/util.h"
#include "tools/device/device.h"
#include "tools/device/failure.h"
#include "tools/device/fiber.h"
#include "tools/device/tally.h"

#define FILES_EACH  8  /* descriptors that a device has open at most */
#define FILES_OTHER 32 /* .. and the program itself */

struct crew {
	const struct load *load;
	struct tally *tally;
	size_t n_begun; /* devices */
};

/* --- one device --- */

static void on_step(const char *name, uint64_t took_us, const char *detail, void *userdata)
{
	struct crew *crew = userdata;

	crew->tally->n_again += gw_streq(name, "pause");
}

static int run_device(struct crew *crew, const struct gw_label *label, struct failure *failure)
{
	const struct load *load = crew->load;
	struct device_options options = *load->each;
	char folder[PATH_MAX];

	if ((size_t)snprintf(folder, sizeof(folder), "%s/%s.device", load->state, label->id) >=
	    sizeof(folder))
		return failure_set(failure, -ENAMETOOLONG, "%s: the path is too long", load->state);

	options.id = label->id;
	options.secret = (struct gw_blob){ label->secret, label->secret_len };
	options.state = folder;
	options.until_us = gw_now_monotonic_us() + load->timeout_us;
	options.on_step = on_step;
	options.userdata = crew;
	return device_run(&options, failure);
}

/* --- lanes --- */

static void run_lane(void *userdata)
{
	struct crew *crew = userdata;

	while (crew->n_begun < crew->load->n_devices) {
		const struct gw_label *label = &crew->load->labels[crew->n_begun++];
		struct failure failure = { "something went wrong" };
		uint64_t start_us = gw_now_monotonic_us();
		int r = run_device(crew, label, &failure);

		if (r < 0)
			tally_failed(crew->tally, r, failure.text);
		else
			tally_aboard(crew->tally, gw_now_monotonic_us() - start_us);
	}
}

static bool all_have_ended(struct fiber *const *lanes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!fiber_has_ended(lanes[i]))
			return false;
	return true;
}

/* As sd_event_run(), with the time in which nothing happened added to *idle_us. */
static int run_once(sd_event *event, uint64_t *idle_us)
{
	int r = sd_event_prepare(event);

	if (r == 0) {
		uint64_t start_us = gw_now_monotonic_us();

		r = sd_event_wait(event, UINT64_MAX);
		*idle_us += gw_now_monotonic_us() - start_us;
	}
	return r > 0 ? sd_event_dispatch(event) : r;
}

static int run_lanes(struct crew *crew, sd_event *event, struct fiber **lanes, uint64_t *idle_us)
{
	size_t n = GW_MIN(crew->load->n_in_flight, crew->load->n_devices), n_made = 0;
	int r = 0;

	while (r >= 0 && n_made < n) {
		r = fiber_new(event, run_lane, crew, &lanes[n_made]);
		n_made += r >= 0;
	}
	if (n_made == 0)
		return r;

	/* With fewer lanes than wanted it takes longer, no more. */
	r = 0;
	while (r >= 0 && !all_have_ended(lanes, n_made))
		r = run_once(event, idle_us);
	for (size_t i = 0; r >= 0 && i < n_made; i++)
		(void)fiber_free(lanes[i]);
	return r;
}

/* --- all of it --- */

static int allow_files(size_t n_in_flight, struct failure *failure)
{
	struct rlimit limit;
	rlim_t wanted = n_in_flight * FILES_EACH + FILES_OTHER;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return 0;
	limit.rlim_cur = GW_MIN(wanted, limit.rlim_max);
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < wanted)
		return failure_set(failure, -EMFILE,
				   "%zu in flight need %zu open files: raise ulimit -n",
				   n_in_flight, (size_t)wanted);
	return 0;
}

static uint64_t microseconds(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

/* Called before and after: what stands there in the end is the difference. */
static void note_cost(struct tally_cost *cost)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	cost->user_us = microseconds(usage.ru_utime) - cost->user_us;
	cost->system_us = microseconds(usage.ru_stime) - cost->system_us;
	cost->wall_us = gw_now_monotonic_us() - cost->wall_us;
}

static int run_crew(struct crew *crew, struct tally_cost *ret_cost)
{
	_cleanup_free_ struct fiber **lanes =
		calloc(crew->load->n_in_flight, sizeof(struct fiber *));
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	struct tally_cost cost = { .n_in_flight = crew->load->n_in_flight };
	int r;

	if (!lanes)
		return -ENOMEM;
	r = sd_event_new(&event);
	if (r < 0)
		return r;

	note_cost(&cost);
	r = run_lanes(crew, event, lanes, &cost.idle_us);
	note_cost(&cost);
	if (r >= 0)
		*ret_cost = cost;
	return r;
}

int load_run(const struct load *load, struct tally *tally, struct tally_cost *ret_cost,
	     struct failure *failure)
{
	struct crew crew = { .load = load, .tally = tally };
	int r;

	if (mkdir(load->state, 0700) < 0 && errno != EEXIST)
		return failure_set(failure, -errno, "%s: cannot be made: %s", load->state,
				   strerror(errno));
	r = allow_files(load->n_in_flight, failure);
	if (r < 0)
		return r;

	r = run_crew(&crew, ret_cost);
	return r < 0 ? failure_set(failure, r, "%s", strerror(-r)) : 0;
}
