# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of a tree as the rules see them."""
import functools
import pathlib
import re
import subprocess
from typing import NamedTuple

# Where a tree without git (an unpacked release) keeps what is not source.
GENERATED = re.compile(
    r"^(build[^/]*|autom4te\.cache)/|(^|/)(\.deps|__pycache__)/|(^|/)(Makefile(\.in)?|configure|aclocal\.m4|"
    r"config\.(h|h\.in|log|status)|.*~|.*\.(o|a|log|trs))$")
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


class Complaint(NamedTuple):
    path: str
    line: int
    text: str


class Skip(Exception):
    """A rule cannot be checked here; says why."""


class Include(NamedTuple):
    line: int
    name: str
    is_ours: bool  # "lib/util.h", not <stdio.h>


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()

    @functools.cached_property
    def files(self):
        """All source files by their path in the tree, sorted."""
        if (self.root / ".git").exists():
            # Whoever owns the clone: a check by root must not fail where somebody else cloned.
            listed = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached",
                                     "--others", "--exclude-standard"], cwd=self.root,
                                    capture_output=True, text=True, check=True).stdout
            paths = [p for p in listed.split("\0") if p and (self.root / p).is_file()]
        else:
            paths = [str(p.relative_to(self.root)) for p in self.root.rglob("*") if p.is_file()]
            paths = [p for p in paths if not GENERATED.search(p)]
        return sorted(set(paths))

    def named(self, *suffixes):
        return [p for p in self.files if p.endswith(suffixes)]

    @functools.lru_cache(maxsize=None)
    def text(self, path):
        """The contents, or None of a file that is no text."""
        try:
            return (self.root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return None

    def lines(self, path):
        """Yields (number, line) of a text file."""
        return enumerate((self.text(path) or "").split("\n"), 1)

    def includes(self, path):
        for number, line in self.lines(path):
            match = INCLUDE.match(line)
            if match:
                yield Include(number, match[2], match[1] == '"')

    def interpreter(self, path):
        """What a script is run by: "bash", "python3", ...; "" if it is none."""
        first = (self.text(path) or "").split("\n", 1)[0]
        words = first[2:].replace("/usr/bin/env", "").split() if first.startswith("#!") else []
        return words[0].rsplit("/", 1)[-1] if words else ""
