/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ration: what one gets, what newcomers find when many take all they can, and what is remembered of whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "plugins/registrar/path.h"
#include "plugins/registrar/ration.h"

#define START_US  5000000ull
#define SECOND_US 1000000ull
#define SEED      0x5eed
#define RATE      100

#define OWES_US     (10 * SECOND_US) /* what a host pays off for one */
#define PAID_OFF_US (60 * SECOND_US) /* for all that it can owe for */

static struct ration *r;

static void begin(uint32_t rate)
{
	assert_int_equal(ration_new(rate, SEED, START_US, &r), 0);
}

static void end(void)
{
	r = ration_free(r);
	assert_null(r);
}

static struct path path_of(uint32_t host, uint16_t port)
{
	return (struct path){
		.channel = 1,
		.peer.in = { .sin_family = AF_INET, .sin_port = port, .sin_addr = { htonl(host) } }
	};
}

/* How many of so many tries are granted, each from another port. */
static unsigned take(uint32_t host, unsigned tries, uint64_t now_us)
{
	unsigned n = 0;

	for (unsigned i = 0; i < tries; i++) {
		const struct path path = path_of(host, (uint16_t)(i + 1));

		n += ration_take(r, &path, now_us);
	}
	return n;
}

static void forgive(uint32_t host, uint64_t now_us)
{
	const struct path path = path_of(host, 1);

	ration_forgive(r, &path, now_us);
}

/* The n-th host of a network. */
static uint32_t host_of(uint32_t network, uint32_t n)
{
	return 0x0a000000 | network << 8 | n;
}

/* --- one by one --- */

/* Alone, a source has all the rate, and leaves half of what can be had at once. */
static void test_source_alone(void **state)
{
	begin(RATE);
	assert_int_equal(take(1, 1000, START_US), 50);
	assert_int_equal(take(1, 1000, START_US + SECOND_US / 5), 20);
	assert_int_equal(take(1, 1000, START_US + 9 * SECOND_US), 50);
	end();
}

/* Of that half a host gets six, of which the last quarter is no part. */
static void test_share_of_a_host(void **state)
{
	begin(RATE);
	assert_int_equal(take(host_of(1, 1), 1000, START_US), 50);
	for (uint32_t network = 2; network < 6; network++)
		assert_int_equal(take(host_of(network, 1), 1000, START_US), 6);
	assert_int_equal(take(host_of(6, 1), 1000, START_US), 1);
	assert_int_equal(take(host_of(7, 1), 1000, START_US), 1);
	assert_int_equal(take(host_of(6, 1), 1000, START_US), 0);
	end();
}

/* An eighth of the rate, half of which is for hosts that owe nothing. */
static void test_share_of_a_network(void **state)
{
	unsigned n = 0;

	begin(RATE);
	assert_int_equal(take(host_of(1, 1), 1000, START_US), 50);
	for (uint32_t host = 1; host < 5; host++)
		n += take(host_of(2, host), 1, START_US);
	assert_int_equal(n, 4);
	assert_int_equal(take(host_of(2, 1), 1000, START_US), 2);
	assert_int_equal(take(host_of(2, 2), 1000, START_US), 0);
	for (uint32_t host = 5; host < 200; host++)
		n += take(host_of(2, host), 1, START_US);
	assert_int_equal(n, 12 - 2);
	assert_int_equal(take(host_of(3, 1), 1, START_US), 1);
	end();
}

static void test_debts_are_paid_off(void **state)
{
	begin(RATE);
	assert_int_equal(take(1, 1000, START_US), 50);
	assert_int_equal(take(1, 1, START_US), 0);
	assert_int_equal(take(1, 60, START_US + SECOND_US), 50); /* the upper half */
	assert_int_equal(take(1, 2, START_US + SECOND_US + OWES_US / 2), 2);
	end();

	begin(RATE);
	assert_int_equal(take(host_of(1, 1), 50, START_US), 50);
	assert_int_equal(take(host_of(2, 1), 7, START_US), 6);
	assert_int_equal(take(host_of(1, 2), 50, START_US + OWES_US - 1), 50);
	assert_int_equal(take(host_of(2, 1), 1, START_US + OWES_US - 1), 0);
	assert_int_equal(take(host_of(2, 1), 2, START_US + OWES_US), 1);
	end();

	/* However much it was. */
	begin(RATE);
	assert_int_equal(take(host_of(1, 1), 50, START_US), 50);
	assert_int_equal(take(host_of(2, 1), 50, START_US + PAID_OFF_US), 50);
	assert_int_equal(take(host_of(1, 1), 50, START_US + PAID_OFF_US), 6);
	end();
}

