/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A certificate that the cloud sent for a device, with its chain, and a list of anchors, as they came or
 * changed on the way: only the very one that the authority signed passes, and what is taken for a list
 * of anchors is certificates of authorities.
 *
 * The input is a byte of switches (which part is changed), then pairs of a place and a new byte, then what
 * stands behind the part.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/crypto.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "lib/x509.h"
#include "plugins/registrar/anchors.h"
#include "plugins/registrar/certificate.h"
#include "tests/fuzz/fake-random.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/mini-ca.h"

#define PART_MAX 2048

enum part { PART_CERTIFICATE, PART_CHAIN, PART_ANCHORS, PART_RAW, _PART_MAX };

static struct mini_ca ca;
static struct mini_key key;
static uint8_t cert[MINI_CA_CERT_MAX], key_hash[GW_HASH_LEN];
static size_t cert_len;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make_certificates(void)
{
	fake_random_begin(/* seed= */ 1);
	mini_ca_init(&ca);
	mini_key_make(&key);
	cert_len = mini_ca_issue(&ca, (struct gw_blob){ key.spki, key.spki_len }, "ACME-1",
				 GW_X509_USE_CLIENT, cert);
	require(gw_sha256((struct gw_blob){ key.spki, key.spki_len }, key_hash) == 0);
}

/* Pairs change what is there, until a pair of zeros; the rest is added behind it. */
static struct gw_blob change(struct gw_blob original, struct gw_blob in, uint8_t buf[PART_MAX])
{
	size_t len = original.len;

	if (original.len)
		memcpy(buf, original.data, original.len);
	while (in.len >= 3 && (in.data[0] || in.data[1] || in.data[2])) {
		size_t at = (size_t)in.data[0] << 8 | in.data[1];

		if (len > 0)
			buf[at % len] = in.data[2];
		in = (struct gw_blob){ in.data + 3, in.len - 3 };
	}
	if (in.len > 3 && in.len - 3 <= PART_MAX - len) {
		memcpy(buf + len, in.data + 3, in.len - 3);
		len += in.len - 3;
	}
	return (struct gw_blob){ buf, len };
}

static bool passes(struct gw_blob certificate, struct gw_blob chain, struct gw_blob anchor)
{
	const struct gw_msg_check check = { .job = "j-1",
					    .device = "ACME-1",
					    .tenant = "default",
					    .key = GW_BLOB_ARRAY(key_hash),
					    .certificate = certificate,
					    .chain = chain };
	struct certificate_hashes hashes;
	uint8_t buf[4096];
	const char *why = NULL;
	struct gw_msg answer;
	size_t len;

	require(certificate_check(&check, &anchor, 1, &hashes, &answer, &why) == 0);
	require(answer.type == GW_MSG_CHECKED && answer.checked.ok == !why);
	require(gw_wire_encode(&answer, buf, sizeof(buf), &len) == 0);
	return answer.checked.ok;
}

static void read_list(struct gw_blob list)
{
	int fd = memfd_create("anchors", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct anchors anchors = { 0 };
	struct gw_x509 x509;

	require(fd >= 0 && write(fd, list.data, list.len) == (ssize_t)list.len);
	require(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) ==
		0);
	if (anchors_read(&anchors, fd) == 0)
		for (size_t i = 0; i < anchors.n; i++)
			require(gw_x509_parse(anchors.certs[i], &x509) == 0 && x509.is_ca);
	anchors_done(&anchors);
	(void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_blob certificate = { cert, cert_len }, chain = { 0 }, anchor, in;
	uint8_t buf[PART_MAX];

	if (cert_len == 0)
		make_certificates();
	certificate = (struct gw_blob){ cert, cert_len };
	anchor = (struct gw_blob){ ca.cert, ca.len };
	if (size == 0) {
		require(passes(certificate, chain, anchor));
		return 0;
	}
	in = (struct gw_blob){ data + 1, size - 1 };
	if (data[0] & 0x80)
		chain = anchor;

	switch ((enum part)((data[0] & 0x7f) % _PART_MAX)) {
	case PART_CERTIFICATE:
		certificate = change(certificate, in, buf);
		require(!passes(certificate, chain, anchor) ||
			gw_blob_equal(certificate, (struct gw_blob){ cert, cert_len }));
		break;
	case PART_CHAIN:
		chain = change(anchor, in, buf);
		(void)passes(certificate, chain, anchor);
		break;
	case PART_ANCHORS:
		anchor = change(anchor, in, buf);
		(void)passes(certificate, chain, anchor);
		read_list(anchor);
		break;
	case PART_RAW:
		require(!passes(in, chain, anchor) ||
			gw_blob_equal(in, (struct gw_blob){ cert, cert_len }));
		read_list(in);
		break;
	case _PART_MAX: break;
	}
	return 0;
}
