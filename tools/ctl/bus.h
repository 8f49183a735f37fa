/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus: calls to the agent over D-Bus; a failure is reported here, in one line that says what to do.
 */
#pragma once

#include <jansson.h>
#include <systemd/sd-bus.h>

#define BUS_NAME    "org.gangway1"
#define BUS_PATH    "/org/gangway1"
#define BUS_MANAGER "org.gangway1.Manager"
#define BUS_DEVICE  "org.gangway1.Device"

struct ctl;

/* Connects once; later calls do nothing. All return an enum ctl_status. */
int bus_open(struct ctl *ctl);
void bus_close(struct ctl *ctl);

/* Connects without a word if it fails: -errno. */
int bus_try(struct ctl *ctl);

/* A call of the manager, to be filled with arguments and given to bus_call(). */
int bus_new_call(struct ctl *ctl, const char *method, sd_bus_message **ret);

/* The same of a device by its id. */
int bus_new_device_call(struct ctl *ctl, const char *id, const char *method, sd_bus_message **ret);

/* Sends and waits. what: "claim", as in "claim refused: ...". */
int bus_call(struct ctl *ctl, sd_bus_message *call, const char *what, sd_bus_message **ret_reply);

/* The same, for a refusal that the verb has more to say of: where `code` is the reason, nothing is reported and
 * *ret_text is the agent's message, the caller's to free; else *ret_text is NULL. */
int bus_call_or_text(struct ctl *ctl, sd_bus_message *call, const char *what, const char *code,
		     sd_bus_message **ret_reply, char **ret_text);

/* All properties of one interface as JSON (values.h); *ret is NULL where no such object is. */
int bus_get_all(struct ctl *ctl, const char *path, const char *interface, json_t **ret);

/* The properties of a device by its id. */
int bus_get_device(struct ctl *ctl, const char *id, json_t **ret);

/* Reports that making or reading a message failed; returns CTL_FAILED. */
int bus_fail(int r);
