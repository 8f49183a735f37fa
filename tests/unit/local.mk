# SPDX-License-Identifier: GPL-2.0-or-later
# Unit tests: one program a pure file, linked with the objects it tests only. Each adds itself below:
#
#	UNIT_TESTS += tests/unit/test-NAME
#	tests_unit_test_NAME_SOURCES = tests/unit/test-NAME.c ROOM/NAME.c
#	tests_unit_test_NAME_CFLAGS = $(UNIT_CFLAGS)
#	tests_unit_test_NAME_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)
UNIT_TESTS =
UNIT_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SYSTEMD_CFLAGS)

UNIT_TESTS += tests/unit/test-label
tests_unit_test_label_SOURCES = tests/unit/test-label.c lib/label.c lib/base32.c
tests_unit_test_label_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_label_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-base32
tests_unit_test_base32_SOURCES = tests/unit/test-base32.c lib/base32.c
tests_unit_test_base32_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_base32_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-base64
tests_unit_test_base64_SOURCES = tests/unit/test-base64.c lib/base64.c
tests_unit_test_base64_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_base64_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-hex
tests_unit_test_hex_SOURCES = tests/unit/test-hex.c lib/hex.c
tests_unit_test_hex_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_hex_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-reason
tests_unit_test_reason_SOURCES = tests/unit/test-reason.c lib/reason.c
tests_unit_test_reason_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_reason_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-util
tests_unit_test_util_SOURCES = tests/unit/test-util.c lib/util.c
tests_unit_test_util_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_util_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)

