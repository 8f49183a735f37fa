# SPDX-License-Identifier: GPL-2.0-or-later
dist_dbuspolicy_DATA = dbus/org.gangway1.conf
dist_dbusservices_DATA = dbus/org.gangway1.service
dist_dbusinterfaces_DATA = \
	dbus/org.gangway1.Device.xml \
	dbus/org.gangway1.Manager.xml \
	dbus/org.gangway1.Transport.xml

dist_polkitactions_DATA = dbus/org.gangway1.policy
polkitrulesdir = $(datadir)/polkit-1/rules.d
dist_polkitrules_DATA = dbus/zz-gangway.rules

examplesdir = $(docdir)/examples
dist_examples_DATA = dbus/examples/50-gangway-technicians.rules

EXTRA_DIST += dbus/README
