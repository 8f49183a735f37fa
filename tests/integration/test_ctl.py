#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gangwayctl against an agent that only pretends, and against other people's QR tools."""
import json
import os
import pathlib
import pty
import re
import stat
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

import open_bus
import pixels

TOP = pathlib.Path(os.environ["top_srcdir"])
BUILD = pathlib.Path(os.environ["top_builddir"])
CTL = BUILD / "tools/ctl/gangwayctl"
AGENT = BUILD / "tests/integration/fake-bus-agent"

ACME = "GW1:IACME-0001+S60RK4CSM6MV3EE1SC5H66S35CR+C965B"
SECRET = "60RK4CSM6MV3EE1SC5H66S35CR"
VERBS = ["status", "doctor", "devices", "show", "claim", "renew", "approve", "reject", "withdraw", "monitor", "jobs",
         "audit", "audit verify", "config show", "config check", "config diff", "config reload",
         "qr make", "qr show"]


def check_sum(text):
    rest = 0xffff
    for byte in text.encode():
        rest ^= byte << 8
        for _ in range(8):
            rest = (rest << 1 ^ 0x1021 if rest & 0x8000 else rest << 1) & 0xffff
    return rest


def label(name, secret=SECRET, more=""):
    body = f"GW1:I{name}+S{secret}{more}"
    return f"{body}+C{check_sum(body):04X}"


class Case(unittest.TestCase):
    """One bus for all tests of a class, a folder for each test, and gangwayctl with its three ends."""
    agent_options = []

    @classmethod
    def setUpClass(cls):
        cls.bus = open_bus.Bus()
        cls.addClassCleanup(cls.bus.stop)
        cls.environment = {**cls.bus.environment(), "LC_ALL": "C.UTF-8", "TERM": "xterm"}

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gangway-ctl-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.agent = None

    def start_agent(self, *options):
        self.stop_agent()
        self.agent = subprocess.Popen([AGENT, *options], env=self.environment, stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.stop_agent)
        self.assertEqual(self.agent.stdout.readline(), "ready\n")

    def stop_agent(self):
        if self.agent:
            self.agent.terminate()
            self.agent.wait()
            self.agent.stdout.close()
            self.agent = None

    def ctl(self, *arguments, status=0, stdin=""):
        """Runs it and returns what it printed; off a terminal there is never an escape in it."""
        done = subprocess.run([CTL, *arguments], env=self.environment, input=stdin, text=True, capture_output=True)
        self.assertEqual(done.returncode, status, f"{arguments}: {done.stdout}{done.stderr}")
        self.assertNotIn("\x1b", done.stdout + done.stderr)
        if status:
            self.assertEqual(done.stderr.count("\n"), 1, f"more than a line: {done.stderr}")
            self.assertTrue(done.stderr.startswith("gangwayctl: "), done.stderr)
        return done.stderr if status else done.stdout

    def ctl_json(self, *arguments, **options):
        return json.loads(self.ctl(*arguments, "--json", **options))


