# SPDX-License-Identifier: GPL-2.0-or-later
# lib: leaf code that any program may link. libgangway.a needs libsystemd only; what needs wolfCrypt
# stands apart, since programs with OpenSSL in them must not have it.
# What writers of plugins get is libgangway.a with the headers below, which there are <gangway/...>.
lib_LIBRARIES += lib/libgangway.a

LIB_PUBLIC = \
	lib/gangway/blob.h \
	lib/gangway/event.h \
	lib/gangway/log.h \
	lib/gangway/plugin.h \
	lib/gangway/reason.h \
	lib/gangway/util.h \
	lib/gangway/wire.h
gangwayincludedir = $(includedir)/gangway
nodist_gangwayinclude_HEADERS = $(LIB_PUBLIC)
pkgconfigdir = $(libdir)/pkgconfig
nodist_pkgconfig_DATA = lib/gangway/gangway-plugin.pc
CLEANFILES += $(LIB_PUBLIC) $(nodist_pkgconfig_DATA)
EXTRA_DIST += lib/gangway-plugin.pc.in

$(LIB_PUBLIC): lib/gangway/%.h: lib/%.h
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	sed 's,^#include "lib/\(.*\)",#include <gangway/\1>,' '$(srcdir)/lib/$*.h' > $@.new && mv $@.new $@

lib/gangway/gangway-plugin.pc: lib/gangway-plugin.pc.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	sed -e 's,@prefix[@],$(prefix),' -e 's,@includedir[@],$(includedir),' -e 's,@libdir[@],$(libdir),' \
		-e 's,@pkglibexecdir[@],$(pkglibexecdir),' -e 's,@PACKAGE_VERSION[@],$(PACKAGE_VERSION),' \
		'$(srcdir)/lib/gangway-plugin.pc.in' > $@.new && mv $@.new $@

lib_libgangway_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
lib_libgangway_a_SOURCES = \
	lib/base32.c lib/base32.h \
	lib/base64.c lib/base64.h \
	lib/blob.h \
	lib/bucket.c lib/bucket.h \
	lib/coap.c lib/coap.h \
	lib/crl.c lib/crl.h \
	lib/der.c lib/der.h \
	lib/endpoint.c lib/endpoint.h \
	lib/hex.c lib/hex.h \
	lib/json-text.h \
	lib/label.c lib/label.h \
	lib/link.c lib/link.h \
	lib/event.c lib/event.h \
	lib/log.c lib/log.h \
	lib/log-fields.c lib/log-fields.h \
	lib/plugin.c lib/plugin.h \
	lib/reason.c lib/reason.h \
	lib/sealed.c lib/sealed.h \
	lib/step.c lib/step.h \
	lib/timer.c \
	lib/util.c lib/util.h \
	lib/wire.c lib/wire.h \
	lib/x509-read.h \
	lib/x509.c lib/x509.h

GANGWAY_LIBS = lib/libgangway.a $(SYSTEMD_LIBS)

noinst_LIBRARIES += lib/libgangway-crypto.a

lib_libgangway_crypto_a_CFLAGS = $(AM_CFLAGS) $(WOLFSSL_CFLAGS)
lib_libgangway_crypto_a_SOURCES = lib/crypto.c lib/crypto.h

GANGWAY_CRYPTO_LIBS = lib/libgangway-crypto.a $(WOLFSSL_LIBS)

# Not with wolfCrypt in one program.
noinst_LIBRARIES += lib/libgangway-mqtt.a

lib_libgangway_mqtt_a_CFLAGS = \
	$(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(MOSQUITTO_CFLAGS) $(OPENSSL_CFLAGS)
lib_libgangway_mqtt_a_SOURCES = \
	lib/mqtt.c lib/mqtt.h \
	lib/mqtt-memory.c lib/mqtt-memory.h \
	lib/mqtt-tls.c lib/mqtt-tls.h \
	lib/resolve.c lib/resolve.h

GANGWAY_MQTT_LIBS = lib/libgangway-mqtt.a $(MOSQUITTO_LIBS) $(OPENSSL_LIBS)
