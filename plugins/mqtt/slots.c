/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A slot is a cell (cell.h) with a key, and its certificate as soon as there is one: so the two always belong together.
 * Which slot is live is told by a note, a cell too. The note also names the slot that is to be wiped after a switch, so
 * that after a death in between the old credential is not taken for a candidate.
 *
 * A slot without contents is wiped once more whenever the folder is opened: a death may have been in the way.
 */
#include "plugins/mqtt/slots.h"

#include <stdio.h>

#include "lib/step.h"
#include "lib/util.h"
#include "plugins/mqtt/cell.h"

#define NOTE     "live"
#define NOTE_MAX 64
#define HEAD     "gangway slots 2\n"

#define SLOT_HEAD     "gangway slot 1, key of %zu bytes\n" /* what stands before the key */
#define SLOT_HEAD_MAX 64

static const char *const names[SLOTS_N] = { "a", "b" };

const char *slots_name(int slot)
{
	return names[slot];
}

int slots_candidate(const struct slots *slots)
{
	if (slots->live != SLOTS_NONE)
		return 1 - slots->live;
	return slots->fill[1] > slots->fill[0] ? 1 : 0;
}

/* --- what is in a slot ----------------------------------------------------------------------- */

void slots_pair_done(struct slots_pair *pair)
{
	if (pair->data)
		explicit_bzero(pair->data, pair->len);
	free(pair->data);
}

static int split(struct slots_pair *pair)
{
	const uint8_t *end = memchr(pair->data, '\n', pair->len);
	char head[SLOT_HEAD_MAX];
	size_t head_len, key_len;

	if (!end || sscanf((const char *)pair->data, SLOT_HEAD, &key_len) != 1)
		return -EBADMSG;
	head_len = (size_t)snprintf(head, sizeof(head), SLOT_HEAD, key_len);
	if (head_len != (size_t)(end + 1 - pair->data) || memcmp(head, pair->data, head_len) != 0 ||
	    key_len == 0 || key_len > pair->len - head_len)
		return -EBADMSG;

	pair->key = (struct gw_blob){ end + 1, key_len };
	pair->certificate = (struct gw_blob){ end + 1 + key_len, pair->len - head_len - key_len };
	return 0;
}

int slots_read(const struct slots *slots, int slot, struct slots_pair *ret)
{
	_cleanup_(slots_pair_done) struct slots_pair pair = { 0 };
	int r;

	r = cell_read(slots->dir_fd, names[slot], &pair.data, &pair.len);
	if (r >= 0)
		r = split(&pair);
	if (r < 0)
		return r == -EBADMSG ? -ENOENT : r; /* nobody of ours wrote it */
	*ret = pair;
	pair.data = NULL;
	return 0;
}

static int write_pair(const struct slots *slots, int slot, struct gw_blob key,
		      struct gw_blob certificate)
{
	size_t size = SLOT_HEAD_MAX + key.len + certificate.len;
	uint8_t *text = malloc(size);
	size_t head_len;
	int r;

	if (!text)
		return -ENOMEM;

	head_len = (size_t)snprintf((char *)text, SLOT_HEAD_MAX, SLOT_HEAD, key.len);
	memcpy(text + head_len, key.data, key.len);
	if (certificate.len)
		memcpy(text + head_len + key.len, certificate.data, certificate.len);
	r = cell_write(slots->dir_fd, names[slot],
		       (struct gw_blob){ text, head_len + key.len + certificate.len });
	explicit_bzero(text, size);
	free(text);
	return r;
}

static int look(struct slots *slots, int slot)
{
	_cleanup_(slots_pair_done) struct slots_pair pair = { 0 };
	int r = slots_read(slots, slot, &pair);

	slots->fill[slot] = r < 0 ? SLOTS_EMPTY : pair.certificate.len ? SLOTS_WHOLE : SLOTS_KEY;
	return r == -ENOENT ? 0 : r;
}

static int empty(struct slots *slots, int slot)
{
	slots->fill[slot] = SLOTS_EMPTY; /* half of it may be gone, whatever comes */
	return cell_wipe(slots->dir_fd, names[slot]);
}

/* --- the note -------------------------------------------------------------------------------- */

static char letter_of(int slot)
{
	return slot == SLOTS_NONE ? '-' : *names[slot];
}

static int slot_of(char letter, int *ret)
{
	if (letter != '-' && (letter < 'a' || letter >= 'a' + SLOTS_N))
		return -EBADMSG;
	*ret = letter == '-' ? SLOTS_NONE : letter - 'a';
	return 0;
}

static int write_note(int dir_fd, int live, int retired)
{
	char text[NOTE_MAX];
	int len = snprintf(text, sizeof(text), HEAD "live %c\nretired %c\n", letter_of(live),
			   letter_of(retired));

	return cell_write(dir_fd, NOTE, (struct gw_blob){ (uint8_t *)text, (size_t)len });
}

/* One that nobody of ours wrote counts as none: then what is whole is a candidate, and proves itself. */
static int read_note(int dir_fd, int *ret_live, int *ret_retired)
{
	_cleanup_free_ uint8_t *text = NULL;
	char live, retired, end;
	size_t len;
	int r;

	*ret_live = *ret_retired = SLOTS_NONE;
	r = cell_read(dir_fd, NOTE, &text, &len);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (sscanf((char *)text, HEAD "live %c\nretired %c%c", &live, &retired, &end) != 3 ||
	    end != '\n' || slot_of(live, ret_live) < 0 || slot_of(retired, ret_retired) < 0)
		*ret_live = *ret_retired = SLOTS_NONE;
	return 0;
}

