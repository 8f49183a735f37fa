# SPDX-License-Identifier: GPL-2.0-or-later
EXTRA_DIST += plugins/registrar/README

# What is said with a device, without I/O: tests and fuzz targets link it without the rest.
noinst_LIBRARIES += plugins/registrar/libconversation.a

plugins_registrar_libconversation_a_CFLAGS = $(AM_CFLAGS) $(WOLFSSL_CFLAGS) $(JANSSON_CFLAGS)
plugins_registrar_libconversation_a_SOURCES = \
	plugins/registrar/conversation.c plugins/registrar/conversation.h \
	plugins/registrar/csr.c plugins/registrar/csr.h \
	plugins/registrar/directory.c plugins/registrar/directory.h \
	plugins/registrar/est.c plugins/registrar/est.h \
	plugins/registrar/exchange.c plugins/registrar/exchange.h \
	plugins/registrar/memory.c plugins/registrar/memory.h \
	plugins/registrar/pkcs7.c plugins/registrar/pkcs7.h \
	plugins/registrar/reply.c plugins/registrar/reply.h \
	plugins/registrar/report.c plugins/registrar/report.h \
	plugins/registrar/request.c plugins/registrar/request.h \
	plugins/registrar/resource.c plugins/registrar/resource.h \
	plugins/registrar/response.c plugins/registrar/response.h \
	plugins/registrar/settings.c plugins/registrar/settings.h \
	plugins/registrar/transfer.c plugins/registrar/transfer.h

CONVERSATION_LIBS = plugins/registrar/libconversation.a $(GANGWAY_LIBS) $(GANGWAY_CRYPTO_LIBS) $(JANSSON_LIBS)

# What the registrar knows about certificates, its own included.
noinst_LIBRARIES += plugins/registrar/libcertificate.a

plugins_registrar_libcertificate_a_CFLAGS = $(AM_CFLAGS) $(WOLFSSL_CFLAGS)
plugins_registrar_libcertificate_a_SOURCES = \
	plugins/registrar/certificate.c plugins/registrar/certificate.h \
	plugins/registrar/revocation.c plugins/registrar/revocation.h \
	plugins/registrar/server-key.c plugins/registrar/server-key.h

CERTIFICATE_LIBS = plugins/registrar/libcertificate.a $(CONVERSATION_LIBS)

# All of the registrar but its main(), so that tests can have it whole.
noinst_LIBRARIES += plugins/registrar/libregistrar.a

plugins_registrar_libregistrar_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(WOLFSSL_CFLAGS)
plugins_registrar_libregistrar_a_SOURCES = \
	plugins/registrar/account.c plugins/registrar/account.h \
	plugins/registrar/wall.c plugins/registrar/wall.h \
	plugins/registrar/anchors.c plugins/registrar/anchors.h \
	plugins/registrar/backlog.c plugins/registrar/backlog.h \
	plugins/registrar/channel.c plugins/registrar/channel.h \
	plugins/registrar/clear.c plugins/registrar/clear.h \
	plugins/registrar/client-hello.c plugins/registrar/client-hello.h \
	plugins/registrar/contexts.c plugins/registrar/contexts.h \
	plugins/registrar/cookie.c plugins/registrar/cookie.h \
	plugins/registrar/credentials.c plugins/registrar/credentials.h \
	plugins/registrar/crowd.c plugins/registrar/crowd.h \
	plugins/registrar/flight.c plugins/registrar/flight.h \
	plugins/registrar/front.c plugins/registrar/front.h \
	plugins/registrar/key-exchange.c plugins/registrar/key-exchange.h \
	plugins/registrar/keying.c plugins/registrar/keying.h \
	plugins/registrar/leaf.c plugins/registrar/leaf.h \
	plugins/registrar/lineup.c plugins/registrar/lineup.h \
	plugins/registrar/options.c plugins/registrar/options.h \
	plugins/registrar/path.c plugins/registrar/path.h \
	plugins/registrar/peer.c plugins/registrar/peer.h \
	plugins/registrar/peers.c plugins/registrar/peers.h \
	plugins/registrar/ration.c plugins/registrar/ration.h \
	plugins/registrar/record.c plugins/registrar/record.h \
	plugins/registrar/registrar.c plugins/registrar/registrar.h \
	plugins/registrar/session.c plugins/registrar/session.h

REGISTRAR_LIBS = plugins/registrar/libregistrar.a $(CERTIFICATE_LIBS)

pkglibexec_PROGRAMS += plugins/registrar/gangway-registrar

plugins_registrar_gangway_registrar_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
plugins_registrar_gangway_registrar_SOURCES = plugins/registrar/main.c
plugins_registrar_gangway_registrar_LDADD = $(REGISTRAR_LIBS)
