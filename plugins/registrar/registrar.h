/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * registrar: the whole of it: channels from the transports, peers on them, credentials, and the agent,
 * which is asked about everything and told what happens.
 */
#pragma once

#include <stddef.h>

struct gw_msg;
struct gw_msg_welcome;
struct gw_plugin;
struct registrar;
struct sd_event;

/* The messages by which responsibility for a device's way aboard moves on, as steps (lib/step.h). */
#define REGISTRAR_STEPS(X)                    \
	X(SECRET, "registrar.secret")         \
	X(PEER, "registrar.peer")             \
	X(VERDICT, "registrar.verdict")       \
	X(ENROLL, "registrar.enroll")         \
	X(ENROLLED, "registrar.enrolled")     \
	X(REPORT, "registrar.report")         \
	X(WIPED, "registrar.wiped")           \
	X(REPORTED, "registrar.reported")     \
	X(CHECKED, "registrar.checked")       \
	X(CRL_CHECKED, "registrar.crl")       \
	X(SERVER_CSR, "registrar.server-csr") \
	X(SERVER_CERT, "registrar.server-cert")

int registrar_new(struct gw_plugin *plugin, struct sd_event *event, struct registrar **ret);
struct registrar *registrar_free(struct registrar *r);

/* These are what lib/plugin.h calls. */
int registrar_welcome(struct registrar *r, const struct gw_msg_welcome *welcome);
int registrar_take(struct registrar *r, const struct gw_msg *msg, int *fd);
void registrar_lost(struct registrar *r);
