#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices that come with their certificate to a gateway that does not know them: what gangway-cloud says."""
import contextlib
import signal
import sqlite3
import unittest

import cloud
from cloud import DEVICE, Key

OPEN = "waiting", "sent"  # of a command that nobody has answered


class Adopt(cloud.Case):
    def row(self, device=DEVICE):
        """The only certificate that is good, and where."""
        good = [r for r in self.cloud.certificates(device=device) if r["state"] != "revoked"]
        self.assertEqual(len(good), 1, good)
        self.assertEqual(good[0]["state"], "live")
        return good[0]["serial"], good[0]["gateway"]

    def granted(self, answer, serial):
        self.assertEqual(self.certificate(answer)[1], serial)
        self.assertEqual((answer["tenant"], answer["claim"]), ("default", "c-1"))

    def sync(self, gateway):
        """Whatever was made before this has been dealt with."""
        gateway.ask({"v": 1, "kind": "time", "id": self.job()})

    def test_its_own_store_is_a_new_one(self):
        gateway = self.go()
        key, serial = self.aboard(gateway)
        self.granted(gateway.ask(self.adopt(key, serial)), serial)
        self.assertEqual(self.row(), (serial, "gw-1"))
        self.assertEqual(self.cloud.commands(), [])

    def test_a_candidate_is_proved_by_it(self):
        gateway = self.go()
        key = Key(self.folder)
        _, serial = self.certificate(gateway.ask(self.enroll(key)))
        self.granted(gateway.ask(self.adopt(key, serial)), serial)
        self.assertEqual(self.row(), (serial, "gw-1"))
        self.refused(gateway.ask(self.enroll(Key(self.folder))), "claim-used")

    def test_refused_where_it_is_not_at_home(self):
        one, two = self.go("gw-1", "gw-2")
        key, serial = self.aboard(one)
        text = self.refused(two.ask(self.adopt(key, serial)), "live-elsewhere")
        self.assertEqual(text, f"{DEVICE} is aboard at gw-1.")
        self.assertEqual(self.row(), (serial, "gw-1"))
        self.assertEqual(self.cloud.commands(), [])

    def test_a_replaced_gateway(self):
        one, two = self.go("gw-1", "gw-2")
        devices = {f"D-{i}": self.aboard(one, f"D-{i}", f"c-{i}") for i in range(3)}
        self.assertIn("takes the place", self.cloud.run("replace-gateway", self.cloud.folder, "gw-1", "gw-2"))
        for device, (key, serial) in devices.items():
            self.assertEqual(two.ask(self.adopt(key, serial, device))["kind"], "issued")
            self.assertEqual(self.row(device), (serial, "gw-2"))
        self.assertEqual({(c["kind"], c["gateway"], c["device"]) for c in self.cloud.commands()},
                         {("moved", "gw-1", d) for d in devices})
        one.status()
        told = set()
        while told != set(devices):  # in one command, unless it took them long to come
            command = one.command()
            self.assertEqual(command["kind"], "moved")
            told |= set(command.get("devices", [command.get("device")]))
            one.answer(command)
            self.sync(one)
        self.assertEqual({c["state"] for c in self.cloud.commands()}, {"done"})

    def test_several_are_told_of_together(self):
        """The clock stands still for what waits; who comes back is told of no more, and the others are."""
        self.cloud.run("roaming", self.cloud.folder, "follow")
        self.cloud.set_clock(0)
        one, two = self.go("gw-1", "gw-2")
        devices = {f"D-{i}": self.aboard(one, f"D-{i}", f"c-{i}") for i in range(5)}
        self.cloud.stop()  # so that nothing leaves meanwhile
        for device, (key, serial) in devices.items():
            two.publish("request", self.adopt(key, serial, device))
        key, serial = devices["D-0"]
        one.publish("request", self.adopt(key, serial, "D-0"))  # the first, with which the others were to go
        key, serial = devices["D-3"]
        one.publish("request", self.adopt(key, serial, "D-3"))
        self.cloud.serve()
        one.status()
        two.status()
        self.sync(one)
        self.sync(two)
        self.assertEqual({c["device"] for c in self.cloud.commands(kind="moved", state="cancelled")}, {"D-0", "D-3"})
        told = []
        while len(told) < 3:
            command = one.command(lambda c: c["kind"] == "moved")
            told += command.get("devices", [command.get("device")])
            one.answer(command)
        self.assertEqual(sorted(told), ["D-1", "D-2", "D-4"])
        command = two.command(lambda c: c["kind"] == "moved")
        self.assertEqual(command["devices"], ["D-0", "D-3"])
        two.answer(command)
        self.sync(one)
        self.sync(two)
        self.assertEqual({c["state"] for c in self.cloud.commands(kind="moved")}, {"done", "cancelled"})

    def test_it_brings_its_tenants_and_predecessors(self):
        self.cloud.run("init", self.cloud.folder, "--gateway", "gw-1", "--tenant", "other")
        self.cloud.run("init", self.cloud.folder, "--gateway", "gw-3")
        one, three = self.go("gw-1", "gw-3")
        key = Key(self.folder)
        _, serial = self.certificate(one.ask(self.enroll(key, tenant="other")))
        one.ask(self.proved(serial))
        self.refused(three.ask(self.adopt(key, serial)), "wrong-tenant")
        self.cloud.run("replace-gateway", self.cloud.folder, "gw-1", "gw-2")
        self.cloud.run("replace-gateway", self.cloud.folder, "gw-2", "gw-3")
        self.assertEqual(three.ask(self.adopt(key, serial))["tenant"], "other")
        # The other way round: nothing of gw-3 is gw-1's before that is said.
        self.refused(one.ask(self.adopt(key, serial)), "live-elsewhere")
        self.cloud.run("replace-gateway", self.cloud.folder, "gw-3", "gw-1")
        self.assertEqual(one.ask(self.adopt(key, serial))["kind"], "issued")
        self.assertEqual(self.row(), (serial, "gw-1"))
        self.refused(three.ask(self.adopt(key, serial)), "live-elsewhere")

    def test_followed_there_and_back(self):
        one, two = self.go("gw-1", "gw-2")
        key, serial = self.aboard(one)
        self.cloud.run("roaming", self.cloud.folder, "follow")
        self.granted(two.ask(self.adopt(key, serial)), serial)
        self.assertEqual(self.row(), (serial, "gw-2"))
        # What its old home says of it is not heard.
        self.assertEqual(one.ask(self.revoked(serial=serial))["kind"], "done")
        self.refused(one.ask(self.renew(Key(self.folder), serial)), "unknown-certificate")
        self.refused(one.ask(self.proved(serial)), "unknown-certificate")
        self.assertEqual(self.row(), (serial, "gw-2"))
        # Its new one renews it as any other.
        new = Key(self.folder)
        _, second = self.certificate(two.ask(self.renew(new, serial)))
        self.assertEqual(two.ask(self.proved(second))["kind"], "done")
        self.assertEqual(self.row(), (second, "gw-2"))

        # The old home was away and never heard of it: that is over when the device is back.
        [told] = self.cloud.commands(gateway="gw-1")
        self.assertIn(told["state"], OPEN)
        self.granted(one.ask(self.adopt(new, second)), second)
        self.sync(one)
        self.assertEqual(self.row(), (second, "gw-1"))
        told, now_told = self.cloud.commands()
        self.assertEqual((told["gateway"], told["state"], now_told["gateway"]), ("gw-1", "cancelled", "gw-2"))
        self.assertIn(now_told["state"], OPEN)

        self.cloud.run("roaming", self.cloud.folder, "refuse")
        self.refused(two.ask(self.adopt(new, second)), "live-elsewhere")

    def test_what_it_had_elsewhere_ends(self):
        one, two = self.go("gw-1", "gw-2")
        key, serial = self.aboard(one)
        _, candidate = self.certificate(one.ask(self.renew(Key(self.folder), serial)))
        _, other = self.certificate(one.ask(self.enroll(Key(self.folder), claim="c-2")))
        self.cloud.run("roaming", self.cloud.folder, "follow")
        self.granted(two.ask(self.adopt(key, serial)), serial)
        self.assertEqual(self.states(), {serial: "live", candidate: "revoked", other: "revoked"})
        self.refused(one.ask(self.proved(candidate)), "moved")
        self.refused(one.ask(self.enroll(Key(self.folder), claim="c-2")), "moved")

    def test_who_moves_all_the_time_is_at_two_places(self):
        gateways = self.go("gw-1", "gw-2")
        key, serial = self.aboard(gateways[0])
        self.cloud.run("roaming", self.cloud.folder, "follow")
        for i in range(1, 7):
            self.granted(gateways[i % 2].ask(self.adopt(key, serial)), serial)
        self.refused(gateways[1].ask(self.adopt(key, serial)), "limit")
        self.assertEqual(self.row(), (serial, "gw-1"))
        # An hour later.
        with contextlib.closing(sqlite3.connect(self.cloud.folder / "registry.db")) as db, db:
            db.execute("UPDATE move SET at = at - 3601")
        self.granted(gateways[1].ask(self.adopt(key, serial)), serial)

    def test_two_ask_at_once(self):
        self.cloud.run("init", self.cloud.folder, "--gateway", "gw-3")
        one, two, three = self.go("gw-1", "gw-2", "gw-3")
        key, serial = self.aboard(one)
        self.cloud.run("roaming", self.cloud.folder, "follow")
        asked = [(g, self.adopt(key, serial)) for g in (two, three)]
        for gateway, request in asked:
            gateway.publish("request", request)
        for gateway, request in asked:
            self.granted(gateway.response(request["id"]), serial)
        # The later one has it, and the earlier one is told so.
        _, home = self.row()
        self.assertEqual(sorted(c["gateway"] for c in self.cloud.commands(kind="moved")),
                         sorted({"gw-1", "gw-2", "gw-3"} - {home}))

    def test_not_to_be_adopted(self):
        one, two = self.go("gw-1", "gw-2")
        self.cloud.run("roaming", self.cloud.folder, "follow")
        key, serial = self.aboard(one)
        self.refused(two.ask(self.adopt(key, "40aa")), "unknown-certificate")
        self.refused(two.ask(self.adopt(Key(self.folder), serial)), "unknown-certificate")
        self.refused(two.ask(self.adopt(key, serial, "ACME-0002")), "unknown-certificate")

        self.cloud.run("suspend", self.cloud.folder, DEVICE)
        self.refused(two.ask(self.adopt(key, serial)), "suspended")
        self.cloud.run("resume", self.cloud.folder, DEVICE)
        self.cloud.run("revoke", self.cloud.folder, "--reason", "superseded", DEVICE)
        self.refused(two.ask(self.adopt(key, serial)), "superseded")
        self.refused(one.ask(self.adopt(key, serial)), "superseded")
        self.cloud.run("revoke-gateway", self.cloud.folder, "gw-2")
        self.refused(two.ask(self.adopt(key, serial)), "not-allowed", final=False)

    def test_an_expired_certificate(self):
        gateway = self.go()
        key, serial = self.aboard(gateway)
        with contextlib.closing(sqlite3.connect(self.cloud.folder / "registry.db")) as db, db:
            db.execute("UPDATE certificate SET not_after = 1700000000")
        self.refused(gateway.ask(self.adopt(key, serial)), "certificate-expired")

    def test_verbs_refuse(self):
        run = self.cloud.run
        self.assertIn("not-found", run("replace-gateway", self.cloud.folder, "gw-1", "gw-9", code=1))
        self.assertIn("not-found", run("replace-gateway", self.cloud.folder, "gw-9", "gw-1", code=1))
        self.assertIn("its own place", run("replace-gateway", self.cloud.folder, "gw-1", "gw-1", code=2))
        self.assertIn("follow or refuse", run("roaming", self.cloud.folder, "maybe", code=2))
        self.assertIn("cannot be a tenant", run("roaming", self.cloud.folder, "--tenant", "a b", "follow",
                                                code=2))


