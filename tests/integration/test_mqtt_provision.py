#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gangway-mqtt and its own certificate: by a claim, renewed, with the real cloud behind a real broker. The
agent is played by the test."""
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import ssl
import subprocess
import time
import unittest

import broker
import cells
import cloud
import fake_agent
import mqtt
import patience
import wire
from cloud import openssl

PROGRAM = cloud.BUILD / "plugins/mqtt/gangway-mqtt"
BOX = "box-1"
LIFE_S = "36000"  # of a gateway's certificate, by clocks that are set
UNPROVISIONED, CONNECTING, OFFLINE, SILENT, ONLINE = 0, 1, 2, 3, wire.ONLINE
NONE, GIVEN, OWN, CANDIDATE, CLAIM = range(5)
TAMED = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
TMPFILES = pathlib.Path(os.environ["top_srcdir"], "etc/tmpfiles/gangway.conf")
WHY = "built without --enable-fault-points"
FAULT_POINTS = "#define GW_FAULT_POINTS 1" in (cloud.BUILD / "config.h").read_text()


def listed_steps():
    steps = subprocess.run([PROGRAM, "--list-steps"], check=True, capture_output=True, text=True).stdout
    return [s for s in steps.split() if re.search(r"provision|slot|anchors", s) and "forget" not in s]


def der(certificate):
    return openssl("x509", "-outform", "DER", stdin=certificate)


class Machine:
    """A box: its folders, its program, and the agent beside it."""

    def __init__(self, case, name, gateway=BOX):
        self.case, self.gateway = case, gateway
        self.folder = case.folder / name
        self.credentials, self.state = self.folder / "credentials", self.folder / "state"
        for folder in (self.folder, self.credentials, self.state):
            folder.mkdir(mode=0o700)
        self.agent = fake_agent.Agent(self.folder / "link")
        case.addCleanup(self.agent.close)
        self.process = None
        self.log_path = self.folder / "log"

    def give(self, folder):
        for path in (self.case.cloud.folder / folder).iterdir():
            shutil.copy(path, self.credentials)

    def start(self, die_at=None, trusted=True, state=True, tamed=False, by=(), **settings):
        """tamed: the modes of files and folders hold for us, though we may be root. by: what runs it."""
        settings = {"broker": f"mqtts://localhost:{self.case.cloud.port}", "retry_first": 1, "retry_max": 1,
                    "silent_after": 2, "reconnect_spread": 0} | settings
        env = dict(os.environ, CREDENTIALS_DIRECTORY=str(self.credentials)) | self.case.cloud.clocks.environment("gateway")
        env.pop("JOURNAL_STREAM", None)
        if die_at:
            env["GANGWAY_DIE_AT"] = die_at
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*(TAMED if tamed and os.geteuid() == 0 else ()), *by, PROGRAM, "--link", self.agent.path, *(["--state", str(self.state)] if state else [])],
                stderr=log, env=env)
        self.case.addCleanup(self.stop)
        self.agent.take_in(self.gateway, **settings)
        if trusted:
            self.tell_time()

    def tell_time(self):
        self.agent.send("clock", time=int(time.time()) + self.case.offset_s, trusted=1)

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(patience.NEVER_S)

    def died(self):
        return self.process.wait(patience.NEVER_S) == -signal.SIGKILL

    def log(self):
        return self.log_path.read_text()

    def is_in(self, state):
        return self.agent.expect("cloud_state", state=state)

    def has(self, source, wanted=lambda message: True):
        while True:
            message = self.agent.expect("credential", source=source)
            if wanted(message):
                return message

    def cell(self, name):
        return cells.read(self.state, name)

    def anchors(self):
        return cells.anchors(self.state)

    def files(self):
        return sorted(p.name for p in self.state.iterdir())

    def filled(self):
        return cells.filled(self.state)

    def has_key(self):
        return any(b"PRIVATE KEY" in self.cell(name) for name in cells.SLOTS)

    def live_slot(self):
        return cells.live_slot(self.state)

    def live_serial(self):
        return cells.live_serial(self.state) or self.live_serial()  # it has just got another


class Base(cloud.Case):
    gateways = ()
    offset_s = 0  # of all clocks

    def set_clocks(self, offset_s):
        self.offset_s = offset_s
        self.cloud.set_clock(offset_s)
        self.cloud.clocks.set("gateway", offset_s)

    def end_is_near(self, machine):
        """The time has come to renew what it has, and is not over soon."""
        letter = re.search(r"^live (.)$", machine.cell("live").decode(), re.M)[1]
        dates = openssl("x509", "-noout", "-startdate", "-enddate", stdin=machine.cell(letter)).decode()
        start, end = (ssl.cert_time_to_seconds(line.partition("=")[2]) for line in dates.splitlines())
        self.set_clocks(end - (end - start) // 20 - int(time.time()))
        machine.tell_time()

    def claim(self, *options, name="batch"):
        self.cloud.run("claim-credential", self.cloud.folder, *options, name)

    def box(self, name="box", claim="batch", gateway=BOX):
        machine = Machine(self, name, gateway)
        if claim:
            machine.give(f"claims/{claim}")
        return machine

    def own(self, name=BOX):
        rows = json.loads(self.cloud.run("list", self.cloud.folder, "--json", "--gateways"))
        return {r["serial"]: r["state"] for r in rows if r["gateway"] == name}

    def live(self, name=BOX):
        return [serial for serial, state in self.own(name).items() if state == "live"]

    def until(self, condition, what):
        deadline = time.monotonic() + patience.NEVER_S
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.05)

    def given(self, name=BOX):
        """A machine with a ready-made certificate."""
        self.cloud.run("init", self.cloud.folder, "--gateway", name)
        machine = self.box(name, claim=None, gateway=name)
        machine.give(f"gateways/{name}")
        return machine

    def due(self, name=BOX):
        """The same, and its time to be renewed has come."""
        machine = self.given(name)
        now = time.time()
        self.certify(machine, *(time.strftime("%Y%m%d%H%M%SZ", time.gmtime(now + days * 86400))
                                for days in (-1000, 1000)))
        return machine

    def certify(self, machine, start, end):
        folder = machine.folder / "ca"
        folder.mkdir()
        (folder / "index").write_text("")
        (folder / "conf").write_text(f"[ca]\ndefault_ca=x\n[x]\ndatabase={folder}/index\nnew_certs_dir={folder}\n"
                                     "default_md=sha256\npolicy=p\nrand_serial=yes\n[p]\ncommonName=supplied\n")
        (folder / "ext").write_text("extendedKeyUsage=clientAuth\n")
        openssl("req", "-new", "-key", machine.credentials / "cloud-key", "-subj", f"/CN={machine.gateway}",
                "-out", folder / "csr")
        openssl("ca", "-batch", "-notext", "-config", folder / "conf", "-startdate", start, "-enddate", end,
                "-in", folder / "csr", "-out", machine.credentials / "cloud-cert", "-extfile", folder / "ext",
                "-cert", self.cloud.folder / "gateway-ca.crt", "-keyfile", self.cloud.folder / "gateway-ca.key")
        self.cloud.run("revoke-gateway", self.cloud.folder, machine.gateway, "--readmit")  # forget the other one


class Provisioning(Base):
    def test_by_a_claim(self):
        self.claim("--uses", "2")
        self.cloud.serve()
        box = self.box()
        box.start()
        box.has(CLAIM)
        box.is_in(UNPROVISIONED)
        box.is_in(ONLINE)
        own = box.has(OWN)
        self.assertEqual((own.ok, own.trouble), (1, ""))
        self.assertGreater(own.renew_at, time.time() + 50 * 86400)
        self.assertLess(own.renew_at, own.not_after)
        self.assertEqual(self.live(), [box.live_serial()])
        self.assertEqual(len(set(box.filled()) & set(cells.SLOTS)), 1)
        self.assertLessEqual({"anchors", "live"}, set(box.filled()))
        self.assertEqual(box.files(), [f"{name}.{turn}" for name in cells.CELLS for turn in (0, 1)])
        for path in box.state.iterdir():
            self.assertEqual(path.stat().st_mode & 0o777, 0o600, path)
        self.assertNotIn("PRIVATE", box.log())

        # The claim is not used any more: without it, everything goes on.
        for path in box.credentials.glob("cloud-claim-*"):
            path.unlink()
        box.stop()
        box.start()
        box.is_in(ONLINE)
        self.assertEqual(box.has(OWN).ok, 1)

    def test_the_longest_names(self):
        claim, gateway = "c" * 56, "g" * 64
        self.claim(name=claim)
        self.cloud.serve()
        box = self.box(claim=claim, gateway=gateway)
        box.start()
        box.has(OWN)
        self.assertEqual(self.live(gateway), [box.live_serial()])

    def test_files_made_beforehand(self):
        """As installed: tmpfiles.d makes just the files that the program would make, and it can make none."""
        self.claim()
        self.cloud.serve()
        box = self.box()
        lines = [line.split() for line in TMPFILES.read_text().splitlines() if "/var/lib/gangway-mqtt/" in line]
        for kind, path, *_ in lines:
            self.assertEqual(kind, "f")
            (box.state / pathlib.Path(path).name).touch(mode=0o600)
        before = {path.name: path.stat().st_ino for path in box.state.iterdir()}
        self.assertEqual(sorted(before), [f"{name}.{turn}" for name in cells.CELLS for turn in (0, 1)])
        box.state.chmod(0o500)
        box.start(tamed=True)
        box.has(OWN)
        self.assertEqual({path.name: path.stat().st_ino for path in box.state.iterdir()}, before)
        box.stop()
        box.start(tamed=True)
        box.has(OWN)

    def test_a_folder_without_its_files(self):
        self.claim()
        self.cloud.serve()
        box = self.box()
        box.state.chmod(0o500)
        box.start(tamed=True)
        self.assertIn("cloud-cert is missing", box.is_in(UNPROVISIONED).text)
        self.assertIn("systemd-tmpfiles --create", box.log())

    def in_a_namespace(self, script, *arguments):
        """Runs the program where its folder is mounted so."""
        unshare = "unshare", "-m" if os.geteuid() == 0 else "-rm"
        tried = subprocess.run([*unshare, "mount", "-t", "tmpfs", "tmpfs", self.folder], check=False, capture_output=True)
        if tried.returncode != 0:
            self.skipTest("needs a namespace of mounts")
        return *unshare, "sh", "-ec", f'{script}; shift {len(arguments)}; exec "$@"', "sh", *map(str, arguments)

    def test_a_disk_that_is_full(self):
        """It was given its certificate, has nothing to keep as yet, and knows all the same that it could not."""
        machine = self.given()
        self.cloud.serve()
        machine.start(by=self.in_a_namespace(
            'mount -t tmpfs -o size=128k tmpfs "$1"; for f in $2; do : > "$1/$f.0"; : > "$1/$f.1"; done; '
            '! cat /dev/zero > "$1/full" 2> "$1/none"', machine.state, " ".join(cells.CELLS)))
        text = machine.agent.expect("health", ok=0).text
        self.assertRegex(text, r"could not be renewed now: nothing can be kept in .*No space left.*make room on that disk")
        machine.is_in(ONLINE)
        self.assertIn(text, machine.log())

        (pathlib.Path(f"/proc/{machine.process.pid}/root") / machine.state.relative_to("/") / "full").unlink()
        machine.agent.expect("health", ok=1)

    def test_a_disk_that_is_full_when_it_renews(self):
        """The room was taken when there was some."""
        self.claim()
        self.cloud.serve("--gateway-lifetime", "20")
        box = self.box()
        box.start(by=self.in_a_namespace('mount -t tmpfs -o size=256k tmpfs "$1"', box.state))
        own = box.has(OWN)
        inside = pathlib.Path(f"/proc/{box.process.pid}/root") / box.state.relative_to("/")
        with self.assertRaises(OSError), open(inside / "full", "wb", buffering=0) as full:
            while full.write(bytes(4096)):
                pass
        box.has(OWN, lambda m: m.not_after > own.not_after)
        box.is_in(ONLINE)

    def test_a_disk_that_is_read_only(self):
        machine = self.given()
        self.cloud.serve()
        machine.start()
        machine.is_in(ONLINE)
        machine.stop()
        machine.start(by=self.in_a_namespace('mount --bind "$1" "$1"; mount -o remount,ro,bind "$1"', machine.state))
        self.assertRegex(machine.agent.expect("health", ok=0).text, "Read-only file system.*mount that disk for writing")
        machine.is_in(ONLINE)

    def test_files_that_may_not_grow(self):
        """It ends by itself when somebody has mended it, without a restart."""
        machine = self.given()
        self.cloud.serve()
        machine.start(by=("prlimit", "--fsize=0:unlimited"))
        self.assertIn("see LimitFSIZE=", machine.agent.expect("health", ok=0).text)
        machine.is_in(ONLINE)
        resource.prlimit(machine.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        machine.agent.expect("health", ok=1)

    def test_without_a_folder_to_keep_it(self):
        self.claim()
        self.cloud.serve()
        box = self.box()
        box.start(state=False)
        self.assertRegex(box.is_in(UNPROVISIONED).text, "cloud-cert is missing: put .* cloud-claim-cert and cloud-claim-key, a claim there")

    def refusal(self, box, reason):
        text = box.agent.expect("health", ok=0).text
        self.assertIn(reason, text)
        return text

    def test_refused_until_somebody_mends_it(self):
        serials = self.folder / "serials"
        serials.write_text("box-2\n")
        self.claim("--serials", serials)
        self.cloud.serve()
        box = self.box()
        box.start()
        self.refusal(box, "not-listed")
        self.assertGreater(box.has(CLAIM, lambda m: m.retry_at).retry_at, time.time() - 60)
        self.until(lambda: self.cloud.log().count("not-listed") >= 3, "asked again and again")
        said = [line for line in box.log().splitlines() if "(not-listed)" in line]
        self.assertEqual(len(said), 2, said)  # the event, and the word on how we are, when it began; not each time
        serials.write_text(f"{BOX}\n")
        self.claim("--serials", serials)
        box.is_in(ONLINE)
        box.has(OWN)
        box.agent.expect("health", ok=1)

    def test_a_claim_used_up_or_over(self):
        self.claim("--uses", "1")
        self.claim("--expires", str(int(time.time()) - 10), name="late")
        self.cloud.serve()
        first = self.box("first", gateway="box-0")
        first.start()
        first.is_in(ONLINE)
        second = self.box("second")
        second.start()
        self.refusal(second, "claim-used")
        late = self.box("late", claim="late")
        late.start()
        self.refusal(late, "claim-expired")
        self.assertEqual(self.own(), {})

    def test_a_second_box_of_the_same_name(self):
        self.claim("--uses", "9")
        self.cloud.serve()
        first, second = self.box("first"), self.box("second")
        first.start()
        first.has(OWN)
        second.start()
        self.refusal(second, "already-aboard")
        self.assertIn("copy of its image", second.log())
        self.assertEqual(self.live(), [first.live_serial()])

    def test_a_replaced_box_is_readmitted(self):
        self.claim("--uses", "9")
        self.cloud.serve()
        first, second = self.box("first"), self.box("second")
        first.start()
        first.has(OWN)
        first.stop()
        second.start()
        self.refusal(second, "already-aboard")
        self.cloud.run("revoke-gateway", self.cloud.folder, BOX, "--readmit")
        second.has(OWN)
        self.assertEqual(self.live(), [second.live_serial()])

    def test_a_copied_folder(self):
        """Two boxes with one image, key and all: the broker throws one off, it notices, and stays away."""
        self.claim()
        self.cloud.serve()
        first = self.box("first")
        first.start()
        first.has(OWN)
        second = self.box("second", claim=None)
        shutil.rmtree(second.state)
        shutil.copytree(first.state, second.state)
        shutil.copy(first.credentials / "cloud-ca", second.credentials)
        second.start()
        text = first.agent.expect("health", ok=0).text
        self.assertIn("Another machine uses the identity", text)
        self.assertGreater(first.agent.expect("cloud_retry").in_ms, -1)

    def test_garbage_in_the_folder(self):
        self.claim("--uses", "9")
        self.cloud.serve()
        box = self.box()
        box.start()
        box.has(OWN)
        serial = box.live_serial()
        box.stop()
        for turn in (0, 1):
            (box.state / f"live.{turn}").write_text("what\n")
        box.start()
        box.has(OWN)  # proved once more
        self.assertEqual(box.live_serial(), serial)
        box.stop()

        # A key that is gone cannot be had back: the cloud knows this gateway, and somebody has to say that it may come.
        for slot in cells.SLOTS:
            for turn in (0, 1):
                (box.state / f"{slot}.{turn}").write_text("no key\n")
        box.start()
        self.refusal(box, "already-aboard")
        self.cloud.run("revoke-gateway", self.cloud.folder, BOX, "--readmit")
        box.has(OWN)


class Renewal(Base):
    def test_through_three_lifetimes(self):
        self.set_clocks(0)
        machine = self.given()
        self.claim()
        self.cloud.serve("--gateway-lifetime", LIFE_S)
        machine.credentials.joinpath("cloud-cert").unlink()
        machine.credentials.joinpath("cloud-key").unlink()
        self.cloud.run("revoke-gateway", self.cloud.folder, BOX, "--readmit")
        machine.give("claims/batch")
        machine.start()
        seen = [machine.has(OWN)]
        while len(seen) < 4:
            self.end_is_near(machine)
            seen.append(machine.has(OWN, lambda own: own.not_before != seen[-1].not_before))
        for earlier, later in zip(seen, seen[1:]):
            self.assertLess(later.not_before, earlier.not_after)  # no gap
        self.assertFalse([m for m in machine.agent.pending() if m.type == "cloud_state" and m.state == OFFLINE])
        states = list(self.own().values())
        self.assertEqual(states.count("live"), 1, states)
        self.assertGreaterEqual(states.count("revoked"), 4)

    def test_what_was_given(self):
        machine = self.due()
        self.cloud.serve()
        machine.start(renew_after=1)
        self.assertEqual(machine.has(GIVEN).ok, 1)
        own = machine.has(OWN)
        self.assertEqual(own.trouble, "")
        self.assertEqual(self.live(), [machine.live_serial()])
        machine.stop()
        machine.start()  # its own goes before the file
        machine.is_in(ONLINE)
        machine.has(OWN)
        self.assertNotIn("given", [m.type for m in machine.agent.pending()])

    def test_only_when_time_is_trusted(self):
        machine = self.due()
        self.cloud.serve()
        machine.start(renew_after=1, trusted=False)
        machine.is_in(ONLINE)
        self.assertLess(machine.has(GIVEN).renew_at, time.time())
        machine.agent.send("request", job="time", kind=wire.REQUEST_TIME)
        machine.agent.expect("answer", job="time")
        self.assertEqual(machine.filled(), [])
        machine.agent.send("clock", time=int(time.time()), trusted=1)
        machine.has(OWN)

    def test_refused(self):
        """The old one stays in use, and what is wrong is said."""
        machine = self.due()
        self.cloud.serve()
        self.cloud.run("revoke-gateway", self.cloud.folder, BOX)
        machine.start(renew_after=1)
        machine.is_in(ONLINE)
        told = machine.has(GIVEN, lambda m: m.trouble)
        self.assertIn("revoked", told.trouble)
        self.assertGreater(told.retry_at, time.time())
        self.assertNotIn(OFFLINE, [m.state for m in machine.agent.pending() if m.type == "cloud_state"])
        machine.stop()
        self.cloud.run("revoke-gateway", self.cloud.folder, BOX, "--readmit")
        machine.start(renew_after=1)
        self.assertEqual(machine.has(OWN).trouble, "")

    def test_never_answered(self):
        machine = self.due()
        machine.start(renew_after=1)
        machine.is_in(ONLINE)
        self.assertIn("does not answer", machine.has(GIVEN, lambda m: m.trouble).trouble)
        machine.stop()
        self.assertTrue(machine.has_key())
        self.cloud.serve()
        machine.start(renew_after=1)
        machine.has(OWN)

    def test_garbage(self):
        """A cloud that sends another's certificate: it is not kept, and the old one stays."""
        machine = self.due()
        observer = self.play_cloud()
        machine.start(renew_after=1)
        topic = f"gangway/v1/{BOX}/"
        body = json.loads(observer.expect(topic + "request").body)
        self.assertEqual(body["kind"], "provision")
        foreign = openssl("x509", "-in", self.cloud.folder / "gateway-ca.crt", "-outform", "DER")
        observer.publish(topic + "response", "{}")
        for certificate in (foreign, b"no certificate", foreign[:-1]):
            answer = {"v": 1, "kind": "issued", "id": body["id"], "certificate": cloud.b64(certificate), "chain": []}
            observer.publish(topic + "response", json.dumps(answer))
            self.assertIn("no use", machine.has(GIVEN, lambda m: m.trouble).trouble)
            observer.expect(topic + "request", lambda p: json.loads(p.body)["kind"] == "provision")
        self.assertFalse([name for name in cells.SLOTS if b"CERTIFICATE" in machine.cell(name)])
        observer.close()
        self.cloud.serve()
        machine.has(OWN)

    def play_cloud(self):
        import mqtt
        client = mqtt.Client(self.cloud.members, self.cloud.port, "cloud", "gangway-cloud")
        self.addCleanup(client.close)
        client.subscribe("gangway/v1/+/request")
        return client

    def test_a_candidate_that_the_broker_refuses(self):
        """A broker that knows the old authority only: back to the old one, and again later."""
        machine = self.due()
        observer = self.play_cloud()
        machine.start(renew_after=1)
        topic = f"gangway/v1/{BOX}/"
        body = json.loads(observer.expect(topic + "request").body)
        csr = self.folder / "csr.der"
        import base64
        csr.write_bytes(base64.b64decode(body["csr"]))
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                self.folder / "evil.key", "-out", self.folder / "evil.crt", "-subj", "/CN=evil")
        (self.folder / "ext").write_text("extendedKeyUsage=clientAuth\n")
        der = openssl("x509", "-req", "-inform", "DER", "-in", csr, "-CA", self.folder / "evil.crt", "-CAkey",
                      self.folder / "evil.key", "-set_serial", "77", "-days", "30", "-outform", "DER",
                      "-extfile", self.folder / "ext")
        observer.publish(topic + "response", json.dumps(
            {"v": 1, "kind": "issued", "id": body["id"], "certificate": cloud.b64(der), "chain": []}))
        self.assertIn("cannot be used yet", machine.has(GIVEN, lambda m: m.trouble).trouble)
        machine.agent.send("request", job="time", kind=wire.REQUEST_TIME)
        observer.expect(topic + "request", lambda p: json.loads(p.body)["kind"] == "time")
        observer.close()
        self.cloud.serve()
        machine.has(OWN)  # after some refusals it asks for another

    def test_a_copy_that_fell_behind(self):
        machine = self.due()
        self.cloud.serve()
        machine.start(renew_after=1)
        machine.has(OWN)
        machine.stop()
        shutil.rmtree(machine.state)
        machine.state.mkdir(mode=0o700)
        machine.start(renew_after=1)
        told = machine.has(GIVEN, lambda m: m.trouble)
        self.assertIn("copy of another box's image", told.trouble)


