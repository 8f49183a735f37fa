/* SPDX-License-Identifier: GPL-2.0-or-later */
/* values: every type, names, rows, shapes of a newer agent, and how it is printed. */
#include "tools/ctl/values.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

/* A bus that is never spoken to: messages need one to be made. */
static int open_bus(void **state)
{
	int fds[2];
	sd_bus *bus = NULL;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 || sd_bus_new(&bus) < 0 ||
	    sd_bus_set_fd(bus, fds[0], fds[0]) < 0 || sd_bus_start(bus) < 0)
		return -1;
	(void)close(fds[1]);
	*state = bus;
	return 0;
}

static int close_bus(void **state)
{
	(void)sd_bus_close_unref(*state);
	return 0;
}

static sd_bus_message *new_message(sd_bus *bus)
{
	sd_bus_message *m = NULL;

	assert_true(sd_bus_message_new_signal(bus, &m, "/x", "x.y", "Z") >= 0);
	return m;
}

static void seal(sd_bus_message *m)
{
	assert_true(sd_bus_message_seal(m, 1, 0) >= 0);
	assert_true(sd_bus_message_rewind(m, 1) >= 0);
}

static void assert_json(json_t *value, const char *want)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	values_print(value, out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, want);
	free(text);
	json_decref(value);
}

static void test_names(void **state)
{
	static const char *const names[][2] = {
		{ "Id", "id" },
		{ "NotAfter", "not_after" },
		{ "GatewayId", "gateway_id" },
		{ "ClaimExpires", "claim_expires" },
		{ "lower", "lower" },
		{ "X509", "x509" },
		{ "", "" },
	};
	char name[32];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		values_name(names[i][0], name, sizeof(name));
		assert_string_equal(name, names[i][1]);
	}
	for (size_t size = 1; size < sizeof(name); size++) {
		memset(name, '#', sizeof(name));
		values_name("ClaimExpires", name, size);
		assert_true(strlen(name) < size);
		assert_memory_equal(name, "claim_expires", strlen(name));
	}
}

static void test_basic_types(void **state)
{
	sd_bus_message *m = new_message(*state);
	json_t *object = NULL;

	assert_true(sd_bus_message_append(m, "a{sv}", 12, "S", "s", "text", "O", "o", "/a/b", "G",
					  "g", "a{sv}", "Yes", "b", 1, "No", "b", 0, "Y", "y", 255,
					  "N", "n", -7, "Q", "q", 65535, "I", "i", -70000, "U", "u",
					  4000000000u, "X", "x", INT64_C(-5000000000), "T", "t",
					  UINT64_C(5000000000)) >= 0);
	seal(m);
	assert_int_equal(values_read_properties(m, &object), 0);
	assert_json(object, "{\"s\": \"text\", \"o\": \"/a/b\", \"g\": \"a{sv}\", \"yes\": true, "
			    "\"no\": false, \"y\": 255, \"n\": -7, \"q\": 65535, \"i\": -70000, "
			    "\"u\": 4000000000, \"x\": -5000000000, \"t\": 5000000000}\n");
	sd_bus_message_unref(m);
}

static void test_numbers_too_large(void **state)
{
	sd_bus_message *m = new_message(*state);
	json_t *object = NULL;

	assert_true(sd_bus_message_append(m, "a{sv}", 1, "T", "t", UINT64_MAX) >= 0);
	seal(m);
	assert_int_equal(values_read_properties(m, &object), 0);
	assert_json(object, "{\"t\": 9223372036854775807}\n");
	sd_bus_message_unref(m);
}

static void test_containers(void **state)
{
	sd_bus_message *m = new_message(*state);
	json_t *object = NULL;

	assert_true(sd_bus_message_append(m, "a{sv}", 5, "Channels", "as", 2, "a", "b", "None",
					  "as", 0, "Counts", "a{su}", 2, "claimed", 3, "onboarded",
					  9, "Empty", "a{su}", 0, "Plugins", "a(ssssbs)", 2, "ip",
					  "transport", "1", "", 1, "", "registrar", "registrar",
					  "1", "wolfSSL 5", 0, "slow") >= 0);
	seal(m);
	assert_int_equal(values_read_properties(m, &object), 0);
	assert_json(object,
		    "{\"channels\": [\"a\", \"b\"], \"none\": [], "
		    "\"counts\": {\"claimed\": 3, \"onboarded\": 9}, \"empty\": {}, "
		    "\"plugins\": [{\"name\": \"ip\", \"role\": \"transport\", \"version\": \"1\", "
		    "\"library\": \"\", \"healthy\": true, \"text\": \"\"}, "
		    "{\"name\": \"registrar\", \"role\": \"registrar\", \"version\": \"1\", "
		    "\"library\": \"wolfSSL 5\", \"healthy\": false, \"text\": \"slow\"}]}\n");
	sd_bus_message_unref(m);
}

