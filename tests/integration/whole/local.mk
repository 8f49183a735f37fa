# SPDX-License-Identifier: GPL-2.0-or-later
# Not among the tests of `make check`: these bring sets up and take minutes (run.py).
EXTRA_DIST += \
	tests/integration/whole/README \
	tests/integration/whole/allocations.py \
	tests/integration/whole/checker.py \
	tests/integration/whole/coap.py \
	tests/integration/whole/dtls.py \
	tests/integration/whole/failing-malloc.c \
	tests/integration/whole/kills.py \
	tests/integration/whole/lab.py \
	tests/integration/whole/label.py \
	tests/integration/whole/load.py \
	tests/integration/whole/memory.py \
	tests/integration/whole/network.py \
	tests/integration/whole/networks.py \
	tests/integration/whole/occasions.py \
	tests/integration/whole/run.py \
	tests/integration/whole/served.py \
	tests/integration/whole/test_aboard.py \
	tests/integration/whole/test_absent.py \
	tests/integration/whole/test_away.py \
	tests/integration/whole/test_bus.py \
	tests/integration/whole/test_clock.py \
	tests/integration/whole/test_coap.py \
	tests/integration/whole/test_crl.py \
	tests/integration/whole/test_doctor.py \
	tests/integration/whole/test_faketime.py \
	tests/integration/whole/test_flood.py \
	tests/integration/whole/test_hostile.py \
	tests/integration/whole/test_lab.py \
	tests/integration/whole/test_leave.py \
	tests/integration/whole/test_load.py \
	tests/integration/whole/test_labels.py \
	tests/integration/whole/test_memory.py \
	tests/integration/whole/test_network.py \
	tests/integration/whole/test_plugin.py \
	tests/integration/whole/test_queue.py \
	tests/integration/whole/test_adopt.py \
	tests/integration/whole/test_renew.py \
	tests/integration/whole/test_return.py \
	tests/integration/whole/test_revoke.py \
	tests/integration/whole/test_record.py \
	tests/integration/whole/test_secrets.py \
	tests/integration/whole/test_trouble.py \
	tests/integration/whole/test_week.py \
	tests/integration/whole/tour.py
