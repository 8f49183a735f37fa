/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the agent keeps in memory only: who knocked, who is at a door, what networks say of addresses. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>

#include "agent/discovered.h"
#include "agent/neighbours.h"
#include "agent/sessions.h"
#include "lib/util.h"

#define SECOND 1000000ull

static uint64_t now_us;

uint64_t __wrap_gw_now_monotonic_us(void);

uint64_t __wrap_gw_now_monotonic_us(void)
{
	return now_us;
}

static int set_up(void **state)
{
	now_us = SECOND;
	return 0;
}

/* --- who knocked --- */

static int note(struct discovered *d, const char *id, char gone[GW_ID_MAX + 1])
{
	struct sighting sighting = { .last_seen = now_us / SECOND };

	(void)gw_copy(sighting.id, sizeof(sighting.id), id);
	(void)gw_copy(sighting.transport, sizeof(sighting.transport), "ip");
	return discovered_note(d, &sighting, gone);
}

static void the_oldest_makes_room(void **state)
{
	char gone[GW_ID_MAX + 1] = "?";
	struct discovered *d;

	assert_int_equal(discovered_new(2, 3600, &d), 0);
	assert_int_equal(note(d, "A", gone), 1);
	assert_string_equal(gone, "");
	now_us += SECOND;
	assert_int_equal(note(d, "B", gone), 1);
	now_us += SECOND;
	assert_int_equal(note(d, "A", gone), 0); /* seen again: younger than B */
	assert_true(discovered_find(d, "A")->last_seen == 3);
	assert_int_equal(note(d, "C", gone), 1);
	assert_string_equal(gone, "B");
	assert_int_equal(discovered_count(d), 2);
	assert_null(discovered_find(d, "B"));
	discovered_free(d);
}

static void sightings_age(void **state)
{
	char gone[GW_ID_MAX + 1];
	struct discovered *d;

	assert_int_equal(discovered_new(4, 10, &d), 0);
	assert_int_equal(note(d, "A", gone), 1);
	now_us += 10 * SECOND;
	assert_non_null(discovered_find(d, "A"));
	assert_int_equal(discovered_count(d), 1);
	now_us += 1;
	assert_null(discovered_find(d, "A"));
	assert_int_equal(discovered_count(d), 0);
	assert_null(discovered_after(d, ""));
	assert_int_equal(note(d, "A", gone), 1); /* new again */
	assert_string_equal(gone, "");
	assert_int_equal(discovered_count(d), 1);
	discovered_free(d);
}

static void their_end_is_told(void **state)
{
	char gone[GW_ID_MAX + 1] = "?";
	struct discovered *d;

	assert_int_equal(discovered_new(4, 10, &d), 0);
	assert_true(discovered_next_aged_s(d) == 0);
	assert_false(discovered_take_aged(d, gone));
	assert_int_equal(note(d, "A", gone), 1);
	now_us += 4 * SECOND;
	assert_int_equal(note(d, "B", gone), 1);
	assert_true(discovered_next_aged_s(d) == 7);
	assert_false(discovered_take_aged(d, gone));
	now_us += 7 * SECOND;
	assert_true(discovered_next_aged_s(d) == 1);
	assert_true(discovered_take_aged(d, gone));
	assert_string_equal(gone, "A");
	assert_false(discovered_take_aged(d, gone));
	assert_true(discovered_next_aged_s(d) == 4);
	discovered_free(d);
}

static void one_after_the_other(void **state)
{
	static const char *const ids[] = { "C", "A", "B" };
	char gone[GW_ID_MAX + 1];
	struct discovered *d;

	assert_int_equal(discovered_new(4, 10, &d), 0);
	for (size_t i = 0; i < GW_ELEMENTS(ids); i++)
		assert_int_equal(note(d, ids[i], gone), 1);
	assert_string_equal(discovered_after(d, "")->id, "A");
	assert_string_equal(discovered_after(d, "A")->id, "B");
	assert_string_equal(discovered_after(d, "AA")->id, "B");
	assert_null(discovered_after(d, "C"));
	discovered_forget(d, "B");
	discovered_forget(d, "B");
	discovered_forget(d, "");
	assert_string_equal(discovered_after(d, "A")->id, "C");
	assert_null(discovered_find(d, ""));
	discovered_free(d);
}

