/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Netlink without a kernel: made messages are laid before libnl's own parser, the requests for dumps are caught, and
 * pauses are noted and not waited for. Ten thousand neighbours arrive with an overrun in the middle; dumps
 * are disturbed, refused and interrupted; every truncation of a message is read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <systemd/sd-event.h>

#include "lib/util.h"
#include "plugins/ip/neighbour.h"
#include "plugins/ip/netlink.h"

#define CROWD        10000
#define MESSAGE_SIZE 64
#define PER_DATAGRAM 100
#define OUR_PORT     4711

#define MILLISECOND_US 1000u

/* What libnl reads next, in order: an error, or a datagram. */
struct input {
	int error; /* NLE_..., or 0 */
	uint8_t *data;
	size_t len;
	struct input *next;
};

struct world {
	sd_event *event;
	struct netlink *netlink;
	int wakeup; /* what the loop takes for the netlink socket */
	struct input *first, **last;

	int requests[64]; /* RTM_GETLINK, ... */
	size_t n_requests;
	uint64_t pauses_us[64];
	size_t n_pauses, n_wakeups;

	struct neighbours *neighbours;
	size_t n_begun, n_ended, n_complete;
	bool again; /* what the next end of a dump is to say */
};

static struct world *world;

/* --- in place of the kernel --- */

int __wrap_nl_connect(struct nl_sock *socket, int protocol);
int __wrap_nl_connect(struct nl_sock *socket, int protocol)
{
	nl_socket_set_local_port(socket, OUR_PORT);
	return 0;
}

int __wrap_nl_socket_get_fd(const struct nl_sock *socket);
int __wrap_nl_socket_get_fd(const struct nl_sock *socket)
{
	return world->wakeup;
}

int __wrap_nl_socket_set_nonblocking(const struct nl_sock *socket);
int __wrap_nl_socket_set_nonblocking(const struct nl_sock *socket)
{
	return 0;
}

int __wrap_nl_socket_add_memberships(struct nl_sock *socket, int group, ...);
int __wrap_nl_socket_add_memberships(struct nl_sock *socket, int group, ...)
{
	return 0;
}

int __wrap_nl_send_simple(struct nl_sock *socket, int type, int flags, void *buf, size_t size);
int __wrap_nl_send_simple(struct nl_sock *socket, int type, int flags, void *buf, size_t size)
{
	assert_int_equal(flags, NLM_F_DUMP);
	assert_true(world->n_requests < GW_ELEMENTS(world->requests));
	world->requests[world->n_requests++] = type;
	return 0;
}

int __wrap_sd_event_source_set_time_relative(sd_event_source *source, uint64_t usec);
int __real_sd_event_source_set_time_relative(sd_event_source *source, uint64_t usec);
int __wrap_sd_event_source_set_time_relative(sd_event_source *source, uint64_t usec)
{
	assert_true(world->n_pauses < GW_ELEMENTS(world->pauses_us));
	world->pauses_us[world->n_pauses++] = usec;
	return __real_sd_event_source_set_time_relative(source, 0);
}

static int give(struct nl_sock *socket, struct sockaddr_nl *from, unsigned char **ret,
		struct ucred **ret_credentials)
{
	struct input *input = world->first;
	eventfd_t count;
	int r;

	if (!input) {
		(void)eventfd_read(world->wakeup, &count);
		return -NLE_AGAIN;
	}

	world->first = input->next;
	if (!world->first)
		world->last = &world->first;
	*from = (struct sockaddr_nl){ .nl_family = AF_NETLINK };
	r = input->error ? -input->error : (int)input->len;
	*ret = input->data; /* libnl frees it */
	if (input->error)
		free(input->data);
	free(input);
	return r;
}

int __wrap_nl_recvmsgs_default(struct nl_sock *socket);
int __wrap_nl_recvmsgs_default(struct nl_sock *socket)
{
	struct nl_cb *cb = nl_socket_get_cb(socket);
	int r;

	nl_cb_overwrite_recv(cb, give);
	r = nl_recvmsgs(socket, cb);
	nl_cb_put(cb);
	return r;
}

static void lay_out(int error, const uint8_t *data, size_t len)
{
	struct input *input = calloc(1, sizeof(*input));

	assert_non_null(input);
	input->error = error;
	input->data = malloc(len + 1);
	assert_non_null(input->data);
	if (len)
		memcpy(input->data, data, len);
	input->len = len;
	*world->last = input;
	world->last = &input->next;
	assert_int_equal(eventfd_write(world->wakeup, 1), 0);
}

