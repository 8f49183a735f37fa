/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * registry: what the cloud remembers, and so the data model of the whole program. Everything is
 * durable when registry_commit() has returned, and nothing before. Functions that change a row
 * return -ENOENT if there is no such row. Texts are bounded by the dialect; ids are compared byte
 * by byte.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event;
struct home;
struct registry;

#define REGISTRY_ID_MAX     64
#define REGISTRY_SERIAL_MAX 40 /* hex digits */
#define REGISTRY_HASH_MAX   64 /* hex digits: SHA-256 */
#define REGISTRY_SECRET_MAX 64 /* bytes */

enum claim_state {
	CLAIM_OPEN,
	CLAIM_SPENT,  /* a device has proved a certificate under it */
	CLAIM_CLOSED, /* `reason` says why */
	_CLAIM_STATE_MAX,
};

/* A right to enrol one device at one gateway, once. Ids are unique over all gateways. */
struct claim {
	char id[REGISTRY_ID_MAX + 1];
	char gateway[REGISTRY_ID_MAX + 1];
	char device[REGISTRY_ID_MAX + 1];
	char tenant[REGISTRY_ID_MAX + 1];
	enum claim_state state;
	char reason[REGISTRY_ID_MAX + 1];
	uint64_t expires; /* seconds since the epoch, 0 = never */
	bool by_fleet;    /* made here; else a gateway's own, known since the first enrolment */
};

enum certificate_state {
	CERTIFICATE_CANDIDATE, /* issued; the device has not been seen with it */
	CERTIFICATE_LIVE,      /* at most one a device, which the database itself enforces */
	CERTIFICATE_REVOKED,   /* `reason` says why */
	_CERTIFICATE_STATE_MAX,
};

/* A device's certificate. */
struct record {
	char serial[REGISTRY_SERIAL_MAX + 1];
	char device[REGISTRY_ID_MAX + 1];
	char gateway[REGISTRY_ID_MAX + 1];
	char tenant[REGISTRY_ID_MAX + 1];
	char claim[REGISTRY_ID_MAX + 1];
	char job[REGISTRY_ID_MAX + 1]; /* the request that it answers: one job, one certificate */
	char key[REGISTRY_HASH_MAX + 1];
	unsigned authority; /* the number of the one that signed it (roll.h) */
	char renews[REGISTRY_SERIAL_MAX +
		    1]; /* the one it is to take the place of; empty: a first one */
	enum certificate_state state;
	char reason[REGISTRY_ID_MAX + 1];
	uint64_t not_before, not_after; /* seconds since the epoch */
	bool suspended; /* the device, by whomever; only registry_certificates_each() looks */
};

/* The right of boxes to come by the claim credential of this name and become gateways. */
struct gateway_claim {
	char name[REGISTRY_ID_MAX + 1];
	uint64_t uses;    /* gateways that may come by it */
	uint64_t n_used;  /* that have */
	uint64_t expires; /* seconds since the epoch, 0 = never */
	bool is_listed;   /* only those on its list may */
	uint64_t n_listed;
	bool is_closed;
};

enum command_kind {
	COMMAND_CLAIM,
	COMMAND_WITHDRAW,
	COMMAND_REVOKE,
	COMMAND_SUSPEND,
	COMMAND_RESUME,
	COMMAND_ANCHORS, /* of all that are good now; about no device */
	COMMAND_DECOMMISSION,
	COMMAND_MOVED, /* the device is at home elsewhere now */
	COMMAND_CRL,   /* a revocation list; `device` is the name of the authority that it is of */
	_COMMAND_KIND_MAX,
};

enum command_state {
	COMMAND_WAITING, /* to be sent, or for what it needs to be sent */
	COMMAND_SENT,    /* and repeated until it is answered */
	COMMAND_DONE,
	COMMAND_REFUSED, /* `outcome` says why; for the next two as well */
	COMMAND_EXPIRED,
	COMMAND_CANCELLED,
	_COMMAND_STATE_MAX,
};

