/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chains that lead to an anchor, and each way in which one does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/util.h"
#include "tests/unit/device-certificates.h"
#include "tools/device/failure.h"
#include "tools/device/pem.h"
#include "tools/device/trust.h"

struct list {
	uint8_t bytes[16384];
	size_t len;
};

static void add(struct list *list, const char *pem)
{
	_cleanup_free_ uint8_t *der = NULL;
	size_t len;

	assert_int_equal(pem_next(&pem, PEM_CERTIFICATE, &der, &len), 0);
	assert_true(list->len + len <= sizeof(list->bytes));
	memcpy(list->bytes + list->len, der, len);
	list->len += len;
}

/* NULL ends both lists. */
static int check(const char *const *anchors, const char *const *chain, struct failure *failure)
{
	struct list a = { .len = 0 }, c = { .len = 0 };

	for (; *anchors; anchors++)
		add(&a, *anchors);
	for (; *chain; chain++)
		add(&c, *chain);
	return trust_check((struct gw_blob){ a.bytes, a.len }, (struct gw_blob){ c.bytes, c.len },
			   failure);
}

static const struct {
	const char *what;
	const char *anchors[4], *chain[4];
	int result;
} cases[] = {
	{ "one step", { pem_root }, { pem_device_by_root }, 0 },
	{ "two steps", { pem_root }, { pem_device, pem_issuer }, 0 },
	{ "with the root", { pem_root }, { pem_device, pem_issuer, pem_root }, 0 },
	{ "an issuer as anchor", { pem_issuer }, { pem_device }, 0 },
	{ "one of several anchors", { pem_other, pem_root }, { pem_device_by_root }, 0 },
	{ "a registrar's", { pem_root }, { pem_registrar }, 0 },
	{ "no anchors", { NULL }, { pem_device_by_root }, -EPERM },
	{ "no chain", { pem_root }, { NULL }, -EPERM },
	{ "another anchor", { pem_other }, { pem_device_by_root }, -EPERM },
	{ "the issuer is missing", { pem_root }, { pem_device }, -EPERM },
	{ "in the wrong order", { pem_root }, { pem_device, pem_root, pem_issuer }, 0 },
	{ "with a stranger in it", { pem_root }, { pem_device, pem_issuer, pem_other }, -EPERM },
	{ "brings its own root", { pem_other }, { pem_device, pem_issuer, pem_root }, -EPERM },
	{ "issued by a device",
	  { pem_root },
	  { pem_device_by_device, pem_device, pem_issuer },
	  -EPERM },
	{ "issuer without keyCertSign",
	  { pem_root },
	  { pem_device_by_no_sign, pem_no_sign },
	  -EPERM },
	{ "issuer that is no CA", { pem_root }, { pem_device_by_no_ca, pem_no_ca }, -EPERM },
	{ "issuer without key usage", { pem_root }, { pem_device_by_no_usage, pem_no_usage }, 0 },
	{ "longer than its pathlen",
	  { pem_root },
	  { pem_device_by_sub, pem_sub, pem_issuer },
	  -EPERM },
	{ "expired", { pem_root }, { pem_device_expired, pem_issuer }, -EPERM },
};

static void test_cases(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct failure failure = { "" };
		int r = check(cases[i].anchors, cases[i].chain, &failure);

		if (r != cases[i].result)
			fail_msg("%s: %d %s", cases[i].what, r, failure.text);
		if (r < 0)
			assert_string_not_equal(failure.text, "");
	}
}

/* Each bit of the signature and of the key counts. */
static void test_bent(void **state)
{
	struct list anchors = { .len = 0 }, chain = { .len = 0 };
	struct failure failure;

	add(&anchors, pem_root);
	add(&chain, pem_device_by_root);
	for (size_t i = chain.len - 64; i < chain.len; i++) {
		chain.bytes[i] ^= 1;
		assert_int_equal(trust_check((struct gw_blob){ anchors.bytes, anchors.len },
					     (struct gw_blob){ chain.bytes, chain.len }, &failure),
				 -EPERM);
		chain.bytes[i] ^= 1;
	}
	assert_int_equal(trust_check((struct gw_blob){ anchors.bytes, anchors.len },
				     (struct gw_blob){ chain.bytes, chain.len }, &failure),
			 0);
}

static void test_too_long(void **state)
{
	struct list anchors = { .len = 0 }, chain = { .len = 0 };
	struct failure failure;

	add(&anchors, pem_root);
	add(&chain, pem_device);
	for (size_t i = 0; i < 7; i++)
		add(&chain, pem_issuer);
	assert_int_equal(trust_check((struct gw_blob){ anchors.bytes, anchors.len },
				     (struct gw_blob){ chain.bytes, chain.len }, &failure),
			 0);
	add(&chain, pem_issuer);
	assert_int_equal(trust_check((struct gw_blob){ anchors.bytes, anchors.len },
				     (struct gw_blob){ chain.bytes, chain.len }, &failure),
			 -EPERM);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_bent),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, /* group_setup= */ NULL, /* group_teardown= */ NULL);
}
