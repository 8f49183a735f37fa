/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire: every message between the agent and its plugins.
 *
 * One message is one SOCK_SEQPACKET datagram of at most GW_WIRE_MAX bytes: a type (u16), then the
 * fields of its struct below in the order of the struct, nothing else. Numbers are big-endian. A
 * text is a u16 length, that many bytes of it, and a zero byte; one line of printable ASCII unless
 * said otherwise. A blob is a u16 length and its bytes; a hash is empty or whole. Bytes left over are
 * an error, and so is a length or value outside the limits that the table in wire.c gives the field.
 * At most one descriptor travels with a message, and only with those marked (+fd).
 *
 * The arrows say who sends: t transport, r registrar, c cloud link, p any plugin, a agent. Which
 * message is in turn when, and how often, is agent/rule.c. Empty text means "none" everywhere.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

#define GW_WIRE_VERSION 1

#define GW_WIRE_MAX     65536 /* bytes of one message */
#define GW_NAME_MAX     32    /* program, role, interface or channel name */
#define GW_ID_MAX       64    /* device, gateway, job, claim, tenant or command id */
#define GW_ADDRESS_MAX  80    /* address of a peer, as a person would write it */
#define GW_REASON_MAX   64    /* stable reason code, see lib/reason.h */
#define GW_TEXT_MAX     256   /* a sentence for the operator */
#define GW_SETTINGS_MAX 4096  /* a section of the configuration */

#define GW_SECRET_MIN  14     /* bytes; 112 bits: less can be searched offline */
#define GW_SECRET_MAX  64     /* bytes of a pre-shared key */
#define GW_SEALED_MAX  192    /* bytes of a secret sealed to the agent */
#define GW_HASH_LEN    32     /* SHA-256 */
#define GW_SERIAL_MAX  20     /* bytes of a certificate's serial number, RFC 5280 4.1.2.2 */
#define GW_CSR_MAX     4096   /* bytes of a certificate signing request, DER */
#define GW_CERT_MAX    8192   /* bytes of one certificate, DER */
#define GW_CHAIN_MAX   24576  /* bytes of certificates one after the other, DER */
#define GW_ANCHORS_MAX 131072 /* bytes of a list of trust anchors, DER one after the other */

/* A command's list: ids, or serial numbers in hexadecimal, each with a line end behind it. */
#define GW_LIST_MAX         256
#define GW_LIST_DEVICES_MAX (GW_LIST_MAX * (GW_ID_MAX + 1))
#define GW_LIST_SERIALS_MAX (GW_LIST_MAX * (2 * GW_SERIAL_MAX + 1))

#define GW_EVENTS_MAX 64 /* records of a batch */

/* A revocation list: as many certificates as a gateway has devices by default, three times over, and room for them: each
 * takes some 39 bytes where serial numbers are random. */
#define GW_CRL_MAX         1310720 /* bytes, DER */
#define GW_CRL_ENTRIES_MAX 32768
#define GW_CRL_PLACE_LEN   5 /* where a serial number stands in a list: offset (u32), length (u8) */

#define GW_ISSUERS_MAX 64 /* device anchors */

#define GW_REQUESTS_MAX 256 /* requests that the agent may have open with the cloud link */

enum gw_role {
	GW_ROLE_TRANSPORT,
	GW_ROLE_REGISTRAR,
	GW_ROLE_CLOUD,
	_GW_ROLE_MAX,
};

enum gw_channel_kind {
	GW_CHANNEL_DATAGRAM, /* a bound UDP socket: many peers */
	GW_CHANNEL_STREAM,   /* one accepted connection: one peer */
	_GW_CHANNEL_MAX,
};

enum gw_proof {
	GW_PROOF_PSK,         /* the peer knows the secret of `identity` */
	GW_PROOF_CERTIFICATE, /* the peer holds the key of a certificate under the device anchors */
	_GW_PROOF_MAX,
};

/* What a session may ask for. */
enum gw_allow {
	GW_ALLOW_NOTHING,
	GW_ALLOW_ALL,
	GW_ALLOW_NOTICE, /* nothing but to be told that it was decommissioned, and to say that it knows */
	_GW_ALLOW_MAX,
};

