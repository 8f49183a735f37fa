#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gangway-registrar serves real DTLS clients by secret and by certificate, and tells the agent who they are."""
import subprocess
import threading

import datagrams
import door_agent
import patience
import registrar
import wire

PSK_SUITES = {
    "PSK-AES128-CCM8": "TLS_PSK_WITH_AES_128_CCM_8",
    "ECDHE-PSK-AES128-CBC-SHA256": "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256",
    "ECDHE-PSK-CHACHA20-POLY1305": "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256",
}
# What openssl has to be told before it shows a certificate that is signed with SHA-1.
WEAK = "ECDHE-ECDSA-AES128-CCM8"

CERTIFICATE_SUITES = {
    "ECDHE-ECDSA-AES128-CCM8": "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
    "ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
}


class BySecret(registrar.RegistrarCase):
    def test_suites(self):
        self.begin()
        for n, (cipher, name) in enumerate(PSK_SUITES.items(), 1):
            with self.subTest(cipher):
                client = self.s_client(*self.psk(cipher=cipher), wait=False)
                peer = self.agent.wait("peer", count=n)
                self.assertEqual((peer.proof, peer.identity, peer.suite, peer.serial, peer.key),
                                 (wire.PROOF_PSK, "ACME-1", name, b"", b""))
                text = client.communicate(b"")[0].decode()
                self.assertIn(f"Cipher is {cipher}", text)
                self.agent.wait("session_end", session=peer.session, reason="closed")
        # nothing to resume, not even an id
        self.assertRegex(text, r"Session-ID: *\n")

    def test_order_of_suites(self):
        self.begin()
        self.assertIn("Cipher is ECDHE-PSK-CHACHA20-POLY1305", self.s_client(
            *self.psk(cipher="PSK-AES128-CCM8:ECDHE-PSK-AES128-CBC-SHA256:ECDHE-PSK-CHACHA20-POLY1305")))

    def test_coap_clients(self):
        self.begin()
        for client in registrar.COAP_CLIENTS:
            with self.subTest(client):
                self.assertIn("ace.est.sen", self.coap(client, ".well-known/core"))

    def test_secret_ends_in_peer_or_failed(self):
        self.agent.settings = f"handshake_timeout={2 * patience.TIMES}\n"
        self.begin()
        self.s_client(*self.psk(key="ff" * 16), timeout=4 * patience.TIMES)
        query = self.agent.wait("secret_query", identity="ACME-1")
        self.agent.wait("failed", session=query.session, reason="timeout")
        self.assertEqual(self.agent.count("peer"), 0)

    def test_agent_says_no(self):
        self.agent.refuse.add("ACME-1")
        self.begin()
        self.assertNotIn("ace.est", self.coap(registrar.COAP_CLIENTS[0], ".well-known/core", "-B", "2"))
        self.assertEqual(self.agent.count("enroll") + self.agent.count("settings_query"), 0)

    def test_requests_wait_for_the_verdict(self):
        asked = threading.Event()

        def look(datagram):
            if datagram[0] == datagrams.APPLICATION_DATA:
                asked.set()
            return [datagram]

        self.agent.silent.add("ACME-1")
        self.begin()
        relay = datagrams.Relay(self.port(), client=look)
        self.addCleanup(relay.close)
        client = subprocess.Popen(
            [registrar.COAP_CLIENTS[0], "-u", "ACME-1", "-k", registrar.KEY,
             f"coaps://127.0.0.1:{relay.port}/.well-known/core"], stdout=subprocess.PIPE)
        peer = self.agent.wait("peer")
        self.assertTrue(asked.wait(patience.NEVER_S))
        self.assertNotIn(datagrams.APPLICATION_DATA, [d[0] for d in relay.from_server])
        self.agent.send("verdict", session=peer.session, allow=1, device="ACME-1")
        self.assertIn(b"ace.est.sen", client.communicate()[0])


