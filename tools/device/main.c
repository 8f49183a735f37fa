/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gangway-device: the reference device, or with --load many of them. Reads the command line and the label,
 * and shows each step of device.c with the time it took. The label's secret comes from a file or
 * standard input, never from the command line, where every process could read it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/label.h"
#include "lib/step.h"
#include "lib/util.h"
#include "tools/device/device.h"
#include "tools/device/failure.h"
#include "tools/device/labels.h"
#include "tools/device/load.h"
#include "tools/device/request.h"
#include "tools/device/state.h"
#include "tools/device/tally.h"

#define EXIT_REFUSED   1
#define EXIT_WRONG_USE 2

#define TIMEOUT_DEFAULT_S 60
#define TIMEOUT_MAX_S     86400
#define IN_FLIGHT_DEFAULT 64

#define LABEL_FILE_MAX (GW_LABEL_MAX + 64) /* with the white space around it */

struct arguments {
	const char *label, *connect, *state, *csr_file;
	uint64_t timeout_s, load, in_flight; /* load 0: one device, by itself */
	bool renew, same_key, fresh_key, json, list_steps;
};

static const char help[] =
	"Usage: gangway-device --label FILE|- --connect coaps://GATEWAY[:PORT] --state DIR\n"
	"\n"
	"Comes aboard as a device does: makes a key, proves itself by the label's secret, gets a\n"
	"certificate for the key, and proves that. Stopped at any point, it goes on from there "
	"when it\n"
	"is started again.\n"
	"\n"
	"  --label FILE|-     the label, from a file or from standard input; not needed\n"
	"                     once DIR holds a proved certificate\n"
	"  --connect URI      where the gateway is\n"
	"  --state DIR        what the device remembers; made if need be\n"
	"  --renew            get another certificate with the one in DIR, and prove it\n"
	"  --same-key         with --renew: for the same key, not for a new one\n"
	"  --fresh-key        give up what is unfinished in DIR and begin with a new key\n"
	"  --timeout SECONDS  give up after that time (default 60)\n"
	"  --csr-file FILE    send these bytes as signing request, to see them refused\n"
	"  --load N           N devices, from a file with as many labels, one a line; each with "
	"its\n"
	"                     own folder in DIR. Prints how many came aboard, how long it took\n"
	"                     them, and what it cost this program\n"
	"  --in-flight K      so many of them at a time (default 64)\n"
	"  --json             with --load: print one line for programs\n"
	"  --list-steps       print the durable steps, for $GANGWAY_DIE_AT, and end\n"
	"  --help, --version  print that and end\n"
	"\n"
	"Exit status: 0 aboard (all of them), 1 refused or out of time (the last line says why), 2 "
	"wrong use.\n";

static int fail(int status, const char *text)
{
	(void)fprintf(stderr, "gangway-device: %s\n", text);
	return status;
}

static void on_step(const char *name, uint64_t took_us, const char *detail, void *userdata)
{
	(void)printf("%-12s %6llu ms  %s\n", name, (unsigned long long)(took_us + 500) / 1000,
		     detail);
}

/* --- the command line --- */

static int parse_number(const char *text, uint64_t max, const char *wrong, uint64_t *ret)
{
	return gw_parse_u64(text, 1, max, ret) < 0 ? fail(EXIT_WRONG_USE, wrong) : 0;
}

static int print_and_exit(const char *text)
{
	(void)fputs(text, stdout);
	exit(EXIT_SUCCESS);
}

