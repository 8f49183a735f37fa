/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A carton's picture holds the maker's own codes beside ours: those are passed over. Two labels of
 * ours are refused rather than guessed at, since a claim lets a device in.
 */
#include "tools/ctl/pick.h"

#include <stdio.h>
#include <strings.h>

#include "lib/label.h"
#include "lib/util.h"

#define PREFIX "GW1:"

static bool looks_like_label(const char *text)
{
	text += strspn(text, " \t\r\n");
	return strncasecmp(text, PREFIX, strlen(PREFIX)) == 0;
}

static bool stands_before(char *const texts[], size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (gw_streq(texts[k], texts[i]))
			return true;
	return false;
}

/* Appends ", <id>" as far as there is room. */
static void add_id(char why[static PICK_WHY_MAX], const char *text)
{
	struct gw_label label = { 0 };
	size_t len = strlen(why);
	const char *fault;

	if (gw_label_parse(text, &label, &fault) < 0)
		(void)gw_copy(label.id, sizeof(label.id), "a damaged one");
	(void)snprintf(why + len, PICK_WHY_MAX - len, "%s %s", why[len - 1] == ':' ? "" : ",",
		       label.id);
	gw_label_wipe(&label);
}

int pick_label(char *const texts[], size_t n_texts, const char **ret_text,
	       char why[static PICK_WHY_MAX])
{
	const char *found = NULL;
	size_t n = 0;

	(void)gw_copy(why, PICK_WHY_MAX, "the picture shows several labels, cut out one:");
	for (size_t i = 0; i < n_texts; i++) {
		if (!looks_like_label(texts[i]) || stands_before(texts, i))
			continue;
		found = texts[i];
		add_id(why, found);
		n++;
	}

	if (n == 1) {
		*ret_text = found;
		return 0;
	}
	if (n > 1)
		return -ENOTUNIQ;
	(void)gw_copy(why, PICK_WHY_MAX,
		      n_texts ? "the picture shows QR codes, but none of them is a device's label"
			      : "the picture shows no QR code that can be read; come closer, with "
				"more light");
	return -ENOENT;
}
