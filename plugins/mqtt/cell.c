/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file counts if it is whole: a header with the number of its turn and a hash of that and of the contents, the
 * contents, and nothing but zeros behind them. A new one is written over the file that does not count or has the
 * lower number; torn at any byte it does not count, and the other one still does. Files never get shorter:
 * what once had room on a full disk has room again.
 *
 * Wiped is overwritten, the older file first, so that a death in between brings nothing back. The bytes are then
 * gone for whoever reads the file or the disk. A flash disk writes elsewhere, though, and so do file systems that copy
 * on write: until the controller erases it an old copy is there for whoever takes the chips out. Only
 * an encrypted disk helps against him.
 */
#include "plugins/mqtt/cell.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/util.h"

#define N_TURNS      2
#define NAME_MAX_LEN 32

static const uint8_t magic[8] = "gwcell1";

/* On disk as it is in memory; it never leaves the machine. */
struct header {
	uint8_t magic[8];
	uint64_t sequence;
	uint64_t len;
	uint8_t hash[32];
};

#define FILE_MAX (sizeof(struct header) + CELL_MAX)

/* One of the two files, read. */
struct turn {
	uint8_t *data; /* NULL: there is nothing to read */
	size_t len;
	uint64_t sequence; /* 0: it does not count */
	struct gw_blob contents;
	int error; /* why nothing could be read, 0: it is not there */
};

static void turn_done(struct turn *turn)
{
	if (turn->data)
		explicit_bzero(turn->data, turn->len);
	free(turn->data);
}

static void turns_done(struct turn (*turns)[N_TURNS])
{
	for (int i = 0; i < N_TURNS; i++)
		turn_done(&(*turns)[i]);
}

static void name_of(const char *cell, int turn, char name[NAME_MAX_LEN])
{
	(void)snprintf(name, NAME_MAX_LEN, "%s.%d", cell, turn);
}

/* --- one file, in memory --------------------------------------------------------------------- */

static int hash(const struct header *header, struct gw_blob contents, uint8_t ret[32])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
		  EVP_DigestUpdate(ctx, header, offsetof(struct header, hash)) == 1 &&
		  EVP_DigestUpdate(ctx, contents.data, contents.len) == 1 &&
		  EVP_DigestFinal_ex(ctx, ret, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -ENOMEM;
}

static bool is_zero(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i])
			return false;
	return true;
}

/* That nothing can be judged is no judgement: who takes contents for none wipes them. */
static int judge(struct turn *turn)
{
	struct header header;
	uint8_t digest[sizeof(header.hash)];
	struct gw_blob contents;

	if (turn->len < sizeof(header))
		return 0;
	memcpy(&header, turn->data, sizeof(header));
	if (memcmp(header.magic, magic, sizeof(magic)) != 0 ||
	    header.len > turn->len - sizeof(header))
		return 0;

	contents = (struct gw_blob){ turn->data + sizeof(header), (size_t)header.len };
	if (hash(&header, contents, digest) < 0)
		return -ENOMEM;
	if (memcmp(digest, header.hash, sizeof(digest)) == 0 &&
	    is_zero(contents.data + contents.len, turn->len - sizeof(header) - contents.len)) {
		turn->contents = contents;
		turn->sequence = header.sequence;
	}
	return 0;
}

/* --- on disk --------------------------------------------------------------------------------- */

static int read_turns(int dir_fd, const char *cell, struct turn (*turns)[N_TURNS])
{
	char name[NAME_MAX_LEN];

	for (int i = 0; i < N_TURNS; i++) {
		struct turn *turn = &(*turns)[i];
		int r;

		name_of(cell, i, name);
		r = gw_read_file(dir_fd, name, FILE_MAX, &turn->data, &turn->len);
		if (r >= 0)
			r = judge(turn);
		else if (r != -ENOENT && r != -EFBIG)
			turn->error = r;
		if (r == -ENOMEM)
			return r;
	}
	return 0;
}

static int newest(const struct turn turns[N_TURNS])
{
	return turns[1].sequence > turns[0].sequence ? 1 : 0;
}

