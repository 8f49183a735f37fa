/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl: what every verb gets and gives. A verb returns its exit status, and who returns anything but
 * CTL_DONE has said why on standard error: reporting and giving up are one step here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct args;
struct args_option;
struct prompt;
struct sd_bus;

enum ctl_status {
	CTL_DONE = 0,
	CTL_FAILED = 1,
	CTL_WRONG_USE = 2,
};

struct ctl {
	bool json;
	bool ask;                /* for an administrator's password, where one is needed */
	const char *bus_address; /* NULL: the system bus */
	struct prompt *prompt;
	struct sd_bus *bus; /* bus_open() */
};

struct verb {
	const char *name;     /* one word or two: "qr make" */
	const char *synopsis; /* what comes behind the name */
	const char *summary;  /* for the list of verbs */
	const char *help;     /* more, for the verb's own --help; may be NULL */
	const struct args_option *options;
	size_t min_words, max_words;
	int (*run)(struct ctl *ctl, const struct args *args);
};

extern const struct verb verb_audit, verb_audit_verify, verb_claim, verb_config_check,
	verb_config_diff, verb_config_reload, verb_config_show, verb_decommission, verb_devices,
	verb_doctor, verb_factory_reset, verb_approve, verb_jobs, verb_monitor, verb_qr_make,
	verb_qr_show, verb_reject, verb_renew, verb_resume, verb_revoke, verb_show, verb_status,
	verb_suspend, verb_withdraw;

/* "gangwayctl: ..." on standard error; returns CTL_FAILED. */
int ctl_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for a command line that makes no sense; returns CTL_WRONG_USE. */
int ctl_wrong_use(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Something the operator should know although it goes on. */
void ctl_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
