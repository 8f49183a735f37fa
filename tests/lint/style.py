# SPDX-License-Identifier: GPL-2.0-or-later
"""The form of C sources, by the tree's own .clang-format."""
import re
import shutil
import subprocess

from tree import Complaint, Skip

TOOL = "clang-format-14"  # others differ in small things


def check_format(tree):
    """clang-format changes nothing."""
    if not shutil.which(TOOL):
        raise Skip(f"{TOOL} is not installed")
    sources = tree.named(".c", ".h")
    if not sources:
        return
    result = subprocess.run([TOOL, "--dry-run", "--style=file", *sources], cwd=tree.root, capture_output=True,
                            text=True, check=False)
    seen = set()
    for path, line in re.findall(r"^(\S+?):(\d+):\d+: warning: code should be clang-formatted", result.stderr, re.M):
        if (path, line) not in seen:
            seen.add((path, line))
            yield Complaint(path, int(line), f"not in the house's form: {TOOL} -i {path}")
    if result.returncode:
        yield Complaint(".clang-format", 1, result.stderr.strip().split("\n")[0])


RULES = {"format": check_format}
