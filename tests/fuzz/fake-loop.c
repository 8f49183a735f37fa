/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The linker puts the functions here in place of sd-event's, the clocks and the calls on sockets
 * (local.mk), so a program's rooms run unchanged, down to how they read addresses from the kernel.
 * A timer that is due again at once, over and over, is a busy loop, and found here.
 */
#include "tests/fuzz/fake-loop.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "lib/util.h"

#define CALLS_PER_INSTANT_MAX 10000
#define DATAGRAM_MAX          2048

struct sd_event_source {
	struct sd_event_source *next;
	sd_event_io_handler_t on_io;
	sd_event_time_handler_t on_time;
	void *userdata;
	int fd, family;
	uint64_t due_us;
	int enabled;
};

static struct {
	struct sd_event_source *sources;
	uint64_t now_us;
	void (*sent)(const struct sockaddr *to, struct gw_blob datagram);
	const struct sockaddr *from; /* of the datagram that waits; NULL: none does */
	struct gw_blob datagram;
} loop;

/* --- in place of the clocks --- */

uint64_t __wrap_gw_now_monotonic_us(void);
uint64_t __wrap_gw_now_realtime_us(void);
uint64_t __wrap_gw_now_boottime_us(void);

uint64_t __wrap_gw_now_monotonic_us(void)
{
	return loop.now_us;
}

uint64_t __wrap_gw_now_boottime_us(void)
{
	return loop.now_us;
}

uint64_t __wrap_gw_now_realtime_us(void)
{
	return 1790000000ull * 1000000 + loop.now_us;
}

/* --- in place of sd-event --- */

int __wrap_sd_event_add_io(sd_event *event, sd_event_source **ret, int fd, uint32_t events,
			   sd_event_io_handler_t callback, void *userdata);
int __wrap_sd_event_add_time(sd_event *event, sd_event_source **ret, clockid_t clock, uint64_t us,
			     uint64_t accuracy_us, sd_event_time_handler_t callback,
			     void *userdata);
int __wrap_sd_event_add_time_relative(sd_event *event, sd_event_source **ret, clockid_t clock,
				      uint64_t us, uint64_t accuracy_us,
				      sd_event_time_handler_t callback, void *userdata);
int __wrap_sd_event_add_inotify(sd_event *event, sd_event_source **ret, const char *path,
				uint32_t mask, sd_event_inotify_handler_t callback, void *userdata);
int __wrap_sd_event_source_set_time(sd_event_source *source, uint64_t us);
int __wrap_sd_event_source_set_time_relative(sd_event_source *source, uint64_t us);
int __wrap_sd_event_source_get_enabled(sd_event_source *source, int *ret);
int __wrap_sd_event_source_set_enabled(sd_event_source *source, int enabled);
sd_event_source *__wrap_sd_event_source_disable_unref(sd_event_source *source);

static struct sd_event_source *add(struct sd_event_source **ret, void *userdata)
{
	struct sd_event_source *source = calloc(1, sizeof(*source));

	if (!source)
		abort();
	source->next = loop.sources;
	source->userdata = userdata;
	source->fd = -1;
	loop.sources = source;
	*ret = source;
	return source;
}

int __wrap_sd_event_add_io(sd_event *event, sd_event_source **ret, int fd, uint32_t events,
			   sd_event_io_handler_t callback, void *userdata)
{
	struct sd_event_source *source = add(ret, userdata);
	socklen_t len = sizeof(source->family);

	source->on_io = callback;
	source->fd = fd;
	(void)getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &source->family, &len);
	return 0;
}

int __wrap_sd_event_add_time(sd_event *event, sd_event_source **ret, clockid_t clock, uint64_t us,
			     uint64_t accuracy_us, sd_event_time_handler_t callback, void *userdata)
{
	struct sd_event_source *source = add(ret, userdata);

	source->on_time = callback;
	source->due_us = us;
	source->enabled = SD_EVENT_ONESHOT;
	return 0;
}

int __wrap_sd_event_add_time_relative(sd_event *event, sd_event_source **ret, clockid_t clock,
				      uint64_t us, uint64_t accuracy_us,
				      sd_event_time_handler_t callback, void *userdata)
{
	return __wrap_sd_event_add_time(event, ret, clock, loop.now_us + us, accuracy_us, callback,
					userdata);
}

/* There are no files here. */
int __wrap_sd_event_add_inotify(sd_event *event, sd_event_source **ret, const char *path,
				uint32_t mask, sd_event_inotify_handler_t callback, void *userdata)
{
	return -ENOENT;
}

int __wrap_sd_event_source_set_time(sd_event_source *source, uint64_t us)
{
	source->due_us = us;
	return 0;
}

int __wrap_sd_event_source_set_time_relative(sd_event_source *source, uint64_t us)
{
	source->due_us = loop.now_us + us;
	return 0;
}

int __wrap_sd_event_source_get_enabled(sd_event_source *source, int *ret)
{
	*ret = source->enabled;
	return source->enabled != SD_EVENT_OFF;
}

int __wrap_sd_event_source_set_enabled(sd_event_source *source, int enabled)
{
	source->enabled = enabled;
	return 0;
}

