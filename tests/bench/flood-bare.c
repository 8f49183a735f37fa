/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the least costs that can be done about a datagram: receive it, one HMAC-SHA-256 over it, send an
 * answer back. One loop of three calls, with the same library; no bookkeeping, no parsing. Binds a
 * port of 127.0.0.1, prints it, and runs until it is killed.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/hmac.h>

#define REPLY_LEN 60

int main(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(at);
	uint8_t data[2048], reply[REPLY_LEN] = { 0 }, key[32] = { 7 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = 2 << 20;
	Hmac hmac;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) < 0 ||
	    wc_HmacInit(&hmac, NULL, INVALID_DEVID) != 0 ||
	    wc_HmacSetKey(&hmac, WC_SHA256, key, sizeof(key)) != 0)
		return 2;
	printf("%u\n", ntohs(at.sin_port));
	fflush(stdout);

	for (;;) {
		struct sockaddr_in from;
		ssize_t n;

		len = sizeof(from);
		n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &len);
		if (n < 0)
			return 2;
		if (wc_HmacUpdate(&hmac, data, (word32)n) != 0 ||
		    wc_HmacFinal(&hmac, reply + REPLY_LEN - WC_SHA256_DIGEST_SIZE) != 0)
			return 2;
		(void)sendto(fd, reply, sizeof(reply), 0, (struct sockaddr *)&from, len);
	}
}
