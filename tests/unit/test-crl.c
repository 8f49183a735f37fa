/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Revocation lists by openssl: what is read of them, what is refused, and what is left of them when they are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crl.h"
#include "lib/der.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "lib/x509.h"
#include "openssl.h"

#define DATES "-crl_lastupdate 20260102030405Z -crl_nextupdate 20510102030405Z"

static const char two_revoked[] =
	"R\t301231235959Z\t260101000000Z\t4F2A\tunknown\t/CN=A\n"
	"R\t301231235959Z\t260101000000Z,keyCompromise\tF0F1F2F3F4F5F6F7F8F9\tunknown\t/CN=B\n"
	"V\t301231235959Z\t\t01\tunknown\t/CN=C\n";

static void drop(struct gw_blob blob)
{
	free((void *)(uintptr_t)blob.data);
}

static void write_text(const char *file, const char *text)
{
	openssl_write(file, (struct gw_blob){ (const uint8_t *)text, strlen(text) });
}

static int set_up(void **state)
{
	openssl_init();
	write_text("config",
		   "[ca]\ndefault_ca=c\n[c]\ndatabase=index\ncrlnumber=number\n"
		   "default_md=sha256\n[plain]\n[whole]\nauthorityKeyIdentifier=keyid\n"
		   "[part]\nissuingDistributionPoint=critical,@idp\n[idp]\nonlyuser=TRUE\n"
		   "[req]\ndistinguished_name=d\nx509_extensions=e\n[d]\n"
		   "[e]\nsubjectKeyIdentifier=hash\n");
	openssl_run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key");
	openssl_run("req -x509 -key key -config config -subj '/O=acme/CN=Devices' -out crt");
	openssl_run("x509 -in crt -outform DER -out crt.der");
	return 0;
}

static int tear_down(void **state)
{
	openssl_done();
	return 0;
}

static struct gw_blob make(const char *index, const char *number, const char *options)
{
	write_text("index", index);
	write_text("number", number);
	openssl_run("ca -gencrl -config config -keyfile key -cert crt -out crl.pem %s", options);
	openssl_run("crl -in crl.pem -outform DER -out crl");
	return openssl_read("crl");
}

static void assert_blob(struct gw_blob blob, const char *bytes, size_t len)
{
	assert_int_equal(blob.len, len);
	assert_memory_equal(blob.data, bytes, len);
}

static void a_whole_list(void **state)
{
	struct gw_blob der = make(two_revoked, "12AB", DATES), crt = openssl_read("crt.der");
	struct gw_blob rest, serial;
	struct gw_x509 x509;
	struct gw_crl crl;

	assert_int_equal(gw_crl_parse(der, &crl), 0);
	assert_int_equal(gw_x509_parse(crt, &x509), 0);
	assert_true(gw_blob_equal(crl.issuer, x509.subject));
	assert_blob(crl.number, "\x12\xab", 2);
	assert_int_equal(crl.this_update, 1767323045);
	assert_int_equal(crl.next_update, 2556241445);
	assert_int_equal(crl.n_revoked, 2);

	rest = crl.revoked;
	assert_true(gw_crl_next(&rest, &serial));
	assert_blob(serial, "\x4f\x2a", 2);
	assert_true(gw_crl_next(&rest,
				&serial)); /* without the zero that keeps it from being negative */
	assert_blob(serial, "\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9", 10);
	assert_false(gw_crl_next(&rest, &serial));
	drop(der);
	drop(crt);
}