/* How a request ends. */
enum gw_outcome {
	GW_OUTCOME_DONE,    /* and for an enrolment: here is the certificate */
	GW_OUTCOME_PENDING, /* ask again after retry_after_s */
	GW_OUTCOME_REFUSED, /* never; `reason` says why */
	_GW_OUTCOME_MAX,
};

enum gw_cloud_state {
	GW_CLOUD_UNPROVISIONED, /* no credential to connect with */
	GW_CLOUD_CONNECTING,
	GW_CLOUD_OFFLINE, /* no broker */
	GW_CLOUD_SILENT,  /* a broker, but nobody answers behind it */
	GW_CLOUD_ONLINE,
	_GW_CLOUD_MAX,
};

/* What the gateway proves itself to the broker with. */
enum gw_credential_source {
	GW_CREDENTIAL_NONE,
	GW_CREDENTIAL_GIVEN,     /* files that somebody put there */
	GW_CREDENTIAL_OWN,       /* asked for by itself, and proved */
	GW_CREDENTIAL_CANDIDATE, /* the same, on its way to be proved */
	GW_CREDENTIAL_CLAIM,     /* good for nothing but to ask for one */
	_GW_CREDENTIAL_MAX,
};

/* What the cloud is asked or told: `kind` on the topic `request`. */
enum gw_request_kind {
	GW_REQUEST_ENROLL,      /* sign this CSR for a claimed device */
	GW_REQUEST_PROVED,      /* the device has used certificate `serial`: make it the live one */
	GW_REQUEST_REVOKED,     /* certificate `serial` is no longer good */
	GW_REQUEST_SERVER_CERT, /* sign the registrar's own CSR */
	GW_REQUEST_TIME,        /* what time is it? */
	GW_REQUEST_SUSPENDED,   /* the device is not served for a while */
	GW_REQUEST_RESUMED,     /* and is again */
	GW_REQUEST_RENEW,       /* sign this CSR for a device whose certificate is `serial` */
	GW_REQUEST_DECOMMISSIONED, /* it left: nothing of it is good any more */
	GW_REQUEST_ADOPT, /* a device has proved certificate `serial`, which is not on record here */
	GW_REQUEST_RELINQUISHED, /* the gateway gives up its own certificate: it was reset */
	_GW_REQUEST_MAX,
};

/* What the cloud commands: `kind` on the topic `command`. */
enum gw_command_kind {
	GW_COMMAND_CLAIM,
	GW_COMMAND_WITHDRAW,
	GW_COMMAND_REVOKE,
	GW_COMMAND_SUSPEND,
	GW_COMMAND_RESUME,
	GW_COMMAND_ANCHORS, /* they came right before it */
	GW_COMMAND_DECOMMISSION,
	GW_COMMAND_MOVED, /* the device is at home at another gateway */
	GW_COMMAND_CRL,   /* a revocation list, which came right before it */
	_GW_COMMAND_MAX,
};

enum gw_anchors_purpose {
	GW_ANCHORS_DEVICE,    /* what device certificates chain to */
	GW_ANCHORS_REGISTRAR, /* what the registrar's own certificate chains to */
	_GW_ANCHORS_MAX,
};

/* --- everybody ----------------------------------------------------------------------------- */

/* p->a, first. The name is believed only from the agent's own uid; else the socket's peer decides. */
struct gw_msg_hello {
	uint16_t version_min, version_max; /* of this protocol, inclusive */
	const char *name;                  /* "ip", "registrar", "mqtt", ... */
	const char *program;               /* version of the program, for people */
	const char *library; /* what it is built on, for people: "wolfSSL 5.7.2-..." */
};

/* a->p, the answer. After it the plugin may speak. */
struct gw_msg_welcome {
	uint16_t version;
	const char *gateway;  /* gateway id */
	const char *settings; /* the plugin's section of the configuration: "key=value\n"... */
};

/* p->a: how the plugin fares; shown to the operator until the next one. */
struct gw_msg_health {
	uint8_t ok;
	const char *text; /* what is wrong and what to do about it */
};

/* --- transports ---------------------------------------------------------------------------- */

