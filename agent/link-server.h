/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link-server: the socket to which plugins connect, and who may. */
#pragma once

#include <stdint.h>

struct agent;
struct link_server;

/* Listens on the socket that the service manager gave us, else on one of our own at `path`. On failure
 * a line is logged that says what to do. */
int link_server_new(struct agent *agent, const char *path, struct link_server **ret);

/* Where plugins look for it in vain: its path, and since when, 0 if nobody knows; NULL: it is there. */
const char *link_server_lost(const struct link_server *server, uint64_t *ret_since_s);

struct link_server *link_server_free(struct link_server *server);