UNIT_TESTS += tests/unit/test-crypto
tests_unit_test_crypto_SOURCES = tests/unit/test-crypto.c
tests_unit_test_crypto_CFLAGS = $(UNIT_CFLAGS) $(WOLFSSL_CFLAGS)
tests_unit_test_crypto_LDADD = $(CMOCKA_LIBS) $(GANGWAY_CRYPTO_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-coap
tests_unit_test_coap_SOURCES = tests/unit/test-coap.c
tests_unit_test_coap_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_coap_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-wire
tests_unit_test_wire_SOURCES = tests/unit/test-wire.c lib/wire.c
tests_unit_test_wire_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_wire_LDADD = $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test-link
tests_unit_test_link_SOURCES = tests/unit/test-link.c lib/link.c lib/util.c lib/wire.c
tests_unit_test_link_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_link_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=free -Wl,--wrap=malloc
tests_unit_test_link_LDADD = $(CMOCKA_LIBS) $(SYSTEMD_LIBS)

UNIT_TESTS += tests/unit/test-plugin
tests_unit_test_plugin_SOURCES = tests/unit/test-plugin.c
tests_unit_test_plugin_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_plugin_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-log
tests_unit_test_log_SOURCES = tests/unit/test-log.c
tests_unit_test_log_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_log_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=write,--wrap=access,--wrap=sd_journal_sendv,--wrap=gw_now_monotonic_us
tests_unit_test_log_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-step
tests_unit_test_step_SOURCES = tests/unit/test-step.c lib/step.c
tests_unit_test_step_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_step_LDADD = $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test-timer
tests_unit_test_timer_SOURCES = tests/unit/test-timer.c lib/timer.c
tests_unit_test_timer_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_timer_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_gettime
tests_unit_test_timer_LDADD = $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test-record
tests_unit_test_record_SOURCES = tests/unit/test-record.c plugins/registrar/record.c
tests_unit_test_record_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_record_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-flight
tests_unit_test_flight_SOURCES = tests/unit/test-flight.c \
	plugins/registrar/flight.c \
	plugins/registrar/record.c
tests_unit_test_flight_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_flight_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-client-hello
tests_unit_test_client_hello_SOURCES = tests/unit/test-client-hello.c \
	tests/unit/hello.h \
	plugins/registrar/client-hello.c \
	plugins/registrar/record.c
tests_unit_test_client_hello_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_client_hello_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-clear
tests_unit_test_clear_SOURCES = tests/unit/test-clear.c \
	plugins/registrar/clear.c \
	plugins/registrar/record.c
tests_unit_test_clear_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_clear_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-cookie
tests_unit_test_cookie_SOURCES = tests/unit/test-cookie.c \
	tests/unit/hello.h \
	plugins/registrar/client-hello.c \
	plugins/registrar/cookie.c \
	plugins/registrar/record.c
tests_unit_test_cookie_CFLAGS = $(UNIT_CFLAGS) $(WOLFSSL_CFLAGS)
tests_unit_test_cookie_LDADD = $(CMOCKA_LIBS) $(GANGWAY_CRYPTO_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-front
tests_unit_test_front_SOURCES = tests/unit/test-front.c \
	tests/unit/hello.h \
	plugins/registrar/clear.c \
	plugins/registrar/client-hello.c \
	plugins/registrar/cookie.c \
	plugins/registrar/front.c \
	plugins/registrar/record.c
tests_unit_test_front_CFLAGS = $(UNIT_CFLAGS) $(WOLFSSL_CFLAGS)
tests_unit_test_front_LDADD = $(CMOCKA_LIBS) $(GANGWAY_CRYPTO_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-key-exchange
tests_unit_test_key_exchange_SOURCES = tests/unit/test-key-exchange.c \
	plugins/registrar/key-exchange.c \
	plugins/registrar/record.c
tests_unit_test_key_exchange_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_key_exchange_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-backlog
tests_unit_test_backlog_SOURCES = tests/unit/test-backlog.c \
	plugins/registrar/backlog.c \
	plugins/registrar/record.c
tests_unit_test_backlog_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_backlog_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-bucket
tests_unit_test_bucket_SOURCES = tests/unit/test-bucket.c
tests_unit_test_bucket_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_bucket_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-ration
tests_unit_test_ration_SOURCES = tests/unit/test-ration.c \
	plugins/registrar/path.c \
	plugins/registrar/ration.c
tests_unit_test_ration_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_ration_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-lineup
tests_unit_test_lineup_SOURCES = tests/unit/test-lineup.c \
	plugins/registrar/lineup.c \
	plugins/registrar/path.c
tests_unit_test_lineup_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_lineup_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-device-certificate
tests_unit_test_device_certificate_SOURCES = tests/unit/test-device-certificate.c tools/device/certificate.c tools/device/pem.c
tests_unit_test_device_certificate_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_device_certificate_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-device-est
tests_unit_test_device_est_SOURCES = tests/unit/test-device-est.c tools/device/est.c \
	tools/device/certificate.c tools/device/failure.c \
	tools/device/pem.c tools/device/pkcs7.c
tests_unit_test_device_est_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_device_est_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-device-exchange
tests_unit_test_device_exchange_SOURCES = tests/unit/test-device-exchange.c \
	tools/device/exchange.c tools/device/failure.c
tests_unit_test_device_exchange_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_device_exchange_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=gw_now_monotonic_us
tests_unit_test_device_exchange_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-device-fiber
tests_unit_test_device_fiber_SOURCES = tests/unit/test-device-fiber.c tools/device/fiber.c \
	tools/device/wait.c
tests_unit_test_device_fiber_CFLAGS = $(UNIT_CFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_test_device_fiber_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-device-labels
tests_unit_test_device_labels_SOURCES = tests/unit/test-device-labels.c tools/device/labels.c \
	tools/device/failure.c
tests_unit_test_device_labels_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_device_labels_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-device-tally
tests_unit_test_device_tally_SOURCES = tests/unit/test-device-tally.c tools/device/tally.c
tests_unit_test_device_tally_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_device_tally_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-device-key
tests_unit_test_device_key_SOURCES = tests/unit/test-device-key.c tools/device/key.c \
	tools/device/pem.c
tests_unit_test_device_key_CFLAGS = $(UNIT_CFLAGS) $(WOLFSSL_CFLAGS)
tests_unit_test_device_key_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS) $(WOLFSSL_LIBS)

UNIT_TESTS += tests/unit/test-device-request
tests_unit_test_device_request_SOURCES = tests/unit/test-device-request.c \
	tools/device/request.c tools/device/failure.c
tests_unit_test_device_request_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_device_request_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-device-patience
tests_unit_test_device_patience_SOURCES = tests/unit/test-device-patience.c \
	tools/device/patience.c
tests_unit_test_device_patience_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_device_patience_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-device-pem
tests_unit_test_device_pem_SOURCES = tests/unit/test-device-pem.c tools/device/pem.c
tests_unit_test_device_pem_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_device_pem_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-device-pkcs7
tests_unit_test_device_pkcs7_SOURCES = tests/unit/test-device-pkcs7.c tools/device/pkcs7.c tools/device/pem.c
tests_unit_test_device_pkcs7_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_device_pkcs7_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-device-plan
tests_unit_test_device_plan_SOURCES = tests/unit/test-device-plan.c tools/device/plan.c
tests_unit_test_device_plan_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_device_plan_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-device-state
tests_unit_test_device_state_SOURCES = tests/unit/test-device-state.c tools/device/state.c \
	tools/device/credential.c tools/device/failure.c tools/device/pem.c
tests_unit_test_device_state_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_device_state_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-device-trust
tests_unit_test_device_trust_SOURCES = tests/unit/test-device-trust.c tools/device/trust.c \
	tools/device/certificate.c tools/device/failure.c tools/device/pem.c
tests_unit_test_device_trust_CFLAGS = $(UNIT_CFLAGS) $(WOLFSSL_CFLAGS)
tests_unit_test_device_trust_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS) $(WOLFSSL_LIBS)

UNIT_TESTS += tests/unit/test-device-uri
tests_unit_test_device_uri_SOURCES = tests/unit/test-device-uri.c tools/device/uri.c
tests_unit_test_device_uri_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_device_uri_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

EXTRA_DIST += tests/unit/device-certificates.h tests/unit/make-device-certificates
# Memory that there is none of.
SCARCE_SOURCES = tests/unit/scarce.c tests/unit/scarce.h
SCARCE_WRAPS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=realloc

# Test material for what reads certificates comes from the openssl command.
UNIT_TESTS += tests/unit/test-certificate
tests_unit_test_certificate_SOURCES = tests/unit/test-certificate.c \
	tests/unit/openssl.c tests/unit/openssl.h $(SCARCE_SOURCES)
tests_unit_test_certificate_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_certificate_LDFLAGS = $(SCARCE_WRAPS)
tests_unit_test_certificate_LDADD = $(CMOCKA_LIBS) $(CERTIFICATE_LIBS)

UNIT_TESTS += tests/unit/test-revocation
tests_unit_test_revocation_SOURCES = tests/unit/test-revocation.c tests/unit/openssl.c tests/unit/openssl.h
tests_unit_test_revocation_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_revocation_LDADD = $(CMOCKA_LIBS) $(CERTIFICATE_LIBS)

UNIT_TESTS += tests/unit/test-server-key
tests_unit_test_server_key_SOURCES = tests/unit/test-server-key.c tests/unit/openssl.c tests/unit/openssl.h
tests_unit_test_server_key_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_server_key_LDADD = $(CMOCKA_LIBS) $(CERTIFICATE_LIBS)

UNIT_TESTS += tests/unit/test-ctl-args
tests_unit_test_ctl_args_SOURCES = tests/unit/test-ctl-args.c tools/ctl/args.c
tests_unit_test_ctl_args_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_ctl_args_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-ctl-doctor-credentials
tests_unit_test_ctl_doctor_credentials_SOURCES = tests/unit/test-ctl-doctor-credentials.c \
	tests/unit/device-certificates.h \
	tools/ctl/doctor.c \
	tools/ctl/doctor-credentials.c \
	tools/ctl/values.c
tests_unit_test_ctl_doctor_credentials_CFLAGS = $(UNIT_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_ctl_doctor_credentials_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS) $(SYSTEMD_LIBS) $(JANSSON_LIBS)
tests_unit_test_ctl_doctor_credentials_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=time

UNIT_TESTS += tests/unit/test-ctl-doctor-units
tests_unit_test_ctl_doctor_units_SOURCES = tests/unit/test-ctl-doctor-units.c \
	tools/ctl/doctor.c \
	tools/ctl/doctor-units.c \
	tools/ctl/values.c \
	tools/ctl/when.c
tests_unit_test_ctl_doctor_units_CFLAGS = $(UNIT_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_ctl_doctor_units_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS) $(SYSTEMD_LIBS) $(JANSSON_LIBS)

UNIT_TESTS += tests/unit/test-ctl-pick
tests_unit_test_ctl_pick_SOURCES = tests/unit/test-ctl-pick.c tools/ctl/pick.c
tests_unit_test_ctl_pick_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_ctl_pick_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-ctl-picture
tests_unit_test_ctl_picture_SOURCES = tests/unit/test-ctl-picture.c \
	tools/ctl/code.c \
	tools/ctl/draw.c \
	tools/ctl/picture.c \
	tools/ctl/picture-jpeg.c \
	tools/ctl/picture-png.c \
	tools/ctl/scan.c
tests_unit_test_ctl_picture_CFLAGS = $(UNIT_CFLAGS) $(CTL_CFLAGS)
tests_unit_test_ctl_picture_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS) $(QRENCODE_LIBS) $(ZBAR_LIBS) \
	$(PNG_LIBS) $(JPEG_LIBS)

UNIT_TESTS += tests/unit/test-ctl-table
tests_unit_test_ctl_table_SOURCES = tests/unit/test-ctl-table.c tools/ctl/table.c
tests_unit_test_ctl_table_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_ctl_table_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-ctl-values
tests_unit_test_ctl_values_SOURCES = tests/unit/test-ctl-values.c tools/ctl/values.c
tests_unit_test_ctl_values_CFLAGS = $(UNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_ctl_values_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS) $(JANSSON_LIBS)

UNIT_TESTS += tests/unit/test-ctl-when
tests_unit_test_ctl_when_SOURCES = tests/unit/test-ctl-when.c tools/ctl/when.c
tests_unit_test_ctl_when_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_ctl_when_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)
UNIT_TESTS += tests/unit/test-csr
tests_unit_test_csr_SOURCES = tests/unit/test-csr.c \
	tests/unit/openssl.c tests/unit/openssl.h $(SCARCE_SOURCES)
