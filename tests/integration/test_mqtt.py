#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gangway-mqtt against a real broker: the agent and the cloud are played by the test."""
import base64
import contextlib
import json
import os
import pathlib
import queue
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

import broker
import fake_agent
import mqtt
import patience
import schema
import wire

PROGRAM = pathlib.Path(os.environ["top_builddir"]) / "plugins/mqtt/gangway-mqtt"
FAULT_POINTS = "#define GW_FAULT_POINTS 1" in (PROGRAM.parents[2] / "config.h").read_text()
CPU_S = 0.5 * patience.TIMES  # while there is nothing to do
GATEWAY = "gw-1"
TOPIC = f"gangway/v1/{GATEWAY}/"
KEY = bytes(range(32))
SERIAL = bytes.fromhex("7a01")


def b64(data):
    return base64.b64encode(data).decode()


def wait_for_syn(port):
    """Until a connection to this port has been asked for and is not answered."""
    deadline = time.monotonic() + patience.NEVER_S
    while True:
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[2].endswith(f":{port:04X}") and fields[3] == "02":
                return
        if time.monotonic() > deadline:
            raise AssertionError("no SYN")
        time.sleep(0.02)


def with_hosts(hosts):
    """Puts a file in the place of /etc/hosts, for one program."""
    if not hosts:
        return []
    return ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(hosts)]


IN_2080 = 3471292800


class Program:
    """gangway-mqtt, started by hand."""

    def __init__(self, folder, agent, environment=None, hosts=None):
        self.log_path = folder / "mqtt.log"
        self.log_file = open(self.log_path, "ab")
        credentials = folder / "credentials"
        env = dict(os.environ, CREDENTIALS_DIRECTORY=str(credentials)) | (environment or {})
        env.pop("JOURNAL_STREAM", None)
        self.process = subprocess.Popen(
            [*with_hosts(hosts), str(PROGRAM), "--link", agent.path],
            stderr=self.log_file, env={k: v for k, v in env.items() if v is not None})

    def log(self):
        return self.log_path.read_text()

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wakeups(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                return int(line.split()[1])
        raise AssertionError("no count of context switches")

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(patience.NEVER_S)
        self.log_file.close()
        return code


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="gangway-mqtt-"))
        cls.addClassCleanup(shutil.rmtree, cls.root)
        cls.pki = broker.Pki(cls.root / "pki")
        for name in ("ca", "evil"):
            cls.pki.authority(name)
        cls.pki.leaf("broker", "localhost", names="DNS:localhost,DNS:two.test,IP:127.0.0.1")
        for name in ("cloud", GATEWAY, "gw-2"):
            cls.pki.leaf(name)
        cls.pki.leaf("impostor", GATEWAY, authority="evil")
        cls.schemas = schema.Schemas()

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=self.root))
        self.credentials = self.folder / "credentials"
        self.credentials.mkdir()
        self.mosquitto = broker.Mosquitto(self.folder / "broker", self.pki)
        self.addCleanup(self.mosquitto.stop)
        self.agent = fake_agent.Agent(self.folder / "link")
        self.addCleanup(self.agent.close)
        self.program = None
        self.cloud = None

    def provision(self, name=GATEWAY, ca="ca", only=("ca", "cert", "key")):
        for what, source in (("ca", f"{ca}.crt"), ("cert", f"{name}.crt"), ("key", f"{name}.key")):
            if what in only:
                temporary = self.credentials / "new"
                shutil.copy(self.pki.path(source), temporary)
                temporary.rename(self.credentials / f"cloud-{what}")

    def start(self, environment=None, hosts=None, **settings):
        """Starts the program and welcomes it."""
        self.program = Program(self.folder, self.agent, environment, hosts)
        self.addCleanup(self.finish, self.program)
        self.settings = {"broker": f"mqtts://localhost:{self.mosquitto.port}", "retry_first": 1,
                         "retry_max": 2, "silent_after": 2, "reconnect_spread": 0, "box_key": KEY.hex()} | settings
        self.settings = {k: v for k, v in self.settings.items() if v is not None}
        return self.agent.take_in(GATEWAY, **self.settings)

    @contextlib.contextmanager
    def standing_still(self):
        """What it will find when it goes on has all happened by then."""
        self.program.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.program.process.send_signal(signal.SIGCONT)

    def finish(self, program):
        code = program.stop()
        if code not in (0, -signal.SIGKILL):
            print(program.log())
        self.assertIn(code, (0, -signal.SIGKILL))

    def state(self, state):
        return self.agent.expect("cloud_state", state=state)

    def join_cloud(self):
        self.cloud = mqtt.Client(self.pki, self.mosquitto.port, "cloud")
        self.addCleanup(self.cloud.close)
        for topic in ("request", "answer", "status", "event"):
            self.cloud.subscribe(f"gangway/v1/+/{topic}")
        return self.cloud

    def go_online(self, **settings):
        self.provision()
        self.mosquitto.start()
        self.join_cloud()
        hello = self.start(**settings)
        self.state(wire.ONLINE)
        return hello

    def heard(self, topic, wanted=lambda body: True):
        """The next body of the gateway's on this topic; it fits the schema."""
        p = self.cloud.expect(TOPIC + topic, lambda p: wanted(json.loads(p.body)))
        return self.schemas.check(topic, p.body)

    def say(self, topic, fits=True, **body):
        body = {"v": 1} | body
        if fits:
            self.schemas.check(topic, body)
        self.cloud.publish(TOPIC + topic, json.dumps(body))

    def tell(self, first, count, n_sent=None, **values):
        """A batch of records."""
        for n in range(first, first + (count if n_sent is None else n_sent)):
            self.agent.send("event", **{"n": n, "time": 1790000000, "event": "claim", "device": "ACME-1",
                                        "who": "uid 0", "reason": "", "detail": "", "mac": bytes([n]) * 32} | values)
        self.agent.send("events", job=f"record.{first}", first=first, count=count, before=bytes(32), broken="")

    def enroll(self, job, **values):
        values = {"device": "ACME-1", "tenant": "default", "claim": "c-1", "method": "qr", "key": KEY,
                  "csr": b"0csr"} | values
        self.agent.send("request", job=job, kind=wire.REQUEST_ENROLL, **values)


