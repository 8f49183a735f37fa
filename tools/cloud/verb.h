/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb: what `gangway-cloud VERB` can be, a file each, and what they share. */
#pragma once

#include <stdint.h>

struct gw_endpoint;
struct home;
struct registry;

/* What a verb returns is the program's exit status. */
#define VERB_DONE   0
#define VERB_FAILED 1 /* or was refused */
#define VERB_MISUSE 2

int verb_init(int argc, char **argv);
int verb_serve(int argc, char **argv);
int verb_list(int argc, char **argv);
int verb_events(int argc, char **argv);
int verb_claim(int argc, char **argv);
int verb_withdraw(int argc, char **argv);
int verb_revoke(int argc, char **argv);
int verb_roll(int argc, char **argv);
int verb_claim_credential(int argc, char **argv);
int verb_revoke_gateway(int argc, char **argv);
int verb_replace_gateway(int argc, char **argv);
int verb_roaming(int argc, char **argv);
int verb_crl(int argc, char **argv);
int verb_suspend(int argc, char **argv);
int verb_resume(int argc, char **argv);
int verb_decommission(int argc, char **argv);

/* Says why on standard error; returns the status to end with. */
int verb_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int verb_misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A file in the folder (NULL: the folder itself), or the registry: says which, why, and what to do about it. */
int verb_fail_file(const char *folder, const char *name, int error);
int verb_fail_registry(const struct registry *registry, int error);

/*
 * The arguments behind the options: DIR, unless the environment names it, and n others. Returns
 * VERB_DONE or what to end with.
 */
int verb_arguments(int argc, char **argv, int n, const char **ret_folder, char ***ret_others);

/*
 * The same for a verb that takes one or more: then what stands first is DIR where the environment names none,
 * or if it has a slash, which no id has.
 */
int verb_list_arguments(int argc, char **argv, const char **ret_folder, char ***ret_others,
			int *ret_n);

/* Opens folder and registry, or says what is wrong. Close both. */
int verb_open(const char *folder, struct home *ret_home, struct registry **ret_registry);

/*
 * For whoever is about to leave work for `serve`: it learns of it when the folder is closed, be it by our
 * death. One that does not run finds the work when it starts.
 */
void verb_hold_bell(struct home *home);

/* How long something is good: seconds, or days as 90d; or says what is wrong with the option. */
int verb_lifetime(const char *option, const char *text, uint64_t *ret);

#define VERB_ENDPOINT_MAX 272 /* characters; more are no address */

/* HOST[:PORT], with or without mqtts:// before it; or says what is wrong. */
int verb_endpoint(const char *text, struct gw_endpoint *ret);
