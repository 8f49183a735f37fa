/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Knocks at a steady rate in all from many addresses that are really ours: each knock is a hello, the
 * challenge's cookie in a second one, and at once the key exchange with an identity. So each has a secret
 * looked up, and goes no further, as somebody does who has none.
 *
 *     knock-send PORT RATE ADDRESSES SECONDS IDENTITY...
 *
 * The addresses lie in eight networks, 127.1.0.0/24 to 127.1.7.0/24. Each has some ports and begins anew from
 * one after the other. Ends early by SIGTERM. Prints how many knocks had their say in how many seconds: what the
 * machine could not send in time is not made up for later.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sender.h"

#define NETWORKS   8
#define PORTS      16 /* of an address */
#define COOKIE_LEN 32
#define RANDOM_LEN 32

struct door {
	int fd;
	uint8_t random[RANDOM_LEN];
	const char *identity;
};

struct knocker {
	struct sockaddr_in to;
	struct pace pace;
	double seconds;
	struct door *doors;
	unsigned n_doors;
	char **identities;
	unsigned n_identities;
	int epoll;
	unsigned long n_begun, n_said;
};

/* A handshake message, whole, in a record of its own, both of this number. */
static void say(const struct door *door, uint8_t type, uint8_t number, const uint8_t *body,
		uint8_t len)
{
	uint8_t data[256] = { 22, 0xfe, 0xfd };

	data[10] = number;
	data[12] = (uint8_t)(len + 12);
	data[13] = type;
	data[18] = number;
	data[16] = data[24] = len;
	memcpy(data + 25, body, len);
	(void)!send(door->fd, data, 25u + len, MSG_DONTWAIT);
}

/* One suite, PSK with AES-128-CCM-8, and no extensions. */
static void say_hello(const struct door *door, const uint8_t *cookie, uint8_t cookie_len)
{
	static const uint8_t suites[] = { 0, 2, 0xc0, 0xa8, 1, 0 };
	uint8_t body[128] = { 0xfe, 0xfd }, *at = body + 2;

	memcpy(at, door->random, RANDOM_LEN);
	at += RANDOM_LEN;
	*at++ = 0;
	*at++ = cookie_len;
	if (cookie)
		memcpy(at, cookie, cookie_len);
	at += cookie_len;
	memcpy(at, suites, sizeof(suites));
	at += sizeof(suites);
	say(door, 1, cookie ? 1 : 0, body, (uint8_t)(at - body));
}

static void say_name(const struct door *door)
{
	uint8_t body[128] = { 0 };
	size_t len = strlen(door->identity);

	body[1] = (uint8_t)len;
	memcpy(body + 2, door->identity, len);
	say(door, 16, 2, body, (uint8_t)(len + 2));
}

static void begin(struct knocker *k)
{
	struct door *door = &k->doors[k->n_begun % k->n_doors];

	/* Unlike any other of this run, and of those before. */
	memcpy(door->random, &k->n_begun, sizeof(k->n_begun));
	door->identity = k->identities[k->n_begun % k->n_identities];
	k->n_begun++;
	say_hello(door, NULL, 0);
}

/* Only the challenge is answered; what else comes is the answer of a handshake that nobody goes on with. */
static void on_answer(struct knocker *k, struct door *door)
{
	uint8_t data[2048];
	ssize_t n = recv(door->fd, data, sizeof(data), MSG_DONTWAIT);

	if (n <= COOKIE_LEN || data[13] != 3)
		return;
	say_hello(door, data + n - COOKIE_LEN, COOKIE_LEN);
	say_name(door);
	k->n_said++;
}

static void hear(struct knocker *k)
{
	struct epoll_event events[64];
	int n = epoll_wait(k->epoll, events, 64, 1);

	for (int i = 0; i < n; i++)
		on_answer(k, events[i].data.ptr);
}

static void run(struct knocker *k)
{
	double start = now_s(), end = start + k->seconds, now;

	k->pace.from = start;
	while ((now = now_s()) < end && !is_over) {
		for (double due = pace_due(&k->pace, now); due > 0; due--) {
			begin(k);
			k->pace.n_sent++;
		}
		hear(k);
	}
	printf("%lu %.3f\n", k->n_said, now - start);
}

static void open_door(struct knocker *k, unsigned n, unsigned n_addresses)
{
	unsigned address = n % n_addresses;
	struct sockaddr_in from = { .sin_family = AF_INET,
				    .sin_addr.s_addr =
					    htonl(0x7f010000 | (address % NETWORKS) << 8 |
						  (address / NETWORKS + 1)) };
	struct door *door = &k->doors[n];
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = door };
	uint64_t run = (uint64_t)getpid() << 32 | (uint64_t)time(NULL);

	memcpy(door->random + 8, &run, sizeof(run));
	door->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (door->fd < 0 || bind(door->fd, (struct sockaddr *)&from, sizeof(from)) < 0 ||
	    connect(door->fd, (struct sockaddr *)&k->to, sizeof(k->to)) < 0 ||
	    epoll_ctl(k->epoll, EPOLL_CTL_ADD, door->fd, &event) < 0)
		die("socket");
}

int main(int argc, char **argv)
{
	struct knocker k = { .to = { .sin_family = AF_INET } };
	unsigned n_addresses;

	if (argc < 6) {
		fprintf(stderr, "Usage: %s PORT RATE ADDRESSES SECONDS IDENTITY...\n", argv[0]);
		return 2;
	}
	k.to.sin_port = htons((uint16_t)atoi(argv[1]));
	k.to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	k.pace.rate = atof(argv[2]);
	n_addresses = (unsigned)atoi(argv[3]);
	k.seconds = atof(argv[4]);
	k.identities = argv + 5;
	k.n_identities = (unsigned)argc - 5;
	k.n_doors = n_addresses * PORTS;
	k.doors = calloc(k.n_doors, sizeof(*k.doors));
	k.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!k.doors || k.epoll < 0)
		die("begin");
	for (unsigned n = 0; n < k.n_doors; n++)
		open_door(&k, n, n_addresses);
	(void)signal(SIGTERM, on_end);
	run(&k);
	return 0;
}
