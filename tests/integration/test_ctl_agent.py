#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gangwayctl and gangwayd, with no plugin and no cloud: what an operator can do before anything is plugged in."""
import json
import subprocess
import threading
import unittest

import test_ctl
from test_ctl import ACME, BUILD, CTL

CONFIGURATION = "[gateway]\nid = gw-1\n[cloud]\nbroker = mqtts://127.0.0.1:1\n"


class TestAgent(test_ctl.Case):
    def setUp(self):
        super().setUp()
        self.reader = threading.Thread()
        (self.folder / "gangway.conf").write_text(CONFIGURATION)
        (self.folder / "state").mkdir(mode=0o700)
        self.start_agent()

    def start_agent(self, *options):
        self.stop_agent()
        self.agent = subprocess.Popen(
            [BUILD / "agent/gangwayd", "--config", self.folder / "gangway.conf", "--state", self.folder / "state",
             "--link", self.folder / "link"], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True)
        self.addCleanup(self.stop_agent)
        said = ""
        for line in self.agent.stdout:
            said += line
            if "On the bus" in line:
                break
        else:
            self.fail(f"gangwayd did not start: {said}")
        self.reader = threading.Thread(target=self.agent.stdout.read)  # so that it never blocks on its log
        self.reader.start()

    def stop_agent(self):
        if self.agent:
            self.agent.terminate()
            if self.reader.ident:
                self.reader.join()
        super().stop_agent()

    def test_status(self):
        status = self.ctl_json("status")
        self.assertEqual(status["gateway_id"], "gw-1")
        self.assertEqual(status["plugins"], [])
        self.assertEqual(status["cloud_state"], "offline")
        self.assertIn("devices   0\n", self.ctl("status"))

    def test_life_of_a_claim(self):
        other = self.ctl("qr", "make", "--id", "ACME-0001", "--new-secret").strip()
        self.assertEqual(self.ctl("devices").count("\n"), 1)
        self.ctl("claim", ACME)
        self.ctl("claim", "-", stdin=ACME)
        self.assertIn("(already-claimed)", self.ctl("claim", other, status=1))
        self.assertIn("(id-in-use)", self.ctl("claim", other, "--tenant", "north", status=1))
        self.ctl("claim", other, "--replace", "--expires", "+2h")
        self.assertEqual([(d["id"], d["state"]) for d in self.ctl_json("devices")], [("ACME-0001", "claimed")])
        self.ctl("withdraw", "ACME-0001")
        device = self.ctl_json("show", "ACME-0001")
        self.assertEqual((device["state"], device["reason"]), ("rejected", "withdrawn"))
        self.assertIn("(no-claim)", self.ctl("withdraw", "ACME-0001", status=1))
        self.assertIn("(not-found)", self.ctl("withdraw", "NOBODY", status=1))

    def test_all_survives_a_restart(self):
        self.ctl("claim", ACME)
        before = self.ctl_json("show", "ACME-0001")
        self.start_agent()
        self.assertEqual(self.ctl_json("show", "ACME-0001"), before)

    def test_audit(self):
        self.ctl("claim", ACME)
        self.ctl("withdraw", "ACME-0001")
        records = [json.loads(line) for line in self.ctl("audit", "--json").splitlines()]
        self.assertEqual([record["n"] for record in records], list(range(1, len(records) + 1)))
        events = [record["event"] for record in records if record["device"] == "ACME-0001"]
        self.assertEqual(events, ["claim", "withdraw"])
        self.assertEqual(self.ctl_json("audit", "verify")["ok"], True)
        self.assertNotIn(test_ctl.SECRET, self.ctl("audit", "--json"))

    def test_pages_of_many_devices(self):
        names = [f"D-{i:04}" for i in range(520)]
        self.ctl("claim", "--list", "-", stdin="\n".join(test_ctl.label(name) for name in names))
        self.assertEqual([device["id"] for device in self.ctl_json("devices")], names)

    def test_monitor(self):
        monitor = subprocess.Popen([CTL, "monitor", "--json"], env=self.environment, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(test_ctl.TestMonitor.stop, monitor)
        self.assertIn("watching gateway gw-1", monitor.stderr.readline())
        self.ctl("claim", ACME)
        change = json.loads(monitor.stdout.readline())
        self.assertEqual((change["id"], change["from"], change["to"]), ("ACME-0001", "", "claimed"))


if __name__ == "__main__":
    unittest.main()