/* What a gateway is to be told. */
struct command {
	int64_t number; /* in the order of making */
	char id[REGISTRY_ID_MAX + 1];
	char gateway[REGISTRY_ID_MAX + 1];
	enum command_kind kind;
	char device[REGISTRY_ID_MAX + 1];
	char tenant[REGISTRY_ID_MAX + 1]; /* of a claim, as are the next five */
	char claim[REGISTRY_ID_MAX + 1];
	uint64_t claim_expires;
	bool replace;
	uint8_t secret[REGISTRY_SECRET_MAX]; /* wiped from disk once the command has ended */
	size_t secret_len;
	char reason[REGISTRY_ID_MAX + 1]; /* of a revocation */
	char list[REGISTRY_ID_MAX +
		  1];        /* it goes with the command of that id, and is not sent itself */
	uint64_t expires_at; /* seconds since the epoch, 0 = never; also the next two */
	uint64_t not_before; /* not to be sent earlier */
	uint64_t made_at;
	uint64_t seq; /* 0 until it is first sent */
	enum command_state state;
	char outcome[REGISTRY_ID_MAX + 1];
};

/* Makes the registry unless it is there. */
int registry_create(const struct home *home);

/* -ENOENT: there is none; -EPROTONOSUPPORT: another version of the program made it. */
int registry_open(const struct home *home, struct registry **ret);
struct registry *registry_free(struct registry *registry);

/* Of its file, for messages. */
const char *registry_path(const struct registry *registry);
void registry_freep(struct registry **registry);

int registry_begin(struct registry *registry);
int registry_commit(struct registry *registry);

/* Commits as that durable step, see lib/step.h. */
int registry_commit_step(struct registry *registry, const char *step);
void registry_rollback(struct registry *registry);

/* After a commit that wiped a secret: leaves no older copy of the page in the write-ahead log. */
void registry_forget(struct registry *registry);

/* A part of a transaction that can be taken back by itself. */
int registry_part_begin(struct registry *registry);
int registry_part_end(struct registry *registry, bool keep);

/* --- gateways and settings (registry-gateway.c) ---------------------------------------------- */

#define REGISTRY_BROKER "broker" /* where the broker is reached, as HOST:PORT */

int registry_set(struct registry *registry, const char *name, const char *value);
int registry_get(struct registry *registry, const char *name, char *value, size_t size);

int registry_gateway_add(struct registry *registry, const char *gateway, const char *tenant);
int registry_gateway_is_known(struct registry *registry, const char *gateway, bool *ret);
int registry_tenant_is_allowed(struct registry *registry, const char *gateway, const char *tenant,
			       bool *ret);
int registry_gateways_each(struct registry *registry, int (*each)(const char *gateway, void *),
			   void *userdata);

/* As above, but for those that were revoked or replaced. */
int registry_gateways_each_good(struct registry *registry, int (*each)(const char *gateway, void *),
				void *userdata);

/* --- claims of gateways (registry-gateway-claim.c) ------------------------------------------- */

/* Makes the claim, or changes it; n_used and n_listed count for nothing here. */
int registry_gateway_claim_set(struct registry *registry, const struct gateway_claim *claim);
int registry_gateway_claim_get(struct registry *registry, const char *name,
			       struct gateway_claim *ret);
int registry_gateway_claims_each(struct registry *registry,
				 int (*each)(const struct gateway_claim *claim, void *),
				 void *userdata);

/* Puts a gateway on the claim's list; allows a tenant to those that come by it. */
int registry_gateway_claim_list(struct registry *registry, const char *name, const char *gateway);
int registry_gateway_claim_allow(struct registry *registry, const char *name, const char *tenant);

int registry_gateway_claim_lists(struct registry *registry, const char *name, const char *gateway,
				 bool *ret);

/* Whether this gateway has had a certificate under it: then the next is no further use. */
int registry_gateway_claim_was_used_by(struct registry *registry, const char *name,
				       const char *gateway, bool *ret);

/* Puts a gateway that comes by this claim on record. */
int registry_gateway_admit(struct registry *registry, const char *name, const char *gateway);

/* --- certificates of gateways (registry-gateway-certificate.c) ------------------------------- */

/* Records of these have neither device nor tenant. */
int registry_gateway_certificate_add(struct registry *registry, const struct record *record,
				     const uint8_t *der, size_t len);
int registry_gateway_certificate_get(struct registry *registry, const char *serial,
				     struct record *ret);

