# SPDX-License-Identifier: GPL-2.0-or-later
EXTRA_DIST += \
	scripts/build \
	scripts/lab \
	scripts/lib.sh \
	scripts/setup \
	scripts/wolfssl \
	scripts/wolfssl-patches/dtls-empty-extensions.patch