class Leaving(Base):
    """The gateway was reset: nothing of its own is left, at either end."""

    def relinquish(self, machine, job="leave-1"):
        machine.agent.send("request", job=job, kind=wire.REQUEST_RELINQUISHED)

    def come_again(self, box):
        """Until it has a certificate once more: told after it was forgotten, so not the one before."""
        self.until(lambda: box.cell("live"), "another one is live")
        self.until(lambda: box.has(OWN).not_before, "and it is said")

    def test_and_coming_again(self):
        self.claim("--uses", "1")
        self.cloud.serve()
        box = self.box()
        box.start()
        box.has(OWN)
        first = box.live_serial()
        key = box.cell(box.live_slot())
        self.relinquish(box)
        self.assertEqual(box.agent.expect("answer", job="leave-1").outcome, wire.DONE)
        self.come_again(box)
        self.assertEqual(self.own(), {first: "revoked", box.live_serial(): "live"})
        for path in box.state.iterdir():
            self.assertNotIn(key[40:200], path.read_bytes())

    def test_without_a_claim_it_has_nothing(self):
        self.claim()
        self.cloud.serve()
        box = self.box()
        box.start()
        box.has(OWN)
        for path in box.credentials.glob("cloud-claim-*"):
            path.unlink()
        self.relinquish(box)
        box.agent.expect("answer", job="leave-1")
        self.until(lambda: "cloud-cert is missing" in box.is_in(UNPROVISIONED).text, "it says what is missing")
        self.assertEqual(box.filled(), [])
        self.assertFalse([path for path in box.state.iterdir() if path.read_bytes().strip(b"\0")])
        self.assertEqual(self.live(), [])

    def test_what_was_given_stays(self):
        machine = self.given()
        self.cloud.serve()
        machine.start()
        machine.is_in(ONLINE)
        self.relinquish(machine)
        machine.agent.expect("answer", job="leave-1")
        self.assertEqual(len(self.live()), 1)
        machine.stop()
        machine.start()
        machine.is_in(ONLINE)

    def test_only_once_the_cloud_has_heard(self):
        self.claim("--uses", "1")
        self.cloud.serve()
        box = self.box()
        box.start()
        box.has(OWN)
        self.cloud.stop()
        self.relinquish(box)
        box.agent.send("request", job="time", kind=wire.REQUEST_TIME)
        self.until(lambda: box.is_in(SILENT), "the cloud is away")
        self.assertTrue(box.has_key())
        box.stop()
        box.start()
        self.relinquish(box)  # as the agent does
        self.cloud.serve()
        box.agent.expect("answer", job="leave-1")
        self.come_again(box)
        self.assertEqual(list(self.own().values()).count("live"), 1)

    @unittest.skipUnless(FAULT_POINTS, WHY)
    def test_death(self):
        """At each step; the agent asks again, as it does of all that was not answered."""
        self.claim("--uses", "9")
        self.cloud.serve()
        for step in ("mqtt.relinquished", "mqtt.slot-forget"):
            for moment in ("before", "after"):
                with self.subTest(step=step, moment=moment):
                    name = f"{step}-{moment}".replace(".", "-")
                    box = self.box(name, gateway=name)
                    box.start(die_at=f"{step}:{moment}")
                    box.has(OWN)
                    first = box.live_serial()
                    self.relinquish(box)
                    self.assertTrue(box.died())
                    box.start()
                    self.relinquish(box)
                    box.agent.expect("answer", job="leave-1")
                    self.come_again(box)
                    self.assertNotEqual(box.live_serial(), first)
                    self.assertEqual(self.live(name), [box.live_serial()])
                    box.stop()