/* With the certificate itself, to be freed. */
int registry_gateway_certificate_of_job(struct registry *registry, const char *gateway,
					const char *job, struct record *ret, uint8_t **ret_der,
					size_t *ret_len);

/* The live one, expired or not: that it is over is no reason to let another box in. */
int registry_gateway_certificate_live(struct registry *registry, const char *gateway,
				      struct record *ret);

int registry_gateway_certificate_candidates(struct registry *registry, const char *gateway,
					    unsigned *ret);

/* Revokes the oldest candidates but for so many. */
int registry_gateway_certificate_trim(struct registry *registry, const char *gateway,
				      unsigned n_kept, const char *reason);

/* Candidate to live; every other certificate of the gateway is revoked. */
int registry_gateway_certificate_prove(struct registry *registry, const struct record *record);

int registry_gateway_certificates_each(struct registry *registry,
				       int (*each)(const struct record *record, void *),
				       void *userdata);

/* Revokes all that the gateway has. */
int registry_gateway_retire(struct registry *registry, const char *gateway, const char *reason);

/* Nothing of the gateway is heard any more; an empty reason: it is again. */
int registry_gateway_bar(struct registry *registry, const char *gateway, const char *reason);

/* 1: it is, and why; 0: it is not, or not known. */
int registry_gateway_is_barred(struct registry *registry, const char *gateway, char *ret_reason,
			       size_t size);

/* --- claims (registry-claim.c) --------------------------------------------------------------- */

int registry_claim_get(struct registry *registry, const char *id, struct claim *ret);
int registry_claim_add(struct registry *registry, const struct claim *claim);
int registry_claim_spend(struct registry *registry, const char *id);
int registry_claim_close(struct registry *registry, const char *id, const char *reason);

/* The fleet's own open claim for a device, at whichever gateway. */
int registry_claim_of_fleet(struct registry *registry, const char *device, uint64_t now,
			    struct claim *ret);

/* Closes all open claims for a device at one gateway, or at all (NULL). */
int registry_claims_close(struct registry *registry, const char *gateway, const char *device,
			  const char *reason);

/* The same, but not of claims that the gateway has still to be told of, or has not answered. */
int registry_claims_over(struct registry *registry, const char *gateway, const char *device,
			 const char *reason);

/* --- certificates (registry-certificate.c) --------------------------------------------------- */

int registry_certificate_add(struct registry *registry, const struct record *record,
			     const uint8_t *der, size_t len);
int registry_certificate_get(struct registry *registry, const char *serial, struct record *ret);
int registry_certificate_of_job(struct registry *registry, const char *gateway, const char *job,
				struct record *ret);

/* The device's live certificate, unless it has expired. */
int registry_certificate_live(struct registry *registry, const char *device, uint64_t now,
			      struct record *ret);

/* How many other keys than this one have had a certificate to renew that one with; those that were given up since
 * nobody proved them do not count. */
int registry_certificate_other_renewals(struct registry *registry, const char *serial,
					const char *key, unsigned *ret);

/* How many other keys than this one have had a first certificate under the claim. */
int registry_certificate_other_keys(struct registry *registry, const char *claim, const char *key,
				    unsigned *ret);

/* Candidate to live; every other certificate of the device is revoked, the claim is spent. */
int registry_certificate_prove(struct registry *registry, const struct record *record);

/* Revokes it unless it is revoked already. */
int registry_certificate_revoke(struct registry *registry, const char *serial, const char *reason);

/* Revokes all the device has. */
int registry_certificates_revoke(struct registry *registry, const char *device, const char *reason);

/* The same of those of one gateway. */
int registry_certificates_revoke_at(struct registry *registry, const char *gateway,
				    const char *device, const char *reason);

/* All, in the order of issue. What `each` returns below 0 ends it. */
int registry_certificates_each(struct registry *registry,
			       int (*each)(const struct record *record, void *), void *userdata);

/* The bytes of one, to be freed. */
int registry_certificate_bytes(struct registry *registry, const char *serial, uint8_t **ret_der,
			       size_t *ret_len);

/* Gateways where the device has a certificate that is not revoked, or an open claim. */
int registry_gateways_of_device(struct registry *registry, const char *device,
				int (*each)(const char *gateway, void *), void *userdata);

