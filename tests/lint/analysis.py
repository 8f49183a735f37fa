# SPDX-License-Identifier: GPL-2.0-or-later
"""What cppcheck finds in the programs' sources; what takes longer is analyze.py's."""
import re
import shutil
import subprocess

from tree import Complaint, Skip

ROOMS = ("agent/", "lib/", "plugins/", "tools/")

# What it is not asked, and why:
SUPPRESSED = (
    "memleak", "resourceLeak",  # knows no cleanup attribute, so that every owner leaks
    "missingIncludeSystem",  # does not read other people's headers
    "getgrnamCalled", "readdirCalled",  # not for two threads; none of the programs has two
    "getcontextCalled", "makecontextCalled", "swapcontextCalled",  # POSIX has threads instead, and dropped it; glibc did not
    "legacyUninitvar", "uninitvar", "ctuuninitvar",  # does not know that r >= 0 says it is there; gcc and valgrind look
)


def check_cppcheck(tree):
    """cppcheck has nothing to say."""
    sources = [p for p in tree.named(".c") if p.startswith(ROOMS)]
    if not sources:
        return
    if not shutil.which("cppcheck"):
        raise Skip("cppcheck is not installed")
    result = subprocess.run(
        ["cppcheck", "--quiet", "--enable=warning,performance,portability", "--inline-suppr", "--std=c11",
         "--library=posix", "--library=gnu", "--template={file}:{line}: {message} [{id}]", "-I.",
         "-D_GNU_SOURCE", "-DHAVE_CONFIG_H", *(f"--suppress={name}" for name in SUPPRESSED), *sources],
        cwd=tree.root, capture_output=True, text=True, check=False)
    for path, line, text in re.findall(r"^(.+?):(\d+): (.*)$", result.stderr, re.M):
        yield Complaint(path, int(line), text)


RULES = {"cppcheck": check_cppcheck}