/* t->a and a->r (+fd): a channel to devices. The sender numbers it; numbers are not used again. */
struct gw_msg_channel {
	uint32_t channel;
	uint8_t kind;          /* enum gw_channel_kind */
	uint16_t mtu;          /* bytes of the largest datagram; 0 for a stream */
	uint32_t bit_rate;     /* bits a second, 0 = do not care */
	const char *transport; /* set by the agent, empty from a transport */
	const char *label;     /* who is at the other end, or which door this is */
};

/* t->a, a->r: the channel is no more. */
struct gw_msg_channel_gone {
	uint32_t channel;
};

/* a->t: offer all channels (again): there is a new registrar. */
struct gw_msg_offer {
	uint8_t again; /* 0 the first time */
};

/* t->a: what the network says about an address. Never evidence, only shown. */
struct gw_msg_neighbour {
	uint8_t present;          /* 0: it is gone */
	const char *address;      /* IP address without a port */
	const char *link_address; /* "b8:27:eb:11:22:33" */
	const char *interface;
	const char *vendor; /* from the link address, empty if unknown */
};

/* --- registrar: who is there ---------------------------------------------------------------- */

/* r->a: a peer names an identity and is about to prove it: what is its key? Sessions are numbered
 * by the registrar, never twice while it is connected. */
struct gw_msg_secret_query {
	uint64_t session;
	uint32_t channel;
	const char *identity; /* device id; any bytes the peer sent that are no id never get here */
	const char *address;
};

/* a->r: the only message on which a claim's secret travels to a plugin. An unknown identity gets
 * none; the registrar then goes on with a key that fits nobody. Must end in PEER or FAILED. */
struct gw_msg_secret {
	uint64_t session;
	struct gw_blob secret; /* empty: none; else GW_SECRET_MIN to _MAX bytes */
};

/* r->a: the handshake is complete; this is who it was. */
struct gw_msg_peer {
	uint64_t session;
	uint32_t channel;
	uint8_t proof;        /* enum gw_proof */
	const char *identity; /* PSK identity, or the certificate's common name */
	const char *address;
	const char *suite;          /* cipher suite, for people */
	struct gw_blob serial;      /* of the certificate; empty with PSK, as are the next two */
	struct gw_blob fingerprint; /* SHA-256 of the certificate */
	struct gw_blob key;         /* SHA-256 of its SubjectPublicKeyInfo */
	struct gw_blob issuer;      /* SHA-256 of its issuer's Name, contents */
};

/* a->r: whether the session is served at all. No request is sent before it. Allowed with a reason: who it is
 * is known, but it is served nothing now; each request is answered "later", until SESSION_END. */
struct gw_msg_verdict {
	uint64_t session;
	uint8_t allow; /* enum gw_allow */
	const char *device;
	const char *reason;
};

/* r->a: the handshake that asked for a secret did not complete. */
struct gw_msg_failed {
	uint64_t session;
	const char *reason; /* "timeout", "bad-key", "evicted", ... */
};

/* r->a: the session is over. a->r: end it now, serve nothing more. */
struct gw_msg_session_end {
	uint64_t session;
	const char *reason;
};

/* --- registrar: what they ask ---------------------------------------------------------------- */

/* r->a: a CSR that the registrar found well-formed, self-signed and strong enough. */
struct gw_msg_enroll {
	uint64_t session;
	uint32_t request;   /* numbered by the registrar within the session */
	uint8_t renew;      /* came in by sren */
	struct gw_blob key; /* SHA-256 of the CSR's SubjectPublicKeyInfo */
	struct gw_blob csr; /* DER */
};

/* a->r: the answer, or the word that it will take long (PENDING). A PENDING may be followed by the
 * final one while the session lives. */
struct gw_msg_enrolled {
	uint64_t session;
	uint32_t request;
	uint8_t outcome; /* enum gw_outcome */
	uint32_t retry_after_s;
	const char *reason;
	struct gw_blob certificate; /* DER */
	struct gw_blob chain;       /* DER, issuer first, may be empty */
};

/* r->a: what are this device's settings? */
struct gw_msg_settings_query {
	uint64_t session;
	uint32_t request;
};

/* a->r: the settings. */
struct gw_msg_settings {
	uint64_t session;
	uint32_t request;
	uint8_t outcome; /* enum gw_outcome: DONE or REFUSED */
	const char *reason;
	const char *device; /* device id */
	const char *tenant;
	const char
		*cloud; /* the cloud's endpoint for the device's own use, as a URI; may be empty */
	uint64_t renew_at; /* seconds since the epoch, 0 = not told */
};

