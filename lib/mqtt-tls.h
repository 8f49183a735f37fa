/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mqtt-tls: how a connection to the broker is secured: our credential, its name, the verdict. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct gw_endpoint;
struct ssl_ctx_st;
struct gw_mqtt_tls;

/*
 * For one connection, by a context that holds our credential and the broker's CA; takes it, also on
 * failure. `clock_is_behind`: our own certificate is in the future, so the clock is wrong.
 */
int gw_mqtt_tls_new(struct ssl_ctx_st *ctx, const struct gw_endpoint *endpoint,
		    bool clock_is_behind, struct gw_mqtt_tls **ret);
struct gw_mqtt_tls *gw_mqtt_tls_free(struct gw_mqtt_tls *tls);

/* For libmosquitto; the tls must outlive every connection made with it. */
struct ssl_ctx_st *gw_mqtt_tls_context(struct gw_mqtt_tls *tls);

/* The handshake is complete. */
bool gw_mqtt_tls_is_up(const struct gw_mqtt_tls *tls);

/* The handshake waits for room to write. */
bool gw_mqtt_tls_wants_write(const struct gw_mqtt_tls *tls);

/* What is wrong with the broker's certificate, or NULL. */
const char *gw_mqtt_tls_distrust(const struct gw_mqtt_tls *tls);
