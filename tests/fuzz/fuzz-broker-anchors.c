/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists of what the broker is to be known by, as they arrive from the cloud one after the other, between connections
 * that were verified with this or that: what is taken is certificates to the last byte, and is then all that counts beside
 * the file and what worked last; what is no list, and what an older command brings, changes nothing; and whatever
 * the cloud sends, what worked last still does, until something else has.
 *
 * The input is a list of steps. A list is made of certificates that are built in and of bytes of the input.
 */
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"
#include "plugins/mqtt/anchors.h"
#include "plugins/mqtt/cell.h"
#include "tests/fuzz/input.h"

#define STEPS_MAX  16
#define PARTS_MAX  6
#define LIST_SIZE  8192
#define N_BUILT_IN 4

static const char *const cells[] = { "anchors", "anchor-in-use" };

/* DER. The first one is what the file that we were given holds, too. */
static struct gw_blob built_in[N_BUILT_IN];
static struct gw_blob given;

/* What a connection was verified with last, and the highest number of a command that brought a list. */
struct world {
	struct gw_blob in_use;
	uint64_t seq;
};

static char folder[] = "/tmp/gangway-fuzz-XXXXXX";
static int dir_fd = -1;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_fsync(int fd);

/* The disk is not what is tried here. */
int __wrap_fsync(int fd)
{
	return 0;
}

/* --- the folder and the certificates --------------------------------------------------------- */

static void remove_files(void)
{
	char name[32];

	for (size_t i = 0; i < 2 * GW_ELEMENTS(cells); i++) {
		(void)snprintf(name, sizeof(name), "%s.%zu", cells[i / 2], i % 2);
		(void)unlinkat(dir_fd, name, 0);
	}
}

static void remove_folder(void)
{
	remove_files();
	(void)rmdir(folder);
}

static struct gw_blob make_certificate(EVP_PKEY *key, long serial)
{
	X509 *certificate = X509_new();
	unsigned char *der = NULL;
	int len;

	require(certificate && ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial) == 1);
	require(X509_set_pubkey(certificate, key) == 1);
	require(X509_gmtime_adj(X509_getm_notBefore(certificate), 0) &&
		X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
	require(X509_sign(certificate, key, EVP_sha256()) > 0);
	len = i2d_X509(certificate, &der);
	require(len > 0);
	X509_free(certificate);
	return (struct gw_blob){ der, (size_t)len };
}

static void make_given(void)
{
	const unsigned char *at = built_in[0].data;
	X509 *certificate = d2i_X509(NULL, &at, (long)built_in[0].len);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len;

	require(certificate && bio && PEM_write_bio_X509(bio, certificate) == 1);
	len = BIO_get_mem_data(bio, &text);
	given = (struct gw_blob){ (const uint8_t *)text, (size_t)len };
	given.data = gw_blob_dup(given);
	require(given.data);
	BIO_free(bio);
	X509_free(certificate);
}

static void make_all(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	require(key && mkdtemp(folder) && atexit(remove_folder) == 0);
	dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(dir_fd >= 0);
	for (long i = 0; i < N_BUILT_IN; i++)
		built_in[i] = make_certificate(key, i + 1);
	make_given();
	EVP_PKEY_free(key);
}

/* --- what has to hold ------------------------------------------------------------------------ */

/* Not by the code under test: one element after the other, each a certificate and all of it. */
static bool is_list(struct gw_blob list)
{
	bool ret = true;

	while (ret && list.len) {
		const unsigned char *at = list.data;
		long len = 0;
		int tag, class;

		ret = !(ASN1_get_object(&at, &len, &tag, &class, (long)list.len) & 0x80);
		if (ret) {
			size_t whole = (size_t)(at - list.data) + (size_t)len;
			const unsigned char *from = list.data;
			X509 *certificate = d2i_X509(NULL, &from, (long)whole);

			ret = certificate && from == list.data + whole;
			X509_free(certificate);
			list = (struct gw_blob){ list.data + whole, list.len - whole };
		}
	}
	ERR_clear_error();
	return ret;
}

static bool contains(struct gw_blob list, struct gw_blob part)
{
	return part.len && list.len && memmem(list.data, list.len, part.data, part.len);
}

/* Whether a connection may be verified with it. */
static bool counts(X509_STORE *store, struct gw_blob certificate)
{
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
	bool ret = contains(built_in[0], certificate);

	for (int i = 0; i < sk_X509_OBJECT_num(objects) && !ret; i++) {
		unsigned char *der = NULL;
		int len = i2d_X509(X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i)), &der);

		ret = len > 0 && gw_blob_equal((struct gw_blob){ der, (size_t)len }, certificate);
		OPENSSL_free(der);
	}
	return ret;
}

static struct gw_blob kept(const char *cell)
{
	uint8_t *data = NULL;
	size_t len = 0;
	int r = cell_read(dir_fd, cell, &data, &len);