/* r->a: the device's own report of its enrolment (RFC 8995 5.9.4). */
struct gw_msg_report {
	uint64_t session;
	uint32_t request;
	uint8_t ok;
	const char *text; /* the device's reason, made printable */
};

/* a->r: the report, or the word that it is wiped, is recorded. */
struct gw_msg_reported {
	uint64_t session;
	uint32_t request;
	uint8_t outcome; /* enum gw_outcome: DONE or REFUSED */
	const char *reason;
};

/* r->a: a request of this session was refused before it got to the agent (a CSR that is malformed, too
 * weak, too large, ...): for the record, there is no answer. */
struct gw_msg_rejected {
	uint64_t session;
	const char *reason;
};

/* r->a: a device that is let in for the notice says that it has wiped its key, certificate and settings.
 * Answered by REPORTED. */
struct gw_msg_wiped {
	uint64_t session;
	uint32_t request;
};

/* a->r: is this certificate, which the cloud sent, what we asked for? */
struct gw_msg_check {
	const char *job;
	const char *device; /* must be the common name */
	const char *tenant; /* must be the organisation */
	struct gw_blob key; /* SHA-256 of the SubjectPublicKeyInfo that it must carry */
	struct gw_blob certificate;
	struct gw_blob chain;
};

/* r->a: the verdict, and the facts for the record. */
struct gw_msg_checked {
	const char *job;
	uint8_t ok;
	const char *reason;
	struct gw_blob serial;
	struct gw_blob fingerprint;
	uint64_t not_before, not_after; /* seconds since the epoch */
	struct gw_blob issuer;          /* SHA-256 of its issuer's Name, contents */
};

/* r->a: the registrar made itself a key and wants a certificate for it. */
struct gw_msg_server_csr {
	struct gw_blob key; /* SHA-256 of the SubjectPublicKeyInfo */
	struct gw_blob csr;
};

/* a->r: the certificate for that key. */
struct gw_msg_server_cert {
	struct gw_blob key;
	struct gw_blob certificate;
	struct gw_blob chain;
};

/* a->r, c->a (+fd): trust anchors of one purpose, all of them, in a sealed memfd: DER certificates
 * one after the other, at most GW_ANCHORS_MAX bytes. They replace what was there. */
struct gw_msg_anchors {
	uint8_t purpose; /* enum gw_anchors_purpose */
};

/*
 * c->a (+fd): the revocation list of the COMMAND of that id, which comes next: DER, in a sealed memfd of at most GW_CRL_MAX
 * bytes. a->r (+fd): has one of the device anchors signed this list, and what does it say?
 */
struct gw_msg_crl {
	const char *id; /* of the command; of the question */
};

/*
 * r->a (+fd): the verdict, and the facts. In the sealed memfd stands where in the list its serial numbers are: a
 * place of GW_CRL_PLACE_LEN bytes each, so that nobody can name one that the list does not hold. Empty if not ok.
 */
struct gw_msg_crl_checked {
	const char *id;
	uint8_t ok;
	const char *text; /* what is wrong with it; else the issuer's common name, for people */
	struct gw_blob issuer; /* SHA-256 of its Name, contents */
	struct gw_blob number; /* big-endian, without leading zeros; one zero byte for 0 */
	uint64_t this_update, next_update; /* seconds since the epoch */
};

/* r->a: who signs devices' certificates now: of each device anchor the SHA-256 of its Name, one after the other. */
struct gw_msg_issuers {
	struct gw_blob issuers;
};

/* a->r, a->c: what time it is, and whether that is to be trusted. Who is told goes by this time, not by the
 * machine's clock. While it is not trusted no time before it is true, and no device's certificate is judged by
 * its dates, nor is a broker's for having not begun, nor anything renewed. */
struct gw_msg_clock {
	uint64_t time; /* now, seconds since the epoch */
	uint8_t trusted;
};

/* --- cloud link ------------------------------------------------------------------------------ */

/* c->a, a->r: how the cloud is reached. */
struct gw_msg_cloud_state {
	uint8_t state; /* enum gw_cloud_state */
	const char *text;
};

