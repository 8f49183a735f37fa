# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices that are decommissioned: told, confirmed or never back; gone from the store; killed at every step; with the
cloud there and away; and other people's."""
import hashlib
import json
import pathlib
import unittest

import coap
import lab

STORE = ("gangway.db", "gangway.db-wal", "gangway.db-shm")
NOTICE_DAYS = 90  # the default


class Leave(lab.Shared):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab("--set", "cloud.retry_first=1", "--set", "cloud.retry_max=2"))

    def aboard(self, device_id):
        device = self.lab.new_device(device_id)
        self.lab.claim(device)
        device.come_aboard()
        return device

    def expect(self, device_id, reason):
        shown = self.lab.show(device_id)
        self.assertEqual((shown["state"], shown["reason"]), ("decommissioned", reason))

    def events(self, device_id):
        return [e["event"] for e in self.lab.audit() if e["device"] == device_id]

    def bytes_on_disk(self):
        folder = pathlib.Path(self.lab.variables["GANGWAY_STATE"])
        return b"".join((folder / name).read_bytes() for name in STORE if (folder / name).exists())

    def test_told_and_confirmed(self):
        device = self.aboard("GONE-1")
        self.lab.ctl("decommission", device.id)
        self.expect(device.id, "not-told")
        shown = self.lab.show(device.id)
        self.assertEqual(shown["next_at"], shown["since"] + NOTICE_DAYS * 86400)
        self.assertIn("decommissioned", device.is_sent_away())
        self.assertEqual([p.name for p in device.folder.iterdir()], [])
        self.expect(device.id, "wiped")
        self.assertEqual((self.lab.show(device.id)["next"], self.lab.show(device.id)["next_at"]), ("", 0))
        self.lab.wait_for_rest()
        events = self.events(device.id)[-4:]
        self.assertEqual(events[0], "decommission")
        self.assertEqual([e for e in events if e.startswith("device-")], ["device-told", "device-wiped"])
        self.assertIn("cloud-acknowledged", events)
        self.assertEqual([c["state"] for c in self.lab.certificates(device.id)], ["revoked"])
        device.is_refused()  # it has nothing to come with but its label, which nobody has claimed

        self.lab.claim(device)  # and so it begins again
        device.come_aboard()
        self.assertEqual(sorted(c["state"] for c in self.lab.certificates(device.id)), ["live", "revoked"])

    def test_told_as_it_renews(self):
        device = self.aboard("GONE-2")
        self.lab.ctl("decommission", device.id)
        self.assertIn("decommissioned", device.is_sent_away("--renew"))
        self.expect(device.id, "wiped")
        self.assertEqual(list(device.folder.iterdir()), [])

    def test_nothing_stays_in_the_store(self):
        client = coap.claimed_client(self.lab, "BYTES-1")
        coap.come_aboard(client)
        client.openssl("x509", "-in", client.file("certificate.pem"), "-outform", "der", "-out", client.file("der"))
        client.openssl("ec", "-in", client.file("key.pem"), "-pubout", "-outform", "der", "-out", client.file("spki"))
        certificate = client.file("der").read_bytes()
        wanted = {"certificate": certificate[-64:], "its name": b"BYTES-1",
                  "key's hash": hashlib.sha256(client.file("spki").read_bytes()).digest(),
                  "fingerprint": hashlib.sha256(certificate).digest()}
        before = self.bytes_on_disk()
        self.assertEqual([name for name, what in wanted.items() if what not in before], [])
        address = self.lab.show(client.id)["address"].encode()
        self.assertIn(address, before)

        self.lab.ctl("decommission", client.id)
        after = self.bytes_on_disk()
        self.assertEqual([name for name, what in wanted.items() if what in after], ["its name", "fingerprint"])
        self.assertNotIn(address, after)

        self.assertEqual(json.loads(client.ask_with_certificate("get", "gangway/config").payload),
                         {"version": 1, "decommissioned": True})
        self.expect(client.id, "told")
        client.ask_with_certificate("post", "gangway/wiped")
        self.lab.wait_for("it has confirmed", lambda: self.lab.show(client.id)["reason"] == "wiped")
        after = self.bytes_on_disk()
        self.assertEqual([name for name, what in wanted.items() if what in after], ["its name"])
        self.assertNotIn(address, after)

    def test_whatever_it_asks_for(self):
        """Nothing but the notice is served, to other people's devices too."""
        client = coap.claimed_client(self.lab, "OTHERS-1")
        coap.come_aboard(client)
        self.lab.ctl("decommission", client.id)
        csr = client.file("again.der")
        csr.write_bytes(client.request())
        for method, path, *options in (("get", "est/crts"), ("get", "core"), ("get", "nothing/here"),
                                       ("post", "est/sren", "-t", "286", "-f", csr),
                                       ("post", "brski/es", "-t", "50", "-e", '{"version":1,"status":true}')):
            answer = client.ask_with_certificate(method, path, *options)
            self.assertRegex(answer.said + answer.payload.decode(errors="replace"), "4.03.*decommissioned", path)
        self.expect(client.id, "told")
        self.assertNotIn("device-reports-success", self.events(client.id)[self.events(client.id).index("decommission"):])

    def test_with_the_cloud_away(self):
        device = self.aboard("ALONE-1")
        self.lab.settle()
        self.lab.stop("mosquitto")
        self.lab.wait_for_cloud("offline")
        self.lab.ctl("decommission", device.id)
        device.is_sent_away()
        self.expect(device.id, "wiped")
        self.lab.kill("gangwayd")
        self.lab.start("gangwayd")
        self.assertEqual([(j["kind"], j["device"]) for j in self.lab.ctl_json("jobs")], [("decommissioned", device.id)])
        self.assertNotIn("cloud-acknowledged", self.events(device.id))
        self.lab.start("mosquitto")
        self.lab.settle()
        self.assertEqual(self.events(device.id).count("cloud-acknowledged"), 1)
        self.assertEqual([c["state"] for c in self.lab.certificates(device.id)], ["revoked"])

    def test_claimed_anew_before_the_cloud_knows(self):
        """What the gateway has to tell is of the time before: it must not cost the claim that the fleet made since."""
        device = self.aboard("AGAIN-1")
        self.lab.stop("gangway-cloud")
        self.addCleanup(self.lab.start, "gangway-cloud")
        self.lab.ctl("decommission", device.id)
        device.is_refused()
        self.expect(device.id, "wiped")
        self.lab.run("gangway-cloud", "decommission", device.id)
        self.lab.run("gangway-cloud", "claim", "--gateway", self.lab.variables["GANGWAY_ID"], "-", input=device.label)
        self.lab.start("gangway-cloud")
        self.lab.settle()
        self.assertEqual([(c["kind"], c["state"]) for c in self.lab.commands(device.id)],
                         [("decommission", "done"), ("claim", "done")])
        device.come_aboard()
        self.lab.settle()
        self.assertEqual(sorted(c["state"] for c in self.lab.certificates(device.id)), ["live", "revoked"])

    def test_by_command(self):
        devices = [self.aboard(f"FLEET-{i}") for i in range(2)]
        self.lab.ctl("revoke", devices[1].id)
        self.lab.settle()
        self.lab.run("gangway-cloud", "decommission", *(d.id for d in devices))
        self.lab.settle()
        self.expect(devices[0].id, "not-told")
        self.expect(devices[1].id, "decommissioned")  # what was revoked is not let in for anything
        self.assertTrue(all(c["state"] == "done" for d in devices for c in self.lab.commands(d.id)))
        devices[0].is_sent_away()
        self.expect(devices[0].id, "wiped")
        devices[1].is_sent_away()
        self.assertTrue((devices[1].folder / "credential.pem").exists())

    def test_the_device_dies(self):
        """Before it has wiped itself it is told again; behind that it is not heard of again."""
        device = self.aboard("DIES-1")
        self.lab.ctl("decommission", device.id)
        self.assertEqual(device.run(die_at="device.wiped:before")[0], -9)
        self.expect(device.id, "told")
        device.is_sent_away()
        self.expect(device.id, "wiped")
        device = self.aboard("DIES-2")
        self.lab.ctl("decommission", device.id)
        self.assertEqual(device.run(die_at="device.wiped:after")[0], -9)
        self.assertEqual(list(device.folder.iterdir()), [])
        self.expect(device.id, "told")