/* The three parts are what openssl signed, and how. */
static void what_is_signed(void **state)
{
	struct gw_blob der = make(two_revoked, "01", DATES);
	struct gw_crl crl;

	assert_int_equal(gw_crl_parse(der, &crl), 0);
	openssl_write("body", crl.body);
	openssl_write("signature", crl.signature);
	openssl_run("pkey -in key -pubout -out public");
	openssl_run("dgst -sha256 -verify public -signature signature body");
	assert_blob(crl.algorithm, "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 12);
	drop(der);
}

static void nothing_is_revoked(void **state)
{
	struct gw_blob der = make("", "00", DATES), serial;
	struct gw_crl crl;

	assert_int_equal(gw_crl_parse(der, &crl), 0);
	assert_int_equal(crl.n_revoked, 0);
	assert_false(gw_crl_next(&crl.revoked, &serial));
	assert_blob(crl.number, "\0", 1);
	drop(der);
}

static void what_means_something_else_is_refused(void **state)
{
	struct gw_blob der;
	struct gw_crl crl;

	der = make(two_revoked, "01", DATES " -crlexts part");
	assert_int_equal(gw_crl_parse(der, &crl), -EOPNOTSUPP); /* of a part of the certificates */
	drop(der);
	der = make(two_revoked, "01", DATES " -crlexts whole");
	assert_int_equal(gw_crl_parse(der, &crl), 0); /* openssl adds the number by itself */
	drop(der);
}

static void a_list_of_two_thousand(void **state)
{
	enum { N = 2000, LINE = 64 };
	_cleanup_free_ char *index = calloc(N, LINE);
	struct gw_blob der, serial;
	struct gw_crl crl;
	char *at = index;
	unsigned n = 0;

	for (unsigned i = 0; i < N; i++)
		at += sprintf(at, "R\t301231235959Z\t260101000000Z\t%06X\tunknown\t/CN=D%u\n",
			      0x100000 + i, i);
	der = make(index, "01", DATES);
	assert_int_equal(gw_crl_parse(der, &crl), 0);
	assert_int_equal(crl.n_revoked, N);
	for (; gw_crl_next(&crl.revoked, &serial); n++) {
		assert_int_equal(serial.len, 3);
		assert_int_equal(serial.data[1] << 8 | serial.data[2], n);
	}
	assert_int_equal(n, N);
	drop(der);
}

static void all_truncations(void **state)
{
	struct gw_blob der = make(two_revoked, "01", DATES);
	struct gw_crl crl;

	for (size_t len = 0; len < der.len; len++) {
		uint8_t *cut =
			malloc(len + 1); /* what is read behind its end, valgrind and ASan see */

		memcpy(cut, der.data, len);
		cut = realloc(cut, len ? len : 1);
		assert_int_equal(gw_crl_parse((struct gw_blob){ cut, len }, &crl), -EBADMSG);
		free(cut);
	}
	drop(der);
}

static void bytes_behind_the_end(void **state)
{
	struct gw_blob der = make(two_revoked, "01", DATES);
	uint8_t *longer = malloc(der.len + 1);
	struct gw_crl crl;

	memcpy(longer, der.data, der.len);
	longer[der.len] = 0;
	assert_int_equal(gw_crl_parse((struct gw_blob){ longer, der.len + 1 }, &crl), -EBADMSG);
	free(longer);
	drop(der);
}

static void too_large(void **state)
{
	_cleanup_free_ uint8_t *zeros = calloc(1, GW_CRL_MAX + 1);
	struct gw_crl crl;

	assert_int_equal(gw_crl_parse((struct gw_blob){ zeros, GW_CRL_MAX + 1 }, &crl), -EFBIG);
	assert_int_equal(gw_crl_parse((struct gw_blob){ zeros, GW_CRL_MAX }, &crl), -EBADMSG);
}

/* --- lists that openssl does not make --- */

struct der {
	uint8_t bytes[512];
	size_t len;
};

static struct der hex(const char *text)
{
	struct der der = { .len = strlen(text) / 2 };

	for (size_t i = 0; i < der.len; i++) {
		unsigned byte;

		assert_int_equal(sscanf(text + 2 * i, "%2x", &byte), 1);
		der.bytes[i] = (uint8_t)byte;
	}
	return der;
}

static struct der wrap(uint8_t tag, struct der inside)
{
	struct der der;
	size_t header = gw_der_write_header(tag, inside.len, der.bytes);

	memcpy(der.bytes + header, inside.bytes, inside.len);
	der.len = header + inside.len;
	return der;
}

#define VERSION   "020101"
#define ALGORITHM "300a06082a8648ce3d040302"
#define ISSUER    "300c310a300806035504030c0141"
#define THIS      "170d3236303130323033303430355a"
#define NEXT      "170d3237303130323033303430355a"
#define NUMBER    "300a0603551d140403020107"
#define NUMBERS   "a00e300c" NUMBER
#define TWENTY    "0102030405060708090a0b0c0d0e0f1011121314"
#define ENTRY  \
	"3012" \
	"020101" THIS

static int parse(const char *body)
{
	struct der list = wrap(GW_DER_SEQUENCE, hex(body)), rest = hex(ALGORITHM "03020055");
	struct gw_crl crl;

	memcpy(list.bytes + list.len, rest.bytes, rest.len);
	list.len += rest.len;
	list = wrap(GW_DER_SEQUENCE, list);
	return gw_crl_parse((struct gw_blob){ list.bytes, list.len }, &crl);
}

static void forms(void **state)
{
	static const struct {
		const char *body;
		int result;
	} cases[] = {
		{ VERSION ALGORITHM ISSUER THIS NEXT NUMBERS, 0 },
		{ VERSION ALGORITHM ISSUER THIS NEXT "3014" ENTRY NUMBERS, 0 },
		{ VERSION ALGORITHM ISSUER THIS NEXT "3000" NUMBERS, 0 },
		{ ALGORITHM ISSUER THIS NEXT NUMBERS, -EBADMSG }, /* version 1 */
		{ "020100" ALGORITHM ISSUER THIS NEXT NUMBERS, -EBADMSG },
		{ VERSION "300a06082a8648ce3d040303" ISSUER THIS NEXT NUMBERS,
		  -EBADMSG },                                        /* another inside */
		{ VERSION ALGORITHM THIS NEXT NUMBERS, -EBADMSG },   /* no issuer */
		{ VERSION ALGORITHM ISSUER THIS NUMBERS, -EBADMSG }, /* no end */
		{ VERSION ALGORITHM ISSUER NEXT THIS NUMBERS,
		  -EBADMSG },                                     /* ends before it begins */
		{ VERSION ALGORITHM ISSUER THIS NEXT, -EBADMSG }, /* no number */
		{ VERSION ALGORITHM ISSUER THIS NEXT "a0023000", -EBADMSG },
		{ VERSION ALGORITHM ISSUER THIS NEXT "a01a3018" NUMBER NUMBER,
		  -EBADMSG }, /* two of them */
		{ VERSION ALGORITHM ISSUER THIS NEXT NUMBERS "0500", -EBADMSG },
		{ VERSION ALGORITHM ISSUER THIS NEXT "a00e300c300a0603551d140403020187",
		  -EBADMSG }, /* negative */
		{ VERSION ALGORITHM ISSUER THIS NEXT "a011300f300d0603551d140101ff0403020107", 0 },
		/* A delta list, and one that does not say so as it must. */
		{ VERSION ALGORITHM ISSUER THIS NEXT "a01d301b" NUMBER
						     "300d0603551d1b0101ff0403020106",
		  -EOPNOTSUPP },
		{ VERSION ALGORITHM ISSUER THIS NEXT "a01d301b" NUMBER
						     "300d0603551d1b0101000403020106",
		  -EOPNOTSUPP },
		/* An entry of another issuer's; why one was revoked; an entry that is cut or has too much. */
		{ VERSION ALGORITHM ISSUER THIS NEXT "3024"
						     "3022"
						     "020101" THIS
						     "300e300c0603551d1d0101ff04023000" NUMBERS,
		  -EOPNOTSUPP },
		{ VERSION ALGORITHM ISSUER THIS NEXT "3022"
						     "3020"
						     "020101" THIS
						     "300c300a0603551d1504030a0101" NUMBERS,
		  0 },
		/* On hold, and given back again, which is for delta lists. */
		{ VERSION ALGORITHM ISSUER THIS NEXT "3022"
						     "3020"
						     "020101" THIS
						     "300c300a0603551d1504030a0106" NUMBERS,
		  0 },
		{ VERSION ALGORITHM ISSUER THIS NEXT "3022"
						     "3020"
						     "020101" THIS
						     "300c300a0603551d1504030a0108" NUMBERS,
		  -EOPNOTSUPP },
		{ VERSION ALGORITHM ISSUER THIS NEXT "3005"
						     "3003"
						     "020101" NUMBERS,
		  -EBADMSG },
		{ VERSION ALGORITHM ISSUER THIS NEXT "3016"
						     "3014"
						     "020101" THIS "0500" NUMBERS,
		  -EBADMSG },
		{ VERSION ALGORITHM ISSUER THIS NEXT "3014"
						     "3012"
						     "0201ff" THIS NUMBERS,
		  -EBADMSG },
		/* Numbers fill what is kept for them, and no more. */
		{ VERSION ALGORITHM ISSUER THIS NEXT "a021301f301d0603551d1404160214" TWENTY, 0 },
		{ VERSION ALGORITHM ISSUER THIS NEXT "a0223020301e0603551d1404170215"
						     "01" TWENTY,
		  -EBADMSG },
		{ VERSION ALGORITHM ISSUER THIS NEXT "3027"
						     "3025"
						     "0214" TWENTY THIS NUMBERS,
		  0 },
		{ VERSION ALGORITHM ISSUER THIS NEXT "3028"
						     "3026"
						     "0215"
						     "01" TWENTY THIS NUMBERS,
		  -EBADMSG },
		/* What stands behind the version, the number, an extension, those of an entry; critical in two bytes, and in none. */
		{ "02020100" ALGORITHM ISSUER THIS NEXT NUMBERS, -EBADMSG },
		{ VERSION ALGORITHM ISSUER THIS NEXT "a010300e300c0603551d1404050201070500",
		  -EBADMSG },
		{ VERSION ALGORITHM ISSUER THIS NEXT "a010300e300c0603551d1404030201070500",
		  -EBADMSG },
		{ VERSION ALGORITHM ISSUER THIS NEXT "3018"
						     "3016"
						     "020101" THIS "30000500" NUMBERS,
		  -EBADMSG },
		{ VERSION ALGORITHM ISSUER THIS NEXT "a0123010300e0603551d140102ffff0403020107",
		  -EBADMSG },
		{ VERSION ALGORITHM ISSUER THIS NEXT "a010300e300c0603551d1401000403020107",
		  -EBADMSG },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++)
		if (parse(cases[i].body) != cases[i].result)
			fail_msg("case %zu: %d, not %d", i, parse(cases[i].body), cases[i].result);
}

/* Each of 20 bytes: the smallest that there can be. */
static void too_many(void **state)
{
	static const uint8_t entry[] = { 0x30, 0x12, 0x02, 0x01, 0x01, 0x17, 0x0d, '2', '6', '0',
					 '1',  '0',  '2',  '0',  '3',  '0',  '4',  '0', '5', 'Z' };
	static const size_t sizes[] = { GW_CRL_ENTRIES_MAX, GW_CRL_ENTRIES_MAX + 1 };
	static const int results[] = { 0, -EFBIG };

	for (size_t i = 0; i < GW_ELEMENTS(sizes); i++) {
		struct der head = hex(VERSION ALGORITHM ISSUER THIS NEXT), tail = hex(NUMBERS);
		struct der rest = hex(ALGORITHM "03020055");
		size_t entries = sizes[i] * sizeof(entry), size = entries + 1024, at = size;
		_cleanup_free_ uint8_t *der = malloc(size);
		uint8_t header[16];
		struct gw_crl crl;
		size_t len, end;

		at -= rest.len;
		memcpy(der + at, rest.bytes, rest.len);
		end = at;
		at -= tail.len;
		memcpy(der + at, tail.bytes, tail.len);
		for (size_t k = 0; k < sizes[i]; k++) {
			at -= sizeof(entry);
			memcpy(der + at, entry, sizeof(entry));
		}
		len = gw_der_write_header(GW_DER_SEQUENCE, entries, header);
		at -= len;
		memcpy(der + at, header, len);
		at -= head.len;
		memcpy(der + at, head.bytes, head.len);
		len = gw_der_write_header(GW_DER_SEQUENCE, end - at, header);
		at -= len;
		memcpy(der + at, header, len);
		len = gw_der_write_header(GW_DER_SEQUENCE, size - at, header);
		at -= len;
		memcpy(der + at, header, len);

		assert_int_equal(gw_crl_parse((struct gw_blob){ der + at, size - at }, &crl),
				 results[i]);
		if (results[i] == 0)
			assert_int_equal(crl.n_revoked, sizes[i]);
	}
}

static void numbers_in_order(void **state)
{
	static const struct gw_blob zero = { (const uint8_t *)"\0", 1 },
				    one = { (const uint8_t *)"\1", 1 },
				    high = { (const uint8_t *)"\xff", 1 },
				    two_bytes = { (const uint8_t *)"\1\0", 2 };
	static const struct gw_blob *const rising[] = { &zero, &one, &high, &two_bytes };

	for (size_t i = 0; i < GW_ELEMENTS(rising); i++)
		for (size_t k = 0; k < GW_ELEMENTS(rising); k++) {
			int order = gw_crl_compare_numbers(*rising[i], *rising[k]);

			assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_list),
		cmocka_unit_test(what_is_signed),
		cmocka_unit_test(nothing_is_revoked),
		cmocka_unit_test(what_means_something_else_is_refused),
		cmocka_unit_test(a_list_of_two_thousand),
		cmocka_unit_test(all_truncations),
		cmocka_unit_test(bytes_behind_the_end),
		cmocka_unit_test(too_large),
		cmocka_unit_test(too_many),
		cmocka_unit_test(forms),
		cmocka_unit_test(numbers_in_order),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