	require(r == 0 || r == -ENOENT);
	return (struct gw_blob){ data, len };
}

static void drop(struct gw_blob blob)
{
	free((void *)(uintptr_t)blob.data);
}

/* Behind the line that tells the command's number. */
static struct gw_blob kept_list(void)
{
	struct gw_blob cell = kept("anchors"), list = { NULL, 0 };
	const uint8_t *end = cell.len ? memchr(cell.data, '\n', cell.len) : NULL;

	if (end) {
		list = (struct gw_blob){ end + 1, cell.len - (size_t)(end + 1 - cell.data) };
		list.data = gw_blob_dup(list);
	}
	drop(cell);
	return list;
}

/* What worked last is one of those that count, and all that count are of the list, the file, or what is held. */
static void check(struct gw_blob in_use)
{
	X509_STORE *store = X509_STORE_new();
	struct gw_blob list = kept_list(), held = kept("anchor-in-use");

	require(store);
	anchors_add(dir_fd, store);
	require(counts(store, in_use));
	for (size_t i = 1; i < N_BUILT_IN; i++)
		require(counts(store, built_in[i]) ==
			(contains(list, built_in[i]) || contains(held, built_in[i])));
	require(ERR_peek_error() == 0);
	X509_STORE_free(store);
	drop(list);
	drop(held);
}

/* --- steps ----------------------------------------------------------------------------------- */

static size_t make_list(struct gw_blob *in, uint8_t list[LIST_SIZE])
{
	uint8_t n = take_byte(in) % (PARTS_MAX + 1);
	size_t len = 0;

	for (uint8_t i = 0; i < n; i++) {
		uint8_t what = take_byte(in);
		struct gw_blob part = what & 0x80 ? take_bytes(in, take_u16(in) % 1200)
						  : built_in[what % N_BUILT_IN];

		if (part.len > LIST_SIZE - len)
			break;
		if (part.len)
			memcpy(list + len, part.data, part.len);
		len += part.len;
	}
	return len;
}

/* Whether a list that came so is to be there afterwards; *ret_r: what is said of it. */
static bool is_news(uint64_t seq, struct gw_blob list, const struct world *world, int *ret_r)
{
	*ret_r = 0;
	if (!is_list(list))
		*ret_r = -EBADMSG;
	else if (seq != ANCHORS_ISSUED && seq < world->seq)
		*ret_r = -ESTALE;
	return *ret_r == 0 && (seq == ANCHORS_ISSUED || seq > world->seq);
}

static void take(uint64_t seq, struct gw_blob list, struct world *world)
{
	struct gw_blob before = kept_list(), held = kept("anchor-in-use"), now, held_now;
	int expected;
	bool news = is_news(seq, list, world, &expected);

	require(anchors_are_certificates(list) == is_list(list));
	require(anchors_take(dir_fd, seq, list, world->in_use, given) == expected);
	now = kept_list();
	held_now = kept("anchor-in-use");
	require(gw_blob_equal(now, news ? list : before));
	require(news || gw_blob_equal(held_now, held));
	if (news)
		world->seq = GW_MAX(world->seq, seq);
	drop(before);
	drop(held);
	drop(now);
	drop(held_now);
}

/* Only what counts can have verified a connection. Then what was held on to is of no use any more, unless it is this. */
static void connect_by(struct gw_blob certificate, struct world *world)
{
	X509_STORE *store = X509_STORE_new();
	struct gw_blob list, held;

	require(store);
	anchors_add(dir_fd, store);
	if (counts(store, certificate)) {
		world->in_use = certificate;
		require(anchors_verified_by(dir_fd, certificate, given) == 0);
		list = kept_list();
		held = kept("anchor-in-use");
		require(!held.len ||
			!(contains(list, certificate) || contains(built_in[0], certificate)));
		drop(list);
		drop(held);
	}
	X509_STORE_free(store);
}

static void step(struct gw_blob *in, struct world *world)
{
	uint8_t list[LIST_SIZE], what = take_byte(in), seq;
	size_t len;

	switch (what % 4) {
	case 0:
	case 1:
		seq = take_byte(in);
		len = make_list(in, list);
		take(seq, (struct gw_blob){ list, len }, world);
		break;
	case 2: connect_by(built_in[take_byte(in) % N_BUILT_IN], world); break;
	case 3:
		if (what < 0x10) {
			require(anchors_forget(dir_fd) == 0);
			*world = (struct world){ built_in[0], 0 }; /* the file is all there is */
		}
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_blob in = { data, size };
	struct world world;

	if (dir_fd < 0)
		make_all();
	remove_files();
	require(anchors_open(dir_fd) == 0);
	world = (struct world){ built_in[0], 0 };
	for (unsigned i = 0; i < STEPS_MAX && in.len; i++) {
		step(&in, &world);
		check(world.in_use);
	}
	return 0;
}
