/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * visit: one session with the gateway and what a device gets done in it. Each leaves the folder such that
 * plan.c goes on from there, and tells what it has done. Fails like device_run(), besides with
 *
 *	-EAGAIN      the gateway says: later, in device.wait_s
 *	-ECONNRESET  it has ended the session
 *	-EOWNERDEAD  the owner has let the device go; it has wiped itself
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct credential;
struct device_options;
struct failure;
struct state;

/* A device on its way; device.c owns it. */
struct device {
	const struct device_options *options;
	struct failure *failure;
	struct state *state;
	char id[65];
	uint64_t step_began_us;
	uint32_t wait_s;   /* with -EAGAIN: as the gateway asked */
	bool proved;       /* there is nothing more to do */
	bool has_made_key; /* in this run: the gateway's word about it is not about an older one */
	bool has_asked_again; /* for the first certificate, since the one that lay there is not taken */
};

/* With the label's secret: the first certificate, for the candidate's key. */
int visit_enroll(struct device *d);

/* With the certificate: the next one, for the candidate's key. */
int visit_renew(struct device *d);

/* With this certificate: it is proved by being served; a candidate takes the credential's place. */
int visit_prove(struct device *d, const struct credential *credential);

/* Tells what was done, and how long it took since the last such word. */
void device_step_done(struct device *d, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
