# SPDX-License-Identifier: GPL-2.0-or-later
"""Headers: each compiles alone, and includes only what its own declarations cannot do without."""
import os
import shlex
import subprocess
import tempfile

from tree import Complaint

# What other headers may include: values and enums that stand in prototypes or in structs, and no more
# than these inside. Structs that are only pointed at are declared by a line of their own instead.
VOCABULARY = [
    "lib/blob.h", "lib/coap.h", "lib/event.h", "lib/reason.h", "lib/wire.h",
    "agent/audit.h", "agent/clock.h", "agent/credential.h", "agent/device.h", "agent/doctor.h",
    "agent/renewal.h", "agent/rights.h", "agent/settings-disk.h", "agent/settings.h",
    "plugins/mqtt/dialect.h", "plugins/mqtt/identity.h", "tools/device/credential.h", "tools/device/uri.h",
]
# Whole interfaces for others to build on.
BUILDING_ON = {"lib/plugin.h": ["lib/wire.h"]}


def headers(tree):
    return [p for p in tree.named(".h") if p.startswith(("lib/", "agent/", "plugins/", "tools/"))]


def check_includes(tree):
    """No project header drags another in, but for the vocabulary."""
    for path in headers(tree):
        for include in tree.includes(path):
            if include.is_ours and include.name not in BUILDING_ON.get(path, VOCABULARY):
                yield Complaint(path, include.line, f'a header must not include "{include.name}": declare the struct, '
                                "or make it part of the vocabulary in tests/lint/headers.py")


def check_once(tree):
    """#pragma once, before anything is said."""
    for path in headers(tree):
        first = next(((n, line) for n, line in tree.lines(path) if line.startswith("#")), (1, ""))
        if first[1] != "#pragma once":
            yield Complaint(path, first[0], "the first directive of a header is #pragma once")


def check_alone(tree):
    """Included first and alone, a header compiles."""
    compiler = [*shlex.split(os.environ.get("CC", "gcc")),
                *shlex.split(os.environ.get("LINT_CFLAGS", "-D_GNU_SOURCE -std=gnu17"))]
    for path in headers(tree):
        with tempfile.NamedTemporaryFile("w", suffix=".c") as source:
            source.write(f'#include "{path}"\nint lint_nothing;\n')
            source.flush()
            result = subprocess.run([*compiler, f"-I{tree.root}", "-Werror", "-fsyntax-only", source.name],
                                    cwd=tree.root, capture_output=True, text=True, check=False)
        if result.returncode:
            error = next((line for line in result.stderr.split("\n") if "error:" in line), result.stderr.strip())
            yield Complaint(path, 1, f"does not compile alone: {error.strip()}")


RULES = {"header-includes": check_includes, "pragma-once": check_once, "header-alone": check_alone}
