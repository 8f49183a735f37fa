# SPDX-License-Identifier: GPL-2.0-or-later
# Fuzz targets: one a parser of outside bytes. A new one is three lines below, a folder of inputs in
# tests/fuzz/corpus/NAME, and nothing else:
#
#	FUZZ_TARGETS += tests/fuzz/fuzz-NAME
#	tests_fuzz_fuzz_NAME_SOURCES = tests/fuzz/fuzz-NAME.c ROOM/NAME.c
#	tests_fuzz_fuzz_NAME_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS)
FUZZ_TARGETS =
EXTRA_DIST += tests/fuzz/README tests/fuzz/corpus

if FUZZERS
# CC=clang; configure has compiled all objects with coverage and the sanitizers.
FUZZ_LIBS = $(LIBFUZZER)
noinst_PROGRAMS += $(FUZZ_TARGETS)
else
FUZZ_LIBS = tests/fuzz/libreplay.a
check_LIBRARIES = tests/fuzz/libreplay.a
tests_fuzz_libreplay_a_SOURCES = tests/fuzz/replay.c
check_PROGRAMS += $(FUZZ_TARGETS)
TESTS += $(FUZZ_TARGETS)
endif

FUZZ_TARGETS += tests/fuzz/fuzz-coap
tests_fuzz_fuzz_coap_SOURCES = tests/fuzz/fuzz-coap.c
tests_fuzz_fuzz_coap_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-wire
tests_fuzz_fuzz_wire_SOURCES = tests/fuzz/fuzz-wire.c
tests_fuzz_fuzz_wire_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-label
tests_fuzz_fuzz_label_SOURCES = tests/fuzz/fuzz-label.c
tests_fuzz_fuzz_label_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-device-pkcs7
tests_fuzz_fuzz_device_pkcs7_SOURCES = tests/fuzz/fuzz-device-pkcs7.c \
	tools/device/certificate.c tools/device/pkcs7.c
tests_fuzz_fuzz_device_pkcs7_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-dialect
tests_fuzz_fuzz_dialect_SOURCES = tests/fuzz/fuzz-dialect.c \
	plugins/mqtt/dialect.c plugins/mqtt/dialect-read.c plugins/mqtt/dialect-write.c
tests_fuzz_fuzz_dialect_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_dialect_LDADD = $(FUZZ_LIBS) $(JANSSON_LIBS) $(GANGWAY_LIBS)
FUZZ_TARGETS += tests/fuzz/fuzz-conversation
tests_fuzz_fuzz_conversation_SOURCES = tests/fuzz/fuzz-conversation.c
tests_fuzz_fuzz_conversation_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=gw_random
tests_fuzz_fuzz_conversation_LDADD = $(FUZZ_LIBS) $(CONVERSATION_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-csr
tests_fuzz_fuzz_csr_SOURCES = tests/fuzz/fuzz-csr.c
tests_fuzz_fuzz_csr_LDADD = $(FUZZ_LIBS) $(CONVERSATION_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-x509
tests_fuzz_fuzz_x509_SOURCES = tests/fuzz/fuzz-x509.c
tests_fuzz_fuzz_x509_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-report
tests_fuzz_fuzz_report_SOURCES = tests/fuzz/fuzz-report.c
tests_fuzz_fuzz_report_LDADD = $(FUZZ_LIBS) $(CONVERSATION_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-front
tests_fuzz_fuzz_front_SOURCES = tests/fuzz/fuzz-front.c plugins/registrar/clear.c \
	plugins/registrar/client-hello.c \
	plugins/registrar/cookie.c plugins/registrar/front.c plugins/registrar/record.c
tests_fuzz_fuzz_front_LDADD = $(FUZZ_LIBS) $(GANGWAY_CRYPTO_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-key-exchange
tests_fuzz_fuzz_key_exchange_SOURCES = tests/fuzz/fuzz-key-exchange.c \
	plugins/registrar/key-exchange.c plugins/registrar/record.c
tests_fuzz_fuzz_key_exchange_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-cloud-body
tests_fuzz_fuzz_cloud_body_SOURCES = tests/fuzz/fuzz-cloud-body.c tools/cloud/body-read.c
tests_fuzz_fuzz_cloud_body_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_cloud_body_LDADD = $(FUZZ_LIBS) $(JANSSON_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-cloud-csr
tests_fuzz_fuzz_cloud_csr_SOURCES = tests/fuzz/fuzz-cloud-csr.c tools/cloud/csr.c
tests_fuzz_fuzz_cloud_csr_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
tests_fuzz_fuzz_cloud_csr_LDADD = $(FUZZ_LIBS) $(OPENSSL_LIBS) $(GANGWAY_LIBS)
