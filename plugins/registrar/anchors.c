/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list is copied, though nobody can change the memory that it came in: it is a few kilobytes and lives for days. */
#include "plugins/registrar/anchors.h"

#include <errno.h>

#include "lib/sealed.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "lib/x509.h"

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

	r = gw_sealed_read(fd, GW_ANCHORS_MAX, &data, &len);
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
