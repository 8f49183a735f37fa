#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Whoever gets a descriptor with a message closes it in the end, and its giver can see to it that this never comes to
an end (FUSE). The bus hands over none that strangers send to the agent, by whatever message, nor before it has its
name; root's for CheckConfig it does."""
import contextlib
import fcntl
import os
import sys
import unittest

import dbus
import fuse
import machine
from test_rights import DENIED, MANAGER, SKIP, Case

AGENT = "org.gangway1"
PATH = "/org/gangway1"
CALL = {"kind": dbus.CALL, "path": PATH, "interface": MANAGER, "member": "CheckConfig", "signature": "h", "body": [0]}


class HandedOver(Case):
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

    def owner(self):
        with self.connect("root") as root:
            return root.bus("GetNameOwner", "s", [AGENT]).body[0]

    def refuse(self, peer, fd, **message):
        serial = peer.send(dbus.Message(**message), [fd])
        self.assertEqual(peer.answer(serial).error, DENIED, message)

    def test_calls_of_strangers(self):
        with self.hung() as fd:
            for who in ("nobody", "member"):
                with self.connect(who) as peer:
                    for destination in (AGENT, self.owner()):
                        self.refuse(peer, fd, **CALL | {"destination": destination})
                        self.refuse(peer, fd, **CALL | {"destination": destination, "member": "Reload"})
                        self.refuse(peer, fd, **CALL | {"destination": destination, "member": "LoadRevocationList"})
                        self.refuse(peer, fd, kind=dbus.CALL, destination=destination, path="/", member="Ping",
                                    interface="org.freedesktop.DBus.Peer")

    def test_signals_of_strangers(self):
        """Not asked for, and nobody answers: the agent is well afterwards, which it cannot be if it got one."""
        with self.hung() as fd, self.connect("nobody") as peer:
            for destination in (AGENT, self.owner()):
                peer.send(dbus.Message(dbus.SIGNAL, destination=destination, path="/", interface="a.b", member="C"), [fd])
            peer.bus("GetId")

    def test_before_it_has_its_name(self):
        """To who will be next, on chance: its policy is that of its user, not of its name."""
        with self.hung() as fd, self.connect("gangway") as agent, self.connect("nobody") as peer:
            peer.send(dbus.Message(dbus.SIGNAL, destination=agent.name, path="/", interface="a.b", member="C"), [fd])
            peer.bus("GetId")
            agent.bus("GetId")
            self.assertEqual(agent.fds, [])

    def test_of_root(self):
        fd = os.memfd_create("config", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self.addCleanup(os.close, fd)
        os.write(fd, b"[limits]\ndevices = x\n")
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_WRITE)
        with self.connect("root") as root:
            answer = root.answer(root.send(dbus.Message(**CALL | {"destination": AGENT}), [fd]))
            self.assertIn("[limits] devices must be", str(answer.body))
            self.assertIsNone(root.ask(AGENT, PATH, MANAGER, "ReadAudit", "t", [0]).error)
            self.assertEqual(len(root.fds), 1)
            self.refuse(root, fd, **CALL | {"destination": AGENT, "member": "Reload"})


if __name__ == "__main__":
    why_not = machine.enter() or (None if fuse.DEVICE.exists() else "there is no FUSE")
    if why_not:
        print(f"SKIP test_handed_over: {why_not}", file=sys.stderr)
        sys.exit(SKIP)
    unittest.main()
