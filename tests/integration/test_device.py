#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gangway-device against the real registrar, with an agent that the test plays: the way aboard, killed at
each of its steps, refused, kept waiting, over a bad line, and deceived by other devices."""
import fcntl
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

import datagrams
import door_agent
import patience
import registrar
import wire

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))
import ports  # noqa: E402

PROGRAM = pathlib.Path(os.environ.get("top_builddir", "build")) / "tools/device/gangway-device"

NAME = "ACME-1"
DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
WAY = ["key", "handshake", "anchors", "certificate", "handshake", "proof", "report", "onboarded"]


def label(name, secret):
    """A second writing of doc/protocol/label.md."""
    bits = "".join(f"{byte:08b}" for byte in secret)
    bits += "0" * (-len(bits) % 5)
    text = f"GW1:I{name}+S" + "".join(DIGITS[int(bits[i:i + 5], 2)] for i in range(0, len(bits), 5))
    crc = 0xffff
    for byte in text.encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xffff
    return f"{text}+C{crc:04X}"


class Run:
    """What a run of gangway-device left behind."""

    def __init__(self, process):
        self.status = process.returncode
        self.output = process.stdout
        self.lines = process.stdout.splitlines()
        self.steps = [line.split()[0] for line in self.lines if line]

    @property
    def last(self):
        return self.lines[-1] if self.lines else ""


class DeviceCase(registrar.RegistrarCase):
    with_certificates = True
    name = NAME

    def setUp(self):
        super().setUp()
        self.issue = self.agent._on_enroll
        self.state = pathlib.Path(self.folder, "state")
        self.label = pathlib.Path(self.folder, "label")
        self.write_label(self.agent.secrets[NAME])

    def write_label(self, secret, name=NAME):
        self.label.write_text(label(name, secret) + "\n")

    def run_device(self, *arguments, with_label=True, host="127.0.0.1", port=None, timeout=60, env=None,
                   **how):
        """`timeout`: seconds, where programs run at their usual speed."""
        command = [str(PROGRAM), "--connect", f"coaps://{host}:{port or self.port()}",
                   "--state", str(self.state), "--timeout", str(timeout * patience.TIMES), *arguments]
        if with_label:
            command += ["--label", str(self.label)]
        return Run(subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  env=dict(os.environ, **env or {}), check=False, **how))

    def die_at(self, step):
        run = self.run_device(env={"GANGWAY_DIE_AT": step})
        self.assertEqual(run.status, -signal.SIGKILL, run.output)
        return run

    def assert_aboard(self, run):
        self.assertEqual(run.status, 0, run.output)
        self.assert_credential()
        self.assertFalse(self.path("candidate.pem").exists())

    def assert_credential(self):
        path = str(self.path("credential.pem"))
        door_agent.openssl("verify", "-x509_strict", "-purpose", "sslclient", "-CAfile",
                           str(self.agent.authority.certificate), path)
        self.assertEqual(door_agent.openssl("x509", "-in", path, "-noout", "-pubkey"),
                         door_agent.openssl("pkey", "-in", path, "-pubout"))

    def path(self, name):
        return self.state / name

    def keys(self):
        """Hashes of the keys that certificates were asked for, in order."""
        with self.agent.changed:
            return [m.key for m in self.agent.messages if m.type == "enroll"]

    def serial(self):
        return door_agent.openssl("x509", "-in", str(self.path("credential.pem")), "-noout", "-serial")

    def answer_with(self, *answers):
        """The agent's answers to signing requests, one after the other; behind the last, certificates."""
        left = list(answers)

        def answer(m):
            if not left:
                return self.issue(m)
            fields = left.pop(0)
            if callable(fields):
                return fields(m)
            return self.agent.send("enrolled", session=m.session, request=m.request, **fields)
        self.agent._on_enroll = answer

    def issue_by(self, authority, subject=None, csr=None, extensions=door_agent.DEVICE_EXTENSIONS, **how):
        """An answer with a certificate that is not what it should be."""
        def answer(m):
            pem = authority.sign(csr or m.csr, subject or f"/CN={NAME}", extensions, form="DER", **how)
            self.agent.send("enrolled", session=m.session, request=m.request, outcome=wire.DONE,
                            certificate=door_agent.openssl("x509", "-outform", "DER", data=pem))
        return answer


