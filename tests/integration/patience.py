# SPDX-License-Identifier: GPL-2.0-or-later
"""How long tests wait. GANGWAY_PATIENCE says how many times slower than usual the programs are, as they are
under valgrind."""
import os

TIMES = int(os.environ.get("GANGWAY_PATIENCE", 1))
# Seconds for what must happen; a test that waits so long has failed.
NEVER_S = 60 * TIMES