/* c->a: when the cloud link tries again to reach the cloud; 0 = it does not have to, or waits for somebody. */
struct gw_msg_cloud_retry {
	uint32_t in_ms;
};

/* c->a: what the gateway proves itself to the broker with, as it was found at the last attempt. Dates are
 * seconds since the epoch, 0 where they could not be read. */
struct gw_msg_credential {
	uint8_t ok;       /* there, readable, the gateway's own, and the key is the certificate's */
	const char *text; /* else what is wrong and what to do */
	uint64_t not_before; /* of the gateway's certificate */
	uint64_t not_after;
	uint64_t ca_not_after; /* of the broker's CA, the latest of several */
	uint8_t source;        /* enum gw_credential_source */
	uint64_t renew_at;     /* when it is renewed, 0 = it is not */
	uint64_t retry_at;     /* when the next try to get a new one is, 0 = none is due */
	const char *trouble;   /* what went wrong with the last try; empty: nothing */
};

/* a->c: publish this request, and again with backoff until it is answered or withdrawn. Any ANSWER
 * ends it, PENDING too: the agent sends it anew when its time has come. More than GW_REQUESTS_MAX
 * open at a time break the link. */
struct gw_msg_request {
	const char *job; /* id of the request, the same at every repetition */
	uint8_t kind;    /* enum gw_request_kind */
	const char *device;
	const char *tenant;
	const char *claim;     /* id of the claim: of an enrolment, none with RENEW */
	const char *of;        /* REVOKED without a serial: the enrolment (job) that is void; where
				* it is the device that changed: which change, no two are the same */
	const char *method;    /* "qr" */
	const char *reason;    /* of a revocation */
	struct gw_blob serial; /* of PROVED and REVOKED; with RENEW of the present one */
	struct gw_blob key;    /* SHA-256 of the CSR's SubjectPublicKeyInfo */
	struct gw_blob csr;
	struct gw_blob evidence; /* opaque, reserved for attestation */
};

/* a->c: nobody waits for this request any more: stop repeating it. */
struct gw_msg_request_end {
	const char *job;
};

/* c->a: this request has gone to the broker for the first time. Until then it is held back here, by the pace or for
 * want of a connection. */
struct gw_msg_request_sent {
	const char *job;
};

/* c->a: the cloud's answer to a request, passed on whether or not the request is open: answers
 * cross repetitions, so the same one may come again. ANCHORS of the answer go before it. */
struct gw_msg_answer {
	const char *job;
	uint8_t outcome; /* enum gw_outcome */
	uint32_t retry_after_s;
	uint64_t time; /* the cloud's clock, seconds since the epoch, 0 = not told */
	const char *reason;
	const char *text;
	struct gw_blob certificate;
	struct gw_blob chain;
	uint64_t head;      /* of EVENTS: the last record that the cloud holds, 0 = none .. */
	struct gw_blob mac; /* .. and its MAC */
	const char *tenant; /* of an adopted device .. */
	const char *claim;  /* .. and under which it came aboard */
};

/* a->c: one record for the batch that the next EVENTS closes. */
struct gw_msg_event {
	uint64_t n;
	uint64_t time; /* seconds since the epoch */
	const char *event;
	const char *device;
	const char *who;
	const char *reason;
	const char *detail;
	struct gw_blob mac;
};

/* a->c: the batch is whole: publish it as a request is, one batch at a time. `job` is its id. One without records
 * asks where the cloud stands. */
struct gw_msg_events {
	const char *job;
	uint64_t first;        /* number of its first record; the others follow without a gap */
	uint16_t count;        /* so many EVENT came before */
	struct gw_blob before; /* MAC of the record before the first, zeros = there was none */
	const char *broken;    /* why that is not the last that the cloud holds; empty: it is */
};

/* c->a: the cloud commands. `secret` is a claim's secret: the only message on which one travels to
 * the agent; sealed to the agent's key unless the configuration lets the cloud send it plain. */