class Aboard(DeviceCase):
    def test_way(self):
        self.begin()
        run = self.run_device()
        self.assert_aboard(run)
        self.assertEqual(run.steps, WAY)
        self.assertIn("ECDHE-PSK-CHACHA20-POLY1305", run.lines[1])
        self.assertIn("ECDHE-ECDSA", run.lines[4])
        self.assertEqual(json.loads(self.path("settings.json").read_bytes()),
                         {"version": 1, "device": NAME, "tenant": "acme", "cloud": "mqtts://cloud:8883"})
        self.agent.wait("peer", proof=wire.PROOF_PSK, identity=NAME)
        self.agent.wait("peer", proof=wire.PROOF_CERTIFICATE, identity=NAME)
        self.assertEqual(self.agent.wait("report").ok, 1)
        self.assertEqual(self.agent.wait("enroll").renew, 0)
        for name, mode in (("credential.pem", 0o600), ("anchors.pem", 0o644), (".", 0o700)):
            self.assertEqual(self.path(name).stat().st_mode & 0o777, mode)

    def test_label_from_standard_input(self):
        self.begin()
        self.assert_aboard(self.run_device("--label", "-", with_label=False,
                                           input=self.label.read_text().lower()))

    def test_again(self):
        """Proves itself again and asks for nothing, with the label or without."""
        self.begin()
        self.assert_aboard(self.run_device())
        serial = self.serial()
        for with_label in (True, False):
            run = self.run_device(with_label=with_label)
            self.assert_aboard(run)
            self.assertEqual(run.steps, ["handshake", "proof", "report", "onboarded"])
        self.assertEqual(self.serial(), serial)
        self.assertEqual(self.agent.count("enroll"), 1)

    def test_renewal(self):
        self.begin()
        self.assert_aboard(self.run_device())
        serial = self.serial()
        run = self.run_device("--renew", with_label=False)
        self.assert_aboard(run)
        self.assertEqual(run.steps, [*WAY[:-1], "renewed"])
        self.assertNotEqual(self.serial(), serial)
        self.assertEqual(len(set(self.keys())), 2)
        self.agent.wait("enroll", renew=1)
        self.assertEqual(self.agent.count("peer", proof=wire.PROOF_PSK), 1)

    def test_many_anchors(self):
        """More than fit a datagram, or a PKCS#7 parser with four places."""
        others = [door_agent.Authority(self.folder, f"other-{n}").der() for n in range(12)]
        own = self.agent.authority.der()
        self.agent.authority.der = lambda: b"".join(others[:6]) + own + b"".join(others[6:])
        self.begin()
        self.assert_aboard(self.run_device())
        self.assertEqual(self.path("anchors.pem").read_text().count("BEGIN"), 13)

    def test_long_chain(self):
        """The issuer is not among the anchors, so it comes with the certificate, and goes with it."""
        issuer = door_agent.Authority(self.folder, "issuer")
        request = door_agent.openssl("req", "-new", "-key", str(issuer.key), "-subj", "/CN=issuer")
        issuer.certificate.write_bytes(
            self.agent.authority.sign(request, "/CN=issuer", door_agent.CA_EXTENSIONS))

        def answer(m):
            pem = issuer.sign(m.csr, f"/CN={NAME}", door_agent.DEVICE_EXTENSIONS, form="DER")
            self.agent.send("enrolled", session=m.session, request=m.request, outcome=wire.DONE,
                            certificate=door_agent.openssl("x509", "-outform", "DER", data=pem),
                            chain=issuer.der())
        self.agent._on_enroll = answer
        self.begin()
        self.assertEqual(self.run_device().status, 0)
        self.assertEqual(self.path("credential.pem").read_text().count("BEGIN CERTIFICATE"), 2)

    def test_name_of_gateway(self):
        """A name may stand for several addresses; where nobody listens is passed over."""
        self.begin()
        self.assert_aboard(self.run_device(host="localhost"))

    def test_longest_name(self):
        name = "N" * 64
        self.agent.secrets[name] = b"a secret of its own"
        self.write_label(self.agent.secrets[name], name)
        self.begin()
        self.assert_aboard(self.run_device())

    def test_bad_line(self):
        """Every fifth datagram is lost, either way."""
        chance = random.Random(0)

        def lose(datagram):
            return [] if chance.random() < 0.2 else [datagram]

        self.begin()
        relay = datagrams.Relay(self.port(), client=lose, server=lose)
        self.addCleanup(relay.close)
        self.assert_aboard(self.run_device(port=relay.port, timeout=300))
        self.assertEqual(len(set(self.keys())), 1)

    def test_doubled_and_reversed(self):
        """Each datagram comes twice, and pairs in the wrong order."""
        held = []

        def shuffle(datagram):
            held.append(datagram)
            if len(held) < 2:
                return [datagram]
            out = [held[1], held[0], held[1]]
            held.clear()
            return out

        self.begin()
        relay = datagrams.Relay(self.port(), server=shuffle, client=lambda datagram: [datagram] * 2)
        self.addCleanup(relay.close)
        self.assert_aboard(self.run_device(port=relay.port))
        self.assertEqual(self.agent.count("enroll"), 1)


    def test_cut_datagrams(self):
        """Before each whole one a copy that ends too soon: nobody takes note."""
        def cut(datagram):
            return [datagram[:-7], datagram[:5], datagram]

        self.begin()
        relay = datagrams.Relay(self.port(), server=cut)
        self.addCleanup(relay.close)
        run = self.run_device(port=relay.port)
        self.assert_aboard(run)
        self.assertNotIn("pause", run.output)

    def test_garbled_handshakes(self):
        """In the first one the ServerHello makes no sense: tried again."""
        spoiled = []

        def garble(datagram):
            if datagrams.SERVER_HELLO not in datagrams.messages(datagram) or spoiled:
                return [datagram]
            spoiled.append(datagram)
            at = 13 + 12  # its version
            return [datagram[:at] + b"\0\0" + datagram[at + 2:]]

        self.begin()
        relay = datagrams.Relay(self.port(), server=garble)
        self.addCleanup(relay.close)
        run = self.run_device(port=relay.port)
        self.assert_aboard(run)
        self.assertEqual(len(spoiled), 1)
        self.assertIn("pause", run.output)


