/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gangwayctl: the operator's command line. It finds the verb in a table, reads the options that the
 * verb's own table allows, and leaves the rest to the verb: one file each, verb-*.c. Nothing here
 * or there asks a question; what is missing on the command line is wrong use. With --ask polkit may.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/util.h"
#include "tools/ctl/args.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/prompt.h"

static const struct verb *const verbs[] = {
	&verb_status,        &verb_doctor,      &verb_devices,      &verb_show,
	&verb_claim,         &verb_withdraw,    &verb_renew,        &verb_approve,
	&verb_reject,        &verb_suspend,     &verb_resume,       &verb_revoke,
	&verb_decommission,  &verb_monitor,     &verb_jobs,         &verb_audit,
	&verb_audit_verify,  &verb_config_show, &verb_config_check, &verb_config_diff,
	&verb_config_reload, &verb_qr_make,     &verb_qr_show,      &verb_factory_reset,
};

static const struct args_option global_options[] = {
	{ "json", NULL, "print JSON for programs" },
	{ "ask", NULL, "ask for an administrator's password where one is needed" },
	{ "bus", "ADDRESS", "use this D-Bus bus instead of the system's" },
	{ "help", NULL, "print this and end" },
	{ "version", NULL, "print the version and end" },
	{ 0 },
};

GW_PRINTF(1, 0) static void report(const char *format, va_list ap)
{
	(void)fprintf(stderr, "gangwayctl: ");
	(void)vfprintf(stderr, format, ap);
	(void)fputc('\n', stderr);
}

int ctl_fail(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	report(format, ap);
	va_end(ap);
	return CTL_FAILED;
}

int ctl_wrong_use(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	report(format, ap);
	va_end(ap);
	return CTL_WRONG_USE;
}

void ctl_warn(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	report(format, ap);
	va_end(ap);
}

static void print_options(const struct args_option *options)
{
	for (; options && options->name; options++) {
		char left[40];

		(void)snprintf(left, sizeof(left), "--%s%s%s", options->name,
			       options->value ? " " : "", options->value ? options->value : "");
		(void)printf("  %-24s  %s\n", left, options->help);
	}
}

static int print_help(void)
{
	(void)printf("Usage: gangwayctl [OPTION...] VERB [ARGUMENT...]\n\n"
		     "Claims the devices behind this gateway and shows how they come aboard.\n\n"
		     "Verbs:\n");
	for (size_t i = 0; i < GW_ELEMENTS(verbs); i++) {
		char left[64];

		(void)snprintf(left, sizeof(left), "%s %s", verbs[i]->name, verbs[i]->synopsis);
		(void)printf("  %-32s  %s\n", left, verbs[i]->summary);
	}
	(void)printf("\nOptions, before or after the verb:\n");
	print_options(global_options);
	(void)printf(
		"\ngangwayctl VERB --help says more. Exit status: 0 done, 1 refused or failed, "
		"2 wrong use.\n");
	return CTL_DONE;
}

static int print_verb_help(const struct verb *verb)
{
	(void)printf("Usage: gangwayctl %s%s%s%s\n\n%s.\n", verb->name, *verb->synopsis ? " " : "",
		     verb->synopsis, verb->options ? " [OPTION...]" : "", verb->summary);
	if (verb->help)
		(void)printf("%s\n", verb->help);
	(void)printf("\nOptions:\n");
	print_options(verb->options);
	print_options(global_options);
	return CTL_DONE;
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < GW_ELEMENTS(verbs); i++)
		if (gw_streq(verbs[i]->name, name))
			return verbs[i];
	return NULL;
}

/* A verb of two words is looked for first: "audit verify" before "audit". */
static const struct verb *choose_verb(const char *const words[static 2])
{
	const struct verb *verb = NULL;
	char two[64];

	if (words[1]) {
		(void)snprintf(two, sizeof(two), "%s %s", words[0], words[1]);
		verb = find_verb(two);
	}
	return verb ? verb : find_verb(words[0]);
}

static int no_such_verb(const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i < GW_ELEMENTS(verbs); i++)
		if (strncmp(verbs[i]->name, word, len) == 0 && verbs[i]->name[len] == ' ')
			return ctl_wrong_use(
				"%s needs a second word, such as %s; see gangwayctl --help", word,
				verbs[i]->name);
	return ctl_wrong_use("there is no verb %s; see gangwayctl --help", word);
}

/* The verb's own words, behind the one or two of its name. */
static void drop_name(struct args *args, const struct verb *verb)
{
	size_t n = strchr(verb->name, ' ') ? 2 : 1;

	args->n_words -= n;
	for (size_t i = 0; i < args->n_words; i++)
		args->words[i] = args->words[i + n];
}

static int run_verb(const struct verb *verb, struct args *args)
{
	struct prompt prompt = { 0 };
	struct ctl ctl = {
		.json = args_has(args, "json"),
		.ask = args_has(args, "ask"),
		.prompt = &prompt,
		.bus_address = args_get(args, "bus"),
	};
	int status;

	if (args_has(args, "help"))
		return print_verb_help(verb);

	drop_name(args, verb);
	if (args->n_words < verb->min_words || args->n_words > verb->max_words)
		return ctl_wrong_use("this is used as: gangwayctl %s%s%s; see gangwayctl %s --help",
				     verb->name, *verb->synopsis ? " " : "", verb->synopsis,
				     verb->name);

	status = verb->run(&ctl, args);
	bus_close(&ctl);
	prompt_end(&prompt);
	return status;
}

static int run(int argc, char *argv[])
{
	const char *words[2];
	const struct verb *verb = NULL;
	char why[ARGS_WHY_MAX];
	struct args args;

	args_peek(argc, argv, global_options, words);
	if (words[0]) {
		verb = choose_verb(words);
		if (!verb)
			return no_such_verb(words[0]);
	}
	if (args_parse(argc, argv, global_options, verb ? verb->options : NULL, &args, why) < 0)
		return ctl_wrong_use("%s; see gangwayctl %s%s--help", why, verb ? verb->name : "",
				     verb ? " " : "");

	if (args_has(&args, "version")) {
		(void)printf("gangwayctl %s\n", PACKAGE_VERSION);
		return CTL_DONE;
	}
	if (verb)
		return run_verb(verb, &args);
	if (args_has(&args, "help"))
		return print_help();
	return ctl_wrong_use("say what to do; see gangwayctl --help");
}

/* A full disk or a closed pipe must not look like success to a script. */
int main(int argc, char *argv[])
{
	int status = run(argc, argv);

	if (fflush(stdout) != 0 || ferror(stdout))
		return ctl_fail("cannot write: %s", strerror(errno));
	return status;
}