class TestUse(Case):
    """The command line itself; no agent is needed."""

    def test_help(self):
        text = self.ctl("--help")
        for verb in VERBS:
            self.assertRegex(text, rf"(?m)^  {verb}( |$)")
            of_verb = self.ctl(*verb.split(), "--help")
            self.assertIn(f"Usage: gangwayctl {verb}", of_verb)
            self.assertIn("--json", of_verb)
            self.assertIn("--ask", of_verb)
        self.assertEqual(self.ctl("-h"), text)

    def test_version(self):
        self.assertRegex(self.ctl("--version"), r"^gangwayctl \d+\.\d+\.\d+\n$")
        self.assertEqual(self.ctl("status", "--version"), self.ctl("--version"))

    def test_wrong_use(self):
        for line in ["", "fly", "stat", "qr", "qr paint", "qr --json", "status now", "show", "show a b", "withdraw",
                     "devices --nope", "devices --state", "devices --state=", "--nope", "--json=1 status",
                     "claim", f"claim {ACME} --image x", f"claim {ACME} --list x", "claim a b", f"claim {ACME} --expires never",
                     f"claim {ACME} --expires 2020-01-01", f"claim {ACME} --tenant a --tenant b",
                     "audit --from x", "audit --from -1", "audit verify more", "qr make", "qr make --id A",
                     "qr make --new-secret", "qr make --id a --new-secret", "qr make --id A_B --new-secret",
                     f"qr make --id {'A' * 65} --new-secret", "qr make --id A --new-secret --model a=b",
                     "qr make --id A --new-secret --expires 2020-01-01",
                     "qr make --id A --new-secret --expires +3h", "qr show"]:
            with self.subTest(line):
                self.ctl(*line.split(), status=2)

    def test_no_agent(self):
        for verb in ["status", "devices", "show A", f"claim {ACME}", "withdraw A", "monitor", "jobs", "audit",
                     "audit verify", "config show", "config check", "config diff", "config reload"]:
            with self.subTest(verb):
                self.assertIn("systemctl start gangwayd", self.ctl(*verb.split(), status=1))

    def test_no_bus(self):
        for address in [f"unix:path={self.folder}/nowhere", "nonsense", "unix:path=/dev/null"]:
            with self.subTest(address):
                self.assertIn(address, self.ctl("status", "--bus", address, status=1))

    def test_full_disk(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([CTL, "--help"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left", done.stderr)


def members(node, interface):
    """What an interface has, as a set of (kind, name, types)."""
    found = set()
    for member in node.find(f"interface[@name='{interface}']"):
        types = [(arg.get("direction", "out"), arg.get("type")) for arg in member.findall("arg")]
        found.add((member.tag, member.get("name"), member.get("type"), tuple(types)))
    return found


class TestAgent(Case):
    """The verbs that ask the agent."""

    def test_the_pretender_keeps_the_contract(self):
        self.start_agent("--devices", "1")
        for name, path in [("Manager", "/org/gangway1"), ("Device", "/org/gangway1/device/DEV_2d00001")]:
            done = subprocess.run(["busctl", f"--address={self.bus.address}", "introspect", "--xml-interface",
                                   "org.gangway1", path], check=True, capture_output=True)
            pretended = members(xml.etree.ElementTree.fromstring(done.stdout), f"org.gangway1.{name}")
            promised = members(xml.etree.ElementTree.parse(TOP / f"dbus/org.gangway1.{name}.xml").getroot(),
                               f"org.gangway1.{name}")
            self.assertGreater(len(pretended), 5)
            self.assertEqual(pretended - promised, set())

    def test_status(self):
        self.start_agent()
        self.assertEqual(self.ctl("status"),
                         "gangwayd  0.1.0 at gateway gw-1\n"
                         "state     running\n"
                         "cloud     offline: the broker does not answer\n"
                         "clock     trusted\n"
                         "devices   12: claimed 3, onboarded 9\n"
                         "jobs      2 waiting for the cloud\n"
                         "\n"
                         "PLUGIN     ROLE       VERSION  LIBRARY        STATE\n"
                         "registrar  registrar  0.1.0    wolfSSL 5.7.2  healthy\n"
                         "ip         transport  0.1.0    -              no interface is up\n")

    def test_status_json(self):
        self.start_agent()
        status = self.ctl_json("status")
        self.assertEqual(status["gateway_id"], "gw-1")
        self.assertEqual(status["cloud_state"], "offline")
        self.assertIs(status["clock_trusted"], True)
        self.assertEqual(status["counts"], {"claimed": 3, "discovered": 0, "onboarded": 9})
        self.assertEqual(status["plugins"][0]["library"], "wolfSSL 5.7.2")
        self.assertEqual(self.ctl_json("--bus", self.bus.address, "status"), status)

    def test_devices(self):
        self.start_agent("--devices", "3")
        self.assertEqual(self.ctl("devices"),
                         "ID         STATE       REASON  METHOD  TRANSPORT  ADDRESS       LAST SEEN\n"
                         "DEV-00001  claimed     -       qr      ip         192.0.2.1:?0  2027-01-15T08:00:00Z\n"
                         "DEV-00002  onboarded   -       qr      ip         192.0.2.1:?1  2027-01-15T08:00:01Z\n"
                         "DEV-00003  discovered  -       qr      ip         192.0.2.1:?2  2027-01-15T08:00:02Z\n")

    def test_no_devices(self):
        self.start_agent()
        self.assertEqual(self.ctl("devices").count("\n"), 1)
        self.assertEqual(self.ctl_json("devices"), [])

    def test_pages(self):
        for n in [499, 500, 501, 1000, 1203]:
            with self.subTest(n):
                self.start_agent("--devices", str(n))
                found = [device["id"] for device in self.ctl_json("devices")]
                self.assertEqual(found, [f"DEV-{i + 1:05}" for i in range(n)])

    def test_filter(self):
        self.start_agent("--devices", "9")
        self.ctl("claim", ACME, "--tenant", "north")
        self.assertEqual({d["state"] for d in self.ctl_json("devices", "--state", "onboarded")}, {"onboarded"})
        self.assertEqual(len(self.ctl_json("devices", "--state", "onboarded")), 3)
        self.assertEqual([d["id"] for d in self.ctl_json("devices", "--tenant=north")], ["ACME-0001"])
        self.assertEqual(self.ctl_json("devices", "--tenant", "north", "--state", "onboarded"), [])

    def test_device_that_went_away_meanwhile(self):
        self.start_agent("--devices", "2", "--ghost")
        self.assertEqual([d["id"] for d in self.ctl_json("devices")], ["DEV-00001", "DEV-00002"])
        self.assertIn("(not-found)", self.ctl("show", "GHOST", status=1))

    def test_show(self):
        self.start_agent("--devices", "1")
        self.assertEqual(self.ctl("show", "DEV-00001"),
                         "id          DEV-00001\n"
                         "state       claimed\n"
                         "method      qr\n"
                         "tenant      default\n"
                         "transport   ip\n"
                         "address     192.0.2.1:?0\n"
                         "last seen   2027-01-15T08:00:00Z\n"
                         "claimed by  uid 0\n")
        device = self.ctl_json("show", "DEV-00001")
        self.assertEqual(device, self.ctl_json("devices")[0])
        self.assertEqual(set(map(type, device.values())), {str, int})
        self.assertEqual(device["last_seen"], 1800000000)
        self.assertEqual(device["not_after"], 0)
        self.assertEqual(self.ctl("show", "NOBODY", status=1),
                         "gangwayctl: show refused: There is no such device. (not-found)\n")

    def test_jobs(self):
        self.start_agent()
        self.assertEqual(self.ctl("jobs"),
                         "ID  KIND    DEVICE     STATE    ATTEMPTS  CREATED               DUE                   WHY\n"
                         "J1  enroll  DEV-00001  waiting  3         2027-01-15T08:00:00Z  2027-01-15T08:01:00Z  busy\n"
                         "J2  proved  DEV-00002  sent     1         2027-01-15T08:00:01Z  -                     -\n")
        self.assertEqual(self.ctl_json("jobs")[1],
                         {"id": "J2", "kind": "proved", "device": "DEV-00002", "state": "sent", "attempts": 1,
                          "created": 1800000001, "due": 0, "why": ""})

    def test_jobs_in_pages(self):
        """None is left out, and none comes twice, wherever a page ends."""
        for n in 0, 1, 999, 1000, 1001, 2500:
            with self.subTest(jobs=n):
                self.start_agent("--jobs", str(n))
                self.assertEqual([job["id"] for job in self.ctl_json("jobs")], [f"J{i + 1}" for i in range(n)])

    def test_audit(self):
        self.start_agent()
        self.assertEqual(self.ctl("audit"),
                         "N  TIME                  EVENT  DEVICE     WHO       REASON  DETAIL\n"
                         "1  2027-01-15T08:00:00Z  start  -          gangwayd  -       -\n"
                         "2  2027-01-15T08:00:01Z  claim  DEV-00001  uid 1000  -       ?[2J\n")
        lines = [json.loads(line) for line in self.ctl("audit", "--json").splitlines()]
        self.assertEqual([line["mac"] for line in lines], ["aa", "bb"])
        self.assertEqual(json.loads(self.ctl("audit", "--from", "2", "--json"))["n"], 2)
        self.assertEqual(self.ctl("audit", "--from", "3", "--json"), "")
        self.assertEqual(self.ctl("audit", "--from", "3").count("\n"), 1)

    def test_audit_in_parts(self):
        """The agent gives three at a time; a part begins no new table."""
        self.start_agent("--records", "10")
        self.assertEqual([line.split()[0] for line in self.ctl("audit").splitlines()], ["N", *map(str, range(1, 11))])
        for start in (0, 1, 4, 10, 11):
            numbers = [json.loads(line)["n"]
                       for line in self.ctl("audit", "--from", str(start), "--json").splitlines()]
            self.assertEqual(numbers, list(range(max(start, 1), 11)))

    def test_audit_that_does_not_go_on(self):
        self.start_agent("--stuck-audit")
        self.ctl("audit", "--json", status=1)

    def test_audit_verify(self):
        self.start_agent()
        self.assertIn("whole", self.ctl("audit", "verify"))
        self.assertEqual(self.ctl_json("audit", "verify"), {"ok": True, "first_bad": 0, "reason": ""})

    def test_broken_audit(self):
        self.start_agent("--broken-audit")
        self.assertIn("at record 17: a record is missing", self.ctl("audit", "verify", status=1))
        done = subprocess.run([CTL, "audit", "verify", "--json"], env=self.environment, capture_output=True)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(json.loads(done.stdout), {"ok": False, "first_bad": 17, "reason": "a record is missing"})

    def test_agent_of_another_version(self):
        self.start_agent("--mute")
        for verb in ["status", "devices", f"claim {ACME}", "jobs"]:
            with self.subTest(verb):
                self.assertIn("different versions", self.ctl(*verb.split(), status=1))


class TestBusy(Case):
    """An agent that has too much to do: gangwayctl is patient, within bounds."""

    def test_it_gets_through(self):
        self.start_agent("--busy", "5")
        self.assertIn("J1", self.ctl("jobs"))

    def test_it_gives_up(self):
        self.start_agent("--busy", "7")
        self.assertEqual(self.ctl("jobs", status=1), "gangwayctl: jobs refused: Too many calls wait; gave up after 6 times "
                                                     "(limits-exceeded)\n")
        self.assertIn("J1", self.ctl("jobs"))


class TestClaim(Case):
    def setUp(self):
        super().setUp()
        self.start_agent()

    def payload_of(self, name):
        """What reached the agent, which gives it back as the vendor."""
        return self.ctl_json("show", name)["vendor"]

    def test_text(self):
        self.assertEqual(self.ctl("claim", ACME), "ACME-0001: claimed\n")
        self.assertEqual(self.payload_of("ACME-0001"), ACME)
        self.assertEqual(self.ctl_json("claim", ACME),
                         {"id": "ACME-0001", "device": "/org/gangway1/device/ACME_2d0001"})

    def test_standard_input(self):
        self.assertEqual(self.ctl("claim", "-", stdin=f"\r\n {ACME.lower()} \n"), "ACME-0001: claimed\n")
        self.assertEqual(self.payload_of("ACME-0001"), ACME.lower())
        for bad in ["", "\n", ACME + "\n" + label("B"), "x" * 100000, ACME + "\0"]:
            with self.subTest(bad[:60]):
                self.assertIn("(bad-label)", self.ctl("claim", "-", stdin=bad, status=1))

    def test_options(self):
        self.ctl("claim", ACME, "--replace", "--tenant", "north", "--expires", "2099-12-31T18:00:00Z")
        device = self.ctl_json("show", "ACME-0001")
        self.assertEqual((device["model"], device["tenant"], device["claim_expires"]),
                         ("replaced", "north", 4102423200))
        self.ctl("claim", label("B"))
        device = self.ctl_json("show", "B")
        self.assertEqual((device["model"], device["tenant"], device["claim_expires"]), ("", "default", 0))

    def test_bad_labels(self):
        for text, word in [(ACME[:-1], "cut off"), (ACME[:-1] + "C", "check sum"), (label("A_B"), "Field I"),
                           (label("A", secret="00"), "Field S"), (label("A", more="+IB"), "twice"),
                           (label("A", more="+E20260231"), "Field E"), ("https://example.com", "GW1:"),
                           (label("A", more="+Q" + "X" * 600), "512")]:
            with self.subTest(text):
                message = self.ctl("claim", text, status=1)
                self.assertIn(word, message)
                self.assertIn("(bad-label)", message)
                self.assertNotIn(SECRET, message)

    def test_list(self):
        lines = f"{ACME}\r\n\n  {label('B')}\n"
        self.assertEqual(self.ctl("claim", "--list", "-", stdin=lines), "ACME-0001: claimed\nB: claimed\n")
        path = self.folder / "labels"
        path.write_text(f"{label('C')}\n{label('ERR:LIMIT')}\nnonsense\n{label('D')}")
        done = subprocess.run([CTL, "claim", "--list", path, "--tenant", "north"], env=self.environment, text=True,
                              capture_output=True)
        self.assertEqual((done.returncode, done.stdout), (1, "C: claimed\nD: claimed\n"))
        self.assertEqual(self.ctl_json("show", "D")["tenant"], "north")
        for word in "(limit)", "that was line 2", "(bad-label)", "that was line 3", "2 of 4 labels could not be claimed":
            self.assertIn(word, done.stderr)
        self.assertNotIn(SECRET, done.stderr)
        self.assertIn("holds no label", self.ctl("claim", "--list", "-", stdin="\n \n", status=1))
        self.assertIn("is no text", self.ctl("claim", "--list", "-", stdin=ACME + "\0", status=1))
        self.assertIn("No such file", self.ctl("claim", "--list", self.folder / "none", status=1))

    def test_weak_secret(self):
        done = subprocess.run([CTL, "claim", label("WEAK", secret="0" * 26)], env=self.environment, text=True,
                              capture_output=True)
        self.assertEqual((done.returncode, done.stdout), (0, "WEAK: claimed\n"))
        self.assertIn("anybody could guess", done.stderr)

    def test_refusals(self):
        for name, want in [
                ("LIMIT", "claim refused: A configured limit is reached; raise it or make room. (limit)"),
                ("ALREADY-ABOARD", "(already-aboard)"), ("SILENT", "raise it or make room. (limit)"),
                ("FUTURE", "claim refused: Wait. (not-yet-invented)"), ("DENIED", "(not-allowed)"),
                ("HOSTILE", "claim refused: ?[2Jcloud?says ?? (cloud-refused)"),
                ("ODD", "claim failed: no such reason (org.example.Odd)"), ("DIE", "did not answer")]:
            with self.subTest(name):
                message = self.ctl("claim", label("ERR:" + name), status=1)
                self.assertIn(want, message)
                self.assertNotIn(SECRET, message)

    def test_withdraw(self):
        self.ctl("claim", ACME)
        self.assertEqual(self.ctl("withdraw", "ACME-0001"), "ACME-0001: claim withdrawn\n")
        self.assertEqual(self.ctl_json("show", "ACME-0001")["reason"], "withdrawn")
        self.assertIn("(no-claim)", self.ctl("withdraw", "ACME-0001", status=1))
        self.assertIn("(not-found)", self.ctl("withdraw", "NOBODY", status=1))
        self.ctl("claim", ACME)
        self.assertEqual(self.ctl_json("withdraw", "ACME-0001"), {"id": "ACME-0001"})

    def test_our_picture(self):
        picture = self.folder / "label.png"
        text = self.ctl("qr", "make", "--id", "P-1", "--new-secret", "--png", picture).strip()
        self.assertEqual(self.ctl("claim", "--image", picture), "P-1: claimed\n")
        self.assertEqual(self.payload_of("P-1"), text)

    def test_picture_by_qrencode(self):
        for level in "LMQH":
            picture = self.folder / f"{level}.png"
            subprocess.run(["qrencode", "-l", level, "-o", picture, label(level)], check=True)
            self.assertEqual(self.ctl("claim", f"--image={picture}"), f"{level}: claimed\n")

    def draw(self, *texts):
        """A picture of several codes by qrencode, side by side."""
        drawings = [subprocess.run(["qrencode", "-t", "ASCII", text], check=True, capture_output=True,
                                   text=True).stdout for text in texts]
        picture = self.folder / "codes.png"
        pixels.write_png(picture, pixels.side_by_side(*map(pixels.from_drawing, drawings)))
        return picture

    def test_label_among_other_codes(self):
        self.assertEqual(self.ctl("claim", "--image", self.draw("https://example.com", ACME)), "ACME-0001: claimed\n")

    def test_several_labels(self):
        message = self.ctl("claim", "--image", self.draw(ACME, label("B")), status=1)
        self.assertIn("ACME-0001", message)
        self.assertRegex(message, r"\bB\b")
        self.assertNotIn(SECRET, message)

    def test_no_label(self):
        self.assertIn("none of them", self.ctl("claim", "--image", self.draw("https://example.com"), status=1))
        white = self.folder / "white.png"
        pixels.write_png(white, [b"\xff" * 50] * 50)
        self.assertIn("no QR code", self.ctl("claim", "--image", white, status=1))

    def test_pictures_that_are_none(self):
        picture = self.folder / "label.png"
        for contents, word in [(b"", "neither PNG nor JPEG"), (b"GIF89a......", "neither PNG nor JPEG"),
                               (b"\x89PNG\r\n\x1a\nxxxx", "damaged"), (b"\xff\xd8\xff\xe0xxxx", "damaged")]:
            picture.write_bytes(contents)
            message = self.ctl("claim", "--image", picture, status=1)
            self.assertIn(word, message)
            self.assertIn(str(picture), message)
        self.assertIn("No such file", self.ctl("claim", "--image", self.folder / "no.png", status=1))
        self.assertIn("Is a directory", self.ctl("claim", "--image", self.folder, status=1))
        with open(picture, "wb") as sparse:
            sparse.truncate(33 << 20)
        self.assertIn("32 MiB", self.ctl("claim", "--image", picture, status=1))
        pixels.write_png(picture, [b"\xff"])
        absurd = bytearray(picture.read_bytes())
        absurd[16:24] = b"\x7f\xff\xff\xff" * 2
        picture.write_bytes(absurd)
        self.ctl("claim", "--image", picture, status=1)


class TestMonitor(Case):
    def start(self, *options):
        process = subprocess.Popen([CTL, "monitor", *options], env=self.environment, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.stop, process)
        self.assertIn("watching gateway gw-1", process.stderr.readline())
        return process

    @staticmethod
    def stop(process):
        process.terminate()
        process.wait()
        process.stdout.close()
        process.stderr.close()

    def test_lines(self):
        self.start_agent("--devices", "1")
        monitor = self.start()
        self.ctl("claim", ACME)
        self.ctl("withdraw", "ACME-0001")
        when = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
        self.assertRegex(monitor.stdout.readline(), when + r"  ACME-0001  - -> claimed\n$")
        self.assertRegex(monitor.stdout.readline(), when + r"  ACME-0001  claimed -> rejected \(withdrawn\)\n$")

    def test_json(self):
        self.start_agent()
        monitor = self.start("--json")
        self.ctl("claim", ACME)
        change = json.loads(monitor.stdout.readline())
        self.assertGreater(change.pop("time"), 1600000000)
        self.assertEqual(change, {"device": "/org/gangway1/device/ACME_2d0001", "id": "ACME-0001", "from": "",
                                  "to": "claimed", "reason": ""})

    def test_agent_restarts(self):
        self.start_agent()
        monitor = self.start()
        self.stop_agent()
        self.assertIn("has left the bus", monitor.stderr.readline())
        self.start_agent()
        self.assertIn("is back", monitor.stderr.readline())
        self.ctl("claim", ACME)
        self.assertIn("ACME-0001", monitor.stdout.readline())

    def test_bus_goes_away(self):
        own = open_bus.Bus()
        self.addCleanup(own.stop)
        self.environment = {**self.environment, "DBUS_SYSTEM_BUS_ADDRESS": own.address}
        self.start_agent()
        monitor = self.start()
        own.stop()
        self.assertIn("lost the bus", monitor.stderr.read())
        self.assertEqual(monitor.wait(), 1)


class TestQr(Case):
    def zbar(self, picture):
        done = subprocess.run(["zbarimg", "-q", "--raw", picture], check=True, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
        return done.stdout.strip()

    def test_make(self):
        picture, drawing = self.folder / "l.png", self.folder / "l.svg"
        text = self.ctl("qr", "make", "--id", "ACME-0001", "--new-secret", "--model", "PT 100/5", "--vendor", "ACME",
                        "--transport", "IP", "--expires", "2098-12-31", "--png", picture, "--svg", drawing).strip()
        self.assertRegex(text, r"^GW1:IACME-0001\+S[0-9A-Z]{26}\+MPT 100/5\+VACME\+TIP\+E20981231\+C[0-9A-F]{4}$")
        self.assertEqual(check_sum(text[:-6]), int(text[-4:], 16))
        self.assertEqual(self.zbar(picture), text)
        self.assertIn("<svg", drawing.read_text())
        for path in [picture, drawing]:
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)

    def test_secrets_differ(self):
        made = {self.ctl("qr", "make", "--id", "A", "--new-secret") for _ in range(20)}
        self.assertEqual(len(made), 20)

    def test_make_json(self):
        made = self.ctl_json("qr", "make", "--id", "A", "--new-secret")
        self.assertEqual(made["id"], "A")
        self.assertIn("GW1:IA+S", made["payload"])

    def test_cannot_write(self):
        path = self.folder / "no" / "l.png"
        message = self.ctl("qr", "make", "--id", "A", "--new-secret", "--png", path, status=1)
        self.assertIn(str(path), message)

    def test_svg_reads_as_code(self):
        """The path of the drawing, painted by hand, is the code."""
        drawing, picture = self.folder / "l.svg", self.folder / "l.png"
        text = self.ctl("qr", "make", "--id", "A", "--new-secret", "--svg", drawing).strip()
        svg = drawing.read_text()
        width = int(re.search(r'viewBox="0 0 (\d+) \1"', svg).group(1))
        rows = [bytearray(b"\xff" * width * 5) for _ in range(width * 5)]
        for x, y, n in re.findall(r"M(\d+) (\d+)h(\d+)v1H\1z", svg):
            for row in rows[int(y) * 5:int(y) * 5 + 5]:
                row[int(x) * 5:(int(x) + int(n)) * 5] = b"\0" * 5 * int(n)
        pixels.write_png(picture, rows)
        self.assertEqual(self.zbar(picture), text)

    def test_show(self):
        shown = self.ctl("qr", "show", ACME)
        self.assertNotIn(SECRET, shown)
        self.assertNotIn("30313233", shown)
        self.assertIn("secret  16 bytes", shown)
        picture = self.folder / "drawn.png"
        pixels.write_png(picture, pixels.from_drawing(shown.split("id ")[0]))
        self.assertEqual(self.zbar(picture), ACME)
        self.assertIn("30313233343536373839616263646566", self.ctl("qr", "show", ACME, "--show-secret"))

    def test_show_keeps_what_it_does_not_know(self):
        text = label("A", more="+QWHAT IS THIS")
        picture = self.folder / "drawn.png"
        pixels.write_png(picture, pixels.from_drawing(self.ctl("qr", "show", "-", stdin=text.lower()).split("id ")[0]))
        self.assertEqual(self.zbar(picture), text)

    def test_show_json(self):
        text = label("A", more="+MPT 100+E20981231")
        shown = self.ctl_json("qr", "show", "-", stdin=text)
        self.assertEqual(shown, {"id": "A", "model": "PT 100", "vendor": "", "transport": "", "expires": 4070908800,
                                 "secret_bytes": 16, "secret_is_weak": False, "key_hash": ""})
        self.assertEqual(self.ctl_json("qr", "show", text, "--show-secret")["secret"],
                         "30313233343536373839616263646566")

    def test_show_refuses(self):
        self.assertIn("(bad-label)", self.ctl("qr", "show", ACME[:-1], status=1))

    def on_terminal(self, **environment):
        """What qr show writes to a terminal."""
        master, slave = pty.openpty()
        with open(master, "rb", buffering=0) as reader:
            process = subprocess.Popen([CTL, "qr", "show", ACME], stdout=slave, env={**self.environment, **environment})
            os.close(slave)
            written = b""
            try:
                while part := reader.read(65536):
                    written += part
            except OSError:  # how Linux says that the last writer has gone
                pass
            self.assertEqual(process.wait(), 0)
        return written.decode()

    def test_terminal(self):
        drawn = self.on_terminal()
        self.assertIn("\x1b[30;107m", drawn)
        halves = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
        rows = []
        for line in re.findall(r"\x1b\[30;107m([ ▀▄█]+)\x1b\[0m", drawn):
            for half in (0, 1):
                rows += [b"".join(b"\xff\0"[halves[c][half]:][:1] * 6 for c in line)] * 6
        picture = self.folder / "terminal.png"
        pixels.write_png(picture, rows)
        self.assertEqual(self.zbar(picture), ACME)

    def test_poor_terminals(self):
        for environment in [{"LC_ALL": "C"}, {"TERM": "dumb"}]:
            drawn = self.on_terminal(**environment)
            self.assertNotIn("\x1b", drawn)
            self.assertIn("##", drawn)


if __name__ == "__main__":
    unittest.main()
