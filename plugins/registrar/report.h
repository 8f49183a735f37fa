/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report: a device's own word on how its enrolment went (RFC 8995 5.9.4), in JSON. */
#pragma once

#include <stdbool.h>

#include "lib/wire.h"

#define REPORT_MAX 1024 /* bytes of the JSON */

struct gw_blob;
struct gw_msg;
struct reply;
struct resource_call;

/* Reads a report. -EBADMSG: it is none. The text is the device's reason, made printable and cut. */
int report_parse(struct gw_blob json, bool *ret_ok, char ret_text[GW_TEXT_MAX + 1]);

/* Handlers of the resource `es`. */
int report_begin(struct resource_call *call, struct reply *reply, struct gw_msg *ret_msg);
int report_finish(const struct resource_call *call, const struct gw_msg *answer,
		  struct reply *reply);
