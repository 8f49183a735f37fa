/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lies in the folder is all the device knows; plan.c turns it into what to do. A candidate
 * becomes the credential by a single rename, so a device has at every moment one credential that
 * works, or is on its way to the first. The folder is locked while we are in it: two of us with one
 * secret would revoke each other's keys.
 */
#include "tools/device/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/step.h"
#include "lib/util.h"
#include "tools/device/failure.h"
#include "tools/device/pem.h"
#include "tools/device/plan.h"

#define CANDIDATE  "candidate.pem"
#define CREDENTIAL "credential.pem"
#define ANCHORS    "anchors.pem"
#define SETTINGS   "settings.json"

#define FILE_MAX (256UL * 1024)

#define STEP_KEY         "device.key"
#define STEP_ANCHORS     "device.anchors"
#define STEP_CERTIFICATE "device.certificate"
#define STEP_PROVED      "device.proved"
#define STEP_DROPPED     "device.dropped"
#define STEP_WIPED       "device.wiped"

const char *const state_steps[] = { STEP_KEY,    STEP_ANCHORS, STEP_CERTIFICATE,
				    STEP_PROVED, STEP_DROPPED, STEP_WIPED };
const size_t state_n_steps = GW_ELEMENTS(state_steps);

/* --- reading --- */

static int open_folder(struct state *s, struct failure *failure)
{
	if (mkdir(s->path, 0700) < 0 && errno != EEXIST)
		return failure_set(failure, -errno, "%s: cannot be made: %s", s->path,
				   strerror(errno));

	s->dir_fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir_fd < 0)
		return failure_set(failure, -errno, "%s: %s", s->path, strerror(errno));
	if (flock(s->dir_fd, LOCK_EX | LOCK_NB) < 0)
		return failure_set(failure, -EBUSY, "%s: another gangway-device works in it",
				   s->path);
	return 0;
}

/* A file that is not there is an empty text, for which *ret_text is NULL. */
static int read_text(struct state *s, const char *name, char **ret_text, size_t *ret_len,
		     struct failure *failure)
{
	uint8_t *contents;
	int r = gw_read_file(s->dir_fd, name, FILE_MAX, &contents, ret_len);

	if (r == -ENOENT) {
		*ret_text = NULL;
		return 0;
	}
	if (r < 0)
		return failure_set(failure, r, "%s/%s: %s", s->path, name, strerror(-r));

	*ret_text = (char *)contents;
	return 0;
}

static int read_credential(struct state *s, const char *name, struct credential *ret,
			   struct failure *failure)
{
	char *text = NULL;
	size_t len;
	int r = read_text(s, name, &text, &len, failure);

	if (r < 0 || !text)
		return r;
	r = credential_parse(text, ret);
	explicit_bzero(text, len);
	free(text);
	if (r < 0)
		return failure_set(failure, r,
				   "%s/%s: is not a key with its certificate; put the file back, "
				   "or remove it and begin again",
				   s->path, name);
	return 0;
}

static int read_anchors(struct state *s, struct failure *failure)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = read_text(s, ANCHORS, &text, &len, failure);

	if (r < 0 || !text)
		return r;
	r = pem_to_list(text, PEM_CERTIFICATE, &s->anchors, &s->anchors_len);
	if (r < 0)
		return failure_set(failure, -EBADMSG,
				   "%s/%s: holds no certificates; put the file back", s->path,
				   ANCHORS);
	return 0;
}

int state_open(const char *path, struct failure *failure, struct state **ret)
{
	struct state *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;

	s->dir_fd = -1;
	s->path = strdup(path);
	r = s->path ? open_folder(s, failure) : -ENOMEM;
	if (r >= 0)
		r = read_credential(s, CREDENTIAL, &s->credential, failure);
	if (r >= 0)
		r = read_credential(s, CANDIDATE, &s->candidate, failure);
	if (r >= 0)
		r = read_anchors(s, failure);
	if (r >= 0 && s->credential.key.len && !s->credential.chain.len)
		r = failure_set(failure, -EBADMSG,
				"%s/%s: the certificate is missing; put the file back, or remove "
				"it and begin again",
				path, CREDENTIAL);
	if (r < 0) {
		(void)state_free(s);
		return r;
	}

	*ret = s;
	return 0;
}

struct state *state_free(struct state *state)
{
	if (!state)
		return NULL;

	credential_done(&state->candidate);
	credential_done(&state->credential);
	free(state->anchors);
	free(state->path);
	gw_closep(&state->dir_fd);
	free(state);
	return NULL;
}

void state_describe(const struct state *state, struct plan_facts *ret)
{
	if (!state->candidate.key.len)
		ret->candidate = PLAN_CREDENTIAL_NONE;
	else
		ret->candidate = state->candidate.chain.len ? PLAN_CREDENTIAL_CERTIFICATE
							    : PLAN_CREDENTIAL_KEY;
	ret->has_credential = state->credential.key.len > 0;
	ret->has_anchors = state->anchors_len > 0;
}

/* --- writing --- */

static int write_file(struct state *s, const char *name, struct gw_blob contents, unsigned mode,
		      struct failure *failure)
{
	int r = gw_write_file(s->dir_fd, name, contents, mode);

