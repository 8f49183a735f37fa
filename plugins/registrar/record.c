/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads record and handshake headers. Every datagram passes record_datagram_is_whole() before
 * wolfSSL sees it: a record that claims to be longer than its datagram would make the library wait
 * for the rest, and swallow the next datagrams as that.
 */
#include "plugins/registrar/record.h"

#include <errno.h>
#include <string.h>

#define EPOCH_MAX  1  /* no renegotiation: one change of keys */
#define SEALED_MIN 16 /* bytes that encryption adds at least, with any suite */

static uint64_t get_number(const uint8_t *at, size_t width)
{
	uint64_t value = 0;

	for (size_t i = 0; i < width; i++)
		value = value << 8 | at[i];
	return value;
}

static void put_number(uint8_t *at, uint64_t value, size_t width)
{
	for (size_t i = width; i-- > 0; value >>= 8)
		at[i] = (uint8_t)value;
}

int record_next(struct gw_blob *datagram, struct record *ret)
{
	const uint8_t *at = datagram->data;
	size_t len;

	if (datagram->len < RECORD_HEADER_LEN)
		return -EBADMSG;
	len = get_number(at + 11, 2);
	if (datagram->len - RECORD_HEADER_LEN < len)
		return -EBADMSG;

	*ret = (struct record){
		.type = at[0],
		.version = (uint16_t)get_number(at + 1, 2),
		.epoch = (uint16_t)get_number(at + 3, 2),
		.sequence = get_number(at + 5, 6),
		.fragment = { at + RECORD_HEADER_LEN, len },
	};
	datagram->data += RECORD_HEADER_LEN + len;
	datagram->len -= RECORD_HEADER_LEN + len;
	return 0;
}

int handshake_next(struct gw_blob *record, struct handshake *ret)
{
	const uint8_t *at = record->data;
	uint32_t len, offset, fragment_len;

	if (record->len < HANDSHAKE_HEADER_LEN)
		return -EBADMSG;
	len = (uint32_t)get_number(at + 1, 3);
	offset = (uint32_t)get_number(at + 6, 3);
	fragment_len = (uint32_t)get_number(at + 9, 3);
	if (record->len - HANDSHAKE_HEADER_LEN < fragment_len || offset + fragment_len > len)
		return -EBADMSG;

	*ret = (struct handshake){
		.type = at[0],
		.len = len,
		.sequence = (uint16_t)get_number(at + 4, 2),
		.offset = offset,
		.fragment = { at + HANDSHAKE_HEADER_LEN, fragment_len },
	};
	record->data += HANDSHAKE_HEADER_LEN + fragment_len;
	record->len -= HANDSHAKE_HEADER_LEN + fragment_len;
	return 0;
}

static bool record_is_ours(const struct record *record)
{
	if (record->type < RECORD_CHANGE_CIPHER_SPEC || record->type > RECORD_APPLICATION_DATA)
		return false;
	if (record->epoch == 0)
		return record->fragment.len > 0 &&
		       (record->version == DTLS_1_2 || record->version == DTLS_1_0);
	return record->epoch <= EPOCH_MAX && record->version == DTLS_1_2 &&
	       record->fragment.len >= SEALED_MIN;
}

bool record_datagram_is_whole(struct gw_blob datagram)
{
	struct record record;

	if (datagram.len == 0)
		return false;
	while (datagram.len)
		if (record_next(&datagram, &record) < 0 || !record_is_ours(&record))
			return false;
	return true;
}

struct record record_first(struct gw_blob datagram)
{
	struct record record = { 0 };

	(void)record_next(&datagram, &record);
	return record;
}

void record_renumber_clear(uint8_t *data, size_t len, uint64_t *next)
{
	struct gw_blob rest = { data, len };
	struct record record;

	for (uint8_t *at = data; record_next(&rest, &record) == 0; at = data + (len - rest.len))
		if (record.epoch == 0)
			put_number(at + 5, (*next)++, 6);
}

bool record_datagram_has(struct gw_blob datagram, enum record_type type)
{
	struct record record;

	while (record_next(&datagram, &record) == 0)
		if (record.type == type)
			return true;
	return false;
}

void record_alert(uint64_t sequence, uint8_t description, uint8_t ret[RECORD_ALERT_LEN])
{
	memset(ret, 0, RECORD_ALERT_LEN);
	ret[0] = RECORD_ALERT;
	put_number(ret + 1, DTLS_1_2, 2);
	put_number(ret + 5, sequence, 6);
	put_number(ret + 11, 2, 2);
	ret[13] = ALERT_FATAL;
	ret[14] = description;
}
