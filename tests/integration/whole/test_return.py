# SPDX-License-Identifier: GPL-2.0-or-later
"""A whole gateway that was switched off for a year: nobody has to do anything for it to come back."""
import json
import unittest

import lab

YEAR = 365 * 86400
PROGRAMS = ("gangwayd", "gangway-registrar", "gangway-ip", "gangway-mqtt")


class Return(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab("--clocks", "--claim"))

    def own(self):
        listed = json.loads(self.lab.run("gangway-cloud", "list", "--json", "--gateways").stdout)
        return [(c["serial"], c["state"], c["key_sha256"]) for c in listed]

    def test_after_a_year(self):
        self.lab.wait_for_cloud("online")
        self.lab.wait_for("it is proved", lambda: [c[1] for c in self.own()] == ["live"])
        before = self.own()[0]
        for program in reversed(PROGRAMS):
            self.lab.stop(program)
        for side in ("gateway", "cloud", "devices"):
            self.lab.set_clock(side, f"+{YEAR}")
        for program in PROGRAMS:
            self.lab.start(program, "--no-wait")
        self.lab.wait_for("it is back", lambda: [c[1] for c in self.own()] == ["revoked", "live"])
        self.assertEqual(self.own()[1][2], before[2])
        self.lab.wait_for_cloud("online")
        device = self.lab.new_device("BACK-1")
        self.lab.claim(device)
        device.come_aboard()