class Brokers(Base):
    def test_several(self):
        """In the order of the list; the one that lets us in is stayed with, and returned to."""
        machine = self.given()
        self.cloud.serve()
        dead = broker.ports.take_one()
        machine.start(broker=f"mqtts://localhost:{dead}, mqtts://localhost:{self.cloud.port}")
        self.assertIn(str(dead), machine.is_in(OFFLINE).text)
        self.assertIn(str(self.cloud.port), machine.is_in(ONLINE).text)
        self.cloud.mosquitto.stop()
        self.assertIn("is lost", machine.is_in(OFFLINE).text)
        self.cloud.mosquitto.start()
        self.assertIn(str(self.cloud.port), machine.is_in(ONLINE).text)

    def test_moved(self):
        machine = self.given()
        self.cloud.serve()
        other = broker.ports.take_one()
        machine.start(broker=f"mqtts://localhost:{self.cloud.port} mqtts://localhost:{other}")
        machine.is_in(ONLINE)
        self.cloud.stop()
        self.cloud.mosquitto.stop()
        self.cloud.port = other
        self.cloud.run("init", self.cloud.folder, "--broker", f"localhost:{other}")
        self.cloud.mosquitto = cloud.Mosquitto(self.folder, self.cloud.folder / "broker/mosquitto.conf", other)
        self.cloud.mosquitto.start()
        self.addCleanup(self.cloud.mosquitto.stop)
        self.cloud.serve()
        self.assertIn(str(other), machine.is_in(ONLINE).text)
        machine.agent.send("request", job="time", kind=wire.REQUEST_TIME)
        machine.agent.expect("answer", job="time")


