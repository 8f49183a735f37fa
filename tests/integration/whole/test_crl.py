# SPDX-License-Identifier: GPL-2.0-or-later
"""Revocation lists through all programs: from a file, by the openssl command line, and from the cloud; with the cloud
away, and with sessions open; the wrong ones; and those that are out of date."""
import contextlib
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import tempfile
import time
import unittest

import lab
import served


CONFIG = """[ca]
default_ca=c
[c]
database=index
crlnumber=number
default_md=sha256
[part]
issuingDistributionPoint=critical,@idp
[idp]
onlyuser=TRUE
[req]
distinguished_name=d
[d]
[root]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
"""
DAY = 86400
WAIT = "5.03"


def stamp(when):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(when))


class Authority:
    """Makes lists by `openssl ca`, with somebody's key and certificate: NAME.key and NAME.crt."""

    def __init__(self, case, name):
        self.name = name
        self.folder = pathlib.Path(case.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "config").write_text(CONFIG)

    @classmethod
    def stranger(cls, case, subject):
        authority = cls(case, None)
        authority.name = authority.folder / "stranger"
        authority.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "stranger.key")
        authority.openssl("req", "-x509", "-key", "stranger.key", "-config", "config", "-extensions", "root",
                          "-subj", subject, "-out", "stranger.crt")
        return authority

    def openssl(self, *words):
        return subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True, text=True).stdout

    def list(self, number, serials, *options, since=-60, until=30 * DAY, form="PEM"):
        """The path of a list of these serials, in hex."""
        now, name = time.time(), f"list-{len(os.listdir(self.folder))}"
        rows = [f"R\t{stamp(now + 9 * DAY)[2:]}\t{stamp(now - DAY)[2:]}\t{serial.upper()}\tunknown\t/CN=x\n"
                for serial in serials]
        (self.folder / "index").write_text("".join(rows))
        (self.folder / "number").write_text(f"{number:04X}")
        self.openssl("ca", "-gencrl", "-config", "config", "-keyfile", f"{self.name}.key", "-cert", f"{self.name}.crt",
                     "-crl_lastupdate", stamp(now + since), "-crl_nextupdate", stamp(now + until), "-out", "pem", *options)
        self.openssl("crl", "-in", "pem", "-out", name, "-outform", form)
        return str(self.folder / name)


class Case(served.Served):
    def authority(self):
        return Authority(self, pathlib.Path(self.lab.variables["GANGWAY_CLOUD_DIR"]) / "device-ca")

    def serial(self, client):
        return client.openssl("x509", "-in", client.file("certificate.pem"), "-noout", "-serial").strip().partition("=")[2]

    def load(self, path, *options):
        return json.loads(self.lab.ctl("revoke", "--crl", path, "--json", *options).stdout)

    def refused(self, path):
        return self.lab.refusal("revoke", "--crl", path)

    def lists(self):
        return self.lab.status()["revocation_lists"]

    def events(self, *names):
        return [e["event"] for e in self.lab.audit() if e["event"] in names]

    def ask(self, client):
        return client.ask_with_certificate("get", "gangway/config")

    def assert_over(self, session, number, device_id):
        """A request that is sent now is not served, and the session ends."""
        session.send(self.request(number))
        self.assertNotIn(device_id.encode(), b"".join(session.rest()))


