/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs on their way to the cloud: who is who, how many go at a time, and that each goes again. */
#include "tests/unit/agent-world.h"

#include <string.h>

#include "agent/queue.h"
#include "agent/store-job.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "lib/util.h"

#define PUT_OFF_S 37 /* the world's cloud says 30, and it may be a quarter later */
#define WINDOW    (GW_REQUESTS_MAX - 2)

/* Each about a device of its own. */
static struct job_record job(unsigned n)
{
	struct job_record job = { .kind = GW_REQUEST_REVOKED, .serial_len = 4 };

	(void)snprintf(job.device, sizeof(job.device), "D-%u", n);
	memcpy(job.serial, &n, 4);
	return job;
}

static struct job_record add(unsigned n)
{
	struct job_record record = job(n);

	assert_int_equal(turn_open(world_agent()->turn), 0);
	assert_int_equal(queue_add(world_agent()->queue, &record), 0);
	return record;
}

static void add_many(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		(void)add(i);
	world_turn();
}

static unsigned n_sent(void)
{
	return world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST);
}

/* --- ids --- */

static void id_of(const struct job_record *record, char id[GW_ID_MAX + 1])
{
	assert_int_equal(queue_job_id(world_agent(), record, id), 0);
}

static void the_same_work_has_the_same_id(void **state)
{
	char one[GW_ID_MAX + 1], two[GW_ID_MAX + 1];
	struct job_record record = job(1);

	id_of(&record, one);
	record.attempts = 7; /* what is no part of the work */
	record.created = 8;
	record.due = 9;
	memset(record.csr, 'x', sizeof(record.csr)); /* the key decides, not the CSR's bytes */
	record.csr_len = sizeof(record.csr);
	id_of(&record, two);
	assert_string_equal(one, two);
	world_restart();
	id_of(&record, two);
	assert_string_equal(one, two);
	assert_int_equal(strlen(one), 32);
}

static void other_work_has_another_id(void **state)
{
	struct job_record records[8];
	char ids[GW_ELEMENTS(records)][GW_ID_MAX + 1];

	for (size_t i = 0; i < GW_ELEMENTS(records); i++)
		records[i] = job(1);
	records[1].kind = GW_REQUEST_PROVED;
	(void)strcpy(records[2].device, "E");
	(void)strcpy(records[3].claim, "c");
	(void)strcpy(records[4].of, "c");
	records[5].serial[0] = 2;
	records[6].key_len = 32;
	(void)strcpy(records[7].device, ""); /* the same bytes, elsewhere */
	(void)strcpy(records[7].claim, records[0].device);
	for (size_t i = 0; i < GW_ELEMENTS(records); i++) {
		id_of(&records[i], ids[i]);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(ids[i], ids[j]);
	}
	(void)strcpy(world_agent()->settings.gateway, "gw-2");
	id_of(&records[0], ids[1]);
	assert_string_not_equal(ids[0], ids[1]);
}

static void what_is_there_is_left(void **state)
{
	(void)add(1);
	(void)add(1);
	world_turn();
	assert_int_equal(n_sent(), 1);
	assert_true(store_job_count(world_agent()->store) == 1);
}

/* --- how many at a time --- */

static void so_many_and_no_more(void **state)
{
	char id[GW_ID_MAX + 1];

	add_many(WINDOW + 10);
	assert_int_equal(n_sent(), WINDOW);
	(void)gw_copy(id, sizeof(id), world_request(GW_REQUEST_REVOKED)->job);
	world_forget();
	world_answer(id, 0);
	assert_int_equal(n_sent(), 1); /* an answer makes room for the next */
	world_answer(id, 0);           /* told twice */
	assert_int_equal(n_sent(), 1);
	assert_true(store_job_count(world_agent()->store) == WINDOW + 9);
}

static void in_the_order_they_were_made(void **state)
{
	add_many(20);
	for (unsigned i = 0; i < 20; i++)
		assert_memory_equal(world_request(GW_REQUEST_REVOKED)->serial.data, &i, 4);
	world_step(-100000); /* time goes back: the order stays */
	(void)add(20);
	(void)add(21);
	world_turn();
	world_lose(GW_ROLE_CLOUD);
	world_turn();
	world_forget();
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	for (unsigned i = 0; i < 22; i++)
		assert_memory_equal(world_request(GW_REQUEST_REVOKED)->serial.data, &i, 4);
}

