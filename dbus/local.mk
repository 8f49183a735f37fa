# SPDX-License-Identifier: GPL-2.0-or-later
dist_dbuspolicy_DATA = dbus/org.gangway1.conf
dist_dbusservices_DATA = dbus/org.gangway1.service
dist_dbusinterfaces_DATA = \
	dbus/org.gangway1.Device.xml \
	dbus/org.gangway1.Manager.xml \
	dbus/org.gangway1.Transport.xml
