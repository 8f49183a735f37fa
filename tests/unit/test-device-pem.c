/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PEM: all lengths of a body out and in, several blocks in one text, and what is no block at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/util.h"
#include "tests/unit/device-certificates.h"
#include "tools/device/pem.h"

static void test_round_trip(void **state)
{
	uint8_t bytes[200];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37);

	for (size_t n = 1; n <= sizeof(bytes); n++) {
		_cleanup_free_ char *text = malloc(PEM_SIZE(n));
		_cleanup_free_ uint8_t *back = NULL;
		size_t len = 0, back_len;
		const char *rest = text;

		assert_non_null(text);
		assert_int_equal(pem_append(text, PEM_SIZE(n), &len, PEM_KEY,
					    (struct gw_blob){ bytes, n }),
				 0);
		assert_int_equal(len, strlen(text));
		assert_int_equal(pem_next(&rest, PEM_KEY, &back, &back_len), 0);
		assert_int_equal(back_len, n);
		assert_memory_equal(back, bytes, n);
		assert_string_equal(rest, "\n");
	}
}

/* As openssl writes it, so that no round trip can agree on a form of our own. */
static void test_same_as_openssl(void **state)
{
	_cleanup_free_ uint8_t *der = NULL;
	const char *rest = pem_root;
	char text[4096];
	size_t len, text_len = 0;

	assert_int_equal(pem_next(&rest, PEM_CERTIFICATE, &der, &len), 0);
	assert_int_equal(pem_append(text, sizeof(text), &text_len, PEM_CERTIFICATE,
				    (struct gw_blob){ der, len }),
			 0);
	assert_string_equal(text, pem_root);
}

/* A buffer that is too small is left as it was. */
static void test_no_space(void **state)
{
	static const uint8_t bytes[100] = { 1 };
	size_t needed = 0;
	char full[512];

	assert_int_equal(pem_append(full, sizeof(full), &needed, "X", GW_BLOB_ARRAY(bytes)), 0);
	for (size_t size = 4; size <= needed; size++) {
		_cleanup_free_ char *text = malloc(size);
		size_t len = 3;

		assert_non_null(text);
		(void)strcpy(text, "abc");
		assert_int_equal(pem_append(text, size, &len, "X", GW_BLOB_ARRAY(bytes)), -ENOSPC);
		assert_string_equal(text, "abc");
		assert_int_equal(len, 3);
	}
}

static void test_several_blocks(void **state)
{
	static const char text[] = "words\n-----BEGIN A-----\nAQ==\n-----END A-----\n"
				   "-----BEGIN B-----\nAg==\n-----END B-----\n"
				   "-----BEGIN A-----\r\nA\r\nw==\r\n-----END A-----";
	const char *rest = text;
	uint8_t expected[] = { 1, 3 };

	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ uint8_t *der = NULL;
		size_t len;

		assert_int_equal(pem_next(&rest, "A", &der, &len), 0);
		assert_int_equal(len, 1);
		assert_int_equal(der[0], expected[i]);
	}
	assert_int_equal(pem_next(&rest, "A", &(uint8_t *){ NULL }, &(size_t){ 0 }), -ENODATA);
}

static void test_malformed(void **state)
{
	static const char *const cases[] = {
		"-----BEGIN A-----\nAQ==\n",
		"-----BEGIN A-----\nAQ==\n-----END B-----\n",
		"-----BEGIN A-----\n-----END A-----\n",
		"-----BEGIN A-----\nAQ=\n-----END A-----\n",
		"-----BEGIN A-----\nA?==\n-----END A-----\n",
		"-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAQ==\n-----END A-----\n",
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		const char *rest = cases[i];
		uint8_t *der = NULL;
		size_t len = 0;

		assert_int_equal(pem_next(&rest, "A", &der, &len), -EBADMSG);
		assert_ptr_equal(rest, cases[i]);
		assert_null(der);
	}
}

static void test_lists(void **state)
{
	char two[8192], *text = NULL;
	uint8_t *list = NULL;
	size_t list_len, text_len;

	(void)snprintf(two, sizeof(two), "%s%s", pem_device, pem_issuer);
	assert_int_equal(pem_to_list(two, PEM_CERTIFICATE, &list, &list_len), 0);
	assert_int_equal(pem_from_list((struct gw_blob){ list, list_len }, PEM_CERTIFICATE, &text,
				       &text_len),
			 0);
	assert_string_equal(text, two);
	assert_int_equal(text_len, strlen(two));
	free(text);

	assert_int_equal(pem_from_list((struct gw_blob){ list, list_len - 1 }, PEM_CERTIFICATE,
				       &text, &text_len),
			 -EBADMSG);
	assert_int_equal(pem_from_list((struct gw_blob){ 0 }, PEM_CERTIFICATE, &text, &text_len),
			 0);
	assert_string_equal(text, "");
	free(text);
	free(list);
}

static void test_list_malformed(void **state)
{
	uint8_t *list = NULL;
	size_t len;

	assert_int_equal(pem_to_list("", "A", &list, &len), -ENODATA);
	assert_int_equal(pem_to_list("-----BEGIN B-----\nAQ==\n-----END B-----\n", "A", &list,
				     &len),
			 -ENODATA);
	assert_int_equal(pem_to_list("-----BEGIN A-----\nAQ==\n-----END A-----\n"
				     "-----BEGIN A-----\nAQ\n-----END A-----\n",
				     "A", &list, &len),
			 -EBADMSG);
	assert_null(list);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_same_as_openssl),
		cmocka_unit_test(test_no_space),       cmocka_unit_test(test_several_blocks),
		cmocka_unit_test(test_malformed),      cmocka_unit_test(test_lists),
		cmocka_unit_test(test_list_malformed),
	};

	return cmocka_run_group_tests(tests, /* group_setup= */ NULL, /* group_teardown= */ NULL);
}