/* Whoever keeps trying, the one that comes seldom finds something. */
static void test_nobody_starves_another(void **state)
{
	begin(RATE);
	for (uint64_t now_us = START_US; now_us < START_US + 20 * SECOND_US; now_us += 1000) {
		(void)take(host_of(1, 1), 10, now_us);
		if (now_us % SECOND_US == 0)
			assert_int_equal(take(host_of(1, 100 + (now_us / SECOND_US)), 3, now_us),
					 3);
	}
	end();
}

static void test_all_together(void **state)
{
	unsigned n = 0;

	begin(RATE);
	for (uint32_t network = 1; network <= 1000; network++)
		n += take(host_of(network, 1), 1, START_US);
	assert_int_equal(n, 100);
	end();
}

/* --- many that never stop --- */

static uint64_t dice;

static uint32_t roll(uint32_t below)
{
	dice = dice * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)((dice >> 33) % below);
}

/* A device that tries as a DTLS client does: after 1, 2 and 4 s again. Nothing in time: -1. */
struct device {
	uint32_t host;
	uint64_t next_us, wait_us;
	int tries;
	bool has_it;
};

#define ATTACKS_A_SECOND 3000
#define DEVICES          60

static void try(struct device *device, uint64_t now_us)
{
	if (device->has_it || now_us < device->next_us)
		return;
	device->tries++;
	device->has_it = take(device->host, 1, now_us) == 1;
	device->next_us = now_us + device->wait_us;
	device->wait_us *= 2;
}

/*
 * Knocks from so many hosts, each time one of them, while four devices a second come for 15 s: half of
 * them in networks where others knock, half where nobody does. How many got it by so many tries.
 */
static unsigned count_in_a_storm(uint32_t hosts, uint32_t networks, uint64_t lead_us, int tries_max)
{
	struct device devices[DEVICES] = { 0 };
	unsigned n = 0;

	dice = hosts;
	begin(RATE);
	for (uint32_t i = 0; i < DEVICES; i++)
		devices[i] = (struct device){ .host = host_of(i % (2 * networks), 220 + i / 2),
					      .next_us = START_US + lead_us + i * SECOND_US / 4,
					      .wait_us = SECOND_US };
	for (uint64_t i = 0; i < 40 * ATTACKS_A_SECOND; i++) {
		uint64_t now_us = START_US + i * SECOND_US / ATTACKS_A_SECOND;
		uint32_t host = roll(hosts);

		(void)take(host_of(host % networks, host / networks), 1, now_us);
		for (size_t k = 0; k < DEVICES; k++)
			try(&devices[k], now_us);
	}
	for (size_t i = 0; i < DEVICES; i++)
		n += devices[i].has_it && devices[i].tries <= tries_max;
	end();
	return n;
}

/* The first knocks of each host are a newcomer's, too: until then, a device may have to try again. */
static void test_storm(void **state)
{
	assert_int_equal(count_in_a_storm(2, 1, 0, 1), DEVICES);
	assert_int_equal(count_in_a_storm(60, 8, 0, 1), DEVICES);
	assert_int_equal(count_in_a_storm(60, 1, 0, 2), DEVICES);
	assert_int_equal(count_in_a_storm(210, 1, 0, 4), DEVICES);
	assert_int_equal(count_in_a_storm(210, 1, 10 * SECOND_US, 1), DEVICES);
	assert_int_equal(count_in_a_storm(250, 8, 0, 2), DEVICES);
	assert_int_equal(count_in_a_storm(250, 8, 5 * SECOND_US, 1), DEVICES);
	assert_int_equal(count_in_a_storm(500, 8, 10 * SECOND_US, 1), DEVICES);
}

static struct path path_of_six(uint16_t prefix, uint64_t host)
{
	struct path path = { .channel = 1, .peer.in6 = { .sin6_family = AF_INET6 } };

