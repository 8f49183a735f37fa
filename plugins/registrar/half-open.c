/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A list in order of age. The newcomer is never the one refused: whoever fills the list with
 * handshakes that get nowhere only pushes out his own, or the oldest, which have had their time.
 * Counting a source's share walks the list: a handshake costs a thousand times as much.
 */
#include "plugins/registrar/half-open.h"

#include "plugins/registrar/path.h"

void half_open_add(struct half_open_list *list, struct half_open *item, const struct path *path)
{
	*item = (struct half_open){ .older = list->newest, .path = path, .listed = true };
	if (list->newest)
		list->newest->newer = item;
	else
		list->oldest = item;
	list->newest = item;
	list->n++;
}

void half_open_remove(struct half_open_list *list, struct half_open *item)
{
	if (!item->listed)
		return;

	if (item->older)
		item->older->newer = item->newer;
	else
		list->oldest = item->newer;
	if (item->newer)
		item->newer->older = item->older;
	else
		list->newest = item->older;
	list->n--;
	*item = (struct half_open){ 0 };
}

struct half_open *half_open_excess(const struct half_open_list *list, const struct path *path)
{
	struct half_open *oldest_of_source = NULL;
	size_t n_of_source = 0;

	for (struct half_open *item = list->oldest; item; item = item->newer) {
		if (!path_same_source(item->path, path))
			continue;
		if (!oldest_of_source)
			oldest_of_source = item;
		n_of_source++;
	}

	if (n_of_source >= list->max_per_source)
		return oldest_of_source;
	return list->n >= list->max ? list->oldest : NULL;
}