static void room_for_none(void **state)
{
	char gone[GW_ID_MAX + 1];
	struct discovered *d;

	assert_int_equal(discovered_new(0, 10, &d), 0);
	assert_int_equal(note(d, "A", gone), 0);
	assert_string_equal(gone, "");
	assert_int_equal(discovered_count(d), 0);
	discovered_free(d);
}

static void the_newest_find_room_in_a_smaller_one(void **state)
{
	static const char *const ids[] = { "A", "B", "C", "D" };
	struct discovered *d, *small, *none;
	char gone[GW_ID_MAX + 1];

	assert_int_equal(discovered_new(4, 3600, &d), 0);
	for (size_t i = 0; i < GW_ELEMENTS(ids); i++, now_us += SECOND)
		assert_int_equal(note(d, ids[i], gone), 1);
	assert_int_equal(note(d, "A", gone), 0); /* the newest now */

	small = discovered_resized(d, 2, 10);
	assert_non_null(small);
	assert_int_equal(discovered_count(small), 2);
	assert_non_null(discovered_find(small, "A"));
	assert_non_null(discovered_find(small, "D"));
	assert_true(discovered_take_missing(d, small, gone));
	assert_string_equal(gone, "B");
	assert_true(discovered_take_missing(d, small, gone));
	assert_string_equal(gone, "C");
	assert_false(discovered_take_missing(d, small, gone));

	now_us += 11 * SECOND; /* of another age, too */
	assert_int_equal(discovered_count(small), 0);
	assert_int_equal(discovered_count(d), 2);

	none = discovered_resized(d, 0, 10);
	assert_non_null(none);
	assert_true(discovered_take_missing(d, none, gone));
	assert_true(discovered_take_missing(d, none, gone));
	assert_false(discovered_take_missing(d, none, gone));
	discovered_free(d);
	discovered_free(small);
	discovered_free(none);
}

/* --- who is at a door --- */

static struct sessions *make_sessions(void)
{
	struct sessions *sessions;

	assert_int_equal(sessions_new(/* agent= */ NULL, &sessions), 0);
	return sessions;
}

static struct session *add(struct sessions *sessions, uint64_t id)
{
	struct session *session = NULL;

	assert_int_equal(session_add(sessions, id, &session), 0);
	return session;
}

static void by_number(void **state)
{
	static const uint64_t ids[] = {
		0, 1, 1024, 1025, 2049, UINT64_MAX
	}; /* some share a bucket */
	struct sessions *sessions = make_sessions();
	struct session *other;

	for (size_t i = 0; i < GW_ELEMENTS(ids); i++)
		assert_true(add(sessions, ids[i])->id == ids[i]);
	for (size_t i = 0; i < GW_ELEMENTS(ids); i++) {
		assert_true(session_find(sessions, ids[i])->id == ids[i]);
		assert_null(session_find_served(sessions, ids[i]));
		assert_int_equal(session_add(sessions, ids[i], &other), -EEXIST);
	}
	session_find(sessions, 1025)->served = true;
	assert_non_null(session_find_served(sessions, 1025));
	session_drop(sessions, session_find(sessions, 1025));
	assert_null(session_find(sessions, 1025));
	assert_non_null(session_find(sessions, 1));
	assert_non_null(session_find(sessions, 2049));
	sessions_drop_all(sessions);
	for (size_t i = 0; i < GW_ELEMENTS(ids); i++)
		assert_null(session_find(sessions, ids[i]));
	sessions_free(sessions);
}

static void sessions_are_bounded(void **state)
{
	struct sessions *sessions = make_sessions();
	struct session *session;

	for (uint64_t id = 0; id < SESSIONS_MAX; id++)
		(void)add(sessions, id);
	assert_int_equal(session_add(sessions, SESSIONS_MAX, &session), -EMFILE);
	session_drop(sessions, session_find(sessions, 5));
	(void)add(sessions, SESSIONS_MAX);
	sessions_free(sessions);
}

