/* SPDX-License-Identifier: GPL-2.0-or-later */
/* directory: the list of resources, for those who ask where things are. */
#pragma once

struct gw_msg;
struct reply;
struct resource_call;

/* Handler of the resource `core`. */
int directory_get(struct resource_call *call, struct reply *reply, struct gw_msg *ret_msg);
