/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fields, names, usages and chains of certificates that openssl made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/util.h"
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

static void read_pem(const char *pem, struct list *list, struct certificate *ret)
{
	list->len = 0;
	list_add(list, pem);
	assert_int_equal(certificate_parse(list_blob(list), ret), 0);
}

static void test_fields(void **state)
{
	struct certificate device, issuer;
	struct list device_der, issuer_der;
	char end[20];

	read_pem(pem_device, &device_der, &device);
	read_pem(pem_issuer, &issuer_der, &issuer);
	assert_true(gw_blob_equal(device.issuer, issuer.subject));
	assert_false(gw_blob_equal(device.subject, issuer.subject));
	assert_int_equal(device.serial.len, 2);
	assert_int_equal(device.serial.data[0], 0x10);
	assert_int_equal(device.key.len, 91); /* SubjectPublicKeyInfo of a P-256 key */
	assert_true(device.extensions.len > 0);

	certificate_end(&device, end);
	assert_string_equal(end, "2099-12-31 23:59:59");
}

static void test_ends(void **state)
{
	static const struct {
		const char *pem, *end;
	} cases[] = {
		{ pem_device_expired, "2021-01-01 00:00:00" }, /* UTCTime */
		{ pem_device_forever, "9999-12-31 23:59:59" },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct certificate c;
		struct list der;
		char end[20];

		read_pem(cases[i].pem, &der, &c);
		certificate_end(&c, end);
		assert_string_equal(end, cases[i].end);
	}
}

static void test_ends_malformed(void **state)
{
	static const char *const cases[] = { "",
					     "Z",
					     "210101000000",
					     "21010100000xZ",
					     "210101000000+",
					     "2101010000Z",
					     "20210101000000",
					     "202101010000000Z" };

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct certificate c = { .not_after = { (const uint8_t *)cases[i],
							strlen(cases[i]) } };
		char end[20];

		certificate_end(&c, end);
		assert_string_equal(end, "?");
	}
}

static void test_names(void **state)
{
	static const struct {
		const char *pem;
		bool is_named;
	} cases[] = {
		{ pem_device, true },
		{ pem_plain, true },
		{ pem_two_in_one, true },
		{ pem_two_names, false },
		{ pem_no_name, false },
		{ pem_same_name_twice, false },
		{ pem_device_by_device, false },
		{ pem_issuer, false },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct certificate c;
		struct list der;

		read_pem(cases[i].pem, &der, &c);
		assert_int_equal(certificate_is_named(&c, "ACME-0001"), cases[i].is_named);
		assert_false(certificate_is_named(&c, "ACME-000"));
		assert_false(certificate_is_named(&c, "ACME-00011"));
		assert_false(certificate_is_named(&c, ""));
	}
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
		{ pem_plain, false },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct certificate c;
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
		{ pem_root, true },     { pem_issuer, true },     { pem_no_usage, true },
		{ pem_no_sign, false }, { pem_no_ca, false },     { pem_device, false },
		{ pem_plain, false },   { pem_registrar, false },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct certificate c;
		struct list der;

		read_pem(cases[i].pem, &der, &c);
		assert_int_equal(certificate_is_ca(&c), cases[i].is_ca);
	}
}

static void test_truncated(void **state)
{
	struct certificate c;
	struct list der;

	read_pem(pem_device, &der, &c);
	for (size_t len = 0; len < der.len; len++) {
		_cleanup_free_ uint8_t *copy = malloc(len + 1);

		assert_non_null(copy);
		memcpy(copy, der.bytes, len);
		assert_int_equal(certificate_parse((struct gw_blob){ copy, len }, &c), -EBADMSG);
	}
}

static void test_left_over(void **state)
{
	struct certificate c;
	struct list der;

	read_pem(pem_device, &der, &c);
	der.bytes[der.len++] = 0;
	assert_int_equal(certificate_parse(list_blob(&der), &c), -EBADMSG);
}

static size_t offset_of(const struct list *der, const void *needle, size_t len)
{
	const uint8_t *at = memmem(der->bytes, der->len, needle, len);

	assert_non_null(at);
	return (size_t)(at - der->bytes);
}

/* One tag changed into another where only one or two may stand. */
static void test_wrong_tags(void **state)
{
	struct certificate device, c;
	struct list der;
	size_t ends[3];

	read_pem(pem_device, &der, &device);
	ends[0] = (size_t)(device.not_after.data - der.bytes) - 2;
	ends[1] = (size_t)(device.extensions.data - der.bytes) + device.extensions.len + 12;
	ends[2] = (size_t)(device.extensions.data - der.bytes) - 2;
	for (size_t i = 0; i < GW_ELEMENTS(ends); i++) {
		uint8_t tag = der.bytes[ends[i]];

		der.bytes[ends[i]] = 0x04;
		assert_int_equal(certificate_parse(list_blob(&der), &c), -EBADMSG);
		der.bytes[ends[i]] = tag;
	}
	assert_int_equal(certificate_parse(list_blob(&der), &c), 0);
}