/* What is about one device: one after the other, whatever becomes of the one before. */
static void add_for_one_device(unsigned n)
{
	struct job_record record = job(n);

	(void)gw_copy(record.device, sizeof(record.device), "ONE");
	assert_int_equal(turn_open(world_agent()->turn), 0);
	assert_int_equal(queue_add(world_agent()->queue, &record), 0);
	world_turn();
}

static void the_cloud_hears_of_a_device_in_order(void **state)
{
	char id[GW_ID_MAX + 1];
	unsigned n;

	for (n = 1; n <= 3; n++)
		add_for_one_device(n);
	(void)add(1000); /* others do not wait for it */
	world_turn();
	assert_int_equal(n_sent(), 2);
	n = 1;
	(void)gw_copy(id, sizeof(id), world_request(GW_REQUEST_REVOKED)->job);
	world_forget();
	world_answer_with(id, GW_OUTCOME_PENDING, "");
	assert_int_equal(n_sent(), 0); /* put off: the next waits with it */
	world_pass(PUT_OFF_S);
	world_turn();
	assert_string_equal(world_request(GW_REQUEST_REVOKED)->job, id);
	for (n = 2; n <= 3; n++) {
		world_answer(id, 0);
		assert_int_equal(n_sent(), 1);
		(void)gw_copy(id, sizeof(id), world_request(GW_REQUEST_REVOKED)->job);
	}
	world_answer(id, 0);
	assert_true(store_job_count(world_agent()->store) == 1);
}

static void a_new_link_gets_all_anew(void **state)
{
	add_many(WINDOW + 10);
	world_lose(GW_ROLE_CLOUD);
	world_turn();
	world_forget();
	(void)add(1000); /* waits */
	world_turn();
	assert_int_equal(n_sent(), 0);
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	assert_int_equal(n_sent(), WINDOW);
}

static void a_restart_loses_nothing(void **state)
{
	add_many(30);
	world_restart();
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	assert_int_equal(n_sent(), 30);
	(void)add(1000);
	world_turn();
	assert_int_equal(n_sent(), 31);
}

static void what_is_dropped_is_taken_back(void **state)
{
	const struct job_record record = add(1);

	world_turn();
	assert_int_equal(turn_open(world_agent()->turn), 0);
	assert_int_equal(queue_drop(world_agent()->queue, &record), 0);
	world_turn();
	assert_string_equal(world_hear(GW_ROLE_CLOUD, GW_MSG_REQUEST_END)->request_end.job,
			    record.id);
	assert_true(store_job_count(world_agent()->store) == 0);
	assert_int_equal(turn_open(world_agent()->turn), 0);
	assert_int_equal(queue_drop(world_agent()->queue, &record), 0); /* nobody is bothered */
	world_turn();
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST_END), 0);
}

static void what_never_left_is_dropped_in_silence(void **state)
{
	struct job_record record;

	add_many(WINDOW);
	record = add(1000);
	assert_int_equal(queue_drop(world_agent()->queue, &record), 0);
	world_turn();
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST_END), 0);
}

static void put_off_and_back(void **state)
{
	char id[GW_ID_MAX + 1];
	static struct job_record record;

	add_many(3);
	(void)gw_copy(id, sizeof(id), world_request(GW_REQUEST_REVOKED)->job);
	world_answer_with(id, GW_OUTCOME_PENDING, ""); /* 30 s */
	world_forget();
	world_lose(GW_ROLE_CLOUD);
	world_connect(GW_ROLE_CLOUD); /* a new link does not hurry what was put off */
	world_turn();
	assert_int_equal(n_sent(), 2);
	world_forget();
	world_pass(PUT_OFF_S);
	world_turn();
	assert_string_equal(world_request(GW_REQUEST_REVOKED)->job, id);
	world_pass(PUT_OFF_S);
	world_turn();
	assert_int_equal(n_sent(), 0); /* once */
	assert_int_equal(store_job_get(world_agent()->store, id, &record), 0);
	assert_int_equal(record.attempts, 2);
}

/* Since it was asked last; but for the question of the time. */
static unsigned n_taken_back(void)
{
	const struct gw_msg *msg;
	unsigned n = 0;

	while ((msg = world_hear(GW_ROLE_CLOUD, GW_MSG_REQUEST_END)))
		n += strncmp(msg->request_end.job, "time-", 5) != 0;
	return n;
}

