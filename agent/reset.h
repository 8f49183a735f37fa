/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reset: the gateway forgets its devices, as when it was new. */
#pragma once

struct agent;

/* Once it is committed, no device, claim, secret or trust anchor is on record. *ret_devices: how many the cloud is
 * told of, as soon as it can be. An error takes back the turn. */
int reset_to_factory(struct agent *agent, const char *who, unsigned *ret_devices);

/* The cloud has acknowledged something: if that was the last of what a reset had to tell it, the cloud link gives up the
 * gateway's own certificate. Part of the turn. */
int reset_go_on(struct agent *agent);
