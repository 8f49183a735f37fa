#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""piuparts.py DIR: piuparts tries the packages in DIR, in the root that machines share, which has systemd: else
what systemd itself leaves behind would be found, too. What else they depend on comes from the machine's mirror.
What it says goes to DIR/piuparts.log."""
import pathlib
import shutil
import subprocess
import sys

import root

NAME = "tests/system/piuparts"
RELEASE = "bookworm"


def try_out(folder, scratch):
    packages = sorted(folder.glob("gangway*.deb"))
    base = root.unpack(RELEASE, scratch / "base")
    (base / "var/cache/debconf/tmp.ci").mkdir()  # as apt leaves it, whatever is installed
    with open(folder / "piuparts.log", "w") as log:
        return subprocess.run(["piuparts", "--no-eatmydata", "--distribution", RELEASE,
                               "--mirror", root.mirrors()[0], "--existing-chroot", base,
                               "--tmpdir", scratch, *packages], stdout=log, stderr=log).returncode == 0


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    scratch = root.scratch_folder("gangway-piuparts-")
    try:
        passed = try_out(folder, scratch)
    except root.Unavailable as e:
        print(f"SKIP: {NAME}: {e}")
        return 0
    finally:
        shutil.rmtree(scratch)
    if not passed:
        print("".join(open(folder / "piuparts.log").readlines()[-40:]))
    print(f"{'PASS' if passed else 'FAIL'}: {NAME}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