class Authority(Base):
    """The broker gets a certificate of another authority; nobody touches the file that a box was given."""

    def sign_broker(self, name):
        """Gives the broker a certificate of a new authority."""
        folder = self.folder
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                folder / f"{name}.key", "-out", folder / f"{name}.crt", "-subj", f"/CN={name}", "-days", "30")
        (folder / "ext").write_text("subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n")
        csr = openssl("req", "-new", "-key", self.cloud.folder / "broker/server.key", "-subj", "/CN=localhost")
        certificate = openssl("x509", "-req", "-CA", folder / f"{name}.crt", "-CAkey", folder / f"{name}.key",
                              "-set_serial", "78", "-days", "30", "-extfile", folder / "ext", stdin=csr)
        return (folder / f"{name}.crt").read_bytes(), certificate

    def aboard(self, *options):
        """A box, and the broker's file of anchors; its authority to be, in PEM, and the broker's certificate of that."""
        self.claim()
        self.anchors = self.cloud.folder / "broker/anchors.crt"
        self.old = self.anchors.read_bytes()
        self.new, self.certificate = self.sign_broker("new")
        if options:
            self.set_clocks(0)
            self.anchors.write_bytes(self.old + self.new)
        self.cloud.serve(*options)
        box = self.box()
        box.start()
        box.has(OWN)
        return box

    def change_broker(self, *options, anchors=None):
        self.cloud.stop()
        self.cloud.mosquitto.stop()
        (self.cloud.folder / "broker/server.crt").write_bytes(self.certificate)
        if anchors:
            self.anchors.write_bytes(anchors)
        self.cloud.mosquitto.start()
        self.cloud.serve(*options)

    def test_by_renewal(self):
        """Old and new side by side, then the new one only."""
        box = self.aboard("--gateway-lifetime", LIFE_S)
        self.change_broker("--gateway-lifetime", LIFE_S, anchors=self.new)
        box.is_in(ONLINE)
        serial = box.live_serial()
        self.end_is_near(box)
        self.until(lambda: box.live_serial() != serial and box.anchors() == (0, der(self.new)),
                   "renewed, with the new list")
        box.stop()
        box.start()
        box.is_in(ONLINE)

    def test_a_list_that_would_lock_it_out(self):
        box = self.aboard("--gateway-lifetime", LIFE_S)
        self.change_broker("--gateway-lifetime", LIFE_S)
        box.is_in(ONLINE)
        self.anchors.write_bytes((self.cloud.folder / "device-ca.crt").read_bytes())  # a mistake: neither old nor new
        self.end_is_near(box)
        self.until(lambda: box.cell("anchor-in-use"), "what works is held on to")
        serial = box.live_serial()
        self.end_is_near(box)
        self.until(lambda: box.live_serial() != serial, "renewed all the same")
        box.stop()
        box.start()
        box.is_in(ONLINE)

    def tell(self, anchors):
        self.anchors.write_bytes(anchors)
        self.cloud.run("roll", self.cloud.folder, "tell")

    def obey(self, box, outcome=wire.DONE, reason=""):
        """As the agent: yes, or why not."""
        command = box.agent.expect("command", kind=wire.COMMAND_ANCHORS)
        box.agent.send("command_answer", id=command.id, seq=command.seq, outcome=outcome, reason=reason)

    def outcomes(self):
        listed = json.loads(self.cloud.run("list", self.cloud.folder, "--commands", "--json"))
        return [c["state"] for c in listed if c["kind"] == "anchors"]

    def ended(self, *states):
        self.until(lambda: self.outcomes() == [*states], f"the commands are {states}")

    def test_by_command(self):
        box = self.aboard()
        self.tell(self.old + self.new)
        box.agent.expect("command", kind=wire.COMMAND_ANCHORS)
        self.assertEqual(box.anchors()[1], der(self.old), "not before the agent has said yes")
        self.obey(box)  # to the repetition
        self.ended("done")
        self.assertEqual(box.anchors()[1], der(self.old) + der(self.new))

        self.change_broker()
        box.is_in(ONLINE)
        self.tell(self.new)
        self.obey(box)
        self.ended("done", "done")
        self.assertEqual((box.anchors()[1], box.cell("anchor-in-use")), (der(self.new), b""))
        box.stop()
        box.start()
        box.is_in(ONLINE)

        self.tell((self.cloud.folder / "device-ca.crt").read_bytes())
        self.obey(box, wire.REFUSED, "bad-message")
        self.ended("done", "done", "refused")
        self.assertEqual(box.anchors()[1], der(self.new), "what the agent refuses is not done")

    def test_an_old_command_brings_nothing_back(self):
        """A broker, or the cloud, repeats what was once sent; the program has started anew in between."""
        box = self.aboard()
        topic = f"gangway/v1/{box.gateway}/command"
        observer = mqtt.Client(self.cloud.members, self.cloud.port, "observer")
        self.addCleanup(observer.close)
        observer.subscribe(topic)
        self.tell(self.old + self.new)
        old = observer.expect(topic).body
        self.obey(box)
        self.ended("done")
        self.tell(self.old)
        self.obey(box)
        self.ended("done", "done")
        kept = box.anchors()
        self.assertEqual(kept[1], der(self.old))

        box.stop()
        box.start()
        box.is_in(ONLINE)
        cloud_itself = mqtt.Client(self.cloud.members, self.cloud.port, "cloud", client_id="somebody")
        self.addCleanup(cloud_itself.close)
        cloud_itself.publish(topic, old)
        self.obey(box)  # the agent remembers what it said then, and says it again
        self.until(lambda: "A later list of the broker's anchors stands here already" in box.log(), "it is told")
        self.assertEqual(box.anchors(), kept)

    def test_a_command_that_would_lock_it_out(self):
        box = self.aboard()
        self.tell(self.old + self.new)
        self.obey(box)
        self.ended("done")
        self.change_broker()
        box.is_in(ONLINE)
        self.tell((self.cloud.folder / "device-ca.crt").read_bytes())  # a mistake
        self.obey(box)
        self.ended("done", "done")
        self.assertEqual(box.cell("anchor-in-use"), der(self.new), "what works is held on to")
        for _ in range(2):
            box.stop()
            box.start()
            box.is_in(ONLINE)

    def test_away_throughout(self):
        """Nothing that it has leads to the broker: it says where to look, and takes what it finds there."""
        box = self.aboard()
        box.stop()
        self.tell(self.old + self.new)
        self.change_broker(anchors=self.new)
        box.start()
        self.assertIn("cloud-ca", box.is_in(OFFLINE).text)
        (box.credentials / "cloud-ca").write_bytes(self.old + self.new)
        box.is_in(ONLINE)
        self.obey(box)
        self.ended("done")
        self.assertEqual(box.anchors()[1], der(self.new), "as it is now, whenever it was told")

    @unittest.skipUnless(FAULT_POINTS, WHY)
    def test_death(self):
        for n, moment in enumerate(("before", "after")):
            with self.subTest(moment=moment):
                box = self.aboard() if n == 0 else box
                box.stop()
                box.start(die_at=f"mqtt.anchors:{moment}")
                box.is_in(ONLINE)
                self.tell([self.old + self.new, self.new + self.old][n])
                self.obey(box)
                self.assertTrue(box.died())
                box.start()
                box.is_in(ONLINE)
                self.obey(box)
                self.ended(*["done"] * (n + 1))
                self.assertEqual(box.anchors()[1], [der(self.old) + der(self.new), der(self.new) + der(self.old)][n])


