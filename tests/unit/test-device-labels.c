/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file of labels: what is skipped, what is refused with the line that it stands in, and how many are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "lib/label.h"
#include "lib/util.h"
#include "tools/device/failure.h"
#include "tools/device/labels.h"

#define N 4

static void format(const char *id, bool has_secret, char text[GW_LABEL_MAX + 1])
{
	struct gw_label label = { .secret_len = has_secret ? 16 : 0 };

	(void)gw_copy(label.id, sizeof(label.id), id);
	for (size_t i = 0; i < sizeof(label.secret); i++)
		label.secret[i] = (uint8_t)(i * 37 + 5);
	assert_int_equal(gw_label_format(&label, text, GW_LABEL_MAX + 1), 0);
}

/* Reads n labels from a file with this text; the sentence is in *failure. */
static int read_from(const char *text, size_t n, struct gw_label *labels, struct failure *failure)
{
	char path[] = "/tmp/labels-XXXXXX";
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
	r = labels_read(path, n, labels, failure);
	(void)unlink(path);
	return r;
}

static void test_lines(void **state)
{
	char a[GW_LABEL_MAX + 1], b[GW_LABEL_MAX + 1], text[2 * GW_LABEL_MAX + 64];
	struct gw_label labels[N] = { 0 };
	struct failure failure;

	format("A", true, a);
	format("B", true, b);
	(void)snprintf(text, sizeof(text), "\n  \t\r\n %s \r\n\n%s", a, b);
	for (size_t n = 0; n <= 2; n++) {
		assert_int_equal(read_from(text, n, labels, &failure), 0);
		assert_string_equal(labels[0].id, n > 0 ? "A" : "");
		assert_string_equal(labels[1].id, n > 1 ? "B" : "");
	}
	assert_int_equal(labels[1].secret_len, 16);
	assert_int_equal(read_from(text, 3, labels, &failure), -EINVAL);
	assert_non_null(strstr(failure.text, "holds 2 of the 3 labels"));
}

static void assert_refused(const char *line, const char *why)
{
	char a[GW_LABEL_MAX + 1], text[3 * GW_LABEL_MAX];
	struct gw_label labels[N] = { 0 };
	struct failure failure;

	format("A", true, a);
	(void)snprintf(text, sizeof(text), "%s\n\n%s\n", a, line);
	assert_int_equal(read_from(text, 1, labels, &failure), 0); /* not looked at */
	assert_int_equal(read_from(text, 2, labels, &failure), -EINVAL);
	assert_non_null(strstr(failure.text, ": line 3"));
	assert_non_null(strstr(failure.text, why));
}

static void test_refusals(void **state)
{
	char key[GW_LABEL_MAX + 1], longest[GW_LABEL_MAX + 200];

	format("K", false, key);
	assert_refused(key, "names a public key");
	assert_refused("GW1:IA", "");
	(void)memset(longest, 'A', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_refused(longest, "is too long");
}

static void test_no_such_file(void **state)
{
	struct gw_label label;
	struct failure failure;

	assert_int_equal(labels_read("/nowhere/labels", 1, &label, &failure), -EINVAL);
	assert_string_equal(failure.text, "/nowhere/labels: No such file or directory");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_no_such_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
