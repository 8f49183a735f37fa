/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * anchors: what the broker is known by, beside the file that we were given: the list that the cloud sent last,
 * and the one certificate that the last good connection was verified with, if it is in neither. Two cells (cell.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/blob.h"

struct x509_store_st;

#define ANCHORS_STEP   "mqtt.anchors" /* see lib/step.h */
#define ANCHORS_ISSUED 0              /* no command has this number */

/* Makes the files that are missing. */
int anchors_open(int dir_fd);

/* As cell_check(), of both. */
int anchors_check(int dir_fd);

/* Nothing is kept any more. */
int anchors_forget(int dir_fd);

/* Adds all that is kept in the folder to those that a connection may be verified with. */
void anchors_add(int dir_fd, struct x509_store_st *store);

/*
 * The list that the cloud sent (DER, one after the other) replaces the one before it. `seq` is the command's that brought
 * it, and is kept with it; so nobody who keeps what the cloud once sent brings it back: what the same command brings
 * once more is passed over, and an older one's is -ESTALE. ANCHORS_ISSUED: it came with a certificate, which says nothing
 * about commands. `in_use` is what the present connection was verified with, and `given` (PEM) the file: what the list
 * drops, and the file does not have, is held on to. -EBADMSG: there is something in the list that is no certificate.
 */
int anchors_take(int dir_fd, uint64_t seq, struct gw_blob list, struct gw_blob in_use,
		 struct gw_blob given);

/* Whether it is certificates, one after the other, and nothing else. */
bool anchors_are_certificates(struct gw_blob list);

/* A connection was verified with this: what was held on to may go, if this is in the list or the file. */
int anchors_verified_by(int dir_fd, struct gw_blob in_use, struct gw_blob given);
