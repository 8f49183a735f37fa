# SPDX-License-Identifier: GPL-2.0-or-later
# The cloud link. OpenSSL and libmosquitto are here; wolfSSL must never be.
pkglibexec_PROGRAMS += plugins/mqtt/gangway-mqtt
EXTRA_DIST += plugins/mqtt/README

plugins_mqtt_gangway_mqtt_CFLAGS = \
	$(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS) $(OPENSSL_CFLAGS)
plugins_mqtt_gangway_mqtt_SOURCES = \
	plugins/mqtt/anchors.c plugins/mqtt/anchors.h \
	plugins/mqtt/backoff.c plugins/mqtt/backoff.h \
	plugins/mqtt/broker.c plugins/mqtt/broker.h \
	plugins/mqtt/bulletin.c plugins/mqtt/bulletin.h \
	plugins/mqtt/calendar.c plugins/mqtt/calendar.h \
	plugins/mqtt/cell.c plugins/mqtt/cell.h \
	plugins/mqtt/confine.c plugins/mqtt/confine.h \
	plugins/mqtt/credential.c plugins/mqtt/credential.h \
	plugins/mqtt/dialect.c plugins/mqtt/dialect.h \
	plugins/mqtt/dialect-events.c plugins/mqtt/dialect-events.h \
	plugins/mqtt/dialect-read.c \
	plugins/mqtt/dialect-table.h \
	plugins/mqtt/dialect-write.c \
	plugins/mqtt/errand.c plugins/mqtt/errand.h \
	plugins/mqtt/guise.c plugins/mqtt/guise.h \
	plugins/mqtt/identity.c plugins/mqtt/identity.h \
	plugins/mqtt/keypair.c plugins/mqtt/keypair.h \
	plugins/mqtt/keyring.c plugins/mqtt/keyring.h \
	plugins/mqtt/main.c \
	plugins/mqtt/offer.c plugins/mqtt/offer.h \
	plugins/mqtt/outstanding.c plugins/mqtt/outstanding.h \
	plugins/mqtt/parts.c plugins/mqtt/parts.h \
	plugins/mqtt/presence.c plugins/mqtt/presence.h \
	plugins/mqtt/relay.c plugins/mqtt/relay.h \
	plugins/mqtt/slots.c plugins/mqtt/slots.h \
	plugins/mqtt/wallet.c plugins/mqtt/wallet.h \
	plugins/mqtt/wipe.c
plugins_mqtt_gangway_mqtt_LDADD = $(GANGWAY_MQTT_LIBS) $(GANGWAY_LIBS) $(JANSSON_LIBS)
