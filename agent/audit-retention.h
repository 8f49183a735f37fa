/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit-retention: how much of the record is kept here. What the cloud has acknowledged goes when it is old
 * or when there is a lot of it. What the cloud has not is kept, up to a limit; beyond that the oldest are
 * summarised, on record, before they go.
 */
#pragma once

struct agent;
struct audit_retention;

int audit_retention_new(struct agent *agent, struct audit_retention **ret);
struct audit_retention *audit_retention_free(struct audit_retention *retention);

/* Something has changed: looks again, when nothing more urgent is to be done. NULL: nobody keeps house. */
void audit_retention_look(struct audit_retention *retention);