tests_unit_test_csr_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_csr_LDFLAGS = $(SCARCE_WRAPS)
tests_unit_test_csr_LDADD = $(CMOCKA_LIBS) $(CONVERSATION_LIBS)

UNIT_TESTS += tests/unit/test-der
tests_unit_test_der_SOURCES = tests/unit/test-der.c
tests_unit_test_der_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_der_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-pkcs7
tests_unit_test_pkcs7_SOURCES = tests/unit/test-pkcs7.c tests/unit/openssl.c tests/unit/openssl.h \
	plugins/registrar/pkcs7.c
tests_unit_test_pkcs7_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_pkcs7_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-exchange
tests_unit_test_exchange_SOURCES = tests/unit/test-exchange.c plugins/registrar/exchange.c
tests_unit_test_exchange_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_exchange_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-transfer
tests_unit_test_transfer_SOURCES = tests/unit/test-transfer.c plugins/registrar/transfer.c
tests_unit_test_transfer_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_transfer_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-report
tests_unit_test_report_SOURCES = tests/unit/test-report.c
tests_unit_test_report_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_report_LDADD = $(CMOCKA_LIBS) $(CONVERSATION_LIBS)

UNIT_TESTS += tests/unit/test-settings
tests_unit_test_settings_SOURCES = tests/unit/test-settings.c
tests_unit_test_settings_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_settings_LDADD = $(CMOCKA_LIBS) $(CONVERSATION_LIBS)

