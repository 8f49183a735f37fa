/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our own instead of getopt_long() for three reasons: options common to all verbs stand before or
 * behind the verb, the help is printed from the same table, and an option given twice with a value
 * is refused instead of one silently winning. No I/O; what is returned points into argv.
 */
#include "tools/ctl/args.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/util.h"

/* What was found at one place of argv. */
struct option_at {
	const struct args_option *option; /* NULL: not in the table */
	const char *attached;             /* behind its `=`, NULL: none */
};

static const struct args_option *find_option(const struct args_option *options, const char *name,
					     size_t len)
{
	for (; options && options->name; options++)
		if (strlen(options->name) == len && strncmp(options->name, name, len) == 0)
			return options;
	return NULL;
}

static struct option_at option_at(const char *arg, const struct args_option *options,
				  const struct args_option *more)
{
	const char *name = strncmp(arg, "--", 2) == 0 ? arg + 2 : gw_streq(arg, "-h") ? "help" : "";
	const char *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	struct option_at at = { find_option(options, name, len), equals ? equals + 1 : NULL };

	if (!at.option)
		at.option = find_option(more, name, len);
	return at;
}

static bool is_option(const char *arg)
{
	return arg[0] == '-' && arg[1];
}

GW_PRINTF(2, 3) static int refuse(char why[static ARGS_WHY_MAX], const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(why, ARGS_WHY_MAX, format, ap);
	va_end(ap);
	return -EINVAL;
}

static int add_word(struct args *args, const char *word, char why[static ARGS_WHY_MAX])
{
	if (args->n_words == ARGS_WORDS_MAX)
		return refuse(why, "too many arguments, from '%s' on", word);
	args->words[args->n_words++] = word;
	return 0;
}

static int add_option(struct args *args, const char *name, const char *value,
		      char why[static ARGS_WHY_MAX])
{
	if (args_has(args, name))
		return *value ? refuse(why, "--%s is given twice", name) : 0;
	if (args->n_given == ARGS_OPTIONS_MAX)
		return refuse(why, "too many options, from --%s on", name);
	args->given[args->n_given].name = name;
	args->given[args->n_given++].value = value;
	return 0;
}

/* Takes the option at argv[*i], and argv[*i + 1] with it if that is its value. */
static int take_option(int argc, char *const argv[], int *i, struct option_at at, struct args *args,
		       char why[static ARGS_WHY_MAX])
{
	const char *value = at.attached;

	if (!at.option)
		return refuse(why, "there is no option %s here", argv[*i]);
	if (!at.option->value)
		return value ? refuse(why, "--%s takes no value", at.option->name)
			     : add_option(args, at.option->name, "", why);

	if (!value && *i + 1 < argc)
		value = argv[++*i];
	if (!value || !*value)
		return refuse(why, "--%s needs a value: %s", at.option->name, at.option->value);
	return add_option(args, at.option->name, value, why);
}

int args_parse(int argc, char *const argv[], const struct args_option *options,
	       const struct args_option *more, struct args *ret, char why[static ARGS_WHY_MAX])
{
	struct args args = { 0 };
	bool options_ended = false;
	int r;

	for (int i = 1; i < argc; i++) {
		if (options_ended || !is_option(argv[i])) {
			r = add_word(&args, argv[i], why);
		} else if (gw_streq(argv[i], "--")) {
			options_ended = true;
			r = 0;
		} else {
			r = take_option(argc, argv, &i, option_at(argv[i], options, more), &args,
					why);
		}
		if (r < 0)
			return r;
	}

	*ret = args;
	return 0;
}

void args_peek(int argc, char *const argv[], const struct args_option *options,
	       const char *ret_words[static 2])
{
	size_t n = 0;

	ret_words[0] = ret_words[1] = NULL;
	for (int i = 1; i < argc && n < 2; i++) {
		struct option_at at;

		if (!is_option(argv[i])) {
			ret_words[n++] = argv[i];
			continue;
		}
		at = option_at(argv[i], options, /* more= */ NULL);
		if (!at.option)
			return;
		i += at.option->value && !at.attached;
	}
}

const char *args_get(const struct args *args, const char *name)
{
	for (size_t i = 0; i < args->n_given; i++)
		if (gw_streq(args->given[i].name, name))
			return args->given[i].value;
	return NULL;
}

bool args_has(const struct args *args, const char *name)
{
	return args_get(args, name) != NULL;
}