/* An extension whose `critical` is no BOOLEAN of its length is not read past. */
static void test_bad_critical(void **state)
{
	static const uint8_t ext_key_usage[] = { 0x06, 0x03, 0x55, 0x1d, 0x25, 0x04 };
	struct certificate c;
	struct list der;

	read_pem(pem_registrar, &der, &c);
	assert_true(certificate_is_registrar(&c));
	der.bytes[offset_of(&der, ext_key_usage, sizeof(ext_key_usage)) + 5] = 0x01;
	assert_int_equal(certificate_parse(list_blob(&der), &c), 0);
	assert_false(certificate_is_registrar(&c));
}

/* Any one byte bent: refused or read, but nothing outside the certificate is ever pointed to. */
static void test_bent(void **state)
{
	struct certificate c;
	struct list der;

	read_pem(pem_device, &der, &c);
	for (size_t i = 0; i < der.len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			_cleanup_free_ uint8_t *copy = malloc(der.len);
			char end[20];

			assert_non_null(copy);
			memcpy(copy, der.bytes, der.len);
			copy[i] ^= (uint8_t)(1u << bit);
			if (certificate_parse((struct gw_blob){ copy, der.len }, &c) < 0)
				continue;
			assert_true(c.key.data >= copy && c.key.len <= der.len);
			assert_false(certificate_is_registrar(&c));
			(void)certificate_is_named(&c, "ACME-0001");
			certificate_end(&c, end);
		}
}

static void test_list(void **state)
{
	struct list list = { .len = 0 };
	struct certificate c;
	struct gw_blob rest;

	list_add(&list, pem_root);
	list_add(&list, pem_issuer);
	rest = list_blob(&list);
	assert_int_equal(certificate_next(&rest, &c), 0);
	assert_true(certificate_is_named(&c, "Root"));
	assert_int_equal(certificate_next(&rest, &c), 0);
	assert_true(certificate_is_named(&c, "Issuer"));
	assert_int_equal(certificate_next(&rest, &c), -ENODATA);

	list.bytes[list.len++] = 0x30;
	rest = list_blob(&list);
	assert_int_equal(certificate_next(&rest, &c), 0);
	assert_int_equal(certificate_next(&rest, &c), 0);
	assert_int_equal(certificate_next(&rest, &c), -EBADMSG);
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
	struct certificate leaf;

	read_pem(pem_device, &leaf_der, &leaf);
	list_add(&expected, pem_device);
	list_add(&expected, pem_issuer);

	for (size_t i = 0; i < GW_ELEMENTS(orders); i++) {
		struct list list = { .len = 0 }, chain;

		for (size_t j = 0; j < 4; j++)
			list_add(&list, orders[i][j]);
		assert_int_equal(
			certificate_chain(list_blob(&list), leaf.key, chain.bytes, &chain.len), 0);
		assert_true(gw_blob_equal(list_blob(&chain), list_blob(&expected)));
	}
}

static void test_chain_of_one(void **state)
{
	struct list list, chain;
	struct certificate leaf;

	read_pem(pem_device_by_root, &list, &leaf);
	assert_int_equal(certificate_chain(list_blob(&list), leaf.key, chain.bytes, &chain.len), 0);
	assert_true(gw_blob_equal(list_blob(&chain), list_blob(&list)));

	/* a root that is itself the leaf is not followed by itself */
	read_pem(pem_root, &list, &leaf);
	assert_int_equal(certificate_chain(list_blob(&list), leaf.key, chain.bytes, &chain.len), 0);
	assert_true(gw_blob_equal(list_blob(&chain), list_blob(&list)));
}

static void test_chain_without_key(void **state)
{
	struct list list = { .len = 0 }, chain, other;
	struct certificate leaf;

	read_pem(pem_device, &other, &leaf);
	list_add(&list, pem_root);
	list_add(&list, pem_issuer);
	assert_int_equal(certificate_chain(list_blob(&list), leaf.key, chain.bytes, &chain.len),
			 -ENOENT);
	assert_int_equal(certificate_chain((struct gw_blob){ 0 }, leaf.key, chain.bytes,
					   &chain.len),
			 -ENOENT);
	list.len--;
	assert_int_equal(certificate_chain(list_blob(&list), leaf.key, chain.bytes, &chain.len),
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
	struct certificate leaf;
	size_t second, len;

	list_add(&list, pem_other);
	rename_issuer(&list, 0, "Other", "Circl");
	second = list.len;
	list_add(&list, pem_other);
	rename_issuer(&list, second + 60, "Other", "Circl");

	/* the first: issuer Circl, subject Other; the second: issuer Other, subject Circl */
	assert_int_equal(certificate_parse((struct gw_blob){ list.bytes, second }, &leaf), 0);
	assert_false(gw_blob_equal(leaf.issuer, leaf.subject));
	chain = malloc(list.len);
	assert_non_null(chain);
	assert_int_equal(certificate_chain(list_blob(&list), leaf.key, chain, &len), -EBADMSG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_ends_malformed),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_registrar),
		cmocka_unit_test(test_ca),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_left_over),
		cmocka_unit_test(test_bent),
		cmocka_unit_test(test_wrong_tags),
		cmocka_unit_test(test_bad_critical),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_chain_of_one),
		cmocka_unit_test(test_chain_without_key),
		cmocka_unit_test(test_chain_circle),
	};

	return cmocka_run_group_tests(tests, /* group_setup= */ NULL, /* group_teardown= */ NULL);
}