class AboardByIpv6(DeviceCase):
    family = socket.AF_INET6

    def test_way(self):
        self.begin()
        self.assert_aboard(self.run_device(host="[::1]"))


class Killed(DeviceCase):
    STEPS = ["device.key", "device.anchors", "device.certificate", "device.proved"]
    LEAVING = ["device.dropped", "device.wiped"]

    def test_list(self):
        listed = subprocess.run([str(PROGRAM), "--list-steps"], stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(listed.stdout.split(), [*self.STEPS, *self.LEAVING])

    def test_each_step(self):
        """Whenever it dies, it goes on with the same key, and asks for no certificate that it has."""
        self.begin()
        for step in self.STEPS:
            for moment in ("before", "after"):
                with self.subTest(f"{step}:{moment}"):
                    self.state = pathlib.Path(self.folder, f"{step}-{moment}")
                    n = len(self.keys())
                    self.die_at(f"{step}:{moment}")
                    had_key = bool(list(self.state.glob("*.pem")))
                    had_certificate = any("CERTIFICATE" in path.read_text()
                                          for path in self.state.glob("c*.pem"))
                    run = self.run_device()
                    self.assert_aboard(run)
                    self.assertEqual("key" in run.steps, not had_key)
                    self.assertEqual("certificate" in run.steps, not had_certificate)
                    self.assertEqual(len(set(self.keys()[n:])), 1)

    def test_renewal(self):
        self.begin()
        for step in self.STEPS:
            for moment in ("before", "after"):
                with self.subTest(f"{step}:{moment}"):
                    self.state = pathlib.Path(self.folder, f"{step}-{moment}")
                    self.assert_aboard(self.run_device())
                    n, serial = len(self.keys()), self.serial()
                    run = self.run_device("--renew", env={"GANGWAY_DIE_AT": f"{step}:{moment}"})
                    self.assertEqual(run.status, -signal.SIGKILL)
                    self.assert_credential()  # there is one that works, at any moment
                    over = self.serial() != serial
                    self.assert_aboard(self.run_device(*[] if over else ["--renew"]))
                    self.assertNotEqual(self.serial(), serial)
                    self.assertEqual(len(set(self.keys()[n:])), 1)

    def test_fresh_key(self):
        self.begin()
        self.die_at("device.certificate:after")
        self.assert_aboard(self.run_device("--fresh-key"))
        self.assertEqual(len(set(self.keys())), 2)

    def test_registrar_restarts(self):
        """The session is gone and nobody says so; the device begins a new one with the same key."""
        asked = []

        def restart(m):
            asked.append(m.key)
            self.program.kill()
            self.program.wait()
            self.reader.join()
            self.program.stderr.close()
            threading.Thread(target=self.agent._run, daemon=True).start()
            self.program = subprocess.Popen([str(registrar.PROGRAM), "--link", self.agent.path],
                                            stderr=subprocess.PIPE)
            self.reader = threading.Thread(target=self._read_log, daemon=True)
            self.reader.start()
            raise ConnectionResetError  # the old link's thread ends with it

        self.answer_with(restart)
        self.begin()
        self.assert_aboard(self.run_device())
        self.assertEqual(self.keys(), asked)


class Waiting(DeviceCase):
    def test_pending(self):
        """5.03 and Max-Age: it comes again with the same key."""
        pending = {"outcome": wire.PENDING, "retry_after_s": 1}
        self.answer_with(pending, pending)
        self.begin()
        run = self.run_device()
        self.assert_aboard(run)
        self.assertEqual(run.steps.count("pause"), 2)
        self.assertEqual(len(self.keys()), 3)
        self.assertEqual(len(set(self.keys())), 1)

    def test_pending_for_too_long(self):
        self.answer_with({"outcome": wire.PENDING, "retry_after_s": 3600})
        self.begin()
        run = self.run_device(timeout=20)
        self.assertEqual(run.status, 1)
        self.assertIn("timed out", run.last)
        self.assertIn("3600 s", run.last)
        self.assert_aboard(self.run_device())
        self.assertEqual(len(set(self.keys())), 1)

    def test_slow_cloud(self):
        """Later than half a second: a separate response."""
        def late(m):
            threading.Timer(1, self.issue, [m]).start()  # is what is tested, not a wait for something
        self.answer_with(late)
        self.begin()
        run = self.run_device()
        self.assert_aboard(run)
        self.assertEqual(run.steps, WAY)

    def test_no_anchors_yet(self):
        """crts itself may have to be asked for again."""
        der = self.agent.authority.der
        self.agent.authority.der = lambda: b""
        self.with_certificates = False  # so begin() does not wait for what will not be
        self.begin()

        def anchors_come():
            self.agent.wait("peer")
            self.agent.authority.der = der
            self.agent._anchors(wire.ANCHORS_DEVICE, self.agent.authority)
            self.agent._anchors(wire.ANCHORS_REGISTRAR, self.agent.authority)
            self.agent._on_server_csr(self.agent.wait("server_csr"))
        threading.Thread(target=anchors_come, daemon=True).start()
        self.assert_aboard(self.run_device())

    def test_nobody_listens_yet(self):
        run = self.run_device(port=ports.take_one(), timeout=5)
        self.assertEqual(run.status, 1)
        self.assertIn("nothing listens there", run.last)
        self.assertIn("key", run.steps)


class Refused(DeviceCase):
    def test_wrong_secret(self):
        """Silence, as for a device that nobody knows."""
        self.begin()
        for name in (NAME, "UNKNOWN-1"):
            with self.subTest(name):
                self.write_label(b"not the secret of it", name)
                run = self.run_device(timeout=3)
                self.assertEqual(run.status, 1)
                self.assertIn("does not know this secret", run.last)
        self.assertEqual(self.agent.count("peer"), 0)

    def test_final(self):
        self.answer_with({"outcome": wire.REFUSED, "reason": "too-many-keys"})
        self.begin()
        run = self.run_device()
        self.assertEqual(run.status, 1)
        self.assertIn("certificate: refused: 4.03 too-many-keys: The device has tried three keys", run.last)
        # the key stays: the owner may claim the device again
        self.assert_aboard(self.run_device())
        self.assertEqual(len(set(self.keys())), 1)

    def test_renewal(self):
        """What was refused does not stand in the way of the credential that works."""
        self.begin()
        self.assert_aboard(self.run_device())
        serial = self.serial()
        self.answer_with({"outcome": wire.REFUSED, "reason": "not-possible"})
        run = self.run_device("--renew")
        self.assertEqual(run.status, 1)
        self.assertIn("4.03 not-possible", run.last)
        self.assert_aboard(self.run_device())
        self.assertEqual(self.serial(), serial)
        self.assertEqual(self.run_device("--renew").status, 0)
        self.assertNotEqual(self.serial(), serial)

    def test_bad_requests(self):
        self.begin()
        own = pathlib.Path(self.folder, "own.key")
        door_agent.Authority.new_key(own)
        good = door_agent.openssl("req", "-new", "-key", str(own), "-subj", f"/CN={NAME}", "-outform", "DER")
        cases = {
            "4.00 bad-csr": good + b"\0",
            "4.00 bad-signature": good[:-1] + bytes([good[-1] ^ 1]),
            "4.00 wrong-name": door_agent.openssl("req", "-new", "-key", str(own), "-subj", "/CN=ACME-2",
                                                  "-outform", "DER"),
            "4.13": bytes(10000),
        }
        for reason, request in cases.items():
            with self.subTest(reason):
                path = pathlib.Path(self.folder, "request")
                path.write_bytes(request)
                run = self.run_device("--csr-file", str(path))
                self.assertEqual(run.status, 1)
                self.assertIn(f"certificate: refused: {reason}", run.last)
        self.assertEqual(self.agent.count("enroll"), 0)

    def test_bad_certificates(self):
        """Each is refused, reported to the gateway, and not kept."""
        other = door_agent.Authority(self.folder, "other")
        own = pathlib.Path(self.folder, "own.key")
        door_agent.Authority.new_key(own)
        csr = door_agent.openssl("req", "-new", "-key", str(own), "-subj", f"/CN={NAME}", "-outform", "DER")
        authority = self.agent.authority
        cases = {
            "not for our key": self.issue_by(authority, csr=csr),
            "in another name": self.issue_by(authority, subject="/CN=ACME-2"),
            "leads to no anchor": self.issue_by(other),
            "leads to no anchor: ASN date error, current date after": self.issue_by(authority, days=-1),
        }
        self.begin()
        for n, (reason, answer) in enumerate(cases.items(), 1):
            with self.subTest(reason):
                self.answer_with(answer)
                run = self.run_device()
                self.assertEqual(run.status, 1)
                self.assertIn("the certificate is of no use", run.last)
                self.assertIn(reason, run.last)
                self.assertNotIn("CERTIFICATE", self.path("candidate.pem").read_text())
                self.assertIn(reason.partition(":")[0], self.agent.wait("report", ok=0, count=n).text)
        self.assert_aboard(self.run_device())

    def test_certificate_not_taken(self):
        """The agent turns the certificate away on the second session."""
        self.begin()
        self.die_at("device.certificate:after")
        self.agent.refuse.add(NAME)
        run = self.run_device(timeout=20)
        self.assertEqual(run.status, 1)
        self.assertIn("the certificate is not taken", run.last)
        self.agent.refuse.clear()
        self.assert_aboard(self.run_device())


class Deceived(DeviceCase):
    """Somebody else answers on the second session."""

    def impostor(self, key, certificate):
        """A DTLS server with these; returns its port."""
        port = ports.take_one()
        server = subprocess.Popen(
            ["openssl", "s_server", "-dtls1_2", "-accept", f"127.0.0.1:{port}", "-key", str(key),
             "-cert", str(certificate), "-CAfile", str(self.agent.authority.certificate), "-verify", "2"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.stdin.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        while b"ACCEPT" not in server.stdout.readline():
            pass
        return port

    def assert_seen_through(self, key, certificate):
        run = self.run_device(port=self.impostor(key, certificate), timeout=10)
        self.assertEqual(run.status, 1, run.output)
        self.assertIn("not the gateway that we know", run.last)
        self.assertFalse(self.path("credential.pem").exists())

    def test_impostors(self):
        stranger = door_agent.Authority(self.folder, "stranger")
        authority = self.agent.authority
        server_only = door_agent.SERVER_EXTENSIONS.replace(",1.3.6.1.5.5.7.3.28", "")
        agent_only = door_agent.SERVER_EXTENSIONS.replace("serverAuth,", "")
        self.begin()
        self.die_at("device.certificate:after")
        impostors = {
            "a device": authority.device("ACME-2"),
            "a server that is no registrar": authority.device("server", server_only),
            "a registrar that is no server": authority.device("agent", agent_only),
            "a stranger's registrar": stranger.device("registrar", door_agent.SERVER_EXTENSIONS),
            "an expired registrar": authority.device("old", door_agent.SERVER_EXTENSIONS, days=-1),
        }
        for what, (key, certificate) in impostors.items():
            with self.subTest(what):
                self.assert_seen_through(key, certificate)
        # the real one is known all the same
        self.assert_aboard(self.run_device())


class WrongUse(DeviceCase):
    with_certificates = False

    def setUp(self):
        super().setUp()
        self.addCleanup(self.agent.udp.close)
        self.addCleanup(self.agent.listener.close)

    def use(self, *arguments):
        return Run(subprocess.run([str(PROGRAM), *arguments], stdout=subprocess.PIPE, text=True,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False))

    def assert_wrong(self, run, text):
        self.assertEqual(run.status, 2, run.output)
        self.assertIn(text, run.last)

    def test_options(self):
        uri, state = "coaps://127.0.0.1", str(self.state)
        self.assert_wrong(self.use(), "--connect and --state are needed")
        self.assert_wrong(self.use("--connect", uri), "--connect and --state are needed")
        self.assert_wrong(self.use("--nonsense"), "nonsense")
        self.assert_wrong(self.use("word", "--connect", uri, "--state", state), "only options")
        self.assert_wrong(self.use("--timeout", "0"), "--timeout")
        self.assert_wrong(self.use("--connect", "http://x", "--state", state), "coaps://")
        self.assert_wrong(self.use("--connect", uri, "--state", state, "--label", "/nowhere"), "/nowhere")
        self.assert_wrong(self.use("--connect", uri, "--state", state), "a label is needed")
        self.assert_wrong(self.use("--connect", uri, "--state", state, "--label", str(self.label),
                                   "--csr-file", "/nowhere"), "/nowhere")
        self.assert_wrong(self.use("--connect", uri, "--state", state, "--label", str(self.label),
                                   "--csr-file", "/dev/null"), "empty")
        self.assertFalse(list(self.state.glob("*")))

    def test_labels(self):
        good = self.label.read_text().strip()
        for text in ("", "GW1:", good[:-1] + ("0" if good[-1] != "0" else "1"), "x" * 600,
                     f"GW1:I{NAME}+F" + "0" * 52 + "+C0000"):
            self.label.write_text(text)
            run = self.run_device(port=1)
            self.assertEqual(run.status, 2, run.output)
            self.assertIn(str(self.label), run.last)
            self.assertFalse(self.state.exists())

    def test_nothing_to_renew(self):
        run = self.run_device("--renew", port=1)
        self.assert_wrong(run, "nothing to renew")
        self.assertFalse(list(self.state.glob("*")))

    def test_folder(self):
        self.state.write_text("a file")
        run = self.run_device(port=1)
        self.assertEqual(run.status, 1)
        self.assertIn(f"{self.state}: Not a directory", run.last)

    def test_folder_in_use(self):
        self.state.mkdir()
        fd = os.open(self.state, os.O_RDONLY)
        self.addCleanup(os.close, fd)
        fcntl.flock(fd, fcntl.LOCK_EX)
        run = self.run_device(port=1)
        self.assertEqual(run.status, 1)
        self.assertIn("another gangway-device", run.last)

    def test_help_and_version(self):
        for option, text in (("--help", "Usage: gangway-device"), ("--version", "wolfSSL")):
            run = self.use(option)
            self.assertEqual(run.status, 0)
            self.assertIn(text, run.output)


class Damaged(DeviceCase):
    def test_folders(self):
        self.begin()
        self.assert_aboard(self.run_device())
        anchors = self.path("anchors.pem")
        text = anchors.read_text()

        anchors.unlink()
        run = self.run_device()
        self.assertEqual(run.status, 1)
        self.assertIn("anchors.pem is missing", run.last)
        anchors.write_text(text)

        self.write_label(self.agent.secrets["ACME-2"], "ACME-2")
        run = self.run_device()
        self.assertEqual(run.status, 2)
        self.assertIn("belongs to a device other than ACME-2", run.last)
        self.write_label(self.agent.secrets[NAME])

        credential = self.path("credential.pem")
        credential.write_text(credential.read_text()[:300])
        run = self.run_device()
        self.assertEqual(run.status, 1)
        self.assertIn("credential.pem", run.last)
        credential.unlink()
        self.assert_aboard(self.run_device())


if __name__ == "__main__":
    unittest.main()
