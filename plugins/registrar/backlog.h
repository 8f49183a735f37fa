/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backlog: datagrams of one peer that have to wait, bounded. They come out in the order in which they
 * can be used, by their first records: handshake, change of keys, what is encrypted; then by number.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_blob;

/* A flight of an ordinary client is one to four datagrams of together less than 500 bytes. */
#define BACKLOG_DATAGRAMS_MAX 8
#define BACKLOG_BYTES_MAX     4096

struct backlog {
	struct backlog_item *first;
	size_t n, bytes;
};

/* Copies the datagram; -ENOSPC: no room, the peer will repeat it. -ENOMEM, -EBADMSG. */
int backlog_add(struct backlog *b, struct gw_blob datagram);

/* Takes the earliest one out, to be freed with free(). False if there is none. */
bool backlog_take(struct backlog *b, uint8_t **ret_data, size_t *ret_len);

void backlog_clear(struct backlog *b);
