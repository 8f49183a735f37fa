# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine itself goes off and on, in order or not; and one whose disk cannot be written."""
import shutil
import subprocess
import unittest

from gateway import World

STATE = "/var/lib/gangway", "/var/lib/gangway-mqtt"


class Power(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(World())
        cls.gateway = cls.world.gateway

    def come_up(self, *options):
        """The network comes late: at the start there is none of the interfaces that are to be served."""
        self.gateway.start(*options)
        self.world.lay_cables()
        self.gateway.wait_until_well()

    def test_a_reboot(self):
        first = self.world.bring_aboard()
        _, label = self.world.new_label()
        self.gateway.stop()
        self.come_up()
        self.assertEqual(self.gateway.state(first), "onboarded")
        self.assertEqual(self.world.elsewhere.come_aboard(label, "/root/rebooted").returncode, 0)

    def test_the_power_is_cut(self):
        """In the midst of an onboarding; the device tries again, as devices do."""
        first = self.world.bring_aboard()
        name, label = self.world.new_label()
        device = self.world.elsewhere.begin_aboard(label, "/root/cut")
        self.gateway.pull_the_plug()
        device.kill()
        device.communicate()
        self.come_up()
        self.assertEqual(self.gateway.state(first), "onboarded")
        done = self.world.elsewhere.come_aboard(label, "/root/cut")
        self.assertEqual((done.returncode, self.gateway.state(name)), (0, "onboarded"), done.stderr)
        self.assertIn("true", self.gateway.out("busctl", "call", "org.gangway1", "/org/gangway1",
                                               "org.gangway1.Manager", "VerifyAudit"))

    def test_a_root_that_cannot_be_written(self):
        """Only the state is on a disk of its own: the agent's, and the cloud link's."""
        self.gateway.stop()
        kept = [self.gateway.path(path) for path in STATE]
        moved = [self.gateway.folder / f"state-{i}" for i, _ in enumerate(STATE)]
        for there, here in zip(kept, moved):
            subprocess.run(["cp", "--archive", there, here], check=True)
        try:
            self.come_up("--read-only", *(f"--bind={here}:{path}" for here, path in zip(moved, STATE)))
            self.assertNotEqual(self.gateway.run("touch", "/etc/written", check=False).returncode, 0)
            self.world.bring_aboard()
        finally:
            self.gateway.stop()
            for there, here in zip(kept, moved):
                shutil.rmtree(there)
                subprocess.run(["cp", "--archive", here, there], check=True)
            self.come_up()
