# SPDX-License-Identifier: GPL-2.0-or-later
# Benches: what they need in C is a program in BENCH_TOOLS, built by `make bench` only.
BENCH_TOOLS =
EXTRA_PROGRAMS = $(BENCH_TOOLS)
CLEANFILES += $(BENCH_TOOLS)
EXTRA_DIST += \
	tests/bench/README \
	tests/bench/figures.py \
	tests/bench/onboarding.py \
	tests/bench/run.py

# Memory of the registrar for each peer.
BENCH_TOOLS += tests/bench/peers-devices
tests_bench_peers_devices_SOURCES = tests/bench/peers-devices.c
tests_bench_peers_devices_CFLAGS = $(AM_CFLAGS) $(WOLFSSL_CFLAGS)
tests_bench_peers_devices_LDADD = $(GANGWAY_CRYPTO_LIBS) $(GANGWAY_LIBS)
EXTRA_DIST += tests/bench/peers.py

# What a flood of spoofed hellos costs the registrar.
BENCH_TOOLS += tests/bench/flood-bare tests/bench/flood-send
tests_bench_flood_bare_SOURCES = tests/bench/flood-bare.c
tests_bench_flood_bare_CFLAGS = $(AM_CFLAGS) $(WOLFSSL_CFLAGS)
tests_bench_flood_bare_LDADD = $(WOLFSSL_LIBS)
tests_bench_flood_send_SOURCES = tests/bench/flood-send.c tests/bench/sender.h
EXTRA_DIST += tests/bench/flood.py

# What knocks with wrong identities and keys cost the others.
BENCH_TOOLS += tests/bench/knock-send
tests_bench_knock_send_SOURCES = tests/bench/knock-send.c tests/bench/sender.h
EXTRA_DIST += tests/bench/knocks.py

.PHONY: bench bench-programs
bench-programs: $(BENCH_TOOLS)
bench: all bench-programs
	@GANGWAY_BUILD='$(abs_top_builddir)' PYTHONDONTWRITEBYTECODE=1 \
		$(PYTHON3) $(top_srcdir)/tests/bench/run.py $(BENCH_FLAGS)

BENCH_TOOLS += tests/bench/handshakes
tests_bench_handshakes_SOURCES = tests/bench/handshakes.c
tests_bench_handshakes_CFLAGS = $(AM_CFLAGS) $(WOLFSSL_CFLAGS)
tests_bench_handshakes_LDADD = $(GANGWAY_CRYPTO_LIBS) $(GANGWAY_LIBS)

# What a record costs to add, and to verify.
BENCH_TOOLS += tests/bench/record
tests_bench_record_SOURCES = tests/bench/record.c
tests_bench_record_CFLAGS = $(AM_CFLAGS)
tests_bench_record_LDADD = $(AGENT_LIBS)
