/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One end of a link in an event loop; the other end is the test itself, on the bare socket, as well
 * behaved or hostile as the case needs. free() is wrapped: what leaves the heap must not hold the
 * secret that passed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include "lib/link.h"
#include "lib/util.h"
#include "lib/wire.h"

struct fixture {
	sd_event *event;
	struct gw_link *link;
	int peer;
	int n_fds; /* open descriptors before the test */

	unsigned n_messages, n_closed;
	unsigned n_kept;    /* by the link, at its end */
	struct gw_msg last; /* texts and blobs in it are gone */
	int kept_fd;
	char why[256];

	/* what the message callback is to do */
	int result;
	bool keep_fd, break_link, answer;
};

/* --- descriptors and memory --- */

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

static const uint8_t secret[32] = "not to be found in any memory..";

static unsigned n_leaks;

__attribute__((no_sanitize_address)) static bool holds_secret(const void *memory, size_t size)
{
	const volatile uint8_t *bytes = memory;

	for (size_t i = 0; i + sizeof(secret) <= size; i++) {
		size_t same = 0;

		while (same < sizeof(secret) && bytes[i + same] == secret[same])
			same++;
		if (same == sizeof(secret))
			return true;
	}
	return false;
}

void __real_free(void *memory);
void __wrap_free(void *memory);
void __wrap_free(void *memory)
{
	if (memory && holds_secret(memory, malloc_usable_size(memory)))
		n_leaks++;
	__real_free(memory);
}

static bool no_memory; /* from now on */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	return no_memory ? NULL : __real_malloc(size);
}

/* --- fixture --- */

static int on_message(struct gw_link *link, const struct gw_msg *msg, int *fd, void *userdata)
{
	struct fixture *f = userdata;

	f->n_messages++;
	f->last = *msg;
	if (f->keep_fd)
		f->kept_fd = TAKE_FD(*fd);
	if (f->answer)
		assert_int_equal(gw_link_send(link, msg, /* fd= */ -1), 0);
	if (f->break_link)
		gw_link_break(link, "enough");
	return f->result;
}

static void on_closed(struct gw_link *link, const char *why, void *userdata)
{
	struct fixture *f = userdata;

	f->n_closed++;
	f->n_kept = gw_link_n_kept(link);
	(void)gw_copy(f->why, sizeof(f->why), why);
	f->link = gw_link_free(link);
}

static int set_up(void **state)
{
	static const struct gw_link_ops ops = { on_message, on_closed };
	struct fixture *f = calloc(1, sizeof(*f));
	int fds[2];

	assert_non_null(f);
	f->n_fds = count_fds();
	f->kept_fd = -1;
	assert_int_equal(sd_event_new(&f->event), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	f->peer = fds[1];
	assert_int_equal(gw_link_new(f->event, fds[0], &ops, f, &f->link), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	f->link = gw_link_free(f->link);
	sd_event_unref(f->event);
	if (f->peer >= 0)
		(void)close(f->peer);
	assert_int_equal(count_fds(), f->n_fds);
	free(f);
	return 0;
}

/* Runs the loop until nothing is left to do. */
static void settle(struct fixture *f)
{
	int r;

	do {
		r = sd_event_run(f->event, 0);
		assert_true(r >= 0);
	} while (r > 0);
}

static void peer_sends_bytes(struct fixture *f, const void *data, size_t len, const int *fds,
			     size_t n)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
	union {
		struct cmsghdr header;
		uint8_t space[CMSG_SPACE(8 * sizeof(int))];
	} control = { 0 };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n) {
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(n * sizeof(int));
		*CMSG_FIRSTHDR(&header) = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
							    .cmsg_type = SCM_RIGHTS,
							    .cmsg_len = CMSG_LEN(n * sizeof(int)) };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&header)), fds, n * sizeof(int));
	}
	assert_int_equal(sendmsg(f->peer, &header, MSG_DONTWAIT | MSG_NOSIGNAL), len);
}

static void peer_sends(struct fixture *f, const struct gw_msg *msg, const int *fds, size_t n)
{
	uint8_t buf[GW_WIRE_MAX];
	size_t len;

	assert_int_equal(gw_wire_encode(msg, buf, sizeof(buf), &len), 0);
	peer_sends_bytes(f, buf, len, fds, n);
}