static int parse_arguments(int argc, char **argv, struct arguments *ret)
{
	enum {
		LABEL = 1,
		CONNECT,
		STATE,
		RENEW,
		SAME,
		FRESH,
		TIMEOUT,
		CSR,
		LOAD,
		IN_FLIGHT,
		JSON,
		STEPS,
		HELP,
		VERSION_
	};
	static const struct option options[] = {
		{ "label", required_argument, NULL, LABEL },
		{ "connect", required_argument, NULL, CONNECT },
		{ "state", required_argument, NULL, STATE },
		{ "renew", no_argument, NULL, RENEW },
		{ "same-key", no_argument, NULL, SAME },
		{ "fresh-key", no_argument, NULL, FRESH },
		{ "timeout", required_argument, NULL, TIMEOUT },
		{ "csr-file", required_argument, NULL, CSR },
		{ "load", required_argument, NULL, LOAD },
		{ "in-flight", required_argument, NULL, IN_FLIGHT },
		{ "json", no_argument, NULL, JSON },
		{ "list-steps", no_argument, NULL, STEPS },
		{ "help", no_argument, NULL, HELP },
		{ "version", no_argument, NULL, VERSION_ },
		{ 0 },
	};
	int c, r = 0;

	*ret = (struct arguments){ .timeout_s = TIMEOUT_DEFAULT_S, .in_flight = IN_FLIGHT_DEFAULT };
	while (r == 0 && (c = getopt_long(argc, argv, "", options, /* longindex= */ NULL)) != -1) {
		switch (c) {
		case LABEL: ret->label = optarg; break;
		case CONNECT: ret->connect = optarg; break;
		case STATE: ret->state = optarg; break;
		case RENEW: ret->renew = true; break;
		case SAME: ret->same_key = true; break;
		case FRESH: ret->fresh_key = true; break;
		case TIMEOUT:
			r = parse_number(optarg, TIMEOUT_MAX_S,
					 "--timeout: must be a number of seconds, 1 to 86400",
					 &ret->timeout_s);
			break;
		case CSR: ret->csr_file = optarg; break;
		case LOAD:
			r = parse_number(optarg, LOAD_DEVICES_MAX,
					 "--load: must be a number of devices, 1 to 100000",
					 &ret->load);
			break;
		case IN_FLIGHT:
			r = parse_number(optarg, LOAD_IN_FLIGHT_MAX,
					 "--in-flight: must be a number of devices, 1 to 4096",
					 &ret->in_flight);
			break;
		case JSON: ret->json = true; break;
		case STEPS: ret->list_steps = true; break;
		case HELP: return print_and_exit(help);
		case VERSION_:
			return print_and_exit("gangway-device " PACKAGE_VERSION
					      ", wolfSSL " GW_WOLFSSL_VERSION "\n");
		default: return EXIT_WRONG_USE; /* getopt has said why */
		}
	}
	if (r == 0 && optind < argc)
		return fail(EXIT_WRONG_USE, "only options are expected; see --help");
	return r;
}

/* --- what the options name --- */

static int complain(const char *path, const char *why)
{
	char text[FAILURE_MAX];

	(void)snprintf(text, sizeof(text), "%s: %s", path, why);
	return fail(EXIT_WRONG_USE, text);
}

/* Unbuffered, so that the secret lies in one place only. */
static int read_text(const char *path, char *text, size_t size)
{
	bool is_stdin = gw_streq(path, "-");
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	size_t len;
	int r = 0;

	if (!file)
		return complain(path, strerror(errno));

	(void)setvbuf(file, /* buf= */ NULL, _IONBF, 0);
	len = fread(text, 1, size - 1, file);
	text[len] = 0;
	if (ferror(file))
		r = complain(path, strerror(errno));
	else if (len == size - 1)
		r = complain(path, "is too long for a label");
	if (!is_stdin)
		(void)fclose(file);
	return r;
}

static int read_label(const char *path, struct gw_label *ret)
{
	char text[LABEL_FILE_MAX];
	const char *why;
	int r = read_text(path, text, sizeof(text));

	if (r == 0 && gw_label_parse(text, ret, &why) < 0)
		r = complain(path, why);
	explicit_bzero(text, sizeof(text));
	if (r != 0)
		return r;
	if (ret->secret_len == 0)
		return complain(
			path, "the label names a public key; this device needs one with a secret");
	return 0;
}

static int read_csr(const char *path, uint8_t **ret, struct gw_blob *ret_blob)
{
	size_t len;
	int r = gw_read_file(AT_FDCWD, path, REQUEST_BODY_MAX, ret, &len);

	if (r < 0)
		return complain(path, strerror(-r));
	if (len == 0)
		return complain(path, "is empty");

	*ret_blob = (struct gw_blob){ *ret, len };
	return 0;
}

