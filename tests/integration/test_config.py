#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The configuration of a running gangwayd: shown, checked, taken over or refused, by gangwayctl, D-Bus and SIGHUP."""
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from xml.etree import ElementTree

import dbus
import test_ctl
from test_ctl import BUILD

GANGWAYD = BUILD / "agent/gangwayd"
GOOD = "[gateway]\nid = gw-1\n[cloud]\nbroker = mqtts://127.0.0.1:1\n"
MANAGER = ("org.gangway1", "/org/gangway1", "org.gangway1.Manager")


class ServiceManager:
    """Hears what a program tells of itself."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))

    def wait_for(self, word):
        """Returns the message that has this line; those before it are gone."""
        while True:
            text = self.socket.recv(4096).decode()
            if word in text.splitlines():
                return text


class Case(test_ctl.Case):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "gangway.conf"
        self.drop_ins = self.folder / "gangway.conf.d"
        self.drop_ins.mkdir()
        (self.folder / "state").mkdir(mode=0o700)
        self.file.write_text(GOOD)
        self.manager = ServiceManager(self.folder / "notify")
        self.addCleanup(self.manager.socket.close)
        self.log, self.heard = [], threading.Condition()
        self.agent = None
        self.start_agent()

    def start_agent(self):
        self.stop_agent()
        self.agent = subprocess.Popen(
            [GANGWAYD, "--config", self.file, "--state", self.folder / "state", "--link", self.folder / "link"],
            env={**self.environment, "NOTIFY_SOCKET": str(self.folder / "notify")}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
        self.addCleanup(self.stop_agent)
        self.log = []
        self.reader = threading.Thread(target=self.listen)
        self.reader.start()
        self.wait_for_line("On the bus")

    def listen(self):
        for line in self.agent.stdout:
            with self.heard:
                self.log.append(line)
                self.heard.notify_all()
        with self.heard:
            self.log.append("(the end)")
            self.heard.notify_all()

    def wait_for_line(self, text):
        with self.heard:
            self.heard.wait_for(lambda: any(text in line or line == "(the end)" for line in self.log))
            found = [line for line in self.log if text in line]
        self.assertTrue(found, "".join(self.log))
        return found[-1]

    def stop_agent(self):
        if self.agent:
            self.agent.terminate()
            self.agent.wait()
            self.reader.join()
            self.agent.stdout.close()
            self.agent = None

    def ctl_faults(self, *arguments, stdin=""):
        """What a verb prints that finds faults: a line each, and one on standard error."""
        done = subprocess.run([test_ctl.CTL, *arguments], env=self.environment, input=stdin, text=True,
                              capture_output=True)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("(bad-configuration)", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)
        return done.stdout.splitlines()

    def running(self):
        return {f"{s['section']}.{s['key']}": s["value"] for s in self.ctl_json("config", "show")}


class TestLooking(Case):
    def test_show(self):
        (self.drop_ins / "50-site.conf").write_text("\n[limits]\ndevices = 7\n[plugin acme]\nchannel = 11\n")
        self.start_agent()
        settings = {f"{s['section']}.{s['key']}": s for s in self.ctl_json("config", "show")}
        self.assertEqual(settings["gateway.id"], {
            "section": "gateway", "key": "id", "value": "gw-1", "default": "", "source": f"{self.file}:2", "live": False})
        self.assertEqual(settings["limits.devices"], {
            "section": "limits", "key": "devices", "value": "7", "default": "10000",
            "source": f"{self.drop_ins}/50-site.conf:3", "live": True})
        self.assertEqual(settings["limits.jobs"]["source"], "default")
        self.assertEqual(settings["plugin acme.channel"]["value"], "11")
        self.assertRegex(self.ctl("config", "show"), r"(?m)^\[limits\] devices +7 +/.*/50-site.conf:3$")

    def test_diff(self):
        self.file.write_text(GOOD + "[limits]\ndevices = 7\njobs = 8\n")
        self.start_agent()
        self.file.write_text(GOOD.replace("gw-1", "gw-2") + "[limits]\ndevices = 7\n[policy]\nprove_within = 60\n")
        differ = {d["key"]: (d["default"], d["running"], d["disk"], d["pending"])
                  for d in self.ctl_json("config", "diff") if d["section"] != "cloud"}
        self.assertEqual(differ, {
            "id": ("", "gw-1", "gw-2", "restart"), "devices": ("10000", "7", "7", ""),
            "jobs": ("5000", "8", "5000", "reload"), "prove_within": ("86400", "86400", "60", "reload")})
        self.assertRegex(self.ctl("config", "diff"), r"(?m)^\[policy\] prove_within +86400 +86400 +60 +reload$")
        self.file.write_text("[ip\n")
        self.assertIn(f"{self.file}:1: ", self.ctl_faults("config", "diff")[0])

    def test_check_of_what_is_on_disk(self):
        self.assertIn("valid", self.ctl("config", "check"))
        self.file.write_text(GOOD + "[limits]\ndevice = 7\n[polcy]\nprove_within = 60\n")
        self.assertEqual(self.ctl_faults("config", "check"), [
            f"{self.file}:6: [limits] device is no key of this section; is devices meant?",
            f"{self.file}:8: [polcy] prove_within is in a section that does not exist; is [policy] meant?"])
        done = subprocess.run([test_ctl.CTL, "config", "check", "--json"], env=self.environment, capture_output=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b'"valid": false', done.stdout)
        self.assertEqual(self.running()["limits.devices"], "10000")

    def test_check_of_a_file(self):
        file = self.folder / "new.conf"
        file.write_text("[limits]\ndevices = 7\n")
        self.assertEqual(self.ctl("config", "check", str(file)), f"{file}: valid\n")
        self.assertTrue(self.ctl_json("config", "check", "-", stdin="[limits]\ndevices = 7\n")["valid"])
        file.write_text("[limits]\ndevices = 0\nid\n")
        self.assertEqual(self.ctl_faults("config", "check", str(file)), [
            f"{file}:3: is neither [section] nor key = value; a remark begins with #",
            f"{file}:2: [limits] devices must be a number from 1 to 1000000"])
        self.assertIn("No such file", self.ctl("config", "check", "/nowhere", status=1))
        self.assertIn("larger than 64 KiB", self.ctl("config", "check", "/dev/zero", status=1))
        self.assertIn("larger than 64 KiB", self.ctl("config", "check", "-", stdin="#" * 70000, status=1))

    def test_words(self):
        for line in ["config", "config show more", "config check a b", "config diff x", "config reload x", "config fly"]:
            with self.subTest(line):
                self.ctl(*line.split(), status=2)


class TestReload(Case):
    def reload(self):
        return self.ctl_json("config", "reload")

    def test_a_change_holds_at_once(self):
        self.ctl("claim", "-", stdin=test_ctl.label("D-1"))
        (self.drop_ins / "a.conf").write_text("[limits]\ndevices = 1\n")
        self.ctl("claim", "-", stdin=test_ctl.label("D-2"))
        self.assertEqual(self.reload(), {"valid": True, "needs_restart": []})
        self.assertIn("(limit)", self.ctl("claim", "-", stdin=test_ctl.label("D-3"), status=1))
        (self.drop_ins / "a.conf").unlink()
        self.assertEqual(self.ctl("config", "reload"), "")
        self.ctl("claim", "-", stdin=test_ctl.label("D-3"))
        self.assertIn("'1' -> '10000' (default)", self.wait_for_line("[limits] devices: '1'"))
        records = [r for r in self.ctl("audit", "--json").splitlines() if '"configured"' in r]
        self.assertEqual(len(records), 2)
        self.assertIn("[limits] devices = 1", records[0])
        self.assertIn("uid ", records[0])

    def test_what_needs_a_restart(self):
        self.file.write_text(GOOD.replace("gw-1", "gw-2") + "[limits]\ndevices = 5\n")
        self.assertEqual(self.reload()["needs_restart"], ["[gateway] id"])
        self.assertEqual(self.ctl("config", "reload"), "[gateway] id holds only after a restart of gangwayd\n")
        self.wait_for_line("[gateway] id keeps its value until gangwayd is restarted")
        self.assertEqual((self.running()["gateway.id"], self.running()["limits.devices"]), ("gw-1", "5"))
        self.assertEqual(self.ctl_json("status")["gateway_id"], "gw-1")
        self.start_agent()
        self.assertEqual(self.ctl_json("status")["gateway_id"], "gw-2")

    def test_all_or_nothing(self):
        before = self.running()
        self.file.write_text(GOOD + "[limits]\ndevices = 5\n")
        (self.drop_ins / "z.conf").write_text("[limits]\njobs = many\n[clock]\ntrust = me\n")
        faults = self.ctl_faults("config", "reload")
        self.assertEqual([fault.split(" must")[0] for fault in faults], [
            f"{self.drop_ins}/z.conf:2: [limits] jobs", f"{self.drop_ins}/z.conf:4: [clock] trust"])
        self.assertEqual(self.running(), before)
        for fault in faults:
            self.wait_for_line(fault)
        done = subprocess.run(["busctl", f"--address={self.bus.address}", "call", *MANAGER, "Reload"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("z.conf:2", done.stderr)
        self.assertIn("z.conf:4", done.stderr)

    def test_the_file_is_gone(self):
        self.file.unlink()
        self.assertIn("there is no such file", self.ctl_faults("config", "reload")[0])
        self.assertEqual(self.running()["gateway.id"], "gw-1")

    def test_hangup(self):
        (self.drop_ins / "a.conf").write_text("[limits]\ndevices = 5\n")
        self.agent.send_signal(signal.SIGHUP)
        self.wait_for_line("The configuration is read again for SIGHUP: settings that changed: 1;")
        self.assertEqual(self.running()["limits.devices"], "5")
        (self.drop_ins / "a.conf").write_text("[limits]\ndevices = 0\n")
        self.agent.send_signal(signal.SIGHUP)
        self.wait_for_line("a.conf:2: [limits] devices must be")
        self.assertEqual(self.running()["limits.devices"], "5")

    def test_the_service_manager_is_told(self):
        self.manager.wait_for("READY=1")
        self.agent.send_signal(signal.SIGHUP)
        self.assertRegex(self.manager.wait_for("RELOADING=1"), r"(?m)^MONOTONIC_USEC=\d+$")
        self.manager.wait_for("READY=1")
        self.file.write_text("nonsense")
        self.agent.send_signal(signal.SIGHUP)
        self.manager.wait_for("RELOADING=1")
        self.manager.wait_for("READY=1")


class TestBytes(Case):
    """What a file holds, handed over as it comes by people with no good in mind; the agent goes on whatever it is."""
    ARGUMENTS, LIMITS = (f"org.freedesktop.DBus.Error.{name}" for name in ("InvalidArgs", "LimitsExceeded"))
    FILE_MAX, LIST_MAX, CALL_MAX = 64 << 10, 1280 << 10, 16 << 10  # settings-disk.h, wire.h, bus-call.h

    def setUp(self):
        super().setUp()
        self.peer = self.connect()

    def connect(self):
        peer = dbus.Connection(self.bus.address.removeprefix("unix:path=").split(",")[0], dbus.User(os.geteuid(), 0, []))
        self.addCleanup(peer.close)
        return peer

    def call(self, member, content):
        return self.peer.ask(*MANAGER, member, "ay", [content])

    def check(self, content):
        answer = self.call("CheckConfig", content)
        self.assertIsNone(answer.error, answer.text)
        return answer.body[0]

    def test_what_is_wrong_is_said(self):
        self.assertIn("<given>:2: [limits] devices must be", self.check(b"[limits]\ndevices = x\n")[0])
        self.assertEqual(self.check(b"[limits]\ndevices = 5\n"), [])
        self.assertEqual(self.check(b""), [])
        self.assertIn("<given>:1: holds a zero byte", self.check(b"\0" * 1000)[0])
        self.assertEqual(len(self.check(b"x\n" * (self.FILE_MAX // 2))), 33)
        self.assertEqual(self.running()["limits.devices"], "10000")

    def test_how_much_there_may_be(self):
        self.assertEqual(self.check(b"#\n" * (self.FILE_MAX // 2)), [])
        for member, most in (("CheckConfig", self.FILE_MAX), ("LoadRevocationList", self.LIST_MAX)):
            for more, error in ((1, self.ARGUMENTS), (self.CALL_MAX, self.LIMITS), (8 << 20, self.LIMITS)):
                with self.subTest(member, more=more):
                    self.assertEqual(self.call(member, bytes(most + more)).error, error)
        self.assertEqual(self.call("LoadRevocationList", bytes(self.LIST_MAX)).error, "org.gangway1.Error.NoRegistrar")
        self.assertEqual(self.call("ListSettings", bytes(self.FILE_MAX)).error, self.LIMITS)
        self.assertEqual(self.running()["gateway.id"], "gw-1")

    def test_lists_in_files(self):
        """What gangwayctl says itself, and what it leaves to the agent."""
        file = self.folder / "list"
        for content, why in ((b"nothing", "neither in DER nor in PEM"), (b"0" * self.LIST_MAX, "(no-registrar)"),
                             (b"0" * (self.LIST_MAX + 1), "larger than any list"), (b"0" * (4 << 20), "larger than any list")):
            with self.subTest(why):
                file.write_bytes(content)
                self.assertIn(why, self.ctl("revoke", "--crl", str(file), status=1))
        self.assertIn("cannot read /nowhere: No such file", self.ctl("revoke", "--crl", "/nowhere", status=1))
        self.assertIn("Is a directory", self.ctl("revoke", "--crl", str(self.folder), status=1))
        self.assertIn("Is a directory", self.ctl("config", "check", str(self.folder), status=1))

    def test_where_no_descriptor_goes(self):
        """On this bus anybody may hand over anything; of the agent's two connections only the one can be handed it that gives
        descriptors away."""
        names = [name for name in self.peer.bus("ListNames").body[0] if name.startswith(":") and self.is_of_agent(name)]
        self.assertEqual(len(names), 2)
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        errors = {name: self.hand_over(name, reading) for name in names}
        self.assertEqual(errors.pop(self.peer.bus("GetNameOwner", "s", [MANAGER[0]]).body[0]), self.ARGUMENTS)
        self.assertEqual(list(errors.values()), ["org.freedesktop.DBus.Error.NotSupported"])
        self.assertEqual(self.running()["gateway.id"], "gw-1")

    def is_of_agent(self, name):
        return self.peer.bus("GetConnectionUnixProcessID", "s", [name]).body == [self.agent.pid]

    def hand_over(self, name, fd):
        call = dbus.Message(dbus.CALL, destination=name, path=MANAGER[1], interface=MANAGER[2], member="CheckConfig",
                            signature="h", body=[0])
        return self.peer.answer(self.peer.send(call, [fd])).error


class TestUnconfigured(Case):
    """A gateway that nobody has given a name: the agent is there, says so, and waits."""

    def setUp(self):
        super().setUp()
        self.stop_agent()
        for path in (self.folder / "state").iterdir():
            path.unlink()
        self.file.write_text("[limits]\ndevices = 3\n")
        self.start_agent()
        self.manager.wait_for("READY=1")
        self.waited = int(time.time())
        while int(time.time()) == self.waited:  # times on the bus are whole seconds
            pass

    def run_ctl(self, *words):
        return subprocess.run([test_ctl.CTL, *words], env=self.environment, capture_output=True, text=True)

    def call(self, *words):
        """What the bus's error says."""
        address = self.environment["DBUS_SYSTEM_BUS_ADDRESS"]
        done = subprocess.run(["busctl", f"--address={address}", "call", *words], capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        return done.stderr

    def test_it_says_what_is_missing(self):
        self.assertIn(f"[gateway] id, [cloud] broker must be set in {self.file}", self.wait_for_line("not configured"))
        for verb in (("status",), ("devices",), ("show", "ACME-1"), ("jobs",), ("audit",), ("monitor",)):
            with self.subTest(verb):
                done = self.run_ctl(*verb)
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertIn(f"[gateway] id, [cloud] broker must be set in {self.file}, then systemctl reload gangwayd",
                              done.stderr)
        self.assertEqual(list((self.folder / "state").iterdir()), [])
        self.assertFalse((self.folder / "link").exists())

    def test_whatever_is_called(self):
        """No handler sees a call that it is not made for; all there are is in the contract."""
        values = {"s": ("x",), "t": ("0",), "u": ("1",), "ay": ("0",), "a{sv}": ("0",)}
        contract = ElementTree.parse(test_ctl.TOP / "dbus/org.gangway1.Manager.xml").getroot()
        methods = {method.get("name"): [arg.get("type") for arg in method.findall("arg") if arg.get("direction") == "in"]
                   for method in contract.iter("method")}
        for early in ("CheckConfig", "Reload"):
            del methods[early]
        self.assertIn("FactoryReset", methods)
        for method, types in methods.items():
            words = [word for type_ in types for word in values[type_]]
            with self.subTest(method):
                self.assertIn("not configured yet", self.call(*MANAGER, method, "".join(types), *words))
        self.assertIn("not configured yet", self.call(*MANAGER[:2], "org.freedesktop.DBus.Properties", "Set", "ssv",
                                                      MANAGER[2], "Version", "s", "x"))
        self.assertIn("not configured yet", self.call(*MANAGER[:2], "org.freedesktop.DBus.ObjectManager",
                                                      "GetManagedObjects"))
        self.assertIn("not configured yet", self.call(*MANAGER[:2], "org.freedesktop.DBus.Introspectable", "Introspect"))

    def test_a_part_of_it_is_not_enough(self):
        self.file.write_text("[gateway]\nid = gw-1\n")
        done = self.run_ctl("config", "reload")
        self.assertEqual(done.returncode, 1)
        self.assertIn("[cloud] broker must be set", done.stdout)
        self.assertIn("configured yet: [cloud] broker must be set in", self.run_ctl("status").stderr)
        self.file.write_text("[gateway]\nid = g w\n")
        self.assertIn("[gateway] id must be", self.run_ctl("config", "reload").stdout)
        self.assertEqual(self.agent.poll(), None)

    def begins(self):
        self.wait_for_line("serves gateway gw-1")
        now = self.ctl_json("status")
        self.assertEqual(now["gateway_id"], "gw-1")
        self.assertGreater(now["state_since"], self.waited)
        self.assertTrue((self.folder / "link").is_socket())
        self.file.write_text(GOOD + "[limits]\ndevices = 5\n")
        self.assertEqual(self.run_ctl("config", "reload").returncode, 0)
        self.assertEqual(self.running()["limits.devices"], "5")

    def test_told_to_it_begins(self):
        self.file.write_text(GOOD)
        done = self.run_ctl("config", "reload")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.begins()

    def test_a_signal_tells_it_too(self):
        self.file.write_text(GOOD)
        self.agent.send_signal(signal.SIGHUP)
        self.begins()

    def test_it_ends_where_it_cannot_begin(self):
        (self.folder / "state" / "gangway.db").write_text("no store at all" * 1000)
        self.file.write_text(GOOD)
        done = self.run_ctl("config", "reload")
        self.assertEqual(done.returncode, 1)
        self.assertIn("gangwayd cannot begin", done.stdout)
        self.assertEqual(self.agent.wait(), 78)
        self.wait_for_line("restore it from a backup")

    def test_a_fault_is_another_thing(self):
        self.stop_agent()
        self.file.write_text("[limits]\ndevices = many\n")
        done = subprocess.run([GANGWAYD, "--config", self.file, "--state", self.folder / "state", "--link",
                               self.folder / "link"], env=self.environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, 78, done.stderr)


class TestOffline(unittest.TestCase):
    """gangwayd --check-config, which needs nothing but the files."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gangway-config-")
        self.addCleanup(folder.cleanup)
        self.file = os.path.join(folder.name, "gangway.conf")

    def check(self, *options):
        done = subprocess.run([GANGWAYD, "--check-config", *options], capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def test_good(self):
        with open(self.file, "w") as file:
            file.write(GOOD)
        self.assertEqual(self.check("--config", self.file), (0, "", ""))

    def test_bad(self):
        with open(self.file, "w") as file:
            file.write("[gateway]\nid = a b\n[cloud]\n")
        status, output, said = self.check("--config", self.file)
        self.assertEqual((status, output), (1, ""))
        self.assertIn(f"{self.file}:2: [gateway] id must be", said)
        self.assertIn(f"{self.file}: [cloud] broker must be set", said)

    def test_no_file(self):
        self.assertEqual(self.check("--config", "/nowhere/gangway.conf")[0], 1)

    def test_wrong_use(self):
        self.assertEqual(self.check("--fly")[0], 2)
        self.assertEqual(self.check("more")[0], 2)


if __name__ == "__main__":
    unittest.main()
