/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A list in order of age. The newcomer is never the one refused: whoever fills the list with
 * handshakes that get nowhere only pushes out his own, or the oldest, which have had their time.
 * Counting a source's share walks the list: a handshake costs a thousand times as much.
 */
#include "plugins/registrar/lineup.h"

#include "plugins/registrar/path.h"

void lineup_add(struct lineup *lineup, struct lineup_item *item, const struct path *path)
{
	*item = (struct lineup_item){ .older = lineup->newest, .path = path, .listed = true };
	if (lineup->newest)
		lineup->newest->newer = item;
	else
		lineup->oldest = item;
	lineup->newest = item;
	lineup->n++;
}

void lineup_remove(struct lineup *lineup, struct lineup_item *item)
{
	if (!item->listed)
		return;

	if (item->older)
		item->older->newer = item->newer;
	else
		lineup->oldest = item->newer;
	if (item->newer)
		item->newer->older = item->older;
	else
		lineup->newest = item->older;
	lineup->n--;
	*item = (struct lineup_item){ 0 };
}

struct lineup_item *lineup_excess(const struct lineup *lineup, const struct path *path)
{
	struct lineup_item *oldest_of_source = NULL;
	size_t n_of_source = 0;

	for (struct lineup_item *item = lineup->oldest; item; item = item->newer) {
		if (!path_same_source(item->path, path))
			continue;
		if (!oldest_of_source)
			oldest_of_source = item;
		n_of_source++;
	}

	if (n_of_source >= lineup->max_per_source)
		return oldest_of_source;
	return lineup->n >= lineup->max ? lineup->oldest : NULL;
}
