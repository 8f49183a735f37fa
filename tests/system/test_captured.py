# SPDX-License-Identifier: GPL-2.0-or-later
"""A plugin that somebody has taken over: captured.py, in its unit and as its user, tries what he would try.
All of it fails, and the others go on."""
import json
import pathlib
import shutil
import subprocess
import unittest

from machine import wait_for
from gateway import PLUGINS, PROGRAMS, World

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = "/usr/local/lib/captured"
PROGRAM = f"/usr/bin/python3 -B {FOLDER}/captured.py"
FUSE = pathlib.Path("/dev/fuse")

# What the bus says of it: dbus-daemon, or dbus-broker.
REFUSAL = r"(?s)Rejected send message.*uid={uid} |A security policy denied"


class Case(unittest.TestCase):
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(World(options=cls.options))
        cls.gateway = cls.world.gateway
        target = cls.gateway.path(FOLDER)
        target.mkdir(parents=True)
        for program in (HERE / "captured.py", HERE / "accomplice.py", HERE.parent / "integration" / "wire.py"):
            shutil.copyfile(program, target / program.name)

    def attempts(self, unit, since):
        """Of the program in that unit, once it has tried all it knows."""
        def read():
            lines = self.gateway.journal(f"--unit={unit}", f"--since={since}").splitlines()
            found = [json.loads(line) for line in lines if line.startswith('{"attempt"')]
            return found if found and found[-1]["attempt"] == "end" else None
        try:
            return wait_for(f"{unit} has tried everything", read)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.gateway.journal(f'--unit={unit}', '--lines=30')}") from None

    def now(self):
        return "@" + self.gateway.out("date", "+%s.%N")

    def expect_failures(self, attempts):
        done = [a for a in attempts if a["done"]]
        self.assertEqual(done, [])
        self.assertGreater(len(attempts), 5)

    def pids(self):
        return {unit: self.gateway.main_pid(unit) for unit in PROGRAMS}


class Box(Case):
    """Beside the plugin itself: the same unit, another program."""

    def test_out_of_the_box(self):
        before = self.pids()
        for unit in PLUGINS:
            role = unit.removeprefix("gangway-").removesuffix(".service")
            with self.subTest(role):
                captured = f"captured-{role}.service"
                others = " ".join(str(pid) for other, pid in before.items() if other != unit)
                text = self.gateway.out("systemctl", "cat", unit)
                self.gateway.run("sh", "-c", f"cat > /run/systemd/system/{captured}", input=text)
                self.gateway.override(captured, f"[Service]\nExecStart=\nExecStart={PROGRAM} {role} box "
                                                f"{others}\n")
                since = self.now()
                self.gateway.systemctl("start", captured)
                self.world.bring_aboard()
                self.expect_failures(self.attempts(captured, since))
                self.gateway.systemctl("stop", captured)
        self.assertEqual(self.pids(), before)

        # What is left of its own files is of no use to the cloud link, and takes no more room than it may.
        used = int(self.gateway.out("du", "--summarize", "--block-size=1", "/var/lib/gangway-mqtt").split()[0])
        self.assertLess(used, 13 << 20)
        self.gateway.systemctl("restart", "gangway-mqtt.service")
        self.gateway.wait_until_well()
        self.world.bring_aboard()

    def test_the_bus(self):
        """Were there a way to it: the bus itself turns plugins away, and says so."""
        for unit in PLUGINS:
            user = unit.removesuffix(".service")
            done = self.gateway.ctl("status", user=user, check=False)
            self.assertEqual(done.returncode, 1, done.stdout)
            uid = self.gateway.out("id", "--user", user)
            self.assertRegex(self.gateway.journal("--boot"), REFUSAL.format(uid=uid))


