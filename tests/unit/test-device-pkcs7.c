/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certs-only messages as openssl writes them, cut and bent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/der.h"
#include "lib/util.h"
#include "tests/unit/device-certificates.h"
#include "tools/device/pem.h"
#include "tools/device/pkcs7.h"

static struct gw_blob read_pem(const char *pem, const char *label)
{
	uint8_t *der = NULL;
	size_t len = 0;

	assert_int_equal(pem_next(&pem, label, &der, &len), 0);
	return (struct gw_blob){ der, len };
}

static void free_blob(struct gw_blob *blob)
{
	free((void *)(uintptr_t)blob->data);
}

static void test_one(void **state)
{
	_cleanup_(free_blob) struct gw_blob message = read_pem(pem_pkcs7_one, "PKCS7");
	_cleanup_(free_blob) struct gw_blob root = read_pem(pem_root, PEM_CERTIFICATE);
	struct gw_blob list;

	assert_int_equal(pkcs7_certificates(message, &list), 0);
	assert_true(gw_blob_equal(list, root));
}

static void test_three(void **state)
{
	_cleanup_(free_blob) struct gw_blob message = read_pem(pem_pkcs7_three, "PKCS7");
	struct gw_der certificate;
	struct gw_blob list;

	assert_int_equal(pkcs7_certificates(message, &list), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(gw_der_expect(&list, GW_DER_SEQUENCE, &certificate), 0);
	assert_int_equal(list.len, 0);
}

static void test_truncated(void **state)
{
	_cleanup_(free_blob) struct gw_blob message = read_pem(pem_pkcs7_three, "PKCS7");
	struct gw_blob list;

	for (size_t len = 0; len < message.len; len++) {
		_cleanup_free_ uint8_t *copy = gw_blob_dup((struct gw_blob){ message.data, len });

		assert_int_equal(pkcs7_certificates((struct gw_blob){ copy, len }, &list),
				 -EBADMSG);
	}
}

static void test_left_over(void **state)
{
	_cleanup_(free_blob) struct gw_blob message = read_pem(pem_pkcs7_one, "PKCS7");
	_cleanup_free_ uint8_t *longer = calloc(1, message.len + 1);
	struct gw_blob list;

	assert_non_null(longer);
	memcpy(longer, message.data, message.len);
	assert_int_equal(pkcs7_certificates((struct gw_blob){ longer, message.len + 1 }, &list),
			 -EBADMSG);
}

/* The smallest messages of each wrong shape; `00` stands for no certificate at all. */
static void test_shapes(void **state)
{
#define OID_SIGNED 0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02
#define OID_DATA   0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01
#define HEAD       0x02, 1, 1, 0x31, 0, 0x30, 0 /* version, digestAlgorithms, encapContentInfo */
	static const struct {
		uint8_t bytes[48];
		int result;
	} cases[] = {
		{ { 0x30, 28, OID_SIGNED, 0xa0, 15, 0x30, 13, HEAD, 0xa0, 2, 0x30, 0, 0x31, 0 },
		  0 },
		{ { 0x30, 30, OID_SIGNED, 0xa0, 17, 0x30, 15, HEAD, 0xa0, 2, 0x30, 0, 0xa1, 0, 0x31,
		    0 },
		  0 },
		/* another type of content */
		{ { 0x30, 28, OID_DATA, 0xa0, 15, 0x30, 13, HEAD, 0xa0, 2, 0x30, 0, 0x31, 0 },
		  -EBADMSG },
		/* no certificates; an empty list; what is no SEQUENCE; something behind it */
		{ { 0x30, 24, OID_SIGNED, 0xa0, 11, 0x30, 9, HEAD, 0x31, 0 }, -EBADMSG },
		{ { 0x30, 26, OID_SIGNED, 0xa0, 13, 0x30, 11, HEAD, 0xa0, 0, 0x31, 0 }, -EBADMSG },
		{ { 0x30, 28, OID_SIGNED, 0xa0, 15, 0x30, 13, HEAD, 0xa0, 2, 0xa1, 0, 0x31, 0 },
		  -EBADMSG },
		{ { 0x30, 29, OID_SIGNED, 0xa0, 16, 0x30, 14, HEAD, 0xa0, 3, 0x30, 0, 0, 0x31, 0 },
		  -EBADMSG },
		/* no signerInfos; bytes behind them; behind SignedData; behind its wrapper */
		{ { 0x30, 26, OID_SIGNED, 0xa0, 13, 0x30, 11, HEAD, 0xa0, 2, 0x30, 0 }, -EBADMSG },
		{ { 0x30, 30, OID_SIGNED, 0xa0, 17, 0x30, 15, HEAD, 0xa0, 2, 0x30, 0, 0x31, 0, 5,
		    0 },
		  -EBADMSG },
		{ { 0x30, 30, OID_SIGNED, 0xa0, 17, 0x30, 13, HEAD, 0xa0, 2, 0x30, 0, 0x31, 0, 5,
		    0 },
		  -EBADMSG },
		{ { 0x30, 30, OID_SIGNED, 0xa0, 15, 0x30, 13, HEAD, 0xa0, 2, 0x30, 0, 0x31, 0, 5,
		    0 },
		  -EBADMSG },
	};
	struct gw_blob list;

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct gw_blob message = { cases[i].bytes, 2u + cases[i].bytes[1] };

		assert_int_equal(pkcs7_certificates(message, &list), cases[i].result);
		if (cases[i].result == 0)
			assert_int_equal(list.len, 2);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),       cmocka_unit_test(test_three),
		cmocka_unit_test(test_truncated), cmocka_unit_test(test_left_over),
		cmocka_unit_test(test_shapes),
	};

	return cmocka_run_group_tests(tests, /* group_setup= */ NULL, /* group_teardown= */ NULL);
}
