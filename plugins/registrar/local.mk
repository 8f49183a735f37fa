# SPDX-License-Identifier: GPL-2.0-or-later
# What is said with a device, without I/O: tests and fuzz targets link it without the rest.
noinst_LIBRARIES += plugins/registrar/libconversation.a

plugins_registrar_libconversation_a_CFLAGS = $(AM_CFLAGS) $(WOLFSSL_CFLAGS) $(JANSSON_CFLAGS)
plugins_registrar_libconversation_a_SOURCES = \
	plugins/registrar/conversation.c plugins/registrar/conversation.h \
	plugins/registrar/csr.c plugins/registrar/csr.h \
	plugins/registrar/der.c plugins/registrar/der.h \
	plugins/registrar/directory.c plugins/registrar/directory.h \
	plugins/registrar/est.c plugins/registrar/est.h \
	plugins/registrar/exchange.c plugins/registrar/exchange.h \
	plugins/registrar/pkcs7.c plugins/registrar/pkcs7.h \
	plugins/registrar/reply.c plugins/registrar/reply.h \
	plugins/registrar/report.c plugins/registrar/report.h \
	plugins/registrar/request.c plugins/registrar/request.h \
	plugins/registrar/resource.c plugins/registrar/resource.h \
	plugins/registrar/response.c plugins/registrar/response.h \
	plugins/registrar/settings.c plugins/registrar/settings.h \
	plugins/registrar/transfer.c plugins/registrar/transfer.h \
	plugins/registrar/x509.c plugins/registrar/x509.h

CONVERSATION_LIBS = plugins/registrar/libconversation.a $(GANGWAY_LIBS) $(GANGWAY_CRYPTO_LIBS) $(JANSSON_LIBS)

# What the registrar knows about certificates, its own included.
noinst_LIBRARIES += plugins/registrar/libcertificate.a

plugins_registrar_libcertificate_a_CFLAGS = $(AM_CFLAGS) $(WOLFSSL_CFLAGS)
plugins_registrar_libcertificate_a_SOURCES = \
	plugins/registrar/certificate.c plugins/registrar/certificate.h \
	plugins/registrar/server-key.c plugins/registrar/server-key.h

CERTIFICATE_LIBS = plugins/registrar/libcertificate.a $(CONVERSATION_LIBS)
