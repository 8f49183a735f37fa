/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A short sorted list. Sorting matters: wolfSSL drops a change of keys that comes before the key
 * exchange, and what is encrypted before the change. The peer would repeat its whole flight after a
 * second, then two, four; where every third datagram is lost, few flights come through whole.
 */
#include "plugins/registrar/backlog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/blob.h"
#include "plugins/registrar/record.h"

struct backlog_item {
	struct backlog_item *next;
	uint64_t position;
	size_t len;
	uint8_t *data;
};

static uint64_t position_of(const struct record *record)
{
	uint64_t stage = 2 * (uint64_t)record->epoch;

	if (record->type == RECORD_CHANGE_CIPHER_SPEC)
		stage++;
	return stage << 48 | record->sequence;
}

int backlog_add(struct backlog *b, struct gw_blob datagram)
{
	struct backlog_item *item, **at = &b->first;
	struct gw_blob rest = datagram;
	struct record record;
	int r;

	r = record_next(&rest, &record);
	if (r < 0)
		return r;
	if (b->n >= BACKLOG_DATAGRAMS_MAX || datagram.len > BACKLOG_BYTES_MAX - b->bytes)
		return -ENOSPC;

	item = malloc(sizeof(*item));
	if (!item)
		return -ENOMEM;
	*item = (struct backlog_item){
		.position = position_of(&record),
		.len = datagram.len,
		.data = gw_blob_dup(datagram),
	};
	if (!item->data) {
		free(item);
		return -ENOMEM;
	}

	while (*at && (*at)->position <= item->position)
		at = &(*at)->next;
	item->next = *at;
	*at = item;
	b->n++;
	b->bytes += item->len;
	return 0;
}

bool backlog_take(struct backlog *b, uint8_t **ret_data, size_t *ret_len)
{
	struct backlog_item *item = b->first;

	if (!item)
		return false;

	b->first = item->next;
	b->n--;
	b->bytes -= item->len;
	*ret_data = item->data;
	*ret_len = item->len;
	free(item);
	return true;
}

void backlog_clear(struct backlog *b)
{
	uint8_t *data;
	size_t len;

	while (backlog_take(b, &data, &len))
		free(data);
}
