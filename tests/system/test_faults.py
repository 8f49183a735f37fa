# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that die, hang, or are switched off and on; the disk and the bus under them."""
import itertools
import os
import random
import unittest

from machine import wait_for
from gateway import PLUGINS, PROGRAMS, World

AGENT = "gangwayd.service"
WATCHED = "[Service]\nWatchdogSec=3s\n"
STARTED = [*PROGRAMS, "gangwayd.socket", "gangway.target"]  # what an administrator stops and starts
N_ORDERS = 100 if os.environ.get("GANGWAY_SYSTEM_FULL") else 4  # of 720


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(World())
        cls.gateway = cls.world.gateway

    def restarts(self, unit):
        return int(self.gateway.show(unit, "NRestarts"))

    def signal(self, unit, name):
        self.gateway.run("kill", f"--signal={name}", str(self.gateway.main_pid(unit)))

    def wait_for_restart(self, unit, n_before):
        wait_for(f"{unit} is started again", lambda: self.restarts(unit) > n_before)
        wait_for(f"{unit} is up", lambda: self.gateway.is_active(unit))


class Programs(Case):
    def test_each_dies(self):
        for unit in PROGRAMS:
            with self.subTest(unit):
                before = {other: self.restarts(other) for other in PROGRAMS}
                socket = self.gateway.socket()
                self.signal(unit, "KILL")
                self.wait_for_restart(unit, before[unit])
                self.assertEqual(self.gateway.socket(), socket, "it stays, for plugins to knock at")
                self.gateway.wait_until_well()
                for other in set(PROGRAMS) - {unit}:
                    self.assertEqual(self.restarts(other), before[other], f"{other}, for {unit}")
        self.world.bring_aboard()

    def test_one_dies_again_and_again(self):
        """More often than the service manager would put up with by itself."""
        unit = "gangway-registrar.service"
        self.gateway.override(unit, "[Service]\nRestartSec=50ms\n")
        for _ in range(12):
            before = self.restarts(unit)
            self.signal(unit, "KILL")
            self.wait_for_restart(unit, before)
        self.gateway.override(unit, None)
        self.gateway.wait_until_well()
        self.world.bring_aboard()


class Hangs(Case):
    def test_each_hangs(self):
        for unit in PROGRAMS:
            self.gateway.override(unit, WATCHED)
        self.gateway.systemctl("restart", *PROGRAMS)
        self.gateway.wait_until_well()
        for unit in PROGRAMS:
            with self.subTest(unit):
                before, socket = self.restarts(unit), self.gateway.socket()
                self.signal(unit, "STOP")
                self.wait_for_restart(unit, before)
                self.assertEqual(self.gateway.socket(), socket)
                self.assertIn("Watchdog timeout", self.gateway.journal(f"--unit={unit}"))
        self.gateway.wait_until_well()
        self.world.bring_aboard()


