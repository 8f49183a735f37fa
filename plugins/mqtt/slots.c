/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a slot holds is told by its files, which one is live by a note beside them, written in one go. The
 * note also names the slot that is to be wiped after a switch, so that after a death in between the
 * old credential is not taken for a candidate.
 *
 * A key goes before its certificate when a slot is emptied, and comes before it when one is filled;
 * so a certificate without a key is a left-over, and the slot is empty.
 */
#include "plugins/mqtt/slots.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/step.h"
#include "lib/util.h"

#define NOTE     "live"
#define NOTE_MAX 64
#define HEAD     "gangway slots 1\n"

static const char *const keys[SLOTS_N] = { "a.key", "b.key" };
static const char *const certificates[SLOTS_N] = { "a.cert", "b.cert" };
static const char *const left_overs[] = { "a.key.new", "b.key.new", "a.cert.new", "b.cert.new",
					  NOTE ".new" };

const char *slots_key_name(int slot)
{
	return keys[slot];
}

const char *slots_certificate_name(int slot)
{
	return certificates[slot];
}

int slots_candidate(const struct slots *slots)
{
	if (slots->live != SLOTS_NONE)
		return 1 - slots->live;
	return slots->fill[1] > slots->fill[0] ? 1 : 0;
}

/* --- files ----------------------------------------------------------------------------------- */

/* Overwrites a file's bytes before it goes; what the disk makes of that is the disk's affair. */
static int wipe(int dir_fd, const char *name)
{
	static const uint8_t zeros[4096];
	_cleanup_close_ int fd = openat(dir_fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;

	for (off_t at = 0; at < st.st_size; at += (off_t)sizeof(zeros)) {
		size_t len = GW_MIN((size_t)(st.st_size - at), sizeof(zeros));

		if (pwrite(fd, zeros, len, at) != (ssize_t)len)
			return -EIO;
	}
	if (fsync(fd) < 0)
		return -errno;
	return unlinkat(dir_fd, name, 0) < 0 ? -errno : 0;
}

static int sync_folder(int dir_fd)
{
	return fsync(dir_fd) < 0 ? -errno : 0;
}

/*
 * The key must be gone for good before the certificate goes, see above; and gone by its name before it is
 * overwritten, so that no half of it is ever taken for a key. The name that it gets is a left-over's.
 */
static int empty(struct slots *slots, int slot)
{
	int r = 0;

	if (renameat(slots->dir_fd, keys[slot], slots->dir_fd, left_overs[slot]) < 0 &&
	    errno != ENOENT)
		r = -errno;
	if (r >= 0)
		r = sync_folder(slots->dir_fd);
	if (r >= 0)
		r = wipe(slots->dir_fd, left_overs[slot]);
	if (r >= 0 && unlinkat(slots->dir_fd, certificates[slot], 0) < 0 && errno != ENOENT)
		r = -errno;
	if (r >= 0)
		r = sync_folder(slots->dir_fd);
	if (r >= 0)
		slots->fill[slot] = SLOTS_EMPTY;
	return r;
}

static enum slots_fill look(int dir_fd, int slot)
{
	if (faccessat(dir_fd, keys[slot], F_OK, 0) < 0)
		return SLOTS_EMPTY;
	return faccessat(dir_fd, certificates[slot], F_OK, 0) < 0 ? SLOTS_KEY : SLOTS_WHOLE;
}

/* --- the note -------------------------------------------------------------------------------- */

static char letter_of(int slot)
{
	return slot == SLOTS_NONE ? '-' : (char)('a' + slot);
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

	return gw_write_file(dir_fd, NOTE, (struct gw_blob){ (uint8_t *)text, (size_t)len }, 0600);
}

static int read_note(int dir_fd, int *ret_live, int *ret_retired)
{
	_cleanup_free_ uint8_t *text = NULL;
	char live, retired, end;
	size_t len;
	int r;

	*ret_live = *ret_retired = SLOTS_NONE;
	r = gw_read_file(dir_fd, NOTE, NOTE_MAX, &text, &len);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (sscanf((char *)text, HEAD "live %c\nretired %c%c", &live, &retired, &end) != 3 ||
	    end != '\n' || slot_of(retired, ret_retired) < 0)
		return -EBADMSG;
	return slot_of(live, ret_live);
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
	return 0;
}

int slots_open(int dir_fd, struct slots *ret)
{
	struct slots slots = { .dir_fd = dir_fd };
	int retired, noted, r = 0;

	for (size_t i = 0; i < GW_ELEMENTS(left_overs); i++)
		(void)wipe(dir_fd, left_overs[i]);

	noted = read_note(dir_fd, &slots.live, &retired);
	if (noted == -EBADMSG || noted == -EFBIG)
		slots.live = retired = SLOTS_NONE;
	else if (noted < 0)
		return noted;

	for (int i = 0; i < SLOTS_N; i++)
		slots.fill[i] = look(dir_fd, i);
	if (slots.live != SLOTS_NONE && slots.fill[slots.live] != SLOTS_WHOLE)
		slots.live = SLOTS_NONE; /* somebody took its files */
	if (retired != SLOTS_NONE && retired != slots.live)
		r = retire(&slots, retired);
	if (r < 0)
		return r;

	*ret = slots;
	return noted < 0 ? -EBADMSG : 0;
}

/* --- steps ----------------------------------------------------------------------------------- */

int slots_store_key(struct slots *slots, struct gw_blob key)
{
	int slot = slots_candidate(slots), r;

	r = empty(slots, slot);
	if (r < 0)
		return r;

	gw_step_before(SLOTS_STEP_KEY);
	r = gw_write_file(slots->dir_fd, keys[slot], key, 0600);
	if (r < 0)
		return r;
	gw_step_after(SLOTS_STEP_KEY);
	slots->fill[slot] = SLOTS_KEY;
	return 0;
}

int slots_store_certificate(struct slots *slots, struct gw_blob certificate)
{
	int slot = slots_candidate(slots), r;

	if (slots->fill[slot] == SLOTS_EMPTY)
		return -ENOKEY;

	gw_step_before(SLOTS_STEP_CERTIFICATE);
	r = gw_write_file(slots->dir_fd, certificates[slot], certificate, 0600);
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
	return retire(slots, 1 - slot);
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