UNIT_TESTS += tests/unit/test-resource
tests_unit_test_resource_SOURCES = tests/unit/test-resource.c
tests_unit_test_resource_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_resource_LDADD = $(CMOCKA_LIBS) $(CONVERSATION_LIBS)

CONVERSATION_BENCH = tests/unit/conversation-bench.c tests/unit/conversation-bench.h \
	tests/unit/openssl.c tests/unit/openssl.h

UNIT_TESTS += tests/unit/test-conversation
tests_unit_test_conversation_SOURCES = tests/unit/test-conversation.c $(CONVERSATION_BENCH)
tests_unit_test_conversation_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_conversation_LDADD = $(CMOCKA_LIBS) $(CONVERSATION_LIBS)

UNIT_TESTS += tests/unit/test-conversation-enrol
tests_unit_test_conversation_enrol_SOURCES = tests/unit/test-conversation-enrol.c $(CONVERSATION_BENCH)
tests_unit_test_conversation_enrol_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_conversation_enrol_LDADD = $(CMOCKA_LIBS) $(CONVERSATION_LIBS)

UNIT_TESTS += tests/unit/test-conversation-blocks
tests_unit_test_conversation_blocks_SOURCES = tests/unit/test-conversation-blocks.c $(CONVERSATION_BENCH)
tests_unit_test_conversation_blocks_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_conversation_blocks_LDADD = $(CMOCKA_LIBS) $(CONVERSATION_LIBS)

UNIT_TESTS += tests/unit/test-conversation-limits
tests_unit_test_conversation_limits_SOURCES = tests/unit/test-conversation-limits.c $(CONVERSATION_BENCH)
tests_unit_test_conversation_limits_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_conversation_limits_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free
tests_unit_test_conversation_limits_LDADD = $(CMOCKA_LIBS) $(CONVERSATION_LIBS)

UNIT_TESTS += tests/unit/test-ip-settings
tests_unit_test_ip_settings_SOURCES = tests/unit/test-ip-settings.c plugins/ip/settings.c plugins/ip/door.c
tests_unit_test_ip_settings_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_ip_settings_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-netlink
tests_unit_test_netlink_SOURCES = tests/unit/test-netlink.c plugins/ip/netlink.c \
	plugins/ip/neighbour.c
tests_unit_test_netlink_CFLAGS = $(UNIT_CFLAGS) $(SYSTEMD_CFLAGS) $(NL_CFLAGS)
tests_unit_test_netlink_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=nl_connect \
	-Wl,--wrap=nl_socket_get_fd -Wl,--wrap=nl_socket_set_nonblocking \
	-Wl,--wrap=nl_socket_add_memberships -Wl,--wrap=nl_send_simple \
	-Wl,--wrap=nl_recvmsgs_default -Wl,--wrap=sd_event_source_set_time_relative
