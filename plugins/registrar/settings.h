/* SPDX-License-Identifier: GPL-2.0-or-later */
/* settings: what a device is told for its life aboard, in JSON (doc/protocol/device.md). */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct gw_msg;
struct gw_msg_settings;
struct reply;
struct resource_call;

/* Writes the JSON. -ENOMEM. */
int settings_format(const struct gw_msg_settings *settings, uint8_t **ret, size_t *ret_len);

/* Handlers of the resource `config`. */
int settings_begin(struct resource_call *call, struct reply *reply, struct gw_msg *ret_msg);
int settings_finish(const struct resource_call *call, const struct gw_msg *answer,
		    struct reply *reply);

/* Of the resource `wiped`. */
int settings_wiped(struct resource_call *call, struct reply *reply, struct gw_msg *ret_msg);
