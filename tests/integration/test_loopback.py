#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gangway-loopback, the example of a transport, keeps what doc/plugin.md says a transport keeps."""
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

import patience
from fake_agent import Agent

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))
import ports  # noqa: E402

PROGRAM = pathlib.Path(os.environ.get("top_builddir", ".")) / "plugins/loopback/gangway-loopback"


def hold_port():
    """A UDP socket on 127.0.0.1, and its port."""
    holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    holder.bind(("127.0.0.1", 0))
    return holder, holder.getsockname()[1]


class Loopback(unittest.TestCase):
    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="gangway-loopback-"))
        self.agent = Agent(f"{folder}/link")
        self.addCleanup(self.agent.close)
        self.log = open(f"{folder}/log", "w+")
        self.addCleanup(self.log.close)
        self.plugin = subprocess.Popen([PROGRAM, "--link", self.agent.path], stderr=self.log)
        self.addCleanup(self.end)

    def end(self):
        if self.plugin.poll() is None:
            self.plugin.send_signal(signal.SIGTERM)
        self.assertEqual(self.plugin.wait(patience.NEVER_S), 0)

    def welcome(self, **settings):
        hello = self.agent.take_in(**settings)
        self.assertEqual(hello.name, "loopback")

    def offered(self):
        self.agent.send("offer", again=0)
        message = self.agent.expect("channel")
        return message, socket.socket(fileno=message.fd)

    def test_offers_its_door_when_asked(self):
        port = ports.take_one()
        self.welcome(port=port)
        message, door = self.offered()
        with door:
            self.assertEqual(door.getsockname(), ("127.0.0.1", port))
            self.assertEqual((message.kind, message.label), (0, f"127.0.0.1 udp {port}"))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
                device.sendto(b"knock", ("127.0.0.1", port))
                door.settimeout(patience.NEVER_S)
                self.assertEqual(door.recv(100), b"knock", "nobody else reads there")

    def test_keeps_it_while_the_agent_is_away(self):
        port = ports.take_one()
        self.welcome(port=port)
        first, door = self.offered()
        with door, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            self.welcome(port=port)
            with self.assertRaises(OSError):
                other.bind(("127.0.0.1", port))
            again, door = self.offered()
            door.close()
        self.assertEqual(again.channel, first.channel)

    def test_takes_back_what_its_settings_no_longer_name(self):
        before, after = ports.take_one(), ports.take_one()
        self.welcome(port=before)
        first, door = self.offered()
        door.close()
        self.welcome(port=after)
        second, door = self.offered()
        with door:
            self.assertEqual(door.getsockname()[1], after)
        self.assertGreater(second.channel, first.channel)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", before))

    def test_waits_for_a_port_that_somebody_holds(self):
        holder, port = hold_port()
        with holder:
            self.welcome(port=port)
            trouble = self.agent.expect("health", ok=0)
            self.assertIn(str(port), trouble.text)
            self.assertIn("ss -lunp", trouble.text)
            self.agent.send("offer", again=0)
        message = self.agent.expect("channel")
        os.close(message.fd)
        self.agent.expect("health", ok=1)

    def test_says_what_is_wrong_with_its_settings(self):
        for bad in ("0", "65536", "none", "-1", ""):
            self.welcome(port=bad)
            self.assertIn("[plugin loopback] port", self.agent.expect("health", ok=0).text)
            self.agent.send("offer", again=0)
        port = ports.take_one()
        self.welcome(port=port)
        self.agent.expect("health", ok=1)
        _, door = self.offered()
        door.close()
        self.assertNotIn("channel", self.agent.trace[:-1])

    def test_leaves_an_agent_that_talks_nonsense(self):
        self.welcome(port=ports.take_one())
        self.agent.send("verdict", session=1, allow=1, device="X", reason="")
        self.welcome(port=ports.take_one())


if __name__ == "__main__":
    unittest.main()
