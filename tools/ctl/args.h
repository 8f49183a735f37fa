/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * args: the command line, cut into words and long options by a table. Options may stand before,
 * between and behind the words; `--` ends them; `-` alone is a word.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define ARGS_WORDS_MAX   4
#define ARGS_OPTIONS_MAX 16
#define ARGS_WHY_MAX     160

struct args_option {
	const char *name;  /* without its dashes; NULL ends a table */
	const char *value; /* what the help calls its value, NULL: takes none */
	const char *help;
};

struct args {
	const char *words[ARGS_WORDS_MAX];
	size_t n_words;
	struct {
		const char *name, *value;
	} given[ARGS_OPTIONS_MAX];
	size_t n_given;
};

/* -EINVAL with what is wrong in why. `more` may be NULL. Nothing is copied out of argv. */
int args_parse(int argc, char *const argv[], const struct args_option *options,
	       const struct args_option *more, struct args *ret, char why[static ARGS_WHY_MAX]);

/*
 * The first two words, if only `options` stand before and between them: enough to see what the
 * verb is before its own options are known.
 */
void args_peek(int argc, char *const argv[], const struct args_option *options,
	       const char *ret_words[static 2]);

/* The option's value, NULL if it was not given. */
const char *args_get(const struct args *args, const char *name);

bool args_has(const struct args *args, const char *name);