static int open_turn(int dir_fd, const char *cell, int turn, int *ret)
{
	char name[NAME_MAX_LEN];
	int fd;

	name_of(cell, turn, name);
	fd = openat(dir_fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

static int write_at(int fd, struct gw_blob bytes, off_t at)
{
	while (bytes.len) {
		ssize_t n = pwrite(fd, bytes.data, bytes.len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		bytes.data += n;
		bytes.len -= (size_t)n;
		at += n;
	}
	return 0;
}

static int write_zeros(int fd, off_t from, off_t to)
{
	static const uint8_t zeros[4096];
	int r = 0;

	for (off_t at = from; at < to && r >= 0; at += (off_t)sizeof(zeros))
		r = write_at(fd,
			     (struct gw_blob){ zeros, GW_MIN((size_t)(to - at), sizeof(zeros)) },
			     at);
	return r;
}

/* What a failing disk has made of it is not to be taken for contents by us either, who still see what it
 * has not kept. */
static int give_up(int fd, int r)
{
	(void)write_zeros(fd, 0, sizeof(struct header));
	return r;
}

/* The whole file: these bytes, then zeros. */
static int overwrite(int fd, struct gw_blob bytes)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	r = write_at(fd, bytes, 0);
	if (r >= 0)
		r = write_zeros(fd, (off_t)bytes.len, st.st_size);
	if (r >= 0 && fsync(fd) < 0)
		r = -errno;
	return r < 0 ? give_up(fd, r) : 0;
}

static int wipe_turn(int dir_fd, const char *cell, int i, const struct turn *turn)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (turn->data && is_zero(turn->data, turn->len))
		return 0;
	r = open_turn(dir_fd, cell, i, &fd);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return overwrite(fd, (struct gw_blob){ NULL, 0 });
}

/* --- cells ----------------------------------------------------------------------------------- */

int cell_make(int dir_fd, const char *cell)
{
	char name[NAME_MAX_LEN];
	bool made = false;

	for (int i = 0; i < N_TURNS; i++) {
		int fd;

		name_of(cell, i, name);
		if (faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0)
			return -errno;
		(void)close(fd);
		made = true;
	}
	return made && fsync(dir_fd) < 0 ? -errno : 0;
}

int cell_read(int dir_fd, const char *cell, uint8_t **ret, size_t *ret_len)
{
	_cleanup_(turns_done) struct turn turns[N_TURNS] = { 0 };
	const struct turn *turn;
	uint8_t *copy;
	int r;

	r = read_turns(dir_fd, cell, &turns);
	if (r < 0)
		return r;
	turn = &turns[newest(turns)];
	if (!turn->sequence)
		return turns[0].error ? turns[0].error : turns[1].error ? turns[1].error : -ENOENT;

	copy = malloc(turn->contents.len + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, turn->contents.data, turn->contents.len);
	copy[turn->contents.len] = 0;
	*ret = copy;
	*ret_len = turn->contents.len;
	return 0;
}

static int compose(uint64_t sequence, struct gw_blob contents, struct turn *ret)
{
	struct header header = { .sequence = sequence, .len = contents.len };
	int r;

	memcpy(header.magic, magic, sizeof(magic));
	r = hash(&header, contents, header.hash);
	if (r < 0)
		return r;
	ret->len = sizeof(header) + contents.len;
	ret->data = malloc(ret->len);
	if (!ret->data)
		return -ENOMEM;
	memcpy(ret->data, &header, sizeof(header));
	memcpy(ret->data + sizeof(header), contents.data, contents.len);
	return 0;
}

int cell_write(int dir_fd, const char *cell, struct gw_blob contents)
{
	_cleanup_(turns_done) struct turn turns[N_TURNS] = { 0 };
	_cleanup_(turn_done) struct turn next = { 0 };
	_cleanup_close_ int fd = -1;
	int older, r;

	if (contents.len > CELL_MAX)
		return -EFBIG;

	r = read_turns(dir_fd, cell, &turns);
	if (r < 0)
		return r;
	older = 1 - newest(turns);
	if (turns[1 - older].error)
		return turns[1 - older].error; /* what stands there may be newer than all we know */
	r = compose(turns[1 - older].sequence + 1, contents, &next);
	if (r >= 0)
		r = open_turn(dir_fd, cell, older, &fd);
	return r < 0 ? r : overwrite(fd, (struct gw_blob){ next.data, next.len });
}

/* A byte that stands there already, where there is room; else the zeros that make it. */
static int try_write(int fd, const struct turn *turn)
{
	struct stat st;
	uint8_t last = 0;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (turn->len && (off_t)turn->len == st.st_size)
		last = turn->data[turn->len - 1];
	r = st.st_size < CELL_ROOM ? write_zeros(fd, st.st_size, CELL_ROOM)
				   : write_at(fd, (struct gw_blob){ &last, 1 }, st.st_size - 1);
	return r >= 0 && fsync(fd) < 0 ? -errno : r;
}

static int check_turn(int dir_fd, const char *cell, int i, const struct turn *turn)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (turn->error)
		return turn->error;
	r = open_turn(dir_fd, cell, i, &fd);
	return r < 0 ? r : try_write(fd, turn);
}

int cell_check(int dir_fd, const char *cell)
{
	_cleanup_(turns_done) struct turn turns[N_TURNS] = { 0 };
	int last, r;

	r = read_turns(dir_fd, cell, &turns);
	last = newest(turns);
	for (int i = 0; i < N_TURNS && r >= 0; i++)
		if (i != last || !turns[i].sequence) /* what counts is left alone */
			r = check_turn(dir_fd, cell, i, &turns[i]);
	return r;
}

int cell_wipe(int dir_fd, const char *cell)
{
	_cleanup_(turns_done) struct turn turns[N_TURNS] = { 0 };
	int last, r;

	r = read_turns(dir_fd, cell, &turns);
	if (r < 0)
		return r;
	last = newest(turns);
	r = wipe_turn(dir_fd, cell, 1 - last, &turns[1 - last]);
	return r < 0 ? r : wipe_turn(dir_fd, cell, last, &turns[last]);
}
