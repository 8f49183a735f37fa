#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What gangway-cloud tells gateways, and how it goes on telling until it is answered."""
import concurrent.futures
import json
import signal
import time
import unittest

import cloud
import mqtt
from cloud import DEVICE, SECRET, Key, b64, base32, label

class Commands(cloud.Case):
    def claim(self, *options, payload=None, **how):
        return self.cloud.run("claim", self.cloud.folder, "--gateway", "gw-1", *options, "-",
                              stdin=payload or label(), **how)

    def test_a_claim_reaches_the_gateway(self):
        gateway = self.go()
        out = self.claim()
        self.assertNotIn("ACME-0001+S", out)
        self.assertEqual([c["state"] for c in self.cloud.commands()], ["waiting"])  # for a key to seal to

        gateway.status()
        command = gateway.command()
        self.assertEqual({k: command[k] for k in ("kind", "device", "tenant", "replace", "claim_expires",
                                                  "expires_at")},
                         {"kind": "claim", "device": DEVICE, "tenant": "default", "replace": False,
                          "claim_expires": 0, "expires_at": 0})
        self.assertEqual(gateway.open(command), SECRET)
        repeated = gateway.command()  # nobody has answered
        self.assertEqual((repeated["id"], repeated["seq"]), (command["id"], command["seq"]))
        self.assertNotEqual(repeated["secret_sealed"], command["secret_sealed"])
        self.assertEqual(gateway.open(repeated), SECRET)

        gateway.answer(command)
        key = Key(self.folder)
        answer = gateway.ask(self.enroll(key, claim=command["claim"]))
        _, serial = self.certificate(answer)
        gateway.ask(self.proved(serial, claim=command["claim"]))
        self.sync(gateway)
        self.assert_no_secret_on_disk()
        self.assertEqual([c["state"] for c in self.cloud.commands()], ["done"])

    def sync(self, gateway):
        """What was published before has been taken in, and its turn is over."""
        for _ in range(2):
            gateway.ask({"v": 1, "kind": "time", "id": self.job()})

    def assert_no_secret_on_disk(self):
        for path in self.cloud.folder.rglob("*"):
            if path.is_file():
                self.assertFalse(SECRET in path.read_bytes(), path)

    def test_the_secret_is_in_no_log_and_no_topic(self):
        observer = mqtt.Client(self.cloud.members, self.cloud.port, "observer")
        self.addCleanup(observer.close)
        observer.subscribe("gangway/v1/#")
        gateway = self.go()
        gateway.status()
        self.claim()
        seen = observer.expect("gangway/v1/gw-1/command").body
        for form in (SECRET, SECRET.hex().encode(), b64(SECRET).encode(), base32(SECRET).encode()):
            self.assertNotIn(form, seen)
            self.assertNotIn(form, self.cloud.log().encode())
        self.assertNotIn("secret", json.dumps(self.cloud.commands()))

    def test_a_claim_given_as_an_argument(self):
        gateway = self.go()
        gateway.status()
        self.cloud.run("claim", self.cloud.folder, "--gateway", "gw-1", "--replace", "--expires", "4000000000",
                       label().lower())
        command = gateway.command()
        self.assertEqual((command["replace"], command["claim_expires"], command["expires_at"]),
                         (True, 4000000000, 4000000000))

    def test_a_claim_that_is_refused_is_over(self):
        gateway = self.go()
        gateway.status()
        self.claim()
        gateway.answer(gateway.command(), "id-in-use")
        self.sync(gateway)
        self.assertEqual([(c["state"], c["reason"]) for c in self.cloud.commands()], [("refused", "id-in-use")])
        self.claim()  # and does not stand in the way of another

    def test_refusals_of_the_moment_are_made_good(self):
        gateway = self.go()
        gateway.status()
        self.claim()
        first = gateway.command()
        gateway.answer(first, "out-of-order")
        second = gateway.command(lambda c: c["id"] != first["id"])
        self.assertGreater(second["seq"], first["seq"])
        self.assertEqual(gateway.open(second), SECRET)
        gateway.answer(second)
        self.sync(gateway)
        self.assertEqual([c["state"] for c in self.cloud.commands()], ["done"])

    def test_claims_go_one_at_a_time_and_revocations_at_once(self):
        gateway = self.go()
        gateway.status()
        self.aboard(gateway, "ACME-0009", "c-9")
        self.claim()
        self.claim(payload=label("ACME-0002"))
        first = gateway.command()
        self.assertEqual(first["device"], DEVICE)
        self.cloud.run("revoke", self.cloud.folder, "ACME-0009", "--reason", "stolen")
        revoke = gateway.command(lambda c: c["kind"] == "revoke")
        self.assertEqual((revoke["device"], revoke["reason"]), ("ACME-0009", "stolen"))
        self.assertGreater(revoke["seq"], first["seq"])
        self.assertEqual([c["state"] for c in self.cloud.commands(device="ACME-0002")], ["waiting"])
        gateway.answer(first)
        second = gateway.command(lambda c: c["device"] == "ACME-0002")
        self.assertGreater(second["seq"], revoke["seq"])

    def test_a_gateway_that_is_away(self):
        gateway = self.go()
        gateway.status()
        gateway.status(online=False)
        self.sync(gateway)
        self.claim()
        command = gateway.command()  # once, for the broker to keep
        until = time.monotonic() + 3  # in which it would have been repeated
        while time.monotonic() < until:
            self.sync(gateway)
        self.assertEqual([p.topic for p in gateway.client.set_aside if p.topic.endswith("command")], [])
        gateway.status(online=True)
        again = gateway.command()
        self.assertEqual(again["id"], command["id"])

    def test_commands_survive_the_cloud(self):
        gateway = self.go()
        gateway.status()
        self.claim()
        command = gateway.command()
        self.assertEqual(self.cloud.stop(signal.SIGKILL), -signal.SIGKILL)
        self.cloud.serve()
        again = gateway.command()
        self.assertEqual((again["id"], again["seq"]), (command["id"], command["seq"]))

    def test_work_that_was_left_while_nobody_served(self):
        self.claim()
        gateway = self.go()
        gateway.status()
        self.assertEqual(gateway.open(gateway.command()), SECRET)

    def test_a_claim_that_expires_first(self):
        gateway = self.go()
        self.claim("--expires", "1000000000")
        gateway.status()
        self.sync(gateway)
        self.assertEqual([(c["state"], c["seq"]) for c in self.cloud.commands()], [("expired", 0)])
        self.assert_no_secret_on_disk()

    def test_withdraw(self):
        gateway = self.go()
        gateway.status()
        self.claim()
        claim = gateway.command()
        gateway.answer(claim)
        self.cloud.run("withdraw", self.cloud.folder, "--gateway", "gw-1", DEVICE)
        command = gateway.command(lambda c: c["kind"] == "withdraw")
        self.assertEqual(command["device"], DEVICE)
        gateway.answer(command)
        self.refused(gateway.ask(self.enroll(Key(self.folder), claim=claim["claim"])), "withdrawn")

    def test_withdraw_before_it_was_sent(self):
        gateway = self.go()
        self.claim()
        self.cloud.run("withdraw", self.cloud.folder, "--gateway", "gw-1", DEVICE)
        gateway.status()
        gateway.command(lambda c: c["kind"] == "withdraw")
        self.assertEqual([c["state"] for c in self.cloud.commands(kind="claim")], ["cancelled"])
        self.assert_no_secret_on_disk()

    def test_replace_before_it_was_sent(self):
        gateway = self.go()
        self.claim()
        other = bytes(range(100, 116))
        self.claim("--replace", payload=label(secret=other))
        self.assert_no_secret_on_disk()
        gateway.status()
        command = gateway.command()
        self.assertEqual((gateway.open(command), command["replace"]), (other, True))
        self.assertEqual([c["state"] for c in self.cloud.commands()], ["cancelled", "sent"])

    def test_revoke(self):
        one, two = self.go("gw-1", "gw-2")
        _, live = self.aboard(one)
        self.cloud.run("revoke", self.cloud.folder, DEVICE)
        self.assertEqual(self.states(), {live: "revoked"})  # whatever the gateway does
        one.status()
        command = one.command(lambda c: c["kind"] == "revoke")
        self.assertEqual(command["reason"], "revoked")
        one.answer(command)
        self.refused(one.ask(self.proved(live)), "revoked")
        self.sync(two)
        self.assertEqual([c["gateway"] for c in self.cloud.commands()], ["gw-1"])

    def test_a_list_is_one_command(self):
        one, two = self.go("gw-1", "gw-2")
        devices = ["L-1", "L-2", "L-3"]
        for device in devices:
            self.aboard(one, device, "c-" + device)
        self.aboard(two, "L-4", "c-L-4")
        self.cloud.run("suspend", self.cloud.folder, *devices, "L-4")
        one.status()
        two.status()
        command = one.command()
        self.assertEqual((command["kind"], command["devices"]), ("suspend", devices))
        self.assertNotIn("device", command)
        self.assertEqual(two.command()["device"], "L-4")  # one by itself, as ever
        one.answer(command)
        self.sync(one)
        self.assertEqual({c["state"] for c in self.cloud.commands(gateway="gw-1")}, {"done"})

    def test_a_refused_list_goes_one_by_one(self):
        gateway = self.go()
        devices = ["L-1", "L-2", "L-3"]
        for device in devices:
            self.aboard(gateway, device, "c-" + device)
        self.cloud.run("suspend", self.cloud.folder, *devices)
        gateway.status()
        listed = gateway.command()
        self.cloud.run("resume", self.cloud.folder, "L-3")  # takes the place of a suspension that is not done
        gateway.answer(listed, "not-possible")
        alone = {}
        while len(alone) < 3:
            command = gateway.command(lambda c: c["id"] != listed["id"] and c["id"] not in alone)
            alone[command["id"]] = command
            self.assertNotIn("devices", command)
            gateway.answer(command, "not-possible" if command["device"] == "L-1" else None)
        self.sync(gateway)
        self.assertEqual(sorted((c["device"], c["kind"], c["state"]) for c in self.cloud.commands()),
                         [("L-1", "suspend", "refused"), ("L-2", "suspend", "done"),
                          ("L-3", "resume", "done"), ("L-3", "suspend", "refused")])

    def test_a_revoked_device_does_not_slip_back(self):
        gateway = self.go()
        gateway.ask(self.enroll(Key(self.folder)))
        self.cloud.run("revoke", self.cloud.folder, DEVICE)
        self.refused(gateway.ask(self.enroll(Key(self.folder))), "revoked")

    def test_many_verbs_at_once(self):
        gateway = self.go()
        gateway.status()
        devices = [f"D-{i}" for i in range(24)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(self.claim, payload=label(device)) for device in devices]:
                done.result()
        while devices:
            command = gateway.command(lambda c: c["device"] in devices)  # or one that is repeated
            devices.remove(command["device"])
            gateway.answer(command)
        self.assertNotIn("error", self.cloud.log())

    def test_verbs_refuse(self):
        gateway = self.go("gw-1")
        self.claim()
        run = self.cloud.run
        folder = self.cloud.folder
        for status, why, arguments, stdin in (
                (1, "already-claimed", ("claim", folder, "--gateway", "gw-1", "-"), label()),
                (1, "already-claimed", ("claim", folder, "--gateway", "gw-2", "--replace", "-"), label()),
                (1, "not-found", ("claim", folder, "--gateway", "gw-9", "-"), label("B")),
                (1, "wrong-tenant", ("claim", folder, "--gateway", "gw-1", "--tenant", "x", "-"), label("B")),
                (1, "method-not-served", ("claim", folder, "--gateway", "gw-1", "-"),
                 label("B", bytes(range(32)), "F")),
                (1, "label-expired", ("claim", folder, "--gateway", "gw-1", "-"), label("B", more="+E20200101")),
                (1, "label on standard input", ("claim", folder, "--gateway", "gw-1", "-"), "GW1:nonsense"),
                (1, "not-found", ("revoke", folder, "NOBODY"), None),
                (1, "no such gateway", ("withdraw", folder, "--gateway", "gw-9", DEVICE), None),
                (1, "is no cloud's folder", ("list", self.folder), None),
                (2, "needs --gateway", ("claim", folder, "-"), label()),
                (2, "needs --gateway", ("withdraw", folder, DEVICE), None),
                (2, "behind DIR", ("claim", folder, "--gateway", "gw-1", "a", "b"), None),
                (2, "seconds since the epoch", ("claim", folder, "--gateway", "gw-1", "--expires", "soon", "-"),
                 label()),
                (2, "--reason", ("revoke", folder, "--reason", "Not A Code", DEVICE), None),
                (2, "cannot be a device", ("revoke", folder, "a/b"), None),
                (2, "no verb", ("sing", folder), None),
                (2, "name a verb", (), None),
                (2, "cannot be a gateway", ("init", folder, "--gateway", "provision"), None),
                (2, "cannot be a gateway", ("init", folder, "--gateway", "gangway-cloud"), None),
                (2, "cannot be a gateway", ("init", folder, "--gateway", "../x"), None),
                (2, "HOST:PORT", ("init", folder, "--broker", "a:b:c"), None),
                (2, "--lifetime", ("serve", folder, "--lifetime", "0"), None),
                (1, "another serve", ("serve", folder), None)):
            with self.subTest(arguments):
                self.assertIn(why, run(*arguments, code=status, stdin=stdin))
        self.aboard(gateway, "ACME-0007", "c-7")
        self.assertIn("already-aboard", self.claim(payload=label("ACME-0007"), code=1))
        self.assertIn("live-elsewhere", run("claim", folder, "--gateway", "gw-2", "-", stdin=label("ACME-0007"),
                                            code=1))
        self.claim("--replace", payload=label("ACME-0007"))

if __name__ == "__main__":
    unittest.main()
