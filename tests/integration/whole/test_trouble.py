# SPDX-License-Identifier: GPL-2.0-or-later
"""What is broken on the gateway's own machine: each says in one line what is wrong and what to do, and all
goes on when it is mended."""
import os
import pathlib
import socket
import subprocess
import tempfile
import unittest

import coap
import lab
import label


def start_fails(gateway):
    """What gangwayd says as it ends: one line."""
    before = len(gateway.log("gangwayd"))
    try:
        gateway.start("gangwayd")
    except lab.Failed:
        said = gateway.log("gangwayd")[before:]
        if said.count("\n") != 1:
            raise AssertionError(f"gangwayd should say it in one line:\n{said}") from None
        return said
    gateway.stop("gangwayd")
    raise AssertionError("gangwayd should not have started")


class Credentials(lab.Shared):
    """Of the cloud link, and the key of the store."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.folder = cls.lab.folder / "run" / "cloud" / "gateways" / "lab"

    def test_each_missing_one_is_named(self):
        for name in ("cloud-ca", "cloud-cert", "cloud-key"):
            with self.subTest(name):
                (self.folder / name).rename(self.folder / "away")
                try:
                    self.lab.restart("gangway-mqtt", "--no-wait")
                    self.lab.wait_for_cloud("unprovisioned")
                    self.assertIn(name, self.lab.status()["cloud_text"])
                finally:
                    (self.folder / "away").rename(self.folder / name)
                self.lab.wait_for_cloud("online")

    def test_another_gateway_s(self):
        self.lab.run("gangway-cloud", "init", "--gateway", "other")
        self.addCleanup(self.lab.wait_for_cloud, "online")
        self.addCleanup((self.folder / "cloud-cert").write_bytes, (self.folder / "cloud-cert").read_bytes())
        (self.folder / "cloud-cert").write_bytes((self.folder.parent / "other" / "cloud-cert").read_bytes())
        self.lab.restart("gangway-mqtt", "--no-wait")
        self.lab.wait_for_cloud("unprovisioned")
        text = self.lab.status()["cloud_text"]
        self.assertIn("'other'", text)
        self.assertIn("'lab'", text)

    def test_the_store_s_key_is_gone(self):
        """Started without it, the agent would make one that opens nothing."""
        key = self.lab.folder / "run" / "credentials" / "store-key"
        self.lab.claim(self.lab.new_device("KEY-1"))
        self.lab.stop("gangwayd")
        kept = key.read_bytes()
        self.addCleanup(key.write_bytes, kept)
        key.unlink()
        said = start_fails(self.lab)
        self.assertRegex(said, "key")
        key.write_bytes(os.urandom(32))
        said = start_fails(self.lab)
        self.assertRegex(said, "key")
        key.write_bytes(kept)
        self.lab.start("gangwayd")
        self.assertEqual(self.lab.state("KEY-1"), "claimed")


class Configuration(lab.Shared):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.file = cls.lab.folder / "run" / "gangway.conf"

    def test_faults_are_named(self):
        good = self.file.read_text()
        faults = {
            "unknown key": (good + "\n[limits]\ndevice = 10\n", "device"),
            "no number": (good + "\n[limits]\ndevices = ten\n", "devices"),
            "out of range": (good.replace("coaps_port = ", "coaps_port = 9"), "coaps_port"),
            "bad id": (good.replace("id = lab", "id = a/b"), "id"),
            "no broker": (good.replace("broker = mqtts://", "broker = http://"), "broker"),
        }
        self.lab.stop("gangwayd")
        self.addCleanup(self.file.write_text, good)
        for fault, (text, named) in faults.items():
            with self.subTest(fault):
                self.file.write_text(text)
                said = start_fails(self.lab)
                self.assertIn("gangway.conf", said)
                self.assertIn(named, said)
        self.file.write_text(good)
        self.lab.start("gangwayd")


class Ports(unittest.TestCase):
    @staticmethod
    def bound(host, port):
        """A socket there; None while somebody has it."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.bind((host, port))
            return sock
        except OSError:
            sock.close()
            return None

    def test_taken_by_another_program(self):
        with lab.Lab() as gateway:
            host, port = gateway.coaps.removeprefix("coaps://").split(":")
            gateway.stop("gangway-ip")
            with lab.wait_for("the registrar lets go of it", lambda: self.bound(host, int(port))):
                gateway.start("gangway-ip", "--no-wait")
                text = lab.wait_for("gangway-ip complains", lambda: next(
                    (p["text"] for p in gateway.status().get("plugins", []) if p["name"] == "ip"), ""))
                self.assertIn(port, text)
            lab.wait_for("gangway-ip is well", lambda: all(
                p["healthy"] for p in gateway.status()["plugins"]))
            device = gateway.new_device("PORT-1")
            gateway.claim(device)
            device.come_aboard()


def mount_disk(folder, size):
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode != 0:
        raise unittest.SkipTest(f"cannot mount a disk to fill: {mounted.stderr.strip()}")


