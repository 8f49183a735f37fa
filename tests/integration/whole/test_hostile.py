# SPDX-License-Identifier: GPL-2.0-or-later
"""Garbage from devices, plugins, gateways and the cloud: it ends nobody but its sender, costs nobody else
anything, and the operator can see that it came."""
import contextlib
import random
import socket
import subprocess
import sys
import urllib.parse

import dtls
import lab

sys.path.insert(0, str(lab.TOP / "tests" / "integration"))
import wire  # noqa: E402

DICE = random.Random(20260)  # the same garbage each time
PROGRAMS = [name for name in lab.PROGRAMS if name.startswith("gangway")]


class Hostile(lab.Shared):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.bystander = cls.lab.new_device("BYSTANDER")
        cls.lab.claim(cls.bystander)
        cls.bystander.come_aboard()

    def setUp(self):
        super().setUp()
        self.pids = {name: self.lab.pid(name) for name in PROGRAMS}

    def tearDown(self):
        """Nobody else was disturbed."""
        for name, pid in self.pids.items():
            self.assertTrue(lab.is_alive(pid), f"{name}\n{self.lab.story()}")
        self.bystander.come_aboard()
        device = self.lab.new_device(f"AFTER-{self._testMethodName.removeprefix('test_')}".upper()
                                     .replace("_", "-"))
        self.lab.claim(device)
        device.come_aboard()

    # --- plugins ---

    def connect(self):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(sock.close)
        sock.settimeout(lab.NEVER_S)
        sock.connect(str(self.lab.folder / "run" / "link"))
        return sock

    def join(self, name):
        sock = self.connect()
        wire.send(sock, "hello", version_min=1, version_max=1, name=name, program="0", library="")
        return sock, wire.receive(sock)

    def is_thrown_out(self, sock):
        try:
            while wire.receive(sock):
                pass
        except ConnectionResetError:
            pass

    def test_plugins_that_talk_garbage(self):
        for size in (1, 2, 3, 64, 4096, 65536):
            sock = self.connect()
            sock.send(DICE.randbytes(size))
            self.is_thrown_out(sock)
            sock, welcome = self.join(f"spare{size}")
            self.assertEqual(welcome.type, "welcome")
            sock.send(DICE.randbytes(size))
            self.is_thrown_out(sock)
        self.assertTrue([r for r in self.lab.audit() if "spare64" in str(r)], "it is on record")

    def test_plugins_that_are_out_of_turn(self):
        sock = self.connect()
        wire.send(sock, "health", ok=1, text="")
        self.is_thrown_out(sock)
        for type_, values in (("enroll", {"session": 1, "request": 1, "key": b"k" * 32, "csr": b"c"}),
                              ("secret_query", {"session": 1, "channel": 1, "identity": "BYSTANDER",
                                                "address": "a"}),
                              ("answer", {"job": "j", "outcome": wire.DONE})):
            sock, _ = self.join("spare")
            wire.send(sock, type_, **values)
            self.is_thrown_out(sock)

    def test_plugins_that_never_stop(self):
        """Each message has its rate, of which two seconds' worth may come at once (agent/rule.c)."""
        sock, _ = self.join("spare")
        for i in range(20):
            wire.send(sock, "health", ok=1, text=f"number {i}")
        lab.wait_for("all of them are taken", lambda: "number 19" in str(self.lab.status()["plugins"]))
        with contextlib.suppress(OSError):
            for _ in range(1000):
                wire.send(sock, "health", ok=1, text="")
        self.is_thrown_out(sock)

    def test_descriptors_that_are_no_sockets(self):
        with open("/etc/passwd", "rb") as file:
            sock, _ = self.join("spare")
            wire.send(sock, "channel", fd=file.fileno(), channel=1, mtu=1280, label="a file")
            self.is_thrown_out(sock)

    def on_record(self, event):
        return [entry for entry in self.lab.audit() if entry["event"] == event]

    def test_second_of_a_role(self):
        """Whoever it is: the first one stays."""
        for name in ("registrar", "mqtt", "ip"):
            sock = self.connect()
            wire.send(sock, "hello", version_min=1, version_max=1, name=name, program="0", library="")
            self.assertIsNone(wire.receive(sock), f"a second gangway-{name} is welcome")
            self.assertTrue([e for e in self.on_record("plugin-refused") if e["who"] == f"gangway-{name}"])
        self.assertEqual({p["name"] for p in self.lab.status()["plugins"]}, {"registrar", "mqtt", "ip"})

    def test_two_registrars(self):
        """They do not fight: the second one waits until the place is free."""
        second = subprocess.Popen(["gangway-registrar", "--link", self.lab.folder / "run" / "link"],
                                  env=self.lab.environment(), stderr=subprocess.PIPE, text=True)
        self.addCleanup(second.stderr.close)
        self.addCleanup(second.wait)
        self.addCleanup(second.kill)
        self.assertTrue(any("trying again" in line for line in second.stderr), "it was turned away")
        self.bystander.come_aboard()
        self.assertNotIn("trying again", self.lab.log("gangway-registrar"), "the first one lost its place")

        self.lab.stop("gangway-registrar")
        self.bystander.come_aboard()
        second.kill()
        second.wait()
        self.lab.start("gangway-registrar", "--no-wait")
        self.pids["gangway-registrar"] = self.lab.pid("gangway-registrar")

    def test_nothing_to_say(self):
        self.assertIsNone(wire.receive(self.connect()))

    def test_many_plugins(self):
        """More than the agent cares for; those in place keep theirs."""
        held = []
        for _ in range(200):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
            self.addCleanup(sock.close)
            try:
                sock.connect(str(self.lab.folder / "run" / "link"))
            except BlockingIOError:
                break
            held.append(sock)
        self.assertGreater(len(held), 10)
        for sock in held:
            sock.close()

    # --- devices ---

    def test_datagrams_of_garbage(self):
        target = urllib.parse.urlsplit(self.lab.coaps)
        hello = dtls.record(dtls.HANDSHAKE, 0, 0, dtls.client_hello(0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect((target.hostname, target.port))
            for _ in range(1000):
                sock.send(DICE.randbytes(DICE.randrange(1500)))
                damaged = bytearray(hello)
                damaged[DICE.randrange(len(damaged))] ^= 1 << DICE.randrange(8)
                sock.send(damaged[:DICE.randrange(1, len(damaged) + 1)])
        listed = {d["id"] for d in self.lab.ctl_json("devices") if d["state"] == "discovered"}
        self.assertEqual(listed, set())

    def test_many_half_open_handshakes(self):
        """From one source: the oldest give way, a device still gets in."""
        target = urllib.parse.urlsplit(self.lab.coaps)
        socks = []
        for _ in range(200):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.addCleanup(sock.close)
            sock.settimeout(lab.NEVER_S)
            sock.connect((target.hostname, target.port))
            sock.send(dtls.record(dtls.HANDSHAKE, 0, 0, dtls.client_hello(0)))
            cookie = sock.recv(2048)[13 + 12 + 3:]
            sock.send(dtls.record(dtls.HANDSHAKE, 0, 1, dtls.client_hello(1, cookie)))
            socks.append(sock)
        self.assertTrue(all(sock.recv(2048) for sock in socks), "the new one is never refused")

    # --- gateways and the cloud ---

    def publish(self, folder, leaf, bodies):
        """As the owner of that credential."""
        host, port = self.lab.variables["GANGWAY_BROKER"].removeprefix("mqtts://").split(":")
        certificate, key = (("cert", "key") if folder == "cloud" else ("cloud-cert", "cloud-key"))
        place = self.lab.folder / "run" / "cloud" / folder
        for body in bodies:
            path = self.lab.folder / "body"
            path.write_bytes(body)
            self.lab.run("mosquitto_pub", "-h", host, "-p", port, "-q", "1", "--cafile",
                         self.lab.variables["GANGWAY_BROKER_CA"], "--cert", place / certificate,
                         "--key", place / key, "-i", f"garbage-{leaf}",
                         "-t", f"gangway/v1/lab/{leaf}", "-f", path)

    BODIES = (b"{", b"[]", b"null", b'"text"', b"\0\1\2", b"{}", b'{"v":1}', b'{"v":2,"kind":"done","id":"a"}',
              b'{"v":1,"kind":"issued","id":"none","certificate":"AAAA","chain":[],"time":1}',
              b'{"v":1,"kind":"done","id":"' + b"x" * 1000 + b'"}', b"[" * 60000,
              b'{"v":1,"kind":"enroll","id":"a","device":"../..","tenant":"default"}',
              b'{"v":1,"kind":"claim","id":"a","seq":-1}', b'{"v":1,"kind":{},"id":[]}')

    def test_the_cloud_talks_garbage(self):
        before = self.lab.ctl_json("devices")
        self.publish("cloud", "response", self.BODIES)
        self.publish("cloud", "command", self.BODIES)
        lab.wait_for("it is told", lambda: "Dropped a body" in self.lab.log("gangway-mqtt"))
        unwell = lab.wait_for("the operator is told", lambda: next(
            (p for p in self.lab.status()["plugins"] if p["name"] == "mqtt" and not p["healthy"]), None))
        self.assertIn("The cloud sends what is no use: on topic", unwell["text"])
        self.assertIn(unwell["text"], [e["detail"] for e in self.on_record("plugin-unwell")])
        self.publish("cloud", "command", 3 * self.BODIES)
        self.assertLessEqual(len(self.on_record("plugin-unwell")), 16)
        self.assertEqual(self.lab.status()["cloud_state"], "online")
        self.assertEqual([d["id"] for d in self.lab.ctl_json("devices")], [d["id"] for d in before])

    def test_a_gateway_talks_garbage(self):
        self.publish("gateways/lab", "request", self.BODIES)
        self.publish("gateways/lab", "answer", self.BODIES)
        lab.wait_for("it is told", lambda: "dropping" in self.lab.log("gangway-cloud"))
