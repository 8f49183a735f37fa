# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices renew: with a new key and with the same, one of many, with the cloud away, too late, and not at all."""
import contextlib
import json
import os
import shutil
import unittest

import coap
import lab
import label

EAGER = ("--set", "cloud.retry_first=1", "--set", "cloud.retry_max=2")
LIFE_S = 3600
N_FLEET = 16
N_LARGE = 200


def serial_of(device):
    return device.gateway.run("openssl", "x509", "-noout", "-serial", "-in", device.folder / "credential.pem"
                              ).stdout.strip().partition("=")[2].lower()


def set_clocks(gateway, seconds):
    """The gateway is away while time passes: one that has heard the time believes no clock that jumps."""
    gateway.stop("gangwayd")
    for side in ("gateway", "cloud", "devices"):
        gateway.set_clock(side, f"+{seconds}")
    gateway.start("gangwayd")
    gateway.wait_for("the time is known", lambda: gateway.status().get("clock_trusted"))


class Aboard(lab.Shared):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab(*EAGER))

    def aboard(self, device_id):
        device = self.lab.new_device(device_id)
        self.lab.claim(device)
        device.come_aboard()
        return device

    def client(self, device_id):
        client = coap.claimed_client(self.lab, device_id)
        coap.come_aboard(client)
        return client

    def states(self, device_id):
        """In the order of issue, as the cloud has them once it has heard all."""
        self.lab.wait_for_rest()
        return [c["state"] for c in self.lab.certificates(device_id)]

    def keys(self, device_id):
        return [c["key_sha256"] for c in self.lab.certificates(device_id)]

    def renew(self, device, *options):
        status, output = device.run("--renew", *options)
        self.assertEqual(status, 0, output + self.lab.story())
        return output


