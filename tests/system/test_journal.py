# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator finds in the journal of a machine as installed: fields, and the catalogue's word on them."""
import json
import unittest

from gateway import World


class Journal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(World())
        cls.device = cls.world.bring_aboard()

    def entries(self, *matches):
        lines = self.world.gateway.journal("--output=json", *matches).splitlines()
        return [json.loads(line) for line in lines if line]

    def test_one_entry_a_change_with_fields(self):
        self.world.gateway.run("journalctl", "--sync", check=False)
        found = self.entries(f"GANGWAY_DEVICE={self.device}", "SYSLOG_IDENTIFIER=gangwayd")
        changes = [(e["GANGWAY_FROM"], e["GANGWAY_TO"], e["GANGWAY_EVENT"]) for e in found if "GANGWAY_TO" in e]
        self.assertEqual(changes, [("new", "claimed", "device-claimed"), ("claimed", "enrolling", "device-enrolling"),
                                   ("enrolling", "issued", "device-issued"),
                                   ("issued", "onboarded", "device-onboarded")])
        for entry in found:
            self.assertEqual(entry["_SYSTEMD_UNIT"], "gangwayd.service")
            self.assertEqual(entry["_TRANSPORT"], "journal")
            self.assertRegex(entry["MESSAGE_ID"], "^[0-9a-f]{32}$")
        self.assertEqual(found[0]["GANGWAY_WHO"], "uid 0")

    def test_every_program_speaks_to_it(self):
        for program in ("gangwayd", "gangway-mqtt", "gangway-registrar"):
            with self.subTest(program):
                self.assertIn("journal", {e["_TRANSPORT"] for e in self.entries(f"SYSLOG_IDENTIFIER={program}")})

    def test_the_catalogue_explains(self):
        self.world.gateway.run("journalctl", "--update-catalog")
        text = self.world.gateway.out("journalctl", "--no-pager", "--catalog", "GANGWAY_EVENT=device-onboarded")
        self.assertIn(f"Subject: Device {self.device} is aboard", text)
        self.assertIn("Defined-By: gangway", text)

    def test_doctor_brings_the_socket_back(self):
        """With the agent, which goes with it."""
        gateway = self.world.gateway
        gateway.systemctl("stop", "gangwayd.socket")
        findings = json.loads(gateway.ctl("doctor", "--json", check=False).stdout)
        advice, = (f["advice"] for f in findings if f["check"] == "unit gangwayd.service")
        gateway.run(*advice.split())
        self.assertTrue(gateway.is_active("gangwayd.socket"))
        gateway.run("test", "-S", "/run/gangway/link")
        gateway.wait_until_well()

    def test_doctor_finds_all_well(self):
        done = self.world.gateway.ctl("doctor", "--json", check=False)
        findings = json.loads(done.stdout)
        self.assertEqual(done.returncode, 0, findings)
        units = {f["check"]: f["verdict"] for f in findings if f["check"].startswith("unit ")}
        self.assertEqual(len(units), 6)
        self.assertEqual(set(units.values()), {"ok"}, findings)
        self.assertIn("configuration", {f["check"] for f in findings if f["verdict"] == "ok"})
