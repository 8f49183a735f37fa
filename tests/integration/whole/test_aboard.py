# SPDX-License-Identifier: GPL-2.0-or-later
"""The whole path with the reference device, what is left of it everywhere, and that it survives restarts."""
import json
import subprocess

import checker
import label
import lab

SECRET = b"sixteen bytes of"

class Aboard(lab.Shared):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())

    def aboard(self, device_id):
        device = self.lab.new_device(device_id)
        self.lab.claim(device)
        device.come_aboard()
        return device

    def checker_is_content(self):
        self.lab.settle()
        self.assertEqual(checker.check(self.lab.variables["GANGWAY_STATE"],
                                       self.lab.variables["GANGWAY_CLOUD_DIR"]), [])

    def test_from_the_picture_of_a_label(self):
        picture = self.lab.folder / "label.png"
        device = self.lab.new_device("PICTURE-1", self.lab.new_label("PICTURE-1", "--png", picture))
        self.lab.ctl("claim", "--image", picture)
        output = device.come_aboard()
        for step in ("key", "handshake", "anchors", "certificate", "proof", "onboarded"):
            self.assertRegex(output, rf"(?m)^{step} +\d+ ms ")
        shown = self.lab.show("PICTURE-1")
        self.assertEqual((shown["state"], shown["reason"], shown["method"]), ("onboarded", "", "qr"))
        self.checker_is_content()

    def test_the_certificate(self):
        device = self.aboard("CERT-1")
        credential = device.folder / "credential.pem"
        self.assertIn("OK", self.lab.run("openssl", "verify", "-x509_strict", "-CAfile",
                                         self.lab.variables["GANGWAY_CA"], credential).stdout)
        text = self.lab.run("openssl", "x509", "-noout", "-text", "-fingerprint", "-sha256", "-in",
                            credential).stdout
        self.assertIn("Subject: O = default, CN = CERT-1", text)
        self.assertIn("TLS Web Client Authentication", text)
        self.assertNotIn("Server Authentication", text)
        fingerprint = text.partition("Fingerprint=")[2].strip().replace(":", "").lower()
        self.assertEqual(self.lab.show("CERT-1")["fingerprint"], fingerprint)

    def test_the_record(self):
        self.aboard("RECORD-1")
        events = [r["event"] for r in self.lab.audit() if r["device"] == "RECORD-1"]
        self.assertEqual(events, ["claim", "csr", "issued", "proved", "device-reports-success"])
        self.assertTrue(json.loads(self.lab.ctl("--json", "audit", "verify").stdout)["ok"])

    def test_a_session_by_secret_ends_with_the_claim(self):
        device = self.lab.new_device("GUEST-1", label.make("GUEST-1", SECRET))
        self.lab.claim(device)
        guest = subprocess.Popen(["openssl", "s_client", "-dtls1_2", "-connect",
                                  self.lab.coaps.partition("//")[2], "-psk", SECRET.hex(), "-psk_identity",
                                  device.id], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT)
        self.addCleanup(guest.communicate)
        self.addCleanup(guest.kill)
        lab.wait_for("it is served", lambda: any(
            device.id in line and "is served" in line
            for line in self.lab.log("gangway-registrar").splitlines()))
        device.come_aboard()
        guest.wait(lab.NEVER_S)  # it was told so, with its input still open

    def test_monitor_tells_each_change(self):
        monitor = subprocess.Popen(["gangwayctl", "--json", "monitor"], env=self.lab.environment(),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(monitor.wait)
        self.addCleanup(monitor.kill)
        self.assertIn("watching", monitor.stderr.readline())
        self.aboard("MONITOR-1")
        changes = [json.loads(monitor.stdout.readline()) for _ in range(4)]
        self.assertEqual([(c["from"], c["to"]) for c in changes],
                         [("", "claimed"), ("claimed", "enrolling"), ("enrolling", "issued"),
                          ("issued", "onboarded")])
        monitor.stdout.close()
        monitor.stderr.close()

    def test_no_secret_is_written_anywhere(self):
        """Neither the label's secret, in any form, nor the device's private key."""
        device = self.aboard("QUIET-1")
        digits = device.label.partition("+S")[2].partition("+")[0]
        secret = bytes.fromhex(json.loads(self.lab.ctl("--json", "qr", "show", "--show-secret", "-",
                                                       input=device.label).stdout)["secret"])
        needles = (digits.encode(), secret, secret.hex().encode(), secret.hex().upper().encode())
        places = [p for place in ("logs", "run/state", "run/cloud", "run/broker")
                  for p in (self.lab.folder / place).rglob("*") if p.is_file()]
        self.assertGreater(len(places), 10)
        for path in places:
            data = path.read_bytes()
            for needle in needles:
                self.assertNotIn(needle, data, path)

    def test_a_second_time_with_the_same_label(self):
        device = self.aboard("TWICE-1")
        copy = self.lab.new_device("TWICE-1", device.label)
        copy.is_refused()
        device.come_aboard()
        self.assertEqual(len(self.lab.certificates("TWICE-1")), 1)

    def test_reset_to_factory_state(self):
        """The claim burns, not the label."""
        device = self.aboard("RESET-1")
        self.lab.claim(device, "--replace")
        again = self.lab.new_device("RESET-1", device.label)
        again.come_aboard()
        self.checker_is_content()
        self.assertEqual(sorted(c["state"] for c in self.lab.certificates("RESET-1")),
                         ["live", "revoked"])

    def test_many_at_once(self):
        devices = [self.lab.new_device(f"MANY-{i}") for i in range(32)]
        for device in devices:
            self.lab.claim(device)
        for device, process in [(d, d.start()) for d in devices]:
            output = process.communicate()[0]
            self.assertEqual(process.returncode, 0, f"{device.id}:\n{output}")
        self.checker_is_content()

    def test_restarts_at_rest(self):
        """Whoever restarts, devices that are aboard stay so, and new ones get aboard."""
        old = self.aboard("OLD-1")
        for number, program in enumerate(lab.PROGRAMS):
            with self.subTest(program):
                self.lab.kill(program)
                self.lab.start(program)
                old.come_aboard()
                self.aboard(f"NEW-{number}")
        self.assertEqual(len(self.lab.certificates("OLD-1")), 1)
        self.checker_is_content()

    def test_one_program_is_away(self):
        """Devices try again until it is back."""
        for number, program in enumerate(("gangwayd", "gangway-registrar", "gangway-ip",
                                          "gangway-mqtt", "gangway-cloud", "mosquitto")):
            with self.subTest(program):
                device = self.lab.new_device(f"AWAY-{number}")
                self.lab.claim(device)
                self.lab.stop(program)
                process = device.start()
                self.lab.start(program)
                output = process.communicate()[0]
                self.assertEqual(process.returncode, 0, f"{output}\n{self.lab.story()}")
        self.checker_is_content()

    def test_without_a_bus(self):
        """Devices do not need the operator's way in."""
        device = self.lab.new_device("BUSLESS-1")
        self.lab.claim(device)
        self.lab.stop("dbus-daemon")
        self.lab.restart("gangwayd", "--no-wait")
        device.come_aboard()
        self.assertIn("No system bus", self.lab.log("gangwayd"))
        self.lab.start("dbus-daemon")
        self.lab.wait_for_state("BUSLESS-1", "onboarded")


class Fleet(lab.Shared):
    """Claims, withdrawals and revocations that come from the cloud."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())

    def claim(self, device):
        self.lab.run("gangway-cloud", "claim", "--gateway", "lab", "-", input=device.label)
        self.lab.wait_for_state(device.id, "claimed")

    def test_claimed_before_it_was_unpacked(self):
        device = self.lab.new_device("FLEET-1")
        self.claim(device)
        self.assertEqual(self.lab.show("FLEET-1")["claimed_by"], "cloud")
        device.come_aboard()
        self.lab.settle()
        self.assertEqual([c["state"] for c in self.lab.commands("FLEET-1")], ["done"])

    def test_withdrawn(self):
        device = self.lab.new_device("FLEET-2")
        self.claim(device)
        self.lab.run("gangway-cloud", "withdraw", "--gateway", "lab", "FLEET-2")
        self.lab.wait_for_state("FLEET-2", "rejected")
        device.is_refused()

    def test_revoked(self):
        device = self.lab.new_device("FLEET-3")
        self.claim(device)
        device.come_aboard()
        self.lab.run("gangway-cloud", "revoke", "--reason", "stolen", "FLEET-3")
        self.lab.wait_for_state("FLEET-3", "revoked")
        device.is_sent_away()
        self.assertRegex(self.lab.refusal("claim", "-", input=device.label), "(?i)revoked")
        self.assertEqual([c["state"] for c in self.lab.certificates("FLEET-3")], ["revoked"])

    def test_told_while_the_gateway_was_away(self):
        device = self.lab.new_device("FLEET-4")
        self.lab.stop("gangway-mqtt")
        self.lab.run("gangway-cloud", "claim", "--gateway", "lab", "-", input=device.label)
        self.assertIsNone(self.lab.state("FLEET-4"))
        self.lab.start("gangway-mqtt")
        self.lab.wait_for_state("FLEET-4", "claimed")

    def test_live_elsewhere(self):
        """Two gateways of one cloud: the device may be aboard at one."""
        device = self.lab.new_device("FLEET-5")
        self.claim(device)
        device.come_aboard()
        self.lab.settle()
        refused = self.lab.run("gangway-cloud", "init", "--gateway", "second")
        self.assertEqual(refused.returncode, 0)
        said = self.lab.run("gangway-cloud", "claim", "--gateway", "second", "-", input=device.label,
                            check=False)
        self.assertEqual(said.returncode, 1)
        self.assertRegex(said.stderr, "(?i)aboard|elsewhere")
