# SPDX-License-Identifier: GPL-2.0-or-later
# Not among the tests of `make check`: they take root, and minutes (run.py).
EXTRA_DIST += \
	tests/system/README \
	tests/system/accomplice.py \
	tests/system/build.py \
	tests/system/captured.c \
	tests/system/captured.py \
	tests/system/container.py \
	tests/system/gateway.py \
	tests/system/guest.py \
	tests/system/machine.py \
	tests/system/names.py \
	tests/system/piuparts.py \
	tests/system/root.py \
	tests/system/run.py \
	tests/system/testbed.py \
	tests/system/test_aboard.py \
	tests/system/test_autopkgtest.py \
	tests/system/test_bus.py \
	tests/system/test_captured.py \
	tests/system/test_config.py \
	tests/system/test_faults.py \
	tests/system/test_install.py \
	tests/system/test_journal.py \
	tests/system/test_packages.py \
	tests/system/test_power.py \
	tests/system/test_scripts.py \
	tests/system/test_virtual.py \
	tests/system/vm.py