class Lists(Case):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab("--set", "cloud.retry_first=1", "--set", "cloud.retry_max=2"))
        cls.number = 100

    def next_number(self):
        type(self).number += 1
        return self.number

    def told_revoked(self, device_id):
        return sum("revoked at lab" in line and device_id in line
                   for line in self.lab.log("gangway-cloud").splitlines())

    def test_from_a_file_in_the_midst_of_a_session(self):
        client, other = self.aboard("FILE-1"), self.aboard("FILE-2")
        session = self.open_session(client)
        self.assertIn(b"FILE-1", self.ask_on(session, 1))
        number = self.next_number()
        path = self.authority().list(number, [self.serial(client), "4F2A"])
        answer = self.load(path)
        self.assertEqual((answer["number"], answer["certificates"], answer["devices"]), (str(number), 2, 1))
        self.assertEqual(answer["issuer"], "gangway device-ca")
        self.assert_over(session, 2, client.id)
        self.assertEqual((self.lab.state(client.id), self.lab.show(client.id)["reason"]), ("revoked", "certificate-revoked"))
        self.assertFalse(self.is_served(client))
        self.assertTrue(self.is_served(other))
        self.lab.settle()
        self.assertEqual([c["state"] for c in self.lab.certificates(client.id)], ["revoked"])

        self.assertEqual(self.load(path)["devices"], 0)  # the same once more
        [on_record] = self.lists()
        self.assertEqual((on_record["number"], on_record["certificates"], on_record["stale_since"]), (str(number), 2, 0))
        self.assertIn("gangway device-ca", self.lab.ctl("status").stdout)
        self.assertIn("list is on record", self.lab.ctl("doctor", check=False).stdout)
        self.assertIn(self.authority().name.name, "device-ca")
        self.assertIn("good until", self.lab.ctl("revoke", "--crl", path).stdout)

    def test_with_the_cloud_away(self):
        """At once, it survives the agent's death, and the cloud is told once when it is back."""
        clients = [self.aboard(f"ALONE-{i}") for i in range(3)]
        self.lab.settle()
        self.lab.stop("mosquitto")
        self.lab.wait_for_cloud("offline")
        path = self.authority().list(self.next_number(), [self.serial(c) for c in clients[:2]], form="DER")
        self.assertEqual(self.load(path)["devices"], 2)
        self.assertEqual([self.is_served(c) for c in clients], [False, False, True])
        self.lab.kill("gangwayd")
        self.lab.start("gangwayd")  # which knows no time before the cloud is back, so that the third one waits
        self.assertEqual([self.is_served(c) for c in clients], [False, False, False])
        self.assertEqual([self.lab.state(c.id) for c in clients], ["revoked", "revoked", "onboarded"])
        self.assertEqual(sorted(j["kind"] for j in self.lab.ctl_json("jobs")), ["revoked", "revoked"])
        self.lab.start("mosquitto")
        self.lab.settle()
        self.assertEqual([[c["state"] for c in self.lab.certificates(c.id)] for c in clients],
                         [["revoked"], ["revoked"], ["live"]])
        told = [self.told_revoked(c.id) for c in clients]
        self.lab.restart("gangway-mqtt")
        self.lab.settle()
        self.assertEqual([self.told_revoked(c.id) for c in clients], told)

    def test_wrong_lists(self):
        client = self.aboard("WRONG-1")
        ours, serial = self.authority(), self.serial(client)
        same_name = Authority.stranger(self, "/CN=gangway device-ca")
        other = Authority.stranger(self, "/CN=Others")
        number = self.next_number()
        self.load(ours.list(number, ["4F2B"]))
        before = self.lists()
        cases = [
            (same_name.list(number + 1, [serial]), "list-bad", "signature"),
            (other.list(number + 1, [serial]), "list-bad", "none of those"),
            (ours.list(number - 1, [serial]), "list-older", "later"),
            (ours.list(number, [serial]), "list-older", "later"),
            (ours.list(number + 1, [serial], since=3600), "list-early", "time to come"),
            (ours.list(number + 1, [serial], "-crlexts", "part"), "list-bad", "part"),
            (f"{ours.name}.crt", "", "neither in DER nor in PEM"),
            ("/nowhere/list", "", "cannot read"),
        ]
        for path, code, text in cases:
            with self.subTest(text):
                said = self.refused(path)
                self.assertIn(code, said)
                self.assertIn(text, said)
        der = pathlib.Path(ours.list(number + 1, [serial], form="DER"))
        der.write_bytes(der.read_bytes()[:-1])
        self.assertIn("list-bad", self.refused(str(der)))
        self.assertEqual(self.lists(), before)
        self.assertTrue(self.is_served(client))
        self.assertGreaterEqual(len(self.events("crl-refused")), 5)
        type(self).number += 1

    def test_wrong_use(self):
        for words in (["--crl", "x", "ACME-1"], ["--crl", "x", "--reason", "y"], []):
            result = self.lab.ctl("revoke", *words, check=False)
            self.assertEqual(result.returncode, 2, result)

    def test_from_standard_input(self):
        path = self.authority().list(self.next_number(), [], form="DER")
        with open(path, "rb") as file:
            result = subprocess.run(["gangwayctl", "revoke", "--crl", "-"], env=self.lab.environment(), stdin=file,
                                    capture_output=True, text=True, check=True)
        self.assertIn("0 certificates; 0 devices revoked", result.stdout)

    def test_without_a_registrar(self):
        path = self.authority().list(self.next_number(), [])
        self.lab.stop("gangway-registrar")
        self.assertIn("no-registrar", self.refused(path))
        self.lab.start("gangway-registrar")
        lab.wait_for("the registrar is back", lambda: any(p["role"] == "registrar" and p["healthy"]
                                                          for p in self.lab.status()["plugins"]))
        self.load(path)


