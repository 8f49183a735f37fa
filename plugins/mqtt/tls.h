/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls: how one connection to the broker is secured: our credential, the broker's name, the verdict. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct endpoint;
struct ssl_ctx_st;
struct tls;

/* -errno, and in `why` a sentence for the operator: see credential_load(). */
int tls_new(const char *folder, const char *gateway, const struct endpoint *endpoint,
	    struct tls **ret, char *why, size_t size);
struct tls *tls_free(struct tls *tls);

/* For libmosquitto; the tls must outlive every connection made with it. */
struct ssl_ctx_st *tls_context(struct tls *tls);

/* The handshake is complete. */
bool tls_is_up(const struct tls *tls);

/* The handshake waits for room to write. */
bool tls_wants_write(const struct tls *tls);

/* What is wrong with the broker's certificate, or NULL. */
const char *tls_distrust(const struct tls *tls);
