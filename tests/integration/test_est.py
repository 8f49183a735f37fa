#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""EST over CoAP as libcoap's clients speak it, with requests made by openssl and answers read by it: each
operation, bodies in blocks of all sizes, lost datagrams, and what comes when the cloud takes its time."""
import pathlib
import subprocess
import time
import unittest

import door_agent
import patience
import registrar
import wire

EST = ".well-known/est/"
ATTRIBUTES = bytes.fromhex("302106082a8648ce3d040302301506072a8648ce3d0201310a06082a8648ce3d030107")


class EstCase(registrar.RegistrarCase):
    with_certificates = True
    credentials = ["-u", "ACME-1", "-k", registrar.KEY]

    def setUp(self):
        super().setUp()
        self.begin()
        self.key = self.file("device.key")
        door_agent.Authority.new_key(self.key)
        self.request = self.new_request("/CN=ACME-1")

    def file(self, name):
        return str(pathlib.Path(self.folder, name))

    def new_request(self, subject, *options, key=None):
        path = self.file("device.csr")
        door_agent.openssl("req", "-new", "-key", key or self.key, "-subj", subject, *options,
                           "-outform", "DER", "-out", path)
        return path

    def coap(self, client, path, *arguments):
        """What the client prints."""
        uri = f"coaps://127.0.0.1:{self.port()}/{path}"
        return subprocess.run([client, *self.credentials, *arguments, uri], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=2 * patience.NEVER_S, check=False).stdout.decode()

    def try_to_fetch(self, client, path, *arguments):
        """The body of a response, or nothing; and what the client prints."""
        out = pathlib.Path(self.file("out"))
        out.unlink(missing_ok=True)
        text = self.coap(client, path, *arguments, "-o", str(out))
        return out.read_bytes() if out.exists() else b"", text

    def fetch(self, client, path, *arguments):
        """The body of a response."""
        body, text = self.try_to_fetch(client, path, *arguments)
        self.assertTrue(body, text)
        return body

    def post(self, client, path, *arguments, request=None):
        """What the client prints after posting a signing request."""
        return self.coap(client, path, "-m", "post", "-t", "286", "-f", request or self.request,
                         *arguments)

    def enrol(self, client, path=EST + "sen", *arguments):
        return self.fetch(client, path, "-m", "post", "-t", "286", "-f", self.request, *arguments)

    def from_pkcs7(self, body):
        return door_agent.openssl("pkcs7", "-inform", "DER", "-print_certs", data=body)

    def assert_issued(self, pem):
        """The certificate verifies and holds the device's key."""
        path = self.file("issued.pem")
        pathlib.Path(path).write_bytes(pem)
        door_agent.openssl("verify", "-x509_strict", "-purpose", "sslclient", "-CAfile",
                           str(self.agent.authority.certificate), path)
        self.assertEqual(door_agent.openssl("x509", "-in", path, "-noout", "-pubkey"),
                         door_agent.openssl("pkey", "-in", self.key, "-pubout"))
        return path


