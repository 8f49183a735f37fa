#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Has every C source of the programs read by analysers that take minutes: clang-tidy and gcc -fanalyzer.

usage: analyze.py ROOT [FILE...]    FILE: a path in the tree; none: all

ANALYZE_CFLAGS holds what all sources are compiled with. Prints findings and a line for each analyser, PASS:,
FAIL: or SKIP:, as the tests do; exit status 1 if there is a finding.
"""
import concurrent.futures
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

from tree import Tree

ROOMS = ("agent/", "lib/", "plugins/", "tools/")

# What gcc 12 is not asked, since it was wrong each time:
GCC_DISABLED = (
    # an object whose address is handed on is lost to it, and so leaks; valgrind and the sanitizers see leaks
    "malloc-leak",
    # and so it stays as it was before; -Wmaybe-uninitialized is on, and valgrind looks
    "use-of-uninitialized-value",
)


def clang_tidy(root, path, flags):
    return ["clang-tidy-14", "--quiet", path, "--", *flags]


def gcc(root, path, flags):
    off = [f"-Wno-analyzer-{name}" for name in GCC_DISABLED]
    return ["gcc", *flags, "-O2", "-fanalyzer", "-Werror", *off, "-c", "-o", "/dev/null", path]


ANALYSERS = {"clang-tidy-14": clang_tidy, "gcc": gcc}


def analyse(root, paths, flags, name):
    """Prints what it finds; returns whether all is well."""
    if not shutil.which(name):
        print(f"SKIP: analyze/{name}: it is not installed", flush=True)
        return True

    def read(path):
        return subprocess.run(ANALYSERS[name](root, path, flags), cwd=root, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for result in pool.map(read, paths):
            if result.returncode != 0:
                failed += 1
                # clang-tidy counts on standard error what it does not show.
                print(result.stdout or result.stderr, end="", flush=True)
    print(f"{'FAIL' if failed else 'PASS'}: analyze/{name} ({failed} of {len(paths)} files)", flush=True)
    return not failed


def main(arguments):
    root = pathlib.Path(arguments[0]).resolve()
    paths = arguments[1:] or [p for p in Tree(root).named(".c") if p.startswith(ROOMS)]
    flags = shlex.split(os.environ["ANALYZE_CFLAGS"])
    results = [analyse(root, paths, flags, name) for name in ANALYSERS]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
