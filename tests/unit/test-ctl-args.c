/* SPDX-License-Identifier: GPL-2.0-or-later */
/* args: every place an option can stand, values attached and apart, and all that is wrong use. */
#include "tools/ctl/args.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct args_option common[] = {
	{ "json", NULL, "" },
	{ "bus", "ADDRESS", "" },
	{ "help", NULL, "" },
	{ 0 },
};

static const struct args_option own[] = {
	{ "replace", NULL, "" },
	{ "tenant", "TENANT", "" },
	{ 0 },
};

/* Cuts a line at its blanks into argv; the line must outlive it. */
static int cut(char *line, char *argv[static 24])
{
	int argc = 0;

	for (char *word = strtok(line, " "); word && argc < 24; word = strtok(NULL, " "))
		argv[argc++] = word;
	return argc;
}

static int parse(char *line, const struct args_option *more, struct args *ret,
		 char why[static ARGS_WHY_MAX])
{
	char *argv[24];
	int argc = cut(line, argv);

	return args_parse(argc, argv, common, more, ret, why);
}

static void assert_refused(const char *command, const char *word)
{
	char line[512], why[ARGS_WHY_MAX] = "";
	struct args args = { .n_words = 99 };

	(void)strncpy(line, command, sizeof(line) - 1);
	line[sizeof(line) - 1] = 0;
	assert_int_equal(parse(line, own, &args, why), -EINVAL);
	if (!strstr(why, word))
		fail_msg("'%s': says '%s', not '%s'", command, why, word);
	assert_int_equal(args.n_words, 99);
}

static void test_options_in_every_place(void **state)
{
	static const char *const commands[] = {
		"x --json --tenant t claim payload",    "x claim --json payload --tenant t",
		"x claim payload --tenant=t --json",    "x --tenant t claim payload --json",
		"x --json claim --tenant=t payload",    "x --json --json claim payload --tenant t",
		"x --json --tenant t -- claim payload",
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		char line[512], why[ARGS_WHY_MAX];
		struct args args;

		(void)strcpy(line, commands[i]);
		assert_int_equal(parse(line, own, &args, why), 0);
		assert_int_equal(args.n_words, 2);
		assert_string_equal(args.words[0], "claim");
		assert_string_equal(args.words[1], "payload");
		assert_true(args_has(&args, "json"));
		assert_string_equal(args_get(&args, "tenant"), "t");
		assert_false(args_has(&args, "replace"));
		assert_null(args_get(&args, "bus"));
	}
}

static void test_nothing(void **state)
{
	char line[] = "x", why[ARGS_WHY_MAX];
	struct args args;

	assert_int_equal(parse(line, /* more= */ NULL, &args, why), 0);
	assert_int_equal(args.n_words, 0);
	assert_false(args_has(&args, "json"));
}

static void test_odd_values(void **state)
{
	char line[] = "x --tenant --json --bus=a=b=c - -- --replace", why[ARGS_WHY_MAX];
	struct args args;

	assert_int_equal(parse(line, own, &args, why), 0);
	assert_string_equal(args_get(&args, "tenant"), "--json");
	assert_string_equal(args_get(&args, "bus"), "a=b=c");
	assert_false(args_has(&args, "json"));
	assert_false(args_has(&args, "replace"));
	assert_int_equal(args.n_words, 2);
	assert_string_equal(args.words[0], "-");
	assert_string_equal(args.words[1], "--replace");
}

static void test_short_help(void **state)
{
	char line[] = "x show -h", why[ARGS_WHY_MAX];
	struct args args;

	assert_int_equal(parse(line, own, &args, why), 0);
	assert_true(args_has(&args, "help"));
}

static void test_refused(void **state)
{
	assert_refused("x --nope", "--nope");
	assert_refused("x --jso", "--jso");
	assert_refused("x --jsonx", "--jsonx");
	assert_refused("x -j", "-j");
	assert_refused("x -hh", "-hh");
	assert_refused("x --=x", "--=x");
	assert_refused("x --json=yes", "takes no value");
	assert_refused("x --json=", "takes no value");
	assert_refused("x --tenant", "TENANT");
	assert_refused("x --tenant=", "TENANT");
	assert_refused("x --tenant a --tenant b", "twice");
	assert_refused("x --tenant a --tenant a", "twice");
	assert_refused("x 1 2 3 4 5", "'5'");
}

/* Whatever stands on it, a line of many words and options is cut within its bounds. */
static void test_limits(void **state)
{
	struct args_option many[ARGS_OPTIONS_MAX + 2] = { 0 };
	char names[ARGS_OPTIONS_MAX + 1][8], why[ARGS_WHY_MAX];
	char *argv[ARGS_OPTIONS_MAX + 2] = { (char[]){ "x" } };
	struct args args;

	for (int i = 0; i <= ARGS_OPTIONS_MAX; i++) {
		names[i][0] = names[i][1] = '-';
		names[i][2] = (char)('a' + i);
		names[i][3] = 0;
		many[i].name = names[i] + 2;
		argv[i + 1] = names[i];
	}
	assert_int_equal(args_parse(ARGS_OPTIONS_MAX + 1, argv, many, NULL, &args, why), 0);
	assert_int_equal(args.n_given, ARGS_OPTIONS_MAX);
	assert_int_equal(args_parse(ARGS_OPTIONS_MAX + 2, argv, many, NULL, &args, why), -EINVAL);
	assert_non_null(strstr(why, "too many options"));
}

static void test_long_words_fit_the_message(void **state)
{
	char word[1000], why[ARGS_WHY_MAX];
	char *argv[] = { word, word };
	struct args args;

	memset(word, 'x', sizeof(word));
	memcpy(word, "--", 2);
	word[sizeof(word) - 1] = 0;
	assert_int_equal(args_parse(2, argv, common, own, &args, why), -EINVAL);
	assert_true(strlen(why) < ARGS_WHY_MAX);
}

static void assert_peek(const char *command, const char *first, const char *second)
{
	const char *words[2] = { "?", "?" };
	char line[512], *argv[24];
	int argc;

	(void)strcpy(line, command);
	argc = cut(line, argv);
	args_peek(argc, argv, common, words);
	if (first)
		assert_string_equal(words[0], first);
	else
		assert_null(words[0]);
	if (second)
		assert_string_equal(words[1], second);
	else
		assert_null(words[1]);
}

static void test_peek(void **state)
{
	assert_peek("x", NULL, NULL);
	assert_peek("x --json", NULL, NULL);
	assert_peek("x qr make", "qr", "make");
	assert_peek("x --json qr --bus a make --id x", "qr", "make");
	assert_peek("x --bus=a qr --json make", "qr", "make");
	assert_peek("x --bus qr make it", "make", "it");
	assert_peek("x claim --tenant a payload", "claim", NULL);
	assert_peek("x --tenant a claim", NULL, NULL);
	assert_peek("x --bus", NULL, NULL);
	assert_peek("x - more", "-", "more");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_in_every_place),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_odd_values),
		cmocka_unit_test(test_short_help),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_long_words_fit_the_message),
		cmocka_unit_test(test_peek),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
