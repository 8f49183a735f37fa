# SPDX-License-Identifier: GPL-2.0-or-later
"""gangway-cloud with a broker of its own, and gateways that a test plays."""
import base64
import hashlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import broker
import mqtt
import patience
import schema

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))
import clocks  # noqa: E402

BUILD = pathlib.Path(os.environ["top_builddir"])
PROGRAM = BUILD / "tools/cloud/gangway-cloud"
SCHEMAS = schema.Schemas()
DEVICE = "ACME-0001"
SECRET = bytes.fromhex("301a2b3c4d5e6f708192a3b4c5d6e7f8")


def b64(data):
    return base64.b64encode(data).decode()


class Members:
    """Where mqtt.Client finds certificates: the files that `init` wrote."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        name, _, kind = name.rpartition(".")
        if name == "ca":
            return str(self.folder / "broker/ca.crt")
        if name == "observer":
            return str(self.folder / f"broker/observer.{kind}")
        if name == "cloud":
            return str(self.folder / ("cloud/cert" if kind == "crt" else "cloud/key"))
        return str(self.folder / "gateways" / name / ("cloud-cert" if kind == "crt" else "cloud-key"))


class Mosquitto(broker.Mosquitto):
    """With the very configuration that `init` wrote."""

    def __init__(self, folder, written, port):
        self.folder, self.written, self.port, self.process = folder, written, port, None

    def start(self):
        text = self.written.read_text() + f"log_dest file {self.folder}/log\n"
        if os.geteuid() == 0:
            text += "user root\n"
        (self.folder / "conf").write_text(text)
        return super().start()


class Cloud:
    def __init__(self, folder, *gateways):
        self.folder = pathlib.Path(folder) / "cloud"
        self.log_path = pathlib.Path(folder) / "serve.log"
        self.members = Members(self.folder)
        self.port = broker.ports.take_one()
        self.mosquitto = Mosquitto(pathlib.Path(folder), self.folder / "broker/mosquitto.conf", self.port)
        self.process = self.notify = None
        self.clocks = clocks.Clocks(pathlib.Path(folder) / "clocks")
        arguments = [a for g in gateways for a in ("--gateway", g)]
        self.run("init", self.folder, *arguments, "--broker", f"localhost:{self.port}")

    def run(self, *arguments, code=0, stdin=None, die_at=None):
        """Runs a verb to its end; gives what it printed."""
        env = dict(os.environ) | ({"GANGWAY_DIE_AT": die_at} if die_at else {})
        result = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                                input=stdin, env=env, timeout=patience.NEVER_S, check=False)
        if result.returncode != code:
            raise AssertionError(f"{arguments}: {result.returncode}, not {code}: {result.stderr}")
        return result.stdout if code == 0 else result.stderr

    def serve(self, *options, die_at=None, wait=True):
        """Starts it; returns when it is connected and has subscribed."""
        path = self.log_path.with_suffix(".notify")
        path.unlink(missing_ok=True)
        self.options = options
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(path))
        self.notify.settimeout(patience.NEVER_S)
        env = dict(os.environ, NOTIFY_SOCKET=str(path)) | self.clocks.environment("cloud")
        env |= {"GANGWAY_DIE_AT": die_at} if die_at else {}
        env.pop("JOURNAL_STREAM", None)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([PROGRAM, "serve", self.folder, *options], stderr=log, env=env)
        if wait:
            self.ready()

    def set_clock(self, offset_s):
        """Of broker and cloud, which are started anew the first time."""
        if self.clocks.are_there():
            self.clocks.set("cloud", offset_s)
            return
        self.clocks.make()
        self.clocks.set("cloud", offset_s)
        self.mosquitto.environment = self.clocks.environment("cloud")
        self.mosquitto.stop()
        self.mosquitto.start()
        if self.process:
            self.stop()
            self.serve(*self.options)

    def ready(self):
        """Waits until it is connected (again)."""
        while b"READY=1" not in self.notify.recv(4096):
            pass

    def log(self):
        return self.log_path.read_text()

    def await_log(self, text):
        """Waits until it has logged this."""
        deadline = time.monotonic() + patience.NEVER_S
        while not self.log_path.exists() or text not in self.log():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"'{text}' is not in the log: {self.log()}")
            time.sleep(0.02)

    def stop(self, how=signal.SIGTERM):
        if not self.process:
            return None
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self._gone()

    def _gone(self):
        code = self.process.wait(patience.NEVER_S)
        self.process = None
        self.notify.close()
        return code

    def died(self):
        """Waits for the death that it was told to die."""
        return self._gone() == -signal.SIGKILL

    def certificates(self, **wanted):
        rows = json.loads(self.run("list", self.folder, "--json"))
        return [r for r in rows if all(r[k] == v for k, v in wanted.items())]

    def commands(self, **wanted):
        rows = json.loads(self.run("list", self.folder, "--json", "--commands"))
        return [r for r in rows if all(r[k] == v for k, v in wanted.items())]


class Key:
    """A device's key, by the openssl command."""

    def __init__(self, folder, *kind):
        self.path = pathlib.Path(folder) / f"key-{os.urandom(6).hex()}.pem"
        subprocess.run(["openssl", "genpkey", *(kind or ("-algorithm", "EC", "-pkeyopt",
                        "ec_paramgen_curve:P-256")), "-out", self.path], check=True, capture_output=True)
        spki = subprocess.run(["openssl", "pkey", "-in", self.path, "-pubout", "-outform", "DER"],
                              check=True, capture_output=True).stdout
        self.hash = hashlib.sha256(spki).hexdigest()

    def csr(self, subject, *more):
        return subprocess.run(["openssl", "req", "-new", "-key", self.path, "-subj", subject, "-outform",
                               "DER", *more], check=True, capture_output=True).stdout


