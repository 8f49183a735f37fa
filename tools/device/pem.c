/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The form in which the device keeps what it owns, so that openssl can look at it. Private keys pass
 * through here: what is written lies in the caller's buffer only, what is read is wiped where it was
 * unfolded.
 */
#include "tools/device/pem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64.h"
#include "lib/der.h"
#include "lib/util.h"

#define LINE_BYTES 48 /* in a line of 64 characters */
#define MARK_MAX   64

static int append_text(char *text, size_t size, size_t *len, const char *more)
{
	size_t more_len = strlen(more);

	if (more_len >= size - *len)
		return -ENOSPC;

	memcpy(text + *len, more, more_len + 1);
	*len += more_len;
	return 0;
}

static void make_mark(char mark[MARK_MAX], const char *word, const char *label)
{
	(void)snprintf(mark, MARK_MAX, "-----%s %s-----", word, label);
}

static int append_line(char *text, size_t size, size_t *len, struct gw_blob der)
{
	char line[GW_BASE64_LEN(LINE_BYTES) + 2];
	int r;

	gw_base64_encode(der.data, der.len, line);
	(void)gw_copy(line + strlen(line), 2, "\n");
	r = append_text(text, size, len, line);
	explicit_bzero(line, sizeof(line));
	return r;
}

static int append_block(char *text, size_t size, size_t *len, const char *label, struct gw_blob der)
{
	char mark[MARK_MAX];

	make_mark(mark, "BEGIN", label);
	if (append_text(text, size, len, mark) < 0 || append_text(text, size, len, "\n") < 0)
		return -ENOSPC;

	while (der.len) {
		size_t n = GW_MIN(der.len, (size_t)LINE_BYTES);

		if (append_line(text, size, len, (struct gw_blob){ der.data, n }) < 0)
			return -ENOSPC;
		der.data += n;
		der.len -= n;
	}

	make_mark(mark, "END", label);
	if (append_text(text, size, len, mark) < 0 || append_text(text, size, len, "\n") < 0)
		return -ENOSPC;
	return 0;
}

int pem_append(char *text, size_t size, size_t *len, const char *label, struct gw_blob der)
{
	size_t start = *len;
	int r = append_block(text, size, len, label, der);

	if (r < 0) {
		text[start] = 0;
		*len = start;
	}
	return r;
}

/* What is left of a body when its line breaks are gone. */
static size_t unfold(const char *body, size_t len, char *to)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		if (!strchr("\r\n\t ", body[i]))
			to[n++] = body[i];
	return n;
}

static int decode_body(const char *body, size_t len, uint8_t **ret_der, size_t *ret_len)
{
	_cleanup_free_ char *line = malloc(len + 1);
	_cleanup_free_ uint8_t *der = malloc(len + 1);
	size_t line_len;
	int r;

	if (!line || !der)
		return -ENOMEM;

	line_len = unfold(body, len, line);
	r = gw_base64_decode(line, line_len, der, len, ret_len);
	explicit_bzero(line, line_len);
	if (r < 0 || *ret_len == 0)
		return -EBADMSG;

	*ret_der = TAKE_PTR(der);
	return 0;
}

int pem_next(const char **text, const char *label, uint8_t **ret_der, size_t *ret_len)
{
	char begin_mark[MARK_MAX], end_mark[MARK_MAX];
	const char *begin, *end;
	size_t len;
	int r;

	make_mark(begin_mark, "BEGIN", label);
	make_mark(end_mark, "END", label);

	begin = strstr(*text, begin_mark);
	if (!begin)
		return -ENODATA;
	begin += strlen(begin_mark);
	end = strstr(begin, end_mark);
	if (!end)
		return -EBADMSG;

	r = decode_body(begin, (size_t)(end - begin), ret_der, &len);
	if (r < 0)
		return r;
	*ret_len = len;
	*text = end + strlen(end_mark);
	return 0;
}

static int list_size(struct gw_blob list, size_t *ret_size)
{
	struct gw_der element;
	size_t size = 1;
	int r;

	while ((r = gw_der_next(&list, &element)) == 0)
		size += PEM_SIZE(element.whole.len);
	if (r != -ENODATA)
		return r;

	*ret_size = size;
	return 0;
}

int pem_from_list(struct gw_blob list, const char *label, char **ret_text, size_t *ret_len)
{
	_cleanup_free_ char *text = NULL;
	struct gw_der element;
	size_t size = 1, len = 0;
	int r = list_size(list, &size);

	if (r < 0)
		return r;
	text = calloc(1, size);
	if (!text)
		return -ENOMEM;

	while (gw_der_next(&list, &element) == 0) {
		r = pem_append(text, size, &len, label, element.whole);
		if (r < 0)
			return r;
	}

	*ret_text = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}

int pem_to_list(const char *text, const char *label, uint8_t **ret_list, size_t *ret_len)
{
	_cleanup_free_ uint8_t *list =
		malloc(strlen(text) + 1); /* base64 is longer than what it says */
	size_t len = 0, n;
	int r;

	if (!list)
		return -ENOMEM;

	for (;;) {
		_cleanup_free_ uint8_t *der = NULL;

		r = pem_next(&text, label, &der, &n);
		if (r < 0)
			break;
		memcpy(list + len, der, n);
		len += n;
	}
	if (r != -ENODATA || len == 0)
		return r;

	*ret_list = TAKE_PTR(list);
	*ret_len = len;
	return 0;
}
