#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs benches one after the other and prints their figures: a table for people, or a document.

    run.py [--json] [--list] [NAME...]    NAME: a bench's file without .py; none: all
"""
import argparse
import ast
import json
import os
import pathlib
import platform
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
FIELDS = {"name", "value", "unit", "samples", "min", "max", "reference", "ratio", "ratio_min", "ratio_max",
          "note"}


def find():
    """All benches by name: the executable files beside this one."""
    return {path.stem: path for path in sorted(HERE.glob("*.py"))
            if path.stem != "run" and os.access(path, os.X_OK)}


def summary(path):
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]


def read_figures(name, output):
    figures = []
    for line in output.splitlines():
        figure = json.loads(line)
        if set(figure) != FIELDS:
            raise ValueError(f"{line}: not the fields of a figure")
        figures.append(figure | {"name": f"{name}.{figure['name']}"})
    return figures


def run(name, path):
    """Its figures, and what to say of it."""
    started = time.monotonic()
    print(f"bench: {name}", file=sys.stderr, flush=True)
    ended = subprocess.run([path], stdout=subprocess.PIPE, text=True)
    about = {"name": name, "summary": summary(path), "ok": ended.returncode == 0,
             "seconds": round(time.monotonic() - started, 1)}
    try:
        return read_figures(name, ended.stdout), about
    except ValueError as error:
        print(f"bench: {name}: {error}", file=sys.stderr)
        return [], about | {"ok": False}


def machine():
    info = pathlib.Path("/proc/cpuinfo").read_text()
    models = [line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")]
    return {"architecture": platform.machine(), "processors": os.cpu_count(),
            "model": models[0] if models else None, "kernel": platform.release(),
            "load": os.getloadavg()[0]}


def short(number):
    return f"{number:.4g}" if abs(number) < 10000 else f"{number:.0f}"


def print_table(figures):
    rows = [("figure", "median", "unit", "min..max", "n", "ratio", "min..max", "to")]
    for f in figures:
        ratio = ("", "", "")
        if f["ratio"] is not None:
            ratio = short(f["ratio"]), f"{short(f['ratio_min'])}..{short(f['ratio_max'])}", f["reference"]
        rows.append((f["name"], short(f["value"]), f["unit"], f"{short(f['min'])}..{short(f['max'])}",
                     str(f["samples"]), *ratio))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    for note in dict.fromkeys(f["note"] for f in figures if f["note"]):
        print(f"  * {note}")


def choose_build():
    """The one that is named, else the one that scripts/build makes, with what only benches need."""
    if "GANGWAY_BUILD" in os.environ:
        return
    built = subprocess.run([TOP / "scripts" / "build"], check=True, stdout=subprocess.PIPE, text=True)
    os.environ["GANGWAY_BUILD"] = built.stdout.strip()
    subprocess.run(["make", "--no-print-directory", "-C", built.stdout.strip(), "bench-programs"], check=True,
                   stdout=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one document, for programs")
    parser.add_argument("--list", action="store_true", help="name the benches and end")
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()

    benches = find()
    unknown = [name for name in arguments.names if name not in benches]
    if unknown:
        parser.error(f"no such bench: {', '.join(unknown)}; --list names them")
    if arguments.list:
        for name, path in benches.items():
            print(f"{name:12} {summary(path)}")
        return 0

    choose_build()
    figures, about = [], []
    for name in arguments.names or benches:
        told, state = run(name, benches[name])
        figures += told
        about.append(state)
    if arguments.json:
        print(json.dumps({"machine": machine(), "benches": about, "figures": figures}, indent=1))
    else:
        print_table(figures)
    failed = [state["name"] for state in about if not state["ok"]]
    if failed:
        print(f"bench: could not run: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