class Gateway:
    """Plays a gateway's cloud link."""

    def __init__(self, cloud, name):
        self.cloud, self.name = cloud, name
        self.client = mqtt.Client(cloud.members, cloud.port, name)
        for topic in ("response", "command"):
            self.client.subscribe(f"gangway/v1/{name}/{topic}")
        self.private = self.public = None

    def close(self):
        self.client.close()

    def publish(self, topic, body, retain=False):
        self.client.publish(f"gangway/v1/{self.name}/{topic}",
                            body if isinstance(body, (bytes, str)) else json.dumps(body), retain)

    def ask(self, body):
        """Publishes a request and waits for its answer."""
        SCHEMAS.check("request", body)
        self.publish("request", body)
        return self.response(body["id"])

    def response(self, job):
        p = self.client.expect(f"gangway/v1/{self.name}/response",
                               lambda p: json.loads(p.body)["id"] == job)
        return SCHEMAS.check("response", p.body)

    def command(self, wanted=lambda body: True):
        p = self.client.expect(f"gangway/v1/{self.name}/command", lambda p: wanted(json.loads(p.body)))
        return SCHEMAS.check("command", p.body)

    def answer(self, command, reason=None):
        body = {"v": 1, "kind": "refused" if reason else "done", "id": command["id"], "seq": command["seq"]}
        if reason:
            body["reason"] = reason
        SCHEMAS.check("answer", body)
        self.publish("answer", body)

    def status(self, online=True, key=True):
        if not self.public:
            keys = subprocess.run([BUILD / "tests/integration/box-open", "keys"], check=True,
                                  capture_output=True, text=True).stdout.split()
            self.private, self.public = keys
        body = {"v": 1, "kind": "status", "id": f"{self.name}-1", "online": online, "version": "0.1.0",
                "since": 1790000000}
        if key:
            body["box_key"] = b64(bytes.fromhex(self.public))
        SCHEMAS.check("status", body)
        self.publish("status", body, retain=True)

    def open(self, command):
        """The secret that a claim brings."""
        about = f"{self.name}|{command['id']}|{command['device']}"
        box = base64.b64decode(command["secret_sealed"]).hex()
        result = subprocess.run([BUILD / "tests/integration/box-open", self.private, self.public, about, box],
                                check=True, capture_output=True, text=True)
        return bytes.fromhex(result.stdout.strip())