static unsigned n_told(unsigned *ret_first)
{
	const struct gw_msg *msg;
	unsigned n = 0;

	while ((msg = world_hear(GW_ROLE_CLOUD, GW_MSG_REQUEST)))
		if (msg->request.kind == GW_REQUEST_REVOKED && n++ == 0)
			memcpy(ret_first, msg->request.serial.data, 4);
	return n;
}

/* Never before the cloud's word, and not all at the same time. */
static void what_is_put_off_does_not_come_back_in_step(void **state)
{
	unsigned n[9] = { 0 }, total = 0, busy = 0;
	char ids[200][GW_ID_MAX + 1];

	add_many(GW_ELEMENTS(ids));
	for (unsigned i = 0; i < GW_ELEMENTS(ids); i++)
		(void)gw_copy(ids[i], sizeof(ids[i]), world_request(GW_REQUEST_REVOKED)->job);
	for (unsigned i = 0; i < GW_ELEMENTS(ids); i++)
		world_answer_with(ids[i], GW_OUTCOME_PENDING, "");
	world_pass(29);
	world_turn();
	assert_int_equal(n_sent(), 0);
	for (unsigned i = 0; i < GW_ELEMENTS(n); i++) {
		unsigned first;

		world_pass(1);
		world_turn();
		n[i] = n_told(&first);
		total += n[i];
		busy += n[i] > 0;
	}
	assert_int_equal(total, GW_ELEMENTS(ids));
	assert_in_range(busy, 5, 8);
}

/* A cloud without an answer to some must not keep it from others. */
static void what_is_never_answered_gives_way(void **state)
{
	unsigned first = 1;

	add_many(WINDOW + 10);
	world_pass(599);
	world_turn();
	assert_int_equal(n_taken_back(), 0);
	assert_int_equal(n_told(&first), WINDOW);
	assert_int_equal(first, 0);
	world_pass(2);
	world_turn();
	assert_int_equal(n_taken_back(), WINDOW);
	assert_int_equal(n_told(&first), 10);
	assert_int_equal(first, WINDOW);
	world_pass(59);
	world_turn();
	assert_int_equal(n_told(&first), 0);
	world_pass(16);
	world_turn();
	assert_int_equal(n_told(&first), WINDOW - 10);
	assert_true(store_job_count(world_agent()->store) == WINDOW + 10);
}

static void nobody_gives_way_for_nothing(void **state)
{
	add_many(WINDOW - 1); /* one more has room */
	world_pass(6000);
	world_turn();
	assert_int_equal(n_taken_back(), 0);
}

/* As long as the cloud cannot hear them, nobody can blame it. */
static void a_broker_away_uses_up_no_patience(void **state)
{
	struct gw_msg msg = { .type = GW_MSG_CLOUD_STATE,
			      .cloud_state = { GW_CLOUD_OFFLINE, "away" } };

	add_many(WINDOW + 10);
	assert_int_equal(world_say(GW_ROLE_CLOUD, &msg, -1), 0);
	world_pass(7ull * 86400);
	world_turn();
	msg.cloud_state.state = GW_CLOUD_ONLINE;
	assert_int_equal(world_say(GW_ROLE_CLOUD, &msg, -1), 0);
	world_turn();
	assert_int_equal(n_taken_back(), 0);
	world_pass(601);
	world_turn();
	assert_int_equal(n_taken_back(), WINDOW);
}

/* What comes back and what was never sent take turns. */
static void neither_keeps_the_other_waiting(void **state)
{
	char ids[20][GW_ID_MAX + 1];
	unsigned n_new = 0;

	add_many(WINDOW + 40);
	for (unsigned i = 0; i < 20; i++)
		(void)gw_copy(ids[i], sizeof(ids[i]), world_request(GW_REQUEST_REVOKED)->job);
	for (unsigned i = 0; i < 10; i++)
		world_answer_with(ids[i], GW_OUTCOME_PENDING, "");
	world_pass(PUT_OFF_S);
	world_turn();
	world_forget();
	for (unsigned i = 10; i < 20; i++)
		world_answer(ids[i], 0);
	assert_int_equal(n_sent(), 10);
	for (unsigned i = 0; i < 10; i++) {
		unsigned n;

		memcpy(&n, world_request(GW_REQUEST_REVOKED)->serial.data, 4);
		n_new += n >= WINDOW;
	}
	assert_int_equal(n_new, 5);
}

