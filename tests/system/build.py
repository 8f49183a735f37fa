#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""build.py RELEASE DIR: builds the source package in DIR as a release of Debian builds it: in a root that has
what Build-Depends names and nothing else, by a user, without a network, with the tests that belong to it; and
with the gangway-dev that it made a plugin. What it makes goes to DIR/RELEASE, and so does the log."""
import pathlib
import shutil
import subprocess
import sys

import root

SCRIPT = """
set -eu
cd /home/builder
dpkg-source --extract gangway_*.dsc gangway
cd gangway
dpkg-buildpackage --no-sign --build=binary
"""
PLUGIN = """
set -eu
dpkg --install /home/builder/gangway-dev_*.deb
cd /home/builder/gangway
AUTOPKGTEST_TMP=$(mktemp -d) debian/tests/plugin
"""


def build(release, folder, made, scratch):
    source, = folder.glob("gangway_*.dsc")
    base = root.unpack_builder(release, scratch / "base", source)
    home = base / "home/builder"
    for file in (source, *folder.glob("gangway_*.tar.*")):
        shutil.copy(file, home)
    as_user = ["setpriv", "--reuid=builder", "--regid=builder", "--clear-groups"]
    subprocess.run(root.enter(base, "chown", "--recursive", "builder:builder", "/home/builder"), check=True)
    with open(made / "log", "w") as log:
        done = subprocess.run(root.enter(base, *as_user, "env", "HOME=/home/builder", "sh", "-c", SCRIPT),
                              stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if done.returncode == 0:
            done = subprocess.run(root.enter(base, "sh", "-c", PLUGIN), stdin=subprocess.DEVNULL, stdout=log,
                                  stderr=log)
    for file in (*home.glob("*.deb"), *home.glob("*.changes"), *home.glob("*.buildinfo")):
        shutil.copy(file, made)
    for file in (source, *folder.glob("gangway_*.debian.tar.*")):  # whose tests these packages are to pass
        shutil.copy(file, made)
    return done.returncode == 0


def main():
    release, folder = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    name = f"tests/system/build-{release}"
    made = folder / release
    made.mkdir(exist_ok=True)
    scratch = root.scratch_folder("gangway-build-")
    try:
        passed = build(release, folder, made, scratch)
    except root.Unavailable as e:
        print(f"SKIP: {name}: {e}")
        return 0
    finally:
        shutil.rmtree(scratch)
    if not passed:
        print("".join((made / "log").read_text(errors="replace").splitlines(keepends=True)[-60:]))
    print(f"{'PASS' if passed else 'FAIL'}: {name}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
