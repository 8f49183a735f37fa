#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What gangway-cloud init makes, and what the broker lets whom do with it."""
import json
import os
import stat
import unittest

import cloud
import mqtt
from cloud import DEVICE, Key, label, openssl

class Membership(cloud.Case):
    """What the broker lets whom do, with the files that `init` wrote."""

    def client(self, name, **how):
        client = mqtt.Client(self.cloud.members, self.cloud.port, name, **how)
        self.addCleanup(client.close)
        return client

    def heard(self, reader, topic, writer, expected):
        """Whether what the writer publishes there reaches the reader, who hears something afterwards anyway."""
        own = "gangway/v1/gw-1/status" if writer.name == "gw-1" else "gangway/v1/gw-1/response"
        marker = os.urandom(8).hex()
        writer.publish(topic, f"probe {marker}")
        writer.publish(own, f"end {marker}")
        reader.expect(own, lambda p: p.body == f"end {marker}".encode())
        arrived = [p for p in reader.set_aside if p.body == f"probe {marker}".encode()]
        self.assertEqual(bool(arrived), expected, topic)

    def test_writing(self):
        observer = self.client("observer")
        observer.subscribe("gangway/v1/#")
        gateway, served = self.client("gw-1"), self.client("cloud", client_id="another")
        gateway.name, served.name = "gw-1", "cloud"
        for leaf in ("status", "request", "answer", "response", "command", "event"):
            by_gateway = leaf in ("status", "request", "answer", "event")
            by_cloud = leaf in ("response", "command")
            self.heard(observer, f"gangway/v1/gw-1/{leaf}", gateway, by_gateway)
            self.heard(observer, f"gangway/v1/gw-2/{leaf}", gateway, False)
            self.heard(observer, f"gangway/v1/gw-1/{leaf}", served, by_cloud)
            self.heard(observer, f"gangway/v1/gangway-cloud/{leaf}", served, False)

    def test_the_observer_writes_nothing(self):
        reader, observer = self.client("observer", client_id="reader"), self.client("observer")
        reader.subscribe("gangway/v1/#")
        marker = os.urandom(8).hex()
        for name in ("gw-1", "gangway-observer", "gangway-cloud"):
            for leaf in ("status", "request", "answer", "response", "command", "event"):
                observer.publish(f"gangway/v1/{name}/{leaf}", f"probe {marker}")
        gateway = self.client("gw-1")
        gateway.publish("gangway/v1/gw-1/status", "end")
        reader.expect("gangway/v1/gw-1/status", lambda p: p.body == b"end")
        self.assertEqual(reader.set_aside, [])

    def test_reading(self):
        cloud_side = self.client("cloud", client_id="another")
        gateway, other = self.client("gw-1"), self.client("gw-2")
        for client in (gateway, other):
            client.subscribe("gangway/v1/#")
        cloud_side.publish("gangway/v1/gw-1/response", "for gw-1")
        cloud_side.publish("gangway/v1/gw-1/command", "for gw-1")
        cloud_side.publish("gangway/v1/gw-2/response", "for gw-2")
        gateway.publish("gangway/v1/gw-1/request", "from gw-1")
        gateway.expect("gangway/v1/gw-1/command")
        other.expect("gangway/v1/gw-2/response")
        self.assertEqual([p.topic for p in other.set_aside], [])
        self.assertEqual([p.topic for p in gateway.set_aside], ["gangway/v1/gw-1/response"])

    def test_certificates_of_other_authorities(self):
        gateway = self.go()
        key = Key(self.folder)
        der, _ = self.certificate(gateway.ask(self.enroll(key)))
        pem = self.folder / "device.pem"
        pem.write_bytes(openssl("x509", "-inform", "DER", stdin=der))

        class Device:
            def path(_, name):
                return str({"ca.crt": self.cloud.folder / "broker/ca.crt", "d.crt": pem, "d.key": key.path}[name])
        with self.assertRaises((OSError, ConnectionError)):
            mqtt.Client(Device(), self.cloud.port, "d")


class Folder(cloud.Case):
    def files(self):
        return {p.relative_to(self.cloud.folder): p.read_bytes() for p in self.cloud.folder.rglob("*")
                if p.is_file() and not p.name.startswith(("registry.db", "doorbell"))}

    def test_modes(self):
        for path in self.cloud.folder.rglob("*"):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode) & 0o077, 0, path)

    def test_init_can_be_repeated(self):
        before = self.files()
        self.cloud.run("init", self.cloud.folder, "--gateway", "gw-1")
        self.assertEqual(self.files(), before)
        self.cloud.run("init", self.cloud.folder, "--gateway", "gw-3")
        after = self.files()
        self.assertEqual({p: after[p] for p in before}, before)
        self.assertEqual(sorted(str(p) for p in after.keys() - before.keys()),
                         [f"gateways/gw-3/cloud-{what}" for what in ("ca", "cert", "key")])

    def test_what_is_missing_is_made(self):
        before = self.files()
        for path in before:
            if path.name.endswith("-ca.key"):
                continue
            with self.subTest(path):
                (self.cloud.folder / path).unlink()
                self.cloud.run("init", self.cloud.folder, "--gateway", "gw-1", "--gateway", "gw-2")
                after = self.files()
                self.assertEqual(after.keys(), before.keys())
                before = after

    def test_another_broker_gets_another_certificate(self):
        self.cloud.run("init", self.cloud.folder, "--broker", "broker.example:8884")
        text = openssl("x509", "-in", self.cloud.folder / "broker/server.crt", "-noout", "-text").decode()
        self.assertIn("DNS:broker.example", text)
        self.assertIn("DNS:localhost", text)
        self.assertIn("listener 8884\n", (self.cloud.folder / "broker/mosquitto.conf").read_text())

    def test_a_folder_of_somebody_else(self):
        other = self.folder / "other"
        other.mkdir()
        (other / "precious").write_text("x")
        self.assertIn("neither empty", self.cloud.run("init", other, code=1))
        self.assertEqual([p.name for p in other.iterdir()], ["precious"])

    def test_the_folder_from_the_environment(self):
        os.environ["GANGWAY_CLOUD_DIR"] = str(self.cloud.folder)
        self.addCleanup(os.environ.pop, "GANGWAY_CLOUD_DIR")
        self.assertEqual(json.loads(self.cloud.run("list", "--json")), [])
        self.cloud.run("claim", "--gateway", "gw-1", "-", stdin=label())

    def test_help_and_version(self):
        out = self.cloud.run("--help")
        verbs = [line.split()[0] for line in out.splitlines() if line.startswith("  ") and line[2] != "-"]
        self.assertEqual(verbs, ["init", "serve", "list", "events", "claim", "withdraw", "revoke", "crl", "suspend",
                                 "resume", "decommission", "claim-credential", "roll", "revoke-gateway",
                                 "replace-gateway", "roaming"])
        for verb in verbs:
            self.assertIn(f"usage: gangway-cloud {verb} [DIR]", self.cloud.run(verb, "--help"))
        self.assertRegex(self.cloud.run("--version"), r"^gangway-cloud \d")
        self.assertIn("cloud.issue\n", self.cloud.run("--list-steps"))

    def test_the_table(self):
        gateway = self.go()
        self.aboard(gateway)
        lines = self.cloud.run("list", self.cloud.folder).splitlines()
        self.assertEqual(lines[0].split(), ["DEVICE", "GATEWAY", "STATE", "CLAIM", "SERIAL", "REASON"])
        self.assertEqual(lines[1].split()[:4], [DEVICE, "gw-1", "live", "c-1"])

if __name__ == "__main__":
    unittest.main()
