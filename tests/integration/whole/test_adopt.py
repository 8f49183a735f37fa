# SPDX-License-Identifier: GPL-2.0-or-later
"""A gateway whose store is lost knows its devices again by asking the cloud; and devices that were elsewhere."""
import contextlib
import json
import pathlib
import sys
import unittest
import urllib.parse

import lab

sys.path.insert(0, str(lab.TOP / "tests" / "integration"))
import mqtt

EAGER = ("--set", "cloud.retry_first=1", "--set", "cloud.retry_max=2")
OTHER = "gw-other"


class Members:
    """Where mqtt.Client finds the other gateway's credentials."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def path(self, name):
        name, _, kind = name.rpartition(".")
        if name == "ca":
            return str(self.folder / "broker/ca.crt")
        return str(self.folder / "gateways" / name / ("cloud-cert" if kind == "crt" else "cloud-key"))


class Adopt(unittest.TestCase):
    def setUp(self):
        self.lab = self.enterContext(lab.Lab(*EAGER))
        self.jobs = 0

    def cloud(self, *words):
        return self.lab.run("gangway-cloud", *words)

    def aboard(self, device_id):
        device = self.lab.new_device(device_id)
        self.lab.claim(device)
        device.come_aboard()
        return device

    def lose_the_store(self):
        self.lab.wait_for_rest()
        self.lab.stop("gangwayd")
        for path in pathlib.Path(self.lab.variables["GANGWAY_STATE"]).glob("gangway.db*"):
            path.unlink()
        self.lab.start("gangwayd")
        self.lab.wait_for_cloud("online")
        self.lab.wait_for("the registrar has its certificate", lambda: self.lab.status().get("jobs_waiting") == 0)

    def home(self, device_id):
        return [(c["gateway"], c["state"]) for c in self.lab.certificates(device_id)]

    def goes_to_the_other(self, device_id):
        """The device knocks at a gateway that is played here; gives the kind of the answer."""
        certificate = self.lab.certificates(device_id)[-1]
        folder = self.lab.variables["GANGWAY_CLOUD_DIR"]
        port = urllib.parse.urlsplit(self.lab.variables["GANGWAY_BROKER"]).port
        self.jobs += 1
        with contextlib.closing(mqtt.Client(Members(folder), port, OTHER)) as client:
            client.subscribe(f"gangway/v1/{OTHER}/response")
            client.publish(f"gangway/v1/{OTHER}/request", json.dumps(
                {"v": 1, "kind": "adopt", "id": f"other-{self.jobs}", "device": device_id,
                 "serial": certificate["serial"], "key": certificate["key_sha256"]}))
            return json.loads(client.expect(f"gangway/v1/{OTHER}/response").body)["kind"]

    def test_a_store_that_is_lost(self):
        devices = [self.aboard(f"KNOWN-{n}") for n in range(3)]
        revoked = self.aboard("REVOKED-1")
        self.lab.wait_for_rest()
        self.cloud("revoke", revoked.id)
        self.lab.settle()
        self.lose_the_store()
        for device in devices:
            device.come_aboard()
            self.assertEqual(self.lab.state(device.id), "onboarded")
            self.assertEqual(self.home(device.id), [(self.lab.variables["GANGWAY_ID"], "live")])
        revoked.is_refused()
        self.assertIn("adopt-refused", [e["event"] for e in self.lab.audit() if e["device"] == revoked.id])

        # They are as others from here on.
        status, output = devices[0].run("--renew")
        self.assertEqual(status, 0, output)
        self.lab.wait_for_rest()
        self.assertEqual([state for _, state in self.home(devices[0].id)], ["revoked", "live"])
        self.lab.ctl("revoke", devices[1].id)
        self.lab.wait_for_rest()
        self.assertEqual([state for _, state in self.home(devices[1].id)], ["revoked"])
        devices[1].is_refused()

    def test_while_the_cloud_is_away(self):
        device = self.aboard("AWAY-1")
        self.lose_the_store()
        self.lab.stop("gangway-cloud")
        visit = device.start()
        self.lab.wait_for("it is asked about", lambda: self.lab.status().get("jobs_waiting") == 1)
        self.assertNotIn(device.id, [d["id"] for d in self.lab.ctl_json("devices")])
        self.lab.kill("gangwayd")  # the question is on disk
        self.lab.start("gangwayd")
        self.lab.start("gangway-cloud")
        output = visit.communicate()[0]
        self.assertEqual(visit.returncode, 0, output + self.lab.story())
        self.assertEqual(self.lab.state(device.id), "onboarded")

    def test_moved_and_back(self):
        device = self.aboard("ROAM-1")
        self.lab.wait_for_rest()
        here = self.lab.variables["GANGWAY_ID"]
        self.cloud("init", "--gateway", OTHER)
        self.assertEqual(self.goes_to_the_other(device.id), "refused")
        self.assertEqual(self.lab.state(device.id), "onboarded")

        self.cloud("roaming", "follow")
        self.assertEqual(self.goes_to_the_other(device.id), "issued")
        self.assertEqual(self.home(device.id), [(OTHER, "live")])
        self.lab.settle()
        self.assertEqual(self.lab.state(device.id), "rejected")
        self.assertEqual(self.lab.show(device.id)["reason"], "moved")

        # Back again, and known; nothing of it was ever live twice.
        device.come_aboard()
        self.assertEqual(self.lab.state(device.id), "onboarded")
        self.assertEqual(self.home(device.id), [(here, "live")])

        # The next time it is not let go, and this gateway does not take what is not its own.
        self.assertEqual(self.goes_to_the_other(device.id), "issued")
        self.lab.settle()
        self.cloud("roaming", "refuse")
        device.is_refused()
        self.assertEqual(self.lab.state(device.id), "rejected")
        self.assertEqual(self.home(device.id), [(OTHER, "live")])


if __name__ == "__main__":
    unittest.main()
