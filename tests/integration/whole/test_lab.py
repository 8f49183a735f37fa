# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/lab itself: sets side by side, in awkward folders, and nothing left of them."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import lab
from lab import Failed, Shared


def alive(pids):
    return [pid for pid in pids if lab.is_alive(pid)]


class Folders(unittest.TestCase):
    def setUp(self):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="gangway-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.top)

    def lab(self, *words, **more):
        return subprocess.run([lab.SCRIPT, *words], capture_output=True, text=True, cwd=self.top, **more)

    def up(self, folder, *options):
        self.addCleanup(self.lab, "down", folder)
        result = self.lab("up", folder, *options)
        self.assertEqual(result.returncode, 0, result.stderr)

    def ask(self, folder, command):
        """By a shell that takes offence at everything."""
        result = subprocess.run(["sh", "-euc", f'. "./$1/env"; {command}', "sh", folder], cwd=self.top,
                                capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_side_by_side_with_spaces_and_relative(self):
        self.top.chmod(0o700)
        for folder in ("one", "the other"):
            self.up(folder, "--gateway", folder.replace(" ", "-"))
        seen = [self.ask(folder, "echo $GANGWAY_ID; gangwayctl --json status; echo $GANGWAY_COAPS")
                for folder in ("one", "the other")]
        self.assertIn("one\n", seen[0])
        self.assertIn('"gateway_id": "the-other"', seen[1])
        self.assertNotEqual(seen[0].splitlines()[-1], seen[1].splitlines()[-1])
        label = self.ask("the other", "gangwayctl qr make --id SPACE-1 --new-secret | tee label | "
                         "gangwayctl claim - >&2; cat label")
        self.assertIn("SPACE-1", label)
        self.ask("the other", 'gangway-device --label label --connect "$GANGWAY_COAPS" --state device')
        self.assertEqual(self.ask("one", "gangwayctl --json devices"), "[]\n")

    def test_nothing_is_left(self):
        self.up("set")
        pids = [int(p.read_text()) for p in (self.top / "set" / "pids").glob("[!.]*")]
        self.assertEqual(len(alive(pids)), len(lab.PROGRAMS))
        self.assertEqual(self.lab("down", "set").returncode, 0)
        self.assertEqual(alive(pids), [])
        self.assertEqual([p.name for p in (self.top / "set").iterdir()], ["logs"])
        self.assertNotIn(str(self.top), pathlib.Path("/proc/self/mountinfo").read_text())
        self.assertEqual(self.lab("down", "set").returncode, 0, "once more does no harm")

    def test_up_twice(self):
        self.up("set")
        result = self.lab("up", "set")
        self.assertEqual(result.returncode, 1)
        self.assertIn("in use", result.stderr)
        self.ask("set", "gangwayctl status")

    def test_a_failure_leaves_nothing(self):
        build = self.top / "build"
        shutil.copytree(os.environ["GANGWAY_BUILD"], build, symlinks=True,
                        ignore=lambda folder, names: [n for n in names if n.endswith((".o", ".a", ".log"))])
        broken = build / "plugins" / "mqtt" / "gangway-mqtt"
        broken.write_text("#!/bin/sh\necho broken today >&2\nexit 3\n")
        result = self.lab("up", "set", env=os.environ | {"GANGWAY_BUILD": str(build)})
        self.assertEqual(result.returncode, 1)
        self.assertIn("gangway-mqtt has ended", result.stderr)
        self.assertIn("broken today", result.stderr)
        self.assertEqual([p.name for p in (self.top / "set").iterdir()], ["logs"])
        left = [p for p in pathlib.Path("/proc").glob("[0-9]*/cmdline") if self.mentions(p)]
        self.assertEqual(left, [])

    def mentions(self, path):
        try:
            return str(self.top / "set").encode() in path.read_bytes()
        except OSError:
            return False

    def test_wrong_use(self):
        for words in ((), ("up",), ("sideways", "set"), ("stop", "set", "nobody"), ("up", "set", "--set", "x")):
            self.assertEqual(self.lab(*words).returncode, 2, words)
        self.assertEqual(self.lab("restart", "set", "gangwayd").returncode, 1)

    def test_a_path_too_long_for_sockets(self):
        result = self.lab("up", "x" * 100)
        self.assertEqual(result.returncode, 1)
        self.assertIn("too long", result.stderr)


class Programs(Shared):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())

    def test_stop_and_start(self):
        for program in lab.PROGRAMS:
            with self.subTest(program):
                pid = self.lab.pid(program)
                self.lab.stop(program)
                self.assertEqual(alive([pid]), [])
                self.lab.start(program)
                self.assertNotEqual(self.lab.pid(program), pid)
                self.lab.start(program)
        self.assertEqual(self.lab.status()["cloud_state"], "online")

    def test_a_stranger_s_pid(self):
        """A pid file that outlived its process must not end whoever has the pid now."""
        file = self.lab.folder / "pids" / "gangway-ip"
        kept = file.read_text()
        with subprocess.Popen(["sleep", "60"]) as stranger:
            file.write_text(f"{stranger.pid}\n")
            self.lab.stop("gangway-ip")
            self.assertIsNone(stranger.poll())
            stranger.kill()
        os.kill(int(kept), 15)
        self.lab.start("gangway-ip")

    def test_told_to_die(self):
        self.lab.restart("gangway-registrar", die_at="registrar.server-csr:before")
        self.assertFalse(self.lab.is_alive("gangway-registrar"))
        self.lab.start("gangway-registrar")

    def test_death_that_nobody_ordered(self):
        config = self.lab.folder / "run" / "gangway.conf"
        kept = config.read_text()
        config.write_text("nonsense\n")
        self.addCleanup(self.lab.start, "gangwayd")
        self.addCleanup(config.write_text, kept)
        with self.assertRaisesRegex(Failed, "gangwayd has ended"):
            self.lab.restart("gangwayd")


class Network(unittest.TestCase):
    """The devices' own."""

    def setUp(self):
        possible = subprocess.run(["unshare", "--net", "--", "ip", "link", "add", "one", "type", "veth",
                                   "peer", "name", "two"], capture_output=True, text=True)
        if possible.returncode != 0:
            self.skipTest(f"no network namespaces here: {possible.stderr.strip()}")

    def test_a_device_beyond_the_wire(self):
        links = os.listdir("/sys/class/net")
        with lab.Lab("--netns") as gateway:
            self.assertEqual(gateway.coaps, "coaps://198.18.0.1:5684")
            self.assertEqual(os.listdir("/sys/class/net"), links)
            label = gateway.folder / "label"
            label.write_text(gateway.new_label("WIRE-1"))
            gateway.ctl("claim", "-", input=label.read_text())
            self.assertEqual(self.knock(gateway, label, []).returncode, 1, "not from here")
            beyond = self.knock(gateway, label, gateway.variables["GANGWAY_DEVICES"].split())
            self.assertEqual(beyond.returncode, 0, beyond.stdout)
            self.assertTrue(gateway.show("WIRE-1")["address"].startswith("198.18.0.2:"))
            lab.wait_for("the kernel has told of it", lambda: "198.18.0.2" in gateway.run(
                "busctl", "--system", "get-property", "org.gangway1", "/org/gangway1/transport/ip",
                "org.gangway1.Transport", "Neighbours").stdout)

    def knock(self, gateway, label, prefix):
        return gateway.run(*prefix, "gangway-device", "--label", label, "--connect", gateway.coaps,
                           "--state", gateway.folder / "device", "--timeout", str(3 * lab.PATIENCE), check=False)