class FromTheCloud(Case):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab("--set", "cloud.retry_first=1", "--set", "cloud.retry_max=2"))

    def cloud(self, *words):
        return self.lab.run("gangway-cloud", *words)

    def commands(self):
        listed = json.loads(self.lab.run("gangway-cloud", "list", "--json", "--commands").stdout)
        return [c["state"] for c in listed if c["kind"] == "crl"]

    def wait_for_done(self):
        self.lab.wait_for("the gateway has answered", lambda: self.commands()[-1:] == ["done"])

    def registry(self, statement, rows=()):
        """Changes the registry as nobody would; `serve` sees it with its next transaction."""
        path = pathlib.Path(self.lab.variables["GANGWAY_CLOUD_DIR"]) / "registry.db"
        with contextlib.closing(sqlite3.connect(path, timeout=30)) as db, db:
            db.executemany(statement, rows)

    def test_what_the_gateway_was_never_told(self):
        """A registry of which it is known that a device is revoked, and a gateway that is not: the list tells it, whatever
        its store says; a file does, too; and what came is on record."""
        clients = [self.aboard(f"LIST-{i}") for i in range(3)]
        session = self.open_session(clients[0])
        self.assertIn(b"LIST-0", self.ask_on(session, 1))
        self.lab.settle()
        self.registry("UPDATE certificate SET state = 'revoked', reason = 'stolen' WHERE device = ?", [(clients[0].id,)])
        self.assertRegex(self.cloud("crl").stderr, "list [0-9]+, [0-9]+ certificates, the gateways are to be told")
        self.lab.wait_for_state(clients[0].id, "revoked")
        self.wait_for_done()
        self.assert_over(session, 2, clients[0].id)
        self.assertEqual([self.is_served(c) for c in clients], [False, True, True])
        self.assertIn("crl", self.events("crl"))

        path = str(self.lab.folder / "list.pem")
        self.registry("UPDATE certificate SET state = 'revoked', reason = 'stolen' WHERE device = ?", [(clients[1].id,)])
        self.cloud("crl", "--file", path)
        self.assertEqual(self.load(path)["devices"], 1)
        self.assertEqual([self.is_served(c) for c in clients], [False, False, True])

    def test_a_gateway_that_was_away(self):
        """Lists are made meanwhile, more than one: what comes last is what holds, and all others are asked about no more."""
        client = self.aboard("GONE-1")
        self.lab.settle()
        self.lab.stop("gangway-mqtt")
        self.addCleanup(self.lab.start, "gangway-mqtt")
        for _ in range(3):
            self.cloud("crl")
        self.lab.wait_for("the last is sent", lambda: self.commands()[-3:] == ["cancelled", "cancelled", "sent"])
        self.registry("UPDATE certificate SET state = 'revoked', reason = 'stolen' WHERE device = ?", [(client.id,)])
        last = re.search("list ([0-9]+)", self.cloud("crl").stderr)[1]
        self.lab.start("gangway-mqtt")
        self.wait_for_done()
        self.assertEqual(self.lab.state(client.id), "revoked")
        self.assertEqual([e["number"] for e in self.lists()], [last])

    def test_more_than_fits_one_body(self):
        """10,000 certificates, in nine bodies: one command, one answer. Who comes with one of them is turned away, and
        not even asked about."""
        client, other = self.aboard("MANY-1"), self.aboard("MANY-2")
        self.lab.settle()
        serials = [f"{0x40 << 120 | i * 0x9e3779b97f4a7c15:032x}" for i in range(1, 10000)]
        self.addCleanup(self.registry, "DELETE FROM certificate WHERE device = ?", [("FILLER",)])
        self.registry("INSERT INTO certificate(serial, device, gateway, tenant, claim, job, key_sha256, state, reason,"
                      " not_before, not_after, der) SELECT ?1, 'FILLER', gateway, tenant, claim, ?1, '', 'revoked', '', 0,"
                      " 4000000000, x'00' FROM certificate WHERE device = 'MANY-1'", [(s,) for s in serials])
        self.registry("UPDATE certificate SET state = 'revoked', reason = 'stolen' WHERE device = ?", [(client.id,)])
        self.cloud("crl")
        self.lab.wait_for_state(client.id, "revoked")
        self.wait_for_done()
        [on_record] = self.lists()
        self.assertGreaterEqual(on_record["certificates"], 10000)
        self.assertEqual([self.is_served(c) for c in (client, other)], [False, True])

    def test_while_the_authority_is_replaced(self):
        """Each authority has a list of its own, and that of one which is gone is forgotten."""
        client = self.aboard("ROLL-1")
        self.lab.settle()
        self.cloud("roll", "begin")
        self.lab.settle()
        self.cloud("crl")
        self.lab.wait_for("both lists are here", lambda: len(self.lists()) == 2)
        self.cloud("roll", "--force", "switch")
        self.lab.settle()
        self.cloud("roll", "--force", "end")
        self.lab.wait_for("the first one is gone", lambda: [e["issuer"] for e in self.lists()] == ["gangway device-ca-2"])
        self.assertIn("crl-forgotten", self.events("crl-forgotten"))
        self.assertEqual(self.lab.state(client.id), "onboarded")