class Inside(Case):
    """In the program itself: captured.c is loaded into it, and acts when it begins its work."""
    UNIT = "gangway-mqtt.service"

    def test_room_that_no_limit_counts(self):
        library = self.gateway.path(FOLDER) / "captured.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", library, HERE / "captured.c"], check=True)
        library.chmod(0o644)
        self.gateway.override(self.UNIT, f"[Service]\nEnvironment=LD_PRELOAD={FOLDER}/{library.name}\n")
        since = self.now()
        self.gateway.systemctl("restart", self.UNIT)
        attempts = self.attempts(self.UNIT, since)
        self.expect_failures(attempts)
        self.assertEqual({a["how"] for a in attempts[:-1]}, {"Permission denied"})
        self.assertEqual(len(attempts), 3 * (10 + 1) + 1)  # its ten files, and one in memory
        self.gateway.wait_until_well()
        self.world.bring_aboard()
        self.gateway.override(self.UNIT, None)
        self.gateway.systemctl("restart", self.UNIT)


class Link(Case):
    """In the plugin's own place; somebody outside of it lends a hand."""
    options = (f"--bind={FUSE}",) if FUSE.exists() else ()

    n_accomplices = 0

    def lend(self):
        """What somebody outside lends. It ends before the plugin is released: what waits for the file that it serves
        cannot be ended otherwise, and would be in its unit's way."""
        unit = f"accomplice-{self.id().rpartition('.')[2]}-{self.n_accomplices}"
        self.n_accomplices += 1
        self.gateway.run("systemd-run", "--quiet", f"--unit={unit}", "python3", "-B", f"{FOLDER}/accomplice.py",
                         f"/srv/{unit}")
        end = ("systemctl", "kill", "--signal=KILL", f"{unit}.service")
        self.addCleanup(self.gateway.run, *end, check=False)
        names = wait_for("the accomplice is there", lambda: [line for line in self.gateway.journal(
            f"--unit={unit}").splitlines() if line.startswith("a ")])[-1]
        return names, lambda: self.gateway.run(*end)

    def capture(self, unit, role, mode, lent=""):
        self.gateway.override(unit, f"[Service]\nEnvironment='LENT={lent}'\nExecStart=\n"
                                    f"ExecStart={PROGRAM} {role} {mode}\n")
        since = self.now()
        self.gateway.systemctl("restart", unit)
        return since

    def release(self, unit):
        self.gateway.override(unit, None)
        self.gateway.systemctl("restart", unit)
        self.gateway.wait_until_well()
        self.world.bring_aboard()

    def test_each(self):
        for unit in PLUGINS:
            role = unit.removeprefix("gangway-").removesuffix(".service")
            with self.subTest(role):
                others = {u: p for u, p in self.pids().items() if u != unit}
                lent, end = self.lend()
                since = self.capture(unit, role, "link", lent)
                self.expect_failures(self.attempts(unit, since))
                if role == "ip":  # it now does its work, after a fashion
                    for _ in range(3):
                        self.world.bring_aboard()
                record = self.gateway.audit()
                self.assertRegex(record, rf"plugin-(lost|refused).*gangway-{role}")
                self.assertEqual({u: p for u, p in self.pids().items() if u != unit}, others)
                end()
                self.release(unit)

    def test_a_file_of_fuse(self):
        """Whose close() hangs for good: it is among what is handed over in test_each, where it can be had."""
        if not FUSE.exists():
            self.skipTest("this machine has no /dev/fuse: no file that hangs was handed over")
        lent, end = self.lend()
        end()
        self.assertIn("a file of FUSE", lent.split(","))

    def test_who_hands_over_files_is_barred(self):
        """Each stays open in the agent; so there is an end to it."""
        unit, role = "gangway-mqtt.service", "mqtt"
        agent = self.gateway.main_pid("gangwayd.service")
        before = int(self.gateway.out("sh", "-c", f"ls /proc/{agent}/fd | wc -l"))
        since = self.capture(unit, role, "barred")
        self.expect_failures(self.attempts(unit, since))
        self.assertRegex(self.gateway.audit(), "plugin-barred.*gangway-mqtt")
        self.assertLess(int(self.gateway.out("sh", "-c", f"ls /proc/{agent}/fd | wc -l")), before + 32)
        self.assertEqual(self.gateway.main_pid("gangwayd.service"), agent)
        self.gateway.systemctl("restart", "gangwayd.service")
        self.release(unit)