/* --- messages --- */

static void put_attribute(struct nlmsghdr *header, uint16_t type, const void *data, uint16_t len)
{
	struct nlattr *attr = (struct nlattr *)((uint8_t *)header + NLMSG_ALIGN(header->nlmsg_len));

	attr->nla_type = type;
	attr->nla_len = (uint16_t)(NLA_HDRLEN + len);
	memcpy((uint8_t *)attr + NLA_HDRLEN, data, len);
	header->nlmsg_len = NLMSG_ALIGN(header->nlmsg_len) + NLA_ALIGN(attr->nla_len);
}

/* One neighbour of the crowd; returns its length. */
static size_t make_neighbour(uint8_t *buf, unsigned number, uint16_t type, uint16_t state,
			     bool is_dumped, uint16_t flags)
{
	const uint8_t address[4] = { 10, 9, (uint8_t)(number >> 8), (uint8_t)number };
	const uint8_t mac[6] = { 2, 0, 0, 0, (uint8_t)(number >> 8), (uint8_t)number };
	struct nlmsghdr *header = (struct nlmsghdr *)buf;
	struct ndmsg *info = (struct ndmsg *)(buf + NLMSG_HDRLEN);

	memset(buf, 0, MESSAGE_SIZE);
	header->nlmsg_type = type;
	header->nlmsg_flags = flags;
	header->nlmsg_pid = is_dumped ? OUR_PORT : 0;
	header->nlmsg_len = NLMSG_HDRLEN + sizeof(*info);
	info->ndm_family = AF_INET;
	info->ndm_ifindex = 2;
	info->ndm_state = state;
	put_attribute(header, NDA_DST, address, sizeof(address));
	put_attribute(header, NDA_LLADDR, mac, sizeof(mac));
	return header->nlmsg_len;
}

/* Neighbours [begin, end) as news or as part of a dump, many in a datagram as the kernel does. */
static void lay_out_neighbours(unsigned begin, unsigned end, uint16_t type, bool is_dumped)
{
	uint8_t buf[PER_DATAGRAM * MESSAGE_SIZE] __attribute__((aligned(4)));

	while (begin < end) {
		size_t len = 0;

		for (unsigned i = 0; i < PER_DATAGRAM && begin < end; i++, begin++)
			len += make_neighbour(buf + len, begin, type, NUD_REACHABLE, is_dumped,
					      is_dumped ? NLM_F_MULTI : 0);
		lay_out(0, buf, len);
	}
}

static void lay_out_done(uint16_t flags)
{
	struct nlmsghdr done = { .nlmsg_len = NLMSG_HDRLEN + sizeof(int),
				 .nlmsg_type = NLMSG_DONE,
				 .nlmsg_flags = NLM_F_MULTI | flags,
				 .nlmsg_pid = OUR_PORT };
	uint8_t buf[NLMSG_HDRLEN + sizeof(int)] = { 0 };

	memcpy(buf, &done, sizeof(done));
	lay_out(0, buf, sizeof(buf));
}

static void lay_out_error(int error)
{
	uint8_t buf[NLMSG_HDRLEN + sizeof(struct nlmsgerr)] __attribute__((aligned(4))) = { 0 };
	struct nlmsghdr *header = (struct nlmsghdr *)buf;

	*header = (struct nlmsghdr){ .nlmsg_len = sizeof(buf),
				     .nlmsg_type = NLMSG_ERROR,
				     .nlmsg_pid = OUR_PORT };
	((struct nlmsgerr *)(buf + NLMSG_HDRLEN))->error = error;
	lay_out(0, buf, sizeof(buf));
}

/* --- what is told --- */

static void on_begin(enum netlink_dump dump, void *userdata)
{
	world->n_begun++;
	if (dump == NETLINK_DUMP_NEIGHBOURS)
		neighbours_begin(world->neighbours);
}

static bool on_end(enum netlink_dump dump, bool complete, void *userdata)
{
	bool again = world->again;

	world->n_ended++;
	world->n_complete += complete;
	world->again = false;
	if (dump == NETLINK_DUMP_NEIGHBOURS && complete)
		(void)neighbours_end(world->neighbours);
	return again;
}

static void on_link(const struct netlink_link *link, void *userdata)
{
}