sd_event_source *__wrap_sd_event_source_disable_unref(sd_event_source *source)
{
	struct sd_event_source **at = &loop.sources;

	while (*at && *at != source)
		at = &(*at)->next;
	if (*at) {
		*at = source->next;
		free(source);
	}
	return NULL;
}

/* --- in place of the kernel's sockets --- */

int __wrap_recvmmsg(int fd, struct mmsghdr *headers, unsigned n, int flags,
		    struct timespec *timeout);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *header, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *headers, unsigned n, int flags);

static void put_info(struct msghdr *header, int level, int type, const void *info, size_t len)
{
	struct cmsghdr *c = header->msg_control;

	*c = (struct cmsghdr){ .cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(len) };
	memcpy(CMSG_DATA(c), info, len);
	header->msg_controllen = CMSG_SPACE(len);
}

static void put_local(struct msghdr *header)
{
	const struct in_pktinfo info = { .ipi_ifindex = 1,
					 .ipi_spec_dst.s_addr = htonl(INADDR_LOOPBACK) };
	const struct in6_pktinfo info6 = { .ipi6_ifindex = 1, .ipi6_addr = in6addr_loopback };

	if (loop.from->sa_family == AF_INET)
		put_info(header, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	else
		put_info(header, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
}

static size_t address_len(const struct sockaddr *address)
{
	return address->sa_family == AF_INET ? sizeof(struct sockaddr_in)
					     : sizeof(struct sockaddr_in6);
}

int __wrap_recvmmsg(int fd, struct mmsghdr *headers, unsigned n, int flags,
		    struct timespec *timeout)
{
	struct msghdr *header = &headers[0].msg_hdr;
	size_t len;

	if (!loop.from || n == 0) {
		errno = EAGAIN;
		return -1;
	}

	len = GW_MIN(loop.datagram.len, header->msg_iov->iov_len);
	if (len > 0)
		memcpy(header->msg_iov->iov_base, loop.datagram.data, len);
	header->msg_flags = len < loop.datagram.len ? MSG_TRUNC : 0;
	header->msg_namelen = (socklen_t)address_len(loop.from);
	memcpy(header->msg_name, loop.from, header->msg_namelen);
	put_local(header);
	headers[0].msg_len = (unsigned)len;
	loop.from = NULL;
	return 1;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *header, int flags)
{
	uint8_t datagram[DATAGRAM_MAX];
	size_t len = 0;

	for (size_t i = 0; i < header->msg_iovlen; i++) {
		if (len + header->msg_iov[i].iov_len > sizeof(datagram))
			abort();
		memcpy(datagram + len, header->msg_iov[i].iov_base, header->msg_iov[i].iov_len);
		len += header->msg_iov[i].iov_len;
	}
	loop.sent(header->msg_name, (struct gw_blob){ datagram, len });
	return (ssize_t)len;
}

int __wrap_sendmmsg(int fd, struct mmsghdr *headers, unsigned n, int flags)
{
	for (unsigned i = 0; i < n; i++)
		headers[i].msg_len = (unsigned)__wrap_sendmsg(fd, &headers[i].msg_hdr, flags);
	return (int)n;
}

int fake_loop_socket(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		abort();
	return fd;
}

void fake_loop_wake(uint32_t events)
{
	struct sd_event_source *source = loop.sources;

	while (source && !source->on_io)
		source = source->next;
	if (source)
		(void)source->on_io(source, source->fd, events, source->userdata);
}

void fake_loop_receive(const struct sockaddr *from, struct gw_blob datagram)
{
	struct sd_event_source *source = loop.sources;

	while (source && (!source->on_io || source->family != from->sa_family))
		source = source->next;
	if (!source)
		return;

	loop.from = from;
	loop.datagram = datagram;
	(void)source->on_io(source, source->fd, EPOLLIN, source->userdata);
	loop.from = NULL;
}

/* --- time --- */

void fake_loop_begin(void (*sent)(const struct sockaddr *to, struct gw_blob datagram))
{
	if (loop.sources)
		abort(); /* somebody forgot one */
	loop.now_us = FAKE_LOOP_START_US;
	loop.sent = sent;
}

uint64_t fake_loop_now_us(void)
{
	return loop.now_us;
}

static struct sd_event_source *find_next(void)
{
	struct sd_event_source *next = NULL;

	for (struct sd_event_source *s = loop.sources; s; s = s->next)
		if (s->on_time && s->enabled != SD_EVENT_OFF && s->due_us != UINT64_MAX &&
		    (!next || s->due_us < next->due_us))
			next = s;
	return next;
}

uint64_t fake_loop_due_us(void)
{
	const struct sd_event_source *next = find_next();

	return next ? next->due_us : UINT64_MAX;
}

void fake_loop_pass(uint64_t us)
{
	uint64_t until_us = loop.now_us + us;
	struct sd_event_source *next;
	unsigned n = 0;

	while ((next = find_next()) && next->due_us <= until_us) {
		if (next->due_us > loop.now_us) {
			loop.now_us = next->due_us;
			n = 0;
		}
		if (++n > CALLS_PER_INSTANT_MAX)
			abort();
		if (next->enabled == SD_EVENT_ONESHOT)
			next->enabled = SD_EVENT_OFF;
		(void)next->on_time(next, next->due_us, next->userdata);
	}
	loop.now_us = until_us;
}