@unittest.skipUnless(FAULT_POINTS, WHY)
class Death(Base):
    """Killed right before and right after each step, it ends as a gateway that is connected, with one certificate."""

    def walk(self, machine, die_at, **settings):
        machine.start(die_at=die_at, **settings)
        self.assertTrue(machine.died(), die_at)
        machine.start(**settings)
        machine.has(OWN)
        self.assertEqual(self.live(machine.gateway), [machine.live_serial()])
        self.assertEqual(len(set(machine.filled()) & set(cells.SLOTS)), 1)
        live = machine.live_slot()
        for path in machine.state.iterdir():
            if b"PRIVATE KEY" in path.read_bytes():  # of what was withdrawn no byte is left
                self.assertEqual(path.stem, live)
        machine.stop()

    def test_provisioning(self):
        steps = [s for s in listed_steps() if s != "mqtt.slot-drop"]
        self.claim("--uses", "99")
        self.cloud.serve()
        for step in steps:
            for moment in ("before", "after"):
                name = f"{step}-{moment}".replace(".", "-")
                with self.subTest(step=step, moment=moment):
                    self.walk(self.box(name, gateway=name), f"{step}:{moment}")
                    states = [s for s in self.own(name).values() if s != "revoked"]
                    self.assertEqual(states, ["live"])

    def test_renewal(self):
        """With something to lose: a certificate that was given works until the new one is proved."""
        steps = [s for s in listed_steps() if s != "mqtt.slot-drop"]
        self.cloud.serve()
        for n, step in enumerate(steps):  # both moments of each have been seen to with the claim
            moment = ("before", "after")[n % 2]
            name = f"{step}-{moment}".replace(".", "-")
            with self.subTest(step=step, moment=moment):
                self.walk(self.due(name), f"{step}:{moment}", renew_after=1)

    def test_drop(self):
        self.claim("--uses", "99")
        self.claim("--close")
        self.cloud.serve()
        for moment in ("before", "after"):
            name = f"drop-{moment}"
            with self.subTest(moment=moment):
                machine = self.box(name, gateway=name)
                machine.start(die_at=f"mqtt.slot-drop:{moment}")
                self.assertTrue(machine.died())
                machine.start()
                machine.agent.expect("health", ok=0)
                self.claim("--uses", "99")
                machine.has(OWN)
                self.assertEqual(self.live(name), [machine.live_serial()])
                machine.stop()
                self.claim("--close")


if __name__ == "__main__":
    unittest.main(verbosity=2)
