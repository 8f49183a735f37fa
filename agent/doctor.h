/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor: what is wrong with the gateway, one sentence why, one sentence what to do. Pure: facts in,
 * findings out. The facts are gathered by checkup.c; what a program outside can see is gangwayctl's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/clock.h"
#include "agent/credential.h"
#include "lib/wire.h"

#define DOCTOR_PLUGINS_MAX  32
#define DOCTOR_FINDINGS_MAX (DOCTOR_PLUGINS_MAX + 20)
#define DOCTOR_TEXT_MAX     384

struct outlook_view;

/* From the monotonic clock's point of view; for what has not been, or will not be. */
#define DOCTOR_NEVER UINT64_MAX

enum doctor_verdict {
	DOCTOR_OK,
	DOCTOR_WARNING, /* it works, and somebody should look at it before it does not */
	DOCTOR_WRONG,
	_DOCTOR_VERDICT_MAX,
};

struct doctor_plugin {
	const char *name, *program;
	enum gw_role role;
	bool healthy;
	const char *text;
	uint64_t for_s; /* well, or not */
};

struct doctor_facts {
	uint64_t now_s;
	enum clock_verdict clock;
	uint64_t clock_for_s; /* trusted, or not */

	const char *store_trouble; /* of the last commit, "" for none */
	bool key_is_given;         /* to the agent, which else has made it: store.key in .. */
	const char *state_folder;

	const char *link_lost; /* where plugins do not find the agent, NULL: they do */
	uint64_t link_lost_s;  /* ago, DOCTOR_NEVER if nobody knows */

	bool disk_is_known, disk_is_read_only;
	uint64_t disk_free, disk_files_free; /* bytes, and inodes for us */
	uint64_t disk_files; /* all inodes, 0 where the file system does not count */

	bool credential_is_known, credential_is_ok;
	const char *credential_text;
	struct credential_dates credential;
	struct credential_care care;

	enum gw_cloud_state cloud;
	const char *cloud_text;
	uint64_t cloud_for_s;     /* in that state */
	uint64_t cloud_retry_s;   /* from now */
	uint64_t cloud_heard_s;   /* ago */
	uint64_t jobs, jobs_most; /* that wait for it */
	uint64_t jobs_for_s;      /* the oldest */

	const struct outlook_view *renewals; /* of devices */

	uint64_t lists,
		lists_stale;    /* revocation lists, and those out of date by a trusted clock */
	const char *list_name;  /* of the issuer of the oldest of these */
	uint64_t list_stale_s;  /* it is out of date for so long */
	bool stale_list_closes; /* and its devices wait for another */

	bool record_is_sealed;                     /* the next five could be read */
	uint64_t record_waiting, record_most;      /* records that wait for the cloud */
	uint64_t record_lost_from, record_lost_to; /* it has others; 0 = no */
	uint64_t record_lost_s;                    /* ago */
	uint64_t record_common_s;   /* ago: the last that both have, DOCTOR_NEVER if nobody knows */
	const char *record_refusal; /* why it will not take them, "" */
	uint64_t record_refused_s;  /* for so long */
	uint64_t record_bad;        /* the first that does not fit, 0 = none known */
	const char *record_why;
	uint64_t record_bad_s; /* found so long ago */

	const char *version;
	struct doctor_plugin plugins[DOCTOR_PLUGINS_MAX];
	size_t n_plugins;
	uint64_t missing_for_s[_GW_ROLE_MAX]; /* where none of that role is connected */
};

struct doctor_finding {
	char check[GW_NAME_MAX + 16]; /* "clock", "plugin mqtt" */
	enum doctor_verdict verdict;
	char text[DOCTOR_TEXT_MAX];
	char advice[DOCTOR_TEXT_MAX]; /* empty if there is nothing to be done */
};

/* Returns how many there are; every check has one, also if all is well. */
size_t doctor_examine(const struct doctor_facts *facts,
		      struct doctor_finding findings[static DOCTOR_FINDINGS_MAX]);

const char *doctor_verdict_name(enum doctor_verdict verdict);

/* "12 s", "3 min", "5 h", "40 days" */
void doctor_duration(uint64_t seconds, char *text, size_t size);
