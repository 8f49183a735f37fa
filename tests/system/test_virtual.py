# SPDX-License-Identifier: GPL-2.0-or-later
"""What takes a kernel of its own: control groups, the power, the clock. On one virtual machine, which takes its time."""
import json
import os
import pathlib
import random
import unittest

from gateway import PLUGINS, PROGRAMS, World
from machine import wait_for

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = "/usr/local/lib/captured"
MIB = 1 << 20
YEAR_S = 365 * 86400
N_CUTS = 2

# Of a captured plugin's unit, all that would stop it before its control group does.
WITHOUT_RLIMITS = """\
[Service]
LimitNPROC=infinity
LimitAS=infinity
SystemCallFilter=
WatchdogSec=infinity
TimeoutStartSec=infinity
ExecStart=
ExecStart=/usr/bin/python3 -B {folder}/captured.py {role} {mode}
"""


def role_of(unit):
    return unit.removeprefix("gangway-").removesuffix(".service")


class Virtual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if reason := os.environ.get("GANGWAY_SYSTEM_NO_VIRTUAL"):
            raise unittest.SkipTest(f"no virtual machine: {reason}")
        cls.world = cls.enterClassContext(World(is_virtual=True))
        cls.gateway = cls.world.gateway
        for program in (HERE / "captured.py", HERE.parent / "integration" / "wire.py"):
            cls.gateway.write(f"{FOLDER}/{program.name}", program.read_text())
        cls.gateway.run("sync")  # what we wrote: what gangway writes is for itself to bring to the disk

    def pids(self):
        return {unit: self.gateway.main_pid(unit) for unit in PROGRAMS}

    # --- control groups ---

    def capture(self, mode):
        """Each plugin, in another unit that is the same but for its name; returns which is whose."""
        captured = {unit: f"captured-{role_of(unit)}-{mode}.service" for unit in PLUGINS}
        for unit, name in captured.items():
            self.gateway.write(f"/run/systemd/system/{name}", self.gateway.out("systemctl", "cat", unit))
            self.gateway.write(f"/run/systemd/system/{name}.d/test.conf",
                               WITHOUT_RLIMITS.format(folder=FOLDER, role=role_of(unit), mode=mode))
        self.gateway.systemctl("daemon-reload")
        self.addCleanup(self.gateway.systemctl, "stop", *captured.values())
        self.gateway.systemctl("start", "--no-block", *captured.values())
        return captured

    def said(self, unit):
        lines = self.gateway.journal(f"--unit={unit}").splitlines()
        return [json.loads(line) for line in lines if line.startswith('{"attempt"')]

    def group(self, unit, file):
        return self.gateway.out("cat", f"/sys/fs/cgroup/system.slice/{unit}/{file}")

    def test_plugins_at_their_limits(self):
        """Plugins that somebody has taken over, without a limit but those of their control groups (test_captured.py has
        the rest). All at once take as many tasks as they get, keep them busy, and as much memory, again and again."""
        before = self.pids()
        memory, tasks = self.capture("memory"), self.capture("tasks")
        for captured in tasks.values():
            wait_for(f"{captured} has what it gets", lambda: self.said(captured))
        for unit, captured in memory.items():
            wait_for(f"{captured} has been killed twice, or has what it wanted",
                     lambda: int(self.gateway.show(captured, "NRestarts")) >= 2 or self.said(captured))
        for _ in range(2):
            self.world.bring_aboard()

        for unit, captured in tasks.items():
            with self.subTest(captured):
                self.assertFalse(any(a["done"] for a in self.said(captured)), self.said(captured))
                most = int(self.gateway.show(unit, "TasksMax"))
                self.assertEqual(int(self.group(captured, "pids.current")), most)
                self.assertRegex(self.group(captured, "pids.events"), r"^max [1-9]")
        for unit, captured in memory.items():
            with self.subTest(captured):
                self.assertEqual(self.said(captured), [])
                self.assertIn("Failed with result 'oom-kill'", self.gateway.journal(f"--unit={captured}"))
                self.assertLessEqual(int(self.gateway.show(unit, "MemoryMax")), 256 * MIB)
        self.assertEqual(self.pids(), before)
        self.assertEqual(self.gateway.complaints(), [])

    # --- clock and power ---

    def come_up(self):
        self.gateway.start()
        self.world.lay_cables()
        self.gateway.wait_until_well()

    def store_is_whole(self):
        path = "/var/lib/gangway/gangway.db"
        check = f"import sqlite3; print(*sqlite3.connect('file:{path}?mode=ro', uri=True).execute('pragma integrity_check'))"
        self.assertEqual(self.gateway.out("python3", "-c", check), "('ok',)")
        self.assertIn("true", self.gateway.out("busctl", "call", "org.gangway1", "/org/gangway1",
                                               "org.gangway1.Manager", "VerifyAudit"))

    def test_the_clock_jumps(self):
        """While devices live: years ahead and back, by hand, with nothing that would set it right."""
        first = self.world.bring_aboard()
        for years in (10, -10, -20, 20):
            with self.subTest(years):
                before = {unit: self.gateway.main_pid(unit) for unit in PROGRAMS}
                now = int(self.gateway.out("date", "+%s"))
                self.gateway.run("date", "--set", f"@{now + years * YEAR_S}")
                self.assertEqual(self.gateway.state(first), "onboarded")
                self.assertEqual({unit: self.gateway.main_pid(unit) for unit in PROGRAMS}, before)
        self.gateway.wait_until_well()
        self.assertEqual(self.gateway.state(first), "onboarded")
        self.world.bring_aboard()
        self.store_is_whole()

    def test_a_reboot(self):
        first = self.world.bring_aboard()
        self.gateway.reboot()
        self.gateway.wait_until_well()
        self.assertEqual(self.gateway.state(first), "onboarded")
        self.world.bring_aboard()

    def test_the_power_is_cut(self):
        """While devices come aboard, at any moment of that. What a device was told is true afterwards, too; one that
        was told nothing tries again, as devices do."""
        for cut in range(N_CUTS):
            with self.subTest(cut):
                first = self.world.bring_aboard()
                waiting = [self.world.new_label() for _ in range(4)]
                devices = {name: self.world.elsewhere.begin_aboard(label, f"/root/{name}") for name, label in waiting}
                n_ready = random.randrange(len(devices))
                wait_for("so many are aboard", lambda: sum(d.poll() == 0 for d in devices.values()) >= n_ready)
                wait_for("a moment", lambda: random.random() < 0.1)
                self.gateway.pull_the_plug()
                told = [name for name, device in devices.items() if device.poll() == 0]
                for device in devices.values():
                    device.kill()
                    device.communicate()
                self.come_up()
                self.store_is_whole()
                for name in (first, *told):
                    self.assertEqual(self.gateway.state(name), "onboarded", name)
                for name, label in waiting:
                    if name not in told:
                        done = self.world.elsewhere.come_aboard(label, f"/root/{name}")
                        self.assertEqual((done.returncode, self.gateway.state(name)), (0, "onboarded"), done.stderr)
