/* SPDX-License-Identifier: GPL-2.0-or-later */
/* door: who knocks, who gets in, who leaves. What the registrar reports of handshakes and sessions. */
#pragma once

struct agent;
struct gw_msg_failed;
struct gw_msg_peer;
struct gw_msg_secret_query;
struct gw_msg_session_end;

int door_take_secret_query(struct agent *agent, const struct gw_msg_secret_query *msg);
int door_take_peer(struct agent *agent, const struct gw_msg_peer *msg);
int door_take_failed(struct agent *agent, const struct gw_msg_failed *msg);
int door_take_end(struct agent *agent, const struct gw_msg_session_end *msg);