static int run(const struct device_options *options)
{
	uint64_t start_us = gw_now_monotonic_us();
	struct failure failure = { "something went wrong" };
	int r = device_run(options, &failure);

	if (r < 0)
		return fail(r == -EINVAL ? EXIT_WRONG_USE : EXIT_REFUSED, failure.text);

	on_step(options->renew ? "renewed" : "onboarded", gw_now_monotonic_us() - start_us,
		"in all", /* userdata= */ NULL);
	return EXIT_SUCCESS;
}

/* --- one device, or many --- */

static int run_one(const struct arguments *arguments, struct device_options *options)
{
	struct gw_label label = { 0 };
	int r = 0;

	if (arguments->label) {
		r = read_label(arguments->label, &label);
		options->id = label.id;
		options->secret = (struct gw_blob){ label.secret, label.secret_len };
	}
	options->state = arguments->state;
	options->until_us = gw_now_monotonic_us() + arguments->timeout_s * 1000000;
	options->on_step = on_step;
	if (r == 0)
		r = run(options);
	gw_label_wipe(&label);
	options->id = NULL;
	options->secret = (struct gw_blob){ 0 };
	return r;
}

static int run_load(const struct load *load, bool json)
{
	struct failure failure = { "something went wrong" };
	struct tally_cost cost = { 0 };
	struct tally tally;
	int r;

	if (tally_init(&tally, load->n_devices) < 0)
		return fail(EXIT_REFUSED, strerror(ENOMEM));

	r = load_run(load, &tally, &cost, &failure);
	if (r >= 0)
		tally_print(&tally, &cost, json, stdout);
	r = r >= 0 && tally.n_aboard == load->n_devices ? EXIT_SUCCESS : EXIT_REFUSED;
	if (tally.n == 0)
		r = fail(EXIT_REFUSED, failure.text);
	tally_done(&tally);
	return r;
}

static int run_many(const struct arguments *arguments, const struct device_options *each)
{
	struct gw_label *labels = calloc(arguments->load, sizeof(*labels));
	struct load load = { .each = each,
			     .labels = labels,
			     .n_devices = arguments->load,
			     .n_in_flight = arguments->in_flight,
			     .state = arguments->state,
			     .timeout_us = arguments->timeout_s * 1000000 };
	struct failure failure;
	int r;

	if (!labels)
		return fail(EXIT_REFUSED, strerror(ENOMEM));

	if (labels_read(arguments->label, arguments->load, labels, &failure) < 0)
		r = fail(EXIT_WRONG_USE, failure.text);
	else
		r = run_load(&load, arguments->json);
	explicit_bzero(labels, arguments->load * sizeof(*labels));
	free(labels);
	return r;
}

static int prepare_and_run(const struct arguments *arguments)
{
	struct device_options options = { .renew = arguments->renew,
					  .same_key = arguments->same_key,
					  .fresh_key = arguments->fresh_key };
	_cleanup_free_ uint8_t *csr = NULL;
	const char *why;
	int r;

	if (uri_parse(arguments->connect, &options.gateway, &why) < 0)
		return complain("--connect", why);

	if (arguments->csr_file) {
		r = read_csr(arguments->csr_file, &csr, &options.csr);
		if (r != 0)
			return r;
	}
	return arguments->load ? run_many(arguments, &options) : run_one(arguments, &options);
}

int main(int argc, char **argv)
{
	struct arguments arguments;
	int r;

	(void)setvbuf(stdout, /* buf= */ NULL, _IOLBF, 0);
	r = parse_arguments(argc, argv, &arguments);
	if (r != 0)
		return r;
	if (arguments.list_steps) {
		gw_steps_list(state_steps, state_n_steps);
		return EXIT_SUCCESS;
	}
	if (!arguments.connect || !arguments.state)
		return fail(EXIT_WRONG_USE, "--connect and --state are needed; see --help");

	if (arguments.load && !arguments.label)
		return fail(EXIT_WRONG_USE, "--load needs --label: a file of labels, one a line");
	if (arguments.same_key && !arguments.renew)
		return fail(EXIT_WRONG_USE, "--same-key is for --renew");
	return prepare_and_run(&arguments);
}
