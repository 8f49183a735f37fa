# SPDX-License-Identifier: GPL-2.0-or-later
# The reference cloud. OpenSSL and libmosquitto are here; wolfSSL must never be.
bin_PROGRAMS += tools/cloud/gangway-cloud
EXTRA_DIST += tools/cloud/README

CLOUD_CFLAGS = \
	$(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(SQLITE_CFLAGS) $(JANSSON_CFLAGS) $(OPENSSL_CFLAGS)
CLOUD_REGISTRY = \
	tools/cloud/home.c tools/cloud/home.h \
	tools/cloud/registry.c tools/cloud/registry.h \
	tools/cloud/registry-answer.c \
	tools/cloud/registry-certificate.c \
	tools/cloud/registry-claim.c \
	tools/cloud/registry-crl.c \
	tools/cloud/registry-command.c \
	tools/cloud/registry-device.c \
	tools/cloud/registry-db.h \
	tools/cloud/registry-event.c \
	tools/cloud/registry-gateway.c \
	tools/cloud/registry-gateway-certificate.c \
	tools/cloud/registry-gateway-claim.c \
	tools/cloud/registry-move.c \
	tools/cloud/registry-sql.c tools/cloud/registry-sql.h

tools_cloud_gangway_cloud_CFLAGS = $(CLOUD_CFLAGS)
tools_cloud_gangway_cloud_SOURCES = \
	$(CLOUD_REGISTRY) \
	tools/cloud/authority.c tools/cloud/authority.h \
	tools/cloud/body.h \
	tools/cloud/body-read.c \
	tools/cloud/body-write.c \
	tools/cloud/box.c tools/cloud/box.h \
	tools/cloud/bundle.c tools/cloud/bundle.h \
	tools/cloud/broker.c tools/cloud/broker.h \
	tools/cloud/broker-crl.c tools/cloud/broker-crl.h \
	tools/cloud/certificate.c tools/cloud/certificate.h \
	tools/cloud/claim.c \
	tools/cloud/claim-credential.c \
	tools/cloud/crl.c \
	tools/cloud/crl-care.c tools/cloud/crl-care.h \
	tools/cloud/crl-command.c tools/cloud/crl-command.h \
	tools/cloud/crl-issue.c tools/cloud/crl-issue.h \
	tools/cloud/csr.c tools/cloud/csr.h \
	tools/cloud/desk.c tools/cloud/desk.h \
	tools/cloud/events.c \
	tools/cloud/fleet.c tools/cloud/fleet.h \
	tools/cloud/history.c tools/cloud/history.h \
	tools/cloud/id.c tools/cloud/id.h \
	tools/cloud/init.c \
	tools/cloud/key.c tools/cloud/key.h \
	tools/cloud/list.c \
	tools/cloud/main.c \
	tools/cloud/members.c tools/cloud/members.h \
	tools/cloud/operate.c \
	tools/cloud/policy.c tools/cloud/policy.h \
	tools/cloud/request.c tools/cloud/request.h \
	tools/cloud/replace-gateway.c \
	tools/cloud/request-adopt.c \
	tools/cloud/request-enroll.c \
	tools/cloud/request-renew.c \
	tools/cloud/roll.c tools/cloud/roll.h \
	tools/cloud/request-proved.c \
	tools/cloud/request-provision.c \
	tools/cloud/request-revoked.c \
	tools/cloud/request-server-cert.c \
	tools/cloud/revoke-gateway.c \
	tools/cloud/request-suspended.c \
	tools/cloud/request-decommissioned.c \
	tools/cloud/revocation-list.c tools/cloud/revocation-list.h \
	tools/cloud/roaming.c \
	tools/cloud/serve.c \
	tools/cloud/table.c tools/cloud/table.h \
	tools/cloud/topic.c tools/cloud/topic.h \
	tools/cloud/turn.c tools/cloud/turn.h \
	tools/cloud/verb.c tools/cloud/verb.h \
	tools/cloud/withdraw.c
tools_cloud_gangway_cloud_LDADD = \
	$(GANGWAY_MQTT_LIBS) $(GANGWAY_LIBS) $(SQLITE_LIBS) $(JANSSON_LIBS) $(OPENSSL_LIBS)