class ByCertificate(registrar.RegistrarCase):
    with_certificates = True

    def certificate(self, name="ACME-1", **how):
        key, certificate = self.agent.authority.device(name, **how)
        return ["-key", str(key), "-cert", str(certificate)]

    def test_suites(self):
        self.begin()
        arguments = self.certificate()
        anchors = ["-CAfile", str(self.agent.authority.certificate), "-verify_return_error"]
        for n, (cipher, name) in enumerate(CERTIFICATE_SUITES.items(), 1):
            with self.subTest(cipher):
                client = self.s_client(*arguments, *anchors, "-cipher", cipher, wait=False)
                peer = self.agent.wait("peer", count=n)
                self.assertEqual((peer.proof, peer.identity, peer.suite),
                                 (wire.PROOF_CERTIFICATE, "ACME-1", name))
                text = client.communicate(b"")[0].decode()
                self.assertIn(f"Cipher is {cipher}", text)
                self.assertIn("Verification: OK", text)
        self.assertEqual(peer.fingerprint, self.fingerprint(arguments[3]))
        self.assertEqual(peer.key, self.key_hash(arguments[1]))
        self.assertEqual(peer.serial, self.serial(arguments[3]))

    @staticmethod
    def fingerprint(path):
        der = door_agent.openssl("x509", "-in", path, "-outform", "DER")
        return door_agent.openssl("dgst", "-sha256", "-binary", data=der)

    @staticmethod
    def key_hash(path):
        der = door_agent.openssl("pkey", "-in", path, "-pubout", "-outform", "DER")
        return door_agent.openssl("dgst", "-sha256", "-binary", data=der)

    @staticmethod
    def serial(path):
        text = door_agent.openssl("x509", "-in", path, "-noout", "-serial").decode()
        return bytes.fromhex(text.strip().partition("=")[2])

    def test_coap_clients(self):
        self.begin()
        key, certificate = self.agent.authority.device("ACME-1")
        for client in registrar.COAP_CLIENTS:
            with self.subTest(client):
                text = subprocess.run(
                    [client, "-c", str(certificate), "-j", str(key), "-C",
                     str(self.agent.authority.certificate),
                     f"coaps://127.0.0.1:{self.port()}/.well-known/gangway/config"],
                    stdout=subprocess.PIPE, check=True).stdout
                self.assertIn(b'"device":"ACME-1"', text)

    def test_enrols(self):
        self.begin()
        key, request = f"{self.folder}/device.key", f"{self.folder}/device.csr"
        door_agent.Authority.new_key(key)
        with open(request, "wb") as file:
            file.write(door_agent.openssl("req", "-new", "-key", key, "-subj", "/CN=ACME-1",
                                          "-outform", "DER"))
        for client in registrar.COAP_CLIENTS:
            with self.subTest(client):
                out = f"{self.folder}/issued.der"
                self.coap(client, ".well-known/est/sen", "-m", "post", "-t", "286", "-A", "287",
                          "-f", request, "-o", out, "-b", "64")
                text = door_agent.openssl("verify", "-CAfile", str(self.agent.authority.certificate),
                                          self.pem(out))
                self.assertIn(b"OK", text)

    def pem(self, der):
        path = f"{self.folder}/issued.pem"
        door_agent.openssl("x509", "-inform", "DER", "-in", der, "-out", path)
        return path

    def test_refused(self):
        """None of these is ever reported as a peer."""
        authority = self.agent.authority
        stranger = door_agent.Authority(self.folder, "stranger")
        no_sign = door_agent.DEVICE_EXTENSIONS.replace("digitalSignature", "keyAgreement")
        server = door_agent.DEVICE_EXTENSIONS.replace("clientAuth", "serverAuth")
        leaf_key, leaf = authority.device("LEAF-1")
        refused = {
            "no certificate": [],
            "a stranger's": stranger.device("ACME-1"),
            "for servers only": authority.device("ACME-2", server),
            "not for signing": authority.device("ACME-3", no_sign),
            "signed with SHA-1": authority.device("ACME-4", digest="sha1"),
            "not good yet": authority.device_from("ACME-5", 86400),
            "with a name that is no id": authority.device("two words"),
        }
        self.begin()
        for what, pair in refused.items():
            with self.subTest(what):
                arguments = ["-key", str(pair[0]), "-cert", str(pair[1])] if pair else []
                text = self.s_client(*arguments, "-cipher", WEAK)
                self.assertIn("alert", text)
                self.assertEqual(self.agent.count("peer"), 0)
        # and a good one is let in after all of them
        self.s_client("-key", str(leaf_key), "-cert", str(leaf))
        self.agent.wait("peer", identity="LEAF-1")

    def test_expired_and_nothing_else(self):
        """Such a one is for the agent to judge. A bad date hides no other fault, with a clock and without."""
        authority = self.agent.authority
        stranger = door_agent.Authority(self.folder, "stranger")
        extensions = door_agent.DEVICE_EXTENSIONS
        middle = door_agent.Authority(self.folder, "middle")
        request = door_agent.openssl("req", "-new", "-key", str(middle.key), "-subj", "/CN=middle")
        middle.certificate.write_bytes(authority.sign(request, "/CN=middle", door_agent.CA_EXTENSIONS, days=-1))
        worse = {
            "a stranger's": stranger.device("ACME-1", days=-1),
            "for servers only": authority.device("ACME-2", extensions.replace("clientAuth", "serverAuth"), days=-1),
            "not for signing": authority.device("ACME-3", extensions.replace("digitalSignature", "keyAgreement"),
                                                days=-1),
            "signed with SHA-1": authority.device("ACME-4", days=-1, digest="sha1"),
            "with a name that is no id": authority.device("two words", days=-1),
            "with what nobody understands": authority.device(
                "ACME-6", extensions + "1.2.3.4.5.6=critical,ASN1:NULL\n", days=-1),
            "signed by nobody": authority.device("ACME-7", days=-1),
            "under an issuer that expired": (*middle.device("ACME-8"), "-cert_chain", str(middle.certificate)),
        }
        self.forge(worse["signed by nobody"][1])
        key, expired = authority.device("ACME-5", days=-1)
        self.begin()
        for trusted in (1, 0):
            self.agent.tell_clock(trusted)
            before = self.agent.count("peer")
            for what, (bad_key, bad, *more) in worse.items():
                if not trusted and "issuer" in what:
                    continue  # nobody knows then whether it has
                with self.subTest(what, trusted=trusted):
                    arguments = ["-key", str(bad_key), "-cert", str(bad), *more, "-cipher", WEAK]
                    self.assertIn("alert", self.s_client(*arguments))
                    self.assertEqual(self.agent.count("peer"), before)
            self.s_client("-key", str(key), "-cert", str(expired))
            self.agent.wait("peer", identity="ACME-5", count=before + 1)

    @staticmethod
    def forge(path):
        """Changes what is signed, but not the signature."""
        der = door_agent.openssl("x509", "-in", str(path), "-outform", "DER")
        assert der.count(b"ACME-7") == 1
        path.write_bytes(door_agent.openssl("x509", "-inform", "DER", data=der.replace(b"ACME-7", b"ACME-9")))

    def test_dates_do_not_matter_without_a_clock(self):
        self.agent.clock_trusted = False
        expired = self.agent.authority.device("ACME-5", days=-1)
        sha1 = self.agent.authority.device("ACME-4", days=-1, digest="sha1")
        self.begin()
        self.assertIn("alert", self.s_client("-key", str(sha1[0]), "-cert", str(sha1[1]), "-cipher", WEAK))
        self.s_client("-key", str(expired[0]), "-cert", str(expired[1]))
        self.agent.wait("peer", identity="ACME-5")
        self.assertEqual(self.agent.count("peer"), 1)

    def test_clock_stands_long_before_everything(self):
        """As it does in a gateway without a battery: anchors, our own certificate and the device's."""
        authority, later = self.agent.authority, 10 * door_agent.YEAR
        self.agent.clock_trusted = False
        self.agent.server_start = later
        authority.move_to(later)
        key, certificate = authority.device_from("ACME-7", later)
        self.begin()
        self.s_client("-key", str(key), "-cert", str(certificate))
        self.agent.wait("peer", identity="ACME-7")
        self.agent.tell_clock(trusted=True)
        self.assertIn("alert", self.s_client("-key", str(key), "-cert", str(certificate)))
        self.assertEqual(self.agent.count("peer"), 1)

    def test_intermediates_are_not_kept(self):
        """One device's intermediate is no anchor for the next device."""
        middle = door_agent.Authority(self.folder, "middle")
        request = door_agent.openssl("req", "-new", "-key", str(middle.key), "-subj", "/CN=middle")
        middle.certificate.write_bytes(
            self.agent.authority.sign(request, "/CN=middle", door_agent.CA_EXTENSIONS))
        key, certificate = middle.device("ACME-6")
        arguments = ["-key", str(key), "-cert", str(certificate)]
        self.begin()
        self.assertIn("alert", self.s_client(*arguments))
        self.s_client(*arguments, "-cert_chain", str(middle.certificate))
        self.agent.wait("peer", identity="ACME-6")
        self.assertIn("alert", self.s_client(*arguments))
        self.assertEqual(self.agent.count("peer"), 1)

    def test_secret_wins(self):
        """A client that offers both is one that has a secret."""
        self.begin()
        self.s_client(*self.certificate(), *self.psk())
        self.agent.wait("peer", proof=wire.PROOF_PSK)


