/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pkcs7: the certificates out of a certs-only message (RFC 7030 4.1.3: a CMS SignedData, RFC 5652, that
 * nobody signed), which is how EST hands out more than one. Pure.
 */
#pragma once

#include "lib/blob.h"

/* Finds the certificates: DER, one after the other, in no particular order, at least one; each is a
 * SEQUENCE, not looked into. Points into the message. -EBADMSG. */
int pkcs7_certificates(struct gw_blob message, struct gw_blob *ret);