class Conversation(Base):
    def test_hello(self):
        hello = self.go_online()
        self.assertEqual((hello.name, hello.library.split()[0]), ("mqtt", "libmosquitto"))

    def test_status(self):
        self.go_online()
        first = self.heard("status", lambda b: b["online"])
        self.assertEqual(base64.b64decode(first["box_key"]), KEY)
        self.program.stop(signal.SIGKILL)
        will = self.heard("status", lambda b: not b["online"])
        self.assertEqual(will["id"], first["id"])
        late = mqtt.Client(self.pki, self.mosquitto.port, "cloud", client_id="late")
        self.addCleanup(late.close)
        late.subscribe(TOPIC + "status")
        retained = late.expect(TOPIC + "status")
        self.assertEqual((retained.retain, json.loads(retained.body)), (True, will))

    def test_every_request(self):
        self.go_online()
        self.enroll("job-1", evidence=b"tpm")
        body = self.heard("request")
        self.assertEqual(body, {"v": 1, "kind": "enroll", "id": "job-1", "device": "ACME-1",
                                "tenant": "default", "claim": "c-1", "method": "qr", "key": KEY.hex(),
                                "csr": b64(b"0csr"), "evidence": b64(b"tpm")})
        self.agent.send("request_end", job="job-1")

        self.agent.send("request", job="job-2", kind=wire.REQUEST_PROVED, device="ACME-1", claim="c-1",
                        serial=b"\0" + SERIAL)
        body = self.heard("request", lambda b: b["id"] == "job-2")
        self.assertEqual(body, {"v": 1, "kind": "proved", "id": "job-2", "device": "ACME-1",
                                "claim": "c-1", "serial": SERIAL.hex()})
        self.agent.send("request_end", job="job-2")

        self.agent.send("request", job="job-3", kind=wire.REQUEST_REVOKED, device="ACME-1",
                        serial=SERIAL, reason="lost at sea")
        body = self.heard("request", lambda b: b["id"] == "job-3")
        self.assertEqual(body["reason"], "lost-at-sea")
        self.agent.send("request_end", job="job-3")

        self.agent.send("request", job="job-4", kind=wire.REQUEST_SERVER_CERT, key=KEY, csr=b"0csr")
        body = self.heard("request", lambda b: b["id"] == "job-4")
        self.assertEqual(set(body), {"v", "kind", "id", "key", "csr"})

    def test_a_request_is_repeated_until_it_is_answered(self):
        self.go_online()
        self.enroll("job-1")
        bodies = [self.heard("request") for _ in range(3)]
        self.assertEqual(bodies[0], bodies[1])
        self.assertEqual(bodies[0], bodies[2])
        self.say("response", kind="issued", id="job-1", certificate=b64(b"0cert"),
                 chain=[b64(b"0one"), b64(b"0two")], time=1790000000)
        answer = self.agent.expect("answer")
        self.assertEqual((answer.job, answer.outcome, answer.certificate, answer.chain, answer.time),
                         ("job-1", wire.DONE, b"0cert", b"0one0two", 1790000000))
        self.assert_quiet("job-1")

    def assert_quiet(self, job):
        """Once a later request is heard, this one is not heard any more."""
        self.enroll("job-later")
        self.heard("request", lambda b: b["id"] == "job-later")
        self.cloud.set_aside.clear()
        for _ in range(3):
            self.heard("request", lambda b: b["id"] == "job-later")
        self.assertNotIn(job, [json.loads(p.body)["id"] for p in self.cloud.set_aside])

    def test_a_withdrawn_request_is_not_repeated(self):
        self.go_online()
        self.enroll("job-1")
        self.heard("request")
        self.agent.send("request_end", job="job-1")
        self.assert_quiet("job-1")

    def test_other_responses(self):
        self.go_online()
        for body, outcome, retry, reason in (
                ({"kind": "pending", "retry_after": 30}, wire.PENDING, 30, ""),
                ({"kind": "refused", "final": True, "reason": "live-elsewhere", "text": "at gw-\u00fc"},
                 wire.REFUSED, 0, "live-elsewhere"),
                ({"kind": "refused", "final": False, "reason": "busy"}, wire.PENDING, 300, "busy"),
                ({"kind": "done", "time": 7}, wire.DONE, 0, "")):
            self.enroll("job-1")
            self.heard("request")
            self.say("response", id="job-1", **body)
            answer = self.agent.expect("answer")
            self.assertEqual((answer.outcome, answer.retry_after_s, answer.reason),
                             (outcome, retry, reason))
            if "text" in body:
                self.assertEqual(answer.text, "at gw-?")

    def test_an_answer_nobody_waits_for_is_passed_on(self):
        self.go_online()
        self.say("response", kind="done", id="never-asked")
        self.agent.expect("answer", job="never-asked")

    def test_anchors_go_before_the_answer(self):
        self.go_online()
        self.agent.send("request", job="job-1", kind=wire.REQUEST_SERVER_CERT, key=KEY, csr=b"0csr")
        self.heard("request")
        self.say("response", kind="issued", id="job-1", certificate=b64(b"0cert"), chain=[],
                 anchors={"device": [b64(b"0d1"), b64(b"0d2")], "registrar": [b64(b"0r1")]})
        self.agent.expect("answer", job="job-1")
        self.assertEqual(self.agent.trace[-3:], ["anchors", "anchors", "answer"])
        for purpose, contents in ((wire.ANCHORS_DEVICE, b"0d10d2"), (wire.ANCHORS_REGISTRAR, b"0r1")):
            message = self.agent.expect("anchors", purpose=purpose)
            with open(message.fd, "rb+", buffering=0) as file:
                self.assertEqual(os.pread(message.fd, 100, 0), contents)
                with self.assertRaises(PermissionError):
                    os.pwrite(message.fd, b"x", 0)
                with self.assertRaises(PermissionError):
                    file.truncate(0)

    def test_commands(self):
        self.go_online()
        secret = bytes(range(20))
        self.say("command", kind="claim", id="cmd-1", seq=12, expires_at=1790003600, device="ACME-1",
                 tenant="default", claim="fleet-77", claim_expires=5, replace=True, secret=b64(secret))
        command = self.agent.expect("command")
        self.assertEqual((command.id, command.seq, command.expires_at, command.kind, command.device,
                          command.tenant, command.claim, command.claim_expires, command.replace,
                          command.sealed, command.secret),
                         ("cmd-1", 12, 1790003600, wire.COMMAND_CLAIM, "ACME-1", "default", "fleet-77",
                          5, 1, 0, secret))
        self.assertNotIn(b64(secret), self.program.log())

        self.say("command", kind="claim", id="cmd-2", seq=13, expires_at=0, device="ACME-1",
                 tenant="default", claim="fleet-78", secret_sealed=b64(bytes(80)))
        command = self.agent.expect("command")
        self.assertEqual((command.sealed, command.secret), (1, bytes(80)))

        self.say("command", kind="withdraw", id="cmd-3", seq=14, expires_at=0, device="ACME-1")
        self.assertEqual(self.agent.expect("command").kind, wire.COMMAND_WITHDRAW)
        self.say("command", kind="revoke", id="cmd-4", seq=15, expires_at=0, device="ACME-1",
                 reason="stolen")
        command = self.agent.expect("command")
        self.assertEqual((command.kind, command.reason), (wire.COMMAND_REVOKE, "stolen"))

    def test_only_the_agent_answers_a_command(self):
        self.go_online()
        for _ in range(2):  # a repetition goes to the agent again
            self.say("command", kind="withdraw", id="cmd-1", seq=1, expires_at=0, device="ACME-1")
            self.agent.expect("command", id="cmd-1")
        self.assertNotIn(TOPIC + "answer", [p.topic for p in self.cloud.set_aside])
        self.agent.send("command_answer", id="cmd-1", seq=1, outcome=wire.DONE)
        self.assertEqual(self.heard("answer"), {"v": 1, "kind": "done", "id": "cmd-1", "seq": 1})
        self.agent.send("command_answer", id="cmd-1", seq=1, outcome=wire.REFUSED,
                        reason="already-claimed")
        self.assertEqual(self.heard("answer")["reason"], "already-claimed")

    def test_a_flood_of_commands(self):
        """Two thousand at once are too many for the agent, and end neither link nor connection."""
        self.go_online()
        body = {"v": 1, "kind": "withdraw", "id": "flood", "seq": 1, "expires_at": 0, "device": "ACME-1"}
        self.cloud.publish_many(TOPIC + "command", [json.dumps(body)] * 2000)
        while not any(m.type == "command" and m.id == "last" for m in self.agent.pending()):
            self.say("command", **(body | {"id": "last", "seq": 2}))
            time.sleep(0.05)
        self.assertIn("one too many at a time", self.program.log())
        self.assertEqual(self.program.log().count("Cloud "), 2)  # connecting, online

    def test_a_command_waits_at_the_broker(self):
        self.go_online()
        self.program.stop()
        self.say("command", kind="withdraw", id="cmd-1", seq=1, expires_at=0, device="ACME-1")
        self.start()
        self.agent.expect("command", id="cmd-1")

    def test_the_agent_comes_back(self):
        self.go_online()
        self.enroll("job-1")
        self.heard("request")
        self.agent.hang_up()
        self.heard("status", lambda b: not b["online"])
        self.agent.take_in(GATEWAY, **self.settings)
        self.state(wire.ONLINE)
        self.heard("status", lambda b: b["online"])
        self.enroll("job-2")
        self.heard("request", lambda b: b["id"] == "job-2")

    def test_garbage_from_the_cloud(self):
        self.go_online()
        good = {"v": 1, "kind": "done", "id": "job-1"}
        bad = [b"", b"{", b"[]", b"\xff\xfe", b'{"v":1', b"null", b"{}", b"x" * 120000,
               b'{"v":1,"kind":"done","id":"job-1","id":"job-2"}', b"[" * 5000,
               json.dumps(good | {"v": 2}), json.dumps(good | {"kind": "enroll"}),
               json.dumps(good | {"id": 'a"b'}), json.dumps(good | {"id": ""}),
               json.dumps(good | {"time": -1}), json.dumps(good | {"time": "1"}),
               json.dumps(good | {"kind": "issued", "certificate": "!", "chain": []})]
        for body in bad:
            for topic in ("response", "command"):
                self.cloud.publish(TOPIC + topic, body)
        self.cloud.publish(TOPIC + "status", b"\x00")
        self.say("response", **good)
        self.agent.expect("answer", job="job-1")
        self.assertNotIn("answer", [m.type for m in self.agent.pending()])
        self.assertNotIn("command", [m.type for m in self.agent.pending()])
        lines = [line for line in self.program.log().splitlines() if "Dropped a body" in line]
        self.assertEqual(len(lines), 1)
        self.assertIn("topic response", lines[0])
        self.assertIn("'body' is no JSON", lines[0])

    def test_a_request_that_cannot_be_said(self):
        self.go_online()
        self.enroll("job-1", tenant="no tenant")
        self.enroll("job-2")
        self.heard("request", lambda b: b["id"] == "job-2")
        self.assertNotIn("job-1", str(self.cloud.set_aside))
        self.assertIn("'tenant' that is no id", self.program.log())

    def test_too_many_requests_break_the_link(self):
        self.go_online()
        for i in range(257):
            self.enroll(f"job-{i}")
        with self.assertRaisesRegex(AssertionError, "hung up"):
            self.agent.expect("never")
        self.agent.take_in(GATEWAY, **self.settings)
        self.state(wire.ONLINE)

    def test_a_broker_that_acknowledges_slowly(self):
        """Sixteen publications are under way at a time, and each acknowledgement lets one more out."""
        self.provision()
        with Refuser(self.pki, SUBACK_ALL, acknowledge=False) as other:
            self.start(broker=f"mqtts://localhost:{other.port}", retry_first=60, retry_max=60)
            self.state(wire.ONLINE)
            for i in range(40):
                self.enroll(f"job-{i}")
            mids = [other.publication() for _ in range(16)]
            with self.assertRaises(queue.Empty):
                other.publication(timeout_s=1)
            for mid in mids:
                other.peer.sendall(b"\x40\2" + mid)
                other.publication()

    def test_everything_at_once(self):
        self.go_online(retry_first=30, retry_max=30)
        for i in range(256):
            self.enroll(f"job-{i}", csr=bytes([i]) * 4096)
        seen = {self.heard("request")["id"] for _ in range(256)}
        self.assertEqual(len(seen), 256)
        for i in range(256):
            self.say("response", kind="done", id=f"job-{i}")
            self.agent.expect("answer", job=f"job-{i}")
        self.enroll("one-more")
        self.heard("request", lambda b: b["id"] == "one-more")