/* Twice as many devices as can be under way, three jobs each: the cloud hears of each three once, in order. */
static void each_once_and_in_order(void **state)
{
	static unsigned heard[2 * WINDOW];
	char id[GW_ID_MAX + 1];
	unsigned n;

	for (unsigned i = 0; i < 3 * GW_ELEMENTS(heard); i++) {
		struct job_record record = job(i);

		(void)snprintf(record.device, sizeof(record.device), "D-%u",
			       (unsigned)(i % GW_ELEMENTS(heard)));
		assert_int_equal(turn_open(world_agent()->turn), 0);
		assert_int_equal(queue_add(world_agent()->queue, &record), 0);
	}
	world_turn();
	for (unsigned i = 0; i < 3 * GW_ELEMENTS(heard); i++) {
		const struct gw_msg_request *request = world_request(GW_REQUEST_REVOKED);

		memcpy(&n, request->serial.data, 4);
		assert_int_equal(n / GW_ELEMENTS(heard), heard[n % GW_ELEMENTS(heard)]++);
		(void)gw_copy(id, sizeof(id), request->job);
		world_answer(id, 0);
	}
	assert_int_equal(n_sent(), 0);
	assert_true(store_job_count(world_agent()->store) == 0);
}

/* The cloud link's turn has come to this one. */
static void goes_to_the_broker(const char *id)
{
	struct gw_msg msg = { .type = GW_MSG_REQUEST_SENT, .request_sent = { id } };

	assert_int_equal(world_say(GW_ROLE_CLOUD, &msg, -1), 0);
	world_turn();
}

static void all_go_to_the_broker(void)
{
	const struct gw_msg *request;

	while ((request = world_hear(GW_ROLE_CLOUD, GW_MSG_REQUEST))) {
		char id[GW_ID_MAX + 1];

		(void)gw_copy(id, sizeof(id), request->request.job);
		goes_to_the_broker(id);
	}
}

static void waits_because(const char *id, const char *why, bool sent, unsigned n_attempts)
{
	static struct job_record record;

	assert_int_equal(store_job_get(world_agent()->store, id, &record), 0);
	assert_string_equal(queue_why(world_agent()->queue, &record), why);
	assert_int_equal(queue_is_sent(world_agent()->queue, id), sent);
	assert_int_equal(queue_attempts(world_agent()->queue, &record), n_attempts);
}

static void each_says_why_it_waits(void **state)
{
	struct gw_msg msg = { .type = GW_MSG_CLOUD_STATE,
			      .cloud_state = { GW_CLOUD_OFFLINE, "away" } };
	struct job_record first = add(0), second = job(5000), other = { 0 }, late;

	(void)gw_copy(second.device, sizeof(second.device), first.device);
	assert_int_equal(queue_add(world_agent()->queue, &second), 0);
	world_turn();
	waits_because(first.id, "others-first", false, 0); /* the link holds it back */
	waits_because(second.id, "one-at-a-time", false, 0);
	goes_to_the_broker("another's");
	goes_to_the_broker("");
	waits_because(first.id, "others-first", false, 0);
	goes_to_the_broker(first.id);
	waits_because(first.id, "", true, 1);
	waits_because(second.id, "one-at-a-time", false, 0);
	for (unsigned i = 1; i < WINDOW; i++)
		other = add(i);
	late = add(WINDOW);
	world_turn();
	waits_because(late.id, "others-first", false, 0);

	world_answer_with(first.id, GW_OUTCOME_PENDING, "busy");
	waits_because(first.id, "busy", false, 1);
	goes_to_the_broker(late.id);
	waits_because(late.id, "", true, 1);
	world_answer_with(late.id, GW_OUTCOME_PENDING, "");
	waits_because(late.id, "put-off", false, 1);
	world_answer(other.id, 0); /* room for both */
	world_pass(PUT_OFF_S);
	world_turn();
	waits_because(first.id, "others-first", false, 1);
	goes_to_the_broker(first.id);
	waits_because(first.id, "", true, 2);

	assert_int_equal(world_say(GW_ROLE_CLOUD, &msg, -1), 0);
	world_turn();
	waits_because(first.id, "cloud-away", true, 2);
	waits_because(second.id, "cloud-away", false, 0);
	msg.cloud_state.state = GW_CLOUD_ONLINE;
	assert_int_equal(world_say(GW_ROLE_CLOUD, &msg, -1), 0);
	(void)add(WINDOW + 1); /* the window is full, and patience has an end */
	(void)add(WINDOW + 2);
	world_turn();
	world_pass(601);
	world_turn();
	waits_because(first.id, "unanswered", false, 2);
}