	if (r < 0)
		return failure_set(failure, r, "%s/%s: cannot be written: %s", s->path, name,
				   strerror(-r));
	return 0;
}

static int write_candidate(struct state *s, const char *step, struct failure *failure)
{
	char *text;
	size_t len;
	int r = credential_format(&s->candidate, &text, &len);

	if (r < 0)
		return failure_set(failure, r, "%s/%s: %s", s->path, CANDIDATE, strerror(-r));

	gw_step_before(step);
	r = write_file(s, CANDIDATE, (struct gw_blob){ (uint8_t *)text, len }, 0600, failure);
	explicit_bzero(text, len);
	free(text);
	if (r < 0)
		return r;
	gw_step_after(step);
	return 0;
}

int state_store_key(struct state *state, struct gw_blob key, struct failure *failure)
{
	int r = credential_set(&state->candidate, key, (struct gw_blob){ 0 });

	if (r < 0)
		return failure_set(failure, r, "%s", strerror(-r));
	return write_candidate(state, STEP_KEY, failure);
}

int state_store_certificate(struct state *state, struct gw_blob chain, struct failure *failure)
{
	int r = credential_set(&state->candidate, state->candidate.key, chain);

	if (r < 0)
		return failure_set(failure, r, "%s", strerror(-r));
	return write_candidate(state, STEP_CERTIFICATE, failure);
}

int state_store_anchors(struct state *state, struct gw_blob anchors, struct failure *failure)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ uint8_t *copy = gw_blob_dup(anchors);
	size_t len;
	int r;

	r = copy ? pem_from_list(anchors, PEM_CERTIFICATE, &text, &len) : -ENOMEM;
	if (r < 0)
		return failure_set(failure, r, "%s/%s: %s", state->path, ANCHORS, strerror(-r));

	gw_step_before(STEP_ANCHORS);
	r = write_file(state, ANCHORS, (struct gw_blob){ (uint8_t *)text, len }, 0644, failure);
	if (r < 0)
		return r;
	gw_step_after(STEP_ANCHORS);

	free(state->anchors);
	state->anchors = TAKE_PTR(copy);
	state->anchors_len = anchors.len;
	return 0;
}

int state_store_settings(struct state *state, struct gw_blob settings, struct failure *failure)
{
	return write_file(state, SETTINGS, settings, 0644, failure);
}

static int sync_folder(struct state *s, struct failure *failure)
{
	if (fsync(s->dir_fd) < 0)
		return failure_set(failure, -errno, "%s: %s", s->path, strerror(errno));
	return 0;
}

int state_promote(struct state *state, struct failure *failure)
{
	int r;

	gw_step_before(STEP_PROVED);
	if (renameat(state->dir_fd, CANDIDATE, state->dir_fd, CREDENTIAL) < 0)
		return failure_set(failure, -errno, "%s/%s: cannot take its place: %s", state->path,
				   CREDENTIAL, strerror(errno));
	r = sync_folder(state, failure);
	if (r < 0)
		return r;
	gw_step_after(STEP_PROVED);

	credential_done(&state->credential);
	state->credential = state->candidate;
	state->candidate = (struct credential){ 0 };
	return 0;
}

int state_drop_candidate(struct state *state, struct failure *failure)
{
	int r;

	gw_step_before(STEP_DROPPED);
	if (unlinkat(state->dir_fd, CANDIDATE, 0) < 0 && errno != ENOENT)
		return failure_set(failure, -errno, "%s/%s: cannot be removed: %s", state->path,
				   CANDIDATE, strerror(errno));
	credential_done(&state->candidate);
	r = sync_folder(state, failure);
	if (r < 0)
		return r;
	gw_step_after(STEP_DROPPED);
	return 0;
}

/* Overwritten, too: what a removed file has held may lie on the disk for long. Removed first, since a file of zeros
 * is nothing that the device could begin with again. */
static int wipe_file(struct state *s, const char *name)
{
	_cleanup_close_ int fd = openat(s->dir_fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_free_ uint8_t *zeros = NULL;
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) < 0 || unlinkat(s->dir_fd, name, 0) < 0 || fsync(s->dir_fd) < 0)
		return -errno;

	zeros = calloc(1, (size_t)st.st_size + 1);
	if (!zeros)
		return -ENOMEM;
	if (pwrite(fd, zeros, (size_t)st.st_size, 0) != st.st_size || fsync(fd) < 0)
		return -EIO;
	return 0;
}

int state_wipe(struct state *state, struct failure *failure)
{
	/* While the credential is there, the device is told again; and it needs the anchors for that. */
	static const char *const names[] = { SETTINGS, CANDIDATE, CREDENTIAL, ANCHORS };

	gw_step_before(STEP_WIPED);
	for (size_t i = 0; i < GW_ELEMENTS(names); i++) {
		int r = wipe_file(state, names[i]);

		if (r < 0)
			return failure_set(failure, r, "%s/%s: cannot be wiped: %s", state->path,
					   names[i], strerror(-r));
	}
	gw_step_after(STEP_WIPED);

	credential_done(&state->candidate);
	credential_done(&state->credential);
	free(state->anchors);
	state->anchors = NULL;
	state->anchors_len = 0;
	return 0;
}