class Operations(EstCase):
    def test_anchors(self):
        expected = self.agent.authority.der()
        for client in registrar.COAP_CLIENTS:
            with self.subTest(client):
                text = self.from_pkcs7(self.fetch(client, EST + "crts"))
                self.assertEqual(door_agent.openssl("x509", "-outform", "DER", data=text), expected)
                self.assertEqual(self.fetch(client, EST + "crts", "-A", "287"), expected)

    def test_attributes(self):
        for client in registrar.COAP_CLIENTS:
            with self.subTest(client):
                self.assertEqual(self.fetch(client, EST + "att"), ATTRIBUTES)
        door_agent.openssl("asn1parse", "-inform", "DER", data=ATTRIBUTES)

    def test_discovery(self):
        for client in registrar.COAP_CLIENTS:
            with self.subTest(client):
                links = self.coap(client, ".well-known/core?rt=ace.est*").strip().split(",")
                self.assertEqual([link.partition(">")[0] for link in links],
                                 [f"</{EST}{name}" for name in ("crts", "att", "sen", "sren")])

    def test_enrolment(self):
        for client in registrar.COAP_CLIENTS:
            with self.subTest(client):
                self.assert_issued(self.from_pkcs7(self.enrol(client)))
                self.assert_issued(door_agent.openssl(
                    "x509", "-inform", "DER",
                    data=self.enrol(client, EST + "factory/sen", "-A", "287")))
        enroll = self.agent.wait("enroll")
        self.assertEqual(enroll.csr, pathlib.Path(self.request).read_bytes())
        self.assertEqual(enroll.renew, 0)

    def test_blocks_of_all_sizes(self):
        for client in registrar.COAP_CLIENTS:
            for size in (16, 32, 64, 128, 256, 512, 1024):
                with self.subTest(client, size=size):
                    self.assert_issued(self.from_pkcs7(
                        self.enrol(client, EST + "sen", "-b", str(size))))

    def test_large_requests(self):
        names = ",".join(f"DNS:name-{n}.of-a-large-request.example" for n in range(80))
        self.request = self.new_request("/CN=ACME-1", "-addext", f"subjectAltName={names}")
        self.assertGreater(pathlib.Path(self.request).stat().st_size, 3000)
        for client in registrar.COAP_CLIENTS:
            with self.subTest(client):
                self.assert_issued(self.from_pkcs7(self.enrol(client)))

    def test_lost_datagrams(self):
        """The GnuTLS client gives up ("cannot send CoAP pdu") when its own -l drops what it sends at the
        start of a handshake, about once in twelve runs."""
        for _ in range(10):  # one that gives up is switched on again, as a device would be
            answer, _ = self.try_to_fetch("coap-client-openssl", EST + "sen", "-m", "post", "-t", "286", "-f",
                                          self.request, "-b", "64", "-l", "20%")
            if answer:
                break
        self.assert_issued(self.from_pkcs7(answer))

    def test_non_confirmable(self):
        for client in registrar.COAP_CLIENTS:
            with self.subTest(client):
                self.assert_issued(self.from_pkcs7(self.enrol(client, EST + "sen", "-N")))


class Refusals(EstCase):
    def test_formats(self):
        for client in registrar.COAP_CLIENTS:
            with self.subTest(client):
                self.assertIn("4.06", self.coap(client, EST + "crts", "-A", "50"))
                self.assertIn("4.15", self.coap(client, EST + "sen", "-m", "post", "-t", "50",
                                                "-f", self.request))
                self.assertIn("4.04", self.coap(client, EST + "skg"))
                self.assertIn("4.05", self.coap(client, EST + "sen"))
                self.assertIn("4.02", self.coap(client, EST + "crts", "-O", "65001,x"))

    def test_requests(self):
        self.new_key("p521", "EC", "ec_paramgen_curve:P-521")
        self.new_key("rsa1024", "RSA", "rsa_keygen_bits:1024")
        cases = {
            "bad-csr": self.damaged("more", lambda der: der + b"\0"),
            "bad-signature": self.damaged("flipped", lambda der: der[:-1] + bytes([der[-1] ^ 1])),
            "wrong-name": self.saved("name", "/CN=ACME-2"),
            "weak-hash": self.saved("sha1", "/CN=ACME-1", "-sha1"),
        }
        for name in ("p521", "rsa1024"):
            cases[f"weak-key {name}"] = self.saved(name, "/CN=ACME-1", key=self.file(name))
        for n, (reason, request) in enumerate(cases.items()):
            reason = reason.split()[0]
            client = registrar.COAP_CLIENTS[n % 2]
            with self.subTest(reason, client=client):
                self.assertIn(f"4.00 {reason}: ", self.post(client, EST + "sen", request=request))
                self.agent.wait("rejected", reason=reason)
        self.assertEqual(self.agent.count("enroll"), 0)

    def new_key(self, name, algorithm, option):
        door_agent.openssl("genpkey", "-algorithm", algorithm, "-pkeyopt", option, "-out",
                           self.file(name))

    def saved(self, name, subject, *options, key=None):
        path = pathlib.Path(self.new_request(subject, *options, key=key))
        return str(path.rename(self.file(f"{name}.csr")))

    def damaged(self, name, how):
        path = pathlib.Path(self.saved(name, "/CN=ACME-1"))
        path.write_bytes(how(path.read_bytes()))
        return str(path)

    def test_too_large(self):
        names = ",".join(f"DNS:name-{n}.of-a-large-request.example" for n in range(120))
        request = self.saved("large", "/CN=ACME-1", "-addext", f"subjectAltName={names}")
        for n, client in enumerate(registrar.COAP_CLIENTS, 1):
            with self.subTest(client):
                self.assertIn("4.13", self.post(client, EST + "sen", request=request))
                self.agent.wait("rejected", count=n, reason="too-large")

    def test_renewal_by_secret(self):
        for client in registrar.COAP_CLIENTS:
            with self.subTest(client):
                self.assertIn("4.03 needs a session with a certificate",
                              self.post(client, EST + "sren"))
                self.assertIn("4.03", self.coap(client, ".well-known/gangway/config"))


