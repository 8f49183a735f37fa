/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and signing requests, read back with wolfCrypt's own parser and compared with openssl's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>

#include "lib/util.h"
#include "lib/x509.h"
#include "tests/unit/device-certificates.h"
#include "tools/device/key.h"
#include "tools/device/pem.h"

static void test_make(void **state)
{
	uint8_t key[KEY_MAX], other[KEY_MAX], public[KEY_PUBLIC_MAX], other_public[KEY_PUBLIC_MAX];
	size_t len, other_len, public_len, other_public_len;

	assert_int_equal(key_make(key, &len), 0);
	assert_int_equal(key_make(other, &other_len), 0);
	assert_int_equal(key_public((struct gw_blob){ key, len }, public, &public_len), 0);
	assert_int_equal(key_public((struct gw_blob){ other, other_len }, other_public,
				    &other_public_len),
			 0);
	assert_int_equal(public_len, 91);
	assert_int_equal(other_public_len, 91);
	assert_memory_not_equal(public, other_public, 91);
}

/* openssl's key is read, and its public half is what openssl put into the certificate. */
static void test_public(void **state)
{
	_cleanup_free_ uint8_t *key = NULL, *der = NULL;
	const char *key_pem = pem_device_key, *pem = pem_device;
	uint8_t public[KEY_PUBLIC_MAX];
	size_t key_len, len, public_len;
	struct gw_x509 c;

	assert_int_equal(pem_next(&key_pem, PEM_KEY, &key, &key_len), 0);
	assert_int_equal(pem_next(&pem, PEM_CERTIFICATE, &der, &len), 0);
	assert_int_equal(gw_x509_parse((struct gw_blob){ der, len }, &c), 0);
	assert_int_equal(key_public((struct gw_blob){ key, key_len }, public, &public_len), 0);
	assert_true(gw_blob_equal(c.spki, (struct gw_blob){ public, public_len }));
}

static void test_no_key(void **state)
{
	uint8_t key[KEY_MAX + 1], public[KEY_PUBLIC_MAX], request[KEY_REQUEST_MAX];
	size_t len, n;

	assert_int_equal(key_make(key, &len), 0);
	for (size_t cut = 0; cut < len; cut++) {
		_cleanup_free_ uint8_t *copy = gw_blob_dup((struct gw_blob){ key, cut });

		assert_int_equal(key_public((struct gw_blob){ copy, cut }, public, &n), -EBADMSG);
		assert_int_equal(key_request((struct gw_blob){ copy, cut }, "x", request, &n),
				 -EBADMSG);
	}
	key[len] = 0;
	assert_int_equal(key_public((struct gw_blob){ key, len + 1 }, public, &n), -EBADMSG);
}

static void assert_request(struct gw_blob request, struct gw_blob public, const char *name)
{
	DecodedCert decoded;

	wc_InitDecodedCert(&decoded, request.data, (word32)request.len, /* heap= */ NULL);
	assert_int_equal(wc_ParseCert(&decoded, CERTREQ_TYPE, VERIFY, /* cm= */ NULL), 0);
	assert_int_equal(decoded.srcIdx, request.len);
	assert_int_equal(decoded.signatureOID, CTC_SHA256wECDSA);
	assert_int_equal(decoded.subjectCNLen, strlen(name));
	assert_memory_equal(decoded.subjectCN, name, strlen(name));
	assert_int_equal(decoded.subjectRawLen, strlen(name) + 11);
	assert_non_null(memmem(request.data, request.len, public.data, public.len));
	wc_FreeDecodedCert(&decoded);
}

static void test_request(void **state)
{
	uint8_t key[KEY_MAX], public[KEY_PUBLIC_MAX], request[KEY_REQUEST_MAX];
	size_t key_len, public_len, len;
	char name[64 + 2];

	assert_int_equal(key_make(key, &key_len), 0);
	assert_int_equal(key_public((struct gw_blob){ key, key_len }, public, &public_len), 0);

	memset(name, 'x', sizeof(name));
	for (size_t n = 1; n <= 64; n++) {
		name[n] = 0;
		assert_int_equal(key_request((struct gw_blob){ key, key_len }, name, request, &len),
				 0);
		assert_request((struct gw_blob){ request, len },
			       (struct gw_blob){ public, public_len }, name);
		name[n] = 'x';
	}

	name[65] = 0;
	assert_int_equal(key_request((struct gw_blob){ key, key_len }, name, request, &len),
			 -EINVAL);
	assert_int_equal(key_request((struct gw_blob){ key, key_len }, "", request, &len), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_public),
		cmocka_unit_test(test_no_key),
		cmocka_unit_test(test_request),
	};

	return cmocka_run_group_tests(tests, /* group_setup= */ NULL, /* group_teardown= */ NULL);
}
