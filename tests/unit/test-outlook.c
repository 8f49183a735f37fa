/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is ahead of the devices' certificates, as time passes over them. */
#include "tests/unit/agent-world.h"

#include "agent/operate.h"
#include "agent/outlook.h"
#include "agent/renewal.h"
#include "agent/store-certificate.h"
#include "agent/store.h"
#include "lib/util.h"

#define DAY       86400ull
#define N_DEVICES 9

static void expect(uint64_t waiting, uint64_t overdue, uint64_t expired, uint64_t asking)
{
	const struct outlook_view *view = outlook_look(world_agent()->outlook);

	assert_int_equal(view->waiting, waiting);
	assert_int_equal(view->overdue, overdue);
	assert_int_equal(view->expired, expired);
	assert_int_equal(view->asking, asking);
	assert_int_equal(view->next_s != 0, waiting != 0);
	assert_int_equal(view->late_ends_s != 0, view->late != 0);
	assert_true(view->late <= overdue);
}

static void name(unsigned i, char id[static 8])
{
	(void)snprintf(id, 8, "D-%u", i);
}

static uint64_t renews_at(unsigned i, uint64_t *ret_ends_s)
{
	const struct settings *settings = &world_agent()->settings;
	struct certificate_record live;
	char id[8];

	name(i, id);
	assert_int_equal(store_certificate_of(world_agent()->store, id, CERTIFICATE_LIVE, &live),
			 0);
	*ret_ends_s = live.not_after;
	return renewal_at(&live, settings->devices_renew_after, settings->devices_renew_spread);
}

static void fill(void)
{
	world_agent()->settings.devices_renew_after = 66;
	world_agent()->settings.devices_renew_spread = 50;
	for (unsigned i = 0; i < N_DEVICES; i++) {
		char id[8];

		name(i, id);
		world_get_aboard(id, (uint8_t)(20 + i));
	}
}

/* Each ends later than the one before it. */
static void fill_one_by_one(void)
{
	for (unsigned i = 0; i < N_DEVICES; i++) {
		char id[8];

		name(i, id);
		world_get_aboard(id, (uint8_t)(20 + i));
		world_pass(60);
	}
}

static void operate(enum device_event event, unsigned i)
{
	enum gw_reason refusal;
	struct operate_wish wish = { event, NULL, "uid 0", "" };
	char id[8];

	name(i, id);
	wish.device = id;
	assert_int_equal(operate_device(world_agent(), &wish, &refusal), 0);
	world_turn();
}

static void nobody(void **state)
{
	expect(0, 0, 0, 0);
}

/* One after the other comes to its time; who reads learns when the next one does. */
static void as_time_passes(void **state)
{
	const struct outlook_view *view;
	uint64_t at, ends;

	fill();
	expect(N_DEVICES, 0, 0, 0);
	for (unsigned n = 0; n < N_DEVICES; n++) {
		uint64_t next = outlook_look(world_agent()->outlook)->next_s, first = UINT64_MAX;

		for (unsigned i = 0; i < N_DEVICES; i++) {
			at = renews_at(i, &ends);
			if (at > world_now_s())
				first = GW_MIN(first, at);
		}
		assert_int_equal(next, first);
		world_pass(next - world_now_s());
		expect(N_DEVICES - n - 1, n + 1, 0, 0);
	}
	at = renews_at(0, &ends);
	world_pass(ends - 1 - world_now_s());
	view = outlook_look(world_agent()->outlook);
	assert_true(view->late > 0);
	assert_true(view->late_since_s < view->late_ends_s && view->late_ends_s >= ends - 1);
	world_pass(DAY);
	expect(0, 0, N_DEVICES, 0);
	assert_true(outlook_look(world_agent()->outlook)->expired_since_s < world_now_s());
}

/* Half of what was left when its time came has passed, to the second; those are told of whose end is the nearest. */
static void late_from_the_half_on(void **state)
{
	uint64_t at[N_DEVICES], ends[N_DEVICES], late_at = UINT64_MAX;
	const struct outlook_view *view;
	unsigned first = 0;

	fill_one_by_one();
	for (unsigned i = 0; i < N_DEVICES; i++) {
		at[i] = renews_at(i, &ends[i]);
		assert_true(i == 0 || ends[i] > ends[i - 1]);
		if (at[i] + (ends[i] - at[i]) / 2 < late_at)
			first = i;
		late_at = GW_MIN(late_at, at[i] + (ends[i] - at[i]) / 2);
	}
	world_pass(late_at - world_now_s());
	assert_int_equal(outlook_look(world_agent()->outlook)->late, 0);
	world_pass(1);
	view = outlook_look(world_agent()->outlook);
	assert_int_equal(view->late, 1);
	assert_int_equal(view->late_since_s, at[first]);
	assert_int_equal(view->late_ends_s, ends[first]);

	world_pass(ends[0] - 1 - world_now_s());
	view = outlook_look(world_agent()->outlook);
	assert_int_equal(view->late, N_DEVICES);
	assert_int_equal(view->late_since_s, at[0]);
	assert_int_equal(view->late_ends_s, ends[0]);
	world_pass(DAY);
	assert_int_equal(outlook_look(world_agent()->outlook)->expired_since_s, ends[0]);
}

static void the_suspended_do_not_count(void **state)
{
	fill();
	operate(DEVICE_EVENT_SUSPEND, 3);
	expect(N_DEVICES - 1, 0, 0, 0);
	world_pass(WORLD_LIFE_S + DAY);
	expect(0, 0, N_DEVICES - 1, 0);
	operate(DEVICE_EVENT_RESUME, 3);
	expect(0, 0, N_DEVICES, 0);
	operate(DEVICE_EVENT_DECOMMISSION, 3);
	expect(0, 0, N_DEVICES - 1, 0);
}

static void who_asks_is_no_more_than_that(void **state)
{
	struct certificate_record live;

	fill();
	world_pass(WORLD_LIFE_S + DAY);
	assert_int_equal(store_certificate_of(world_agent()->store, "D-1", CERTIFICATE_LIVE, &live),
			 0);
	live.approval = APPROVAL_ASKED;
	assert_int_equal(store_begin(world_agent()->store), 0);
	assert_int_equal(store_certificate_set_renewal(world_agent()->store, &live), 0);
	assert_int_equal(store_commit(world_agent()->store), 1);
	expect(0, 0, N_DEVICES - 1, 1);
}

static void nothing_is_judged_by_a_clock_that_is_wrong(void **state)
{
	fill();
	world_pass(WORLD_LIFE_S + DAY);
	world_trust_clock(false);
	expect(N_DEVICES, 0, 0, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(nobody),
		TEST(as_time_passes),
		TEST(late_from_the_half_on),
		TEST(the_suspended_do_not_count),
		TEST(who_asks_is_no_more_than_that),
		TEST(nothing_is_judged_by_a_clock_that_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
