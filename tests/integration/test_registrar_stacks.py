#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gangway-registrar serves other people's DTLS stacks, as they come and with what they can be told: OpenSSL,
GnuTLS and Mbed TLS, by secret and by certificate."""
import os
import pathlib
import re
import shutil
import subprocess

import datagrams as d
import patience
import registrar

STACKS = pathlib.Path(__file__).resolve().parent / "stacks"
BUILD = pathlib.Path(os.environ.get("top_builddir", "build"))
MBEDTLS = BUILD / "tests/integration/stacks/mbedtls"
CORE = "ace.est.sen"


class StackCase(registrar.RegistrarCase):
    settings = "secret_rate=1000\nhandshakes_per_source=1000\n"
    with_certificates = True

    def setUp(self):
        super().setUp()
        key, certificate = self.agent.authority.device("ACME-1")
        self.key, self.certificate = str(key), str(certificate)
        self.authority = str(self.agent.authority.certificate)
        self.prepare()
        self.begin()
        self.n_peers = 0

    def prepare(self):
        """What has to be done before the registrar starts."""

    def assert_peer(self, said, name=None):
        """One more peer came in; returns the suite."""
        self.n_peers += 1
        try:
            peer = self.agent.wait("peer", count=self.n_peers)
        except AssertionError:
            peer = None
        if not peer:
            self.n_peers -= 1
            self.fail(f"it did not come in: {said}")
        if name:
            self.assertEqual(peer.suite, name)
        return peer

    @staticmethod
    def run_tool(*command, data=b"", timeout=patience.NEVER_S):
        """What a tool says, whether it ends well or not."""
        return subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=timeout, check=False).stdout.decode(errors="replace")


class OpenSsl(StackCase):
    def proofs(self):
        return {"secret": self.psk(),
                "certificate": ["-key", self.key, "-cert", self.certificate, "-CAfile", self.authority,
                                "-verify_return_error"]}

    OPTIONS = (
        ["-fallback_scsv"], ["-no_etm"], ["-legacy_renegotiation"], ["-legacy_server_connect"],
        ["-no_ticket"], ["-servername", "gateway.local"], ["-alpn", "coap,est"], ["-status"],
        ["-maxfraglen", "512"], ["-maxfraglen", "4096"], ["-groups", "P-256"], ["-groups", "P-384:P-256"],
        ["-groups", "P-521:X448:P-256"], ["-mtu", "400"], ["-mtu", "600"], ["-mtu", "1400"], ["-bugs"],
        ["-no_comp"], ["-use_srtp", "SRTP_AES128_CM_SHA1_80"],
    )

    def test_options(self):
        for what, proof in self.proofs().items():
            for option in self.OPTIONS:
                with self.subTest(f"{what}: {' '.join(option)}"):
                    said = self.s_client(*proof, *option)
                    self.assert_peer(said)
                    self.assertIn("Verification: OK", said)

    def test_smallest_mtu(self):
        """A hello that fits is all it takes; the certificate comes in pieces."""
        for what, cipher in ("secret", "PSK-AES128-CCM8"), ("certificate", "ECDHE-ECDSA-AES128-CCM8"):
            with self.subTest(what):
                self.assert_peer(self.s_client(*self.proofs()[what], "-cipher", cipher, "-mtu", "256"))

    def test_signatures(self):
        for name in ("ECDSA+SHA256", "ECDSA+SHA384", "ECDSA+SHA512"):
            with self.subTest(name):
                self.assert_peer(self.s_client(*self.proofs()["certificate"], "-sigalgs", name))
        self.assertIn("alert handshake failure",
                      self.s_client(*self.proofs()["certificate"], "-sigalgs", "RSA+SHA256"))

    def test_wrong_groups(self):
        """A refusal, not a group that was never offered."""
        for what, proof in self.proofs().items():
            with self.subTest(what):
                self.assertIn("alert handshake failure", self.s_client(
                    *proof, "-groups", "P-521:X448", "-cipher", "ECDHE"))
        self.assert_peer(self.s_client(*self.psk(), "-groups", "P-521", "-cipher",
                                       "ECDHE-PSK-CHACHA20-POLY1305:PSK-AES128-CCM8"),
                         "TLS_PSK_WITH_AES_128_CCM_8")

    def test_no_resumption(self):
        for what, proof in self.proofs().items():
            with self.subTest(what):
                path = f"{self.folder}/session-{what}"
                said = self.s_client(*proof, "-sess_out", path, "-reconnect")
                self.assertEqual(len(re.findall("^New, TLSv", said, re.M)), 6, said)
                self.assertNotIn("Reused", said)
                for _ in range(6):
                    self.assert_peer(said)
                self.assertFalse(os.path.exists(path))

    def test_renegotiation(self):
        client = self.s_client(*self.psk(), wait=False)
        peer = self.assert_peer("")
        client.stdin.write(b"R\n")
        client.stdin.flush()
        self.agent.wait("session_end", session=peer.session)
        self.assertIn(b"alert", client.communicate()[0])
        self.assert_peer(self.s_client(*self.psk()))


class GnuTls(StackCase):
    def setUp(self):
        if not shutil.which("gnutls-cli"):
            self.skipTest("gnutls-cli not found: install gnutls-bin")
        super().setUp()

    PRIORITIES = {
        "secret": ("NORMAL:-KX-ALL:+PSK:-CIPHER-ALL:+AES-128-CCM-8",
                   "SECURE128:+PSK:+AES-128-CCM-8:-ECDHE-PSK",
                   "NORMAL:-KX-ALL:+PSK:+AES-128-CCM-8:%NO_SESSION_HASH:%NO_ETM",
                   "NORMAL:-KX-ALL:+PSK:+AES-128-CCM-8:%NO_EXTENSIONS",
                   "NORMAL:-KX-ALL:+PSK:+AES-128-CCM-8:%DISABLE_SAFE_RENEGOTIATION"),
        "certificate": ("NORMAL", "PERFORMANCE", "LEGACY", "PFS", "SECURE128", "SECURE192",
                        "NORMAL:-CIPHER-ALL:+AES-128-CCM-8", "NORMAL:-CIPHER-ALL:+CHACHA20-POLY1305",
                        "NORMAL:-GROUP-ALL:+GROUP-X25519", "NORMAL:-GROUP-ALL:+GROUP-SECP384R1",
                        "NORMAL:-GROUP-ALL:+GROUP-SECP521R1:+GROUP-SECP256R1",
                        "NORMAL:%NO_EXTENSIONS", "NORMAL:%NO_SESSION_HASH", "NORMAL:%NO_ETM",
                        "NORMAL:%FALLBACK_SCSV", "NORMAL:%COMPAT", "NORMAL:%DUMBFW",
                        "NORMAL:-SIGN-ALL:+SIGN-ECDSA-SHA384", "NORMAL:-SIGN-ALL:+SIGN-ECDSA-SHA512",
                        "NORMAL:%NO_TICKETS", "NORMAL:%DISABLE_SAFE_RENEGOTIATION"),
    }

    def cli(self, what, priority, *more):
        proof = {"secret": ["--pskusername", "ACME-1", "--pskkey", registrar.KEY.encode().hex()],
                 "certificate": ["--x509keyfile", self.key, "--x509certfile", self.certificate,
                                 "--x509cafile", self.authority, "--verify-hostname", "gw-test"]}[what]
        return self.run_tool("gnutls-cli", "--udp", "-p", str(self.port()), *proof, "--priority", priority,
                             *more, "127.0.0.1")

    def test_priorities(self):
        for what, priorities in self.PRIORITIES.items():
            for priority in priorities:
                with self.subTest(f"{what}: {priority}"):
                    said = self.cli(what, priority)
                    self.assert_peer(said)
                    self.assertIn("Handshake was completed", said)

    def test_small_packets(self):
        for what in self.PRIORITIES:
            for mtu in (256, 512):
                with self.subTest(f"{what}: {mtu}"):
                    self.assert_peer(self.cli(what, self.PRIORITIES[what][0], "--mtu", str(mtu)))

    def test_wrong_groups(self):
        said = self.cli("certificate", "NORMAL:-GROUP-ALL:+GROUP-SECP521R1")
        self.assertIn("Handshake failed", said)
        self.assertEqual(self.agent.count("peer"), 0)

    def test_no_resumption(self):
        said = self.cli("certificate", "NORMAL", "--resume")
        self.assertIn("trying to resume previous session", said)
        self.assertNotIn("This is a resumed session", said)
        for _ in range(2):
            self.assert_peer(said)


class MbedTls(StackCase):
    def setUp(self):
        if not MBEDTLS.exists():
            self.skipTest("built without Mbed TLS: install libmbedtls-dev and configure again")
        super().setUp()

    def prepare(self):
        names = ",".join(["DNS:gw-test"] + [f"DNS:gateway-{n}.site.example.org" for n in range(12)])
        self.agent.server_extensions += f"subjectAltName={names}\n"

    def device(self, what, *options, port=None):
        proof = {"secret": ["--identity", "ACME-1", "--secret", registrar.KEY],
                 "certificate": ["--authority", self.authority, "--certificate", self.certificate,
                                 "--key", self.key]}[what]
        return self.run_tool(str(MBEDTLS), *proof, *options, str(port or self.port()))

    SUITES = {"secret": {"0": "ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256",
                         "c0a8": "PSK_WITH_AES_128_CCM_8",
                         "c037": "ECDHE_PSK_WITH_AES_128_CBC_SHA256",
                         "ccac": "ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256"},
              "certificate": {"0": "ECDHE_ECDSA_WITH_AES_128_CCM_8",
                              "c0ae": "ECDHE_ECDSA_WITH_AES_128_CCM_8",
                              "c02b": "ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                              "cca9": "ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"}}

    def test_suites(self):
        for what, suites in self.SUITES.items():
            for suite, name in suites.items():
                with self.subTest(f"{what}: {suite}"):
                    self.assertIn(CORE, self.device(what, "--suite", suite))
                    self.assert_peer("", f"TLS_{name}")

    OPTIONS = (["--max-fragment", "1"], ["--max-fragment", "2"], ["--mtu", "200"], ["--mtu", "300"],
               ["--max-fragment", "1", "--mtu", "250"], ["--no-extended-master"], ["--no-encrypt-then-mac"])

    def test_options(self):
        for what in self.SUITES:
            for options in self.OPTIONS:
                with self.subTest(f"{what}: {' '.join(options)}"):
                    self.assertIn(CORE, self.device(what, *options))
                    self.assert_peer("")

    def largest_record(self, what, *options):
        """Of those that the device is sent."""
        sizes = []

        def measure(datagram):
            sizes.extend(len(payload) for _, _, payload in d.records(datagram))
            return [datagram]

        relay = d.Relay(self.port(), server=measure)
        self.assertIn(CORE, self.device(what, *options, port=relay.port))
        relay.close()
        return max(sizes)

    def test_small_records(self):
        """A device that has room for 512 bytes gets no larger records: neither our certificate nor answers."""
        sealed = 8 + 16  # what encryption adds
        for what in self.SUITES:
            with self.subTest(what):
                self.assertLessEqual(self.largest_record(what, "--max-fragment", "1"), 512 + sealed)
        self.assertGreater(self.largest_record("certificate"), 600)

    def test_renegotiation(self):
        self.assertIn("renegotiation", self.device("secret", "--rehandshake"))
        self.assert_peer("")
        self.assertIn(CORE, self.device("secret"))


if __name__ == "__main__":
    registrar.main()
