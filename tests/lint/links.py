# SPDX-License-Identifier: GPL-2.0-or-later
"""What documents point at is there."""
import posixpath
import re

from tree import Complaint

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
TEST = re.compile(r"`(test_[a-z0-9_]+)\.(test_[a-zA-Z0-9_]+)`")
UNIT_TEST = re.compile(r"`(test-[a-z0-9-]+)`")


def check_links(tree):
    """A link within the tree leads to a file or folder of the tree."""
    files = set(tree.files)
    for path in tree.named(".md"):
        for number, line in tree.lines(path):
            for target in LINK.findall(line):
                if "://" in target:
                    continue
                there = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
                if there not in files and not any(f.startswith(there + "/") for f in files):
                    yield Complaint(path, number, f"there is no {there}")


def check_tests_named(tree):
    """A test that a document names, `test_file.test_name` or `test-program`, is there."""
    programs = {posixpath.basename(p)[:-len(".c")] for p in tree.named(".c")}
    tests = {(posixpath.basename(p)[:-len(".py")], name) for p in tree.named(".py")
             for name in re.findall(r"^    def (test_\w+)", tree.text(p) or "", re.MULTILINE)}
    for path in tree.named(".md"):
        for number, line in tree.lines(path):
            missing = [".".join(test) for test in TEST.findall(line) if test not in tests]
            missing += [program for program in UNIT_TEST.findall(line) if program not in programs]
            for name in missing:
                yield Complaint(path, number, f"there is no test {name}")


RULES = {"links": check_links, "tests-named": check_tests_named}
