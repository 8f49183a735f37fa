/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A look-up beside the loop, with a getaddrinfo() that waits until the test lets it go. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netdb.h>
#include <semaphore.h>
#include <systemd/sd-event.h>

#include "lib/resolve.h"
#include "lib/util.h"

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		       struct addrinfo **list);
void __wrap_freeaddrinfo(struct addrinfo *list);

static sem_t may_answer, has_answered;

/* "n:K" has K addresses, "later" has one where loopback counts too; all else has none. */
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		       struct addrinfo **list)
{
	int n = strncmp(node, "n:", 2) == 0 ? atoi(node + 2) : 0;

	(void)sem_wait(&may_answer);
	if (gw_streq(node, "later") && !(hints->ai_flags & AI_ADDRCONFIG))
		n = 1;

	*list = NULL;
	for (int i = n; i > 0; i--) {
		struct addrinfo *a = calloc(1, sizeof(*a));
		struct sockaddr_in *address = calloc(1, sizeof(*address));

		address->sin_family = AF_INET;
		address->sin_addr.s_addr = htonl(0xc0000200u + (unsigned)i);
		a->ai_addr = (struct sockaddr *)address;
		a->ai_addrlen = sizeof(*address);
		a->ai_next = *list;
		*list = a;
	}
	(void)sem_post(&has_answered);
	return n || gw_streq(node, "n:0") ? 0 : EAI_NONAME;
}

void __wrap_freeaddrinfo(struct addrinfo *list)
{
	while (list) {
		struct addrinfo *next = list->ai_next;

		free(list->ai_addr);
		free(list);
		list = next;
	}
}

struct seen {
	sd_event *event;
	struct gw_resolve *resolve;
	struct gw_resolve_result result;
	int n_calls;
	bool free_in_it;
};

static void on_done(const struct gw_resolve_result *result, void *userdata)
{
	struct seen *seen = userdata;

	seen->n_calls++;
	seen->result = *result;
	if (seen->free_in_it)
		seen->resolve = gw_resolve_free(seen->resolve);
	(void)sd_event_exit(seen->event, 0);
}

static void look_up(const char *name, int n_answers, struct seen *seen)
{
	assert_int_equal(sd_event_new(&seen->event), 0);
	assert_int_equal(gw_resolve_start(seen->event, name, on_done, seen, &seen->resolve), 0);

	/* Nothing is done before the look-up is, and the loop turns meanwhile. */
	assert_int_equal(sd_event_run(seen->event, 0), 0);
	assert_int_equal(seen->n_calls, 0);
	for (int i = 0; i < n_answers; i++)
		(void)sem_post(&may_answer);
	assert_int_equal(sd_event_loop(seen->event), 0);
	for (int i = 0; i < n_answers; i++)
		(void)sem_wait(&has_answered);

	assert_int_equal(seen->n_calls, 1);
	seen->resolve = gw_resolve_free(seen->resolve);
	seen->event = sd_event_unref(seen->event);
}

static void addresses(void **state)
{
	struct seen seen = { 0 };

	look_up("n:2", 1, &seen);
	assert_null(seen.result.error);
	assert_int_equal(seen.result.n, 2);
	assert_string_equal(seen.result.addresses[0], "192.0.2.1");
	assert_string_equal(seen.result.addresses[1], "192.0.2.2");
}

static void more_than_fit(void **state)
{
	struct seen seen = { 0 };

	look_up("n:20", 1, &seen);
	assert_null(seen.result.error);
	assert_int_equal(seen.result.n, GW_RESOLVE_MAX);
	assert_string_equal(seen.result.addresses[GW_RESOLVE_MAX - 1], "192.0.2.8");
}

static void no_address(void **state)
{
	struct seen none = { 0 }, unknown = { 0 };

	look_up("n:0", 1, &none);
	assert_non_null(none.result.error);
	look_up("unknown", 2, &unknown);
	assert_string_equal(unknown.result.error, gai_strerror(EAI_NONAME));
}

static void a_host_without_a_network(void **state)
{
	struct seen seen = { 0 };

	look_up("later", 2, &seen);
	assert_null(seen.result.error);
	assert_int_equal(seen.result.n, 1);
}

static void freed_when_it_is_done(void **state)
{
	struct seen seen = { .free_in_it = true };

	look_up("n:1", 1, &seen);
	assert_int_equal(seen.result.n, 1);
}

static void given_up(void **state)
{
	struct seen seen = { 0 };

	assert_int_equal(sd_event_new(&seen.event), 0);
	assert_int_equal(gw_resolve_start(seen.event, "n:1", on_done, &seen, &seen.resolve), 0);
	seen.resolve = gw_resolve_free(seen.resolve);
	(void)sem_post(&may_answer);
	(void)sem_wait(&has_answered);
	assert_int_equal(sd_event_run(seen.event, 0), 0);
	assert_int_equal(seen.n_calls, 0);
	seen.event = sd_event_unref(seen.event);
}

static void given_up_when_it_is_done(void **state)
{
	struct seen seen = { 0 };

	assert_int_equal(sd_event_new(&seen.event), 0);
	assert_int_equal(gw_resolve_start(seen.event, "n:1", on_done, &seen, &seen.resolve), 0);
	(void)sem_post(&may_answer);
	(void)sem_wait(&has_answered);
	seen.resolve = gw_resolve_free(seen.resolve);
	assert_int_equal(seen.n_calls, 0);
	seen.event = sd_event_unref(seen.event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(more_than_fit),
		cmocka_unit_test(no_address),
		cmocka_unit_test(a_host_without_a_network),
		cmocka_unit_test(freed_when_it_is_done),
		cmocka_unit_test(given_up),
		cmocka_unit_test(given_up_when_it_is_done),
	};

	(void)sem_init(&may_answer, 0, 0);
	(void)sem_init(&has_answered, 0, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
