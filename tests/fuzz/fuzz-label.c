/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a label says survives being written again; what is refused is told why. */
#include <stdlib.h>
#include <string.h>

#include "lib/label.h"

#define INPUT_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct gw_label *label)
{
	char text[GW_LABEL_MAX + 1], text_again[GW_LABEL_MAX + 1];
	struct gw_label again;
	const char *why = NULL;

	if (gw_label_format(label, text, sizeof(text)) < 0)
		abort();
	if (gw_label_parse(text, &again, &why) < 0)
		abort();
	if (gw_label_format(&again, text_again, sizeof(text_again)) < 0)
		abort();
	if (strcmp(text, text_again) != 0 || again.secret_is_weak != label->secret_is_weak)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_label label = { 0 };
	const char *why = NULL;
	char *text;

	if (size > INPUT_MAX)
		return 0;
	text = strndup((const char *)data, size);
	if (!text)
		return 0;

	if (gw_label_parse(text, &label, &why) == 0)
		check_round_trip(&label);
	else if (!why)
		abort();
	free(text);
	return 0;
}
