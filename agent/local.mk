# SPDX-License-Identifier: GPL-2.0-or-later
# gangwayd. Libraries by room: sqlite3 in store, libeconf in settings, sd-bus in bus* and polkit. All but main.c is
# in a library, so that tests can link the rooms that they need.
noinst_LIBRARIES += agent/libagent.a

agent_libagent_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(SQLITE_CFLAGS) $(ECONF_CFLAGS)
agent_libagent_a_SOURCES = \
	agent/adopt.c agent/adopt.h \
	agent/agent.c agent/agent.h \
	agent/answers.c agent/answers.h \
	agent/approval.c agent/approval.h \
	agent/audit.c agent/audit.h \
	agent/audit-export.c agent/audit-export.h \
	agent/audit-lines.c agent/audit-lines.h \
	agent/audit-retention.c agent/audit-retention.h \
	agent/audit-verify.c agent/audit-verify.h \
	agent/bus.c agent/bus.h \
	agent/bus-audit.c agent/bus-audit.h \
	agent/bus-call.c agent/bus-call.h \
	agent/bus-config.c agent/bus-config.h \
	agent/bus-credentials.c agent/bus-credentials.h \
	agent/bus-jobs.c agent/bus-jobs.h \
	agent/bus-device.c \
	agent/bus-doctor.c agent/bus-doctor.h \
	agent/bus-filter.c agent/bus-filter.h \
	agent/bus-manager.c \
	agent/bus-revocation.c agent/bus-revocation.h \
	agent/bus-rights.c agent/bus-rights.h \
	agent/bus-transport.c \
	agent/bus-verify.c agent/bus-verify.h \
	agent/bus-wait.c agent/bus-wait.h \
	agent/callers.c agent/callers.h \
	agent/channels.c agent/channels.h \
	agent/checkup.c agent/checkup.h \
	agent/claim.c agent/claim.h \
	agent/clock.c agent/clock.h \
	agent/clock-watch.c agent/clock-watch.h \
	agent/cloud.c agent/cloud.h \
	agent/command.c agent/command.h \
	agent/command-list.c agent/command-list.h \
	agent/credential.c agent/credential.h \
	agent/crl-watch.c agent/crl-watch.h \
	agent/device.c agent/device.h \
	agent/discovered.c agent/discovered.h \
	agent/refusals.c agent/refusals.h \
	agent/dispatch.c agent/dispatch.h \
	agent/doctor.c agent/doctor.h \
	agent/doctor-cloud.c agent/doctor-cloud.h \
	agent/door.c agent/door.h \
	agent/due.c agent/due.h \
	agent/enrol.c agent/enrol.h \
	agent/issue.c agent/issue.h \
	agent/issuers.c agent/issuers.h \
	agent/leave.c agent/leave.h \
	agent/lifecycle.c agent/lifecycle.h \
	agent/link-server.c agent/link-server.h \
	agent/neighbours.c agent/neighbours.h \
	agent/outlook.c agent/outlook.h \
	agent/operate.c agent/operate.h \
	agent/plugins.c agent/plugins.h \
	agent/policy.c agent/policy.h \
	agent/polkit.c agent/polkit.h \
	agent/prospect.c agent/prospect.h \
	agent/pulse.c agent/pulse.h \
	agent/queue.c agent/queue.h \
	agent/reload.c agent/reload.h \
	agent/renewal.c agent/renewal.h \
	agent/requests.c agent/requests.h \
	agent/reset.c agent/reset.h \
	agent/revocation.c agent/revocation.h \
	agent/rights.c agent/rights.h \
	agent/roles.c agent/roles.h \
	agent/rule.c agent/rule.h \
	agent/sessions.c agent/sessions.h \
	agent/settings.c agent/settings.h \
	agent/settings-disk.c agent/settings-disk.h \
	agent/settings-file.c agent/settings-file.h \
	agent/settings-key.c agent/settings-key.h \
	agent/settings-report.c agent/settings-report.h \
	agent/settings-text.c agent/settings-text.h \
	agent/sheet.c agent/sheet.h \
	agent/steps.h \
	agent/store.c agent/store.h \
	agent/store-certificate.c agent/store-certificate.h \
	agent/store-key.c agent/store-key.h \
	agent/store-claim.c agent/store-claim.h \
	agent/store-crl.c agent/store-crl.h \
	agent/store-device.c agent/store-device.h \
	agent/store-job.c agent/store-job.h \
	agent/store-schema.c agent/store-schema.h \
	agent/turn.c agent/turn.h \
	agent/unconfigured.c agent/unconfigured.h \
	agent/vault.c agent/vault.h

AGENT_LIBS = agent/libagent.a lib/libgangway-crypto.a $(GANGWAY_LIBS) $(WOLFSSL_LIBS) $(SQLITE_LIBS) \
	$(ECONF_LIBS)

sbin_PROGRAMS += agent/gangwayd

agent_gangwayd_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
agent_gangwayd_SOURCES = agent/main.c
agent_gangwayd_LDADD = $(AGENT_LIBS)

# For the manual, and for etc/gangway.conf: `make settings` writes that anew when the table has changed.
noinst_PROGRAMS += agent/settings-page
agent_settings_page_SOURCES = agent/settings-page.c
agent_settings_page_LDADD = agent/libagent.a $(GANGWAY_LIBS)

.PHONY: settings
settings: agent/settings-page
	agent/settings-page conf > '$(srcdir)/etc/gangway.conf'