/* Reads a message at the other end; false if there is none. */
static bool peer_reads(struct fixture *f, struct gw_msg *ret, int *ret_fd)
{
	static uint8_t buf[GW_WIRE_MAX];
	struct iovec iov = { buf, sizeof(buf) };
	union {
		struct cmsghdr header;
		uint8_t space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr header = { .msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	ssize_t len = recvmsg(f->peer, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct gw_wire_error error;

	if (len <= 0)
		return false;
	assert_int_equal(gw_wire_decode(buf, (size_t)len, ret, &error), 0);
	*ret_fd = -1;
	if (header.msg_controllen)
		memcpy(ret_fd, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof(int));
	return true;
}

static unsigned peer_counts(struct fixture *f)
{
	struct gw_msg msg;
	unsigned n = 0;
	int fd;

	while (peer_reads(f, &msg, &fd)) {
		if (fd >= 0)
			(void)close(fd);
		n++;
	}
	return n;
}

static void assert_closed(struct fixture *f, const char *why)
{
	settle(f);
	assert_int_equal(f->n_closed, 1);
	assert_string_equal(f->why, why);
	assert_null(f->link);
}

static void assert_alive(struct fixture *f)
{
	settle(f);
	assert_int_equal(f->n_closed, 0);
}

static const struct gw_msg offer = { .type = GW_MSG_OFFER };
static const struct gw_msg channel = { .type = GW_MSG_CHANNEL, .channel = { .label = "eth0" } };

static struct gw_msg gone(uint32_t number)
{
	return (struct gw_msg){ .type = GW_MSG_CHANNEL_GONE, .channel_gone.channel = number };
}

/* --- messages --- */

static void test_both_ways(void **state)
{
	struct fixture *f = *state;
	struct gw_msg msg = gone(7);
	int fd;

	peer_sends(f, &msg, NULL, 0);
	settle(f);
	assert_int_equal(f->n_messages, 1);
	assert_int_equal(f->last.channel_gone.channel, 7);

	assert_int_equal(gw_link_send(f->link, &msg, /* fd= */ -1), 0);
	memset(&msg, 0, sizeof(msg));
	assert_true(peer_reads(f, &msg, &fd));
	assert_int_equal(msg.type, GW_MSG_CHANNEL_GONE);
	assert_int_equal(msg.channel_gone.channel, 7);
	assert_int_equal(fd, -1);
	assert_alive(f);
}

static void test_field_above_its_limit_is_the_senders_error(void **state)
{
	struct fixture *f = *state;
	struct gw_msg msg = { .type = GW_MSG_OFFER, .offer.again = 2 };

	assert_int_equal(gw_link_send(f->link, &msg, /* fd= */ -1), -EMSGSIZE);
	assert_int_equal(gw_link_queued(f->link), 0);
	assert_alive(f);
}

static void test_answer_from_within(void **state)
{
	struct fixture *f = *state;

	f->answer = true;
	for (int i = 0; i < 3; i++)
		peer_sends(f, &offer, NULL, 0);
	settle(f);
	assert_int_equal(peer_counts(f), 3);
	assert_alive(f);
}

static int on_turn(sd_event_source *source, void *userdata)
{
	struct fixture *f = userdata;

	assert_true(f->n_messages <= GW_LINK_BURST);
	f->result = 1; /* others had their turn */
	return 0;
}

static void test_others_have_their_turn(void **state)
{
	struct fixture *f = *state;
	sd_event_source *turn;

	for (int i = 0; i < GW_LINK_BURST + 10; i++)
		peer_sends(f, &offer, NULL, 0);
	assert_int_equal(sd_event_run(f->event, 0), 1);
	assert_int_equal(f->n_messages, GW_LINK_BURST);
	assert_int_equal(sd_event_add_defer(f->event, &turn, on_turn, f), 0);
	settle(f);
	assert_int_equal(f->result, 1);
	assert_int_equal(f->n_messages, GW_LINK_BURST + 10);
	sd_event_source_unref(turn);
}

/* --- the end --- */

static void test_peer_goes(void **state)
{
	struct fixture *f = *state;

	peer_sends(f, &offer, NULL, 0);
	(void)close(f->peer);
	f->peer = -1;
	assert_closed(f, "the other end is gone");
	assert_int_equal(f->n_messages, 1); /* its last words were heard */
}

static void test_peer_goes_while_we_send(void **state)
{
	struct fixture *f = *state;

	(void)close(f->peer);
	f->peer = -1;
	assert_int_equal(gw_link_send(f->link, &offer, /* fd= */ -1), 0);
	assert_int_equal(f->n_closed, 0); /* never from within */
	assert_int_equal(gw_link_send(f->link, &offer, /* fd= */ -1), 0);
	assert_closed(f, "the other end is gone");
}

static void test_refused_by_its_owner(void **state)
{
	struct fixture *f = *state;

	f->result = -EPERM;
	peer_sends(f, &offer, NULL, 0);
	peer_sends(f, &offer, NULL, 0);
	assert_closed(f, "message 'offer' refused: Operation not permitted");
	assert_int_equal(f->n_messages, 1);
}

static void test_break_from_within(void **state)
{
	struct fixture *f = *state;

	f->break_link = f->answer = true;
	f->result = -EPERM;
	peer_sends(f, &offer, NULL, 0);
	peer_sends(f, &offer, NULL, 0);
	assert_closed(f, "enough"); /* the first reason stands */
	assert_int_equal(f->n_messages, 1);
}

static void test_free_without_a_word(void **state)
{
	struct fixture *f = *state;

	gw_link_break(f->link, "unheard");
	f->link = gw_link_free(f->link);
	settle(f);
	assert_int_equal(f->n_closed, 0);
	assert_null(gw_link_free(NULL));
}

/* --- garbage --- */

static void test_garbage(void **state)
{
	struct fixture *f = *state;

	peer_sends_bytes(f, "\0\x12\2", 3, NULL, 0);
	assert_closed(f, "message 'offer': 'again' is out of range");
	assert_int_equal(f->n_messages, 0);
}

static void test_oversize(void **state)
{
	static const uint8_t big[GW_WIRE_MAX + 1];
	struct fixture *f = *state;

	peer_sends_bytes(f, big, sizeof(big), &f->peer, 1);
	assert_closed(f, "a message is too large");
}

static void test_empty_datagram(void **state)
{
	struct fixture *f = *state;

	peer_sends_bytes(f, "", 0, NULL, 0);
	assert_closed(f, "the other end is gone");
}

/* tear_down() counts: the descriptor that came with nothing must not stay open. */
static void test_empty_datagram_with_a_descriptor(void **state)
{
	struct fixture *f = *state;

	peer_sends_bytes(f, "", 0, &f->peer, 1);
	assert_closed(f, "the other end is gone");
}

/* --- descriptors --- */

static void test_descriptor_comes(void **state)
{
	struct fixture *f = *state;
	struct stat theirs, ours;

	f->keep_fd = true;
	peer_sends(f, &channel, &f->peer, 1);
	settle(f);
	assert_true(f->kept_fd >= 0);
	assert_int_equal(fstat(f->peer, &theirs), 0);
	assert_int_equal(fstat(f->kept_fd, &ours), 0);
	assert_int_equal(theirs.st_ino, ours.st_ino);
	assert_true(fcntl(f->kept_fd, F_GETFD) & FD_CLOEXEC);
	(void)close(f->kept_fd);
}

static void test_descriptor_nobody_takes_is_closed(void **state)
{
	struct fixture *f = *state;
	int before = count_fds();

	peer_sends(f, &channel, &f->peer, 1);
	settle(f);
	assert_int_equal(f->n_messages, 1);
	assert_int_equal(count_fds(), before);
}

static void test_descriptor_leaves(void **state)
{
	struct fixture *f = *state;
	int pair[2], fd = -1;
	struct stat sent, got;
	struct gw_msg msg;

	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	assert_int_equal(gw_link_send(f->link, &channel, pair[0]), 0);
	assert_true(peer_reads(f, &msg, &fd));
	assert_int_equal(fstat(pair[0], &sent), 0); /* still ours */
	assert_int_equal(fstat(fd, &got), 0);
	assert_int_equal(sent.st_ino, got.st_ino);
	(void)close(fd);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void test_no_descriptor(void **state)
{
	struct fixture *f = *state;

	peer_sends(f, &channel, NULL, 0);
	assert_closed(f, "message 'channel' came with 0 descriptors");
}

static void test_two_descriptors(void **state)
{
	struct fixture *f = *state;
	int two[] = { f->peer, f->peer };

	peer_sends(f, &channel, two, 2);
	assert_closed(f, "message 'channel' came with 2 descriptors");
}

static void test_more_descriptors_than_we_look_at(void **state)
{
	struct fixture *f = *state;
	int many[] = { f->peer, f->peer, f->peer, f->peer, f->peer, f->peer };

	peer_sends(f, &channel, many, GW_ELEMENTS(many));
	assert_closed(f, "a message came with too many descriptors");
}

/* Which number the next descriptor gets. */
static int next_fd(void)
{
	int fd = dup(STDIN_FILENO);

	(void)close(fd);
	return fd;
}

/* Whoever serves a file may have its close() wait for ever: it stays open, and is counted. */
static void test_a_file_is_kept(void **state)
{
	struct fixture *f = *state;
	int pair[2], kept;

	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	kept = next_fd();
	peer_sends(f, &offer, pair, 1);
	assert_closed(f, "message 'offer' came with 1 descriptors");
	assert_int_equal(f->n_kept, 1);
	assert_true(fcntl(kept, F_GETFD) >= 0);
	(void)close(kept);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void test_what_is_no_file_is_closed(void **state)
{
	struct fixture *f = *state;
	const struct linger linger = { 1, 65535 };
	int memory = memfd_create("test", MFD_CLOEXEC), path = open("/", O_PATH | O_CLOEXEC);
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int some[] = { memory, path, tcp }, before = count_fds();

	assert_int_equal(setsockopt(tcp, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	peer_sends(f, &offer, some, GW_ELEMENTS(some));
	assert_closed(f, "message 'offer' came with 3 descriptors");
	assert_int_equal(f->n_kept, 0);
	assert_int_equal(count_fds(), before - 1); /* the link's own is gone */
	for (size_t i = 0; i < GW_ELEMENTS(some); i++)
		(void)close(some[i]);
}

static void test_descriptor_where_none_belongs(void **state)
{
	struct fixture *f = *state;

	peer_sends(f, &offer, &f->peer, 1);
	assert_closed(f, "message 'offer' came with 1 descriptors");
}

static void test_sending_a_bad_descriptor(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(gw_link_send(f->link, &channel, 12345), -EBADF);
	assert_alive(f);
}

/* --- a peer that does not read --- */

static void test_slow_reader_gets_all_in_order(void **state)
{
	struct fixture *f = *state;
	uint32_t sent = 0, got = 0;
	struct gw_msg msg;
	int fd;

	while (gw_link_queued(f->link) < 10000) {
		msg = gone(sent++);
		assert_int_equal(gw_link_send(f->link, &msg, /* fd= */ -1), 0);
	}
	while (got < sent) {
		assert_true(peer_reads(f, &msg, &fd));
		assert_int_equal(msg.channel_gone.channel, got++);
		settle(f);
	}
	assert_int_equal(gw_link_queued(f->link), 0);
	assert_alive(f);
}

static void test_peer_that_never_reads(void **state)
{
	static const char text[GW_TEXT_MAX + 1] = { [0 ... GW_TEXT_MAX - 1] = 'x' };
	struct gw_msg msg = { .type = GW_MSG_HEALTH, .health.text = text };
	struct fixture *f = *state;
	size_t most = 0;

	for (unsigned i = 0; i < 2 * GW_LINK_QUEUE_MAX / GW_TEXT_MAX; i++) {
		assert_int_equal(gw_link_send(f->link, &msg, /* fd= */ -1), 0);
		most = GW_MAX(most, gw_link_queued(f->link));
	}
	assert_true(most <= GW_LINK_QUEUE_MAX);
	assert_true(most > GW_LINK_QUEUE_MAX / 2);
	assert_int_equal(gw_link_queued(f->link), 0);
	assert_int_equal(f->n_closed, 0);
	assert_closed(f, "it does not read what it is sent");
}

/* A small message costs more than its bytes: the fuse counts what the queue really takes. */
static void test_small_messages_count_in_full(void **state)
{
	struct fixture *f = *state;
	size_t before = mallinfo2().uordblks, most = 0;

	for (unsigned n = 0; n < GW_LINK_QUEUE_MAX / 32; n++) {
		assert_int_equal(gw_link_send(f->link, &offer, /* fd= */ -1), 0);
		most = GW_MAX(most, mallinfo2().uordblks - before);
	}
	assert_true(most <= GW_LINK_QUEUE_MAX);
	assert_closed(f, "it does not read what it is sent");
}

static void test_descriptors_that_nobody_reads(void **state)
{
	struct fixture *f = *state;
	int before = count_fds(), most = 0;

	for (unsigned i = 0; i < 4 * GW_LINK_FDS_MAX; i++) {
		assert_int_equal(gw_link_send(f->link, &channel, f->peer), 0);
		most = GW_MAX(most, count_fds() - before);
	}
	assert_true(most > 0 && most <= GW_LINK_FDS_MAX);
	assert_int_equal(count_fds(), before);
	assert_closed(f, "it does not read what it is sent");
}

/* --- holding back --- */

static void send_gone(struct fixture *f, uint32_t number)
{
	struct gw_msg msg = gone(number);

	assert_int_equal(gw_link_send(f->link, &msg, /* fd= */ -1), 0);
}

static void assert_peer_reads(struct fixture *f, uint32_t number)
{
	struct gw_msg msg;
	int fd;

	assert_true(peer_reads(f, &msg, &fd));
	assert_int_equal(msg.channel_gone.channel, number);
}

static void test_hold_and_release(void **state)
{
	struct fixture *f = *state;

	send_gone(f, 1);
	gw_link_hold(f->link);
	send_gone(f, 2);
	send_gone(f, 3);
	settle(f);
	assert_peer_reads(f, 1);
	assert_int_equal(peer_counts(f), 0);

	gw_link_release(f->link);
	assert_peer_reads(f, 2);
	assert_peer_reads(f, 3);
	send_gone(f, 4); /* still held */
	settle(f);
	assert_int_equal(peer_counts(f), 0);
	gw_link_release(f->link);
	assert_peer_reads(f, 4);
	assert_int_equal(gw_link_queued(f->link), 0);
	assert_alive(f);
}

static void test_discard_takes_back_what_is_held(void **state)
{
	struct fixture *f = *state;

	gw_link_hold(f->link);
	send_gone(f, 1);
	gw_link_discard(f->link);
	gw_link_discard(f->link);
	gw_link_release(f->link);
	send_gone(f, 2);
	gw_link_release(f->link);
	assert_peer_reads(f, 2);
	assert_int_equal(gw_link_queued(f->link), 0);
	assert_alive(f);
}

/* What was released and waits for a slow peer is out of discard's reach. */
static void test_discard_behind_a_slow_reader(void **state)
{
	struct fixture *f = *state;
	uint32_t sent = 0;
	size_t queued;

	gw_link_hold(f->link);
	while (gw_link_queued(f->link) < 10000) {
		send_gone(f, sent++);
		gw_link_release(f->link);
	}
	queued = gw_link_queued(f->link);
	send_gone(f, 12345);
	gw_link_discard(f->link);
	assert_int_equal(gw_link_queued(f->link), queued);

	for (uint32_t i = 0; i < sent; i++) {
		assert_peer_reads(f, i);
		settle(f);
	}
	assert_int_equal(peer_counts(f), 0);
	assert_alive(f);
}

static void test_break_while_held(void **state)
{
	struct fixture *f = *state;

	gw_link_hold(f->link);
	send_gone(f, 1);
	gw_link_break(f->link, "enough");
	send_gone(f, 2);
	gw_link_discard(f->link);
	gw_link_release(f->link);
	assert_int_equal(gw_link_queued(f->link), 0);
	assert_int_equal(peer_counts(f), 0);
	assert_closed(f, "enough");
}

/* --- secrets --- */

extern uint8_t __bss_start[], _end[];

static void assert_no_trace(struct fixture *f)
{
	if (f->link)
		assert_false(holds_secret(f->link, malloc_usable_size(f->link)));
	assert_false(holds_secret(__bss_start, (size_t)(_end - __bss_start)));
	assert_int_equal(n_leaks, 0);
}

static const struct gw_msg secret_msg = { .type = GW_MSG_SECRET,
					  .secret.secret = { secret, sizeof(secret) } };

static void test_sent_secret_leaves_no_trace(void **state)
{
	struct fixture *f = *state;

	gw_link_hold(f->link);
	assert_int_equal(gw_link_send(f->link, &secret_msg, /* fd= */ -1), 0);
	gw_link_release(f->link);
	assert_no_trace(f);
	gw_link_release(f->link);
	assert_int_equal(gw_link_send(f->link, &secret_msg, /* fd= */ -1), 0);
	gw_link_discard(f->link);
	assert_no_trace(f);
}

static void test_secret_in_a_message_that_cannot_be_sent(void **state)
{
	struct fixture *f = *state;
	struct gw_msg msg = { .type = GW_MSG_COMMAND,
			      .command = { .secret = { secret, sizeof(secret) },
					   .reason = "not\tprintable" } };

	assert_int_equal(gw_link_send(f->link, &msg, /* fd= */ -1), -EMSGSIZE);
	assert_no_trace(f);
}

/* The peer would wait for it for ever. */
static void test_no_memory_for_a_message(void **state)
{
	struct fixture *f = *state;
	int r;

	no_memory = true;
	r = gw_link_send(f->link, &secret_msg, /* fd= */ -1);
	no_memory = false;
	assert_int_equal(r, 0);
	assert_int_equal(f->n_closed, 0); /* never from within */
	assert_closed(f, "there was no room for a message to it");
	assert_no_trace(f);
}

static void test_received_secret_leaves_no_trace(void **state)
{
	struct fixture *f = *state;

	peer_sends(f, &secret_msg, NULL, 0);
	settle(f);
	assert_int_equal(f->n_messages, 1);
	assert_no_trace(f);

	f->result = -EPERM;
	peer_sends(f, &secret_msg, NULL, 0);
	assert_closed(f, "message 'secret' refused: Operation not permitted");
	assert_no_trace(f);
}

static void test_secret_in_the_queue_of_a_broken_link(void **state)
{
	struct fixture *f = *state;

	gw_link_hold(f->link);
	assert_int_equal(gw_link_send(f->link, &secret_msg, /* fd= */ -1), 0);
	gw_link_break(f->link, "enough");
	assert_closed(f, "enough");
	assert_no_trace(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_both_ways),
		TEST(test_field_above_its_limit_is_the_senders_error),
		TEST(test_answer_from_within),
		TEST(test_others_have_their_turn),
		TEST(test_peer_goes),
		TEST(test_peer_goes_while_we_send),
		TEST(test_refused_by_its_owner),
		TEST(test_break_from_within),
		TEST(test_free_without_a_word),
		TEST(test_garbage),
		TEST(test_oversize),
		TEST(test_empty_datagram),
		TEST(test_empty_datagram_with_a_descriptor),
		TEST(test_descriptor_comes),
		TEST(test_descriptor_nobody_takes_is_closed),
		TEST(test_descriptor_leaves),
		TEST(test_no_descriptor),
		TEST(test_two_descriptors),
		TEST(test_more_descriptors_than_we_look_at),
		TEST(test_descriptor_where_none_belongs),
		TEST(test_a_file_is_kept),
		TEST(test_what_is_no_file_is_closed),
		TEST(test_sending_a_bad_descriptor),
		TEST(test_no_memory_for_a_message),
		TEST(test_slow_reader_gets_all_in_order),
		TEST(test_peer_that_never_reads),
		TEST(test_small_messages_count_in_full),
		TEST(test_descriptors_that_nobody_reads),
		TEST(test_hold_and_release),
		TEST(test_discard_takes_back_what_is_held),
		TEST(test_discard_behind_a_slow_reader),
		TEST(test_break_while_held),
		TEST(test_sent_secret_leaves_no_trace),
		TEST(test_secret_in_a_message_that_cannot_be_sent),
		TEST(test_received_secret_leaves_no_trace),
		TEST(test_secret_in_the_queue_of_a_broken_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