	path.peer.in6.sin6_addr.s6_addr[0] = 0x20;
	path.peer.in6.sin6_addr.s6_addr[6] = (uint8_t)(prefix >> 8);
	path.peer.in6.sin6_addr.s6_addr[7] = (uint8_t)prefix;
	for (size_t i = 0; i < 8; i++)
		path.peer.in6.sin6_addr.s6_addr[8 + i] = (uint8_t)(host >> 8 * i);
	return path;
}

/* Somebody has a new address for each knock, of three prefixes: other networks do not notice. */
static void test_endless_addresses(void **state)
{
	begin(RATE);
	for (uint64_t i = 0; i < 10 * ATTACKS_A_SECOND; i++) {
		uint64_t now_us = START_US + i * SECOND_US / ATTACKS_A_SECOND;
		struct path path = path_of_six(i % 3, i);

		(void)ration_take(r, &path, now_us);
		path = path_of_six((uint16_t)(100 + i), 1);
		if (i % 300 == 299)
			assert_true(ration_take(r, &path, now_us));
	}
	end();
}

/* --- those with good secrets --- */

/* A site behind one address comes in, however many knock elsewhere. */
static void test_a_site_is_forgiven(void **state)
{
	uint32_t site = host_of(99, 1);
	unsigned n = 0;

	begin(RATE);
	for (uint64_t i = 0; i < 40 * ATTACKS_A_SECOND; i++) {
		uint64_t now_us = START_US + i * SECOND_US / ATTACKS_A_SECOND;
		uint32_t host = roll(60);

		(void)take(host_of(host % 8, host / 8), 1, now_us);
		if (i % (ATTACKS_A_SECOND / 5) != 0 || i < 20 * ATTACKS_A_SECOND)
			continue;
		n += take(site, 1, now_us);
		forgive(site, now_us + 20000);
	}
	assert_int_equal(n, 20 * 5);
	end();
}

static void test_one_good_secret_buys_no_more(void **state)
{
	uint32_t host = host_of(2, 1);
	unsigned n = 0;

	begin(RATE);
	assert_int_equal(take(host_of(1, 1), 1000, START_US), 50);
	for (unsigned i = 0; i < 1000; i++) {
		n += take(host, 1, START_US);
		forgive(host, START_US + 1);
	}
	assert_int_equal(n, 6); /* half of a network's share */
	assert_int_equal(take(host_of(2, 2), 1, START_US), 1);
	forgive(host_of(3, 1), START_US); /* of whom nothing is known */
	end();
}

/* --- limits --- */

/* More hosts than there are places: who owes most is remembered. */
static void test_who_owes_most_is_forgotten_last(void **state)
{
	uint64_t now_us = START_US;

	begin(100000);
	assert_int_equal(take(host_of(0, 1), 60000, START_US), 50000);
	for (uint32_t i = 0; i < 20000; i++)
		(void)take(host_of(1 + i / 250, i % 250), 1, START_US);
	now_us += OWES_US / 2;
	(void)take(host_of(65000, 1), 100000, now_us); /* the upper half */
	assert_int_equal(take(host_of(0, 1), 1, now_us), 0);
	assert_int_equal(take(host_of(65001, 1), 1, now_us), 1);
	assert_int_equal(take(host_of(0, 1), 6, START_US + PAID_OFF_US), 6);
	end();
}

static void test_slowest(void **state)
{
	begin(1);
	assert_int_equal(take(host_of(1, 1), 10, START_US), 3);
	assert_int_equal(take(host_of(2, 1), 10, START_US), 1);
	assert_int_equal(take(host_of(3, 1), 10, START_US), 0);
	assert_int_equal(take(host_of(3, 1), 10, START_US + SECOND_US), 1);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_source_alone),
		cmocka_unit_test(test_share_of_a_host),
		cmocka_unit_test(test_share_of_a_network),
		cmocka_unit_test(test_debts_are_paid_off),
		cmocka_unit_test(test_nobody_starves_another),
		cmocka_unit_test(test_all_together),
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_endless_addresses),
		cmocka_unit_test(test_a_site_is_forgiven),
		cmocka_unit_test(test_one_good_secret_buys_no_more),
		cmocka_unit_test(test_who_owes_most_is_forgotten_last),
		cmocka_unit_test(test_slowest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
