# SPDX-License-Identifier: GPL-2.0-or-later
"""Scripts: no complaint of shellcheck, and Python that compiles and finds the tree's own modules."""
import re
import shutil
import subprocess

from tree import Complaint, Skip

SHELLS = ("sh", "bash", "dash")


def check_shell(tree):
    """shellcheck has nothing to say."""
    scripts = [p for p in tree.files if tree.interpreter(p) in SHELLS or p.endswith(".sh")]
    if not scripts:
        return
    if not shutil.which("shellcheck"):
        raise Skip("shellcheck is not installed")
    result = subprocess.run(["shellcheck", "--format=gcc", "--external-sources", *scripts], cwd=tree.root,
                            capture_output=True, text=True, check=False)
    for path, line, text in re.findall(r"^(.+?):(\d+):\d+: \w+: (.*)$", result.stdout, re.M):
        yield Complaint(path, int(line), text)


def pythons(tree):
    return (p for p in tree.files if p.endswith(".py") or tree.interpreter(p).startswith("python"))


def check_python(tree):
    """Python compiles; nothing is written."""
    for path in pythons(tree):
        try:
            compile(tree.text(path) or "", path, "exec")
        except SyntaxError as error:
            yield Complaint(path, error.lineno or 1, f"is not Python: {error.msg}")


def check_python_path(tree):
    """The tree's own modules go before those that a machine happens to have, whatever their names."""
    for path in pythons(tree):
        for number, line in tree.lines(path):
            if line.lstrip().startswith("sys.path.append("):
                yield Complaint(path, number, "an installed module of that name would go first: sys.path.insert(1, ..)")


RULES = {"shell": check_shell, "python": check_python, "python-path": check_python_path}
