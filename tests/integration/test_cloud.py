#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What gangway-cloud answers to gateways, behind a real broker."""
import base64
import contextlib
import json
import sqlite3
import subprocess
import time
import unittest

import cloud
from cloud import DEVICE, Key, b64, openssl

class Enrolment(cloud.Case):
    def test_a_device_comes_aboard(self):
        gateway = self.go()
        key = Key(self.folder)
        answer = gateway.ask(self.enroll(key))
        der, serial = self.certificate(answer)
        self.assertEqual(answer["chain"], [])
        self.assertNotIn("anchors", answer)
        self.assertEqual(self.cloud.certificates(), [{
            "device": DEVICE, "gateway": "gw-1", "serial": serial, "state": "candidate", "claim": "c-1",
            "key_sha256": key.hash}])

        pem = self.folder / "device.pem"
        pem.write_bytes(openssl("x509", "-inform", "DER", stdin=der))
        openssl("verify", "-x509_strict", "-purpose", "sslclient", "-CAfile",
                self.cloud.folder / "device-ca.crt", pem)
        text = openssl("x509", "-in", pem, "-noout", "-subject", "-nameopt", "RFC2253", "-pubkey").decode()
        self.assertIn(f"subject=CN={DEVICE},O=default\n", text)
        self.assertIn(openssl("pkey", "-in", key.path, "-pubout").decode(), text)

        self.assertEqual(gateway.ask(self.proved(serial))["kind"], "done")
        self.assertEqual(self.states(), {serial: "live"})
        self.assertIn("candidate -> live", self.cloud.log())

    def test_the_same_request_gets_the_same_answer(self):
        gateway = self.go()
        key = Key(self.folder)
        request = self.enroll(key)
        first = gateway.ask(request)
        again = gateway.ask(request)
        self.assertEqual(first | {"time": 0}, again | {"time": 0})

        # The bytes of a CSR change with each signature; the key is what counts.
        resigned = request | {"csr": b64(key.csr(f"/CN={DEVICE}", "-sha384"))}
        self.assertEqual(gateway.ask(resigned)["certificate"], first["certificate"])

        _, serial = self.certificate(first)
        proved = self.proved(serial)
        self.assertEqual(gateway.ask(proved)["kind"], "done")
        self.assertEqual(gateway.ask(proved)["kind"], "done")
        self.assertEqual(gateway.ask(request)["certificate"], first["certificate"])
        self.cloud.stop()
        self.cloud.serve()
        self.assertEqual(gateway.ask(request)["certificate"], first["certificate"])
        self.assertEqual(self.states(), {serial: "live"})

    def test_an_id_is_not_used_for_something_else(self):
        gateway = self.go()
        key, other = Key(self.folder), Key(self.folder)
        request = self.enroll(key)
        gateway.ask(request)
        text = self.refused(gateway.ask(self.enroll(other, job=request["id"])), "bad-message")
        self.assertIn("used for another request", text)
        self.refused(gateway.ask(self.enroll(key, claim="c-2", job=request["id"])), "bad-message")
        self.assertEqual(gateway.ask(request)["kind"], "issued")
        self.assertEqual(len(self.cloud.certificates()), 1)

    def test_bad_signing_requests(self):
        gateway = self.go()
        key, other = Key(self.folder), Key(self.folder)
        good = key.csr(f"/CN={DEVICE}")
        forged = good[:-1] + bytes([good[-1] ^ 1])
        weak = Key(self.folder, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
        for reason, k, csr in (
                ("bad-signature", key, forged),
                ("bad-csr", key, good + b"\0"),
                ("bad-csr", key, good[:40]),
                ("bad-csr", key, b"not a CSR"),
                ("bad-csr", other, good),  # another key than the body says
                ("weak-hash", key, key.csr(f"/CN={DEVICE}", "-sha1")),
                ("weak-key", weak, weak.csr(f"/CN={DEVICE}")),
                ("wrong-name", key, key.csr("/CN=ACME-0002"))):
            with self.subTest(reason):
                self.refused(gateway.ask(self.enroll(k, csr=csr)), reason)
        self.assertEqual(self.cloud.certificates(), [])
        # What libcrypto had to say about all that did not end the connection.
        self.assertEqual(gateway.ask(self.enroll(key))["kind"], "issued")
        self.assertEqual(self.cloud.log().count("connected to"), 1)

    def test_what_the_request_asks_is_not_copied(self):
        gateway = self.go()
        key = Key(self.folder)
        csr = key.csr(f"/O=Somebody/CN={DEVICE}", "-addext", "subjectAltName=DNS:bank.example", "-addext",
                      "extendedKeyUsage=serverAuth", "-addext", "basicConstraints=critical,CA:TRUE")
        der, _ = self.certificate(gateway.ask(self.enroll(key, csr=csr)))
        text = openssl("x509", "-inform", "DER", "-noout", "-text", stdin=der).decode()
        for absent in ("Somebody", "bank.example", "Server Authentication", "CA:TRUE"):
            self.assertNotIn(absent, text)

    def test_a_tenant_that_is_not_the_gateways(self):
        gateway = self.go()
        self.refused(gateway.ask(self.enroll(Key(self.folder), tenant="other")), "wrong-tenant")
        self.cloud.run("init", self.cloud.folder, "--gateway", "gw-1", "--tenant", "other")
        answer = gateway.ask(self.enroll(Key(self.folder), tenant="other", claim="c-2"))
        der, _ = self.certificate(answer)
        self.assertIn(b"other", der)

    def test_a_fourth_key(self):
        gateway = self.go()
        for _ in range(3):
            self.assertEqual(gateway.ask(self.enroll(Key(self.folder)))["kind"], "issued")
        self.refused(gateway.ask(self.enroll(Key(self.folder))), "too-many-keys")
        self.assertEqual(gateway.ask(self.enroll(Key(self.folder), claim="c-2"))["kind"], "issued")

    def test_a_new_key_does_not_unseat_until_it_is_proved(self):
        gateway = self.go()
        _, first = self.certificate(gateway.ask(self.enroll(Key(self.folder))))
        _, second = self.certificate(gateway.ask(self.enroll(Key(self.folder))))
        self.assertEqual(self.states(), {first: "candidate", second: "candidate"})
        gateway.ask(self.proved(second))
        self.assertEqual(self.states(), {first: "revoked", second: "live"})
        self.refused(gateway.ask(self.proved(first)), "superseded")

    def test_a_spent_claim(self):
        gateway = self.go()
        self.aboard(gateway)
        self.refused(gateway.ask(self.enroll(Key(self.folder))), "claim-used")

    def test_a_claim_of_another_device(self):
        gateway = self.go()
        gateway.ask(self.enroll(Key(self.folder)))
        self.refused(gateway.ask(self.enroll(Key(self.folder), device="ACME-0002")), "claim-used")

    def test_a_new_claim_replaces_on_proof(self):
        gateway = self.go()
        _, old = self.aboard(gateway)
        _, new = self.certificate(gateway.ask(self.enroll(Key(self.folder), claim="c-2")))
        self.assertEqual(self.states(), {old: "live", new: "candidate"})
        gateway.ask(self.proved(new, claim="c-2"))
        self.assertEqual(self.states(), {old: "revoked", new: "live"})

    def test_short_lived_certificates(self):
        self.cloud.serve("--lifetime", "7200")
        gateway = self.join()
        der, _ = self.certificate(gateway.ask(self.enroll(Key(self.folder))))
        openssl("x509", "-inform", "DER", "-noout", "-checkend", "3600", stdin=der)
        with self.assertRaises(subprocess.CalledProcessError):
            openssl("x509", "-inform", "DER", "-noout", "-checkend", "7300", stdin=der)


class Renewal(cloud.Case):
    def test_a_candidate_beside_the_live_one(self):
        gateway = self.go()
        _, old = self.aboard(gateway)
        key = Key(self.folder)
        request = self.renew(key, old)
        der, new = self.certificate(gateway.ask(request))
        self.assertEqual(self.states(), {old: "live", new: "candidate"})
        self.assertEqual({c["claim"] for c in self.cloud.certificates()}, {"c-1"})
        self.assertEqual(self.certificate(gateway.ask(request))[1], new)  # asked twice
        text = openssl("x509", "-inform", "DER", "-noout", "-subject", "-nameopt", "RFC2253", stdin=der).decode()
        self.assertIn(f"subject=CN={DEVICE},O=default\n", text)

        self.assertEqual(gateway.ask(self.proved(new))["kind"], "done")
        self.assertEqual(self.states(), {old: "revoked", new: "live"})
        self.refused(gateway.ask(self.renew(key, old)), "superseded")

        # The same key once more, for the next one.
        _, newest = self.certificate(gateway.ask(self.renew(key, new)))
        self.assertEqual(self.states(), {old: "revoked", new: "live", newest: "candidate"})

    def test_whose_it_is(self):
        gateway, other = self.go("gw-1", "gw-2")
        _, serial = self.aboard(gateway)
        key = Key(self.folder)
        self.refused(other.ask(self.renew(key, serial)), "unknown-certificate")
        self.refused(gateway.ask(self.renew(key, serial, device="ACME-0002")), "unknown-certificate")
        self.refused(gateway.ask(self.renew(key, "40" + "00" * 15)), "unknown-certificate")
        self.refused(gateway.ask(self.renew(key, serial, csr=Key(self.folder).csr(f"/CN={DEVICE}"))), "bad-csr")
        self.refused(gateway.ask(self.renew(key, serial, csr=key.csr("/CN=ACME-0002"))), "wrong-name")
        self.refused(gateway.ask(self.renew(key, serial, tenant="other")), "wrong-tenant")
        self.assertEqual(self.states(), {serial: "live"})

        self.cloud.run("revoke", self.cloud.folder, "--reason", "stolen", DEVICE)
        self.refused(gateway.ask(self.renew(key, serial)), "revoked")

    def test_not_before_it_is_proved(self):
        gateway = self.go()
        _, serial = self.certificate(gateway.ask(self.enroll(Key(self.folder))))
        self.refused(gateway.ask(self.renew(Key(self.folder), serial)), "unknown-certificate")

    def test_three_keys(self):
        gateway = self.go()
        _, serial = self.aboard(gateway)
        keys = [Key(self.folder) for _ in range(4)]
        issued = [self.certificate(gateway.ask(self.renew(key, serial)))[1] for key in keys[:3]]
        self.refused(gateway.ask(self.renew(keys[3], serial)), "too-many-keys")
        self.certificate(gateway.ask(self.renew(keys[0], serial)))

        # One that was given up makes room.
        gateway.ask(self.revoked(serial=issued[1], reason="not-proved"))
        self.certificate(gateway.ask(self.renew(keys[3], serial)))
        self.assertEqual(self.states()[serial], "live")

    def test_void_before_it_was_asked(self):
        gateway = self.go()
        _, serial = self.aboard(gateway)
        request = self.renew(Key(self.folder), serial)
        self.assertEqual(gateway.ask(self.revoked(of=request["id"]))["kind"], "done")
        self.refused(gateway.ask(request), "superseded")
        self.assertEqual(self.states(), {serial: "live"})


class Revocation(cloud.Case):
    def test_revoked(self):
        gateway = self.go()
        _, serial = self.aboard(gateway)
        self.assertEqual(gateway.ask(self.revoked(serial=serial))["kind"], "done")
        self.assertEqual(self.states(), {serial: "revoked"})
        self.assertEqual(gateway.ask(self.revoked(serial=serial))["kind"], "done")
        self.assertEqual(gateway.ask(self.revoked(serial="7f00"))["kind"], "done")
        self.refused(gateway.ask(self.proved(serial)), "superseded")

    def test_an_enrolment_whose_answer_was_lost(self):
        gateway = self.go()
        request = self.enroll(Key(self.folder))
        _, serial = self.certificate(gateway.ask(request))
        self.assertEqual(gateway.ask(self.revoked(of=request["id"]))["kind"], "done")
        self.assertEqual(self.states(), {serial: "revoked"})

    def test_an_enrolment_that_the_gateway_has_forgotten(self):
        gateway = self.go()
        request = self.enroll(Key(self.folder))
        _, serial = self.certificate(gateway.ask(request))
        self.assertEqual(gateway.ask(self.revoked(device=None, of=request["id"]))["kind"], "done")
        self.assertEqual(self.states(), {serial: "revoked"})

    def test_an_enrolment_that_comes_too_late(self):
        gateway = self.go()
        key = Key(self.folder)
        request = self.enroll(key)
        self.assertEqual(gateway.ask(self.revoked(of=request["id"]))["kind"], "done")
        self.refused(gateway.ask(request), "superseded")
        self.assertEqual(self.cloud.certificates(), [])
        self.assertEqual(gateway.ask(self.enroll(key))["kind"], "issued")

    def test_another_gateways_certificate(self):
        one, two = self.go("gw-1", "gw-2")
        request = self.enroll(Key(self.folder))
        _, serial = self.certificate(one.ask(request))
        self.assertEqual(two.ask(self.revoked(serial=serial))["kind"], "done")
        self.assertEqual(two.ask(self.revoked(of=request["id"]))["kind"], "done")
        self.assertEqual(two.ask(self.revoked(device="ACME-0002", serial=serial))["kind"], "done")
        self.assertEqual(self.states(), {serial: "candidate"})
        self.refused(two.ask(self.proved(serial)), "unknown-certificate")
        self.refused(one.ask(self.proved(serial, device="ACME-0002")), "unknown-certificate")
        self.refused(one.ask(self.proved(serial, claim="c-9")), "unknown-certificate")
        self.assertEqual(self.states(), {serial: "candidate"})


class TwoGateways(cloud.Case):
    def test_live_elsewhere(self):
        one, two = self.go("gw-1", "gw-2")
        _, serial = self.aboard(one)
        text = self.refused(two.ask(self.enroll(Key(self.folder), claim="c-2")), "live-elsewhere")
        self.assertEqual(text, "ACME-0001 is aboard at gw-1.")
        one.ask(self.revoked(serial=serial, reason="decommissioned"))
        self.assertEqual(two.ask(self.enroll(Key(self.folder), claim="c-2"))["kind"], "issued")

    def test_where_it_is_aboard_is_told_to_its_tenant_only(self):
        self.cloud.run("init", self.cloud.folder, "--gateway", "gw-3", "--tenant", "other")
        one, three = self.go("gw-1", "gw-3")
        self.aboard(one)
        text = self.refused(three.ask(self.enroll(Key(self.folder), claim="c-3", tenant="other")),
                            "live-elsewhere")
        self.assertNotIn("gw-1", text)

    def test_a_claim_that_was_used_elsewhere(self):
        one, two = self.go("gw-1", "gw-2")
        one.ask(self.enroll(Key(self.folder)))
        self.refused(two.ask(self.enroll(Key(self.folder))), "claim-used")

    def test_candidates_at_both_and_one_proof(self):
        one, two = self.go("gw-1", "gw-2")
        _, a = self.certificate(one.ask(self.enroll(Key(self.folder))))
        _, b = self.certificate(two.ask(self.enroll(Key(self.folder), claim="c-2")))
        self.assertEqual(two.ask(self.proved(b, claim="c-2"))["kind"], "done")
        self.assertEqual(self.states(), {a: "revoked", b: "live"})
        self.refused(one.ask(self.proved(a)), "live-elsewhere")

    def test_the_same_job_id_at_both(self):
        one, two = self.go("gw-1", "gw-2")
        a = one.ask(self.enroll(Key(self.folder), job="same"))
        b = two.ask(self.enroll(Key(self.folder), device="ACME-0002", claim="c-2", job="same"))
        self.assertEqual((a["kind"], b["kind"]), ("issued", "issued"))

    def test_an_id_that_another_tenant_has_here(self):
        self.cloud.run("init", self.cloud.folder, "--gateway", "gw-1", "--tenant", "other")
        one = self.go("gw-1")
        self.aboard(one)
        self.refused(one.ask(self.enroll(Key(self.folder), tenant="other", claim="c-2")), "id-in-use")
        self.refused(one.ask(self.enroll(Key(self.folder), tenant="other", claim="c-1")), "wrong-tenant")


class ServerCertificate(cloud.Case):
    def request(self, key, subject="/"):
        return {"v": 1, "kind": "server-cert", "id": self.job(), "key": key.hash, "csr": b64(key.csr(subject))}

    def test_round_trip(self):
        gateway = self.go()
        request = self.request(Key(self.folder))
        answer = gateway.ask(request)
        der, _ = self.certificate(answer)
        self.assertEqual(gateway.ask(request)["certificate"], answer["certificate"])

        for purpose, name in (("device", "device-ca"), ("registrar", "registrar-ca")):
            anchor = openssl("x509", "-in", self.cloud.folder / f"{name}.crt", "-outform", "DER")
            self.assertEqual(answer["anchors"][purpose], [b64(anchor)])
        pem = self.folder / "server.pem"
        pem.write_bytes(openssl("x509", "-inform", "DER", stdin=der))
        openssl("verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "gw-1", "-CAfile",
                self.cloud.folder / "registrar-ca.crt", pem)
        text = openssl("x509", "-in", pem, "-noout", "-text").decode()
        self.assertIn("TLS Web Server Authentication, CMC Registration Authority", text)
        openssl("x509", "-in", pem, "-noout", "-checkend", str(29 * 86400))
        with self.assertRaises(subprocess.CalledProcessError):
            openssl("x509", "-in", pem, "-noout", "-checkend", str(31 * 86400))
        self.assertEqual(self.cloud.certificates(), [])  # those are the devices'

    def test_in_another_name(self):
        gateway = self.go()
        self.refused(gateway.ask(self.request(Key(self.folder), "/CN=gw-2")), "wrong-name")
        self.assertEqual(gateway.ask(self.request(Key(self.folder), "/CN=gw-1"))["kind"], "issued")


class BadBodies(cloud.Case):
    def test_garbage_costs_a_line(self):
        gateway = self.go()
        request = self.enroll(Key(self.folder))
        garbage = [b"", b"\0", b"\xff" * 100, b"{", b"[]", b"null", b"[" * 5000, b'{"v":1}',
                   json.dumps(request | {"v": 2}), json.dumps(request | {"kind": "bribe"}),
                   json.dumps(request | {"device": "a/b"}), json.dumps(request | {"key": "zz"}),
                   json.dumps(request | {"csr": "****"}), json.dumps(request | {"id": "x" * 65}),
                   json.dumps(request)[:-1], json.dumps(request) + "x"]
        for i, body in enumerate(garbage):
            gateway.publish("request", body)
            gateway.publish("answer", body)
            gateway.publish("status", body)
        self.assertEqual(gateway.ask(request)["kind"], "issued")
        lines = [line for line in self.cloud.log().splitlines() if "dropping it" in line]
        self.assertEqual(len(lines), 3 * len(garbage))
        self.assertIn("warning: request of gw-1: device is no id, dropping it", lines)

    def test_answers_and_statuses_that_nobody_waits_for(self):
        gateway = self.go()
        gateway.answer({"id": "command-1", "seq": 7})
        gateway.answer({"id": "command-1", "seq": 7}, "not-found")
        gateway.status(online=False)
        self.assertEqual(gateway.ask(self.enroll(Key(self.folder)))["kind"], "issued")
        self.assertIn("which was never asked", self.cloud.log())

    def test_a_gateway_that_is_not_on_record(self):
        # Its credential is good, its row is gone: as after a registry was restored from a copy.
        with contextlib.closing(sqlite3.connect(self.cloud.folder / "registry.db")) as registry:
            registry.executescript("DELETE FROM tenancy WHERE gateway = 'gw-2'; DELETE FROM gateway WHERE id = 'gw-2'")
        gateway = self.go("gw-2")
        request = self.enroll(Key(self.folder))
        self.refused(gateway.ask(request), "not-allowed", final=False)
        self.cloud.run("init", self.cloud.folder, "--gateway", "gw-2")
        self.assertEqual(gateway.ask(request)["kind"], "issued")


class Time(cloud.Case):
    def test_a_gateway_that_asks_for_nothing_else(self):
        gateway = self.go()
        before = int(time.time())
        answer = gateway.ask({"v": 1, "kind": "time", "id": "t-1"})
        self.assertEqual(answer["kind"], "done")
        self.assertTrue(before <= answer["time"] <= time.time())

if __name__ == "__main__":
    unittest.main()
