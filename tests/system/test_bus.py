# SPDX-License-Identifier: GPL-2.0-or-later
"""The other bus that a system may have: who may do what, and what crowds may, with dbus-broker in place of dbus-daemon. It takes
a journal and a package that not every machine has on which tests are run, so it is tried on one of ours."""
import os
import pathlib
import unittest

from gateway import World

TOP = pathlib.Path(__file__).resolve().parents[2]
SOURCES = "/srv/gangway"
BUILD = "/srv/build"
PARTS = ("agent", "dbus", "tests")
PATIENCE_S = 1800


class Broker(unittest.TestCase):
    """The package is not installed: the tests bring users of their own."""

    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(World(installed=False))
        cls.gateway = cls.world.gateway
        for part in PARTS:
            cls.gateway.copy_in(TOP / part, f"{SOURCES}/{part}")
        cls.gateway.copy_in(pathlib.Path(os.environ["GANGWAY_SYSTEM_TREE"], "usr/sbin"), f"{BUILD}/agent")

    def run_there(self, name):
        done = self.gateway.run("env", "GANGWAY_TEST_BUS=dbus-broker", f"top_srcdir={SOURCES}", f"top_builddir={BUILD}",
                                "python3", "-B", f"{SOURCES}/tests/integration/{name}", check=False, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"Ran \d+ tests")

    def test_rights(self):
        self.run_there("test_rights.py")

    def test_crowds(self):
        self.run_there("test_crowds.py")