static void on_address(const struct netlink_address *address, void *userdata)
{
}

static void on_neighbour(const struct netlink_neighbour *seen, void *userdata)
{
	struct neighbour n = { .interface = "gw0",
			       .family = seen->family,
			       .present = seen->present,
			       .mac_len = seen->mac_len };

	memcpy(n.address, seen->address, sizeof(n.address));
	memcpy(n.mac, seen->mac, sizeof(n.mac));
	assert_in_range(neighbours_see(world->neighbours, &n), 0, 1);
}

/* --- the loop --- */

/* Turns until there is nothing more to do; no turn may be one too many. */
static void run(void)
{
	while (sd_event_run(world->event, 0) > 0)
		assert_true(++world->n_wakeups < 10000);
}

static int last_request(void)
{
	return world->n_requests ? world->requests[world->n_requests - 1] : 0;
}

static void answer_interfaces(void)
{
	assert_int_equal(last_request(), RTM_GETLINK);
	lay_out_done(0);
	run();
	assert_int_equal(last_request(), RTM_GETADDR);
	lay_out_done(0);
	run();
}

static int set_up(void **state)
{
	static const struct netlink_ops ops = { on_begin, on_end, on_link, on_address,
						on_neighbour };

	world = calloc(1, sizeof(*world));
	assert_non_null(world);
	world->last = &world->first;
	world->wakeup = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	world->neighbours = neighbours_new();
	assert_int_equal(sd_event_new(&world->event), 0);
	assert_int_equal(netlink_new(world->event, &ops, NULL, &world->netlink), 0);

	/* The first dumps, of an empty network. */
	run();
	answer_interfaces();
	assert_int_equal(last_request(), RTM_GETNEIGH);
	lay_out_done(0);
	run();
	assert_int_equal(world->n_requests, 3);
	assert_int_equal(world->n_complete, 2);
	world->n_requests = world->n_pauses = world->n_wakeups = 0;
	world->n_begun = world->n_ended = world->n_complete = 0;
	return 0;
}

static int tear_down(void **state)
{
	assert_null(world->first);
	assert_null(netlink_free(world->netlink));
	assert_null(neighbours_free(world->neighbours));
	sd_event_unref(world->event);
	(void)close(world->wakeup);
	free(world);
	return 0;
}

static void test_a_crowd(void **state)
{
	lay_out_neighbours(0, CROWD, RTM_NEWNEIGH, false);
	run();
	assert_int_equal(neighbours_count(world->neighbours), CROWD);
	assert_int_equal(world->n_requests, 0); /* nothing was lost, nothing is asked */
	assert_true(world->n_wakeups <= CROWD / PER_DATAGRAM);
}

/* Half of the crowd is lost, and the farewell of some who were there. */
static void test_overrun(void **state)
{
	lay_out_neighbours(0, 100, RTM_NEWNEIGH, false);
	lay_out_neighbours(5000, CROWD, RTM_NEWNEIGH, false);
	lay_out(NLE_NOMEM, NULL, 0);
	lay_out_neighbours(5000, 5100, RTM_NEWNEIGH, false); /* heard a second time */
	lay_out(NLE_NOMEM, NULL, 0);
	run();
	assert_int_equal(neighbours_count(world->neighbours), 5100);

	/* One dump of each kind, after a pause, however often it overran. */
	answer_interfaces();
	assert_int_equal(last_request(), RTM_GETNEIGH);
	assert_int_equal(world->n_requests, 3);
	lay_out_neighbours(50, CROWD, RTM_NEWNEIGH, true);
	lay_out_done(0);
	run();

	for (struct neighbour n; neighbours_next(world->neighbours, &n);)
		assert_int_equal(n.present, n.address[2] || n.address[3] >= 50);
	assert_int_equal(neighbours_count(world->neighbours), CROWD - 50);
	assert_int_equal(world->n_requests, 3);
	assert_int_equal(world->n_complete, 2);
}

