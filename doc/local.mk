# SPDX-License-Identifier: GPL-2.0-or-later
EXTRA_DIST += \
	doc/protocol/cloud.md \
	doc/protocol/label.md