class OutOfDate(Case):
    """By a clock that is stepped, since a list that lives for a minute would test the machine's speed."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab("--clocks"))

    def policy(self, word):
        drop_in = self.lab.folder / "run" / "gangway.conf.d" / "stale.conf"
        drop_in.parent.mkdir(exist_ok=True)
        drop_in.write_text(f"[devices]\nstale_crl = {word}\n")
        self.lab.ctl("config", "reload")

    def step(self, seconds):
        """The gateway is away while time passes: one that has heard the time believes no clock that jumps."""
        self.lab.stop("gangwayd")
        for side in ("gateway", "cloud", "devices"):
            self.lab.set_clock(side, f"+{seconds}")
        self.lab.start("gangwayd")
        self.lab.wait_for("the clock is trusted", lambda: self.lab.status().get("clock_trusted"))

    def test_open_and_closed(self):
        client = self.aboard("STALE-1")
        ours = self.authority()
        self.load(ours.list(1, ["4F2B"], until=DAY))
        self.assertTrue(self.is_served(client))
        self.step(2 * DAY)
        self.lab.wait_for("it is out of date", lambda: self.lists()[0]["stale_since"])
        self.lab.wait_for("it is said", lambda: self.events("crl-stale") == ["crl-stale"])
        self.assertTrue(self.is_served(client))
        self.assertRegex(self.lab.ctl("status").stdout, "gangway device-ca .* out of date")
        self.assertIn("is out of date for", self.lab.ctl("doctor", check=False).stdout)

        session = self.open_session(client)
        self.assertIn(b"STALE-1", self.ask_on(session, 1))
        self.policy("closed")
        self.assert_over(session, 2, client.id)
        answer = self.ask(client)
        self.assertFalse(answer.payload)
        self.assertIn(WAIT, answer.said)
        self.assertIn("list-stale", self.lab.log("gangway-registrar"))
        self.assertEqual(self.lab.ctl("doctor", check=False).returncode, 1)
        self.assertEqual(self.lab.state(client.id), "onboarded")

        self.load(ours.list(2, ["4F2B"], until=9 * DAY))
        self.assertTrue(self.is_served(client))
        self.load(ours.list(3, [self.serial(client)], since=-2 * DAY, until=-DAY))  # out of date when it comes: revoked all the same
        self.assertEqual(self.lab.state(client.id), "revoked")


if __name__ == "__main__":
    unittest.main()
