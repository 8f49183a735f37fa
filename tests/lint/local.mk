# SPDX-License-Identifier: GPL-2.0-or-later
LINT = \
	tests/lint/analysis.py \
	tests/lint/analyze.py \
	tests/lint/data.py \
	tests/lint/dbus.py \
	tests/lint/events.py \
	tests/lint/headers.py \
	tests/lint/links.py \
	tests/lint/lint.py \
	tests/lint/rooms.py \
	tests/lint/scripts.py \
	tests/lint/style.py \
	tests/lint/text.py \
	tests/lint/tree.py
EXTRA_DIST += tests/lint/README $(LINT) tests/lint/test_lint.py
TESTS += tests/lint/test_lint.py

.PHONY: lint
lint:
	CC='$(CC)' LINT_CFLAGS='-std=gnu17 $(AM_CPPFLAGS) -I$(abs_top_builddir)' \
		PYTHONDONTWRITEBYTECODE=1 $(PYTHON3) $(top_srcdir)/tests/lint/lint.py '$(abs_top_srcdir)'

# What all sources can be compiled with.
ANALYZE_CFLAGS = -std=gnu17 -DHAVE_CONFIG_H -D_GNU_SOURCE -I$(abs_top_srcdir) -I$(abs_top_builddir) \
	$(WOLFSSL_CFLAGS) $(SYSTEMD_CFLAGS) $(SQLITE_CFLAGS) $(ECONF_CFLAGS) $(JANSSON_CFLAGS) \
	$(MOSQUITTO_CFLAGS) $(OPENSSL_CFLAGS) $(NL_CFLAGS) $(QRENCODE_CFLAGS) $(ZBAR_CFLAGS) \
	$(PNG_CFLAGS) $(JPEG_CFLAGS)

# Minutes: clang-tidy, gcc -fanalyzer. FILES="lib/wire.c ..." for some.
.PHONY: analyze
analyze:
	ANALYZE_CFLAGS='$(ANALYZE_CFLAGS)' PYTHONDONTWRITEBYTECODE=1 $(PYTHON3) \
		$(top_srcdir)/tests/lint/analyze.py '$(abs_top_srcdir)' $(FILES)
