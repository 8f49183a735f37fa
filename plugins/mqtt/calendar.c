/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dates are judged by what the agent says of the time, counted on by a clock that nobody sets; where that is not
 * trusted nothing is due. The clock on the wall may jump, so it is looked at again and again. A rest never uses up
 * what is left of the certificate that works.
 */
#include "plugins/mqtt/calendar.h"

#include <sys/random.h>
#include <systemd/sd-event.h>

#include "lib/util.h"
#include "lib/wire.h"
#include "plugins/mqtt/credential.h"
#include "plugins/mqtt/identity.h"

#define SECOND_US 1000000ull
#define NEVER     UINT64_MAX
#define LOOK_US   (30 * SECOND_US) /* between two looks at the clock */
#define RESTS_MAX 12               /* the longest rest is so many times retry_max */
#define EARLY_S   600 /* that a certificate may begin after now: clocks differ by less */
#define EARLY_US  (60 * SECOND_US) /* between two renewals for that reason */

struct calendar {
	const struct calendar_ops *ops;
	void *userdata;
	char gateway[GW_ID_MAX + 1];
	unsigned renew_percent;
	uint64_t retry_first_us, retry_max_us;

	struct credential_facts facts;
	bool has_certificate, is_due;
	uint64_t early_us; /* when one was renewed last because it is not good yet; 0: none was */
	sd_event_source *look, *rested;
	uint64_t rest_us, retry_at_s;

	bool clock_is_trusted;
	uint64_t told_s, told_us; /* the time, and gw_now_boottime_us() then */
};

static void set_timer(sd_event_source *source, uint64_t at_us)
{
	if (at_us == NEVER) {
		(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	} else {
		(void)sd_event_source_set_time(source, at_us);
		(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	}
}

static uint64_t now_s(const struct calendar *c)
{
	return c->told_s + (gw_now_boottime_us() - c->told_us) / SECOND_US;
}

/* --- when to renew --------------------------------------------------------------------------- */

/* The same for one certificate whenever it is asked, and another for the next. */
static uint32_t seed_of(const struct calendar *c)
{
	uint32_t hash = 2166136261u;

	for (const char *letter = c->gateway; *letter; letter++)
		hash = (hash ^ (uint8_t)*letter) * 16777619u;
	for (size_t i = 0; i < c->facts.serial_len; i++)
		hash = (hash ^ c->facts.serial[i]) * 16777619u;
	return hash ^ hash >> 16;
}

uint64_t calendar_renew_at(const struct calendar *c)
{
	const struct credential_dates *dates = &c->facts.dates;

	if (!c->has_certificate || dates->not_before < 0 || dates->not_after <= 0)
		return 0;
	return identity_renew_at((uint64_t)dates->not_before, (uint64_t)dates->not_after,
				 c->renew_percent, seed_of(c));
}

bool calendar_is_over(const struct calendar *c)
{
	return c->has_certificate && c->clock_is_trusted &&
	       (int64_t)now_s(c) >= c->facts.dates.not_after;
}

/*
 * Its time has not begun: clocks were set ahead, the cloud's too, and back. The connection that there is still goes
 * by it; the next one would be refused. A cloud that issues nothing else is not asked for it all the time.
 */
static bool is_early(const struct calendar *c, uint64_t now)
{
	return now + EARLY_S < (uint64_t)c->facts.dates.not_before &&
	       (!c->early_us || gw_now_monotonic_us() - c->early_us >= EARLY_US);
}

static void look(struct calendar *c)
{
	uint64_t at_s = calendar_renew_at(c), now = now_s(c);
	bool early = at_s && c->clock_is_trusted && is_early(c, now);

	if (!at_s || !c->clock_is_trusted || c->is_due) {
		set_timer(c->look, NEVER);
	} else if (now < at_s && !early) {
		set_timer(c->look,
			  gw_now_monotonic_us() + GW_MIN(LOOK_US, (at_s - now) * SECOND_US));
	} else {
		if (early)
			c->early_us = gw_now_monotonic_us();
		c->is_due = true;
		c->ops->due(c->userdata);
	}
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
	look(userdata);
	return 0;
}

void calendar_set_certificate(struct calendar *c, const struct credential_facts *facts)
{
	c->has_certificate = facts;
	c->is_due = false;
	if (facts)
		c->facts = *facts;
	look(c);
}

void calendar_set_clock(struct calendar *c, bool trusted, uint64_t time_s)
{
	c->clock_is_trusted = trusted;
	c->told_s = time_s;
	c->told_us = gw_now_boottime_us();
	look(c);
}

/* --- rests ----------------------------------------------------------------------------------- */

static uint32_t dice(void)
{
	uint32_t value = 0;

	(void)!getrandom(&value, sizeof(value), GRND_NONBLOCK);
	return value;
}

static uint64_t within_life(const struct calendar *c, uint64_t us)
{
	int64_t left_s = c->facts.dates.not_after - (int64_t)now_s(c);

	if (!c->has_certificate || !c->clock_is_trusted || left_s <= 0)
		return us;
	return GW_MAX(GW_MIN(us, (uint64_t)left_s * SECOND_US / 8), c->retry_first_us);
}

void calendar_rest_for(struct calendar *c, uint64_t us)
{
	us = within_life(c, us);
	us -= us / 4096 * (dice() % 1024); /* a quarter of it, at most */
	c->retry_at_s = now_s(c) + us / SECOND_US;
	set_timer(c->rested, gw_now_monotonic_us() + us);
}

void calendar_rest(struct calendar *c)
{
	calendar_rest_for(c, c->rest_us);
	c->rest_us = GW_MIN(2 * c->rest_us, RESTS_MAX * c->retry_max_us);
}

void calendar_end_rest(struct calendar *c)
{
	c->rest_us = c->retry_max_us;
	c->retry_at_s = 0;
	set_timer(c->rested, NEVER);
}

uint64_t calendar_retry_at(const struct calendar *c)
{
	return c->retry_at_s;
}

static int on_rested(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct calendar *c = userdata;

	c->retry_at_s = 0;
	c->ops->rested(c->userdata);
	return 0;
}

/* --- life ------------------------------------------------------------------------------------ */

struct calendar *calendar_free(struct calendar *c)
{
	if (!c)
		return NULL;

	sd_event_source_disable_unref(c->look);
	sd_event_source_disable_unref(c->rested);
	free(c);
	return NULL;
}

GW_DEFINE_CLEANUP(struct calendar *, calendar_free)

static int make_timer(sd_event *event, sd_event_source **ret, sd_event_time_handler_t handler,
		      struct calendar *c)
{
	int r = sd_event_add_time(event, ret, CLOCK_MONOTONIC, 0, /* accuracy= */ 1000, handler, c);

	return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

int calendar_new(sd_event *event, const struct calendar_config *config,
		 const struct calendar_ops *ops, void *userdata, struct calendar **ret)
{
	_cleanup_(calendar_freep) struct calendar *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->ops = ops;
	c->userdata = userdata;
	(void)gw_copy(c->gateway, sizeof(c->gateway), config->gateway);
	c->renew_percent = config->renew_percent;
	c->retry_first_us = config->retry_first_us;
	c->retry_max_us = c->rest_us = config->retry_max_us;
	r = make_timer(event, &c->look, on_look, c);
	if (r >= 0)
		r = make_timer(event, &c->rested, on_rested, c);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(c);
	return 0;
}
