/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as the kernel's messages about links, addresses and neighbours, through libnl's rules for a
 * sequence of them, into the reader and the table behind it. Names end, addresses are of their family,
 * the table stays within its bound, and between two dumps there is a pause.
 *
 * The input is a list of datagrams: a byte of switches (part of a dump, time passes before it, the kernel
 * had to drop some, a request fails), two bytes of length, and the messages.
 */
#include <linux/rtnetlink.h>
#include <netlink/handlers.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lib/util.h"
#include "plugins/ip/neighbour.h"
#include "plugins/ip/netlink.h"
#include "tests/fuzz/fake-loop.h"
#include "tests/fuzz/input.h"

#define DUMPS_PER_SECOND_MAX 6
#define DATAGRAMS_MAX        64
#define LOCAL_PORT           7

enum flag { FLAG_TIME = 1, FLAG_OVERRUN = 2, FLAG_FAIL = 4 };

static struct {
	nl_recvmsg_msg_cb_t on_valid, on_finish, on_interrupted;
	nl_recvmsg_err_cb_t on_error;
	void *userdata;
	struct gw_blob datagram; /* that waits; empty: none does */
	bool overrun, fail;
	struct neighbours *table;
	bool dumping;
	unsigned n_dumps;
	uint64_t second;
} kernel;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- in place of libnl's socket --- */

uint32_t __wrap_nl_socket_get_local_port(const struct nl_sock *socket);
int __wrap_nl_connect(struct nl_sock *socket, int protocol);
int __wrap_nl_socket_set_nonblocking(const struct nl_sock *socket);
int __wrap_nl_socket_add_memberships(struct nl_sock *socket, int group, ...);
int __wrap_nl_socket_modify_cb(struct nl_sock *socket, enum nl_cb_type type, enum nl_cb_kind kind,
			       nl_recvmsg_msg_cb_t callback, void *userdata);
int __wrap_nl_socket_modify_err_cb(struct nl_sock *socket, enum nl_cb_kind kind,
				   nl_recvmsg_err_cb_t callback, void *userdata);
int __wrap_nl_send_simple(struct nl_sock *socket, int type, int flags, void *data, size_t len);
int __wrap_nl_recvmsgs_default(struct nl_sock *socket);

uint32_t __wrap_nl_socket_get_local_port(const struct nl_sock *socket)
{
	return LOCAL_PORT;
}

int __wrap_nl_connect(struct nl_sock *socket, int protocol)
{
	return 0;
}

int __wrap_nl_socket_set_nonblocking(const struct nl_sock *socket)
{
	return 0;
}

int __wrap_nl_socket_add_memberships(struct nl_sock *socket, int group, ...)
{
	return 0;
}

int __wrap_nl_socket_modify_cb(struct nl_sock *socket, enum nl_cb_type type, enum nl_cb_kind kind,
			       nl_recvmsg_msg_cb_t callback, void *userdata)
{
	if (type == NL_CB_VALID)
		kernel.on_valid = callback;
	else if (type == NL_CB_FINISH)
		kernel.on_finish = callback;
	else if (type == NL_CB_DUMP_INTR)
		kernel.on_interrupted = callback;
	kernel.userdata = userdata;
	return 0;
}

int __wrap_nl_socket_modify_err_cb(struct nl_sock *socket, enum nl_cb_kind kind,
				   nl_recvmsg_err_cb_t callback, void *userdata)
{
	kernel.on_error = callback;
	return 0;
}

int __wrap_nl_send_simple(struct nl_sock *socket, int type, int flags, void *data, size_t len)
{
	return kernel.fail ? -NLE_NOMEM : 0;
}

/* What libnl does with one message (recvmsgs() in its nl.c). */
static void hand_over(const struct nlmsghdr *header)
{
	struct nl_msg *msg = nlmsg_convert((struct nlmsghdr *)(uintptr_t)header);
	struct nlmsgerr error = { .error = -EBUSY };
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };

	require(msg != NULL);
	if (header->nlmsg_flags & NLM_F_DUMP_INTR)
		(void)kernel.on_interrupted(msg, kernel.userdata);
	if (header->nlmsg_type == NLMSG_DONE)
		(void)kernel.on_finish(msg, kernel.userdata);
	else if (header->nlmsg_type == NLMSG_ERROR)
		(void)kernel.on_error(&address, &error, kernel.userdata);
	else if (header->nlmsg_type != NLMSG_NOOP && header->nlmsg_type != NLMSG_OVERRUN)
		(void)kernel.on_valid(msg, kernel.userdata);
	nlmsg_free(msg);
}

