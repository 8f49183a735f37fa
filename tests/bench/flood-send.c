/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sends ClientHellos at a steady rate from all over 127.0.0.0/8, as somebody does who lies about where he
 * is: each has an address and a random of its own, and nobody waits for the answers. On loopback that
 * takes no privilege: all of the net is ours to send from.
 *
 *     flood-send PORT RATE SECONDS [hello|cookie]...
 *
 * "cookie": those that carry a cookie, which is none of the server's. Ends early by SIGTERM. Prints how many
 * were sent in how many seconds: what the machine could not send in time is not made up for later.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sender.h"

#define BATCH   64
#define SOCKETS 16 /* ports that it comes from */
#define ROOM    256

struct flood {
	int sockets[SOCKETS];
	struct sockaddr_in to;
	struct pace pace;
	double seconds;
	bool plain, with_cookie;
	uint64_t dice;
};

/* Headers of record and message, version 1.2. The record's length is byte 11, the message's 14, the fragment's 22. */
static const uint8_t head[] = { 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0,   1,
				0,  0,    0,    0, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0xfd };

/* Two suites, no compression; extended master secret and the group X25519. */
static const uint8_t tail[] = { 0,  4, 0xc0, 0xa8, 0xcc, 0xac, 1, 0, 0, 12, 0,
				23, 0, 0,    0,    10,   0,    4, 0, 2, 0,  29 };

struct shot {
	uint8_t data[ROOM];
	union {
		struct cmsghdr header;
		uint8_t space[CMSG_SPACE(sizeof(struct in_pktinfo))];
	} control;
};

/* xorshift64*: it has to be cheap, and different each time. */
static uint64_t roll(struct flood *f)
{
	f->dice ^= f->dice >> 12;
	f->dice ^= f->dice << 25;
	f->dice ^= f->dice >> 27;
	return f->dice * 0x2545f4914f6cdd1d;
}

static uint8_t *put_dice(struct flood *f, uint8_t *at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t word = roll(f);

		memcpy(at, &word, sizeof(word));
		at += sizeof(word);
	}
	return at;
}

static size_t make_hello(struct flood *f, uint8_t *data)
{
	bool cookie = f->with_cookie && (!f->plain || roll(f) >> 63);
	uint8_t *at = data;
	size_t len;

	memcpy(at, head, sizeof(head));
	at = put_dice(f, at + sizeof(head), 4);
	*at++ = 0;
	*at++ = cookie ? 32 : 0;
	if (cookie)
		at = put_dice(f, at, 4);
	memcpy(at, tail, sizeof(tail));
	len = (size_t)(at - data) + sizeof(tail);
	data[12] = (uint8_t)(len - 13);
	data[16] = data[24] = (uint8_t)(len - 25);
	return len;
}

static void aim(struct flood *f, struct shot *shot, struct iovec *iov, struct msghdr *header)
{
	struct in_pktinfo from = { .ipi_spec_dst = {
					   htonl(0x7f000002 + (roll(f) >> 40) % 0xfffffc) } };

	*iov = (struct iovec){ shot->data, make_hello(f, shot->data) };
	*header = (struct msghdr){ .msg_name = &f->to,
				   .msg_namelen = sizeof(f->to),
				   .msg_iov = iov,
				   .msg_iovlen = 1,
				   .msg_control = &shot->control,
				   .msg_controllen = sizeof(shot->control) };
	shot->control.header = (struct cmsghdr){ .cmsg_level = IPPROTO_IP,
						 .cmsg_type = IP_PKTINFO,
						 .cmsg_len = CMSG_LEN(sizeof(from)) };
	memcpy(CMSG_DATA(&shot->control.header), &from, sizeof(from));
}

static unsigned fire(struct flood *f, unsigned n)
{
	static struct shot shots[BATCH];
	struct mmsghdr headers[BATCH];
	struct iovec iov[BATCH];
	int sent;

	for (unsigned i = 0; i < n; i++)
		aim(f, &shots[i], &iov[i], &headers[i].msg_hdr);
	sent = sendmmsg(f->sockets[roll(f) % SOCKETS], headers, n, /* flags= */ 0);
	if (sent < 0 && errno != EAGAIN && errno != ENOBUFS && errno != EPERM)
		die("sendmmsg");
	return sent < 0 ? 0 : (unsigned)sent;
}

static void run(struct flood *f)
{
	double start = now_s(), end = start + f->seconds, now;
	unsigned long n_sent = 0;

	f->pace.from = start;
	while ((now = now_s()) < end && !is_over) {
		if (pace_due(&f->pace, now) < BATCH) {
			(void)usleep(BATCH / f->pace.rate > 0.001 ? 1000 : 100);
			continue;
		}
		n_sent += fire(f, BATCH);
		f->pace.n_sent += BATCH;
	}
	printf("%lu %.3f\n", n_sent, now - start);
}

/* Answers fill a small buffer that nobody empties, and are dropped from then on. */
static int open_socket(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = 1;

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0)
		die("socket");
	return fd;
}

int main(int argc, char **argv)
{
	struct flood f = { .to = { .sin_family = AF_INET }, .dice = 88172645463325252 };

	if (argc < 4) {
		fprintf(stderr, "Usage: %s PORT RATE SECONDS [hello|cookie]...\n", argv[0]);
		return 2;
	}
	f.to.sin_port = htons((uint16_t)atoi(argv[1]));
	f.to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	f.pace.rate = atof(argv[2]);
	f.seconds = atof(argv[3]);
	for (int i = 4; i < argc; i++) {
		f.plain |= !strcmp(argv[i], "hello");
		f.with_cookie |= !strcmp(argv[i], "cookie");
	}
	for (size_t i = 0; i < SOCKETS; i++)
		f.sockets[i] = open_socket();
	(void)signal(SIGTERM, on_end);
	run(&f);
	return 0;
}
