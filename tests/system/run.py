#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Installs gangway on machines of systemd-nspawn and tries it there.

    run.py [--release NAME] [--packages DIR] [--bus NAME] [--full] [NAME...]

    --release NAME   of Debian: bookworm (as it is by default), trixie
    --packages DIR   install the packages in there, not what `make install` installs
    --bus NAME       what gateways have as the system's bus: dbus-daemon (as it is by default), dbus-broker
    --full           what takes longer, too
    NAME             a file's, such as test_aboard, or FILE.CLASS or FILE.CLASS.TEST; none: all

Prints a line a test, `PASS: `, `FAIL: ` or `SKIP: ` first. Everything happens in namespaces of our own, so
that nothing of it is left, however we end; it takes root.
"""
import argparse
import concurrent.futures
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest

import container
import machine
import root
import vm

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path.insert(1, str(HERE.parent))
from lines import Lines

PREFIX = "tests/system"
AT_A_TIME = 3
# The first process buries those whose parents are gone: a machine cannot end while one of its dead lies about.
FIRST = ("sh", "-c", '"$@"; exit $?', "first")
SLOWER = 10  # are machines whose processor is emulated
LONG = ("test_bus", "test_virtual")


def why_not(folder, shared_root):
    """Why no machine starts here; None if one does. What is of ours is in none of it."""
    machine = container.Container("trial", folder, shared_root)
    try:
        machine.start()
        machine.stop()
    except (machine.Failed, OSError, subprocess.SubprocessError) as e:
        return " ".join(str(e).split())[:400]
    finally:
        machine.remove()
    return None


def run_here(name):
    result = Lines(f"{PREFIX}/{name.partition('.')[0]}")
    began = time.monotonic()
    unittest.defaultTestLoader.loadTestsFromName(name).run(result)
    print(f"system: {name} took {time.monotonic() - began:.0f} s", flush=True)
    return 0 if result.wasSuccessful() else 1


def run_on_its_own(name):
    patience = int(os.environ.get("GANGWAY_PATIENCE", 1)) * (SLOWER if name.startswith("test_virtual") else 1)
    return subprocess.run([sys.executable, "-B", __file__, "--here", name], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=os.environ | {"GANGWAY_PATIENCE": str(patience)})


def classes(names):
    """MODULE.CLASS of all that is meant; what is named more closely is taken as it is."""
    every = sorted(p.stem for p in HERE.glob("test_*.py"))
    for name in names or [one for one in every if "GANGWAY_SYSTEM_FULL" in os.environ or one not in LONG]:
        if "." in name:
            yield name
            continue
        for suite in unittest.defaultTestLoader.loadTestsFromName(name):
            if suite.countTestCases():
                yield f"{name}.{type(next(iter(suite))).__name__}"


def run_inside(names):
    """In our own namespaces: a process for each class, some at a time, for they wait more than they work."""
    reason = why_not(pathlib.Path(os.environ["GANGWAY_SYSTEM_FOLDER"]), os.environ["GANGWAY_SYSTEM_ROOT"])
    if reason:
        print(f"SKIP: {PREFIX}: no machine starts in systemd-nspawn here: {reason}")
        return 0

    failed = False
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        runs = {pool.submit(run_on_its_own, name): name for name in classes(names)}
        for run in concurrent.futures.as_completed(runs):
            result = run.result()
            print(result.stdout, end="", flush=True)
            if result.returncode not in (0, 1):
                print(f"FAIL: {PREFIX}/{runs[run]}: ended with {result.returncode}", flush=True)
            failed |= result.returncode != 0
    return 1 if failed else 0


def make_tree(folder, packages):
    """What is installed, as files."""
    tree = folder / "tree"
    if packages:
        for package in sorted(packages.glob("*.deb")):
            subprocess.run(["dpkg-deb", "--extract", package, tree], check=True)
        # Where a machine has a symbolic link: a folder would hide what it points at.
        if (tree / "lib").is_dir():
            shutil.copytree(tree / "lib", tree / "usr/lib", dirs_exist_ok=True)
            shutil.rmtree(tree / "lib")
        return tree
    build = subprocess.run([TOP / "scripts" / "build", "system"], check=True, stdout=subprocess.PIPE,
                           text=True).stdout.strip()
    subprocess.run(["make", "--silent", "-C", build, "install", f"DESTDIR={tree}"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return tree


def remove_control_groups(run):
    for group in container.control_groups(run):
        for one in group.parent.glob(f"{group.name}*"):
            for path, _, _ in os.walk(one, topdown=False):
                try:
                    os.rmdir(path)
                except OSError as e:
                    print(f"system: {path} is left: {e.strerror}", file=sys.stderr)


def virtual(release):
    """What tests on virtual machines find them by, or why they cannot."""
    reason = vm.why_not()
    try:
        return {"GANGWAY_SYSTEM_NO_VIRTUAL": reason} if reason else {"GANGWAY_SYSTEM_VIRTUAL": str(root.virtual(release))}
    except root.Unavailable as e:
        return {"GANGWAY_SYSTEM_NO_VIRTUAL": str(e)}


def run_apart(arguments, folder):
    environment = os.environ | {
        "GANGWAY_SYSTEM_FOLDER": str(folder),
        "GANGWAY_SYSTEM_RUN": str(os.getpid()),
        "GANGWAY_SYSTEM_BUS": arguments.bus,
        "GANGWAY_SYSTEM_ROOT": str(root.unpack(arguments.release, folder / "base")),
        "GANGWAY_SYSTEM_TREE": str(make_tree(folder, arguments.packages)),
    }
    if arguments.packages:
        environment["GANGWAY_SYSTEM_PACKAGES"] = str(arguments.packages)
    if arguments.full:
        environment["GANGWAY_SYSTEM_FULL"] = "1"
    if arguments.full or any(name.startswith("test_virtual") for name in arguments.names):
        environment |= virtual(arguments.release)
    try:
        return subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child",
                               "--mount-proc", *FIRST, sys.executable, "-B", __file__, "--inside",
                               *arguments.names], env=environment).returncode
    finally:
        remove_control_groups(str(os.getpid()))


def skip(reason):
    print(f"SKIP: {PREFIX}: {reason}")
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--release", default="bookworm")
    parser.add_argument("--packages", type=lambda p: pathlib.Path(p).resolve())
    parser.add_argument("--bus", choices=("dbus-daemon", "dbus-broker"), default="dbus-daemon")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--inside", action="store_true")
    parser.add_argument("--here", metavar="NAME")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    sys.path.insert(0, str(HERE))
    if arguments.here:
        return run_here(arguments.here)
    if arguments.inside:
        return run_inside(arguments.names)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # and clean up
    if os.getuid() != 0:
        return skip("only root can start machines")
    if not shutil.which("systemd-nspawn"):
        return skip("no systemd-nspawn: run scripts/setup")
    folder = root.scratch_folder("system-of-gangway-")
    try:
        return run_apart(arguments, folder)
    except root.Unavailable as e:
        return skip(str(e))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