class Renew(Aboard):
    def test_new_key_and_same_key(self):
        device = self.aboard("RENEW-1")
        first = shutil.copytree(device.folder, str(device.folder) + "-first")
        self.renew(device)
        self.assertEqual(self.states("RENEW-1"), ["revoked", "live"])
        old, new = self.keys("RENEW-1")
        self.assertNotEqual(old, new)

        self.renew(device, "--same-key")
        self.assertEqual(self.states("RENEW-1"), ["revoked", "revoked", "live"])
        self.assertEqual(self.keys("RENEW-1"), [old, new, new])
        self.assertEqual(self.lab.state("RENEW-1"), "onboarded")
        self.assertEqual(self.lab.certificates("RENEW-1")[-1]["serial"], serial_of(device))

        # Who has kept the first one gets nothing by it.
        thief = lab.Device(self.lab, device.label, first)
        self.assertIn("ended", thief.is_sent_away())
        device.come_aboard()
        self.assertEqual([e["event"] for e in self.lab.audit() if e["device"] == "RENEW-1" and
                          e["event"] in ("csr", "issued", "proved")], ["csr", "issued", "proved"] * 3)

    def test_in_the_words_of_others(self):
        client = self.client("OTHER-1")
        client.openssl("ecparam", "-genkey", "-noout", "-name", "prime256v1", "-out", client.file("next.pem"))
        client.openssl("req", "-new", "-key", client.file("next.pem"), "-subj", "/CN=OTHER-1", "-outform", "der",
                       "-out", client.file("csr.der"))
        answer = client.renew(client.file("csr.der").read_bytes())
        self.assertTrue(answer.payload, answer.said)
        client.keep_certificate(answer, "renewed.pem")

        # The old one stays good until the new one is proved, and no longer.
        self.assertIn(b"OTHER-1", client.ask_with_certificate("get", "gangway/config").payload)
        self.assertEqual(self.states("OTHER-1"), ["live", "candidate"])
        for old, new in (("key.pem", "next.pem"), ("certificate.pem", "renewed.pem")):
            shutil.move(client.file(old), client.file(f"old-{old}"))
            shutil.move(client.file(new), client.file(old))
        settings = json.loads(client.ask_with_certificate("get", "gangway/config").payload)
        self.assertGreater(settings["renew_at"], 0)
        self.assertEqual(self.states("OTHER-1"), ["revoked", "live"])
        for name in ("key.pem", "certificate.pem"):
            shutil.move(client.file(f"old-{name}"), client.file(name))
        self.assertFalse(client.ask_with_certificate("get", "gangway/config").payload)

    def test_a_fourth_key_is_one_too_many(self):
        client = self.client("KEYS-1")
        for n in range(4):
            client.openssl("ecparam", "-genkey", "-noout", "-name", "prime256v1", "-out", client.file(f"{n}.pem"))
            client.openssl("req", "-new", "-key", client.file(f"{n}.pem"), "-subj", "/CN=KEYS-1", "-outform", "der",
                           "-out", client.file("csr.der"))
            answer = client.renew(client.file("csr.der").read_bytes())
            self.assertEqual(bool(answer.payload), n < 3, answer.said)
        self.assertIn("too-many-keys", answer.said)
        self.assertEqual(self.states("KEYS-1"), ["live", "revoked", "revoked", "candidate"])
        self.assertIn(b"KEYS-1", client.ask_with_certificate("get", "gangway/config").payload)

    def test_only_by_the_certificate(self):
        client = self.client("DOOR-1")
        request = client.request()
        client.file("csr.der").write_bytes(request)
        refused = client.ask_with_certificate("post", "est/sen", "-t", "286", "-f", client.file("csr.der"))
        self.assertIn("not-possible", refused.said)
        refused = client.renew(client.request(name="DOOR-2"))
        self.assertIn("wrong-name", refused.said)
        self.assertEqual(self.states("DOOR-1"), ["live"])

    def test_with_the_cloud_away(self):
        client = self.client("AWAY-1")
        self.lab.stop("gangway-cloud")
        request = client.request()
        self.lab.stop("mosquitto")
        self.lab.wait_for_cloud("offline")
        said = [client.renew(request).said for _ in range(2)]
        self.assertTrue(all("5.03" in line for line in said), said)
        self.lab.start("mosquitto")
        self.lab.start("gangway-cloud")
        self.assertEqual(self.states("AWAY-1"), ["live", "candidate"])
        answer = client.renew(request)
        client.keep_certificate(answer)
        self.assertIn(b"AWAY-1", client.ask_with_certificate("get", "gangway/config").payload)
        self.assertEqual(self.states("AWAY-1"), ["revoked", "live"])

    def test_early_since_somebody_wants_it(self):
        client = self.client("EARLY-1")
        regular = json.loads(client.ask_with_certificate("get", "gangway/config").payload)["renew_at"]
        self.assertEqual(self.lab.show("EARLY-1")["renew_at"], regular)
        self.lab.ctl("renew", "EARLY-1")
        asked = json.loads(client.ask_with_certificate("get", "gangway/config").payload)["renew_at"]
        self.assertLess(asked, regular - 86400)
        self.assertEqual(self.lab.show("EARLY-1")["renew_at"], asked)
        self.assertIn("not-found", self.lab.refusal("renew", "NOBODY-1"))
        self.assertIn("not-possible", self.lab.refusal("approve", "EARLY-1"))
        self.assertIn("not-possible", self.lab.refusal("reject", "EARLY-1"))


