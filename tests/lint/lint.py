#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks the tree against the rules of the house.

usage: lint.py [ROOT [RULE...]]    rules: all, or those named; exit status 1 if there is a complaint
"""
import pathlib
import sys

import analysis
import data
import events
import headers
import links
import rooms
import scripts
import style
import text
from tree import Skip, Tree

RULES = {**rooms.RULES, **headers.RULES, **text.RULES, **style.RULES, **data.RULES, **events.RULES,
         **links.RULES, **scripts.RULES, **analysis.RULES}


def run(tree, names):
    """Prints complaints; returns (passed, failed, skipped) rules."""
    passed = failed = skipped = 0
    for name in names:
        try:
            complaints = list(RULES[name](tree))
        except Skip as skip:
            print(f"SKIP lint {name}: {skip}")
            skipped += 1
            continue
        for complaint in complaints:
            print(f"{complaint.path}:{complaint.line}: {complaint.text} ({name})")
        failed += bool(complaints)
        passed += not complaints
    return passed, failed, skipped


def main(arguments):
    root = arguments[0] if arguments else pathlib.Path(__file__).resolve().parents[2]
    unknown = [name for name in arguments[1:] if name not in RULES]
    if unknown:
        print(f"no such rule: {unknown[0]}; there are {' '.join(RULES)}", file=sys.stderr)
        return 2

    passed, failed, skipped = run(Tree(root), arguments[1:] or RULES)
    print(f"lint: {passed} rules passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
