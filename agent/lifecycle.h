/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lifecycle: the one place where a device's state is written. What the edge of device.c demands is
 * done here, in the transaction that is open: certificates, claim, jobs, record, log, and the news
 * for whoever watches.
 */
#pragma once

#include "agent/device.h"
#include "lib/reason.h"

struct agent;
struct device_record;

struct lifecycle_cause {
	enum device_event event;
	const char *who;    /* for the record: "uid 1000", "cloud", "device", "gangway" */
	const char *reason; /* code that the device shows from now on; "" for none */
	const char *detail; /* for the record; NULL: nothing */
};

/* -EBUSY: not possible in the device's state; nothing is changed. */
int lifecycle_apply(struct agent *agent, struct device_record *device,
		    const struct lifecycle_cause *cause);

/* What a person is to know of a device in the state it is in: on record, on the bus, in the journal. */
int lifecycle_show_reason(struct agent *agent, struct device_record *device, const char *event,
			  const char *who, enum gw_reason reason, const char *detail);

/* Adds to the record something that changes no state. */
void lifecycle_record(struct agent *agent, const char *event, const char *device, const char *who,
		      const char *reason, const char *detail);

/* The same for what a device or a plugin can bring about as often as it likes: it must not fill the disk, so
 * of one kind and device only the first few in an hour are kept. */
void lifecycle_record_often(struct agent *agent, const char *event, const char *device,
			    const char *who, const char *reason, const char *detail);

/* The same for what somebody asks in vain, of whatever devices: counted by who asks. */
void lifecycle_record_refusal(struct agent *agent, const char *event, const char *device,
			      const char *who, const char *reason);

/* Makes a claim id that no gateway has had: store id and a number. */
int lifecycle_new_claim_id(struct agent *agent, char *id, unsigned size);