struct gw_msg_command {
	const char *id;
	uint64_t seq;        /* rises; an old one is not obeyed again */
	uint64_t expires_at; /* seconds since the epoch, 0 = never */
	uint8_t kind;        /* enum gw_command_kind */
	const char *device;
	const char *claim;
	const char *tenant;
	uint64_t claim_expires; /* seconds since the epoch, 0 = never */
	uint8_t replace;
	uint8_t sealed;
	struct gw_blob secret;
	const char *reason;
	const char *devices; /* in the place of `device`: all of these */
	const char *serials; /* or those that hold these certificates */
};

/* a->c: the command is carried out, or never will be. */
struct gw_msg_command_answer {
	const char *id;
	uint64_t seq;
	uint8_t outcome; /* enum gw_outcome: DONE or REFUSED */
	const char *reason;
};

/* clang-format off */
/* The messages: X(number, NAME, name). Numbers are the protocol's and never change their meaning. */
#define GW_WIRE_MESSAGES(X)                     \
	X(0x01, HELLO, hello)                   \
	X(0x02, WELCOME, welcome)               \
	X(0x03, HEALTH, health)                 \
	X(0x10, CHANNEL, channel)               \
	X(0x11, CHANNEL_GONE, channel_gone)     \
	X(0x12, OFFER, offer)                   \
	X(0x13, NEIGHBOUR, neighbour)           \
	X(0x20, SECRET_QUERY, secret_query)     \
	X(0x21, SECRET, secret)                 \
	X(0x22, PEER, peer)                     \
	X(0x23, VERDICT, verdict)               \
	X(0x24, FAILED, failed)                 \
	X(0x25, SESSION_END, session_end)       \
	X(0x30, ENROLL, enroll)                 \
	X(0x31, ENROLLED, enrolled)             \
	X(0x32, SETTINGS_QUERY, settings_query) \
	X(0x33, SETTINGS, settings)             \
	X(0x34, REPORT, report)                 \
	X(0x35, REPORTED, reported)             \
	X(0x36, CHECK, check)                   \
	X(0x37, CHECKED, checked)               \
	X(0x38, SERVER_CSR, server_csr)         \
	X(0x39, SERVER_CERT, server_cert)       \
	X(0x3a, ANCHORS, anchors)               \
	X(0x3b, REJECTED, rejected)             \
	X(0x3c, CLOCK, clock)                   \
	X(0x40, CLOUD_STATE, cloud_state)       \
	X(0x41, REQUEST, request)               \
	X(0x42, REQUEST_END, request_end)       \
	X(0x43, ANSWER, answer)                 \
	X(0x44, COMMAND, command)               \
	X(0x45, COMMAND_ANSWER, command_answer) \
	X(0x46, CLOUD_RETRY, cloud_retry)       \
	X(0x47, CREDENTIAL, credential)         \
	X(0x4c, EVENT, event)                   \
	X(0x4d, EVENTS, events)                 \
	X(0x52, REQUEST_SENT, request_sent)     \
	X(0x54, WIPED, wiped)                   \
	X(0x55, CRL, crl)                       \
	X(0x56, CRL_CHECKED, crl_checked)       \
	X(0x57, ISSUERS, issuers)

/* clang-format on */

#define X(number, NAME, name) GW_MSG_##NAME = (number),
enum gw_msg_type { GW_WIRE_MESSAGES(X) };
#undef X

/* One message, decoded or to be encoded: gw_msg.type says which member holds. */
struct gw_msg {
	enum gw_msg_type type;
	union {
#define X(number, NAME, name) struct gw_msg_##name name;
		GW_WIRE_MESSAGES(X)
#undef X
	};
};

/* What was wrong with a message; static texts. */
struct gw_wire_error {
	const char *message, *field, *why;
};

/* Writes msg to buf. -EMSGSIZE: a field is outside its limits, so that it would be refused at the other
 * end, or buf is too small. NULL text is empty. */
int gw_wire_encode(const struct gw_msg *msg, uint8_t *buf, size_t size, size_t *ret_len);

/* Reads a message; its texts and blobs point into buf. -EBADMSG, with the reason in ret_error. */
int gw_wire_decode(const uint8_t *buf, size_t len, struct gw_msg *ret,
		   struct gw_wire_error *ret_error);

/* The message's name for people, or "?". */
const char *gw_wire_name(enum gw_msg_type type);

/* Whether a descriptor travels with it. */
bool gw_wire_has_fd(enum gw_msg_type type);
