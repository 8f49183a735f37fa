/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A link owns its socket, two event sources on it (one to read and write, one to report its end from
 * the loop), and the queue of messages that the peer has not read yet. What arrives is decoded in a
 * buffer of the link's own and wiped after use; what waits is wiped when it leaves.
 *
 * The peer is not trusted: a message is taken only whole, with just the descriptors that its type
 * may carry; all else breaks the link. Breaking marks the link and leaves the rest to the event
 * loop, so that nobody's link dies while he is inside a call on it.
 */
#include "lib/link.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "lib/util.h"
#include "lib/wire.h"

#define FDS_MAX     4  /* room to see that a peer sent more than the one it may */
#define PACKET_COST 64 /* bytes that a message takes in the queue beside its own, roughly */

struct packet {
	struct packet *next;
	int fd;
	size_t len;
	uint8_t data[];
};

struct gw_link {
	int fd;
	sd_event_source *io;
	sd_event_source *end;
	const struct gw_link_ops *ops;
	void *userdata;

	struct packet *first, **last;
	struct packet **held; /* where those begin that may not leave yet; NULL: none is held */
	size_t queued;        /* bytes */
	size_t queued_fds;

	unsigned n_kept; /* descriptors that we dare not close */

	bool in_message; /* the owner is at work on a message of ours */

	bool broken;
	char why[160];
	uint8_t buf[GW_WIRE_MAX];
};

static struct packet *packet_free(struct packet *packet)
{
	explicit_bzero(packet->data, packet->len);
	if (packet->fd >= 0)
		(void)close(packet->fd);
	free(packet);
	return NULL;
}

static void count_in(struct gw_link *link, const struct packet *packet)
{
	link->queued += packet->len + PACKET_COST;
	link->queued_fds += packet->fd >= 0;
}

static void count_out(struct gw_link *link, const struct packet *packet)
{
	link->queued -= packet->len + PACKET_COST;
	link->queued_fds -= packet->fd >= 0;
}

/* Drops the packets from *from on. */
static void drop_queue(struct gw_link *link, struct packet **from)
{
	while (*from) {
		struct packet *packet = *from;

		*from = packet->next;
		count_out(link, packet);
		packet_free(packet);
	}
	link->last = from;
}

void gw_link_break(struct gw_link *link, const char *why)
{
	if (link->broken)
		return;

	link->broken = true;
	(void)gw_copy(link->why, sizeof(link->why), why);
	drop_queue(link, &link->first);
	if (link->held)
		link->held = &link->first;
	(void)sd_event_source_set_enabled(link->io, SD_EVENT_OFF);
	(void)sd_event_source_set_enabled(link->end, SD_EVENT_ONESHOT);
}

/* Whether a packet may leave. */
static bool has_something_to_send(const struct gw_link *link)
{
	return link->first && link->held != &link->first;
}

static void watch(struct gw_link *link)
{
	uint32_t events = EPOLLIN | (has_something_to_send(link) ? EPOLLOUT : 0u);

	(void)sd_event_source_set_io_events(link->io, events);
}

/* --- sending --- */

static int send_packet(int socket_fd, const struct packet *packet)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)packet->data, .iov_len = packet->len };
	union {
		struct cmsghdr header;
		uint8_t space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (packet->fd >= 0) {
		header.msg_control = &control;
		header.msg_controllen = sizeof(control);
		*CMSG_FIRSTHDR(&header) = (struct cmsghdr){
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(sizeof(int)),
		};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&header)), &packet->fd, sizeof(int));
	}

	return sendmsg(socket_fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void flush_queue(struct gw_link *link)
{
	while (has_something_to_send(link)) {
		struct packet *packet = link->first;
		int r = send_packet(link->fd, packet);

		if (r == -EAGAIN || r == -EINTR || r == -ENOBUFS)
			return;
		if (r < 0) {
			gw_link_break(link, "the other end is gone");
			return;
		}

		link->first = packet->next;
		if (link->last == &packet->next)
			link->last = &link->first;
		if (link->held == &packet->next)
			link->held = &link->first;
		count_out(link, packet);
		packet_free(packet);
	}
}

static void flush_and_watch(struct gw_link *link)
{
	flush_queue(link);
	if (!link->broken)
		watch(link);
}

static int packet_new(const struct gw_msg *msg, int fd, struct packet **ret)
{
	static uint8_t buf[GW_WIRE_MAX];
	struct packet *packet;
	size_t len;
	int r;

	r = gw_wire_encode(msg, buf, sizeof(buf), &len);
	if (r < 0) {
		explicit_bzero(buf,
			       sizeof(buf)); /* a secret may stand before the field that failed */
		return r;
	}

	packet = malloc(sizeof(*packet) + len);
	if (packet) {
		*packet = (struct packet){ .fd = -1, .len = len };
		memcpy(packet->data, buf, len);
	}
	explicit_bzero(buf, len);
	if (!packet)
		return -ENOMEM;

	if (fd >= 0) {
		packet->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (packet->fd < 0) {
			r = -errno;
			packet_free(packet);
			return r;
		}
	}

	*ret = packet;
	return 0;
}

int gw_link_send(struct gw_link *link, const struct gw_msg *msg, int fd)
{
	struct packet *packet = NULL;
	int r;

	if (link->broken)
		return 0;

	r = packet_new(msg, fd, &packet);
	if (r == -ENOMEM || r == -EMFILE || r == -ENFILE) {
		gw_link_break(link, "there was no room for a message to it");
		return 0;
	}
	if (r < 0)
		return r;

	assert(packet);
	count_in(link, packet);
	*link->last = packet;
	link->last = &packet->next;
	if (link->queued > GW_LINK_QUEUE_MAX || link->queued_fds > GW_LINK_FDS_MAX) {
		gw_link_break(link, "it does not read what it is sent");
		return 0;
	}

	flush_and_watch(link);
	return 0;
}

void gw_link_hold(struct gw_link *link)
{
	link->held = link->last;
}

void gw_link_release(struct gw_link *link)
{
	link->held = link->last;
	if (!link->broken)
		flush_and_watch(link);
}

void gw_link_discard(struct gw_link *link)
{
	assert(link->held);

	drop_queue(link, link->held);
}

size_t gw_link_queued(const struct gw_link *link)
{
	return link->queued;
}

unsigned gw_link_n_kept(const struct gw_link *link)
{
	return link->n_kept;
}

/* --- receiving --- */

/*
 * Of what is no file, nobody is asked when it is closed: a socket that does not linger, memory, a path alone
 * (which is EBADF here). To ask a file what it is (fstat) would be to ask whoever serves it.
 */
static bool closes_at_once(int fd)
{
	const struct linger none = { 0 };

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)) >= 0 || errno != ENOTSOCK)
		return true;
	return fcntl(fd, F_GET_SEALS) >= 0;
}