tests_unit_test_netlink_LDADD = $(CMOCKA_LIBS) $(NL_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-neighbour
tests_unit_test_neighbour_SOURCES = tests/unit/test-neighbour.c plugins/ip/neighbour.c
tests_unit_test_neighbour_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_neighbour_LDADD = $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test-identity
tests_unit_test_identity_SOURCES = tests/unit/test-identity.c plugins/mqtt/identity.c
tests_unit_test_identity_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_identity_LDADD = $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test-cell
tests_unit_test_cell_SOURCES = tests/unit/test-cell.c tests/unit/disk.c tests/unit/disk.h \
	lib/util.c plugins/mqtt/cell.c
tests_unit_test_cell_CFLAGS = $(UNIT_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_test_cell_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pwrite,--wrap=fsync
tests_unit_test_cell_LDADD = $(CMOCKA_LIBS) $(OPENSSL_LIBS)

UNIT_TESTS += tests/unit/test-slots
tests_unit_test_slots_SOURCES = tests/unit/test-slots.c tests/unit/disk.c tests/unit/disk.h \
	lib/step.c lib/util.c plugins/mqtt/cell.c plugins/mqtt/slots.c
tests_unit_test_slots_CFLAGS = $(UNIT_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_test_slots_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pwrite,--wrap=fsync
tests_unit_test_slots_LDADD = $(CMOCKA_LIBS) $(OPENSSL_LIBS)

UNIT_TESTS += tests/unit/test-anchors
tests_unit_test_anchors_SOURCES = tests/unit/test-anchors.c tests/unit/disk.c tests/unit/disk.h \
	tests/unit/openssl.c tests/unit/openssl.h \
	lib/step.c lib/util.c plugins/mqtt/anchors.c plugins/mqtt/cell.c
tests_unit_test_anchors_CFLAGS = $(UNIT_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_test_anchors_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pwrite,--wrap=fsync
tests_unit_test_anchors_LDADD = $(CMOCKA_LIBS) $(OPENSSL_LIBS)

DIALECT_SOURCES = tests/unit/dialect-examples.c tests/unit/dialect-examples.h \
	plugins/mqtt/dialect.c \
	plugins/mqtt/dialect-read.c \
	plugins/mqtt/dialect-write.c

UNIT_TESTS += tests/unit/test-dialect
tests_unit_test_dialect_SOURCES = tests/unit/test-dialect.c $(DIALECT_SOURCES)
tests_unit_test_dialect_CFLAGS = $(UNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_dialect_LDADD = $(CMOCKA_LIBS) $(JANSSON_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-dialect-bad
tests_unit_test_dialect_bad_SOURCES = tests/unit/test-dialect-bad.c $(DIALECT_SOURCES)
tests_unit_test_dialect_bad_CFLAGS = $(UNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_dialect_bad_LDADD = $(CMOCKA_LIBS) $(JANSSON_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-errand
tests_unit_test_errand_SOURCES = tests/unit/test-errand.c \
	tests/fuzz/fake-loop.c tests/fuzz/fake-loop.h \
	plugins/mqtt/dialect.c plugins/mqtt/dialect-write.c \
	plugins/mqtt/errand.c plugins/mqtt/outstanding.c
tests_unit_test_errand_CFLAGS = $(UNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_errand_LDFLAGS = $(AM_LDFLAGS) $(FAKE_LOOP_WRAPS) \
	-Wl,--wrap=getrandom,--wrap=gw_step_before,--wrap=gw_step_after
tests_unit_test_errand_LDADD = $(CMOCKA_LIBS) $(JANSSON_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-offer
tests_unit_test_offer_SOURCES = tests/unit/test-offer.c plugins/mqtt/offer.c
tests_unit_test_offer_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_offer_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-guise
tests_unit_test_guise_SOURCES = tests/unit/test-guise.c \
	plugins/mqtt/dialect.c plugins/mqtt/dialect-read.c plugins/mqtt/dialect-write.c \
	plugins/mqtt/guise.c plugins/mqtt/presence.c
tests_unit_test_guise_CFLAGS = $(UNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_guise_LDADD = $(CMOCKA_LIBS) $(JANSSON_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-bulletin
tests_unit_test_bulletin_SOURCES = tests/unit/test-bulletin.c \
	tests/fuzz/fake-loop.c tests/fuzz/fake-loop.h plugins/mqtt/bulletin.c
tests_unit_test_bulletin_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_bulletin_LDFLAGS = $(AM_LDFLAGS) $(FAKE_LOOP_WRAPS) $(FAKE_PLUGIN_WRAPS)
tests_unit_test_bulletin_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-outstanding
tests_unit_test_outstanding_SOURCES = tests/unit/test-outstanding.c plugins/mqtt/outstanding.c
tests_unit_test_outstanding_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_outstanding_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-endpoint
tests_unit_test_endpoint_SOURCES = tests/unit/test-endpoint.c
tests_unit_test_endpoint_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_endpoint_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-confine
tests_unit_test_confine_SOURCES = tests/unit/test-confine.c plugins/mqtt/confine.c
tests_unit_test_confine_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_confine_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-backoff
tests_unit_test_backoff_SOURCES = tests/unit/test-backoff.c plugins/mqtt/backoff.c
tests_unit_test_backoff_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_backoff_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-presence
tests_unit_test_presence_SOURCES = tests/unit/test-presence.c plugins/mqtt/presence.c
tests_unit_test_presence_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_presence_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-crl
tests_unit_test_crl_SOURCES = tests/unit/test-crl.c tests/unit/openssl.c tests/unit/openssl.h
tests_unit_test_crl_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_crl_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-x509
tests_unit_test_x509_SOURCES = tests/unit/test-x509.c tests/unit/openssl.c tests/unit/openssl.h
tests_unit_test_x509_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_x509_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)
UNIT_TESTS += tests/unit/test-cloud-policy
tests_unit_test_cloud_policy_SOURCES = tests/unit/test-cloud-policy.c tools/cloud/policy.c
tests_unit_test_cloud_policy_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_cloud_policy_LDADD = $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test-cloud-body
tests_unit_test_cloud_body_SOURCES = \
	tests/unit/test-cloud-body.c tools/cloud/body-read.c tools/cloud/body-write.c \
	$(CLOUD_REGISTRY)
tests_unit_test_cloud_body_CFLAGS = $(UNIT_CFLAGS) $(JANSSON_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_cloud_body_LDADD = \
	$(CMOCKA_LIBS) $(GANGWAY_LIBS) $(JANSSON_LIBS) $(SQLITE_LIBS)

UNIT_TESTS += tests/unit/test-device-life
tests_unit_test_device_life_SOURCES = tests/unit/test-device-life.c
tests_unit_test_device_life_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_device_life_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-policy
tests_unit_test_policy_SOURCES = tests/unit/test-policy.c
tests_unit_test_policy_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_policy_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-rule
tests_unit_test_rule_SOURCES = tests/unit/test-rule.c
tests_unit_test_rule_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_rule_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-callers
tests_unit_test_callers_SOURCES = tests/unit/test-callers.c agent/callers.c
tests_unit_test_callers_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_callers_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-bus-call
tests_unit_test_bus_call_SOURCES = tests/unit/test-bus-call.c agent/bus-call.c
tests_unit_test_bus_call_CFLAGS = $(UNIT_CFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_test_bus_call_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS) $(SYSTEMD_LIBS)

UNIT_TESTS += tests/unit/test-rights
tests_unit_test_rights_SOURCES = tests/unit/test-rights.c
tests_unit_test_rights_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_rights_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)
UNIT_TESTS += tests/unit/test-options
tests_unit_test_options_SOURCES = tests/unit/test-options.c \
	plugins/registrar/options.c
tests_unit_test_options_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_options_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-peers
tests_unit_test_peers_SOURCES = tests/unit/test-peers.c \
	plugins/registrar/path.c \
	plugins/registrar/peers.c
tests_unit_test_peers_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_peers_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-keying
tests_unit_test_keying_SOURCES = tests/unit/test-keying.c \
	plugins/registrar/key-exchange.c \
	plugins/registrar/keying.c \
	plugins/registrar/record.c
tests_unit_test_keying_CFLAGS = $(UNIT_CFLAGS) $(WOLFSSL_CFLAGS)
tests_unit_test_keying_LDADD = $(CMOCKA_LIBS) $(GANGWAY_CRYPTO_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-peer
tests_unit_test_peer_SOURCES = tests/unit/test-peer.c \
	tests/unit/peer-stage.c tests/unit/peer-stage.h \
	plugins/registrar/account.c \
	plugins/registrar/backlog.c \
	plugins/registrar/client-hello.c \
	plugins/registrar/key-exchange.c \
	plugins/registrar/keying.c \
	plugins/registrar/path.c \
	plugins/registrar/peer.c \
	plugins/registrar/ration.c \
	plugins/registrar/record.c
tests_unit_test_peer_CFLAGS = $(UNIT_CFLAGS) $(WOLFSSL_CFLAGS)
tests_unit_test_peer_LDADD = $(CMOCKA_LIBS) $(GANGWAY_CRYPTO_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-resolve
tests_unit_test_resolve_SOURCES = tests/unit/test-resolve.c lib/resolve.c
tests_unit_test_resolve_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_resolve_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=getaddrinfo -Wl,--wrap=freeaddrinfo
tests_unit_test_resolve_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

# The heart of the agent without its links, its bus and its clocks.
WORLD_SOURCES = tests/unit/agent-world.c tests/unit/agent-world.h tests/unit/agent-way.c
WORLD_WRAPS = $(AM_LDFLAGS) \
	-Wl,--wrap=access,--wrap=gw_now_realtime_us,--wrap=gw_now_boottime_us,--wrap=gw_now_monotonic_us \
	-Wl,--wrap=sd_event_source_set_time \
	-Wl,--wrap=plugin_send,--wrap=plugins_find,--wrap=plugins_next,--wrap=plugin_get_info \
	-Wl,--wrap=plugin_name,--wrap=plugins_release,--wrap=plugins_discard \
	-Wl,--wrap=plugins_break_all,--wrap=bus_tell_change,--wrap=bus_tell_cloud \
	-Wl,--wrap=bus_tell_clock,--wrap=bus_tell_transport,--wrap=bus_set_trouble,--wrap=bus_revocation_tell

UNIT_TESTS += tests/unit/test-aboard
tests_unit_test_aboard_SOURCES = tests/unit/test-aboard.c $(WORLD_SOURCES)
tests_unit_test_aboard_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_aboard_LDFLAGS = $(WORLD_WRAPS) -Wl,--wrap=store_job_answer
tests_unit_test_aboard_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-asking
tests_unit_test_asking_SOURCES = tests/unit/test-asking.c $(WORLD_SOURCES)
tests_unit_test_asking_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_asking_LDFLAGS = $(WORLD_WRAPS)
tests_unit_test_asking_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-deadlines
tests_unit_test_deadlines_SOURCES = tests/unit/test-deadlines.c $(WORLD_SOURCES)
tests_unit_test_deadlines_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_deadlines_LDFLAGS = $(WORLD_WRAPS)
tests_unit_test_deadlines_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

RECORD_SOURCES = tests/unit/agent-record.c tests/unit/agent-record.h $(WORLD_SOURCES)

UNIT_TESTS += tests/unit/test-audit-export
tests_unit_test_audit_export_SOURCES = tests/unit/test-audit-export.c $(RECORD_SOURCES)
tests_unit_test_audit_export_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_audit_export_LDFLAGS = $(WORLD_WRAPS)
tests_unit_test_audit_export_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-audit
tests_unit_test_audit_SOURCES = tests/unit/test-audit.c $(RECORD_SOURCES)
tests_unit_test_audit_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_audit_LDFLAGS = $(WORLD_WRAPS)
tests_unit_test_audit_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-parts
tests_unit_test_parts_SOURCES = tests/unit/test-parts.c plugins/mqtt/parts.c
tests_unit_test_parts_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_parts_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-crl-flow
tests_unit_test_crl_flow_SOURCES = tests/unit/test-crl-flow.c $(WORLD_SOURCES)
tests_unit_test_crl_flow_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_crl_flow_LDFLAGS = $(WORLD_WRAPS)
tests_unit_test_crl_flow_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-answers
tests_unit_test_answers_SOURCES = tests/unit/test-answers.c agent/answers.c
tests_unit_test_answers_CFLAGS = $(UNIT_CFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_test_answers_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-refusals
tests_unit_test_refusals_SOURCES = tests/unit/test-refusals.c agent/refusals.c
tests_unit_test_refusals_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_refusals_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=gw_now_monotonic_us
tests_unit_test_refusals_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-command-list
tests_unit_test_command_list_SOURCES = tests/unit/test-command-list.c agent/command-list.c
tests_unit_test_command_list_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-command
tests_unit_test_command_SOURCES = tests/unit/test-command.c $(WORLD_SOURCES)
tests_unit_test_command_CFLAGS = $(UNIT_CFLAGS) $(WOLFSSL_CFLAGS)
tests_unit_test_command_LDFLAGS = $(WORLD_WRAPS)
tests_unit_test_command_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-reset
tests_unit_test_reset_SOURCES = tests/unit/test-reset.c $(WORLD_SOURCES)
tests_unit_test_reset_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_reset_LDFLAGS = $(WORLD_WRAPS)
tests_unit_test_reset_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-outlook
tests_unit_test_outlook_SOURCES = tests/unit/test-outlook.c $(WORLD_SOURCES)
tests_unit_test_outlook_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_outlook_LDFLAGS = $(WORLD_WRAPS)
tests_unit_test_outlook_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-leave
tests_unit_test_leave_SOURCES = tests/unit/test-leave.c $(WORLD_SOURCES)
tests_unit_test_leave_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_leave_LDFLAGS = $(WORLD_WRAPS)
tests_unit_test_leave_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-operate
tests_unit_test_operate_SOURCES = tests/unit/test-operate.c $(WORLD_SOURCES)
tests_unit_test_operate_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_operate_LDFLAGS = $(WORLD_WRAPS)
tests_unit_test_operate_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-turn
tests_unit_test_turn_SOURCES = tests/unit/test-turn.c $(WORLD_SOURCES)
tests_unit_test_turn_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_turn_LDFLAGS = $(WORLD_WRAPS) \
	-Wl,--wrap=sd_bus_message_ref,--wrap=sd_bus_message_unref \
	-Wl,--wrap=sd_bus_send,--wrap=sd_bus_reply_method_errnof
tests_unit_test_turn_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-pulse
tests_unit_test_pulse_SOURCES = tests/unit/test-pulse.c $(WORLD_SOURCES)
tests_unit_test_pulse_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_pulse_LDFLAGS = $(WORLD_WRAPS) \
	-Wl,--wrap=sd_notify,--wrap=sd_notifyf,--wrap=sd_watchdog_enabled,--wrap=bus_trouble \
	-Wl,--wrap=sd_event_source_set_time_relative
tests_unit_test_pulse_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-cloud-box
tests_unit_test_cloud_box_SOURCES = tests/unit/test-cloud-box.c tools/cloud/box.c
tests_unit_test_cloud_box_CFLAGS = $(UNIT_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_test_cloud_box_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS) $(OPENSSL_LIBS)

UNIT_TESTS += tests/unit/test-cloud-certificate
tests_unit_test_cloud_certificate_SOURCES = \
	tests/unit/test-cloud-certificate.c tests/unit/openssl.c tests/unit/openssl.h \
	tools/cloud/authority.c tools/cloud/certificate.c tools/cloud/csr.c tools/cloud/home.c \
	tools/cloud/key.c
tests_unit_test_cloud_certificate_CFLAGS = $(UNIT_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_test_cloud_certificate_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS) $(OPENSSL_LIBS)

UNIT_TESTS += tests/unit/test-cloud-topic
tests_unit_test_cloud_topic_SOURCES = tests/unit/test-cloud-topic.c tools/cloud/topic.c
tests_unit_test_cloud_topic_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_cloud_topic_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

CLOUD_HOME = tests/unit/cloud-home.c tests/unit/cloud-home.h $(CLOUD_REGISTRY)

UNIT_TESTS += tests/unit/test-cloud-registry
tests_unit_test_cloud_registry_SOURCES = tests/unit/test-cloud-registry.c $(CLOUD_HOME)
tests_unit_test_cloud_registry_CFLAGS = $(UNIT_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_cloud_registry_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS) $(SQLITE_LIBS)

UNIT_TESTS += tests/unit/test-cloud-history
tests_unit_test_cloud_history_SOURCES = tests/unit/test-cloud-history.c \
	tools/cloud/body-write.c tools/cloud/history.c $(CLOUD_HOME)
tests_unit_test_cloud_history_CFLAGS = $(UNIT_CFLAGS) $(JANSSON_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_cloud_history_LDADD = \
	$(CMOCKA_LIBS) $(GANGWAY_LIBS) $(JANSSON_LIBS) $(SQLITE_LIBS)

UNIT_TESTS += tests/unit/test-cloud-gateways
tests_unit_test_cloud_gateways_SOURCES = tests/unit/test-cloud-gateways.c $(CLOUD_HOME)
tests_unit_test_cloud_gateways_CFLAGS = $(UNIT_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_cloud_gateways_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS) $(SQLITE_LIBS)

UNIT_TESTS += tests/unit/test-cloud-fleet
tests_unit_test_cloud_fleet_SOURCES = tests/unit/test-cloud-fleet.c \
	tools/cloud/body-write.c tools/cloud/fleet.c tools/cloud/id.c tools/cloud/policy.c \
	tools/cloud/turn.c $(CLOUD_HOME)
tests_unit_test_cloud_fleet_CFLAGS = $(UNIT_CFLAGS) $(JANSSON_CFLAGS) $(SQLITE_CFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_test_cloud_fleet_LDADD = \
	$(CMOCKA_LIBS) $(GANGWAY_LIBS) $(JANSSON_LIBS) $(SQLITE_LIBS) $(SYSTEMD_LIBS)

UNIT_TESTS += tests/unit/test-cloud-move
tests_unit_test_cloud_move_SOURCES = tests/unit/test-cloud-move.c $(CLOUD_HOME)
tests_unit_test_cloud_move_CFLAGS = $(UNIT_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_cloud_move_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS) $(SQLITE_LIBS)

UNIT_TESTS += tests/unit/test-store
tests_unit_test_store_SOURCES = tests/unit/test-store.c
tests_unit_test_store_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_store_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-vault
tests_unit_test_vault_SOURCES = tests/unit/test-vault.c
tests_unit_test_vault_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_vault_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-doctor
tests_unit_test_doctor_SOURCES = tests/unit/test-doctor.c
tests_unit_test_doctor_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_doctor_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-clock
tests_unit_test_clock_SOURCES = tests/unit/test-clock.c
tests_unit_test_clock_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_clock_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=access,--wrap=gw_now_realtime_us,--wrap=gw_now_boottime_us,--wrap=gw_now_monotonic_us \
	-Wl,--wrap=store_meta_number,--wrap=store_meta_set_number
tests_unit_test_clock_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-agent-settings
tests_unit_test_agent_settings_SOURCES = tests/unit/test-agent-settings.c
tests_unit_test_agent_settings_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_agent_settings_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-agent-settings-disk
tests_unit_test_agent_settings_disk_SOURCES = tests/unit/test-agent-settings-disk.c
tests_unit_test_agent_settings_disk_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_agent_settings_disk_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-queue
tests_unit_test_queue_SOURCES = tests/unit/test-queue.c $(WORLD_SOURCES)
tests_unit_test_queue_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_queue_LDFLAGS = $(WORLD_WRAPS)
tests_unit_test_queue_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-sightings
tests_unit_test_sightings_SOURCES = tests/unit/test-sightings.c
tests_unit_test_sightings_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_sightings_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=gw_now_monotonic_us
tests_unit_test_sightings_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-adopt
tests_unit_test_adopt_SOURCES = tests/unit/test-adopt.c $(WORLD_SOURCES)
tests_unit_test_adopt_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_adopt_LDFLAGS = $(WORLD_WRAPS)
tests_unit_test_adopt_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-renew
tests_unit_test_renew_SOURCES = tests/unit/test-renew.c $(WORLD_SOURCES)
tests_unit_test_renew_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_renew_LDFLAGS = $(WORLD_WRAPS)
tests_unit_test_renew_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-prospect
tests_unit_test_prospect_SOURCES = tests/unit/test-prospect.c agent/prospect.c
tests_unit_test_prospect_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_prospect_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-renewal
tests_unit_test_renewal_SOURCES = tests/unit/test-renewal.c agent/renewal.c
tests_unit_test_renewal_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_renewal_LDADD = $(CMOCKA_LIBS) $(GANGWAY_LIBS)

UNIT_TESTS += tests/unit/test-requests
tests_unit_test_requests_SOURCES = tests/unit/test-requests.c $(WORLD_SOURCES)
tests_unit_test_requests_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_requests_LDFLAGS = $(WORLD_WRAPS)
tests_unit_test_requests_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)

UNIT_TESTS += tests/unit/test-store-schema
tests_unit_test_store_schema_SOURCES = tests/unit/test-store-schema.c
tests_unit_test_store_schema_CFLAGS = $(UNIT_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_store_schema_LDADD = $(CMOCKA_LIBS) $(AGENT_LIBS)
EXTRA_DIST += tests/unit/schema/dump tests/unit/schema/1.sql tests/unit/schema/2.sql