class Credentials(registrar.RegistrarCase):
    with_certificates = True

    def test_certificate_is_renewed(self):
        """After two thirds of its life, but not before a few seconds have passed."""
        long_s, self.agent.server_life_s = self.agent.server_life_s, 9 * patience.TIMES
        sign = self.agent._on_server_csr

        def sign_and_be_generous(m):
            sign(m)
            self.agent.server_life_s = long_s

        self.agent._on_server_csr = sign_and_be_generous
        self.begin()
        first = self.agent.wait("server_csr")
        second = self.agent.wait("server_csr", count=2)
        self.assertNotEqual(first.key, second.key)
        self.wait_for_log("We have a certificate of our own", count=2)
        key, certificate = self.agent.authority.device("ACME-1")
        self.s_client("-key", str(key), "-cert", str(certificate))
        self.agent.wait("peer", identity="ACME-1")
        self.assertEqual(self.agent.count("server_csr"), 2)

    def test_agent_comes_back(self):
        """Its sessions are void, the certificate stays, and everything works again."""
        self.begin()
        key, certificate = self.agent.authority.device("ACME-1")
        arguments = ["-key", str(key), "-cert", str(certificate)]
        client = self.s_client(*arguments, wait=False)
        self.agent.wait("peer")
        self.agent.drop_link()
        client.wait(patience.NEVER_S)  # it was told
        client.communicate()
        self.agent.wait("hello", count=2)
        self.s_client(*arguments)
        self.agent.wait("peer", count=2)
        self.assertEqual(self.agent.count("server_csr"), 1)

    def test_certificate_for_another_key(self):
        other = self.agent.authority.device("other", door_agent.SERVER_EXTENSIONS)[1]
        der = door_agent.openssl("x509", "-in", str(other), "-outform", "DER")
        self.begin()
        self.agent.send("server_cert", key=bytes(32), certificate=der)
        self.wait_for_log("is no good (nobody asked for it)")
        self.s_client(*self.psk())
        self.agent.wait("peer")


class Switched(registrar.RegistrarCase):
    settings = "psk_ccm8=no\n"

    def test_ccm8_can_be_switched_off(self):
        self.begin()
        self.assertIn("handshake failure", self.s_client(*self.psk(cipher="PSK-AES128-CCM8")))
        self.assertIn("Cipher is ECDHE-PSK", self.s_client(*self.psk()))

    def test_certificates_are_not_served_before_there_is_one(self):
        self.begin()
        self.assertIn("handshake failure",
                      self.s_client("-cipher", "ECDHE-ECDSA-AES128-CCM8"))


if __name__ == "__main__":
    registrar.main()
