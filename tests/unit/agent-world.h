/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * agent-world: the heart of gangwayd with a real store and vault in a folder of its own, under a clock
 * of the test's own, and with plugins that are only pretended: what the agent sends them goes through
 * lib/wire.c, and can be heard once the turn is committed.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "agent/device.h"
#include "agent/store-certificate.h"
#include "lib/blob.h"
#include "lib/reason.h"
#include "lib/wire.h"

#define WORLD_START_S 1900000000ull /* the time when a world begins */
#define WORLD_GATEWAY "gw-1"
#define WORLD_ISSUER  0xaa /* of each certificate: the hash of its name is of such bytes */
#define WORLD_LIFE_S  (90ull * 86400) /* of each certificate */

/* cmocka fixtures: a new world a test, with all plugins connected and the cloud online. */
int world_set_up(void **state);
int world_tear_down(void **state);

struct agent *world_agent(void);
const char *world_folder(void);

/* The agent ends and starts again on the same folder; no plugin is connected. */
void world_restart(void);

/* The same, on the store of another folder in this world's: it was put in the place of its own. */
void world_restart_on(const char *folder);

/* The world's clock, which both of the agent's follow; and whether the system calls it synchronised. */
uint64_t world_now_s(void);
void world_pass(uint64_t seconds);
void world_step(int64_t seconds); /* the wall clock alone */
void world_trust_clock(bool trusted);

/* For when the agent has set its alarm: seconds since the epoch. */
uint64_t world_alarm_s(void);

/* Runs the agent's loop until nothing is left to do: the turn is committed then. */
void world_turn(void);

/* Makes the turn one whose commit will fail. */
void world_spoil_store(void);

/* Plugins come and go; the turn is not run. */
void world_connect(enum gw_role role);
void world_lose(enum gw_role role);

/* A plugin says something; the turn is not run. Returns what dispatch_message() did. */
int world_say(enum gw_role role, const struct gw_msg *msg, int fd);

/* The oldest message of that type that a plugin was sent in a turn that was kept, and that was not asked
 * for yet; NULL: there is none. */
const struct gw_msg *world_hear(enum gw_role role, enum gw_msg_type type);

/* Forgets what nobody asked for. */
void world_forget(void);

/* How many messages of a type wait to be asked for. */
unsigned world_count(enum gw_role role, enum gw_msg_type type);

/* How often all links were broken because a commit failed. */
unsigned world_breaks(void);

/* What a caller on the bus was told of the list of that number; NULL: nothing yet. */
const struct revocation_verdict *world_verdict(uint64_t number);

/* What the operator is told of the agent's own trouble; "" when it has none. */
const char *world_trouble(void);

/* The oldest news on the bus that was not asked for yet: "id: from -> to (reason)", or "". */
const char *world_news(void);

/* --- the way of a device, in the words of its plugins --- */

/* A claim made by the operator: GW_REASON_NONE or why not. Runs the turn. */
enum gw_reason world_claim(const char *device, uint8_t secret, bool replace);

/* The same, which must work, with the secret of number 7. */
void world_make_claim(const char *device);

/* The registrar asks for a secret; returns its first byte, 0 for none. Runs the turn. */
uint8_t world_knock(uint64_t session, const char *device);

/* The handshake is over: by secret, or with the certificate of that number. Whether it is served. */
bool world_peer_psk(uint64_t session, const char *device);
bool world_peer_certificate(uint64_t session, uint8_t certificate);

/* Knocks, proves its secret, is served. */
void world_enter(uint64_t session, const char *device);

/* A CSR with the key of that number. Runs the turn. */
void world_csr(uint64_t session, uint32_t request, uint8_t key);

/* The same to renew the certificate that the session is by. */
void world_renew(uint64_t session, uint32_t request, uint8_t key);

/* What the cloud is asked next, which must be of that kind; its job's id. */
const struct gw_msg_request *world_request(enum gw_request_kind kind);

/* The same; keeps the id. */
void world_keep_request(enum gw_request_kind kind, char job[GW_ID_MAX + 1]);

/* From the claim, in session 1, to the request for a certificate for key 11. */
void world_ask(const char *device, char job[GW_ID_MAX + 1]);

/* The cloud answers with the certificate of that number, or otherwise. Runs the turn. */
void world_answer(const char *job, uint8_t certificate);
void world_answer_with(const char *job, enum gw_outcome outcome, const char *reason);

/* The registrar has looked at the certificate of that number. Runs the turn. */
void world_checked(const char *job, uint8_t certificate, bool ok);

/* What a session is answered next: the certificate's number, or 0 with the outcome and reason. */
uint8_t world_enrolled(uint64_t session, enum gw_outcome *ret_outcome, char *reason);
void world_gets(uint64_t session, uint8_t certificate);
void world_is_refused(uint64_t session, enum gw_reason reason);
void world_is_put_off(uint64_t session);

/* From knock to issued, from issued to onboarded, and both. */
void world_issue(uint64_t session, const char *device, uint8_t key, uint8_t certificate);
void world_prove(uint64_t session, uint8_t certificate);
void world_get_aboard(const char *device, uint8_t certificate);

enum device_state world_state(const char *device);
const char *world_reason(const char *device);

bool world_claim_is_open(const char *device);
void world_expect_certificate(uint8_t number, enum certificate_state expected);

/* How many records of an event there are, of all devices; and whether the record is whole. */
unsigned world_recorded(const char *event);
bool world_record_is_whole(void);