static void let_go(struct gw_link *link, int fd)
{
	if (fd < 0)
		return;
	if (closes_at_once(fd))
		(void)close(fd);
	else
		link->n_kept++;
}

/* Collects the descriptors of a received message; of all but the first we let go at once. */
static int take_fds(struct gw_link *link, struct msghdr *header, int *ret_count)
{
	int first = -1, count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (count++ == 0)
				first = fd;
			else
				let_go(link, fd);
		}
	}

	*ret_count = count;
	return first;
}

static void handle(struct gw_link *link, size_t len, int *fd, int n_fds)
{
	struct gw_wire_error error;
	struct gw_msg msg;
	char why[160];
	int r;

	if (gw_wire_decode(link->buf, len, &msg, &error) < 0) {
		(void)snprintf(why, sizeof(why), "message '%s': '%s' %s", error.message,
			       error.field, error.why);
		gw_link_break(link, why);
		return;
	}
	if (n_fds != (gw_wire_has_fd(msg.type) ? 1 : 0)) {
		(void)snprintf(why, sizeof(why), "message '%s' came with %d descriptors",
			       gw_wire_name(msg.type), n_fds);
		gw_link_break(link, why);
		return;
	}

	link->in_message = true;
	r = link->ops->message(link, &msg, fd, link->userdata);
	link->in_message = false;
	if (r < 0) {
		(void)snprintf(why, sizeof(why), "message '%s' refused: %s", gw_wire_name(msg.type),
			       strerror(-r));
		gw_link_break(link, why);
	}
}

/* Reads and handles one message. False if there was none. */
static bool receive(struct gw_link *link)
{
	struct iovec iov = { .iov_base = link->buf, .iov_len = sizeof(link->buf) };
	union {
		struct cmsghdr header;
		uint8_t space[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct msghdr header = { .msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	int fd, n_fds;
	ssize_t len = recvmsg(link->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (len < 0) {
		gw_link_break(link, "the other end is gone");
		return false;
	}

	fd = take_fds(link, &header, &n_fds);
	if (len == 0) /* what an empty message, which may bring descriptors, looks like too */
		gw_link_break(link, "the other end is gone");
	else if (header.msg_flags & MSG_TRUNC)
		gw_link_break(link, "a message is too large");
	else if (header.msg_flags & MSG_CTRUNC)
		gw_link_break(link, "a message came with too many descriptors");
	else
		handle(link, (size_t)len, &fd, n_fds);
	let_go(link, fd);
	explicit_bzero(link->buf, (size_t)len);
	return true;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct gw_link *link = userdata;

	if (revents & EPOLLOUT)
		flush_queue(link);
	for (int i = 0; i < GW_LINK_BURST && !link->broken; i++)
		if (!receive(link))
			break;
	if (!link->broken)
		watch(link);
	return 0;
}

static int on_end(sd_event_source *source, void *userdata)
{
	struct gw_link *link = userdata;

	link->ops->closed(link, link->why, link->userdata);
	return 0;
}

/* --- life --- */

struct gw_link *gw_link_free(struct gw_link *link)
{
	if (!link)
		return NULL;

	assert(!link->in_message);
	drop_queue(link, &link->first);
	sd_event_source_disable_unref(link->io);
	sd_event_source_disable_unref(link->end);
	(void)close(link->fd);
	free(link);
	return NULL;
}

GW_DEFINE_CLEANUP(struct gw_link *, gw_link_free)

int gw_link_new(sd_event *event, int fd, const struct gw_link_ops *ops, void *userdata,
		struct gw_link **ret)
{
	_cleanup_(gw_link_freep) struct gw_link *link = calloc(1, sizeof(*link));
	int r;

	if (!link) {
		(void)close(fd);
		return -ENOMEM;
	}

	link->fd = fd;
	link->ops = ops;
	link->userdata = userdata;
	link->last = &link->first;

	r = sd_event_add_io(event, &link->io, fd, EPOLLIN, on_io, link);
	if (r < 0)
		return r;
	r = sd_event_add_defer(event, &link->end, on_end, link);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(link->end, SD_EVENT_OFF);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(link);
	return 0;
}