class NeverProved(unittest.TestCase):
    @contextlib.contextmanager
    def soon(self, gateway):
        """What is unproved now is given up; what comes later has time."""
        drop_in = gateway.folder / "run" / "gangway.conf.d" / "soon.conf"
        drop_in.parent.mkdir()
        drop_in.write_text("[policy]\nprove_within = 1\n")
        gateway.ctl("config", "reload")
        yield
        drop_in.unlink()
        gateway.ctl("config", "reload")

    def test_the_old_one_stays(self):
        with lab.Lab(*EAGER) as gateway:
            device = gateway.new_device("LOST-1")
            gateway.claim(device)
            device.come_aboard()
            status, _ = device.run("--renew", die_at="device.certificate:after")
            self.assertEqual(status, -9)

            def states():
                return [c["state"] for c in gateway.certificates("LOST-1")]

            with self.soon(gateway):
                gateway.wait_for("the candidate is given up", lambda: states() == ["live", "revoked"])
            self.assertEqual(gateway.show("LOST-1")["state"], "onboarded")
            self.assertEqual(gateway.show("LOST-1")["reason"], "not-proved")

            # The device finds out by itself, and renews anew; by the same key, too.
            self.assertIn("still good", device.come_aboard())
            self.assertFalse((device.folder / "candidate.pem").exists())
            status, output = device.run("--renew", "--same-key")
            self.assertEqual(status, 0, output + gateway.story())
            gateway.wait_for_rest()
            self.assertEqual(states(), ["revoked", "revoked", "live"])
            self.assertEqual(gateway.show("LOST-1")["reason"], "")

    def test_a_first_one(self):
        """The claim is open once more, and the label gets another one for the same key."""
        with lab.Lab(*EAGER) as gateway:
            device = gateway.new_device("FIRST-1")
            gateway.claim(device)
            self.assertEqual(device.run(die_at="device.certificate:after")[0], -9)
            with self.soon(gateway):
                gateway.wait_for_state("FIRST-1", "claimed")
            device.come_aboard()
            gateway.wait_for_rest()
            listed = gateway.certificates("FIRST-1")
            self.assertEqual([c["state"] for c in listed], ["revoked", "live"])
            self.assertEqual(len({c["key_sha256"] for c in listed}), 1)


class Superseded(Aboard):
    """A device is set back to a renewal that another key has overtaken meanwhile."""

    def test_the_old_one_stays(self):
        device = self.aboard("BACK-1")
        self.assertEqual(device.run("--renew", die_at="device.certificate:after")[0], -9)
        before = device.folder.with_name("BACK-1.before")
        shutil.copytree(device.folder, before)
        self.assertEqual(device.run("--renew", "--fresh-key", die_at="device.certificate:after")[0], -9)
        self.assertEqual(self.states("BACK-1"), ["live", "revoked", "candidate"])

        back = lab.Device(self.lab, device.label, before)
        self.assertEqual(back.run("--renew", die_at="device.dropped:before")[0], -9)
        self.assertEqual(back.run("--renew", die_at="device.dropped:after")[0], -9)
        self.assertEqual(serial_of(back), serial_of(device))
        self.renew(back)
        self.assertEqual(self.states("BACK-1"), ["revoked", "revoked", "revoked", "live"])
        self.assertEqual(len(set(self.keys("BACK-1"))), 4)
        self.assertEqual(serial_of(back), self.lab.certificates("BACK-1")[-1]["serial"])

        # What it was before the renewals is out: neither of the two that lie there is taken, and both stay there.
        self.assertIn("the one before it", device.run("--renew")[1])
        self.assertTrue((device.folder / "candidate.pem").exists())