class Death(cloud.Case):
    """Killed right before and right after each durable step."""

    def setUp(self):
        super().setUp()
        if "#define GW_FAULT_POINTS 1" not in (cloud.BUILD / "config.h").read_text():
            self.skipTest("built without --enable-fault-points")

    def test_moving(self):
        one, two = self.join("gw-1"), self.join("gw-2")
        self.cloud.run("roaming", self.cloud.folder, "follow")
        for n, step in enumerate(("cloud.adopt", "cloud.response")):
            for moment in ("before", "after"):
                with self.subTest(step=step, moment=moment):
                    device, claim = f"D-{n}-{moment}", f"c-{n}-{moment}"
                    self.cloud.serve()
                    key, serial = self.aboard(one, device, claim)
                    self.cloud.stop()
                    self.cloud.serve(die_at=f"{step}:{moment}")
                    request = self.adopt(key, serial, device)
                    two.publish("request", request)
                    self.assertTrue(self.cloud.died())
                    self.cloud.serve()
                    answer = two.ask(request)
                    self.assertEqual((answer["kind"], answer["claim"]), ("issued", claim))
                    self.assertEqual([(r["gateway"], r["state"]) for r in self.cloud.certificates(device=device)],
                                     [("gw-2", "live")])
                    self.assertEqual([c["gateway"] for c in self.cloud.commands(device=device)], ["gw-1"])
                    self.cloud.stop()

    def test_verbs(self):
        for moment in ("before", "after"):
            for verb, arguments in (("replace-gateway", ("gw-1", "gw-2")), ("roaming", ("follow",))):
                with self.subTest(verb=verb, moment=moment):
                    self.cloud.run(verb, self.cloud.folder, *arguments, die_at=f"cloud.{verb}:{moment}",
                                   code=-signal.SIGKILL)
                    with contextlib.closing(sqlite3.connect(self.cloud.folder / "registry.db")) as db:
                        replaced = db.execute("SELECT count(*) FROM gateway WHERE replaced_by <> ''").fetchone()
                        roaming = db.execute("SELECT count(*) FROM roaming").fetchone()
                    self.assertEqual((replaced if verb == "replace-gateway" else roaming)[0], moment == "after")


if __name__ == "__main__":
    unittest.main()