/* An overrun in the middle of a dump: what it told stands, nobody is missed, and it is made again. */
static void test_overrun_of_a_dump(void **state)
{
	lay_out_neighbours(0, 200, RTM_NEWNEIGH, false);
	run();
	netlink_want(world->netlink, NETLINK_DUMP_NEIGHBOURS);
	run();
	assert_int_equal(last_request(), RTM_GETNEIGH);
	lay_out_neighbours(0, 100, RTM_NEWNEIGH, true);
	lay_out(NLE_NOMEM, NULL, 0);
	lay_out_done(0);
	run();
	assert_int_equal(world->n_ended, 1);
	assert_int_equal(world->n_complete, 0);
	assert_int_equal(neighbours_count(world->neighbours), 200);

	answer_interfaces();
	assert_int_equal(last_request(), RTM_GETNEIGH);
	lay_out_neighbours(0, 150, RTM_NEWNEIGH, true);
	lay_out_done(0);
	run();
	assert_int_equal(world->n_complete, 2);
	for (struct neighbour n; neighbours_next(world->neighbours, &n);)
		;
	assert_int_equal(neighbours_count(world->neighbours), 150);
}

static void disturb_by_flag(void)
{
	lay_out_done(NLM_F_DUMP_INTR);
}

static void disturb_in_the_middle(void)
{
	uint8_t buf[MESSAGE_SIZE] __attribute__((aligned(4)));
	size_t len = make_neighbour(buf, 1, RTM_NEWNEIGH, NUD_STALE, true,
				    NLM_F_MULTI | NLM_F_DUMP_INTR);

	lay_out(0, buf, len);
	lay_out_done(0);
}

static void disturb_by_refusal(void)
{
	lay_out_error(-EBUSY);
}

static void disturb_by_disagreement(void)
{
	world->again = true;
	lay_out_done(0);
}

/* Whatever disturbs a dump, it is made again after a pause that doubles up to five seconds, until all is well. */
static void test_disturbed_dumps(void **state)
{
	static void (*const ways[])(void) = { disturb_by_flag, disturb_in_the_middle,
					      disturb_by_refusal, disturb_by_disagreement };

	for (size_t way = 0; way < GW_ELEMENTS(ways); way++) {
		uint64_t pause_us = 200 * MILLISECOND_US;

		world->n_requests = 0;
		netlink_want(world->netlink, NETLINK_DUMP_NEIGHBOURS);
		run();
		for (size_t i = 1; i < 8; i++) {
			assert_int_equal(world->n_requests, i);
			world->n_pauses = 0;
			ways[way]();
			run();
			pause_us = GW_MIN(2 * pause_us, 5000 * MILLISECOND_US);
			assert_int_equal(world->pauses_us[world->n_pauses - 1], pause_us);
		}
		lay_out_done(0);
		run();
		assert_int_equal(world->pauses_us[world->n_pauses - 1], 200 * MILLISECOND_US);
		assert_int_equal(world->n_requests, 8);
	}
}

static void test_states(void **state)
{
	static const uint16_t present[] = { NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE,
					    NUD_PERMANENT };
	static const uint16_t absent[] = { 0, NUD_INCOMPLETE, NUD_FAILED, NUD_NOARP };
	uint8_t buf[MESSAGE_SIZE] __attribute__((aligned(4)));

	for (unsigned i = 0; i < GW_ELEMENTS(present); i++)
		lay_out(0, buf, make_neighbour(buf, i, RTM_NEWNEIGH, present[i], false, 0));
	for (unsigned i = 0; i < GW_ELEMENTS(absent); i++)
		lay_out(0, buf, make_neighbour(buf, 100 + i, RTM_NEWNEIGH, absent[i], false, 0));
	run();
	assert_int_equal(neighbours_count(world->neighbours), GW_ELEMENTS(present));
}

/* Cut off anywhere, in the header's own words and in fact (an empty one libnl keeps to itself): nobody is made
 * up of it. */
static void test_truncations(void **state)
{
	uint8_t whole[MESSAGE_SIZE] __attribute__((aligned(4))), cut[MESSAGE_SIZE];
	size_t len = make_neighbour(whole, 7, RTM_NEWNEIGH, NUD_REACHABLE, false, 0);

	for (uint32_t claimed = 0; claimed < len + 8; claimed++)
		for (size_t there = 1; there < len; there++) {
			memcpy(cut, whole, sizeof(cut));
			memcpy(cut, &claimed, sizeof(claimed));
			lay_out(0, cut, there);
			run();
			world->n_wakeups = 0;
		}
	assert_in_range(neighbours_count(world->neighbours), 0, 1);
	lay_out(0, whole, len);
	run();
	assert_int_equal(neighbours_count(world->neighbours), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_a_crowd),         TEST(test_overrun), TEST(test_overrun_of_a_dump),
		TEST(test_disturbed_dumps), TEST(test_states),  TEST(test_truncations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
