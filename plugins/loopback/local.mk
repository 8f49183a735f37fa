# SPDX-License-Identifier: GPL-2.0-or-later
# The example for authors of transports: built and tested here, installed as source.
noinst_PROGRAMS += plugins/loopback/gangway-loopback
plugins_loopback_gangway_loopback_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
plugins_loopback_gangway_loopback_LDADD = $(GANGWAY_LIBS)
plugins_loopback_gangway_loopback_SOURCES = plugins/loopback/main.c

# As an author compiles it.
loopbackexampledir = $(docdir)/examples/loopback
dist_loopbackexample_DATA = plugins/loopback/README
nodist_loopbackexample_DATA = plugins/loopback/example/main.c
CLEANFILES += plugins/loopback/example/main.c

plugins/loopback/example/main.c: plugins/loopback/main.c
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	sed 's,^#include "lib/\(.*\)",#include <gangway/\1>,' '$(srcdir)/plugins/loopback/main.c' > $@.new && \
	mv $@.new $@
