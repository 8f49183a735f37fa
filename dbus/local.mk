# SPDX-License-Identifier: GPL-2.0-or-later
EXTRA_DIST += \
	dbus/org.gangway1.conf \
	dbus/org.gangway1.Device.xml \
	dbus/org.gangway1.Manager.xml \
	dbus/org.gangway1.Transport.xml
