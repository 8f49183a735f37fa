# SPDX-License-Identifier: GPL-2.0-or-later
# The example for authors of transports: built and tested here, installed as source.
noinst_PROGRAMS += plugins/loopback/gangway-loopback
plugins_loopback_gangway_loopback_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
plugins_loopback_gangway_loopback_LDADD = $(GANGWAY_LIBS)
plugins_loopback_gangway_loopback_SOURCES = plugins/loopback/main.c

EXTRA_DIST += plugins/loopback/README
