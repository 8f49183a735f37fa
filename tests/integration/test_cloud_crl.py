#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gangway-cloud's revocation lists: made anew before they end, and sent to a gateway that has lost what it was told."""
import base64
import unittest

import cloud
from cloud import openssl


def mac(chain, n):
    return f"{chain * 56}{n:08x}" if n else "0" * 64


class Base(cloud.Case):
    def gateway(self, name="gw-1"):
        gateway = self.join(name)
        gateway.status(True)
        return gateway

    def lists(self, **wanted):
        return self.cloud.commands(kind="crl", **wanted)

    def take(self, gateway, than=None):
        """A list that comes, and is not that; the serial numbers on it."""
        body = gateway.command(lambda c: c["kind"] == "crl" and c["id"] != than)
        self.assertEqual((body["part"], body["parts"]), (1, 1))
        text = openssl("crl", "-inform", "DER", "-noout", "-text", stdin=base64.b64decode(body["crl"])).decode()
        return body, [line.split(":")[1].strip().lower() for line in text.splitlines() if "Serial Number:" in line]


class Renewal(Base):
    gateways = ("gw-1", "gw-2", "gw-3")

    def test_before_it_ends(self):
        """To those that have one, again and again, and with what was revoked meanwhile."""
        first, second = self.go("gw-1", "gw-2")
        for gateway in (first, second):
            gateway.status(True)
        _, serial = self.aboard(first)
        self.cloud.run("crl", self.cloud.folder, "--lifetime", "6")
        body, listed = self.take(first)
        first.answer(body)
        self.assertEqual(listed, [])
        self.cloud.run("revoke", self.cloud.folder, cloud.DEVICE)
        first.answer(first.command(lambda c: c["kind"] == "revoke"))
        self.cloud.run("revoke-gateway", self.cloud.folder, "gw-3")
        body, listed = self.take(first, than=body["id"])
        self.assertEqual(listed, [serial])
        first.answer(body)
        self.assertEqual(self.take(first, than=body["id"])[1], [serial])
        told = {c["gateway"] for c in self.lists(state="sent")}
        self.assertEqual(told, {"gw-1", "gw-2"})

    def test_after_serve_was_away(self):
        self.cloud.run("crl", self.cloud.folder, "--lifetime", "3d")
        before = self.lists()
        self.cloud.set_clock(5 * 86400)
        self.cloud.serve()
        self.cloud.await_log("for the gateways that have one")
        self.assertEqual(len(before), 3)
        self.assertEqual([c["state"] for c in self.lists() if c["id"] in [b["id"] for b in before]], ["cancelled"] * 3)
        self.assertEqual(len(self.lists()), 6)

    def test_not_where_nobody_has_one(self):
        self.cloud.run("crl", self.cloud.folder, "--lifetime", "1", "--file", "-")
        self.cloud.set_clock(5 * 86400)
        gateway = self.go()
        gateway.ask({"v": 1, "kind": "time", "id": "t"})
        self.assertEqual(self.lists(), [])


class Loss(Base):
    def tell(self, gateway, chain, first, broken=None):
        """A batch of one record; True if it was taken."""
        body = {"v": 1, "kind": "events", "id": self.job(), "first": first, "before": mac(chain, first - 1), "events": [
            {"n": first, "time": 1790000000, "event": "claim", "mac": mac(chain, first)}]}
        if broken:
            body["broken"] = broken
        cloud.SCHEMAS.check("event", body)
        gateway.publish("event", body)
        return gateway.response(body["id"])["kind"] == "done"

    def test_once_for_each(self):
        gateway = self.go("gw-1", wait=True)
        gateway.status(True)
        _, serial = self.aboard(gateway)
        for n in range(1, 4):
            self.assertTrue(self.tell(gateway, "a", n))
        self.cloud.run("revoke", self.cloud.folder, cloud.DEVICE)
        self.assertFalse(self.tell(gateway, "b", 2))  # it is told what we hold ..
        self.assertEqual(self.lists(), [])
        self.assertTrue(self.tell(gateway, "b", 2, "old-copy"))  # .. and finds out what it is
        body, listed = self.take(gateway)
        self.assertEqual(listed, [serial])
        gateway.answer(body)
        self.assertTrue(self.tell(gateway, "b", 2, "old-copy"))  # repeated
        self.assertTrue(self.tell(gateway, "b", 3))
        self.assertTrue(self.tell(gateway, "b", 9, "summarised"))  # that is no loss of its store
        self.assertEqual([c["gateway"] for c in self.lists()], ["gw-1"])

    def test_a_gateway_that_keeps_losing(self):
        gateway = self.go("gw-1", wait=True)
        gateway.status(True)
        self.tell(gateway, "a", 1)
        for chain in "bcdef0123":
            self.assertTrue(self.tell(gateway, chain, 1, "old-copy"))
        self.assertEqual(len(self.lists()), 6)
        self.assertIn("sent no more lists", self.cloud.log())

    def test_the_others_lists_are_renewed_when_they_were(self):
        """One that was made for a single gateway puts nothing off for those that have not got it."""
        self.cloud.set_clock(0)
        gateway = self.go("gw-1", wait=True)
        gateway.status(True)
        self.cloud.run("crl", self.cloud.folder, "--lifetime", "9d")
        gateway.answer(self.take(gateway)[0])
        self.tell(gateway, "a", 1)
        self.cloud.set_clock(5 * 86400)
        self.assertTrue(self.tell(gateway, "b", 1, "old-copy"))
        self.assertEqual(len(self.lists()), 3)
        self.cloud.stop()
        self.cloud.set_clock(7 * 86400)
        self.cloud.serve()
        self.cloud.await_log("for the gateways that have one")


if __name__ == "__main__":
    unittest.main(verbosity=2)
