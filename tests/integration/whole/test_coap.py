# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices that are not ours: libcoap over two TLS stacks, keys and requests by openssl."""
import json
import unittest

import coap
import lab


class Stacks(unittest.TestCase):
    """The whole way aboard, with each stack."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())

    def test_aboard(self):
        for stack in coap.STACKS:
            with self.subTest(stack):
                client = coap.claimed_client(self.lab, f"ABOARD-{stack.upper()}", stack=stack)
                settings = json.loads(coap.come_aboard(client).payload)
                self.assertEqual((settings["device"], settings["tenant"]), (client.id, "default"))
                verified = client.openssl("verify", "-x509_strict", "-CAfile",
                                          self.lab.variables["GANGWAY_CA"],
                                          client.file("certificate.pem"))
                self.assertIn("OK", verified)

    def test_certificate_authorities(self):
        for stack in coap.STACKS:
            with self.subTest(stack):
                client = coap.claimed_client(self.lab, f"CRTS-{stack.upper()}", stack=stack)
                client.keep_certificate(client.ask("get", "est/crts"))
                known = client.openssl("x509", "-in", self.lab.variables["GANGWAY_CA"])
                self.assertIn(known, client.file("certificate.pem").read_text())

    def test_a_gateway_of_others_is_not_trusted(self):
        """The anchors are looked at: with others in their place nobody comes aboard."""
        for stack in coap.STACKS:
            with self.subTest(stack):
                client = coap.claimed_client(self.lab, f"OTHERS-{stack.upper()}", stack=stack)
                client.new_key()
                client.keep_certificate(client.get_certificate(client.request()))
                client.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                               "-nodes", "-subj", "/CN=others", "-keyout", client.file("others.key"),
                               "-out", client.file("anchors.pem"))
                answer = client.ask_with_certificate("get", "gangway/config")
                self.assertEqual(answer.payload, b"")
                self.assertEqual(self.lab.state(client.id), "issued")
                client.keep_anchors()
                self.assertTrue(client.ask_with_certificate("get", "gangway/config").payload)
                self.lab.wait_for_state(client.id, "onboarded")

    def test_small_blocks(self):
        for stack in coap.STACKS:
            with self.subTest(stack):
                client = coap.claimed_client(self.lab, f"BLOCKS-{stack.upper()}", stack=stack)
                client.new_key()
                client.keep_certificate(client.get_certificate(client.request(), "-b", "64"))
                self.assertIn("BEGIN CERT", client.file("certificate.pem").read_text())

    def test_a_quarter_of_the_datagrams_is_lost(self):
        client = coap.claimed_client(self.lab, "LOSS-1")
        client.new_key()
        request = client.request()
        # The client gives up after ten seconds of its own; a device would come again, and so do we.
        client.keep_certificate(lab.wait_for("it gets through", lambda: (
            answer := client.enroll(request, "-l", "25%")).payload and answer, limit=10 * lab.NEVER_S))
        self.assertEqual(len(self.lab.certificates("LOSS-1")), 1)

    def test_directory(self):
        client = coap.claimed_client(self.lab, "CORE-1")
        everything = client.ask("get", "core").payload.decode()
        for path in ("est/crts", "est/sen", "est/sren", "est/att", "brski/es", "gangway/config"):
            self.assertIn(f"</.well-known/{path}>", everything)
        some = client.ask("get", "core?rt=ace.est*").payload.decode()
        self.assertIn("</.well-known/est/sen>", some)
        self.assertNotIn("brski", some)

    def test_nothing_but_that(self):
        client = coap.claimed_client(self.lab, "NOT-1")
        self.assertIn("4.04", client.ask("get", "est/skg").said)
        self.assertIn("4.05", client.ask("get", "est/sen").said)
        self.assertIn("4.15", client.ask("post", "est/sen", "-t", "0", "-e", "hello").said)


class Requests(unittest.TestCase):
    """Signing requests that are refused, each with its reason: to the device, to the operator, on record."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.client = coap.claimed_client(cls.lab, "CSR-1")

    def assert_refused(self, request, code, reason):
        answer = self.client.enroll(request)
        self.assertEqual(answer.payload, b"")
        self.assertRegex(answer.said, f"^{code} {reason}: ")
        shown = self.lab.show(self.client.id)
        self.assertEqual((shown["state"], shown["reason"]), ("claimed", reason))
        self.assertEqual([e["reason"] for e in self.lab.audit() if e["device"] == self.client.id][-1], reason)
        self.assertEqual(self.lab.certificates(self.client.id), [])

    def test_no_request_at_all(self):
        self.assert_refused(b"hello, world", "4.00", "bad-csr")
        self.assert_refused(b"\x30\x82\xff\xff", "4.00", "bad-csr")

    def test_trailing_bytes(self):
        self.client.new_key()
        self.assert_refused(self.client.request() + b"\0\0\0\0", "4.00", "bad-csr")

    def test_cut_short(self):
        self.client.new_key()
        self.assert_refused(self.client.request()[:-1], "4.00", "bad-csr")

    def test_signature_of_something_else(self):
        self.client.new_key()
        request = bytearray(self.client.request())
        request[-3] ^= 1
        self.assert_refused(bytes(request), "4.00", "bad-signature")

    def test_sha_1(self):
        self.client.new_key()
        self.assert_refused(self.client.request("-sha1"), "4.00", "weak-hash")

    def test_weak_keys(self):
        for kind in (("genrsa", "1024"), ("ecparam", "-genkey", "-noout", "-name", "secp224r1")):
            with self.subTest(kind):
                name, *options = kind
                if name == "genrsa":
                    self.client.openssl("genrsa", "-out", self.client.file("key.pem"), *options)
                else:
                    self.client.new_key(*kind)
                self.assert_refused(self.client.request(), "4.00", "weak-key")

    def test_too_large(self):
        self.client.new_key()
        names = ",".join(f"DNS:host-{i:04}.example.org" for i in range(200))
        self.assert_refused(self.client.request("-addext", f"subjectAltName={names}"),
                            "4.13", "too-large")

    def test_another_name(self):
        self.client.new_key()
        self.assert_refused(self.client.request(name="CSR-2"), "4.00", "wrong-name")

    def test_good_keys(self):
        for number, kind in enumerate((("ecparam", "-genkey", "-noout", "-name", "secp384r1"),
                                       ("genpkey", "-algorithm", "ed25519"))):
            with self.subTest(kind):
                client = coap.claimed_client(self.lab, f"KEY-{number}")
                client.new_key(*kind)
                client.keep_certificate(client.get_certificate(client.request()))
                self.assertEqual(self.lab.state(client.id), "issued")


