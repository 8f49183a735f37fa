/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reason: why something was refused or is waiting. The codes are stable: they are D-Bus error names
 * (in CamelCase behind org.gangway1.Error.), the device's Reason, the cloud's `reason`, and what an
 * audit record holds. Each has a sentence that tells a person what to do.
 */
#pragma once

#include <stddef.h>

/* clang-format off */
#define GW_REASONS(X)                                                                             \
	X(NONE, "", "")                                                                           \
	/* claims */                                                                              \
	X(BAD_LABEL, "bad-label", "The label cannot be read; scan it again or type it exactly.")   \
	X(LABEL_EXPIRED, "label-expired", "The label's own date has passed; ask its maker.")       \
	X(METHOD_NOT_SERVED, "method-not-served",                                                 \
	  "This label names a public key; only labels with a secret are served.")                  \
	X(ID_IN_USE, "id-in-use", "Another tenant or method has this device id on this gateway.")  \
	X(ALREADY_CLAIMED, "already-claimed",                                                     \
	  "Claimed with another secret; withdraw that claim or ask for a replacement.")            \
	X(ALREADY_ABOARD, "already-aboard",                                                       \
	  "The device is aboard or on its way; ask for a replacement to start over.")              \
	X(REVOKED, "revoked", "The device was revoked; decommission it before a new claim.")       \
	X(WITHDRAWN, "withdrawn", "The claim was withdrawn; claim the device again to let it in.") \
	X(REJECTED, "rejected", "The operator does not want it aboard; claim it again to let it in.") \
	X(CLAIM_EXPIRED, "claim-expired", "Nobody came in time; claim the device again.")          \
	X(NO_CLAIM, "no-claim", "Nobody has claimed this device.")                                 \
	X(WRONG_SECRET, "wrong-secret",                                                           \
	  "Handshakes in its name fail: its secret is not the label's, or datagrams are lost.")    \
	X(NOT_FOUND, "not-found", "There is no such device.")                                      \
	X(LIMIT, "limit", "A configured limit is reached; raise it or make room.")                 \
	X(NOT_POSSIBLE, "not-possible", "Not in the device's present state.")                      \
	X(NOT_ALLOWED, "not-allowed", "You do not have the right to do this.")                     \
	/* enrolment */                                                                           \
	X(BAD_CSR, "bad-csr", "The device's signing request is malformed.")                        \
	X(BAD_SIGNATURE, "bad-signature", "The signing request is not signed by its own key.")     \
	X(WEAK_KEY, "weak-key", "The device's key is of a kind or size that is not accepted.")     \
	X(WEAK_HASH, "weak-hash", "The signing request is signed in a way that is not accepted.")  \
	X(TOO_LARGE, "too-large", "The signing request is larger than accepted.")                  \
	X(WRONG_NAME, "wrong-name", "The signing request is in another device's name.")            \
	X(WRONG_SESSION, "wrong-session", "The signing request was made for another session.")     \
	X(TOO_MANY_KEYS, "too-many-keys",                                                         \
	  "The device has tried three keys on one claim; claim it again to go on.")                \
	X(SUPERSEDED, "superseded", "The device came with another key in the meantime.")           \
	X(BAD_CERTIFICATE, "bad-certificate", "The cloud's certificate is not what was asked for.") \
	X(NOT_PROVED, "not-proved", "The device never came back with its certificate.")            \
	X(CERTIFICATE_EXPIRED, "certificate-expired",                                             \
	  "The device's certificate has expired; claim the device with a replacement.")            \
	X(CLAIM_AGAIN, "claim-again",                                                             \
	  "The device's certificate has expired; claim the device again to let it in.")            \
	X(NEEDS_APPROVAL, "needs-approval",                                                       \
	  "The device's certificate has expired; approve its renewal, or reject it.")              \
	X(CERTIFICATE_REVOKED, "certificate-revoked",                                             \
	  "The device's certificate is on its issuer's revocation list.")                         \
	X(LIST_STALE, "list-stale",                                                               \
	  "The issuer's revocation list is out of date, and [devices] stale_crl = closed.")       \
	X(LIST_BAD, "list-bad",                                                                   \
	  "It is no revocation list that this gateway can go by; take it from who signs devices' certificates.") \
	X(NO_REGISTRAR, "no-registrar",                                                           \
	  "The registrar, which has to look at it, is not connected; see gangwayctl doctor.")     \
	X(LIST_OLDER, "list-older", "A later revocation list of that issuer is on record.")       \
	X(LIST_EARLY, "list-early",                                                               \
	  "The revocation list is of a time to come; see whose clock is wrong.")                  \
	X(NOT_APPROVED, "not-approved",                                                           \
	  "A person rejected the renewal of its expired certificate; claim the device anew.")      \
	X(DEVICE_FAILED, "device-failed", "The device reported that its enrolment failed.")        \
	X(CLOUD_AWAY, "cloud-away", "The cloud cannot be reached; the request waits on disk.")     \
	X(QUEUE_FULL, "queue-full", "Too many requests wait for the cloud; it goes on later.")     \
	/* the cloud's own refusals */                                                            \
	X(LIVE_ELSEWHERE, "live-elsewhere", "The device is aboard at another gateway.")            \
	X(MOVED, "moved", "The device is aboard at another gateway now; the cloud says at which.")  \
	X(CLAIM_USED, "claim-used", "The claim was used before, here or at another gateway.")      \
	X(WRONG_TENANT, "wrong-tenant", "This gateway may not enrol devices of that tenant.")      \
	X(CLOUD_REFUSED, "cloud-refused", "The cloud refused; its own text says why.")             \
	X(NOT_LISTED, "not-listed", "Its serial number is not on the list of those that may come.") \
	/* sessions */                                                                            \
	X(UNKNOWN_CERTIFICATE, "unknown-certificate", "The certificate is not on record here.")    \
	X(ASKING, "asking", "The cloud is asked whether the device, which comes from elsewhere, is at home here.") \
	X(RETIRED_CERTIFICATE, "retired-certificate", "A newer certificate has replaced this one.") \
	X(SUSPENDED, "suspended", "The device is suspended; resume it to serve it again.")         \
	X(DECOMMISSIONED, "decommissioned",                                                       \
	  "The device was decommissioned; a new claim lets it in again.")                         \
	X(NOT_TOLD, "not-told",                                                                   \
	  "It is told to wipe itself when it comes with its old certificate.")                    \
	X(TOLD, "told", "It was told to wipe itself, and has not said yet that it did.")           \
	X(WIPED, "wiped", "It says that it has wiped its key, its certificate and its settings.")  \
	X(NEVER_CAME_BACK, "never-came-back",                                                     \
	  "It did not come within the days that it had to be told.")                              \
	X(HANDSHAKE_FAILED, "handshake-failed", "The device and the gateway found no common ground.") \
	X(RESTARTED, "restarted", "The device began anew in place of this session.")               \
	X(CLOSED, "closed", "The device ended its session.")                                       \
	X(IDLE, "idle", "Nothing was said for too long.")                                          \
	X(CHANNEL_GONE, "channel-gone", "The way to the device is gone.")                          \
	X(TIMEOUT, "timeout", "The other side did not answer in time.")                            \
	X(EVICTED, "evicted", "Made room for a newer handshake.")                                  \
	X(LINK_LOST, "link-lost", "A part of gangway was restarted meanwhile.")                    \
	/* commands from the cloud */                                                             \
	X(EXPIRED, "expired", "Its time was over when it came.")                                   \
	X(OUT_OF_ORDER, "out-of-order", "A newer command was carried out before.")                 \
	X(LEAVING, "leaving",                                                                     \
	  "The cloud has yet to hear that the device has left; then it can be claimed anew.")      \
	X(CLOCK_UNTRUSTED, "clock-untrusted", "Time is not trusted yet, and this needs it.")       \
	X(SECRET_NOT_SEALED, "secret-not-sealed",                                                 \
	  "The cloud sent a secret in the open, which the configuration forbids.")                 \
	X(BAD_MESSAGE, "bad-message", "A message was malformed or out of turn.")                   \
	/* the record */                                                                          \
	X(RECORD_GAP, "record-gap", "Records are missing between what the cloud has and these.")   \
	X(RECORD_LOST, "record-lost",                                                             \
	  "The cloud has records that are not here: see who put an old copy of the store back.")   \
	/* configuration */                                                                       \
	X(BAD_CONFIGURATION, "bad-configuration",                                                 \
	  "The configuration is not valid; what held before holds on.")                            \
	X(UNCONFIGURED, "unconfigured", "This gateway is not configured yet.")

/* clang-format on */

enum gw_reason {
#define X(NAME, code, text) GW_REASON_##NAME,
	GW_REASONS(X)
#undef X
		_GW_REASON_MAX,
};

/* "id-in-use" */
const char *gw_reason_code(enum gw_reason reason);

/* The sentence for people. */
const char *gw_reason_text(enum gw_reason reason);

/* -ENOENT: no such code. */
int gw_reason_from_code(const char *code, enum gw_reason *ret);

/*
 * "id-in-use" -> "org.gangway1.Error.IdInUse"; works for codes we do not know. Cut at size, which
 * must have room for the prefix.
 */
void gw_reason_error_name(const char *code, char *name, size_t size);

/* The way back. -ENOENT: not one of our errors; -ENOSPC. */
int gw_reason_code_of_error(const char *name, char *code, size_t size);