/* How many devices have one of that authority which is not revoked. */
int registry_certificates_under(struct registry *registry, unsigned authority, unsigned *ret);

/* The same of one that was issued no later than that number, and what number was issued last (0: none). */
int registry_certificates_up_to(struct registry *registry, uint64_t number, unsigned *ret);
int registry_certificates_last(struct registry *registry, uint64_t *ret);

/* Gateways where the device ever had one of these. */
int registry_gateways_ever_of_device(struct registry *registry, const char *device,
				     int (*each)(const char *gateway, void *), void *userdata);

/* --- revocation lists (registry-crl.c) -------------------------------------------------------- */

/* The newest list of the devices' authority of that number. */
struct registry_crl {
	unsigned authority;
	uint64_t number;
	const uint8_t *der;
	size_t len;
	uint64_t lifetime_s;
	uint64_t renew_at; /* seconds since the epoch */
	bool is_for_all; /* else there are gateways that keep the one before: that is to be renewed when it was */
};

int registry_crl_put(struct registry *registry, const struct registry_crl *crl);

/* Of the newest that was for all. -ENOENT: there is none. */
int registry_crl_renewal(struct registry *registry, unsigned authority, uint64_t *ret_lifetime_s,
			 uint64_t *ret_renew_at);

/* -ENOENT: there is none. *ret_der is to be freed. */
int registry_crl_get(struct registry *registry, unsigned authority, uint8_t **ret_der,
		     size_t *ret_len);

/* The time, or one more than the last, so that a registry that was restored from a copy is not behind its gateways. */
int registry_crl_next_number(struct registry *registry, unsigned authority, uint64_t now,
			     uint64_t *ret);

/* What that authority has issued and is revoked, and not over. */
int registry_crl_each_revoked(struct registry *registry, unsigned authority, uint64_t now,
			      int (*each)(const char *serial, const char *reason, void *),
			      void *userdata);

/* Ends what was to bring an earlier list of that authority, to one gateway or to all (NULL). */
int registry_crl_commands_end(struct registry *registry, const char *authority,
			      const char *gateway);

/* The good gateways that were ever sent a list. */
int registry_crl_gateways_each(struct registry *registry, int (*each)(const char *gateway, void *),
			       void *userdata);

/* A gateway's own server certificate. */
int registry_registrar_add(struct registry *registry, const struct record *record,
			   const uint8_t *der, size_t len);

/* --- devices (registry-device.c) ------------------------------------------------------------- */

/* A device that is to be served nothing for a while, and one for which that is over. */
int registry_device_suspend(struct registry *registry, const char *device, const char *reason);
int registry_device_resume(struct registry *registry, const char *device);

/* Whether the device has a certificate of this gateway that is not revoked. */
int registry_device_is_of(struct registry *registry, const char *device, const char *gateway,
			  bool *ret);

int registry_device_is_suspended(struct registry *registry, const char *device, bool *ret);

/* --- devices that move (registry-move.c) ------------------------------------------------------ */

/* The new one takes the old one's place: its tenants, and its devices as they come. -ENOENT: one of them is not
 * known. */
int registry_gateway_replace(struct registry *registry, const char *old, const char *new);
int registry_gateway_is_replaced_by(struct registry *registry, const char *old, const char *new,
				    bool *ret);

/* Whether devices of a tenant may move from one gateway to another by themselves. */
int registry_tenant_set_roaming(struct registry *registry, const char *tenant, bool may);
int registry_tenant_may_roam(struct registry *registry, const char *tenant, bool *ret);

/* The device of this certificate is at home at that gateway from now on, for the request `job`: the
 * certificate is its only one, its claim is spent there. */
int registry_device_move(struct registry *registry, const struct record *record,
			 const char *gateway, const char *job, uint64_t now);

/* How often it moved since then. */
int registry_device_moves(struct registry *registry, const char *device, uint64_t since,
			  unsigned *ret);

/* --- answers given (registry-answer.c) ------------------------------------------------------- */

/* What was answered to a request, and what that was about; -ENOENT. Free both with free(). */
int registry_answer_get(struct registry *registry, const char *gateway, const char *id,
			char **ret_about, char **ret_body);
int registry_answer_add(struct registry *registry, const char *gateway, const char *id,
			const char *about, const char *body);