class Roll(unittest.TestCase):
    """The authorities of devices and registrars are replaced under a fleet that is aboard."""

    def issuers(self, path):
        told = self.lab.run("openssl", "crl2pkcs7", "-nocrl", "-certfile", path).stdout
        printed = self.lab.run("openssl", "pkcs7", "-print_certs", "-noout", input=told).stdout
        return sorted(line.rpartition(" ")[2] for line in printed.splitlines() if line.startswith("issuer"))

    def roll(self, *words):
        done = self.lab.run("gangway-cloud", "roll", *words, check=False)
        return done.returncode, done.stdout + done.stderr

    def served(self, client):
        """By whom: the issuer of the registrar's certificate."""
        host = self.lab.coaps.removeprefix("coaps://")
        told = self.lab.run("openssl", "s_client", "-dtls1_2", "-connect", host, "-cert", client.file("certificate.pem"),
                            "-key", client.file("key.pem"), input="", check=False).stdout
        return next((line.rpartition(" ")[2] for line in told.splitlines() if line.startswith("issuer=")), None)

    def wait_for_anchors(self, client, n):
        def told():
            client.keep_certificate(client.ask_with_certificate("get", "est/crts"), "told.pem")
            return len(self.issuers(client.file("told.pem"))) == n
        self.lab.wait_for(f"the gateway has {n} anchors", told)

    def test_one_after_the_other(self):
        old, new = ["device-ca", "registrar-ca"], ["device-ca-2", "registrar-ca-2"]
        self.lab = self.enterContext(lab.Lab(*EAGER))
        device = self.lab.new_device("ROLL-1")
        self.lab.claim(device)
        device.come_aboard()
        lazy = coap.claimed_client(self.lab, "ROLL-2")
        coap.come_aboard(lazy)
        self.lab.settle()
        self.assertEqual(self.issuers(device.folder / "anchors.pem"), old)

        self.assertEqual(self.roll("switch")[0], 1)
        self.assertEqual(self.roll("begin")[0], 0)
        self.assertEqual(self.roll("begin")[0], 0, self.roll("begin"))  # again is no harm
        self.wait_for_anchors(lazy, 4)
        self.assertEqual(self.served(lazy), "registrar-ca")
        self.assertEqual(device.run("--renew")[0], 0)
        self.assertEqual(self.issuers(device.folder / "anchors.pem"), sorted(old + new))
        self.assertEqual(self.issuers(device.folder / "credential.pem"), ["device-ca"])

        self.assertIn("not renewed yet: 1;", self.roll("switch")[1])  # it would not know the gateway any more
        self.assertEqual(self.roll("switch", "--force")[0], 0)
        self.lab.wait_for("the registrar's certificate is of the new one",
                          lambda: self.served(lazy) == "registrar-ca-2")
        device.come_aboard()
        self.assertEqual(device.run("--renew")[0], 0)
        self.assertEqual(self.issuers(device.folder / "credential.pem"), ["device-ca-2"])
        self.assertIn("not renewed yet: 1;", self.roll("end")[1])
        self.lab.run("openssl", "verify", "-CAfile", self.lab.variables["GANGWAY_CA"], device.folder / "credential.pem")

        self.assertEqual(self.roll("end", "--force")[0], 0)
        cloud = self.lab.folder / "run" / "cloud"
        self.lab.wait_for("the last ones are gone", lambda: not (cloud / "device-ca.key").exists())
        self.lab.settle()
        self.lab.wait_for("who has not renewed is let in no more",
                          lambda: not lazy.ask_with_certificate("get", "gangway/config").payload)
        self.assertIn("trusted no more", self.lab.show("ROLL-2")["next"])
        self.assertIn("1 device(s) are of an authority", self.lab.ctl("doctor", check=False).stdout)
        self.assertEqual(device.run("--renew")[0], 0)
        self.assertNotIn("trusted no more", self.lab.show("ROLL-1")["next"])
        self.assertEqual(self.issuers(device.folder / "anchors.pem"), new)
        self.lab.run("openssl", "verify", "-CAfile", self.lab.variables["GANGWAY_CA"], device.folder / "credential.pem")

        # Whoever starts again, or is set up again, goes on with the new ones.
        self.lab.run("gangway-cloud", "init", cloud, "--gateway", "lab")
        self.lab.restart("gangway-cloud")
        self.lab.restart("gangway-registrar")
        self.lab.wait_for_cloud("online")
        late = self.lab.new_device("ROLL-3")
        self.lab.claim(late)
        late.come_aboard()
        device.come_aboard()
        self.assertEqual(self.issuers(late.folder / "anchors.pem"), new)
        self.assertFalse((cloud / "device-ca.key").exists())
        self.assertEqual(self.roll("begin")[0], 0)  # and so on


