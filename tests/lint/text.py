# SPDX-License-Identifier: GPL-2.0-or-later
"""What holds for the text of every file."""
import re

from tree import Complaint

SPDX = "SPDX-License-Identifier: GPL-2.0-or-later"
NEEDS_SPDX = (".c", ".h", ".py", ".sh", ".mk", ".am", ".ac", ".xml", ".escript", ".go")
COMMENTS = {".c": "/* {} */", ".h": "/* {} */", ".xml": "<!-- {} -->", ".escript": "%% {}", ".go": "// {}"}

# Put together, so that this file may be read too.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "for " + "now"]) + r")\b")


def check_spdx(tree):
    """The licence is the first line, behind the line that names the interpreter or the kind of document."""
    for path in tree.files:
        suffix = next((s for s in NEEDS_SPDX if path.endswith(s)), None)
        if not suffix and not tree.interpreter(path):
            continue
        lines = (tree.text(path) or "").split("\n")
        at = 1 if lines[0].startswith(("#!", "<?xml", "<!DOCTYPE")) else 0
        expected = COMMENTS.get(suffix, "# {}").format(SPDX)
        if expected not in lines[at:at + 3 if suffix == ".xml" else at + 1]:
            yield Complaint(path, at + 1, f"this line must be: {expected}")


def check_unfinished(tree):
    """Nothing in the tree says of itself that it is not done."""
    for path in tree.files:
        if path in ("COPYING", "doc/style.md") or path.endswith(".patch") or path.startswith("tests/fuzz/corpus/"):
            continue
        for number, line in tree.lines(path):
            match = UNFINISHED.search(line)
            if match:
                yield Complaint(path, number, f"'{match[0]}': finish it, or write an issue")


def check_blanks(tree):
    """Lines end where their text does, files end with a line end, and lines with one of Unix."""
    for path in tree.files:
        text = tree.text(path)
        if not text or path.endswith(".patch") or path.startswith("tests/fuzz/corpus/"):
            continue
        for number, line in tree.lines(path):
            if line.endswith(("\r", " ", "\t")):
                yield Complaint(path, number, "blanks at the end of the line")
        if not text.endswith("\n"):
            yield Complaint(path, text.count("\n") + 1, "the last line has no end")
        elif text.endswith("\n\n"):
            yield Complaint(path, text.count("\n"), "empty lines at the end of the file")


RULES = {"spdx": check_spdx, "unfinished": check_unfinished, "blanks": check_blanks}
