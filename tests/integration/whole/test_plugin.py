# SPDX-License-Identifier: GPL-2.0-or-later
"""A transport of other makers: the example, as it would come with a package of its own."""
import os
import pathlib
import signal
import subprocess
import sys
import unittest

import lab

sys.path.insert(1, str(lab.TOP / "tests" / "lab"))
import ports  # noqa: E402

PROGRAM = pathlib.Path(os.environ["GANGWAY_BUILD"]) / "plugins/loopback/gangway-loopback"


class Plugin(unittest.TestCase):
    def setUp(self):
        self.lab = self.enterContext(lab.Lab())
        self.drop_ins = self.lab.folder / "run/gangway.conf.d"
        self.drop_ins.mkdir()

    def start_plugin(self):
        log = self.enterContext(open(self.lab.folder / "logs/gangway-loopback", "w"))
        plugin = subprocess.Popen([PROGRAM, "--link", self.lab.folder / "run/link"], stderr=log)
        self.addCleanup(plugin.wait)
        self.addCleanup(plugin.send_signal, signal.SIGTERM)

    def set_port(self, port):
        (self.drop_ins / "loopback.conf").write_text(f"[plugin loopback]\nport = {port}\n")
        self.lab.run("busctl", "--system", "call", "org.gangway1", "/org/gangway1", "org.gangway1.Manager", "Reload")

    def door(self):
        """The doors that the transport has, as an operator sees them."""
        shown = self.lab.run("busctl", "--system", "get-property", "org.gangway1", "/org/gangway1/transport/loopback",
                             "org.gangway1.Transport", "Channels", check=False)
        return shown.stdout.strip()

    def test_brings_a_device_aboard_and_follows_its_settings(self):
        before, after = ports.take_one(), ports.take_one()
        self.set_port(before)
        self.start_plugin()
        lab.wait_for("the door", lambda: self.door() == f'as 1 "127.0.0.1 udp {before}"')
        device = self.lab.new_device("LOOP-1")
        self.lab.claim(device)
        device.come_aboard(connect=f"coaps://127.0.0.1:{before}")
        shown = self.lab.show("LOOP-1")
        self.assertEqual((shown["state"], shown["transport"]), ("onboarded", "loopback"))

        self.set_port(after)
        lab.wait_for("the other door", lambda: self.door() == f'as 1 "127.0.0.1 udp {after}"')
        device = self.lab.new_device("LOOP-2")
        self.lab.claim(device)
        device.come_aboard(connect=f"coaps://127.0.0.1:{after}")

    def test_says_what_is_wrong_with_its_settings(self):
        self.set_port("none")
        self.start_plugin()
        lab.wait_for("the word", lambda: any(
            plugin["name"] == "loopback" and "[plugin loopback] port" in plugin["text"]
            for plugin in self.lab.status()["plugins"]))


if __name__ == "__main__":
    unittest.main()