def fill_disk(folder):
    """To the last byte; returns the file that does it."""
    with open(folder / "filler", "wb", buffering=0) as file:
        size = 1 << 16
        while size:
            try:
                file.write(b"x" * size)
            except OSError:
                size >>= 1
    return folder / "filler"


class CloudDisk(unittest.TestCase):
    """The cloud's folder on a disk that is full, or read-only: it says which file, why, and what to do."""
    CHANGES = (["claim", "--gateway", "lab", "FOLDER", "-"], ["claim-credential", "FOLDER", "batch"],
               ["withdraw", "--gateway", "lab", "FOLDER", "D-1"], ["revoke-gateway", "FOLDER", "lab"],
               ["roll", "FOLDER", "begin"], ["init", "--gateway", "another", "FOLDER"])

    def setUp(self):
        parent = tempfile.TemporaryDirectory(prefix="gangway-", dir="/tmp")
        self.disk = pathlib.Path(self.enterContext(parent))
        mount_disk(self.disk, "2m")
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.disk], check=True)
        self.folder = self.disk / "cloud"
        self.assertEqual(self.cloud("init", "--gateway", "lab", "FOLDER").returncode, 0)

    def cloud(self, *words):
        program = pathlib.Path(os.environ["GANGWAY_BUILD"]) / "tools/cloud/gangway-cloud"
        return subprocess.run([program, *[self.folder if word == "FOLDER" else word for word in words]],
                              input=label.make("D-1", bytes(range(16))), capture_output=True, text=True)

    def check(self, *advice):
        for words in (*self.CHANGES, ["list", "FOLDER"]):  # SQLite has to write to read
            with self.subTest(words[0]):
                done = self.cloud(*words)
                self.assertEqual(done.returncode, 1, done.stdout)
                last = done.stderr.splitlines()[-1]
                self.assertTrue(last.startswith(f"gangway-cloud: {self.folder}"), last)
                for part in advice:
                    self.assertIn(part, last)

    def test_full(self):
        filler = fill_disk(self.disk)
        self.check("No space left", "; make room")
        filler.unlink()
        self.assertEqual(self.cloud(*self.CHANGES[0]).returncode, 0)

    def test_read_only(self):
        subprocess.run(["mount", "-o", "remount,ro", self.disk], check=True)
        self.check("Read-only", "; mount it for writing")
        self.assertIn("; mount it for writing", self.cloud("serve", "FOLDER").stderr)
        subprocess.run(["mount", "-o", "remount,rw", self.disk], check=True)
        self.assertEqual(self.cloud(*self.CHANGES[0]).returncode, 0)


class Disk(lab.Shared):
    """The store on a disk of its own, which is full, or read-only, or damaged."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.state = cls.lab.folder / "run" / "state"
        cls.lab.stop("gangwayd")
        mount_disk(cls.state, "2m")
        cls.addClassCleanup(subprocess.run, ["umount", "--lazy", cls.state], check=True)
        cls.lab.start("gangwayd")

    def fill(self):
        self.addCleanup(fill_disk(self.state).unlink, missing_ok=True)

    def test_full(self):
        early = coap.claimed_client(self.lab, "FULL-1")
        late = coap.Client(self.lab, "FULL-2")
        self.fill()
        said = ""
        for number in range(50):
            result = self.lab.ctl("claim", "-", input=self.lab.new_label(f"FILL-{number}"), check=False)
            said = result.stderr
            if result.returncode:
                break
        self.assertRegex(said, "(?i)nothing was changed|make room")
        status = self.lab.status()
        self.assertEqual(status["state"], "waiting")
        self.assertIn("room", status["state_text"])
        early.new_key()
        self.assertEqual(early.enroll(early.request(), wait_s=5).payload, b"",
                         "nobody is told what cannot be kept")

        (self.state / "filler").unlink()
        self.lab.claim(late)
        self.assertEqual(self.lab.state("FULL-1"), "claimed")
        lab.wait_for("the set is well", lambda: self.lab.status()["state"] == "running")
        for client in (early, late):
            lab.wait_for(f"{client.id} is aboard", lambda c=client: self.gets_aboard(c))

    def gets_aboard(self, client):
        try:
            coap.come_aboard(client)
        except AssertionError:
            return False
        return True

    def test_read_only(self):
        self.lab.stop("gangwayd")
        subprocess.run(["mount", "-o", "remount,ro", self.state], check=True)
        try:
            said = start_fails(self.lab)
        finally:
            subprocess.run(["mount", "-o", "remount,rw", self.state], check=True)
        self.assertIn(str(self.state), said)
        self.assertRegex(said, "cannot be written")
        self.lab.start("gangwayd")

    def test_damaged(self):
        self.lab.stop("gangwayd")
        self.addCleanup(self.lab.start, "gangwayd")
        for path in self.state.glob("gangway.db*"):
            self.addCleanup(path.write_bytes, path.read_bytes())
            path.unlink()
        (self.state / "gangway.db").write_bytes(b"no database at all" * 100)
        said = start_fails(self.lab)
        self.assertRegex(said, r"gangway\.db.*damaged")
