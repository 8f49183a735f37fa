/* SPDX-License-Identifier: GPL-2.0-or-later */
/* broker-crl: the list of the gateways' certificates that the broker is to keep out. */
#pragma once

#define BROKER_CRL \
	HOME_BROKER "/revoked.crl" /* PEM, as OpenSSL's programs take it; always there and signed */

struct home;
struct registry;

/* Outside of a transaction: it is one of its own, so that of two writers the later one has the last word. */
int broker_crl_write(const struct home *home, struct registry *registry);
