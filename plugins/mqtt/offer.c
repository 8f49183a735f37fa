/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A command that is repeated brings its list again, so nothing of this has to survive us. A list without bytes is one
 * too: the cloud then names no anchors but those of the file.
 */
#include "plugins/mqtt/offer.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/util.h"

int offer_make(struct offer *offer, const char *command, struct gw_blob list)
{
	uint8_t *copy = gw_blob_dup(list);

	if (!copy)
		return -ENOMEM;
	offer_end(offer);
	offer->list = copy;
	offer->len = list.len;
	(void)gw_copy(offer->command, sizeof(offer->command), command);
	return 0;
}

bool offer_is_of(const struct offer *offer, const char *command)
{
	return offer->list && gw_streq(offer->command, command);
}

void offer_end(struct offer *offer)
{
	free(offer->list);
	*offer = (struct offer){ 0 };
}
