# SPDX-License-Identifier: GPL-2.0-or-later
# What the service manager reads. Units name programs by where they are installed, so make writes those.
GANGWAY_UNITS = \
	etc/systemd/gangwayd.service \
	etc/systemd/gangway-ip.service \
	etc/systemd/gangway-mqtt.service \
	etc/systemd/gangway-registrar.service

systemdsystemunit_DATA = \
	$(GANGWAY_UNITS) \
	etc/systemd/gangwayd.socket \
	etc/systemd/gangwayd-up.service \
	etc/systemd/gangway.target

# They all have the name that their folder demands: gangway.conf.
sysusers_DATA = etc/sysusers/gangway.conf
tmpfiles_DATA = etc/tmpfiles/gangway.conf

$(GANGWAY_UNITS): %: %.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	sed -e 's,@sbindir[@],$(sbindir),g' -e 's,@bindir[@],$(bindir),g' -e 's,@pkglibexecdir[@],$(pkglibexecdir),g' \
		'$(srcdir)/$@.in' > $@.new && mv $@.new $@

CLEANFILES += $(GANGWAY_UNITS)

# What the journal says about the events of lib/event.h.
catalogdir = $(prefix)/lib/systemd/catalog
dist_catalog_DATA = etc/gangway.catalog

dist_gangwayconf_DATA = etc/gangway.conf

EXTRA_DIST += \
	etc/README \
	etc/sysusers/gangway.conf \
	etc/systemd/gangwayd.service.in \
	etc/systemd/gangwayd.socket \
	etc/systemd/gangwayd-up.service \
	etc/systemd/gangway-ip.service.in \
	etc/systemd/gangway-mqtt.service.in \
	etc/systemd/gangway-registrar.service.in \
	etc/systemd/gangway.target \
	etc/tmpfiles/gangway.conf
