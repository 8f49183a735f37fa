# SPDX-License-Identifier: GPL-2.0-or-later
"""What the source package itself has to try (debian/tests), tried as Debian does it."""
import os
import pathlib
import subprocess
import unittest

from container import Container

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = pathlib.Path(os.environ.get("GANGWAY_SYSTEM_PACKAGES", "none"))


@unittest.skipUnless(list(PACKAGES.glob("*.dsc")), "no source package: see --packages")
class Autopkgtest(unittest.TestCase):
    def setUp(self):
        folder = pathlib.Path(os.environ["GANGWAY_SYSTEM_FOLDER"])
        self.machine = Container("testbed", folder, os.environ["GANGWAY_SYSTEM_ROOT"])
        self.addCleanup(self.machine.remove)
        self.machine.start()

    def test_the_source_package(self):
        tree = self.machine.folder / "tree"
        tree.mkdir()
        debian, = PACKAGES.glob("gangway_*.debian.tar.*")
        subprocess.run(["tar", "--extract", f"--file={debian}", f"--directory={tree}"], check=True)
        (tree / "debian/files").touch()  # by which autopkgtest knows that there is nothing to be built
        done = subprocess.run(
            ["autopkgtest", "--no-built-binaries", *PACKAGES.glob("*.deb"), tree, "--",
             HERE / "testbed.py", str(self.machine.init)], capture_output=True, text=True, errors="replace")
        self.assertIn(done.returncode, (0, 2), done.stdout + done.stderr)  # 2: something was skipped
        self.assertRegex(done.stdout, "(?m)^onboarding +PASS$")
        self.assertRegex(done.stdout, "(?m)^plugin +SKIP installation fails")  # no compiler here: see build.py
