/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of a report that was read is printable and within its limit. */
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"
#include "plugins/registrar/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[GW_TEXT_MAX + 1];
	bool ok;

	memset(text, 1, sizeof(text));
	if (report_parse((struct gw_blob){ data, size }, &ok, text) < 0)
		return 0;
	if (!memchr(text, 0, sizeof(text)) || !gw_is_printable(text))
		abort();
	return 0;
}
