# SPDX-License-Identifier: GPL-2.0-or-later
pkglibexec_PROGRAMS += plugins/ip/gangway-ip
plugins_ip_gangway_ip_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(NL_CFLAGS)
plugins_ip_gangway_ip_LDADD = $(GANGWAY_LIBS) $(NL_LIBS)
plugins_ip_gangway_ip_SOURCES = \
	plugins/ip/main.c \
	plugins/ip/census.c plugins/ip/census.h \
	plugins/ip/door.c plugins/ip/door.h \
	plugins/ip/ip.c plugins/ip/ip.h \
	plugins/ip/neighbour.c plugins/ip/neighbour.h \
	plugins/ip/netlink.c plugins/ip/netlink.h \
	plugins/ip/settings.c plugins/ip/settings.h \
	plugins/ip/vendor.c plugins/ip/vendor.h

EXTRA_DIST += plugins/ip/README
