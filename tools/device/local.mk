# SPDX-License-Identifier: GPL-2.0-or-later
# gangway-device: the reference device.
bin_PROGRAMS += tools/device/gangway-device

tools_device_gangway_device_SOURCES = \
	tools/device/certificate.c tools/device/certificate.h \
	tools/device/credential.c tools/device/credential.h \
	tools/device/device.c tools/device/device.h \
	tools/device/dtls.c tools/device/dtls.h \
	tools/device/est.c tools/device/est.h \
	tools/device/exchange.c tools/device/exchange.h \
	tools/device/failure.c tools/device/failure.h \
	tools/device/fiber.c tools/device/fiber.h \
	tools/device/key.c tools/device/key.h \
	tools/device/labels.c tools/device/labels.h \
	tools/device/load.c tools/device/load.h \
	tools/device/main.c \
	tools/device/patience.c tools/device/patience.h \
	tools/device/pem.c tools/device/pem.h \
	tools/device/pkcs7.c tools/device/pkcs7.h \
	tools/device/plan.c tools/device/plan.h \
	tools/device/request.c tools/device/request.h \
	tools/device/state.c tools/device/state.h \
	tools/device/tally.c tools/device/tally.h \
	tools/device/trust.c tools/device/trust.h \
	tools/device/uri.c tools/device/uri.h \
	tools/device/visit.c tools/device/visit.h \
	tools/device/wait.c tools/device/wait.h
tools_device_gangway_device_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(WOLFSSL_CFLAGS)
tools_device_gangway_device_LDADD = $(GANGWAY_CRYPTO_LIBS) $(GANGWAY_LIBS)
EXTRA_DIST += tools/device/README