class OffAndOn(Case):
    def test_every_order(self):
        """Of services, socket and target. Where the target goes first it takes all with it, and brings it back."""
        orders = list(itertools.permutations(STARTED))
        for off, on in zip(random.sample(orders, N_ORDERS), random.sample(orders, N_ORDERS)):
            with self.subTest(off=off, on=on):
                for unit in off:
                    self.gateway.systemctl("stop", unit)
                for unit in STARTED:
                    wait_for(f"{unit} is down", lambda u=unit: self.gateway.show(u, "ActiveState") == "inactive")
                for unit in on:
                    self.gateway.systemctl("start", unit)
                for unit in STARTED:
                    self.assertTrue(self.gateway.is_active(unit), unit)
                self.gateway.wait_until_well()
        self.world.bring_aboard()

    def test_stopped_is_stopped(self):
        """Plugins knock at the agent's door, and do not wake it; not even one that starts anew."""
        self.gateway.systemctl("stop", AGENT)
        for unit in PLUGINS:
            wait_for(f"{unit} has noticed", lambda u=unit: "No agent" in self.gateway.show(u, "StatusText"))
        self.gateway.systemctl("restart", *PLUGINS)
        before = self.restarts("gangway-ip.service")
        self.signal("gangway-ip.service", "KILL")
        self.wait_for_restart("gangway-ip.service", before)
        wait_for("it has looked for its agent", lambda: "No agent" in self.gateway.show(
            "gangway-ip.service", "StatusText"))
        self.assertEqual(self.gateway.show(AGENT, "ActiveState"), "inactive")
        self.assertEqual(self.gateway.show("gangwayd.socket", "ActiveState"), "inactive")
        self.gateway.systemctl("start", AGENT)
        self.gateway.wait_until_well()

    def test_the_socket_survives_a_restart(self):
        before, pids = self.gateway.socket(), {unit: self.gateway.main_pid(unit) for unit in PROGRAMS}
        self.gateway.systemctl("restart", AGENT)
        self.gateway.wait_until_well()
        self.assertEqual(self.gateway.socket(), before)
        for unit in PLUGINS:
            self.assertEqual(self.gateway.main_pid(unit), pids[unit], unit)
        self.assertNotEqual(self.gateway.main_pid(AGENT), pids[AGENT])

    def test_the_socket_alone(self):
        """There is no agent without it: it goes with its socket, and comes back with it, or by a plugin that knocks."""
        pids = {unit: self.gateway.main_pid(unit) for unit in PROGRAMS}
        self.gateway.systemctl("stop", "gangwayd.socket")
        self.assertEqual(self.gateway.show(AGENT, "ActiveState"), "inactive")
        self.gateway.systemctl("start", "gangwayd.socket")
        self.gateway.wait_until_well()
        before = self.gateway.socket()
        self.gateway.systemctl("restart", "gangwayd.socket")
        self.gateway.wait_until_well()
        self.assertNotEqual(self.gateway.socket(), before)
        for unit in PLUGINS:
            self.assertEqual(self.gateway.main_pid(unit), pids[unit], unit)
        self.world.bring_aboard()

    def test_the_target_is_all_of_it(self):
        """Its own stop is waited for by whoever names all of it (gangway(7))."""
        self.gateway.systemctl("stop", "gangway.target", AGENT, "gangway-*")
        for unit in (*PROGRAMS, "gangwayd.socket"):
            self.assertEqual(self.gateway.show(unit, "ActiveState"), "inactive", unit)
        self.gateway.systemctl("start", "gangway.target")
        self.gateway.wait_until_well()
        self.gateway.systemctl("stop", "gangway.target")
        for unit in (*PROGRAMS, "gangwayd.socket"):
            wait_for(f"{unit} has ended", lambda u=unit: self.gateway.show(u, "ActiveState") == "inactive")
        self.gateway.systemctl("start", "gangway.target")
        self.gateway.wait_until_well()
        self.gateway.systemctl("restart", "gangway.target")
        self.gateway.wait_until_well()

    def test_a_caller_starts_it(self):
        self.gateway.systemctl("stop", AGENT)
        self.assertEqual(self.gateway.status()["gateway_id"], "gw1")
        self.assertTrue(self.gateway.is_active(AGENT))
        self.gateway.wait_until_well()

    def test_masked_is_down(self):
        """As gangwayd(8) has it; whoever calls is told."""
        self.addCleanup(self.gateway.systemctl, "unmask", AGENT)
        self.gateway.systemctl("mask", "--now", AGENT)
        self.assertIn("systemctl unmask gangwayd.service", self.gateway.ctl("status", check=False).stderr)
        self.assertEqual(self.gateway.show(AGENT, "ActiveState"), "inactive")
        self.gateway.systemctl("unmask", AGENT)
        self.gateway.systemctl("start", "gangway.target")
        self.gateway.wait_until_well()

    def test_a_plugin_starts_it(self):
        """The socket alone is enough."""
        self.gateway.systemctl("stop", "gangway.target")
        self.gateway.systemctl("start", "gangwayd.socket")
        self.assertEqual(self.gateway.show(AGENT, "ActiveState"), "inactive")
        self.gateway.systemctl("start", "gangway-ip.service")
        wait_for("gangwayd is up", lambda: self.gateway.is_active(AGENT))
        self.gateway.systemctl("start", "gangway.target")
        self.gateway.wait_until_well()

    def test_the_bus_goes_and_comes(self):
        before = {unit: self.gateway.main_pid(unit) for unit in PROGRAMS}
        self.gateway.systemctl("restart", "dbus.service")
        self.gateway.wait_until_well()
        self.assertEqual({unit: self.gateway.main_pid(unit) for unit in PROGRAMS}, before)
        self.world.bring_aboard()


class Disk(Case):
    """The state on a disk of its own, which is full, or read-only."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        gateway = cls.gateway
        gateway.override(AGENT, WATCHED)
        gateway.systemctl("stop", AGENT)
        gateway.run("mount", "-t", "tmpfs", "-o", "size=2m,mode=700,uid=gangway,gid=gangway", "tmpfs",
                    "/var/lib/gangway")
        gateway.systemctl("start", AGENT)
        gateway.wait_until_well()

    def claim_until_refused(self):
        for number in range(200):
            done = self.gateway.ctl("claim", "-", input=self.world.make_label(f"FILL-{number}"), check=False)
            if done.returncode != 0:
                return done.stderr
        return self.fail("the disk is full, and the agent has not noticed")

    def beat(self):
        return self.gateway.show(AGENT, "WatchdogTimestampMonotonic")

    def test_full(self):
        before = self.restarts(AGENT)
        self.gateway.run("dd", "if=/dev/zero", "of=/var/lib/gangway/filler", "bs=4k", check=False)
        self.assertRegex(self.claim_until_refused(), "(?i)nothing was changed")
        self.assertIn("make room", self.gateway.show(AGENT, "StatusText"))
        self.assertEqual(self.gateway.status()["state"], "waiting")
        for _ in range(8):  # longer than the watchdog would have waited
            last = self.beat()
            wait_for("it is well, and says so", lambda b=last: self.beat() != b)
        self.assertEqual(self.restarts(AGENT), before)

        self.gateway.run("rm", "/var/lib/gangway/filler")
        wait_for("it has seen that there is room", lambda: self.gateway.status()["state"] == "running")
        self.world.bring_aboard()
        self.assertEqual(self.restarts(AGENT), before)

    def test_read_only_at_the_start(self):
        self.gateway.systemctl("stop", AGENT)
        self.gateway.run("mount", "-o", "remount,ro", "/var/lib/gangway")
        self.gateway.systemctl("start", AGENT, check=False)
        wait_for("it says why not", lambda: "cannot be written" in self.gateway.journal(f"--unit={AGENT}"))
        self.assertFalse(self.gateway.is_active(AGENT))
        self.gateway.run("mount", "-o", "remount,rw", "/var/lib/gangway")
        self.gateway.wait_until_well()  # nobody has to start it