class Reset(unittest.TestCase):
    """The gateway forgets its devices."""

    def setUp(self):
        self.lab = self.enterContext(lab.Lab("--set", "cloud.retry_first=1", "--set", "cloud.retry_max=2"))
        self.devices = [self.lab.new_device(f"RESET-{i}") for i in range(3)]
        for device in self.devices:
            self.lab.claim(device)
        for device in self.devices[:2]:
            device.come_aboard()
        self.lab.wait_for_rest()

    def expect_forgotten(self):
        self.assertEqual(self.lab.ctl_json("devices"), [])
        for device in self.devices:
            device.is_refused()

    def test_with_the_cloud(self):
        result = self.lab.ctl("factory-reset", check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("--yes", result.stderr)
        self.assertEqual(len(self.lab.ctl_json("devices")), 3)

        said = self.lab.ctl_json("factory-reset", "--yes")
        self.assertEqual(said, {"devices": 3, "untold": [], "credential_kept": False})
        self.expect_forgotten()
        self.assertEqual({c["state"] for c in self.lab.certificates()}, {"revoked"})
        self.assertIn("factory-reset", [e["event"] for e in self.lab.audit()])
        self.assertTrue(json.loads(self.lab.ctl("--json", "audit", "verify").stdout)["ok"])
        fresh = self.lab.new_device("RESET-9")  # it begins again
        self.lab.claim(fresh)
        fresh.come_aboard()

    def test_without_the_cloud(self):
        self.lab.stop("mosquitto")
        self.lab.wait_for_cloud("offline")
        said = self.lab.ctl_json("factory-reset", "--yes", "--wait", "0")
        self.assertEqual((said["devices"], sorted(said["untold"])), (3, [d.id for d in self.devices]))
        self.expect_forgotten()
        self.lab.kill("gangwayd")
        self.lab.start("gangwayd")
        self.lab.start("mosquitto")
        self.lab.settle()
        self.assertEqual({c["state"] for c in self.lab.certificates()}, {"revoked"})

    def test_death(self):
        for moment, forgotten in (("before", False), ("after", True)):
            self.lab.restart("gangwayd", die_at=f"agent.reset:{moment}")
            self.lab.ctl("factory-reset", "--yes", check=False)
            lab.wait_for("the agent has died", lambda: not self.lab.is_alive("gangwayd"))
            self.lab.start("gangwayd")
            self.assertEqual(len(self.lab.ctl_json("devices")), 0 if forgotten else 3)
        self.lab.settle()
        self.assertEqual({c["state"] for c in self.lab.certificates()}, {"revoked"})
        self.expect_forgotten()
