/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table: alignment, missing cells, and texts that would play tricks on a terminal. */
#include "tools/ctl/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_prints(struct table *table, const char *want)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	table_print(table, out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, want);
	free(text);
	assert_null(table_free(table));
}

static struct table *new_table(const char *const *headings, size_t n_columns)
{
	struct table *table = NULL;

	assert_int_equal(table_new(headings, n_columns, &table), 0);
	return table;
}

static void test_columns_are_aligned(void **state)
{
	static const char *const headings[] = { "ID", "STATE", "REASON" };
	struct table *table = new_table(headings, 3);

	assert_int_equal(table_add(table, (const char *[]){ "ACME-0001", "on", "" }), 0);
	assert_int_equal(table_add(table, (const char *[]){ "B", "discovered", "no-claim" }), 0);
	assert_prints(table, "ID         STATE       REASON\n"
			     "ACME-0001  on          -\n"
			     "B          discovered  no-claim\n");
}

static void test_headings_alone(void **state)
{
	static const char *const headings[] = { "ID", "LAST SEEN" };

	assert_prints(new_table(headings, 2), "ID  LAST SEEN\n");
}

static void test_no_headings(void **state)
{
	struct table *table = new_table(/* headings= */ NULL, 2);

	assert_int_equal(table_add(table, (const char *[]){ "state", "running" }), 0);
	assert_int_equal(table_add(table, (const char *[]){ NULL, "x" }), 0);
	assert_prints(table, "state  running\n-      x\n");
}

static void test_no_rows_no_headings(void **state)
{
	assert_prints(new_table(/* headings= */ NULL, 1), "");
	assert_null(table_free(NULL));
}

static void test_one_column(void **state)
{
	static const char *const headings[] = { "A HEADING" };
	struct table *table = new_table(headings, 1);

	assert_int_equal(table_add(table, (const char *[]){ "x" }), 0);
	assert_prints(table, "A HEADING\nx\n");
}

static void test_every_character(void **state)
{
	for (int c = 1; c < 256; c++) {
		struct table *table = new_table(/* headings= */ NULL, 1);
		char cell[] = { 'a', (char)c, 'b', 0 }, want[] = "a?b\n";

		if (c >= 0x20 && c <= 0x7e)
			want[1] = (char)c;
		assert_int_equal(table_add(table, (const char *[]){ cell }), 0);
		assert_prints(table, want);
	}
}

static void test_cells_are_copied(void **state)
{
	struct table *table = new_table(/* headings= */ NULL, 1);
	char cell[] = "before";

	assert_int_equal(table_add(table, (const char *[]){ cell }), 0);
	(void)strcpy(cell, "after");
	assert_prints(table, "before\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_are_aligned),
		cmocka_unit_test(test_headings_alone),
		cmocka_unit_test(test_no_headings),
		cmocka_unit_test(test_no_rows_no_headings),
		cmocka_unit_test(test_one_column),
		cmocka_unit_test(test_every_character),
		cmocka_unit_test(test_cells_are_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
