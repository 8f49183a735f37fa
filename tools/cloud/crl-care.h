/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crl-care: revocation lists are made anew before they end, and come once more to a gateway that has lost what it was told. */
#pragma once

struct crl_care;
struct fleet;
struct home;
struct registry;
struct sd_event;
struct turn;

/* All are borrowed. */
int crl_care_new(struct sd_event *event, const struct home *home, struct registry *registry,
		 struct turn *turn, struct fleet *fleet, struct crl_care **ret);
struct crl_care *crl_care_free(struct crl_care *care);
void crl_care_freep(struct crl_care **care);

/* The registry may hold other lists, and other authorities. */
void crl_care_look(struct crl_care *care);

/* The gateway's store is an old copy: in the caller's transaction. Afterwards fleet_look(). */
void crl_care_lost(struct crl_care *care, const char *gateway);