/* --- life ------------------------------------------------------------------------------------ */

static int retire(struct slots *slots, int slot)
{
	int r;

	gw_step_before(SLOTS_STEP_RETIRE);
	r = empty(slots, slot);
	if (r >= 0)
		r = write_note(slots->dir_fd, slots->live, SLOTS_NONE);
	if (r < 0)
		return r;
	gw_step_after(SLOTS_STEP_RETIRE);
	slots->retired = SLOTS_NONE;
	return 0;
}

/* On a disk that takes no writes now there is another time; what was withdrawn is not used, whatever comes. */
static void finish(struct slots *slots)
{
	if (slots->retired == slots->live)
		slots->retired = SLOTS_NONE;
	if (slots->retired != SLOTS_NONE)
		(void)retire(slots, slots->retired);
	for (int i = 0; i < SLOTS_N; i++)
		if (slots->fill[i] == SLOTS_EMPTY)
			(void)empty(slots, i);
}

int slots_open(int dir_fd, struct slots *ret)
{
	struct slots slots = { .dir_fd = dir_fd };
	int r;

	r = cell_make(dir_fd, NOTE);
	for (int i = 0; i < SLOTS_N && r >= 0; i++)
		r = cell_make(dir_fd, names[i]);
	if (r >= 0)
		r = read_note(dir_fd, &slots.live, &slots.retired);
	for (int i = 0; i < SLOTS_N && r >= 0; i++) {
		r = look(&slots, i);
		if (r == -EIO && i != slots.live)
			r = 0; /* what can be read has to do; the disk may take new contents there */
	}
	if (r < 0)
		return r;

	if (slots.live != SLOTS_NONE && slots.fill[slots.live] != SLOTS_WHOLE)
		slots.live = SLOTS_NONE; /* it was lost */
	finish(&slots);
	*ret = slots;
	return 0;
}

int slots_check(const struct slots *slots)
{
	int r = cell_check(slots->dir_fd, NOTE);

	for (int i = 0; i < SLOTS_N && r >= 0; i++)
		r = cell_check(slots->dir_fd, names[i]);
	return r;
}

/* --- steps ----------------------------------------------------------------------------------- */

int slots_store_key(struct slots *slots, struct gw_blob key)
{
	int slot = slots_candidate(slots), r;

	/* What a note says is to be wiped would be wiped with the new key in it. */
	r = slots->retired == slot ? retire(slots, slot) : empty(slots, slot);
	if (r < 0)
		return r;

	gw_step_before(SLOTS_STEP_KEY);
	r = write_pair(slots, slot, key, (struct gw_blob){ NULL, 0 });
	if (r < 0)
		return r;
	gw_step_after(SLOTS_STEP_KEY);
	slots->fill[slot] = SLOTS_KEY;
	return 0;
}

int slots_store_certificate(struct slots *slots, struct gw_blob certificate)
{
	_cleanup_(slots_pair_done) struct slots_pair pair = { 0 };
	int slot = slots_candidate(slots), r;

	r = slots->fill[slot] == SLOTS_EMPTY ? -ENOKEY : slots_read(slots, slot, &pair);
	if (r < 0)
		return r;

	gw_step_before(SLOTS_STEP_CERTIFICATE);
	r = write_pair(slots, slot, pair.key, certificate);
	if (r < 0)
		return r;
	gw_step_after(SLOTS_STEP_CERTIFICATE);
	slots->fill[slot] = SLOTS_WHOLE;
	return 0;
}

int slots_switch(struct slots *slots)
{
	int slot = slots_candidate(slots), r;

	if (slots->fill[slot] != SLOTS_WHOLE)
		return -ENOKEY;

	gw_step_before(SLOTS_STEP_SWITCH);
	r = write_note(slots->dir_fd, slot, 1 - slot);
	if (r < 0)
		return r;
	gw_step_after(SLOTS_STEP_SWITCH);
	slots->live = slot;
	slots->retired = 1 - slot;
	return retire(slots, slots->retired);
}

int slots_drop(struct slots *slots)
{
	int r;

	gw_step_before(SLOTS_STEP_DROP);
	r = empty(slots, slots_candidate(slots));
	if (r < 0)
		return r;
	gw_step_after(SLOTS_STEP_DROP);
	return 0;
}

/* What connects goes first: a death behind that leaves nothing that is used, or one that proves itself once more. */
int slots_forget(struct slots *slots)
{
	int first = slots->live == SLOTS_NONE ? 0 : slots->live, r;

	gw_step_before(SLOTS_STEP_FORGET);
	slots->live = SLOTS_NONE;
	r = empty(slots, first);
	if (r >= 0)
		r = empty(slots, 1 - first);
	if (r >= 0)
		r = cell_wipe(slots->dir_fd, NOTE);
	if (r < 0)
		return r;
	gw_step_after(SLOTS_STEP_FORGET);
	slots->retired = SLOTS_NONE;
	return 0;
}
