# SPDX-License-Identifier: GPL-2.0-or-later
"""Scripts: no complaint of shellcheck, and Python that compiles."""
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


def check_python(tree):
    """Python compiles; nothing is written."""
    for path in tree.files:
        if not path.endswith(".py") and not tree.interpreter(path).startswith("python"):
            continue
        try:
            compile(tree.text(path) or "", path, "exec")
        except SyntaxError as error:
            yield Complaint(path, error.lineno or 1, f"is not Python: {error.msg}")


RULES = {"shell": check_shell, "python": check_python}
