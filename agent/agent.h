/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agent: what all rooms of gangwayd share, owned here; and its beginning and end. */
#pragma once

#include "agent/clock.h"
#include "agent/settings-disk.h"
#include "agent/settings.h"

struct adopt;
struct answers;
struct audit_export;
struct audit_retention;
struct bus;
struct bus_revocation;
struct bus_verify;
struct channels;
struct clock_watch;
struct cloud;
struct discovered;
struct due;
struct link_server;
struct neighbours;
struct issuers;
struct outlook;
struct plugins;
struct pulse;
struct queue;
struct refusals;
struct revocation;
struct sd_event;
struct sessions;
struct store;
struct turn;
struct unconfigured;
struct vault;

struct agent {
	struct sd_event *event;
	struct settings_paths config; /* where they come from */
	const char *state_folder, *link_path;
	struct settings settings;
	struct unconfigured
		*unconfigured; /* while there are none: then all below is NULL, but for the bus */
	struct clock_trust clock;

	struct store *store;
	struct vault *vault;
	struct turn *turn;

	struct link_server *link_server;
	struct plugins *plugins;         /* who is connected */
	struct channels *channels;       /* what transports offer */
	struct cloud *cloud;             /* how the cloud fares */
	struct neighbours *neighbours;   /* what transports say of addresses */
	struct sessions *sessions;       /* who is at a door */
	struct discovered *discovered;   /* who knocked without a claim */
	struct refusals *refusals;       /* who was turned away lately */
	struct answers *answers;         /* what callers still hold of what they were given */
	struct adopt *adopt;             /* whom the cloud did not want here lately */
	struct queue *queue;             /* what is open with the cloud link */
	struct clock_watch *clock_watch; /* what the system says of its clock */
	struct due *due;                 /* what is due when */
	struct issuers *issuers;         /* whom the registrar trusts to sign for devices */
	struct outlook *outlook;         /* and with the devices' certificates */
	struct bus *bus;                 /* the people's side */
	struct pulse *pulse;             /* the service manager's */

	struct audit_export *audit_export;       /* the record on its way to the cloud */
	struct audit_retention *audit_retention; /* how much of it is kept */
	struct bus_verify *verify;               /* the walk along it */

	struct revocation *revocation;         /* lists that are looked at */
	struct bus_revocation *bus_revocation; /* who waits for that */

	/* When a device that left need not be told any more (leave.c), while that is known. */
	uint64_t notices_next_s;
	bool notices_are_known;
};

struct agent_options {
	struct settings_paths config;
	const char *state, *link;
};

/*
 * Sets everything up; on failure one line is logged that says what to do. -ENOTRECOVERABLE: it would fail again
 * until somebody has done that (configuration, store key, a store of a newer version).
 */
int agent_new(struct sd_event *event, const struct agent_options *options, struct agent **ret);

/* What agent_new() leaves for later where the gateway is not configured yet. */
int agent_begin(struct agent *agent);

struct agent *agent_free(struct agent *agent);
