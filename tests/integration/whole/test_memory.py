# SPDX-License-Identifier: GPL-2.0-or-later
"""No program of ours keeps a claim's secret when its part is done: the registrar after the handshake, however
it went; the agent after the claim; the cloud link never. Nor is it in a log, in the store, in a core file, or
in a message on the bus other than Claim's own.

A device knows its secret, of course, the cloud that of a claim that it makes, and gangwayctl what it is
given until it ends.
"""
import base64
import json
import os
import pathlib
import pwd
import resource
import secrets
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

import dtls
import label
import lab
import memory

sys.path.insert(0, str(lab.TOP / "tests" / "integration"))
import mqtt  # noqa: E402

OURS = ("gangwayd", "gangway-registrar", "gangway-ip", "gangway-mqtt")
SUITES = ("ECDHE-PSK-CHACHA20-POLY1305", "ECDHE-PSK-AES128-CBC-SHA256", "PSK-AES128-CCM8")
STATIC = "PSK-AES128-CCM8"
TIMEOUT_S = 10  # of a handshake, within which a search must come to its end
QUIET_S = 0.2  # after which a client that gets nowhere stops listening
PER_SOURCE = 3


METHOD_CALL = 1


def bus_messages(stream):
    """Cuts what came one after the other (D-Bus specification, "Message Protocol")."""
    while stream:
        order = "<" if stream[:1] == b"l" else ">"
        body, _, fields = struct.unpack_from(order + "III", stream, 4)
        end = 16 + (fields + 7) // 8 * 8 + body
        yield stream[:end]
        stream = stream[end:]


def setUpModule():
    if not lab.is_plain():
        raise unittest.SkipTest("sanitizers and valgrind keep what was freed")


class Broker:
    """The cloud's own place at the broker, for mqtt.Client."""

    def __init__(self, gateway):
        self.folder = pathlib.Path(gateway.variables["GANGWAY_CLOUD_DIR"])
        self.port = urllib.parse.urlsplit(gateway.variables["GANGWAY_BROKER"]).port

    def path(self, name):
        return self.folder / {"ca.crt": "broker/ca.crt", "cloud.crt": "cloud/cert",
                              "cloud.key": "cloud/key"}[name]


