/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mqtt-tls: how a connection to the broker is secured: our credential, its name, the verdict. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_endpoint;
struct ssl_ctx_st;
struct gw_mqtt_tls;

/* What time it is, as somebody told. Not trusted: it is no earlier than that. */
struct gw_mqtt_clock {
	bool trusted;
	uint64_t time_s;
	uint64_t told_us; /* by gw_now_boottime_us() */
};

/*
 * For one connection, by a context that holds our credential and the broker's CA; takes it, also on
 * failure. `clock` is borrowed, and looked at in the handshake; NULL: the machine's is right.
 */
int gw_mqtt_tls_new(struct ssl_ctx_st *ctx, const struct gw_endpoint *endpoint,
		    const struct gw_mqtt_clock *clock, struct gw_mqtt_tls **ret);
struct gw_mqtt_tls *gw_mqtt_tls_free(struct gw_mqtt_tls *tls);

/* For libmosquitto; the tls must outlive every connection made with it. */
struct ssl_ctx_st *gw_mqtt_tls_context(struct gw_mqtt_tls *tls);

/* The handshake is complete. */
bool gw_mqtt_tls_is_up(const struct gw_mqtt_tls *tls);

/* The handshake waits for room to write. */
bool gw_mqtt_tls_wants_write(const struct gw_mqtt_tls *tls);

/* Whether the broker's chain, which has passed, is good now that the clock may know better. */
bool gw_mqtt_tls_is_current(const struct gw_mqtt_tls *tls);

/* The end of the chain that the broker's certificate was verified by, DER, to be freed; -ENOENT. The
 * connection must be there still. */
int gw_mqtt_tls_anchor(const struct gw_mqtt_tls *tls, uint8_t **ret, size_t *ret_len);

/* What is wrong with the broker's certificate, or NULL. */
const char *gw_mqtt_tls_distrust(const struct gw_mqtt_tls *tls);
