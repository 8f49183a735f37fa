#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gangway-cloud when things end: the broker, the disk, or itself."""
import json
import signal
import subprocess
import sys
import unittest

import cloud
from cloud import DEVICE, SECRET, Key, b64, label

class Trouble(cloud.Case):
    def test_a_broker_that_comes_late_and_goes_away(self):
        self.cloud.mosquitto.stop()
        self.cloud.serve(wait=False)
        self.cloud.await_log("Connection refused")
        self.cloud.mosquitto.start()
        self.cloud.ready()
        gateway = self.join()
        self.assertEqual(gateway.ask(self.enroll(Key(self.folder)))["kind"], "issued")

        self.cloud.mosquitto.stop()
        self.cloud.mosquitto.start()
        self.cloud.ready()
        gateway = self.join()
        self.assertEqual(gateway.ask(self.enroll(Key(self.folder)))["kind"], "issued")

    def test_a_broker_with_another_certificate(self):
        for name in ("gateway-ca.crt", "gateway-ca.key", "broker/server.crt", "broker/anchors.crt"):
            (self.cloud.folder / name).unlink()
        own = [(p, (self.cloud.folder / p).read_bytes()) for p in ("cloud/cert", "cloud/key")]
        self.cloud.run("init", self.cloud.folder)
        for path, contents in own:
            (self.cloud.folder / path).write_bytes(contents)
        self.cloud.serve(wait=False)  # the broker still has the old one
        self.cloud.await_log("not to be trusted")

    def test_many_at_once(self):
        gateway = self.go()
        key = Key(self.folder)
        requests = [self.enroll(key, f"D-{i}", f"c-{i}", csr=key.csr("/")) for i in range(200)]
        for request in requests:
            gateway.publish("request", request)
        for request in requests:
            self.assertEqual(gateway.response(request["id"])["kind"], "issued")
        self.assertEqual(len(self.cloud.certificates(state="candidate")), 200)

    def test_a_registry_that_cannot_be_written(self):
        gateway = self.go()
        blocker = subprocess.Popen([sys.executable, "-c", (
            "import sqlite3, sys\n"
            f"db = sqlite3.connect('{self.cloud.folder}/registry.db', isolation_level=None)\n"
            "db.execute('BEGIN IMMEDIATE')\nprint('held', flush=True)\nsys.stdin.read()\n")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(blocker.wait)
        self.addCleanup(blocker.stdout.close)
        blocker.stdout.readline()
        request = self.enroll(Key(self.folder))
        gateway.publish("request", request)
        self.cloud.await_log("not answering")  # after it has waited for five seconds
        blocker.stdin.close()
        self.assertEqual(gateway.ask(request)["kind"], "issued")


class Death(cloud.Case):
    """Killed right before and right after each durable step; then asked again, as gateways do."""

    def setUp(self):
        super().setUp()
        config = (cloud.BUILD / "config.h").read_text()
        if "#define GW_FAULT_POINTS 1" not in config:
            self.skipTest("built without --enable-fault-points")

    def test_requests(self):
        gateway = self.join()
        n = 0
        for step, make in (("cloud.issue", "enroll"), ("cloud.proved", "proved"), ("cloud.revoked", "revoked"),
                           ("cloud.server-cert", "server"), ("cloud.response", "enroll")):
            for moment in ("before", "after"):
                with self.subTest(step=step, moment=moment):
                    n += 1
                    self.die_and_ask_again(gateway, f"D-{n}", f"c-{n}", make, f"{step}:{moment}")

    def prepare(self, gateway, device, claim, kind):
        """What leads up to the request in question, and that request."""
        key = Key(self.folder)
        if kind == "server":
            return {"v": 1, "kind": "server-cert", "id": self.job(), "key": key.hash, "csr": b64(key.csr("/"))}
        enroll = self.enroll(key, device, claim)
        if kind == "enroll":
            return enroll
        self.cloud.serve()
        _, serial = self.certificate(gateway.ask(enroll))
        self.cloud.stop()
        return self.proved(serial, device, claim) if kind == "proved" else self.revoked(device, serial=serial)

    def die_and_ask_again(self, gateway, device, claim, kind, die_at):
        request = self.prepare(gateway, device, claim, kind)
        self.cloud.serve(die_at=die_at)
        gateway.publish("request", request)
        self.assertTrue(self.cloud.died())
        self.cloud.serve()
        answer = gateway.ask(request)
        again = gateway.ask(request)
        self.assertEqual(answer | {"time": 0}, again | {"time": 0})
        self.assertIn(answer["kind"], ("issued", "done"))
        self.cloud.stop()
        expected = {"enroll": ["candidate"], "proved": ["live"], "revoked": ["revoked"], "server": []}[kind]
        self.assertEqual(list(self.states(device).values()), expected)

    def test_commands(self):
        gateway = self.join()
        gateway.status()
        for n, (step, moment) in enumerate((s, m) for s in ("cloud.command", "cloud.answered")
                                           for m in ("before", "after")):
            with self.subTest(step=step, moment=moment):
                device = f"D-{n}"
                self.cloud.run("claim", self.cloud.folder, "--gateway", "gw-1", "-", stdin=label(device))
                self.cloud.serve(die_at=f"{step}:{moment}")
                if step == "cloud.answered":
                    gateway.answer(gateway.command(lambda c, d=device: c["device"] == d))
                self.assertTrue(self.cloud.died())
                self.cloud.serve()
                if self.cloud.commands(device=device)[0]["state"] != "done":
                    command = gateway.command(lambda c, d=device: c["device"] == d)
                    self.assertEqual(gateway.open(command), SECRET)
                    gateway.answer(command)
                gateway.ask(self.revoked(serial="7f00"))
                self.assertEqual([c["state"] for c in self.cloud.commands(device=device)], ["done"])
                self.cloud.stop()

    def test_verbs(self):
        for moment, left in (("before", 0), ("after", 1)):
            device = f"D-{moment}".upper()
            claim = ("claim", self.cloud.folder, "--gateway", "gw-1", "-")
            self.cloud.run(*claim, stdin=label(device), die_at=f"cloud.claim:{moment}", code=-signal.SIGKILL)
            self.assertEqual(len(self.cloud.commands(device=device)), left)
            withdraw = ("withdraw", self.cloud.folder, "--gateway", "gw-1", device)
            self.cloud.run(*withdraw, die_at=f"cloud.withdraw:{moment}", code=-signal.SIGKILL)
            self.assertEqual(len(self.cloud.commands(device=device, kind="withdraw")), left)

    def test_revoke(self):
        gateway = self.go()
        for moment, state in (("before", "live"), ("after", "revoked")):
            device = f"D-{moment}"
            _, serial = self.aboard(gateway, device, f"c-{moment}")
            self.cloud.run("revoke", self.cloud.folder, device, die_at=f"cloud.operate:{moment}",
                           code=-signal.SIGKILL)
            self.assertEqual(self.states(device), {serial: state})
            self.assertEqual(len(self.cloud.commands(device=device)), state == "revoked")

if __name__ == "__main__":
    unittest.main()
