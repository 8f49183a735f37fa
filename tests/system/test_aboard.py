# SPDX-License-Identifier: GPL-2.0-or-later
"""What it is all for, on a machine as installed."""
import unittest

from gateway import World


class Aboard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(World())

    def test_a_device_comes_aboard(self):
        name = self.world.bring_aboard()
        live = [c for c in self.world.elsewhere.certificates() if c["device"] == name]
        self.assertEqual([c["state"] for c in live], ["live"])