def crc(text):
    value = 0xFFFF
    for byte in text.encode():
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value


def base32(data):
    bits = "".join(f"{b:08b}" for b in data)
    bits += "0" * (-len(bits) % 5)
    return "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[int(bits[i:i + 5], 2)] for i in range(0, len(bits), 5))


def label(device=DEVICE, secret=SECRET, field="S", more=""):
    text = f"GW1:I{device}+{field}{base32(secret)}{more}"
    return f"{text}+C{crc(text):04X}"


def openssl(*arguments, stdin=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True, check=True).stdout


class Case(unittest.TestCase):
    gateways = ("gw-1", "gw-2")

    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="gangway-cloud-"))
        cls.addClassCleanup(shutil.rmtree, cls.root)

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=self.root))
        self.cloud = Cloud(self.folder, *self.gateways)
        self.addCleanup(self.finish)
        self.cloud.mosquitto.start()
        self.addCleanup(self.cloud.mosquitto.stop)
        self.jobs = 0

    def finish(self):
        code = self.cloud.stop()
        self.assertIn(code, (0, None))

    def go(self, *names, **how):
        """Starts the cloud and lets gateways join."""
        self.cloud.serve(**how)
        joined = [self.join(name) for name in names or ("gw-1",)]
        return joined[0] if len(joined) == 1 else joined

    def join(self, name="gw-1"):
        gateway = Gateway(self.cloud, name)
        self.addCleanup(gateway.close)
        return gateway

    def job(self):
        self.jobs += 1
        return f"job-{self.jobs}"

    def enroll(self, key, device=DEVICE, claim="c-1", tenant="default", csr=None, job=None):
        return {"v": 1, "kind": "enroll", "id": job or self.job(), "device": device, "tenant": tenant,
                "claim": claim, "method": "qr", "key": key.hash,
                "csr": b64(csr or key.csr(f"/CN={device}"))}

    def renew(self, key, serial, device=DEVICE, tenant="default", csr=None):
        return {"v": 1, "kind": "renew", "id": self.job(), "device": device, "tenant": tenant, "serial": serial,
                "key": key.hash, "csr": b64(csr or key.csr(f"/CN={device}"))}

    def adopt(self, key, serial, device=DEVICE):
        return {"v": 1, "kind": "adopt", "id": self.job(), "device": device, "serial": serial, "key": key.hash}

    def proved(self, serial, device=DEVICE, claim="c-1"):
        return {"v": 1, "kind": "proved", "id": self.job(), "device": device, "claim": claim, "serial": serial}

    def revoked(self, device=DEVICE, reason="superseded", **which):
        whose = {"device": device} if device else {}
        return {"v": 1, "kind": "revoked", "id": self.job(), "reason": reason} | whose | which

    def certificate(self, answer):
        """The certificate of an `issued`, and its serial number."""
        self.assertEqual(answer["kind"], "issued", answer)
        der = base64.b64decode(answer["certificate"])
        line = openssl("x509", "-inform", "DER", "-noout", "-serial", stdin=der).decode()
        return der, line.strip().split("=")[1].lower()

    def aboard(self, gateway, device=DEVICE, claim="c-1"):
        """Enrols and proves; gives key and serial number."""
        key = Key(self.folder)
        _, serial = self.certificate(gateway.ask(self.enroll(key, device, claim)))
        self.assertEqual(gateway.ask(self.proved(serial, device, claim))["kind"], "done")
        return key, serial

    def states(self, device=DEVICE):
        return {r["serial"]: r["state"] for r in self.cloud.certificates(device=device)}

    def refused(self, answer, reason, final=True):
        self.assertEqual((answer["kind"], answer.get("reason"), answer.get("final")),
                         ("refused", reason, final), answer)
        return answer["text"]
