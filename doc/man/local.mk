# SPDX-License-Identifier: GPL-2.0-or-later
# The manual: a page for each program, each file, and the D-Bus interfaces, which are documented in dbus/.
dist_man_MANS = \
	doc/man/gangway-cloud.1 \
	doc/man/gangway-device.1 \
	doc/man/gangwayctl.1 \
	doc/man/gangway-label.5 \
	doc/man/gangway.7 \
	doc/man/gangway-ip.8 \
	doc/man/gangway-mqtt.8 \
	doc/man/gangway-registrar.8 \
	doc/man/gangwayd.8
nodist_man_MANS = doc/man/gangway.conf.5 doc/man/org.gangway1.5
CLEANFILES += $(nodist_man_MANS)
EXTRA_DIST += doc/man/dbus-page.py doc/man/gangway.conf.5.in

DBUS_INTERFACES = \
	dbus/org.gangway1.Manager.xml \
	dbus/org.gangway1.Device.xml \
	dbus/org.gangway1.Transport.xml

doc/man/org.gangway1.5: doc/man/dbus-page.py $(DBUS_INTERFACES)
	$(AM_V_GEN)$(MKDIR_P) doc/man && cd $(srcdir) && \
		PYTHONDONTWRITEBYTECODE=1 $(PYTHON3) doc/man/dbus-page.py $(DBUS_INTERFACES) \
		> $(abs_top_builddir)/$@.new && mv $(abs_top_builddir)/$@.new $(abs_top_builddir)/$@

doc/man/gangway.conf.5: doc/man/gangway.conf.5.in agent/settings-page
	$(AM_V_GEN)$(MKDIR_P) doc/man && \
		agent/settings-page mdoc < '$(srcdir)/doc/man/gangway.conf.5.in' > $@.new && mv $@.new $@
