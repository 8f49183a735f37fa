/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An array of fixed size; the sighting that is longest ago makes room for a new one. */
#include "agent/discovered.h"

#include "lib/util.h"

struct entry {
	struct sighting sighting; /* id empty: free */
	uint64_t at_us;           /* monotonic */
};

struct discovered {
	size_t max;
	uint64_t age_us;
	struct entry entries[];
};

int discovered_new(size_t max, uint64_t age_s, struct discovered **ret)
{
	struct discovered *discovered = calloc(1, sizeof(*discovered) + max * sizeof(struct entry));

	if (!discovered)
		return -ENOMEM;
	discovered->max = max;
	discovered->age_us = age_s * 1000000;
	*ret = discovered;
	return 0;
}

struct discovered *discovered_free(struct discovered *discovered)
{
	free(discovered);
	return NULL;
}

/* An entry that is too long ago is as good as none; it stays until its end was told. */
static bool is_aged(const struct discovered *discovered, const struct entry *entry)
{
	return gw_now_monotonic_us() - entry->at_us > discovered->age_us;
}

static bool is_kept(const struct discovered *discovered, const struct entry *entry)
{
	return *entry->sighting.id && !is_aged(discovered, entry);
}

static struct entry *find_entry(struct discovered *discovered, const char *id)
{
	for (size_t i = 0; i < discovered->max; i++)
		if (gw_streq(discovered->entries[i].sighting.id, id))
			return &discovered->entries[i];
	return NULL;
}

static struct entry *oldest_entry(struct discovered *discovered)
{
	struct entry *oldest = NULL;

	for (size_t i = 0; i < discovered->max; i++) {
		struct entry *entry = &discovered->entries[i];

		if (!*entry->sighting.id)
			return entry;
		if (!oldest || entry->at_us < oldest->at_us)
			oldest = entry;
	}
	return oldest;
}

struct discovered *discovered_resized(const struct discovered *discovered, size_t max,
				      uint64_t age_s)
{
	struct discovered *resized;

	if (discovered_new(max, age_s, &resized) < 0)
		return NULL;
	for (size_t i = 0; i < discovered->max; i++) {
		const struct entry *entry = &discovered->entries[i];
		struct entry *to = oldest_entry(resized);

		if (*entry->sighting.id && to && (!*to->sighting.id || to->at_us < entry->at_us))
			*to = *entry;
	}
	return resized;
}

bool discovered_take_missing(struct discovered *discovered, struct discovered *resized,
			     char ret_gone[GW_ID_MAX + 1])
{
	for (size_t i = 0; i < discovered->max; i++) {
		struct sighting *s = &discovered->entries[i].sighting;

		if (!*s->id || find_entry(resized, s->id))
			continue;
		(void)gw_copy(ret_gone, GW_ID_MAX + 1, s->id);
		*s->id = 0;
		return true;
	}
	return false;
}

int discovered_note(struct discovered *discovered, const struct sighting *sighting,
		    char ret_gone[GW_ID_MAX + 1])
{
	struct entry *entry = find_entry(discovered, sighting->id);
	bool is_known = entry != NULL, is_new = !entry || is_aged(discovered, entry);

	*ret_gone = 0;
	if (!is_known)
		entry = oldest_entry(discovered);
	if (!entry)
		return 0; /* configured to keep none */

	if (!is_known)
		(void)gw_copy(ret_gone, GW_ID_MAX + 1, entry->sighting.id);
	*entry = (struct entry){ *sighting, gw_now_monotonic_us() };
	return is_new;
}

const struct sighting *discovered_find(struct discovered *discovered, const char *id)
{
	struct entry *entry = *id ? find_entry(discovered, id) : NULL;

	return entry && !is_aged(discovered, entry) ? &entry->sighting : NULL;
}

void discovered_forget(struct discovered *discovered, const char *id)
{
	struct entry *entry = *id ? find_entry(discovered, id) : NULL;

	if (entry)
		*entry->sighting.id = 0;
}

const struct sighting *discovered_after(struct discovered *discovered, const char *after)
{
	const struct sighting *least = NULL;

	for (size_t i = 0; i < discovered->max; i++) {
		const struct sighting *s = &discovered->entries[i].sighting;

		if (is_kept(discovered, &discovered->entries[i]) && strcmp(s->id, after) > 0 &&
		    (!least || strcmp(s->id, least->id) < 0))
			least = s;
	}
	return least;
}

size_t discovered_count(struct discovered *discovered)
{
	size_t n = 0;

	for (size_t i = 0; i < discovered->max; i++)
		n += is_kept(discovered, &discovered->entries[i]);
	return n;
}

bool discovered_take_aged(struct discovered *discovered, char ret_gone[GW_ID_MAX + 1])
{
	for (size_t i = 0; i < discovered->max; i++) {
		struct entry *entry = &discovered->entries[i];

		if (!*entry->sighting.id || !is_aged(discovered, entry))
			continue;
		(void)gw_copy(ret_gone, GW_ID_MAX + 1, entry->sighting.id);
		*entry->sighting.id = 0;
		return true;
	}
	return false;
}

uint64_t discovered_next_aged_s(const struct discovered *discovered)
{
	uint64_t now = gw_now_monotonic_us(), first = UINT64_MAX;

	for (size_t i = 0; i < discovered->max; i++)
		if (*discovered->entries[i].sighting.id)
			first = GW_MIN(first, discovered->entries[i].at_us);
	if (first == UINT64_MAX)
		return 0;
	return now - first > discovered->age_us ? 1
						: (first + discovered->age_us - now) / 1000000 + 1;
}
