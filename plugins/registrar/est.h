/* SPDX-License-Identifier: GPL-2.0-or-later */
/* est: the operations of EST (RFC 7030, RFC 9148), as handlers for the table of resource.c. */
#pragma once

struct gw_msg;
struct reply;
struct resource_call;

/* crts: the trust anchors. */
int est_anchors(struct resource_call *call, struct reply *reply, struct gw_msg *ret_msg);

/* att: what we want to see in a signing request. */
int est_attributes(struct resource_call *call, struct reply *reply, struct gw_msg *ret_msg);

/* sen and sren: a signing request goes to the agent, */
int est_enroll(struct resource_call *call, struct reply *reply, struct gw_msg *ret_msg);
int est_renew(struct resource_call *call, struct reply *reply, struct gw_msg *ret_msg);

/* and a certificate comes back, or not yet, or never. */
int est_enrolled(const struct resource_call *call, const struct gw_msg *answer,
		 struct reply *reply);
