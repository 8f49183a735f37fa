#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the tests in this folder, several files at a time, each file in a process of its own.

    run.py [-j N] [NAME...]    NAME: a file's, such as test_aboard; none: all

Prints a line a test, `PASS: `, `FAIL: ` or `SKIP: ` first, as `make check` does, and what a failed one
has to say. Ends with 1 if one failed.
"""
import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(1, str(HERE.parents[1]))
from lines import Lines

PREFIX = "tests/integration/whole"


def run_here(module):
    sys.path.insert(0, str(HERE))
    result = Lines(f"{PREFIX}/{module}")
    unittest.defaultTestLoader.loadTestsFromName(module).run(result)
    return 0 if result.wasSuccessful() else 1


def run_apart(module):
    return subprocess.run([sys.executable, "-B", __file__, "--here", module], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def build_once():
    """Once for all sets; returns the folder."""
    script = HERE.parents[2] / "scripts" / "build"
    built = subprocess.run([script], check=True, stdout=subprocess.PIPE, text=True)
    os.environ["GANGWAY_BUILD"] = built.stdout.strip()
    return built.stdout.strip()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-j", type=int, default=os.cpu_count(), dest="jobs")
    parser.add_argument("--here", metavar="NAME")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    if arguments.here:
        return run_here(arguments.here)

    build_once()
    names = arguments.names or sorted(p.stem for p in HERE.glob("test_*.py"))
    failed = False
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        runs = {pool.submit(run_apart, name): name for name in names}
        for run in concurrent.futures.as_completed(runs):
            result = run.result()
            print(result.stdout, end="", flush=True)
            if result.returncode not in (0, 1):
                print(f"FAIL: {PREFIX}/{runs[run]}: ended with {result.returncode}", flush=True)
            failed |= result.returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
