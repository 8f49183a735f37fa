#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Whoever gets a descriptor with a message closes it in the end, and its giver can see to it that this never comes to
an end (FUSE). The bus hands none to the agent, whoever sends it, by whatever message, and not before it has its name
either. What a file holds is handed over as bytes, by whoever has the right."""
import contextlib
import os
import shutil
import subprocess
import sys
import unittest

import dbus
import fuse
import machine
from test_rights import DENIED, MANAGER, SKIP, Case

AGENT = "org.gangway1"
PATH = "/org/gangway1"
ANYBODY = ("nobody", "member", "root")


class Descriptors(Case):
    @contextlib.contextmanager
    def hung(self):
        """A descriptor that the agent could not close."""
        folder = self.machine.folder / "hung"
        folder.mkdir()
        with fuse.HungFile(folder, self.machine.pid("gangwayd")) as file:
            fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
            try:
                yield fd
                self.assert_well()
            finally:
                os.close(fd)

    def assert_well(self):
        with self.connect("root") as root:
            self.assertIsNone(root.ask(AGENT, PATH, "org.freedesktop.DBus.Peer", "Ping").error)

    def connect(self, name):
        return self.machine.connect(name)

    def ends(self):
        """How the agent can be addressed: by its name, and by both of its connections."""
        with self.connect("root") as root:
            names = [name for name in root.bus("ListNames").body[0] if name.startswith(":") and
                     root.bus("GetConnectionUnixProcessID", "s", [name]).body == [self.machine.pid("gangwayd")]]
        self.assertEqual(len(names), 2)
        return [AGENT, *names]

    def refuse(self, peer, fds, **message):
        answer = peer.answer(peer.send(dbus.Message(dbus.CALL, **message), fds))
        self.assertEqual((answer.error, answer.sender), (DENIED, dbus.BUS), message)

    def try_all(self, who, fds):
        ends = self.ends()
        with self.connect(who) as peer:
            for end in ends:
                for member in ("CheckConfig", "LoadRevocationList", "Reload", "ReadAudit"):
                    self.refuse(peer, fds, destination=end, path=PATH, interface=MANAGER, member=member)
                    self.refuse(peer, fds, destination=end, path=PATH, interface=MANAGER, member=member,
                                signature="h" * len(fds), body=range(len(fds)))
                    self.refuse(peer, fds, destination=end, path=PATH, interface=MANAGER, member=member,
                                signature="ay", body=[b"[limits]\n"])
                self.refuse(peer, fds, destination=end, path="/", member="Ping",
                            interface="org.freedesktop.DBus.Peer")

    def test_calls(self):
        with self.hung() as fd:
            for who in ANYBODY:
                self.try_all(who, [fd])
                self.try_all(who, [fd] * 16)

    def test_pipes(self):
        """What does no harm is let in as little."""
        fds = os.pipe()
        try:
            for who in ANYBODY:
                self.try_all(who, fds)
        finally:
            for fd in fds:
                os.close(fd)
        self.assert_well()

    def test_signals(self):
        """Not asked for, and nobody answers: the agent is well afterwards, which it cannot be if it got one."""
        ends = self.ends()
        with self.hung() as fd:
            for who in ANYBODY:
                with self.connect(who) as peer:
                    for end in ends:
                        peer.send(dbus.Message(dbus.SIGNAL, destination=end, path="/", interface="a.b", member="C"), [fd])
                    peer.bus("GetId")

    def test_before_it_has_its_name(self):
        """To who will be next, on chance: its policy is that of its user, not of its name."""
        with self.hung() as fd, self.connect("gangway") as agent:
            for who in ANYBODY:
                with self.connect(who) as peer:
                    peer.send(dbus.Message(dbus.SIGNAL, destination=agent.name, path="/", interface="a.b", member="C"),
                              [fd])
                    peer.bus("GetId")
            agent.bus("GetId")
            self.assertEqual(agent.fds, [])

    def test_those_that_it_gives(self):
        with self.connect("root") as root:
            self.assertIsNone(root.ask(AGENT, PATH, MANAGER, "ReadAudit", "t", [0]).error)
            self.assertEqual(len(root.fds), 1)


class Files(Case):
    """By gangwayctl, as who has the right and as who has not."""

    def setUp(self):
        super().setUp()
        self.ctl = self.machine.folder / "gangwayctl"
        shutil.copy(machine.BUILD / "tools/ctl/gangwayctl", self.ctl)

    def run_as(self, name, *words, stdin=b""):
        user = machine.user(name)
        return subprocess.run([self.ctl, *words], user=user.uid, group=user.gid, extra_groups=user.groups, input=stdin,
                              capture_output=True, env={"DBUS_SYSTEM_BUS_ADDRESS": self.machine.address})

    def compare(self, words, expected, stdin):
        for who, (status, text) in expected.items():
            done = self.run_as(who, *words, stdin=stdin)
            self.assertEqual(done.returncode, status, (who, done))
            self.assertIn(text, done.stdout + done.stderr, who)

    def try_rights(self, more=b""):
        """more: what who has no right reads in place of its name."""
        no = more or b"needs configure"
        self.compare(("config", "check", "-"),
                     {"root": (1, b"-:2: [limits] devices must be"), "member": (1, no), "nobody": (1, no)},
                     b"[limits]\ndevices = x\n")
        no = more or b"needs operate"
        self.compare(("revoke", "--crl", "-"),
                     {"root": (1, b"(no-registrar)"), "member": (1, b"(no-registrar)"), "nobody": (1, no)},
                     b"0" * (1280 << 10))

    def test_without_polkit(self):
        self.try_rights()

    def test_with_polkit(self):
        self.machine.start_polkit()
        self.try_rights(b"an administrator has to confirm it")

    def test_what_an_administrator_grants(self):
        self.machine.write_rule("10-more.rules", "polkit.addRule(function(action, subject) {\n"
                                '    if (action.id == "org.gangway1.configure" && subject.user == "member")\n'
                                "        return polkit.Result.YES;\n});\n")
        self.machine.start_polkit()
        self.compare(("config", "check", "-"), {"member": (0, b"valid")}, b"[limits]\ndevices = 5\n")


if __name__ == "__main__":
    why_not = machine.enter() or (None if fuse.DEVICE.exists() else "there is no FUSE")
    if why_not:
        print(f"SKIP test_handed_over: {why_not}", file=sys.stderr)
        sys.exit(SKIP)
    unittest.main()