class Patience(EstCase):
    """The agent takes its time, or answers as the test says."""

    def setUp(self):
        super().setUp()
        self.issue = self.agent._on_enroll

    def answer_with(self, **fields):
        def answer(m):
            self.agent.send("enrolled", session=m.session, request=m.request, **fields)
        self.agent._on_enroll = answer

    def test_a_slow_cloud(self):
        """Longer than half a second: a separate response, which the client acknowledges."""
        def answer(m):
            time.sleep(1)  # is what is tested, not a wait for something
            self.issue(m)
        self.agent._on_enroll = answer
        for client in registrar.COAP_CLIENTS:
            with self.subTest(client):
                self.assert_issued(self.from_pkcs7(self.enrol(client, EST + "sen", "-b", "64")))

    def test_a_cloud_too_slow(self):
        self.agent._on_enroll = lambda m: None
        client = registrar.COAP_CLIENTS[0]
        self.assertIn("5.03", self.post(client, EST + "sen"))
        # the answer that comes now has nobody waiting; asked again it is there at once
        self.agent._on_enroll = self.issue
        self.assert_issued(self.from_pkcs7(self.enrol(client)))

    def test_no_cloud(self):
        """Known to be away: nobody waits, but the agent is asked all the same."""
        self.agent.send("cloud_state", state=wire.OFFLINE)
        self.agent._on_enroll = lambda m: None
        for n, client in enumerate(registrar.COAP_CLIENTS, 1):
            with self.subTest(client):
                self.assertIn("5.03", self.post(client, EST + "sen"))
                self.agent.wait("enroll", count=n)

    def test_pending(self):
        self.answer_with(outcome=wire.PENDING, retry_after_s=77)
        for client in registrar.COAP_CLIENTS:
            with self.subTest(client):
                text = self.post(client, EST + "sen", "-v", "7")
                self.assertIn("5.03", text)
                self.assertIn("Max-Age:77", text)

    def test_refused(self):
        self.answer_with(outcome=wire.REFUSED, reason="too-many-keys")
        for client in registrar.COAP_CLIENTS:
            with self.subTest(client):
                self.assertIn("4.03 too-many-keys: The device has tried three keys",
                              self.post(client, EST + "sen"))


class WithCertificate(EstCase):
    """The second session."""

    def setUp(self):
        super().setUp()
        own = self.assert_issued(self.from_pkcs7(self.enrol(registrar.COAP_CLIENTS[0])))
        self.credentials = ["-c", own, "-j", self.key, "-C", str(self.agent.authority.certificate)]

    def test_renewal(self):
        for n, client in enumerate(registrar.COAP_CLIENTS, 1):
            with self.subTest(client):
                self.assert_issued(self.from_pkcs7(self.enrol(client, EST + "sren", "-b", "256")))
                self.agent.wait("enroll", count=n, renew=1)

    def test_settings(self):
        for client in registrar.COAP_CLIENTS:
            with self.subTest(client):
                self.assertIn('{"version":1,"device":"ACME-1","tenant":"acme",'
                              '"cloud":"mqtts://cloud:8883"}',
                              self.coap(client, ".well-known/gangway/config"))

    def test_report(self):
        report = self.file("report")
        pathlib.Path(report).write_text('{"version":1,"status":true,"reason":"at last"}')
        for n, client in enumerate(registrar.COAP_CLIENTS, 1):
            with self.subTest(client):
                text = self.coap(client, ".well-known/brski/es", "-m", "post", "-t", "50",
                                 "-f", report)
                self.assertNotIn("4.", text)
                message = self.agent.wait("report", count=n)
                self.assertEqual((message.ok, message.text), (1, "at last"))
        pathlib.Path(report).write_text('{"version":1}')
        self.assertIn("4.00", self.coap(registrar.COAP_CLIENTS[0], ".well-known/brski/es", "-m",
                                        "post", "-t", "50", "-f", report))


if __name__ == "__main__":
    unittest.main()
