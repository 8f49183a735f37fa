/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * No list that the cloud sends can lock the gateway out: what works now is held on to until something
 * else has worked. What is held is on disk before the list that drops it; so a death in between leaves
 * one anchor too many, never one too few.
 */
#include "plugins/mqtt/anchors.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "lib/step.h"
#include "lib/util.h"
#include "plugins/mqtt/cell.h"

/* Cells. */
#define LIST "anchors"
#define HELD "anchor-in-use"

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

static void add_cell(int dir_fd, const char *cell, X509_STORE *store)
{
	_cleanup_free_ uint8_t *data = NULL;
	struct gw_blob list = { NULL, 0 };
	X509 *certificate;

	if (cell_read(dir_fd, cell, &data, &list.len) < 0)
		return;
	list.data = data;
	while ((certificate = next_of(&list))) {
		(void)X509_STORE_add_cert(store, certificate);
		X509_free(certificate);
	}
	ERR_clear_error();
}

void anchors_add(int dir_fd, X509_STORE *store)
{
	add_cell(dir_fd, LIST, store);
	add_cell(dir_fd, HELD, store);
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

int anchors_forget(int dir_fd)
{
	int r = cell_wipe(dir_fd, LIST);

	return r < 0 ? r : cell_wipe(dir_fd, HELD);
}

int anchors_take(int dir_fd, struct gw_blob list, struct gw_blob in_use, struct gw_blob given)
{
	_cleanup_free_ uint8_t *old = NULL;
	size_t len = 0;
	int r;

	if (!anchors_are_certificates(list))
		return -EBADMSG;
	if (cell_read(dir_fd, LIST, &old, &len) >= 0 &&
	    gw_blob_equal((struct gw_blob){ old, len }, list))
		return 0;

	if (in_use.len && !is_in_text(given, in_use) && !is_in_list(list, in_use)) {
		r = cell_write(dir_fd, HELD, in_use);
		if (r < 0)
			return r;
	}

	gw_step_before(ANCHORS_STEP);
	r = cell_write(dir_fd, LIST, list);
	if (r < 0)
		return r;
	gw_step_after(ANCHORS_STEP);
	return 0;
}

int anchors_verified_by(int dir_fd, struct gw_blob in_use, struct gw_blob given)
{
	_cleanup_free_ uint8_t *list = NULL;
	size_t len = 0;

	(void)cell_read(dir_fd, LIST, &list, &len);
	if (!is_in_text(given, in_use) && !is_in_list((struct gw_blob){ list, len }, in_use))
		return 0;
	return cell_wipe(dir_fd, HELD);
}