class Keys(unittest.TestCase):
    """One device, one key, one certificate."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())

    def states(self, device_id):
        return sorted(c["state"] for c in self.lab.certificates(device_id))

    def test_the_same_key_gets_the_same_certificate(self):
        client = coap.claimed_client(self.lab, "SAME-1")
        client.new_key()
        first = client.get_certificate(client.request())
        second = client.get_certificate(client.request("-addext", "subjectAltName=DNS:other.example.org"))
        self.assertEqual(first.payload, second.payload)
        self.assertEqual(self.states("SAME-1"), ["candidate"])

    def test_another_key_supersedes(self):
        client = coap.claimed_client(self.lab, "OTHER-1")
        for _ in range(2):
            client.new_key()
            client.keep_certificate(client.get_certificate(client.request()))
        self.lab.wait_for_rest()
        self.assertEqual(self.states("OTHER-1"), ["candidate", "revoked"])
        coap.come_aboard(client)
        self.lab.wait_for_rest()
        self.assertEqual(self.states("OTHER-1"), ["live", "revoked", "revoked"])

    def test_a_fourth_key_is_one_too_many(self):
        client = coap.claimed_client(self.lab, "FOUR-1")
        for _ in range(3):
            client.new_key()
            client.get_certificate(client.request())
            client.file("key.pem").rename(client.file("last.pem"))
        client.new_key()
        self.assertRegex(client.enroll(client.request()).said, "^4.03 too-many-keys")
        self.assertEqual(self.lab.show("FOUR-1")["reason"], "too-many-keys")
        client.file("last.pem").rename(client.file("key.pem"))
        client.keep_certificate(client.get_certificate(client.request()))
        client.ask_with_certificate("get", "gangway/config")
        self.lab.wait_for_state("FOUR-1", "onboarded")

    def test_a_new_claim_allows_new_keys(self):
        client = coap.claimed_client(self.lab, "ANEW-1")
        coap.come_aboard(client)
        before = self.lab.certificates("ANEW-1")[0]["serial"]
        self.lab.refusal("claim", "-", input=client.label)
        self.lab.claim(client, "--replace")
        coap.come_aboard(client)
        self.lab.wait_for_rest()
        after = {c["serial"]: c["state"] for c in self.lab.certificates("ANEW-1")}
        self.assertEqual(sorted(after.values()), ["live", "revoked"])
        self.assertEqual(after[before], "revoked")

    def test_a_certificate_from_elsewhere_is_not_let_in(self):
        client = coap.Client(self.lab, "ROGUE-1")
        client.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                       "-nodes", "-subj", "/CN=ROGUE-1", "-days", "1",
                       "-keyout", client.file("key.pem"), "-out", client.file("certificate.pem"))
        answer = client.ask_with_certificate("get", "gangway/config")
        self.assertEqual(answer.payload, b"")
        self.assertIsNone(self.lab.state("ROGUE-1"))

    def test_a_retired_certificate_is_not_served(self):
        client = coap.claimed_client(self.lab, "RETIRED-1")
        coap.come_aboard(client)
        old = client.file("certificate.pem").read_text(), client.file("key.pem").read_text()
        self.lab.claim(client, "--replace")
        coap.come_aboard(client)
        client.file("certificate.pem").write_text(old[0])
        client.file("key.pem").write_text(old[1])
        answer = client.ask_with_certificate("get", "gangway/config")
        self.assertNotIn(b"device", answer.payload)
