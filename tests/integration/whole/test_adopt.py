# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices come with a good certificate to a gateway that does not know them: its store is lost, it has taken another's
place, or they went from one to the other. Gateways, broker and cloud are real ones."""
import json
import pathlib
import shutil
import unittest

import checker
import lab

EAGER = ("--set", "cloud.retry_first=1", "--set", "cloud.retry_max=2")
HERE, THERE = "lab", "lab-2"


class Case(unittest.TestCase):
    def setUp(self):
        self.lab = self.enterContext(lab.Lab(*EAGER))

    def cloud(self, *words, **more):
        return self.lab.run("gangway-cloud", *words, **more)

    def aboard(self, device_id):
        device = self.lab.new_device(device_id)
        self.lab.claim(device)
        device.come_aboard()
        return device

    def home(self, device_id):
        return [(c["gateway"], c["state"]) for c in self.lab.certificates(device_id)]

    def events(self, gateway, device):
        return [e["event"] for e in gateway.audit() if e["device"] == device.id]


def all_at_once(devices, *options):
    """Switches them on; returns exit status and output of each."""
    visits = [device.start(*options) for device in devices]
    return [(visit.communicate()[0], visit.returncode)[::-1] for visit in visits]


class Lost(Case):
    """One gateway, which forgets everybody."""

    def lose_the_store(self):
        self.lab.wait_for_rest()
        self.lab.stop("gangwayd")
        for path in pathlib.Path(self.lab.variables["GANGWAY_STATE"]).glob("gangway.db*"):
            path.unlink()
        self.lab.start("gangwayd")
        self.lab.wait_for_cloud("online")
        self.lab.wait_for_rest()

    def test_known_again(self):
        devices = [self.aboard(f"KNOWN-{n}") for n in range(2)]
        revoked = self.aboard("REVOKED-1")
        self.lab.wait_for_rest()
        self.cloud("revoke", revoked.id)
        self.lab.settle()
        self.lose_the_store()
        for status, output in all_at_once(devices):
            self.assertEqual(status, 0, output + self.lab.story())
        for device in devices:
            self.assertEqual(self.lab.state(device.id), "onboarded")
            self.assertEqual(self.home(device.id), [(HERE, "live")])
        # By the cloud's word, or by the list that it sends after such a loss: whichever is here first.
        revoked.knocks_until("it is turned away", lambda: any(
            (e["event"], e["device"]) == ("adopt-refused", revoked.id) or e["reason"] == "certificate-revoked"
            for e in self.lab.audit()))
        self.assertIsNone(self.lab.state(revoked.id))

        # They are as others from here on.
        status, output = devices[0].run("--renew")
        self.assertEqual(status, 0, output)
        self.lab.wait_for_rest()
        self.assertEqual([state for _, state in self.home(devices[0].id)], ["revoked", "live"])
        self.lab.ctl("revoke", devices[1].id)
        self.lab.wait_for_rest()
        self.assertEqual([state for _, state in self.home(devices[1].id)], ["revoked"])
        devices[1].is_sent_away()

    def test_while_the_cloud_is_away(self):
        device = self.aboard("AWAY-1")
        self.lose_the_store()
        self.lab.stop("gangway-cloud")
        visit = device.start()
        self.lab.wait_for("it is asked about", lambda: self.lab.status().get("jobs_waiting") == 1)
        self.assertEqual(self.lab.ctl_json("devices"), [])
        self.lab.kill("gangwayd")  # the question is on disk
        self.lab.start("gangwayd")
        self.lab.start("gangway-cloud")
        output = visit.communicate()[0]
        self.assertEqual(visit.returncode, 0, output + self.lab.story())
        self.assertIn("come again", output)
        self.assertEqual(self.lab.state(device.id), "onboarded")

    def test_another_fleet(self):
        """What another authority signed gets no further than the handshake: the cloud is asked nothing."""
        known = self.aboard("KNOWN-9")
        with lab.Lab() as foreign:
            device = foreign.new_device("FOREIGN-1")
            foreign.claim(device)
            device.come_aboard()
            shutil.copy(known.folder / "anchors.pem", device.folder)  # it is content with this gateway
            device.gateway = self.lab
            device.knocks_until("it is known for a stranger", lambda: "no signer" in self.lab.log("gangway-registrar"))
        self.assertEqual(self.events(self.lab, device), [])
        self.assertEqual(self.home(device.id), [])


class Moved(Case):
    """Two gateways at one broker and one cloud."""

    def setUp(self):
        super().setUp()
        self.other = self.enterContext(lab.Lab(*EAGER, "--beside", str(self.lab.folder), "--gateway", THERE))

    def everybody_settles(self):
        for gateway in (self.lab, self.other):
            gateway.settle()
        states = {g.variables["GANGWAY_ID"]: g.variables["GANGWAY_STATE"] for g in (self.lab, self.other)}
        self.assertEqual(checker.check_fleet(self.lab.variables["GANGWAY_CLOUD_DIR"], states), [])

    def is_at(self, device, gateway):
        """There, and by everybody's word nowhere else."""
        self.everybody_settles()
        here = gateway.variables["GANGWAY_ID"]
        self.assertEqual([c for c in self.home(device.id) if c[1] != "revoked"], [(here, "live")])
        for each in (self.lab, self.other):
            self.assertEqual(each.state(device.id) == "onboarded", each is gateway)

    def test_a_gateway_that_was_replaced(self):
        devices = [self.aboard(f"TAKEN-{n}") for n in range(3)]
        self.lab.wait_for_rest()
        self.lab.stop("gangwayd")
        self.cloud("replace-gateway", HERE, THERE)
        for device in devices:
            device.gateway = self.other
        for status, output in all_at_once(devices):
            self.assertEqual(status, 0, output + self.other.story())

        # It was not broken after all: it comes back, and hears that they went.
        self.lab.start("gangwayd")
        for device in devices:
            self.is_at(device, self.other)
            self.assertEqual(self.lab.show(device.id)["reason"], "moved")
            device.gateway = self.lab
        for status, output in all_at_once(devices, "--timeout", str(3 * lab.PATIENCE)):
            self.assertEqual(status, 1, output)
        for device in devices:
            self.is_at(device, self.other)

    def test_followed_or_not(self):
        device = self.aboard("ROAM-1")
        self.lab.wait_for_rest()
        device.gateway = self.other
        device.is_refused()
        self.assertIsNone(self.other.state(device.id))
        self.is_at(device, self.lab)

        self.cloud("roaming", "follow")
        self.other.restart("gangwayd")  # what was refused is not asked again at once
        self.other.wait_for_cloud("online")
        for gateway in (self.other, self.lab):
            device.gateway = gateway
            device.come_aboard()
            self.is_at(device, gateway)
        status, output = device.run("--renew")
        self.assertEqual(status, 0, output)
        self.is_at(device, self.lab)

        # It stays where it is: this gateway takes nobody back on its own.
        self.cloud("roaming", "refuse")
        device.gateway = self.other
        device.is_refused()
        self.assertEqual(self.other.state(device.id), "rejected")
        self.is_at(device, self.lab)

    def test_both_at_once(self):
        """Two boxes with one key, as when one was copied: one of them is aboard."""
        device = self.aboard("TWIN-1")
        self.lab.wait_for_rest()
        self.cloud("roaming", "follow")
        twin = lab.Device(self.other, device.label, self.other.folder / "twin")
        shutil.copytree(device.folder, twin.folder)
        for _ in range(2):
            visits = [box.start() for box in (device, twin)]
            for visit in visits:
                visit.communicate()
        self.everybody_settles()
        self.assertEqual([state for _, state in self.home(device.id)], ["live"])
        self.assertEqual([g.state(device.id) for g in (self.lab, self.other)].count("onboarded"), 1)


if __name__ == "__main__":
    unittest.main()