class Pace(Base):
    """What waits does not all go at once, however it came to wait. Time is only measured from below."""
    RATE = 10
    N = 4 * RATE

    def take(self, n, began):
        """The next n requests, and how long they took in all."""
        return [self.heard("request")["id"] for _ in range(n)], time.monotonic() - began

    def test_a_burst_and_then_so_many_a_second(self):
        self.go_online(retry_first=60, retry_max=60, requests_per_second=self.RATE)
        with self.standing_still():
            for i in range(self.N):
                self.enroll(f"job-{i}")
            self.agent.send("request", job="time-1", kind=wire.REQUEST_TIME)
            began = time.monotonic()
        ids, lasted = self.take(self.N + 1, began)
        self.assertEqual([i for i in ids if i != "time-1"], [f"job-{i}" for i in range(self.N)], "in order")
        self.assertLess(ids.index("time-1"), self.N // 2, "what time it is was asked before others")
        self.assertGreater(lasted, (self.N - self.RATE - 2) / self.RATE)

    def test_after_a_reconnect_too(self):
        self.go_online(retry_first=60, retry_max=60, requests_per_second=self.RATE)
        self.mosquitto.stop(signal.SIGKILL)
        self.state(wire.OFFLINE)
        for i in range(self.N):
            self.enroll(f"job-{i}")
        with self.standing_still():
            self.mosquitto.start()
            self.join_cloud()
            began = time.monotonic()
        self.state(wire.ONLINE)
        ids, lasted = self.take(self.N, began)
        self.assertEqual(sorted(ids), sorted(f"job-{i}" for i in range(self.N)))
        self.assertGreater(lasted, (self.N - self.RATE - 2) / self.RATE)


    def test_the_agent_is_told_what_has_gone(self):
        """Once each, when its turn has come, and not while there is no broker."""
        self.go_online(retry_first=1, retry_max=1, requests_per_second=self.RATE)
        self.mosquitto.stop(signal.SIGKILL)
        self.state(wire.OFFLINE)
        n = 2 * self.RATE
        for i in range(n):
            self.enroll(f"job-{i}")
        self.mosquitto.start()
        self.join_cloud()
        self.state(wire.ONLINE)
        self.assertNotIn("request_sent", self.agent.trace)
        gone = [self.agent.expect("request_sent").job for _ in range(n)]
        self.assertEqual(sorted(gone), sorted(f"job-{i}" for i in range(n)))
        for i in range(n):
            for _ in range(2):  # each is repeated
                self.heard("request", lambda b, i=i: b["id"] == f"job-{i}")
        self.say("response", kind="done", id="job-0")
        self.agent.expect("answer", job="job-0")
        self.assertEqual(self.agent.trace.count("request_sent"), n)
        self.enroll("job-1")  # the agent has forgotten it
        self.agent.expect("request_sent", job="job-1")


class Weather(Base):
    def test_no_broker_at_start(self):
        self.provision()
        self.start()
        self.state(wire.CONNECTING)
        offline = self.state(wire.OFFLINE)
        self.assertIn(f"localhost:{self.mosquitto.port}: Connection refused", offline.text)
        self.enroll("job-1")
        self.mosquitto.start()
        self.join_cloud()
        self.state(wire.ONLINE)
        self.heard("request", lambda b: b["id"] == "job-1")

    def test_broker_killed_and_back(self):
        self.go_online(retry_first=60, retry_max=60)
        self.enroll("job-1")
        self.heard("request")
        self.mosquitto.stop(signal.SIGKILL)
        self.assertIn("is lost", self.state(wire.OFFLINE).text)
        with self.standing_still():
            self.mosquitto.start()
            self.join_cloud()
        self.state(wire.ONLINE)
        self.heard("request", lambda b: b["id"] == "job-1")
        self.say("response", kind="done", id="job-1")
        self.agent.expect("answer", job="job-1")

    def test_the_cloud_is_silent(self):
        self.go_online()
        self.enroll("job-1")
        self.state(wire.SILENT)
        self.say("response", kind="done", id="job-1")
        self.agent.expect("answer", job="job-1")
        self.state(wire.ONLINE)

    def test_a_command_is_a_sign_of_life(self):
        self.go_online()
        self.enroll("job-1")
        self.state(wire.SILENT)
        self.say("command", kind="withdraw", id="cmd-1", seq=1, expires_at=0, device="ACME-1")
        self.state(wire.ONLINE)
        self.state(wire.SILENT)  # the request is repeated, and nothing comes

    def test_a_name_that_does_not_resolve(self):
        self.provision()
        self.start(broker="mqtts://nowhere.invalid:1")
        self.assertIn("nowhere.invalid cannot be looked up", self.state(wire.OFFLINE).text)
        self.idle()

    def test_tls_tarpit(self):
        """A port that accepts late and never says a word."""
        self.provision()
        with socket.socket() as listener, socket.socket() as plug:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            plug.connect(listener.getsockname())  # and now the queue is full
            self.start(broker=f"mqtts://127.0.0.1:{listener.getsockname()[1]}")
            wait_for_syn(listener.getsockname()[1])
            listener.accept()[0].close()
            peer, _ = listener.accept()
            with peer:
                self.assertTrue(peer.recv(1))
                before = self.program.cpu_seconds(), self.program.wakeups()
                self.assertIn("the TLS handshake takes too long", self.state(wire.OFFLINE).text)
                self.assertLess(self.program.cpu_seconds() - before[0], CPU_S)
                self.assertLess(self.program.wakeups() - before[1], 100)

    @unittest.skipUnless(subprocess.run(["unshare", "--mount", "true"]).returncode == 0,
                         "needs a mount namespace for an /etc/hosts of its own")
    def test_a_name_with_a_dead_address(self):
        """The look-up puts 127.0.0.1 first, where nobody listens."""
        self.provision()
        self.mosquitto.start()
        hosts = self.folder / "hosts"
        hosts.write_text("127.0.0.1 two.test\n127.0.0.9 two.test\n")
        with Forwarder("127.0.0.9", self.mosquitto.port) as other:
            self.start(broker=f"mqtts://two.test:{other.port}", hosts=hosts)
            self.state(wire.CONNECTING)
            self.assertEqual(self.agent.expect("cloud_state").state, wire.ONLINE)

    def test_the_agent_learns_of_credential_and_next_attempt(self):
        """Each when it is news: what is in the folder, and when the next attempt is made."""
        self.provision()
        self.start()
        credential = self.agent.expect("credential", ok=1, text="")
        self.assertLess(credential.not_before, credential.not_after)
        self.assertLess(time.time(), credential.ca_not_after)
        self.state(wire.OFFLINE)
        self.assertLessEqual(1, self.agent.expect("cloud_retry").in_ms)
        self.agent.expect("cloud_retry", in_ms=0)  # it is being made
        self.agent.expect("cloud_retry")
        self.assertNotIn("credential", [m.type for m in self.agent.pending()], "told once")

        (self.credentials / "cloud-key").unlink()
        credential = self.agent.expect("credential", ok=0)
        self.assertIn("cloud-key is missing", credential.text)
        self.assertLess(0, credential.not_after)
        self.mosquitto.start()
        self.provision()
        self.agent.expect("credential", ok=1)
        self.state(wire.ONLINE)
        self.assertEqual([m for m in self.agent.pending() if m.type == "cloud_retry"][-1].in_ms, 0)

    def test_a_port_that_hangs_up(self):
        self.provision()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.start(broker=f"mqtts://127.0.0.1:{listener.getsockname()[1]}")
            for _ in range(2):
                peer, _ = listener.accept()
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                peer.close()  # with a reset
            self.state(wire.OFFLINE)

    def test_a_port_that_talks_something_else(self):
        self.provision()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.start(broker=f"mqtts://127.0.0.1:{listener.getsockname()[1]}")
            peer, _ = listener.accept()
            with peer:
                peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
                self.assertIn("the TLS handshake failed", self.state(wire.OFFLINE).text)

    def idle(self):
        """Waits for nothing to happen: the program does next to nothing meanwhile."""
        before = self.program.cpu_seconds(), self.program.wakeups()
        time.sleep(3)  # this is the measurement, not a synchronisation
        self.assertLess(self.program.cpu_seconds() - before[0], CPU_S)
        self.assertLess(self.program.wakeups() - before[1], 60)

    def test_idle_when_online(self):
        self.go_online()
        self.idle()

    def test_idle_when_refused(self):
        self.provision()
        self.start()
        self.state(wire.OFFLINE)
        self.idle()

    def tell_clock(self, time_s, trusted):
        self.agent.send("clock", time=time_s, trusted=int(trusted))

    def test_a_broker_of_another_time(self):
        """While nobody knows the time a broker may seem to begin in the future; nothing else is forgiven,
        and once the time is known it must be good."""
        self.pki.leaf("later-broker", "localhost", names="DNS:localhost", start="20800101000000Z")
        with Refuser(self.pki, SUBACK_ALL, certificate="later-broker") as other:
            where = f"mqtts://localhost:{other.port}"
            self.provision()
            self.start(broker=where)
            self.state(wire.ONLINE)
            self.tell_clock(int(time.time()), trusted=False)
            self.tell_clock(int(time.time()), trusted=True)
            self.assertIn("taken while nobody knew the time", self.state(wire.OFFLINE).text)
            self.assertIn("not yet valid", self.state(wire.OFFLINE).text)
            self.program.stop()
            self.provision(ca="evil")
            self.start(broker=where)
            self.assertIn("not to be trusted", self.state(wire.OFFLINE).text)

    def test_a_broker_of_the_past(self):
        """What has certainly ended is refused, whatever else of the time is known."""
        self.provision()
        self.mosquitto.start()
        self.start()
        self.state(wire.ONLINE)
        self.tell_clock(IN_2080, trusted=False)
        self.assertIn("taken while nobody knew the time", self.state(wire.OFFLINE).text)
        self.assertIn("expired", self.state(wire.OFFLINE).text)


@unittest.skipUnless(FAULT_POINTS, "built without --enable-fault-points")
class Events(Base):
    """Batches of records."""

    def setUp(self):
        super().setUp()
        self.go_online()

    def test_a_batch_is_repeated_until_it_is_answered(self):
        self.tell(7, 3)
        first = self.heard("event")
        self.assertEqual([e["n"] for e in first["events"]], [7, 8, 9])
        self.assertEqual((first["id"], first["first"], first["before"]), ("record.7", 7, "00" * 32))
        self.assertEqual(first["events"][0], {"n": 7, "time": 1790000000, "event": "claim", "device": "ACME-1",
                                              "who": "uid 0", "mac": "07" * 32})
        self.assertEqual(self.heard("event"), first)
        self.say("response", kind="refused", id="record.7", final=True, reason="record-gap", head=5, mac="0b" * 32)
        said = self.agent.expect("answer", job="record.7")
        self.assertEqual((said.outcome, said.reason, said.head, said.mac), (wire.REFUSED, "record-gap", 5, b"\x0b" * 32))
        self.say("response", kind="done", id="record.7", head=9, mac="09" * 32)
        said = self.agent.expect("answer", job="record.7")
        self.assertEqual((said.outcome, said.head, said.mac), (wire.DONE, 9, b"\x09" * 32))
        self.tell(10, 1)
        self.assertEqual(self.heard("event")["first"], 10)

    def test_a_batch_without_records(self):
        """Asks where the cloud stands."""
        self.tell(7, 0)
        asked = self.heard("event")
        self.assertEqual((asked["id"], asked["first"], asked["events"]), ("record.7", 7, []))
        self.say("response", kind="done", id="record.7", head=9, mac="09" * 32)
        self.assertEqual(self.agent.expect("answer", job="record.7").head, 9)

    def test_the_longest_there_can_be(self):
        worst = '"' * 64
        self.tell(1, 43, event="a" * 63, device=worst, who=worst, reason="b" * 64, detail='\\' * 256)
        self.assertEqual(len(self.heard("event")["events"]), 43)

    def test_an_agent_that_miscounts_loses_its_link(self):
        for count, n_sent in ((2, 1), (1, 2), (1, 0), (65, 65)):
            with self.subTest((count, n_sent)):
                with contextlib.suppress(BrokenPipeError):  # it may hang up before all is said
                    self.tell(1, count, n_sent)
                self.agent.take_in(GATEWAY, **self.settings)
                self.state(wire.ONLINE)


class Death(Base):
    """Dies at each of its steps; once it is back, nothing is lost."""

    def die_at(self, step, moment):
        # What the broker kept of the last time must not kill it before the test has begun.
        mqtt.Client(self.pki, self.mosquitto.port, GATEWAY, client_id=f"gangway-{GATEWAY}").close()
        self.start(environment={"GANGWAY_DIE_AT": f"{step}:{moment}"})
        self.state(wire.ONLINE)

    def revive(self):
        self.assertEqual(self.program.process.wait(patience.NEVER_S), -signal.SIGKILL)
        self.start()
        self.state(wire.ONLINE)

    def setUp(self):
        super().setUp()
        self.provision()
        self.mosquitto.start()
        self.join_cloud()

    def test_every_step_is_tried(self):
        """But for those of its own certificate, which test_mqtt_provision.py has."""
        steps = subprocess.run([PROGRAM, "--list-steps"], check=True, capture_output=True, text=True).stdout
        steps = [s for s in steps.split() if not re.search(r"provision|slot|anchors|relinquished", s)]
        self.assertEqual(set(steps), {f"mqtt.{name[len('test_'):]}" for name in dir(self)
                                              if name.startswith("test_") and "_" not in name[5:]})

    def test_request(self):
        for moment in ("before", "after"):
            self.die_at("mqtt.request", moment)
            self.enroll("job-1")
            self.revive()
            self.enroll("job-1")  # the agent has it on disk
            self.heard("request")
            self.say("response", kind="done", id="job-1")
            self.agent.expect("answer", job="job-1")
            self.program.stop()

    def test_response(self):
        for moment in ("before", "after"):
            self.die_at("mqtt.response", moment)
            self.enroll("job-1")
            self.heard("request")
            self.say("response", kind="done", id="job-1")
            if moment == "after":
                self.agent.expect("answer", job="job-1")
            self.revive()
            self.enroll("job-1")
            self.heard("request")
            self.say("response", kind="done", id="job-1")
            self.agent.expect("answer", job="job-1")
            self.program.stop()

    def test_command(self):
        command = {"kind": "withdraw", "id": "cmd-1", "seq": 1, "expires_at": 0, "device": "ACME-1"}
        for moment in ("before", "after"):
            self.die_at("mqtt.command", moment)
            self.say("command", **command)
            if moment == "after":
                self.agent.expect("command", id="cmd-1")
            self.revive()
            self.say("command", **command)  # the cloud has heard no answer
            self.agent.expect("command", id="cmd-1")
            self.program.stop()

    def test_event(self):
        for moment in ("before", "after"):
            self.die_at("mqtt.event", moment)
            self.tell(41, 2)
            self.revive()
            self.tell(41, 2)  # the agent has them on disk
            self.heard("event")
            self.say("response", kind="done", id="record.41", head=42, mac="0a" * 32)
            self.agent.expect("answer", job="record.41", head=42)
            self.program.stop()

    def test_answer(self):
        for moment in ("before", "after"):
            self.die_at("mqtt.answer", moment)
            self.agent.send("command_answer", id="cmd-1", seq=1, outcome=wire.DONE)
            self.revive()  # what it had written may be lost with its connection, or not
            self.agent.send("command_answer", id="cmd-1", seq=1, outcome=wire.DONE)
            self.heard("answer")
            self.program.stop()


class Trouble(Base):
    def help_text(self):
        return self.agent.expect("health", ok=0).text

    def assert_well(self):
        self.agent.expect("health", ok=1)

    def test_no_broker_in_the_configuration(self):
        for value in (None, "", "mqtt://localhost", "mqtts://", "mqtts://a b"):
            self.start(broker=value)
            self.state(wire.UNPROVISIONED)
            self.assertIn("[cloud] broker", self.help_text())
            self.enroll("job-1")
            self.program.stop()

    def test_a_missing_credential_appears(self):
        self.mosquitto.start()
        for what in ("ca", "cert", "key"):
            self.provision()
            (self.credentials / f"cloud-{what}").unlink()
            self.start()
            state = self.state(wire.UNPROVISIONED)
            self.assertIn(f"{self.credentials}/cloud-{what} is missing: put", state.text)
            self.assertEqual(self.help_text(), state.text)
            self.provision(only=(what,))
            self.state(wire.ONLINE)
            self.assert_well()
            self.program.stop()

    def test_a_blank_credential_is_missing(self):
        """As its unit gives it; and an operator is told where to put it."""
        self.provision()
        (self.credentials / "cloud-key").write_text("\n")
        self.start(environment={"GANGWAY_CREDENTIALS_FROM": "/etc/somewhere"})
        text = self.state(wire.UNPROVISIONED).text
        self.assertIn("/etc/somewhere/cloud-key is missing: put", text)
        self.assertIn("restart gangway-mqtt.service", text)

    def test_no_folder_of_credentials(self):
        self.credentials.rmdir()
        self.start()
        self.assertIn("cannot be opened", self.state(wire.UNPROVISIONED).text)
        self.program.stop()
        self.start(environment={"CREDENTIALS_DIRECTORY": None})
        self.assertIn("CREDENTIALS_DIRECTORY", self.state(wire.UNPROVISIONED).text)

    def test_useless_credentials(self):
        for what, contents, complaint in (
                ("ca", "nonsense", "cloud-ca holds no certificate"),
                ("cert", "nonsense", "cloud-cert holds no usable certificate"),
                ("key", "nonsense", "cloud-key holds no key"),
                ("key", pathlib.Path(self.pki.path("gw-2.key")).read_text(), "not the key of cloud-cert"),
                ("key", self.rsa_key(), "not the key of cloud-cert")):
            self.provision()
            (self.credentials / f"cloud-{what}").write_text(contents)
            self.start()
            self.assertIn(complaint, self.state(wire.UNPROVISIONED).text)
            self.program.stop()

    def rsa_key(self):
        return subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True,
                              text=True).stdout

    def test_the_certificate_of_another_gateway(self):
        self.provision("gw-2")
        self.start()
        text = self.state(wire.UNPROVISIONED).text
        self.assertIn("'gw-2'", text)
        self.assertIn("'gw-1'", text)

    def test_a_broker_of_another_ca(self):
        self.mosquitto.start()
        self.provision(ca="evil")
        self.start()
        text = self.state(wire.OFFLINE).text
        self.assertIn("not to be trusted", text)
        self.assertEqual(self.help_text(), text)
        self.provision()  # put right, and looked at without a restart
        self.state(wire.ONLINE)
        self.assert_well()

    def test_a_broker_of_another_name(self):
        self.mosquitto.start()
        self.provision()
        self.start(broker=f"mqtts://127.0.0.2:{self.mosquitto.port}")
        # The broker listens on 127.0.0.1 only; a relay makes it look like another host.
        self.state(wire.OFFLINE)
        self.program.stop()
        with Forwarder("127.0.0.2", self.mosquitto.port) as other:
            self.start(broker=f"mqtts://127.0.0.2:{other.port}")
            self.assertIn("IP address mismatch", self.state(wire.OFFLINE).text)

    def test_an_unknown_gateway_certificate(self):
        self.mosquitto.start()
        self.provision("impostor")
        self.start()
        text = self.state(wire.OFFLINE).text
        self.assertRegex(text, "unknown ca|did not accept our certificate|reset by peer")  # whichever came first
        self.assertEqual(self.help_text(), text)

    def test_topics_that_the_broker_denies(self):
        # mosquitto grants every subscription and filters later; so does nothing else that we know.
        self.provision()
        with Refuser(self.pki, b"\x90\x05\0\1\1\x80\1") as other:
            self.start(broker=f"mqtts://localhost:{other.port}")
            text = self.state(wire.OFFLINE).text
            self.assertIn(f"does not let us read {TOPIC}command", text)
            self.assertEqual(self.help_text(), text)

    def test_the_name_in_the_client_hello(self):
        self.provision()
        for host, expected in (("localhost", "localhost"), ("127.0.0.1", None)):
            with Refuser(self.pki, b"", connack=b"\x20\x02\0\5") as other:
                self.start(broker=f"mqtts://{host}:{other.port}")
                self.state(wire.OFFLINE)
                self.assertEqual(set(other.names), {expected})
            self.program.stop()

    def test_packets_that_come_in_one_record(self):
        # What TLS has decrypted already makes no socket readable.
        def publication(i):
            body = json.dumps({"v": 1, "kind": "done", "id": f"job-{i}"}).encode()
            rest = mqtt.text(TOPIC + "response") + body
            return bytes([mqtt.PUBLISH << 4, len(rest)]) + rest
        self.provision()
        together = b"\x90\x05\0\1\1\1\1" + b"".join(publication(i) for i in range(20))
        with Refuser(self.pki, together) as other:
            self.start(broker=f"mqtts://localhost:{other.port}")
            self.state(wire.ONLINE)
            for i in range(20):
                self.agent.expect("answer", job=f"job-{i}")

    def test_a_session_that_the_broker_refuses(self):
        self.provision()
        with Refuser(self.pki, b"", connack=b"\x20\x02\0\5") as other:
            self.start(broker=f"mqtts://localhost:{other.port}")
            self.assertIn("does not let us in", self.state(wire.OFFLINE).text)

    def test_a_cloned_image(self):
        self.go_online()
        self.heard("status", lambda b: b["online"])
        with self.standing_still():
            clone = mqtt.Client(self.pki, self.mosquitto.port, GATEWAY, client_id=f"gangway-{GATEWAY}")
            self.addCleanup(clone.close)
            clone.publish(TOPIC + "status", json.dumps({
                "v": 1, "kind": "status", "id": "another-1", "online": True, "version": "1", "since": 1}),
                retain=True)
        text = self.help_text()
        self.assertIn("Another machine uses the identity of gateway gw-1", text)
        self.assertEqual(self.state(wire.OFFLINE).text.split(":")[0].split(" ")[0], "The")
        self.assertEqual(self.state(wire.OFFLINE).text, text)
        # It was thrown off when ours came to look; the next one is left alone.
        again = mqtt.Client(self.pki, self.mosquitto.port, GATEWAY, client_id=f"gangway-{GATEWAY}")
        self.addCleanup(again.close)
        time.sleep(3)  # longer than any pause before an ordinary attempt
        again.ping()

    def test_a_restart_is_no_clone(self):
        self.go_online()
        self.program.stop(signal.SIGKILL)
        self.start()
        self.state(wire.ONLINE)
        self.enroll("job-1")
        self.heard("request")
        self.assertNotIn(0, [m.ok for m in self.agent.pending() if m.type == "health"])

    def test_a_late_will_is_corrected(self):
        self.go_online()
        ours = self.heard("status", lambda b: b["online"])
        self.cloud.publish(TOPIC + "status", json.dumps({
            "v": 1, "kind": "status", "id": "our-past-1", "online": False, "version": "1", "since": 1}),
            retain=True)
        self.assertEqual(self.heard("status", lambda b: b["online"]), ours)
        self.assertEqual([m for m in self.agent.pending() if m.type == "health" and not m.ok], [])

    def test_a_broker_that_hangs_up_again_and_again(self):
        self.go_online()
        for _ in range(6):
            thief = mqtt.Client(self.pki, self.mosquitto.port, GATEWAY, client_id=f"gangway-{GATEWAY}")
            self.addCleanup(thief.close)
            self.state(wire.OFFLINE)
            if "hangs up soon" in self.program.log():
                break
            self.state(wire.ONLINE)
        self.assertIn("hangs up soon after each connection", self.help_text())


