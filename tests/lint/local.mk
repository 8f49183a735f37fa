# SPDX-License-Identifier: GPL-2.0-or-later
LINT = \
	tests/lint/data.py \
	tests/lint/dbus.py \
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
