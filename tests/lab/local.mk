# SPDX-License-Identifier: GPL-2.0-or-later
EXTRA_DIST += \
	tests/lab/README \
	tests/lab/broker.py \
	tests/lab/bus.py \
	tests/lab/clocks.py \
	tests/lab/knock.py \
	tests/lab/lab.py \
	tests/lab/main.py \
	tests/lab/network.py \
	tests/lab/ports.py \
	tests/lab/process.py \
	tests/lab/programs.py \
	tests/lab/wall-clock.c
