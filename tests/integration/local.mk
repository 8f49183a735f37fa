# SPDX-License-Identifier: GPL-2.0-or-later
# What the integration tests share, and the tests of that.
EXTRA_DIST += \
	tests/integration/schema.py \
	tests/integration/wire.py

TESTS += \
	tests/integration/test_schema.py \
	tests/integration/test_wire.py
EXTRA_DIST += \
	tests/integration/test_schema.py \
	tests/integration/test_wire.py
