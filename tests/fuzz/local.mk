# SPDX-License-Identifier: GPL-2.0-or-later
# Fuzz targets: one a parser of outside bytes. A new one is three lines below, a folder of inputs in
# tests/fuzz/corpus/NAME, and nothing else:
#
#	FUZZ_TARGETS += tests/fuzz/fuzz-NAME
#	tests_fuzz_fuzz_NAME_SOURCES = tests/fuzz/fuzz-NAME.c ROOM/NAME.c
#	tests_fuzz_fuzz_NAME_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS)
FUZZ_TARGETS =
EXTRA_DIST += tests/fuzz/README tests/fuzz/corpus tests/fuzz/input.h tests/fuzz/run

if FUZZERS
# CC=clang; configure has compiled all objects with coverage and the sanitizers.
FUZZ_LIBS = $(LIBFUZZER)
noinst_PROGRAMS += $(FUZZ_TARGETS)
else
FUZZ_LIBS = tests/fuzz/libreplay.a
check_LIBRARIES = tests/fuzz/libreplay.a
tests_fuzz_libreplay_a_SOURCES = tests/fuzz/replay.c
check_PROGRAMS += $(FUZZ_TARGETS)
TESTS += $(FUZZ_TARGETS)
endif

FUZZ_TARGETS += tests/fuzz/fuzz-coap
tests_fuzz_fuzz_coap_SOURCES = tests/fuzz/fuzz-coap.c
tests_fuzz_fuzz_coap_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-wire
tests_fuzz_fuzz_wire_SOURCES = tests/fuzz/fuzz-wire.c
tests_fuzz_fuzz_wire_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-label
tests_fuzz_fuzz_label_SOURCES = tests/fuzz/fuzz-label.c
tests_fuzz_fuzz_label_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-device-pkcs7
tests_fuzz_fuzz_device_pkcs7_SOURCES = tests/fuzz/fuzz-device-pkcs7.c \
	tools/device/certificate.c tools/device/pkcs7.c
tests_fuzz_fuzz_device_pkcs7_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-dialect
tests_fuzz_fuzz_dialect_SOURCES = tests/fuzz/fuzz-dialect.c \
	plugins/mqtt/dialect.c plugins/mqtt/dialect-read.c plugins/mqtt/dialect-write.c
