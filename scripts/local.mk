# SPDX-License-Identifier: GPL-2.0-or-later
EXTRA_DIST += \
	.ci/run \
	scripts/build \
	scripts/check \
	scripts/demo \
	scripts/lab \
	scripts/lib.sh \
	scripts/orig \
	scripts/packages \
	scripts/setup \
	scripts/wolfssl \
	scripts/wolfssl-patches/dtls-empty-extensions.patch \
	scripts/wolfssl-patches/dtls-short-records.patch \
	tests/lines.py \
	tests/skips-allowed
