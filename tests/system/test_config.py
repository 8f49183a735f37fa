# SPDX-License-Identifier: GPL-2.0-or-later
"""The configuration of a gateway as installed: read in the sandbox, and taken over by systemctl reload."""
import json
import unittest

from machine import wait_for
from gateway import CONFIG, World

DROP_IN = "/etc/gangway/gangway.conf.d/50-site.conf"
VENDOR = "/usr/share/gangway/gangway.conf"


class Reload(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(World())
        cls.gateway = cls.world.gateway
        cls.gateway.run("mkdir", "--parents", "/etc/gangway/gangway.conf.d", "/usr/share/gangway")

    def setUp(self):
        self.pid = self.gateway.main_pid("gangwayd.service")
        self.gateway.write(DROP_IN, "")

    def tearDown(self):
        self.gateway.write("/etc/gangway/gangway.conf", CONFIG)
        self.gateway.run("rm", "--force", DROP_IN, VENDOR)
        self.gateway.systemctl("reload", "gangwayd.service")
        self.gateway.wait_until_well()
        self.assertEqual(self.gateway.main_pid("gangwayd.service"), self.pid)

    def reload(self):
        """The exit status."""
        return self.gateway.run("systemctl", "reload", "gangwayd.service", check=False).returncode

    def setting(self, section, key):
        return next((s["value"], s["source"]) for s in json.loads(self.gateway.out("gangwayctl", "config", "show", "--json"))
                    if (s["section"], s["key"]) == (section, key))

    def test_the_agent_reads_all_that_an_administrator_writes(self):
        self.gateway.write(VENDOR, "[limits]\ndevices = 1\njobs = 2\n")
        self.gateway.write(DROP_IN, "[limits]\ndevices = 3\n")
        self.assertEqual(self.reload(), 0)
        self.assertEqual(self.setting("limits", "devices"), ("3", f"{DROP_IN}:2"))
        self.assertEqual(self.setting("limits", "jobs"), ("2", f"{VENDOR}:3"))
        self.assertEqual(self.setting("limits", "discovered"), ("256", "default"))

    def test_plugins_take_over_what_is_theirs(self):
        self.gateway.write(DROP_IN, "[ip]\ncoaps_port = 15684\n[registrar]\nidle_timeout = 60\n")
        self.assertEqual(self.reload(), 0)
        wait_for("the other port is open", lambda: ":15684 " in self.gateway.out("ss", "-lun"))
        wait_for("the old one is not", lambda: ":5684 " not in self.gateway.out("ss", "-lun"))
        self.gateway.wait_until_well()
        self.gateway.write(DROP_IN, "")
        self.assertEqual(self.reload(), 0)
        wait_for("the old one is again", lambda: ":5684 " in self.gateway.out("ss", "-lun"))
        self.gateway.wait_until_well()
        self.world.bring_aboard()

    def test_faults_fail_the_reload_and_nothing_else(self):
        self.gateway.write(DROP_IN, "[limits]\ndevices = 3\njobs = many\n")
        self.assertNotEqual(self.reload(), 0)
        self.assertIn(f"{DROP_IN}:3: [limits] jobs must be", self.gateway.journal("--unit=gangwayd"))
        self.assertEqual(self.setting("limits", "devices")[0], "10000")
        self.assertEqual(self.gateway.out("systemctl", "is-active", "gangwayd.service").strip(), "active")
        self.world.bring_aboard()

    def test_a_file_that_only_root_may_read(self):
        self.gateway.write(DROP_IN, "[limits]\ndevices = 3\n")
        self.gateway.run("chmod", "0600", DROP_IN)
        self.assertNotEqual(self.reload(), 0)
        self.assertIn(f"{DROP_IN}: cannot be read: Permission denied; the agent's user must be able to read it",
                      self.gateway.journal("--unit=gangwayd"))
        self.gateway.run("chmod", "0644", DROP_IN)
        self.assertEqual(self.reload(), 0)

    def test_hangup_does_it_too(self):
        self.gateway.write(DROP_IN, "[limits]\ndevices = 4\n")
        self.gateway.run("systemctl", "kill", "--signal=HUP", "gangwayd.service")
        wait_for("it holds", lambda: self.setting("limits", "devices")[0] == "4")


if __name__ == "__main__":
    unittest.main()