tests_fuzz_fuzz_dialect_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_dialect_LDADD = $(FUZZ_LIBS) $(JANSSON_LIBS) $(GANGWAY_LIBS)
FUZZ_TARGETS += tests/fuzz/fuzz-conversation
tests_fuzz_fuzz_conversation_SOURCES = tests/fuzz/fuzz-conversation.c
tests_fuzz_fuzz_conversation_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=gw_random
tests_fuzz_fuzz_conversation_LDADD = $(FUZZ_LIBS) $(CONVERSATION_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-csr
tests_fuzz_fuzz_csr_SOURCES = tests/fuzz/fuzz-csr.c
tests_fuzz_fuzz_csr_LDADD = $(FUZZ_LIBS) $(CONVERSATION_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-crl
tests_fuzz_fuzz_crl_SOURCES = tests/fuzz/fuzz-crl.c
tests_fuzz_fuzz_crl_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-x509
tests_fuzz_fuzz_x509_SOURCES = tests/fuzz/fuzz-x509.c
tests_fuzz_fuzz_x509_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-report
tests_fuzz_fuzz_report_SOURCES = tests/fuzz/fuzz-report.c
tests_fuzz_fuzz_report_LDADD = $(FUZZ_LIBS) $(CONVERSATION_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-front
tests_fuzz_fuzz_front_SOURCES = tests/fuzz/fuzz-front.c plugins/registrar/clear.c \
	plugins/registrar/client-hello.c \
	plugins/registrar/cookie.c plugins/registrar/front.c plugins/registrar/record.c
tests_fuzz_fuzz_front_LDADD = $(FUZZ_LIBS) $(GANGWAY_CRYPTO_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-key-exchange
tests_fuzz_fuzz_key_exchange_SOURCES = tests/fuzz/fuzz-key-exchange.c \
	plugins/registrar/key-exchange.c plugins/registrar/record.c
tests_fuzz_fuzz_key_exchange_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-cloud-body
tests_fuzz_fuzz_cloud_body_SOURCES = tests/fuzz/fuzz-cloud-body.c tools/cloud/body-read.c
tests_fuzz_fuzz_cloud_body_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_cloud_body_LDADD = $(FUZZ_LIBS) $(JANSSON_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-cloud-csr
tests_fuzz_fuzz_cloud_csr_SOURCES = tests/fuzz/fuzz-cloud-csr.c tools/cloud/csr.c
tests_fuzz_fuzz_cloud_csr_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
tests_fuzz_fuzz_cloud_csr_LDADD = $(FUZZ_LIBS) $(OPENSSL_LIBS) $(GANGWAY_LIBS)

# The whole registrar, with a clock, an event loop, sockets and chance that exist in the test only.
REGISTRAR_WORLD_SOURCES = \
	tests/fuzz/fake-loop.c tests/fuzz/fake-loop.h \
	tests/fuzz/fake-random.c tests/fuzz/fake-random.h \
	tests/fuzz/mini-ca.c tests/fuzz/mini-ca.h \
	tests/fuzz/registrar-world.c tests/fuzz/registrar-world.h
REGISTRAR_WORLD_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(WOLFSSL_CFLAGS)
FAKE_RANDOM_WRAPS = \
	-Wl,--wrap=gw_random,--wrap=wc_InitRng,--wrap=wc_InitRng_ex,--wrap=wc_RNG_GenerateBlock
FAKE_LOOP_WRAPS = \
	-Wl,--wrap=gw_now_monotonic_us,--wrap=gw_now_realtime_us,--wrap=gw_now_boottime_us \
	-Wl,--wrap=sd_event_add_io,--wrap=sd_event_add_inotify \
	-Wl,--wrap=sd_event_add_time,--wrap=sd_event_add_time_relative \
	-Wl,--wrap=sd_event_source_set_time,--wrap=sd_event_source_set_time_relative \
	-Wl,--wrap=sd_event_source_get_enabled,--wrap=sd_event_source_set_enabled \
	-Wl,--wrap=sd_event_source_disable_unref \
	-Wl,--wrap=recvmmsg,--wrap=sendmsg,--wrap=sendmmsg
FAKE_PLUGIN_WRAPS = -Wl,--wrap=gw_plugin_send,--wrap=gw_plugin_health
REGISTRAR_WORLD_WRAPS = \
	$(AM_LDFLAGS) $(FAKE_RANDOM_WRAPS) $(FAKE_LOOP_WRAPS) $(FAKE_PLUGIN_WRAPS)

FUZZ_TARGETS += tests/fuzz/fuzz-registrar-stranger
tests_fuzz_fuzz_registrar_stranger_SOURCES = \
	tests/fuzz/fuzz-registrar-stranger.c $(REGISTRAR_WORLD_SOURCES)
tests_fuzz_fuzz_registrar_stranger_CFLAGS = $(REGISTRAR_WORLD_CFLAGS)
tests_fuzz_fuzz_registrar_stranger_LDFLAGS = $(REGISTRAR_WORLD_WRAPS)
tests_fuzz_fuzz_registrar_stranger_LDADD = $(FUZZ_LIBS) $(REGISTRAR_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-registrar-device
tests_fuzz_fuzz_registrar_device_SOURCES = \
	tests/fuzz/fuzz-registrar-device.c $(REGISTRAR_WORLD_SOURCES)
tests_fuzz_fuzz_registrar_device_CFLAGS = $(REGISTRAR_WORLD_CFLAGS)
tests_fuzz_fuzz_registrar_device_LDFLAGS = $(REGISTRAR_WORLD_WRAPS)
tests_fuzz_fuzz_registrar_device_LDADD = $(FUZZ_LIBS) $(REGISTRAR_LIBS)

# The whole agent, with a store in memory and a clock of the test's.
AGENT_ROOM_SOURCES = \
	tests/fuzz/agent-room.c tests/fuzz/agent-room.h \
	tests/fuzz/fake-random.c tests/fuzz/fake-random.h
AGENT_ROOM_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(SQLITE_CFLAGS) $(WOLFSSL_CFLAGS)
AGENT_ROOM_WRAPS = $(AM_LDFLAGS) $(FAKE_RANDOM_WRAPS) \
	-Wl,--wrap=gw_now_monotonic_us,--wrap=gw_now_realtime_us,--wrap=gw_now_boottime_us \
	-Wl,--wrap=access,--wrap=gw_log_tagged,--wrap=sqlite3_open_v2 \
	-Wl,--wrap=sd_event_source_set_time,--wrap=sd_event_source_set_time_relative

FUZZ_TARGETS += tests/fuzz/fuzz-agent-link
tests_fuzz_fuzz_agent_link_SOURCES = tests/fuzz/fuzz-agent-link.c $(AGENT_ROOM_SOURCES)
tests_fuzz_fuzz_agent_link_CFLAGS = $(AGENT_ROOM_CFLAGS)
tests_fuzz_fuzz_agent_link_LDFLAGS = $(AGENT_ROOM_WRAPS)
tests_fuzz_fuzz_agent_link_LDADD = $(FUZZ_LIBS) $(AGENT_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-bus
tests_fuzz_fuzz_bus_SOURCES = tests/fuzz/fuzz-bus.c $(AGENT_ROOM_SOURCES)
tests_fuzz_fuzz_bus_CFLAGS = $(AGENT_ROOM_CFLAGS)
tests_fuzz_fuzz_bus_LDFLAGS = $(AGENT_ROOM_WRAPS) -Wl,--wrap=sd_bus_set_address
tests_fuzz_fuzz_bus_LDADD = $(FUZZ_LIBS) $(AGENT_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-names
tests_fuzz_fuzz_names_SOURCES = tests/fuzz/fuzz-names.c tools/device/uri.c
tests_fuzz_fuzz_names_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-settings
tests_fuzz_fuzz_settings_SOURCES = tests/fuzz/fuzz-settings.c agent/settings.c \
	agent/settings-disk.c agent/settings-file.c agent/settings-key.c agent/settings-report.c
tests_fuzz_fuzz_settings_CFLAGS = $(AM_CFLAGS) $(ECONF_CFLAGS)
tests_fuzz_fuzz_settings_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS) $(ECONF_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-plugin-settings
tests_fuzz_fuzz_plugin_settings_SOURCES = tests/fuzz/fuzz-plugin-settings.c \
	plugins/ip/settings.c plugins/registrar/options.c
tests_fuzz_fuzz_plugin_settings_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-picture
tests_fuzz_fuzz_picture_SOURCES = tests/fuzz/fuzz-picture.c tools/ctl/picture.c \
	tools/ctl/picture-jpeg.c tools/ctl/picture-png.c tools/ctl/scan.c
tests_fuzz_fuzz_picture_CFLAGS = $(AM_CFLAGS) $(CTL_CFLAGS)
tests_fuzz_fuzz_picture_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS) $(ZBAR_LIBS) $(PNG_LIBS) $(JPEG_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-certificate
tests_fuzz_fuzz_certificate_SOURCES = tests/fuzz/fuzz-certificate.c \
	tests/fuzz/fake-random.c tests/fuzz/fake-random.h tests/fuzz/mini-ca.c tests/fuzz/mini-ca.h \
	plugins/registrar/anchors.c
tests_fuzz_fuzz_certificate_CFLAGS = $(AM_CFLAGS) $(WOLFSSL_CFLAGS)
tests_fuzz_fuzz_certificate_LDFLAGS = $(AM_LDFLAGS) $(FAKE_RANDOM_WRAPS)
tests_fuzz_fuzz_certificate_LDADD = $(FUZZ_LIBS) $(CERTIFICATE_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-sealed
tests_fuzz_fuzz_sealed_SOURCES = tests/fuzz/fuzz-sealed.c \
	tests/fuzz/fake-random.c tests/fuzz/fake-random.h
tests_fuzz_fuzz_sealed_CFLAGS = $(AM_CFLAGS) $(WOLFSSL_CFLAGS)
tests_fuzz_fuzz_sealed_LDFLAGS = $(AM_LDFLAGS) $(FAKE_RANDOM_WRAPS)
tests_fuzz_fuzz_sealed_LDADD = $(FUZZ_LIBS) $(GANGWAY_CRYPTO_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-netlink
tests_fuzz_fuzz_netlink_SOURCES = tests/fuzz/fuzz-netlink.c \
	tests/fuzz/fake-loop.c tests/fuzz/fake-loop.h plugins/ip/neighbour.c plugins/ip/netlink.c
tests_fuzz_fuzz_netlink_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(NL_CFLAGS)
tests_fuzz_fuzz_netlink_LDFLAGS = $(AM_LDFLAGS) $(FAKE_LOOP_WRAPS) \
	-Wl,--wrap=nl_connect,--wrap=nl_recvmsgs_default,--wrap=nl_send_simple \
	-Wl,--wrap=nl_socket_add_memberships,--wrap=nl_socket_get_local_port \
	-Wl,--wrap=nl_socket_modify_cb \
	-Wl,--wrap=nl_socket_modify_err_cb,--wrap=nl_socket_set_nonblocking
tests_fuzz_fuzz_netlink_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS) $(NL_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-device-gateway
tests_fuzz_fuzz_device_gateway_SOURCES = tests/fuzz/fuzz-device-gateway.c \
	tools/device/certificate.c tools/device/est.c tools/device/exchange.c tools/device/failure.c \
	tools/device/pem.c tools/device/pkcs7.c tools/device/request.c
tests_fuzz_fuzz_device_gateway_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=gw_random,--wrap=gw_now_monotonic_us
tests_fuzz_fuzz_device_gateway_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-cloud-link
tests_fuzz_fuzz_cloud_link_SOURCES = tests/fuzz/fuzz-cloud-link.c \
	tests/fuzz/fake-loop.c tests/fuzz/fake-loop.h \
	plugins/mqtt/backoff.c plugins/mqtt/broker.c plugins/mqtt/bulletin.c plugins/mqtt/calendar.c \
	plugins/mqtt/dialect.c plugins/mqtt/dialect-events.c plugins/mqtt/dialect-read.c \
	plugins/mqtt/dialect-write.c plugins/mqtt/errand.c plugins/mqtt/guise.c plugins/mqtt/identity.c \
	plugins/mqtt/offer.c plugins/mqtt/outstanding.c plugins/mqtt/parts.c plugins/mqtt/presence.c \
	plugins/mqtt/relay.c plugins/mqtt/wallet.c tools/cloud/body-read.c
tests_fuzz_fuzz_cloud_link_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_cloud_link_LDFLAGS = $(AM_LDFLAGS) $(FAKE_LOOP_WRAPS) $(FAKE_PLUGIN_WRAPS) \
	-Wl,--wrap=getrandom
tests_fuzz_fuzz_cloud_link_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS) $(JANSSON_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-store
tests_fuzz_fuzz_store_SOURCES = tests/fuzz/fuzz-store.c $(AGENT_ROOM_SOURCES)
tests_fuzz_fuzz_store_CFLAGS = $(AGENT_ROOM_CFLAGS)
tests_fuzz_fuzz_store_LDFLAGS = $(AGENT_ROOM_WRAPS)
tests_fuzz_fuzz_store_LDADD = $(FUZZ_LIBS) $(AGENT_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-own-certificate
tests_fuzz_fuzz_own_certificate_SOURCES = tests/fuzz/fuzz-own-certificate.c plugins/mqtt/keypair.c
tests_fuzz_fuzz_own_certificate_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
tests_fuzz_fuzz_own_certificate_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS) $(OPENSSL_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-own-files
tests_fuzz_fuzz_own_files_SOURCES = tests/fuzz/fuzz-own-files.c \
	plugins/mqtt/anchors.c plugins/mqtt/cell.c plugins/mqtt/credential.c \
	plugins/mqtt/keypair.c plugins/mqtt/keyring.c plugins/mqtt/slots.c
tests_fuzz_fuzz_own_files_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
tests_fuzz_fuzz_own_files_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fsync
tests_fuzz_fuzz_own_files_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS) $(OPENSSL_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-broker-anchors
tests_fuzz_fuzz_broker_anchors_SOURCES = tests/fuzz/fuzz-broker-anchors.c \
	plugins/mqtt/anchors.c plugins/mqtt/cell.c
tests_fuzz_fuzz_broker_anchors_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
tests_fuzz_fuzz_broker_anchors_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fsync
tests_fuzz_fuzz_broker_anchors_LDADD = $(FUZZ_LIBS) $(GANGWAY_LIBS) $(OPENSSL_LIBS)

# The cloud's desk with its registry, and the gateway's reader of what it answers.
FUZZ_TARGETS += tests/fuzz/fuzz-cloud-provision
tests_fuzz_fuzz_cloud_provision_SOURCES = tests/fuzz/fuzz-cloud-provision.c \
	$(CLOUD_REGISTRY) \
	tools/cloud/authority.c tools/cloud/body-read.c tools/cloud/body-write.c \
	tools/cloud/box.c tools/cloud/bundle.c tools/cloud/certificate.c tools/cloud/csr.c \
	tools/cloud/desk.c tools/cloud/id.c tools/cloud/key.c tools/cloud/members.c \
	tools/cloud/policy.c tools/cloud/request.c tools/cloud/request-adopt.c \
	tools/cloud/request-decommissioned.c tools/cloud/request-enroll.c \
	tools/cloud/request-proved.c tools/cloud/request-provision.c tools/cloud/request-renew.c \
	tools/cloud/request-revoked.c tools/cloud/request-server-cert.c \
	tools/cloud/request-suspended.c tools/cloud/roll.c tools/cloud/topic.c tools/cloud/verb.c \
	plugins/mqtt/dialect.c plugins/mqtt/dialect-read.c plugins/mqtt/dialect-write.c
tests_fuzz_fuzz_cloud_provision_CFLAGS = \
	$(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(SQLITE_CFLAGS) $(JANSSON_CFLAGS) $(OPENSSL_CFLAGS)
tests_fuzz_fuzz_cloud_provision_LDADD = $(FUZZ_LIBS) \
	$(GANGWAY_LIBS) $(SQLITE_LIBS) $(JANSSON_LIBS) $(OPENSSL_LIBS)
