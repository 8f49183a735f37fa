# SPDX-License-Identifier: GPL-2.0-or-later
# What the integration tests share, and the tests of that.
EXTRA_DIST += \
	tests/integration/patience.py \
	tests/integration/schema.py \
	tests/integration/wire.py

TESTS += \
	tests/integration/test_catalogue.py \
	tests/integration/test_plans.py \
	tests/integration/test_schema.py \
	tests/integration/test_wire.py
EXTRA_DIST += \
	tests/integration/test_catalogue.py \
	tests/integration/test_plans.py \
	tests/integration/test_schema.py \
	tests/integration/test_wire.py

# gangwayctl against an agent that only pretends.
check_PROGRAMS += tests/integration/fake-bus-agent
tests_integration_fake_bus_agent_SOURCES = tests/integration/fake-bus-agent.c
tests_integration_fake_bus_agent_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
tests_integration_fake_bus_agent_LDADD = $(GANGWAY_LIBS)
TESTS += tests/integration/test_ctl.py tests/integration/test_ctl_agent.py
EXTRA_DIST += \
	tests/integration/open_bus.py \
	tests/integration/pixels.py \
	tests/integration/test_ctl.py \
	tests/integration/test_ctl_agent.py

# What the programs say of themselves, in manual pages and to shells.
TESTS += tests/integration/test_completion.py tests/integration/test_man.py
EXTRA_DIST += tests/integration/test_completion.py tests/integration/test_man.py

# The agent's configuration, and descriptors that nobody asked for.
TESTS += tests/integration/test_config.py tests/integration/test_handed_over.py
EXTRA_DIST += tests/integration/fuse.py tests/integration/test_config.py tests/integration/test_handed_over.py

# The cloud link against a real broker, between an agent and a cloud that the test plays.
TESTS += tests/integration/test_mqtt.py tests/integration/test_mqtt_provision.py
TESTS += tests/integration/test_mqtt_return.py
EXTRA_DIST += \
	tests/integration/broker.py \
	tests/integration/cells.py \
	tests/integration/fake_agent.py \
	tests/integration/mqtt.py \
	tests/integration/test_mqtt.py \
	tests/integration/test_mqtt_provision.py \
	tests/integration/test_mqtt_return.py
TESTS += tests/integration/test_ip.py tests/integration/test_loopback.py
EXTRA_DIST += tests/integration/test_ip.py tests/integration/test_loopback.py

# The registrar between an agent that the test plays and real DTLS clients.
TESTS += \
	tests/integration/test_registrar.py \
	tests/integration/test_registrar_hostile.py \
	tests/integration/test_registrar_poison.py \
	tests/integration/test_registrar_rfc.py \
	tests/integration/test_registrar_stacks.py
EXTRA_DIST += \
	tests/integration/datagrams.py \
	tests/integration/door_agent.py \
	tests/integration/handshake.py \
	tests/integration/registrar.py \
	tests/integration/test_registrar.py \
	tests/integration/test_registrar_hostile.py \
	tests/integration/test_registrar_poison.py \
	tests/integration/test_registrar_rfc.py \
	tests/integration/stacks/README \
	tests/integration/stacks/erlang.escript \
	tests/integration/stacks/pion.go \
	tests/integration/test_registrar_stacks.py

# A device with Mbed TLS, where that is installed.
if MBEDTLS
check_PROGRAMS += tests/integration/stacks/mbedtls
tests_integration_stacks_mbedtls_SOURCES = tests/integration/stacks/mbedtls.c
tests_integration_stacks_mbedtls_LDADD = $(MBEDTLS_LIBS)
endif

# EST over CoAP as libcoap's clients speak it.
TESTS += tests/integration/test_est.py
EXTRA_DIST += tests/integration/test_est.py
# The same message by message, over sessions that the test holds by itself.
TESTS += tests/integration/test_messages.py
EXTRA_DIST += \
	tests/integration/dtls_client.py \
	tests/integration/messages.py \
	tests/integration/test_messages.py
# The reference device against the real registrar.
DEVICE_TESTS = \
	tests/integration/test_device.py \
	tests/integration/test_device_given_up.py
TESTS += $(DEVICE_TESTS)
EXTRA_DIST += $(DEVICE_TESTS)
# gangway-cloud against a real broker, between gateways that the test plays.
check_PROGRAMS += tests/integration/box-open
tests_integration_box_open_SOURCES = tests/integration/box-open.c
tests_integration_box_open_CFLAGS = $(AM_CFLAGS)
tests_integration_box_open_LDADD = $(GANGWAY_CRYPTO_LIBS) $(GANGWAY_LIBS)
CLOUD_TESTS = \
	tests/integration/test_cloud.py \
	tests/integration/test_cloud_adopt.py \
	tests/integration/test_cloud_broker.py \
	tests/integration/test_cloud_commands.py \
	tests/integration/test_cloud_crl.py \
	tests/integration/test_cloud_death.py \
	tests/integration/test_cloud_folder.py \
	tests/integration/test_cloud_provision.py \
	tests/integration/test_cloud_return.py
TESTS += $(CLOUD_TESTS)
EXTRA_DIST += tests/integration/cloud.py $(CLOUD_TESTS)

# gangwayd as a user of its own, with the bus policy, polkit, and all kinds of callers.
TESTS += tests/integration/test_ask.py tests/integration/test_crowds.py tests/integration/test_rights.py
EXTRA_DIST += \
	tests/integration/dbus.py \
	tests/integration/fake_polkit.py \
	tests/integration/machine.py \
	tests/integration/test_ask.py \
	tests/integration/test_crowds.py \
	tests/integration/test_rights.py
