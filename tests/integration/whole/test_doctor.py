# SPDX-License-Identifier: GPL-2.0-or-later
"""`gangwayctl doctor` and `status`: a trouble of each kind is named, with what to do, and the exit status
tells; and the log has one line for each change of a device."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import coap
import lab

CA = """[ca]
default_ca = a
[a]
new_certs_dir = .
database = index
serial = serial
default_md = sha256
policy = any
[any]
commonName = supplied
"""


class Case(lab.Shared):
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab(*cls.options))

    def doctor(self, *words, status):
        """Its findings by check, as programs get them; people get the same."""
        config = [] if "--config" in words else ["--config", str(self.lab.folder / "run/gangway.conf")]
        done = self.lab.ctl("--json", "doctor", *config, *words, check=False)
        findings = json.loads(done.stdout)
        wrong = [f["check"] for f in findings if f["verdict"] == "wrong"]
        self.assertEqual(done.returncode, status, done.stdout)
        self.assertEqual(bool(wrong), bool(status), done.stdout)
        if status:
            self.assertIn(f"first {wrong[0]}", done.stderr)
        self.assertEqual(done.stderr.count("\n"), status)
        for finding in findings:
            self.assertLessEqual(finding.keys(), {"check", "verdict", "text", "advice"})
            self.assertRegex(finding["text"], r"\w.*[.!?]$")
            if finding["verdict"] == "wrong":
                self.assertTrue(finding["advice"], finding)
        by_check = {}
        for finding in findings:
            by_check.setdefault(finding["check"], finding)
        return by_check

    def assert_finding(self, findings, check, verdict, text, advice):
        self.assertEqual(findings[check]["verdict"], verdict, findings[check])
        self.assertRegex(findings[check]["text"], text)
        self.assertRegex(findings[check]["advice"], advice)


class Doctor(Case):
    options = ("--set", "cloud.retry_first=1", "--set", "cloud.retry_max=1")

    def setUp(self):
        super().setUp()
        self.lab.wait_for_cloud("online")
        lab.wait_for("all is well", lambda: {f["verdict"] for f in json.loads(
            self.lab.ctl("--json", "doctor", check=False).stdout)} == {"ok"})

    def test_all_is_well(self):
        findings = self.doctor(status=0)
        self.assertEqual({f["verdict"] for f in findings.values()}, {"ok"}, findings)
        self.assertEqual({f["advice"] for f in findings.values()}, {""})
        self.assertLessEqual({"bus", "polkit", "disk", "store", "store key", "link", "plugin mqtt", "plugin ip", "plugin registrar",
                              "credentials", "broker", "cloud", "clock", "queue", "configuration", "units"},
                             findings.keys())
        text = self.lab.ctl("doctor").stdout
        self.assertIn("All is well.", text)
        self.assertNotRegex(text, "(?m)^(wrong|warning)")
        status = self.lab.status()
        self.assertEqual((status["problem"], status["advice"]), ("", ""))
        self.assertNotIn("to do", self.lab.ctl("status").stdout)

    def test_broker_down(self):
        client = coap.claimed_client(self.lab, "DOCTOR-1")
        self.lab.stop("mosquitto")
        self.addCleanup(self.lab.start, "mosquitto")
        self.lab.wait_for_cloud("offline")
        client.new_key()
        self.assertRegex(client.enroll(client.request()).said, "^5.03")
        findings = self.doctor(status=1)
        self.assert_finding(findings, "broker", "wrong", r"Not connected, for \d+ \w+.*: ", "network")
        self.assert_finding(findings, "cloud", "warning", "when the broker is there", "^$")
        self.assert_finding(findings, "credentials", "ok", "fit", "^$")

        status = self.lab.status()
        self.assertRegex(status["problem"], "^broker: Not connected")
        self.assertEqual(status["advice"], findings["broker"]["advice"])
        self.assertLess(0, status["cloud_since"])
        self.assertLess(0, status["cloud_heard"])
        lab.wait_for("the next attempt is told", lambda: self.lab.status()["cloud_retry"] > status["cloud_since"])
        lab.wait_for("people read it", lambda: re.search(
            r"cloud +offline since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, trying again (in \d+ s|now), 1 device waits: ",
            self.lab.ctl("status").stdout))
        self.assertRegex(self.lab.ctl("status").stdout, r"(?m)^to do +See that the network")

    def test_cloud_silent(self):
        client = coap.claimed_client(self.lab, "DOCTOR-2")
        self.lab.stop("gangway-cloud")
        self.addCleanup(self.lab.start, "gangway-cloud")
        client.new_key()
        client.enroll(client.request())
        self.lab.wait_for_cloud("silent")
        findings = self.doctor(status=1)
        self.assert_finding(findings, "broker", "ok", "connected", "^$")
        self.assert_finding(findings, "cloud", "wrong", "has not answered", "service behind the broker")

    def test_plugin_gone(self):
        for name, what in (("ip", "find no door"), ("registrar", "no device can come in")):
            with self.subTest(name):
                self.lab.stop(f"gangway-{name}")
                self.addCleanup(self.lab.start, f"gangway-{name}")
                lab.wait_for("it is missed", lambda n=name: n not in [p["name"] for p in self.lab.status()["plugins"]])
                self.assert_finding(self.doctor(status=1), f"plugin {name}", "wrong", what,
                                    f"systemctl start gangway-{name}")
                self.lab.start(f"gangway-{name}")

    def test_link_gone(self):
        """Who is connected stays; nobody else comes."""
        (self.lab.folder / "run/link").unlink()
        self.addCleanup(self.lab.restart, "gangwayd")
        self.assert_finding(self.doctor(status=1), "link", "wrong", r"socket .*/run/link away, \d+ s ago", "restart gangwayd")
        status = self.lab.ctl("status").stdout
        self.assertRegex(status, r"(?m)^wrong +link: Somebody has taken .*/run/link away, \d+ s ago")
        self.assertRegex(status, r"(?m)^to do +systemctl restart gangwayd\.socket")

    def test_renewals(self):
        """What is ahead of the devices; and those that are suspended have nothing ahead of them."""
        before = self.lab.status()["renewals"]["waiting"]
        for name in ("RENEWALS-1", "RENEWALS-2"):
            self.lab.claim(device := self.lab.new_device(name))
            device.come_aboard()
            self.lab.wait_for_state(name, "onboarded")
        lab.wait_for("both are counted", lambda: self.lab.status()["renewals"] == {
            "waiting": before + 2, "overdue": 0, "expired": 0, "asking": 0})
        shown = [json.loads(self.lab.ctl("--json", "show", d["id"]).stdout)["renew_at"]
                 for d in json.loads(self.lab.ctl("--json", "devices").stdout) if d["state"] == "onboarded"]
        self.assertEqual(self.lab.status()["renewal_next"], min(shown))
        self.lab.ctl("suspend", "RENEWALS-1")
        lab.wait_for("people read it", lambda: re.search(
            rf"(?m)^renewals +{before + 1} to come, the next \d{{4}}-\S+Z, 1 suspended$", self.lab.ctl("status").stdout))

    def test_bad_configuration(self):
        file = self.lab.folder / "run/gangway.conf"
        good = file.read_text()
        self.addCleanup(file.write_text, good)
        file.write_text(good + "\n[limits]\ndevices = ten\n")
        line = good.count("\n") + 3
        findings = self.doctor(status=1)
        self.assert_finding(findings, "configuration", "wrong", rf"gangway\.conf:{line}: .*devices",
                            "goes on with what it read before")
        # Without --config the agent is asked for what it reads.
        done = json.loads(self.lab.ctl("--json", "doctor", check=False).stdout)
        self.assertRegex(next(f["text"] for f in done if f["check"] == "configuration"), rf"conf:{line}: .*devices")

        self.lab.stop("gangwayd")
        self.assert_finding(self.doctor(status=1), "configuration", "wrong", rf"gangway\.conf:{line}: .*devices",
                            "systemctl start gangwayd")
        file.write_text(good)
        findings = self.doctor(status=1)
        self.assert_finding(findings, "configuration", "ok", "good", "^$")
        self.assert_finding(findings, "bus", "wrong", "Nobody has the name|not on the bus", "gangwayd|policy")
        self.lab.start("gangwayd")

    def test_one_line_a_change(self):
        before = len(self.lab.log("gangwayd"))
        self.lab.claim(device := self.lab.new_device("LINES-1"))
        device.come_aboard()
        self.lab.wait_for_state("LINES-1", "onboarded")
        lines = [line.partition(" ")[2] for line in self.lab.log("gangwayd")[before:].splitlines()
                 if "device=LINES-1" in line and " -> " in line]
        self.assertEqual(lines, [f"{change} device=LINES-1" for change in (
            "new -> claimed", "claimed -> enrolling", "enrolling -> issued", "issued -> onboarded")])


class Credentials(Case):
    def setUp(self):
        super().setUp()
        self.folder = self.lab.folder / "run/cloud/gateways/lab"
        self.kept = {name: (self.folder / name).read_bytes() for name in ("cloud-ca", "cloud-cert", "cloud-key")}
        self.addCleanup(self.put_back)

    def put_back(self):
        for name, data in self.kept.items():
            (self.folder / name).write_bytes(data)
        self.lab.wait_for_cloud("online")

    def test_missing(self):
        (self.folder / "cloud-key").unlink()
        self.lab.restart("gangway-mqtt", "--no-wait")
        self.lab.wait_for_cloud("unprovisioned")
        lab.wait_for("both have been told", lambda: self.finds("credentials", "is missing") and self.finds("plugin mqtt", "is missing"))
        findings = self.doctor(status=1)
        self.assert_finding(findings, "credentials", "wrong", "cloud-key is missing", ".")
        self.assert_finding(findings, "broker", "wrong", "cloud-key is missing", "Do what it says")
        self.assert_finding(findings, "plugin mqtt", "wrong", "cloud-key is missing", "gangway-mqtt")

    def test_expired(self):
        (self.folder / "cloud-cert").write_bytes(self.old_certificate())
        self.lab.restart("gangway-mqtt", "--no-wait")
        lab.wait_for("it has been looked at", lambda: self.finds("credentials", "expired"))
        self.assert_finding(self.doctor(status=1), "credentials", "wrong", "own certificate has expired", "cloud-cert")
        lab.wait_for("it is logged", lambda: "own certificate has expired" in self.lab.log("gangwayd"))

    def finds(self, check, text):
        findings = json.loads(self.lab.ctl("--json", "doctor", check=False).stdout)
        return any(text in f["text"] for f in findings if f["check"] == check)

    def old_certificate(self):
        """For the gateway's own name and key, of a year that is over."""
        with tempfile.TemporaryDirectory() as folder:
            key = f"{folder}/key"
            for name, text in (("config", CA), ("index", ""), ("serial", "01\n")):
                with open(f"{folder}/{name}", "w") as file:
                    file.write(text)
            with open(key, "wb") as file:
                file.write(self.kept["cloud-key"])
            subprocess.run(["openssl", "req", "-new", "-key", key, "-subj", "/CN=lab", "-out", "request"],
                           cwd=folder, check=True, capture_output=True)
            subprocess.run(["openssl", "ca", "-batch", "-notext", "-config", "config", "-selfsign", "-keyfile", key,
                            "-in", "request", "-startdate", "20200101000000Z", "-enddate", "20210101000000Z",
                            "-out", "certificate"], cwd=folder, check=True, capture_output=True)
            with open(f"{folder}/certificate", "rb") as file:
                return file.read()