/* --- the gateways' records (registry-event.c) ------------------------------------------------ */

/* What a gateway has told of its record, as one chain. A new one begins where it says itself that what comes
 * next does not go on from the last. */
struct branch {
	uint64_t number;                  /* 0: it has told nothing yet */
	char broken[REGISTRY_ID_MAX + 1]; /* why it began; empty: it is the first */
	uint64_t head;                    /* number of the last record .. */
	char mac[REGISTRY_HASH_MAX + 1];  /* .. and its MAC */
};

/* The present one. */
int registry_branch_get(struct registry *registry, const char *gateway, struct branch *ret);
int registry_branch_begin(struct registry *registry, const char *gateway,
			  const struct branch *branch, uint64_t now);

/* How many it began since then as an old copy of itself. */
int registry_branch_losses(struct registry *registry, const char *gateway, uint64_t since,
			   unsigned *ret);

/* Adds a record behind the branch's head, and makes it the head. */
int registry_event_add(struct registry *registry, const char *gateway, struct branch *branch,
		       const struct event *event);

/* The MAC of a record; -ENOENT: we do not have it (any more). */
int registry_event_mac(struct registry *registry, const char *gateway, uint64_t branch, uint64_t n,
		       char mac[REGISTRY_HASH_MAX + 1]);

/* All of a gateway, or of all (NULL), in order; `broken` where a branch begins. */
int registry_events_each(struct registry *registry, const char *gateway,
			 int (*each)(const char *gateway, uint64_t branch, const char *broken,
				     const struct event *event, void *),
			 void *userdata);

/* --- commands (registry-command.c) ----------------------------------------------------------- */

int registry_command_add(struct registry *registry, const struct command *command);
int registry_command_get(struct registry *registry, const char *gateway, const char *id,
			 struct command *ret);

/* Those without an answer; what was sent first comes first, then in the order of making. */
int registry_commands_open(struct registry *registry, const char *gateway,
			   int (*each)(const struct command *command, void *), void *userdata);

/* The gateways that have such. */
int registry_commands_gateways(struct registry *registry, int (*each)(const char *gateway, void *),
			       void *userdata);

/* All, in the order of making, without their secrets. */
int registry_commands_each(struct registry *registry,
			   int (*each)(const struct command *command, void *), void *userdata);

/*
 * Gives it the gateway's next sequence number: the time, or one more than the last, so that a
 * registry that was restored from a copy is not behind its gateways.
 */
int registry_command_sent(struct registry *registry, int64_t number, uint64_t now,
			  uint64_t *ret_seq);

/* The commands that go with it, which are of its kind; in the order of making. */
int registry_command_list(struct registry *registry, const struct command *command,
			  int (*each)(const struct command *command, void *), void *userdata);

/* 1: the newest of that kind that was not sent yet, and with which fewer than so many go; 0: there is none. */
int registry_command_find_list(struct registry *registry, const char *gateway,
			       enum command_kind kind, unsigned room, char id[REGISTRY_ID_MAX + 1]);

/* Ends it, and wipes its secret. */
int registry_command_end(struct registry *registry, int64_t number, enum command_state state,
			 const char *outcome);

/* Sends it once more as a new one, by itself, no earlier than then. */
int registry_command_again(struct registry *registry, int64_t number, const char *new_id,
			   uint64_t not_before);

/* Ends the claims for a device that have not been sent, to one gateway, or to any (NULL). */
int registry_commands_cancel(struct registry *registry, const char *gateway, const char *device,
			     const char *outcome);

/* Ends what a gateway is still to be told of a device's having moved: it is back. */
int registry_commands_unmove(struct registry *registry, const char *gateway, const char *device);

/* Whether a newer command is about the same device and gateway. */
int registry_command_is_overtaken(struct registry *registry, const struct command *command,
				  bool *ret);

/* The states as people and programs read them. */
const char *claim_state_name(enum claim_state state);
const char *certificate_state_name(enum certificate_state state);
const char *command_kind_name(enum command_kind kind);
const char *command_state_name(enum command_state state);

/* And back; what no state is called reads as the last one. */
enum claim_state claim_state_from(const char *name);
enum certificate_state certificate_state_from(const char *name);
enum command_kind command_kind_from(const char *name);
enum command_state command_state_from(const char *name);