class Fleet(unittest.TestCase):
    def come(self, gateway, labels, *options):
        result = gateway.run(*gateway.among_devices, "gangway-device", "--label", "-", "--load", str(len(labels)),
                             "--in-flight", "16", "--json", "--connect", gateway.coaps, "--state",
                             gateway.folder / "many", *options, input="\n".join(labels), check=False)
        self.assertTrue(result.stdout, result.stderr)
        told = json.loads(result.stdout)
        self.assertEqual((result.returncode, told["aboard"]), (0, len(labels)), result.stdout + gateway.story())

    def renew_at(self, gateway, labels):
        """What each device was told, by its id."""
        told = {}
        for text in labels:
            device_id = text.partition(":I")[2].partition("+")[0]
            path = gateway.folder / "many" / f"{device_id}.device" / "settings.json"
            told[device_id] = json.loads(path.read_text())["renew_at"]
        return told

    def lifetimes(self, n, n_lives):
        """Clocks go on by half a life at a time; who is to renew before the next time does; all are aboard throughout."""
        with lab.Lab(*EAGER, "--clocks", "--lifetime", str(LIFE_S)) as gateway:
            labels = [label.make(f"FLEET-{i}", os.urandom(16)) for i in range(n)]
            gateway.ctl("claim", "--list", "-", input="\n".join(labels))
            self.come(gateway, labels)
            n_renewed = 0
            for half in range(1, 2 * n_lives + 1):
                set_clocks(gateway, half * LIFE_S // 2)
                now = int(gateway.run(*gateway.among_devices, "date", "+%s").stdout)
                told = self.renew_at(gateway, labels)
                due = [text for text in labels
                       if told[text.partition(":I")[2].partition("+")[0]] < now + LIFE_S // 2]
                if due:
                    self.come(gateway, due, "--renew")
                n_renewed += len(due)
                self.come(gateway, labels)  # no gap: everybody is served
            gateway.wait_for_rest()
            live = [c["device"] for c in gateway.certificates() if c["state"] == "live"]
            self.assertEqual(sorted(live), sorted(told))
            self.assertGreaterEqual(n_renewed, n_lives * n)
            self.assertEqual({state: m for state, m in gateway.status()["counts"].items() if m}, {"onboarded": n})

    def test_three_lifetimes(self):
        self.lifetimes(N_LARGE if os.environ.get("GANGWAY_FULL") else N_FLEET, 3)


class Expired(unittest.TestCase):
    """All clocks are set behind the end of what a device holds."""

    def gateway(self, *options):
        gateway = self.enterContext(lab.Lab(*EAGER, "--clocks", "--lifetime", str(LIFE_S), *options))
        device = gateway.new_device("LATE-1")
        gateway.claim(device)
        device.come_aboard()
        gateway.settle()
        set_clocks(gateway, LIFE_S + 60)
        return gateway, device

    def test_refused(self):
        gateway, device = self.gateway()
        self.assertIn("ended", device.is_sent_away())
        self.assertEqual(gateway.show("LATE-1")["reason"], "certificate-expired")
        self.assertEqual(gateway.show("LATE-1")["state"], "onboarded")
        device.label = gateway.new_label("LATE-1")
        self.assertIn("already-aboard", gateway.refusal("claim", "-", input=device.label))
        gateway.ctl("claim", "--replace", "-", input=device.label)

    def test_with_grace(self):
        gateway, device = self.gateway("--set", "devices.expired=grace", "--set", "devices.grace_days=1")
        renewing = device.start("--renew")
        gateway.wait_for("somebody is asked", lambda: gateway.show("LATE-1")["reason"] == "needs-approval")
        shown = gateway.show("LATE-1")
        self.assertEqual(shown["state"], "onboarded")
        self.assertGreater(shown["since"], shown["not_after"])
        self.assertEqual(shown["next_at"], shown["not_after"] + 86400)  # the end of the grace
        self.assertRegex(gateway.ctl("show", "LATE-1").stdout, r"(?m)^to do +gangwayctl approve")
        self.assertIn("1 device(s) ask to renew", gateway.ctl("doctor", check=False).stdout)
        renewing.kill()
        renewing.communicate()
        gateway.ctl("reject", "LATE-1")
        self.assertIn("not-approved", device.is_sent_away("--renew"))
        gateway.ctl("approve", "LATE-1")
        status, output = device.run("--renew")
        self.assertEqual(status, 0, output + gateway.story())
        gateway.wait_for_rest()
        self.assertEqual([c["state"] for c in gateway.certificates("LATE-1")], ["revoked", "live"])
        self.assertEqual(gateway.show("LATE-1")["reason"], "")

        set_clocks(gateway, 2 * LIFE_S + 3 * 86400)
        self.assertIn("ended", device.is_sent_away("--renew"))  # the grace is over

    def test_with_a_new_claim(self):
        gateway, device = self.gateway("--set", "devices.expired=claim")
        self.assertIn("ended", device.is_sent_away())
        self.assertEqual(gateway.show("LATE-1")["reason"], "claim-again")
        again = gateway.new_device("LATE-1")
        gateway.claim(again)
        again.come_aboard()
        gateway.wait_for_rest()
        self.assertEqual([c["state"] for c in gateway.certificates("LATE-1")], ["revoked", "live"])
