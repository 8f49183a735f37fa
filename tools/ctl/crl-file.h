/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crl-file: a revocation list as people have it, in a file: handed to the agent, and what came of it. */
#pragma once

struct ctl;

/* `path` may be "-"; a PEM file may hold several. Prints what came of each; an enum ctl_status. */
int crl_file_load(struct ctl *ctl, const char *path);
