/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libqrencode, held to alphanumeric mode: a label that needs bytes would print as a larger code. */
#include "tools/ctl/code.h"

#include <qrencode.h>

#include "lib/util.h"

#define DARK 1 /* the lowest bit of libqrencode's modules */

static void free_input(QRinput **input)
{
	if (*input)
		QRinput_free(*input);
}

static void free_qrcode(QRcode **qrcode)
{
	if (*qrcode)
		QRcode_free(*qrcode);
}

int code_make(const char *text, struct code *ret)
{
	_cleanup_(free_input) QRinput *input = QRinput_new2(/* version= */ 0, QR_ECLEVEL_M);
	_cleanup_(free_qrcode) QRcode *qrcode = NULL;
	struct code code;
	size_t n;

	if (!input)
		return -errno;
	if (QRinput_append(input, QR_MODE_AN, (int)strlen(text), (const unsigned char *)text) < 0)
		return -errno;
	qrcode = QRcode_encodeInput(input);
	if (!qrcode)
		return -errno;

	code.width = (size_t)qrcode->width;
	n = code.width * code.width;
	code.dark = malloc(n);
	if (!code.dark)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		code.dark[i] = qrcode->data[i] & DARK;

	*ret = code;
	return 0;
}

void code_done(struct code *code)
{
	free(code->dark);
	code->dark = NULL;
}

bool code_is_dark(const struct code *code, size_t x, size_t y)
{
	return x < code->width && y < code->width && code->dark[y * code->width + x];
}