class Bus(Case):
    def test_policy_missing(self):
        """The bus does not let the agent have its name: no call gets there, and doctor works all the same."""
        config = self.lab.folder / "run/bus.conf"
        self.lab.stop("gangwayd")
        config.write_text(re.sub(r".*own=\"org\.gangway1\".*\n|.*<include>.*\n", "", config.read_text()))
        self.lab.restart("dbus-daemon")
        before = len(self.lab.log("gangwayd"))
        self.lab.start("gangwayd", "--no-wait")
        lab.wait_for("the agent is refused its name", lambda: "does not give us the name" in
                     self.lab.log("gangwayd")[before:])
        findings = self.doctor(status=1)
        self.assert_finding(findings, "bus", "wrong", "[Nn]obody has the name org.gangway1", "policy|gangwayd")
        self.assertNotIn("clock", findings)

    def test_no_bus(self):
        with lab.Lab() as gateway:
            gateway.stop("dbus-daemon")
            done = gateway.ctl("doctor", check=False)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stdout, r"(?m)^wrong +bus +The system bus cannot be reached")
            self.assertIn("systemctl start dbus", done.stdout)
            gateway.start("dbus-daemon")


class Disk(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.state = cls.lab.folder / "run/state"
        cls.lab.stop("gangwayd")
        kept = shutil.copytree(cls.state, cls.lab.folder / "kept")  # another store would be noticed
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80m,nr_inodes=400", "tmpfs", cls.state],
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            raise unittest.SkipTest(f"cannot mount a disk to fill: {mounted.stderr.strip()}")
        cls.addClassCleanup(subprocess.run, ["umount", "--lazy", cls.state], check=True)
        shutil.copytree(kept, cls.state, dirs_exist_ok=True)
        cls.lab.start("gangwayd")

    def fill(self, leave):
        self.addCleanup((self.state / "filler").unlink, missing_ok=True)
        stat = os.statvfs(self.state)
        with open(self.state / "filler", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, stat.f_bavail * stat.f_frsize - leave)

    def test_little_room_and_none(self):
        self.fill(leave=32 << 20)
        self.assert_finding(self.doctor(status=0), "disk", "warning", "Only 3[12] MiB", "Make room")
        (self.state / "filler").unlink()
        self.fill(leave=512 << 10)
        self.assert_finding(self.doctor(status=1), "disk", "wrong", "is full", "Make room")
        self.assertRegex(self.lab.status()["problem"], "^disk: ")
        (self.state / "filler").unlink()
        self.assert_finding(self.doctor(status=0), "disk", "ok", "MiB are free", "^$")

    def test_no_inodes(self):
        for i in range(os.statvfs(self.state).f_favail - 4):
            self.addCleanup((self.state / f"file{i}").unlink)
            (self.state / f"file{i}").touch()
        self.assert_finding(self.doctor(status=1), "disk", "wrong", "no inodes left", "df -i")
