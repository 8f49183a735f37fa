# SPDX-License-Identifier: GPL-2.0-or-later
"""A flood of spoofed hellos: real devices come aboard meanwhile, and the registrar remembers nothing of it. How much
of a flood it stands, and what that costs, is the bench's to say (tests/bench/flood.py)."""
import os
import re
import subprocess
import unittest

import lab

N = 20
RATE = 20000  # datagrams a second, as far as the machine can
LONG_S = 600  # it is ended before
GROWTH_MAX_KIB = 1024


class Flood(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        subprocess.run(["make", "--no-print-directory", "-C", os.environ["GANGWAY_BUILD"],
                        "tests/bench/flood-send"], check=True, stdout=subprocess.DEVNULL)

    def resident_kib(self):
        path = f"/proc/{self.lab.pid('gangway-registrar')}/status"
        with open(path, encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s*(\d+)", status.read())[1])

    def new_devices(self, name, n):
        devices = [self.lab.new_device(f"{name}-{i}") for i in range(n)]
        for device in devices:
            self.lab.claim(device)
        return devices

    def begin(self, *kinds):
        port = self.lab.coaps.rpartition(":")[2]
        flood = subprocess.Popen([os.environ["GANGWAY_BUILD"] + "/tests/bench/flood-send", port, str(RATE),
                                  str(LONG_S), *kinds], stdout=subprocess.PIPE, text=True)
        self.addCleanup(flood.stdout.close)
        self.addCleanup(flood.wait)
        self.addCleanup(flood.kill)
        return flood

    def test_devices_come_aboard_in_a_flood(self):
        first, *devices = self.new_devices("FLOOD", N + 1)
        first.come_aboard()  # what is allocated once, is
        before = self.resident_kib()

        flood = self.begin("hello", "cookie")
        for device in devices:
            device.come_aboard()
        self.assertIsNone(flood.poll())
        flood.terminate()
        sent = int(flood.communicate()[0].split()[0])

        self.assertGreater(sent, N * 100)
        if lab.is_plain():  # sanitizers keep what was freed
            self.assertLessEqual(self.resident_kib() - before, GROWTH_MAX_KIB)
        for device in devices:
            self.assertEqual(self.lab.wait_for_state(device.id, "onboarded"), "onboarded")