int __wrap_nl_recvmsgs_default(struct nl_sock *socket)
{
	size_t len = kernel.datagram.len;
	uint8_t *copy;
	int left;

	if (kernel.overrun) {
		kernel.overrun = false;
		return -NLE_NOMEM;
	}
	if (len == 0)
		return -NLE_AGAIN;

	copy = gw_blob_dup(kernel.datagram);
	require(copy != NULL);
	kernel.datagram.len = 0;
	left = (int)len;
	for (struct nlmsghdr *h = (struct nlmsghdr *)copy; nlmsg_ok(h, left);
	     h = nlmsg_next(h, &left))
		hand_over(h);
	free(copy);
	return 0;
}

/* --- what is told --- */

static void on_begin(enum netlink_dump dump, void *userdata)
{
	uint64_t second = fake_loop_now_us() / 1000000;

	if (second != kernel.second)
		kernel.n_dumps = 0;
	kernel.second = second;
	require(++kernel.n_dumps <= DUMPS_PER_SECOND_MAX && !kernel.dumping);
	kernel.dumping = true;
	if (dump == NETLINK_DUMP_NEIGHBOURS)
		neighbours_begin(kernel.table);
}

static bool on_end(enum netlink_dump dump, bool complete, void *userdata)
{
	require(kernel.dumping);
	kernel.dumping = false;
	if (dump != NETLINK_DUMP_NEIGHBOURS || !complete)
		return false;
	return neighbours_end(kernel.table) > 0;
}

static void on_link(const struct netlink_link *link, void *userdata)
{
	require(strnlen(link->name, sizeof(link->name)) < sizeof(link->name));
}

static void on_address(const struct netlink_address *address, void *userdata)
{
}

static void on_neighbour(const struct netlink_neighbour *n, void *userdata)
{
	struct neighbour seen = { .family = n->family,
				  .present = n->present,
				  .mac_len = n->mac_len };

	require(n->family == AF_INET || n->family == AF_INET6);
	require(n->mac_len <= sizeof(n->mac) && (!n->present || n->mac_len > 0));
	memcpy(seen.interface, n->index & 1 ? "eth1" : "eth0", sizeof("eth0"));
	memcpy(seen.address, n->address, sizeof(seen.address));
	memcpy(seen.mac, n->mac, sizeof(seen.mac));
	(void)neighbours_see(kernel.table, &seen);
	require(neighbours_count(kernel.table) <= NEIGHBOURS_MAX);
}

/* --- the input --- */

static void take_datagram(struct gw_blob *in)
{
	uint8_t flags = in->data[0];
	size_t len = (size_t)in->data[1] << 8 | in->data[2];
	struct neighbour change;

	*in = (struct gw_blob){ in->data + 3, in->len - 3 };
	len = GW_MIN(len, in->len);
	kernel.datagram = (struct gw_blob){ in->data, len };
	kernel.overrun = flags & FLAG_OVERRUN;
	kernel.fail = flags & FLAG_FAIL;
	*in = (struct gw_blob){ in->data + len, in->len - len };

	if (flags & FLAG_TIME)
		fake_loop_pass(10000ull << (flags >> 4));
	fake_loop_wake(EPOLLIN);
	for (unsigned i = 0; i < 4 && neighbours_next(kernel.table, &change); i++)
		require(change.mac_len <= sizeof(change.mac));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct netlink_ops ops = { on_begin, on_end, on_link, on_address,
						on_neighbour };
	struct gw_blob in = { data, size };
	struct netlink *netlink;

	memset(&kernel, 0, sizeof(kernel));
	fake_loop_begin(/* sent= */ NULL);
	kernel.table = neighbours_new();
	require(kernel.table && netlink_new(/* event= */ NULL, &ops, NULL, &netlink) == 0);
	fake_loop_pass(0);
	for (unsigned i = 0; i < DATAGRAMS_MAX && in.len >= 3; i++)
		take_datagram(&in);
	netlink_free(netlink);
	neighbours_free(kernel.table);
	return 0;
}
