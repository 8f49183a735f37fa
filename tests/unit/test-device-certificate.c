/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Usages and chains of certificates that openssl made; their fields are lib/x509.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/util.h"
#include "lib/x509.h"
#include "tests/unit/device-certificates.h"
#include "tools/device/certificate.h"
#include "tools/device/pem.h"

#define LIST_MAX 8192

/* A list of certificates, DER one after the other, and its end. */
struct list {
	uint8_t bytes[LIST_MAX];
	size_t len;
};

static void list_add(struct list *list, const char *pem)
{
	_cleanup_free_ uint8_t *der = NULL;
	size_t len;

	assert_int_equal(pem_next(&pem, PEM_CERTIFICATE, &der, &len), 0);
	assert_true(list->len + len <= LIST_MAX);
	memcpy(list->bytes + list->len, der, len);
	list->len += len;
}

static struct gw_blob list_blob(const struct list *list)
{
	return (struct gw_blob){ list->bytes, list->len };
}

static void read_pem(const char *pem, struct list *list, struct gw_x509 *ret)
{
	list->len = 0;
	list_add(list, pem);
	assert_int_equal(gw_x509_parse(list_blob(list), ret), 0);
}

/* Only both usages together make a registrar; a device's certificate is never one. */
static void test_registrar(void **state)
{
	static const struct {
		const char *pem;
		bool is_registrar;
	} cases[] = {
		{ pem_registrar, true }, { pem_registrar_by_other, true },
		{ pem_server, false },   { pem_agent_only, false },
		{ pem_device, false },   { pem_root, false },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct gw_x509 c;
		struct list der;

		read_pem(cases[i].pem, &der, &c);
		assert_int_equal(certificate_is_registrar(&c), cases[i].is_registrar);
	}
}

static void test_ca(void **state)
{
	static const struct {
		const char *pem;
		bool is_ca;
	} cases[] = {
		{ pem_root, true },       { pem_issuer, true }, { pem_no_usage, true },
		{ pem_no_sign, false },   { pem_no_ca, false }, { pem_device, false },
		{ pem_registrar, false },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct gw_x509 c;
		struct list der;

		read_pem(cases[i].pem, &der, &c);
		assert_int_equal(certificate_is_ca(&c), cases[i].is_ca);
	}
}

static void test_list(void **state)
{
	struct list list = { .len = 0 };
	struct gw_x509 c;
	struct gw_blob rest, der;

	list_add(&list, pem_root);
	list_add(&list, pem_issuer);
	rest = list_blob(&list);
	assert_int_equal(certificate_next(&rest, &c, &der), 0);
	assert_true(gw_x509_name_is(c.subject, GW_X509_COMMON_NAME, "Root"));
	assert_int_equal(certificate_next(&rest, &c, &der), 0);
	assert_true(gw_x509_name_is(c.subject, GW_X509_COMMON_NAME, "Issuer"));
	assert_int_equal(certificate_next(&rest, &c, &der), -ENODATA);

	list.bytes[list.len++] = 0x30;
	rest = list_blob(&list);
	assert_int_equal(certificate_next(&rest, &c, &der), 0);
	assert_int_equal(certificate_next(&rest, &c, &der), 0);
	assert_int_equal(certificate_next(&rest, &c, &der), -EBADMSG);
}

/* In whatever order they come: the leaf, its issuer; not the root, not what does not belong. */
static void test_chain(void **state)
{
	static const char *const orders[][4] = {
		{ pem_root, pem_issuer, pem_device, pem_other },
		{ pem_device, pem_issuer, pem_root, pem_other },
		{ pem_other, pem_issuer, pem_device, pem_device },
	};
	struct list expected = { .len = 0 }, leaf_der;
	struct gw_x509 leaf;

	read_pem(pem_device, &leaf_der, &leaf);
	list_add(&expected, pem_device);
	list_add(&expected, pem_issuer);

	for (size_t i = 0; i < GW_ELEMENTS(orders); i++) {
		struct list list = { .len = 0 }, chain;

		for (size_t j = 0; j < 4; j++)
			list_add(&list, orders[i][j]);
		assert_int_equal(
			certificate_chain(list_blob(&list), leaf.spki, chain.bytes, &chain.len), 0);
		assert_true(gw_blob_equal(list_blob(&chain), list_blob(&expected)));
	}
}

static void test_chain_of_one(void **state)
{
	struct list list, chain;
	struct gw_x509 leaf;

	read_pem(pem_device_by_root, &list, &leaf);
	assert_int_equal(certificate_chain(list_blob(&list), leaf.spki, chain.bytes, &chain.len),
			 0);
	assert_true(gw_blob_equal(list_blob(&chain), list_blob(&list)));

	/* a root that is itself the leaf is not followed by itself */
	read_pem(pem_root, &list, &leaf);
	assert_int_equal(certificate_chain(list_blob(&list), leaf.spki, chain.bytes, &chain.len),
			 0);
	assert_true(gw_blob_equal(list_blob(&chain), list_blob(&list)));
}

static void test_chain_without_key(void **state)
{
	struct list list = { .len = 0 }, chain, other;
	struct gw_x509 leaf;

	read_pem(pem_device, &other, &leaf);
	list_add(&list, pem_root);
	list_add(&list, pem_issuer);
	assert_int_equal(certificate_chain(list_blob(&list), leaf.spki, chain.bytes, &chain.len),
			 -ENOENT);
	assert_int_equal(certificate_chain((struct gw_blob){ 0 }, leaf.spki, chain.bytes,
					   &chain.len),
			 -ENOENT);
	list.len--;
	assert_int_equal(certificate_chain(list_blob(&list), leaf.spki, chain.bytes, &chain.len),
			 -EBADMSG);
}

/* Makes the certificate at `der` claim another issuer of the same length, to close a circle. */
static void rename_issuer(struct list *list, size_t from, const char *old, const char *new)
{
	uint8_t *at = memmem(list->bytes + from, list->len - from, old, strlen(old));

	assert_non_null(at);
	memcpy(at, new, strlen(new));
}

/* Two certificates that name each other as issuer must not be followed for ever. */
static void test_chain_circle(void **state)
{
	struct list list = { .len = 0 };
	_cleanup_free_ uint8_t *chain = NULL;
	struct gw_x509 leaf;
	size_t second, len;

	list_add(&list, pem_other);
	rename_issuer(&list, 0, "Other", "Circl");
	second = list.len;
	list_add(&list, pem_other);
	rename_issuer(&list, second + 60, "Other", "Circl");

	/* the first: issuer Circl, subject Other; the second: issuer Other, subject Circl */
	assert_int_equal(gw_x509_parse((struct gw_blob){ list.bytes, second }, &leaf), 0);
	assert_false(gw_blob_equal(leaf.issuer, leaf.subject));
	chain = malloc(list.len);
	assert_non_null(chain);
	assert_int_equal(certificate_chain(list_blob(&list), leaf.spki, chain, &len), -EBADMSG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registrar),    cmocka_unit_test(test_ca),
		cmocka_unit_test(test_list),         cmocka_unit_test(test_chain),
		cmocka_unit_test(test_chain_of_one), cmocka_unit_test(test_chain_without_key),
		cmocka_unit_test(test_chain_circle),
	};

	return cmocka_run_group_tests(tests, /* group_setup= */ NULL, /* group_teardown= */ NULL);
}