def cut(sock):
    """Wakes whoever waits for the socket, in whatever thread."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it is cut already


class Forwarder:
    """Carries bytes between a port on another loopback address and the broker."""

    def __init__(self, host, target):
        self.listener = socket.create_server((host, 0))
        self.port, self.target = self.listener.getsockname()[1], target
        self.threads = [threading.Thread(target=self._serve)]
        self.sockets = [self.listener]

    def __enter__(self):
        self.threads[0].start()
        return self

    def __exit__(self, *_):
        for sock in list(self.sockets):
            cut(sock)
        for thread in self.threads:
            thread.join(patience.NEVER_S)
        self.listener.close()

    def _serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._carry, args=(near,))
            self.threads.append(thread)
            self.sockets.append(near)
            thread.start()

    def _carry(self, near):
        with near, socket.create_connection(("127.0.0.1", self.target)) as far:
            other = {near: far, far: near}
            try:
                while True:
                    for source in select.select(list(other), [], [])[0]:
                        data = source.recv(65536)
                        if not data:
                            return
                        other[source].sendall(data)
            except OSError:
                pass


SUBACK_ALL = b"\x90\x05\0\1\1\1\1"


class Refuser:
    """A broker that answers CONNECT and SUBSCRIBE with set packets, and PUBLISH as it likes."""

    def __init__(self, pki, suback, connack=b"\x20\x02\0\0", certificate="broker", acknowledge=True):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pki.path(f"{certificate}.crt"), pki.path(f"{certificate}.key"))
        self.context.sni_callback = lambda sock, name, context: self.names.append(name)
        self.names = []  # that clients asked for
        self.answers = {mqtt.CONNECT: connack, mqtt.SUBSCRIBE: suback}
        self.acknowledge = acknowledge
        self.mids = queue.Queue()
        self.peer = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.over = False
        self.thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        cut(self.listener)
        if self.peer:
            cut(self.peer)
        self.thread.join(patience.NEVER_S)
        self.listener.close()

    def publication(self, timeout_s=patience.NEVER_S):
        """The packet id of the next one."""
        return self.mids.get(timeout=timeout_s)

    def _serve(self):
        while not self.over:
            try:
                plain, _ = self.listener.accept()
                with plain, self.context.wrap_socket(plain, server_side=True) as self.peer:
                    self._converse()
            except (OSError, ValueError):
                pass

    def _converse(self):
        reader = mqtt.Reader(self.peer)
        while True:
            first, body = reader.packet(time.monotonic() + patience.NEVER_S)
            if first >> 4 in self.answers:
                self.peer.sendall(self.answers[first >> 4])
            elif first >> 4 == mqtt.PUBLISH:
                at = 2 + int.from_bytes(body[:2], "big")
                self.mids.put(body[at:at + 2])
                if self.acknowledge:
                    self.peer.sendall(b"\x40\2" + body[at:at + 2])


if __name__ == "__main__":
    unittest.main()
