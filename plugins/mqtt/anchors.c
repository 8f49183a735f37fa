/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * No list that the cloud sends can lock the gateway out: what works now is held on to until something
 * else has worked. What is held is on disk before the list that drops it; so a death in between leaves
 * one anchor too many, never one too few.
 */
#include "plugins/mqtt/anchors.h"

#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "lib/step.h"
#include "lib/util.h"
#include "plugins/mqtt/cell.h"

/* Cells. */
#define LIST "anchors"
#define HELD "anchor-in-use"

/* What stands before the certificates of the list. */
#define HEAD     "gangway anchors 1, of command %" PRIu64 "\n"
#define HEAD_MAX 64

static void bio_freep(BIO **bio)
{
	BIO_free(*bio);
}

static void x509_freep(X509 **certificate)
{
	X509_free(*certificate);
}

/* Takes the first certificate off a list in DER; NULL at its end, or where there is none. */
static X509 *next_of(struct gw_blob *list)
{
	const unsigned char *at = list->data;
	X509 *certificate = list->len ? d2i_X509(NULL, &at, (long)list->len) : NULL;

	if (!certificate) {
		ERR_clear_error();
		return NULL;
	}
	list->len -= (size_t)(at - list->data);
	list->data = at;
	return certificate;
}

bool anchors_are_certificates(struct gw_blob list)
{
	X509 *certificate;

	while ((certificate = next_of(&list)))
		X509_free(certificate);
	return list.len == 0;
}

/* --- the list on disk ------------------------------------------------------------------------ */

struct kept {
	uint8_t *data;
	uint64_t seq; /* the highest of a command that brought one */
	struct gw_blob list;
};

static void kept_done(struct kept *kept)
{
	free(kept->data);
}

/* What nobody of ours wrote is no list. */
static int kept_read(int dir_fd, struct kept *ret)
{
	_cleanup_(kept_done) struct kept kept = { 0 };
	const uint8_t *end;
	size_t len;
	int r;

	r = cell_read(dir_fd, LIST, &kept.data, &len);
	if (r < 0)
		return r;
	end = memchr(kept.data, '\n', len);
	if (!end || sscanf((const char *)kept.data, "gangway anchors 1, of command %" SCNu64 "\n",
			   &kept.seq) != 1)
		return -ENOENT;
	kept.list = (struct gw_blob){ end + 1, len - (size_t)(end + 1 - kept.data) };
	*ret = kept;
	kept.data = NULL;
	return 0;
}

static int kept_write(int dir_fd, uint64_t seq, struct gw_blob list)
{
	_cleanup_free_ char *text = malloc(HEAD_MAX + list.len);
	size_t len;

	if (!text)
		return -ENOMEM;
	len = (size_t)snprintf(text, HEAD_MAX, HEAD, seq);
	if (list.len)
		memcpy(text + len, list.data, list.len);
	return cell_write(dir_fd, LIST, (struct gw_blob){ (uint8_t *)text, len + list.len });
}

/* --- what a connection is verified with ------------------------------------------------------ */

static void add_list(struct gw_blob list, X509_STORE *store)
{
	X509 *certificate;

	while ((certificate = next_of(&list))) {
		(void)X509_STORE_add_cert(store, certificate);
		X509_free(certificate);
	}
	ERR_clear_error();
}

void anchors_add(int dir_fd, X509_STORE *store)
{
	_cleanup_(kept_done) struct kept kept = { 0 };
	_cleanup_free_ uint8_t *held = NULL;
	size_t len = 0;

	(void)kept_read(dir_fd, &kept);
	(void)cell_read(dir_fd, HELD, &held, &len);
	add_list(kept.list, store);
	add_list((struct gw_blob){ held, len }, store);
}

static bool is_in_list(struct gw_blob list, struct gw_blob certificate)
{
	struct gw_blob from = list;
	X509 *other;

	while ((other = next_of(&list))) {
		X509_free(other);
		from.len -= list.len;
		if (gw_blob_equal(from, certificate))
			return true;
		from = list;
	}
	return false;
}

static bool is_in_text(struct gw_blob pem, struct gw_blob certificate)
{
	_cleanup_(bio_freep) BIO *bio = pem.len ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
	bool found = false;
	X509 *next;

	while (bio && !found && (next = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		_cleanup_(x509_freep) X509 *other = next;
		unsigned char *der = NULL;
		int len = i2d_X509(other, &der);

		found = len > 0 && gw_blob_equal((struct gw_blob){ der, (size_t)len }, certificate);
		OPENSSL_free(der);
	}
	ERR_clear_error();
	return found;
}

int anchors_open(int dir_fd)
{
	int r = cell_make(dir_fd, LIST);

	return r < 0 ? r : cell_make(dir_fd, HELD);
}

int anchors_check(int dir_fd)
{
	int r = cell_check(dir_fd, LIST);

	return r < 0 ? r : cell_check(dir_fd, HELD);
}

int anchors_forget(int dir_fd)
{
	int r = cell_wipe(dir_fd, LIST);

	return r < 0 ? r : cell_wipe(dir_fd, HELD);
}

/* -ENOENT counts as a list that is empty; what cannot be read now may be newer than all we know. */
static int read_or_none(int dir_fd, struct kept *ret)
{
	int r = kept_read(dir_fd, ret);

	return r == -ENOENT ? 0 : r;
}

int anchors_take(int dir_fd, uint64_t seq, struct gw_blob list, struct gw_blob in_use,
		 struct gw_blob given)
{
	_cleanup_(kept_done) struct kept kept = { 0 };
	int r;

	if (!anchors_are_certificates(list))
		return -EBADMSG;
	r = read_or_none(dir_fd, &kept);
	if (r < 0)
		return r;
	if (seq == ANCHORS_ISSUED ? kept.data && gw_blob_equal(kept.list, list) : seq == kept.seq)
		return 0;
	if (seq != ANCHORS_ISSUED && seq < kept.seq)
		return -ESTALE;

	if (!is_in_text(given, in_use) && !is_in_list(list, in_use))
		r = cell_write(dir_fd, HELD, in_use);
	if (r < 0)
		return r;

	gw_step_before(ANCHORS_STEP);
	r = kept_write(dir_fd, GW_MAX(seq, kept.seq), list);
	if (r < 0)
		return r;
	gw_step_after(ANCHORS_STEP);
	return 0;
}

int anchors_verified_by(int dir_fd, struct gw_blob in_use, struct gw_blob given)
{
	_cleanup_(kept_done) struct kept kept = { 0 };

	(void)kept_read(dir_fd, &kept);
	if (!is_in_text(given, in_use) && !is_in_list(kept.list, in_use))
		return 0;
	return cell_wipe(dir_fd, HELD);
}
