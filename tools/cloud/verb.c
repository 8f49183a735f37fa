/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the verbs share: complaining, finding the folder, opening it. */
#include "tools/cloud/verb.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/endpoint.h"
#include "lib/util.h"
#include "tools/cloud/home.h"
#include "tools/cloud/registry.h"

#define SCHEME       "mqtts://"
#define DAY_S        ((uint64_t)86400)
#define LIFETIME_MAX (36500 * DAY_S)

static void complain(const char *format, va_list args)
{
	(void)fputs("gangway-cloud: ", stderr);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
}

int verb_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
	return VERB_FAILED;
}

int verb_misuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
	return VERB_MISUSE;
}

int verb_fail_file(const char *folder, const char *name, int error)
{
	return verb_fail("%s%s%s: %s%s", folder, name ? "/" : "", name ? name : "",
			 strerror(-error), home_advice(error));
}

int verb_fail_registry(const struct registry *registry, int error)
{
	return verb_fail("%s: %s%s", registry_path(registry), strerror(-error), home_advice(error));
}

int verb_arguments(int argc, char **argv, int n, const char **ret_folder, char ***ret_others)
{
	const char *folder = getenv(HOME_ENVIRONMENT);
	int given = argc - optind;

	if (given == n + 1)
		folder = argv[optind++];
	else if (given != n)
		return verb_misuse("%s takes %d argument%s behind DIR, not %d; see --help", argv[0],
				   n, n == 1 ? "" : "s", given);
	if (!folder || !*folder)
		return verb_misuse("name the cloud's folder, or set " HOME_ENVIRONMENT);

	*ret_folder = folder;
	*ret_others = argv + optind;
	return VERB_DONE;
}

int verb_list_arguments(int argc, char **argv, const char **ret_folder, char ***ret_others,
			int *ret_n)
{
	const char *folder = getenv(HOME_ENVIRONMENT);
	bool is_named = folder && *folder;

	if (optind < argc && (!is_named || strchr(argv[optind], '/')))
		folder = argv[optind++];
	if (!folder || !*folder)
		return verb_misuse("name the cloud's folder, or set " HOME_ENVIRONMENT);
	if (optind == argc)
		return verb_misuse("%s takes arguments behind DIR; see --help", argv[0]);

	*ret_folder = folder;
	*ret_others = argv + optind;
	*ret_n = argc - optind;
	return VERB_DONE;
}

int verb_open(const char *folder, struct home *ret_home, struct registry **ret_registry)
{
	struct home home = HOME_NONE;
	int r;

	r = home_open(folder, &home);
	if (r < 0)
		return verb_fail_file(folder, /* name= */ NULL, r);

	r = registry_open(&home, ret_registry);
	if (r < 0)
		home_close(&home);
	if (r == -ENOENT)
		return verb_fail("%s is no cloud's folder; make one with `init`", folder);
	if (r == -EPROTONOSUPPORT)
		return verb_fail("%s/%s was made by another version of this program", folder,
				 HOME_REGISTRY);
	if (r < 0)
		return verb_fail_file(folder, HOME_REGISTRY, r);

	*ret_home = home;
	return VERB_DONE;
}

void verb_hold_bell(struct home *home)
{
	int r = home_hold_bell(home);

	if (r < 0)
		(void)verb_fail("%s/%s: %s; a running `serve` learns of it when it starts again",
				home->path, HOME_DOORBELL, strerror(-r));
}

int verb_endpoint(const char *text, struct gw_endpoint *ret)
{
	char uri[sizeof(SCHEME) + VERB_ENDPOINT_MAX];
	bool has_scheme = strncmp(text, SCHEME, strlen(SCHEME)) == 0;
	const char *why;

	(void)snprintf(uri, sizeof(uri), "%s%s", has_scheme ? "" : SCHEME, text);
	if (gw_endpoint_parse(uri, ret, &why) < 0)
		return verb_misuse("%s as the broker's address %s; name it as HOST:PORT", text,
				   why);
	return VERB_DONE;
}

static int parse_lifetime(const char *text, uint64_t *ret)
{
	_cleanup_free_ char *number = strdup(text);
	size_t len = strlen(text);
	uint64_t unit = 1;

	if (!number)
		return -ENOMEM;
	if (len && number[len - 1] == 'd') {
		number[len - 1] = 0;
		unit = DAY_S;
	}
	if (gw_parse_u64(number, 1, LIFETIME_MAX / unit, ret) < 0)
		return -EINVAL;

	*ret *= unit;
	return 0;
}

int verb_lifetime(const char *option, const char *text, uint64_t *ret)
{
	if (parse_lifetime(text, ret) < 0)
		return verb_misuse("%s takes seconds, or days as in 90d, not %s", option, text);
	return VERB_DONE;
}