/* Those that have gone to the cloud, and those that were put off, wait for nobody. */
static void the_pace_says_when(void **state)
{
	struct gw_msg away = { .type = GW_MSG_CLOUD_STATE,
			       .cloud_state = { GW_CLOUD_OFFLINE, "away" } };
	struct queue *queue = world_agent()->queue;
	uint64_t now_s = clock_now_s(&world_agent()->clock);
	struct job_record first = add(0);

	world_agent()->settings.cloud_requests_per_second = 7;
	for (unsigned i = 1; i < WINDOW + 20; i++)
		(void)add(i);
	world_turn();
	assert_int_equal(queue_held_back(queue, WINDOW + 20), WINDOW + 20);
	all_go_to_the_broker();
	assert_int_equal(queue_held_back(queue, WINDOW + 20), 20);
	assert_int_equal(queue_held_back(queue, WINDOW), 0);
	assert_int_equal(queue_held_back(queue, 1), 0);
	assert_int_equal(queue_turn_s(queue, 1), now_s + 1);
	assert_int_equal(queue_turn_s(queue, 7), now_s + 1);
	assert_int_equal(queue_turn_s(queue, 8), now_s + 2);

	world_answer_with(first.id, GW_OUTCOME_PENDING,
			  "busy"); /* one of the others has its place */
	assert_int_equal(queue_held_back(queue, WINDOW + 20), 20);
	all_go_to_the_broker();
	assert_int_equal(queue_held_back(queue, WINDOW + 20), 19);

	assert_int_equal(world_say(GW_ROLE_CLOUD, &away, -1), 0);
	world_turn();
	assert_int_equal(queue_turn_s(queue, 8), 0);
}

static void only_one_certificate_is_asked_for_the_registrar(void **state)
{
	uint8_t key[GW_HASH_LEN] = { 1 }, csr[10] = { 2 };
	struct gw_msg msg = { .type = GW_MSG_SERVER_CSR,
			      .server_csr = { GW_BLOB_ARRAY(key), GW_BLOB_ARRAY(csr) } };
	char first[GW_ID_MAX + 1], second[GW_ID_MAX + 1];
	const struct gw_msg *given;

	assert_int_equal(world_say(GW_ROLE_REGISTRAR, &msg, -1), 0);
	world_turn();
	(void)gw_copy(first, sizeof(first), world_request(GW_REQUEST_SERVER_CERT)->job);
	key[0] = 2;
	assert_int_equal(world_say(GW_ROLE_REGISTRAR, &msg, -1), 0);
	world_turn();
	assert_string_equal(world_hear(GW_ROLE_CLOUD, GW_MSG_REQUEST_END)->request_end.job, first);
	(void)gw_copy(second, sizeof(second), world_request(GW_REQUEST_SERVER_CERT)->job);
	world_answer(second, 31);
	given = world_hear(GW_ROLE_REGISTRAR, GW_MSG_SERVER_CERT);
	assert_int_equal(given->server_cert.key.data[0], 2);
	assert_int_equal(given->server_cert.certificate.data[0], 31);
	world_answer(second, 31); /* told twice */
	assert_int_equal(n_sent(), 0);
	assert_int_equal(world_recorded("stray-answer"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_same_work_has_the_same_id),
		TEST(other_work_has_another_id),
		TEST(what_is_there_is_left),
		TEST(so_many_and_no_more),
		TEST(in_the_order_they_were_made),
		TEST(the_cloud_hears_of_a_device_in_order),
		TEST(a_new_link_gets_all_anew),
		TEST(a_restart_loses_nothing),
		TEST(what_is_dropped_is_taken_back),
		TEST(what_never_left_is_dropped_in_silence),
		TEST(put_off_and_back),
		TEST(what_is_put_off_does_not_come_back_in_step),
		TEST(what_is_never_answered_gives_way),
		TEST(nobody_gives_way_for_nothing),
		TEST(a_broker_away_uses_up_no_patience),
		TEST(neither_keeps_the_other_waiting),
		TEST(each_once_and_in_order),
		TEST(each_says_why_it_waits),
		TEST(the_pace_says_when),
		TEST(only_one_certificate_is_asked_for_the_registrar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
