/* SPDX-License-Identifier: GPL-2.0-or-later */
/* certs-only messages: openssl finds the same certificates in them, in the same order. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "lib/util.h"
#include "openssl.h"
#include "plugins/registrar/pkcs7.h"

static int set_up(void **state)
{
	openssl_init();
	return 0;
}

static int tear_down(void **state)
{
	openssl_done();
	return 0;
}

static struct gw_blob make(const char *name, const char *options)
{
	openssl_run("req -new -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key"
		    " -subj '/CN=%s' %s -outform DER -out crt",
		    name, options);
	return openssl_read("crt");
}

/* Writes the parts as a message; what openssl makes of it is in "found", one subject a line. */
static void read_back(const struct gw_blob *parts, size_t n_parts, char *found, size_t size)
{
	struct gw_blob text;
	uint8_t *der;
	size_t len;

	assert_int_equal(pkcs7_certs_only(parts, n_parts, &der, &len), 0);
	openssl_write("p7", (struct gw_blob){ der, len });
	free(der);
	openssl_run("pkcs7 -inform DER -in p7 -print_certs -noout"
		    " | grep subject | sed 's/ = /=/g' > found");
	text = openssl_read("found");
	assert_true(text.len < size);
	memcpy(found, text.data, text.len);
	found[text.len] = 0;
	free((void *)(uintptr_t)text.data);
}

static void certificates_come_out_in_order(void **state)
{
	struct gw_blob certs[3] = { make("zulu", ""), make("alpha", ""), make("mike", "") };
	char found[256];

	read_back(certs, 1, found, sizeof(found));
	assert_string_equal(found, "subject=CN=zulu\n");
	read_back(certs, 3, found, sizeof(found));
	assert_string_equal(found, "subject=CN=zulu\nsubject=CN=alpha\nsubject=CN=mike\n");

	for (size_t i = 0; i < 3; i++)
		free((void *)(uintptr_t)certs[i].data);
}

/* Two certificates in one part, and parts that are empty. */
static void parts_are_joined(void **state)
{
	struct gw_blob a = make("a", ""), b = make("b", "");
	struct gw_blob parts[3] = { { NULL, 0 } };
	uint8_t both[4096];
	char found[256];

	memcpy(both, a.data, a.len);
	memcpy(both + a.len, b.data, b.len);
	parts[1] = (struct gw_blob){ both, a.len + b.len };
	read_back(parts, 3, found, sizeof(found));
	assert_string_equal(found, "subject=CN=a\nsubject=CN=b\n");
	free((void *)(uintptr_t)a.data);
	free((void *)(uintptr_t)b.data);
}

/* Lengths around each form that a DER length can take, by growing certificates. */
static void lengths_of_all_forms(void **state)
{
	struct gw_blob large = make("large", "-addext \"nsComment=$(printf %04000d 0)\"");
	struct gw_blob parts[20];
	struct gw_blob text;
	uint8_t *der;
	size_t len;

	for (size_t i = 0; i < 20; i++)
		parts[i] = large;
	for (size_t n = 1; n <= 20; n++) {
		assert_int_equal(pkcs7_certs_only(parts, n, &der, &len), 0);
		openssl_write("p7", (struct gw_blob){ der, len });
		free(der);
		openssl_run("asn1parse -inform DER -in p7 -noout");
		openssl_run(
			"pkcs7 -inform DER -in p7 -print_certs -noout | grep -c subject > found");
		text = openssl_read("found");
		assert_int_equal((size_t)strtoul((const char *)text.data, NULL, 10), n);
		free((void *)(uintptr_t)text.data);
	}
	free((void *)(uintptr_t)large.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_come_out_in_order),
		cmocka_unit_test(parts_are_joined),
		cmocka_unit_test(lengths_of_all_forms),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