static void all_who_wait(void **state)
{
	static const uint64_t ids[] = { 1, 1025, 2049, 7, 1023 };
	struct sessions *sessions = make_sessions();
	struct session *session = NULL;
	unsigned n = 0;

	for (size_t i = 0; i < GW_ELEMENTS(ids); i++)
		(void)strcpy(add(sessions, ids[i])->job, i == 3 ? "other" : "job");
	while ((session = session_next_waiting(sessions, "job", session))) {
		assert_string_equal(session->job, "job");
		*session->job = 0; /* as answering does */
		n++;
	}
	assert_int_equal(n, 4);
	assert_null(session_next_waiting(sessions, "job", NULL));
	assert_non_null(session_next_waiting(sessions, "other", NULL));
	sessions_free(sessions);
}

static void those_who_owe_an_end(void **state)
{
	struct sessions *sessions = make_sessions();

	assert_true(sessions_oldest_owing(sessions) == 0);
	add(sessions, 1)->secret_given = true;
	now_us = 5 * SECOND;
	add(sessions, 2)->secret_given = true;
	now_us = 6 * SECOND;
	(void)add(sessions, 1025); /* owes nothing */
	assert_true(sessions_oldest_owing(sessions) == SECOND);
	assert_int_equal(sessions_drop_overdue(sessions, SECOND), 0);
	assert_int_equal(sessions_drop_overdue(sessions, SECOND + 1), 1);
	assert_null(session_find(sessions, 1));
	assert_true(sessions_oldest_owing(sessions) == 5 * SECOND);
	assert_int_equal(sessions_drop_overdue(sessions, UINT64_MAX), 1);
	assert_non_null(session_find(sessions, 1025));
	sessions_free(sessions);
}

/* --- what networks say --- */

static void tell(struct neighbours *all, const char *transport, const char *address,
		 const char *vendor, bool present)
{
	assert_int_equal(
		neighbours_take(all, transport,
				&(struct gw_msg_neighbour){ .present = present,
							    .address = address,
							    .link_address = "00:11:22:33:44:55",
							    .interface = "eth0",
							    .vendor = vendor }),
		0);
}

static unsigned count(const struct neighbours *all, const char *transport)
{
	const struct neighbour *n = NULL;
	unsigned found = 0;

	while ((n = neighbours_next(all, transport, n))) {
		assert_string_equal(n->transport, transport);
		found++;
	}
	return found;
}

static void come_and_go(void **state)
{
	struct neighbours *all;

	assert_int_equal(neighbours_new(&all), 0);
	tell(all, "ip", "::1", "ACME", true);
	tell(all, "ip", "::2", "", true);
	tell(all, "radio", "::1", "", true);
	tell(all, "ip", "::1", "Other", true); /* news of the same */
	assert_int_equal(count(all, "ip"), 2);
	assert_string_equal(neighbours_next(all, "ip", NULL)->vendor, "Other");
	tell(all, "ip", "::9", "", false); /* never heard of */
	tell(all, "ip", "::1", "", false);
	assert_int_equal(count(all, "ip"), 1);
	assert_int_equal(count(all, "radio"), 1);
	neighbours_drop(all, "ip");
	assert_int_equal(count(all, "ip"), 0);
	assert_int_equal(count(all, "radio"), 1);
	neighbours_free(all);
}

static void so_many_and_no_more(void **state)
{
	struct neighbours *all;
	char address[32];

	assert_int_equal(neighbours_new(&all), 0);
	for (unsigned i = 0; i < NEIGHBOURS_MAX + 10; i++) {
		(void)snprintf(address, sizeof(address), "10.0.%u.%u", i / 256, i % 256);
		tell(all, "ip", address, "", true);
	}
	assert_int_equal(count(all, "ip"), NEIGHBOURS_MAX);
	neighbours_drop(all, "ip");
	tell(all, "ip", "::1", "", true);
	assert_int_equal(count(all, "ip"), 1);
	neighbours_free(all);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(the_oldest_makes_room),
		TEST(the_newest_find_room_in_a_smaller_one),
		TEST(sightings_age),
		TEST(their_end_is_told),
		TEST(one_after_the_other),
		TEST(room_for_none),
		TEST(by_number),
		TEST(sessions_are_bounded),
		TEST(all_who_wait),
		TEST(those_who_owe_an_end),
		TEST(come_and_go),
		TEST(so_many_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
