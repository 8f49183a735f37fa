/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A memfd with all its seals can neither change nor shrink under the reader, so what is checked is
 * what is used. It is copied nevertheless: a list is a few kilobytes and lives for days.
 */
#include "plugins/registrar/anchors.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "lib/util.h"
#include "lib/wire.h"
#include "lib/x509.h"

static const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

static int read_sealed(int fd, uint8_t **ret, size_t *ret_len)
{
	_cleanup_free_ uint8_t *data = NULL;
	struct stat st;
	int have;

	have = fcntl(fd, F_GET_SEALS);
	if (have < 0 || (have & seals) != seals)
		return -EPERM;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size > GW_ANCHORS_MAX)
		return -EFBIG;

	data = malloc((size_t)st.st_size + 1);
	if (!data)
		return -ENOMEM;
	if (pread(fd, data, (size_t)st.st_size, 0) != st.st_size)
		return -EIO;

	*ret = TAKE_PTR(data);
	*ret_len = (size_t)st.st_size;
	return 0;
}

static int check_certs(const struct gw_blob *certs, size_t n)
{
	struct gw_x509 x509;

	for (size_t i = 0; i < n; i++)
		if (gw_x509_parse(certs[i], &x509) < 0 || !x509.is_ca)
			return -EBADMSG;
	return 0;
}

int anchors_read(struct anchors *anchors, int fd)
{
	_cleanup_free_ struct gw_blob *certs = calloc(ANCHORS_MAX, sizeof(*certs));
	_cleanup_free_ uint8_t *data = NULL;
	size_t len = 0, n = 0;
	int r;

	if (!certs)
		return -ENOMEM;

	r = read_sealed(fd, &data, &len);
	if (r < 0)
		return r;
	r = gw_x509_split((struct gw_blob){ data, len }, certs, ANCHORS_MAX, &n);
	if (r < 0)
		return r;
	r = check_certs(certs, n);
	if (r < 0)
		return r;

	anchors_done(anchors);
	*anchors = (struct anchors){ .data = TAKE_PTR(data), .certs = TAKE_PTR(certs), .n = n };
	return 0;
}

void anchors_done(struct anchors *anchors)
{
	free(anchors->data);
	free(anchors->certs);
	*anchors = (struct anchors){ 0 };
}

bool anchors_equal(const struct anchors *a, const struct anchors *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (!gw_blob_equal(a->certs[i], b->certs[i]))
			return false;
	return a->n == b->n;
}

bool anchors_have(const struct anchors *anchors, struct gw_blob cert)
{
	for (size_t i = 0; i < anchors->n; i++)
		if (gw_blob_equal(anchors->certs[i], cert))
			return true;
	return false;
}