class Memory(lab.Shared):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab(
            "--set", f"registrar.handshake_timeout={TIMEOUT_S}", "--set", "cloud.plain_secrets=yes",
            "--set", f"registrar.handshakes_per_source={PER_SOURCE}"))
        cls.secrets = {}  # of all tests, for the files

    def new_device(self, name):
        secret = secrets.token_bytes(32)
        self.secrets[name] = secret
        return self.lab.new_device(name, label.make(name, secret))

    def claimed(self, name):
        device = self.new_device(name)
        self.lab.claim(device)
        return device

    def found(self, name, *programs):
        """Where the secret stands in their memory."""
        return [f"{program}: {place}" for program in programs or OURS
                for place in memory.in_process(self.lab.pid(program), {name: self.secrets[name]})]

    def assertForgotten(self, name):
        self.assertEqual(self.found(name), [])

    def connect(self, device, suite, secret, *options):
        """A handshake by openssl, which then waits for input."""
        client = subprocess.Popen(
            ["openssl", "s_client", "-dtls1_2", "-connect", urllib.parse.urlsplit(self.lab.coaps).netloc,
             "-psk", secret.hex(), "-psk_identity", device.id, "-cipher", suite, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(client.communicate)
        self.addCleanup(client.kill)
        return client

    def _says(self, device, what):
        return any(device.id in line and what in line
                   for line in self.lab.log("gangway-registrar").splitlines())

    def end_of_turn(self):
        """The registrar has done with what it was at when it said so: it answers somebody else."""
        address = urllib.parse.urlsplit(self.lab.coaps)
        self.assertTrue(dtls.knock.is_answered(address.hostname, address.port, lab.NEVER_S))

    def test_search_finds_what_is_there(self):
        """In all forms, in a process whose memory we know."""
        for form, text in memory.forms(bytes(range(32, 64))).items():
            code = f"text = bytes.fromhex('{bytes(b ^ 0xff for b in text).hex()}')\n" \
                   "text = bytes(b ^ 0xff for b in text)\nprint(flush=True)\ninput()"
            holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE)
            with holder:
                holder.stdout.readline()
                found = memory.in_process(holder.pid, {"it": bytes(range(32, 64))})
                self.assertTrue(any(f"it ({form}," in place for place in found), form)
                self.assertEqual(memory.in_process(holder.pid, {"it": secrets.token_bytes(32)}), [])
                holder.stdin.write(b"\n")

    def test_claim_over_the_bus(self):
        device = self.claimed("LABEL-1")
        self.assertForgotten("LABEL-1")
        device.come_aboard()
        self.assertForgotten("LABEL-1")

    def test_claim_that_is_refused(self):
        device = self.new_device("REFUSED-1")
        for length in range(1, 400, 130):  # some are of a size that is not soon needed again
            text = label.sealed(f"{device.label.rpartition('+')[0]}+Z{'X' * length}")
            self.lab.refusal("claim", "-", input=text[:-1] + ("0" if text[-1] != "0" else "1"))
            self.lab.refusal("claim", "--tenant", "no/tenant", "-", input=text)
        self.assertForgotten("REFUSED-1")

    def test_handshake_by_each_suite(self):
        for number, suite in enumerate(SUITES):
            with self.subTest(suite):
                device = self.claimed(f"SUITE-{number}")
                keys = self.lab.folder / f"keys-{number}"
                client = self.connect(device, suite, self.secrets[device.id], "-keylogfile", str(keys))
                lab.wait_for(f"{device.id} is served", lambda: self._says(device, "is served"))
                self.assertForgotten(device.id)

                # The session's own key is there as long as the session is.
                key = {"session": bytes.fromhex(keys.read_text().split()[-1])}
                keys.unlink()
                registrar = self.lab.pid("gangway-registrar")
                self.assertNotEqual(memory.in_process(registrar, key), [])
                client.communicate(b"Q\n")
                lab.wait_for(f"{device.id} is gone", lambda: self._says(device, "ends its session"))
                self.end_of_turn()
                self.assertEqual(memory.in_process(registrar, key), [])

    def test_handshake_that_fails(self):
        """Half way the registrar knows the secret (and with a static key, must), then no more."""
        devices = [self.claimed(f"WRONG-{number}") for number in range(len(SUITES))]
        for device, suite in zip(devices, SUITES):
            self.connect(device, suite, secrets.token_bytes(32))
            if suite == STATIC:
                lab.wait_for("the search finds what is there",
                             lambda d=device: self.found(d.id, "gangway-registrar"))
        for device, suite in zip(devices, SUITES):
            with self.subTest(suite):
                lab.wait_for("the handshake ends", lambda d=device: any(
                    line.get("device") == d.id and line.get("reason") == "wrong-secret"
                    for line in self.lab.audit()))
                self.end_of_turn()
                self.assertForgotten(device.id)

    def test_handshake_that_is_pushed_out(self):
        device = self.claimed("EVICTED-1")
        dtls.sizes_heard(self.lab.coaps, device.id, QUIET_S)
        lab.wait_for("the search finds what is there", lambda: self.found(device.id, "gangway-registrar"))
        for _ in range(PER_SOURCE):
            dtls.sizes_heard(self.lab.coaps, "NOBODY", QUIET_S)
        self.assertForgotten(device.id)

    def test_claim_of_the_fleet(self):
        device = self.new_device("FLEET-1")
        self.lab.run("gangway-cloud", "claim", "--gateway", self.lab.variables["GANGWAY_ID"], "-",
                     input=device.label)
        self.lab.wait_for_state(device.id, "claimed")
        self.assertForgotten(device.id)
        device.come_aboard()
        self.assertForgotten(device.id)

    def test_claim_of_the_fleet_in_the_clear(self):
        device = self.new_device("PLAIN-1")
        gateway = self.lab.variables["GANGWAY_ID"]
        secret = base64.b64encode(self.secrets[device.id]).decode()
        command = {"v": 1, "kind": "claim", "id": "plain-1", "seq": int(time.time()) + 1000, "expires_at": 0,
                   "device": device.id, "tenant": "default", "claim": "plain-1", "claim_expires": 0,
                   "replace": False, "secret": secret}
        self.lab.stop("gangway-cloud")  # its name at the broker is ours for a while
        cloud = mqtt.Client(Broker(self.lab), Broker(self.lab).port, "cloud")
        try:
            cloud.publish(f"gangway/v1/{gateway}/command", json.dumps(command))
            self.lab.wait_for_state(device.id, "claimed")
        finally:
            cloud.close()
            self.lab.start("gangway-cloud")
        self.assertForgotten(device.id)

    def test_files(self):
        device = self.claimed("FILES-1")
        dtls.sizes_heard(self.lab.coaps, device.id, QUIET_S)
        device.come_aboard()
        folders = [self.lab.folder / "logs", pathlib.Path(self.lab.variables["GANGWAY_STATE"])]
        paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        self.assertLessEqual({"gangwayd", "gangway-registrar", "gangway.db", "gangway.db-wal", "gangway.db-shm"},
                             {path.name for path in paths})
        self.assertEqual([place for path in paths for place in memory.in_file(path, self.secrets)], [])

    def test_bus(self):
        """All that goes over the bus, as a monitor sees it."""
        seen = self.lab.folder / "seen"
        with open(seen, "wb") as file:
            monitor = subprocess.Popen(["dbus-monitor", "--binary", "--address",
                                        self.lab.variables["DBUS_SYSTEM_BUS_ADDRESS"]], stdout=file)
        self.addCleanup(monitor.wait)
        self.addCleanup(monitor.kill)
        lab.wait_for("the monitor listens", lambda: self.lab.status() and b"Version" in seen.read_bytes())

        device = self.claimed("BUS-1")
        device.come_aboard()
        again = self.lab.refusal("claim", "-", input=device.label)
        self.assertIn("aboard", again)
        self.lab.show(device.id)
        lab.wait_for("the monitor has seen the end", lambda: b"AlreadyAboard" in seen.read_bytes())
        secret = {device.id: self.secrets[device.id]}
        claims = 0
        for message in bus_messages(seen.read_bytes()):
            if message[1] == METHOD_CALL and b"\0Claim\0" in message:
                self.assertNotEqual(memory.in_bytes(message, secret), [])
                claims += 1
            else:
                self.assertEqual(memory.in_bytes(message, secret), [])
        self.assertEqual(claims, 2)
        self.assertForgotten(device.id)


class CoreFiles(unittest.TestCase):
    """A program that dies leaves no image of its memory, and nobody but root may read it while it lives."""

    def program(self, path):
        """A copy, since somebody may have no way into the folder of the build."""
        return shutil.copy(pathlib.Path(os.environ["GANGWAY_BUILD"], path), self.folder)

    def start(self, *command):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   cwd=self.folder, env={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere/bus"},
                                   **self.somebody)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        os.chmod(self.folder, 0o777)
        # Of root's processes it cannot be seen who may read them.
        nobody = pwd.getpwnam("nobody")
        self.somebody = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []} \
            if os.getuid() == 0 else {}

    def test_plugins(self):
        resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
        control = self.start("sleep", "1000")
        self.assertNotEqual(os.stat(f"/proc/{control.pid}/mem").st_uid, 0)
        for role in ("registrar", "ip", "mqtt"):
            with self.subTest(role):
                program = self.start(self.program(f"plugins/{role}/gangway-{role}"), "--link", "/nowhere/link")
                self.assertIn(b"No agent", program.stderr.readline())
                self.assert_private(program)

    def test_agent(self):
        config = pathlib.Path(self.folder, "gangway.conf")
        config.write_text("[gateway]\nid = core\n[cloud]\nbroker = mqtts://localhost:8883\n")
        agent = self.start(self.program("agent/gangwayd"), "--config", config, "--link", f"{self.folder}/link",
                           "--state", self.folder)
        lab.wait_for("the agent is up", lambda: pathlib.Path(self.folder, "link").is_socket())
        self.assert_private(agent)

    def assert_private(self, process):
        self.assertEqual(os.stat(f"/proc/{process.pid}/mem").st_uid, 0, "it is dumpable")
        limits = pathlib.Path(f"/proc/{process.pid}/limits").read_text()
        self.assertRegex(limits, r"Max core file size +0 +0 ")
        process.send_signal(signal.SIGABRT)
        status = os.waitpid(process.pid, 0)[1]
        process.returncode = -signal.SIGABRT
        self.assertTrue(os.WIFSIGNALED(status))
        self.assertFalse(os.WCOREDUMP(status))
        self.assertEqual([name for name in os.listdir(self.folder) if "core" in name], [])