/* What nobody foresaw is left out, and what stands behind it is read. */
static void test_unknown_shapes(void **state)
{
	sd_bus_message *m = new_message(*state);
	json_t *object = NULL;

	assert_true(sd_bus_message_append(m, "a{sv}", 6, "A", "a(ss)", 1, "x", "y", "B", "(ss)",
					  "x", "y", "C", "a{sv}", 1, "k", "s", "v", "D", "aas", 1,
					  1, "x", "E", "v", "s", "x", "Id", "s", "after") >= 0);
	seal(m);
	assert_int_equal(values_read_properties(m, &object), 0);
	assert_json(object, "{\"id\": \"after\"}\n");
	sd_bus_message_unref(m);
}

static void test_no_properties(void **state)
{
	sd_bus_message *m = new_message(*state);
	json_t *object = NULL;

	assert_true(sd_bus_message_append(m, "a{sv}", 0) >= 0);
	seal(m);
	assert_int_equal(values_read_properties(m, &object), 0);
	assert_json(object, "{}\n");
	sd_bus_message_unref(m);
}

static void test_rows(void **state)
{
	static const char *const names[] = { "device", "id", "n", NULL };
	sd_bus_message *m = new_message(*state);
	json_t *rows = NULL;

	assert_true(sd_bus_message_append(m, "a(ost)", 2, "/a", "one", UINT64_C(1), "/b", "two",
					  UINT64_C(2)) >= 0);
	seal(m);
	assert_int_equal(values_read_rows(m, names, &rows), 0);
	assert_json(rows, "[\n{\"device\": \"/a\", \"id\": \"one\", \"n\": 1},\n"
			  "{\"device\": \"/b\", \"id\": \"two\", \"n\": 2}\n]\n");
	sd_bus_message_unref(m);
}

static void test_no_rows(void **state)
{
	static const char *const names[] = { "a", NULL };
	sd_bus_message *m = new_message(*state);
	json_t *rows = NULL;

	assert_true(sd_bus_message_append(m, "a(s)", 0) >= 0);
	seal(m);
	assert_int_equal(values_read_rows(m, names, &rows), 0);
	assert_json(rows, "[]\n");
	sd_bus_message_unref(m);
}

static void assert_no_rows(sd_bus *bus, const char *types, ...)
{
	static const char *const names[] = { "a", "b", NULL };
	sd_bus_message *m = new_message(bus);
	json_t *rows = NULL;
	va_list ap;

	va_start(ap, types);
	assert_true(sd_bus_message_appendv(m, types, ap) >= 0);
	va_end(ap);
	seal(m);
	assert_int_equal(values_read_rows(m, names, &rows), -EBADMSG);
	assert_null(rows);
	sd_bus_message_unref(m);
}

static void test_wrong_rows(void **state)
{
	assert_no_rows(*state, "s", "x");
	assert_no_rows(*state, "as", 1, "x");
	assert_no_rows(*state, "");
	assert_no_rows(*state, "a(sss)", 1, "x", "y", "z");
	assert_no_rows(*state, "a(sas)", 1, "x", 1, "y");
	assert_no_rows(*state, "a(yyyyyyyyyyyyyyyyyyyyy)", 0);
}

static void test_wrong_properties(void **state)
{
	sd_bus_message *m = new_message(*state);
	json_t *object = NULL;

	assert_true(sd_bus_message_append(m, "a{ss}", 1, "k", "v") >= 0);
	seal(m);
	assert_true(values_read_properties(m, &object) < 0);
	assert_null(object);
	sd_bus_message_unref(m);
}

static void test_looking_up(void **state)
{
	json_t *object = json_pack("{ss sI sI sb sb}", "text", "x", "number", (json_int_t)7,
				   "minus", (json_int_t)-7, "yes", 1, "no", 0);

	assert_string_equal(values_text(object, "text"), "x");
	assert_string_equal(values_text(object, "number"), "");
	assert_string_equal(values_text(object, "missing"), "");
	assert_int_equal(values_number(object, "number"), 7);
	assert_int_equal(values_number(object, "minus"), 0);
	assert_int_equal(values_number(object, "text"), 0);
	assert_true(values_true(object, "yes"));
	assert_false(values_true(object, "no"));
	assert_false(values_true(object, "missing"));
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_basic_types),
		cmocka_unit_test(test_numbers_too_large),
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_unknown_shapes),
		cmocka_unit_test(test_no_properties),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_no_rows),
		cmocka_unit_test(test_wrong_rows),
		cmocka_unit_test(test_wrong_properties),
		cmocka_unit_test(test_looking_up),
	};

	return cmocka_run_group_tests(tests, open_bus, close_bus);
}
