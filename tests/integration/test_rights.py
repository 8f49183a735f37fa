#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may do what on the bus: every method and property, as every kind of user, with polkit and without it; what an
administrator's rules change; and what is left to do when polkit is slow, silent or gone. What many at a time may do is in test_crowds."""
import re
import secrets
import shutil
import subprocess
import sys
import unittest
import xml.etree.ElementTree

import dbus
import machine
from fake_polkit import FakePolkit
from machine import Machine

sys.path.insert(1, str(machine.TOP / "tests/integration/whole"))
import label  # noqa: E402
import memory  # noqa: E402

ACME = "GW1:IACME-0001+S60RK4CSM6MV3EE1SC5H66S35CR+C965B"
MANAGER = "org.gangway1.Manager"
DEVICE = "org.gangway1.Device"
PATHS = {MANAGER: "/org/gangway1", DEVICE: "/org/gangway1/device/ACME_2d0001",
         "org.gangway1.Transport": "/org/gangway1/transport/ip"}
PROPERTIES = "org.freedesktop.DBus.Properties"
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
UNCONFIRMED = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
SKIP = 77
WHO = ("nobody", "gangway-ip", "member", "root")
DEFAULTS = {"nobody": set(), "gangway-ip": set(), "member": {"none", "inspect", "claim", "operate"}}


def table():
    """(interface, member): right, as agent/rights.c has it."""
    text = (machine.TOP / "agent/rights.c").read_text()
    for name, interface in (("MANAGER", MANAGER), ("DEVICE", DEVICE)):
        text = text.replace(f"{name},", f'"{interface}",')
    lines = re.findall(r'{ "([\w.]+)", "(\w+)", RIGHT_(\w+), COST_\w+ }', text)
    return {(interface, member): right.lower() for interface, member, right in lines}


def contract(kind):
    """(interface, member, whether it takes arguments) of every method or property in dbus/."""
    for interface in PATHS:
        root = xml.etree.ElementTree.parse(machine.TOP / "dbus" / f"{interface}.xml").getroot()
        for member in root.iter(kind):
            takes = any(arg.get("direction") == "in" for arg in member.findall("arg"))
            yield interface, member.get("name"), takes


class Case(unittest.TestCase):
    """A machine with a bus and an agent."""

    def setUp(self):
        self.machine = Machine()
        self.addCleanup(self.machine.close)
        self.machine.start_bus()
        self.machine.start_agent()

    def connect(self, name):
        peer = self.machine.connect(name)
        self.addCleanup(peer.close)
        return peer

    def ask(self, peer, member, signature="", body=(), interface=MANAGER, path="/org/gangway1", flags=0):
        return peer.ask("org.gangway1", path, interface, member, signature, body, flags)

    def send(self, peer, member, signature="", body=(), interface=MANAGER, flags=0):
        return peer.call("org.gangway1", "/org/gangway1", interface, member, signature, body, flags)

    def claim(self, peer, replace=None, label=ACME):
        options = {} if replace is None else {"replace": ("b", replace)}
        return self.ask(peer, "Claim", "sa{sv}", [label, options])

    def audit_length(self):
        """What the record's next number would be, by its own count."""
        with self.machine.connect("root") as root:
            return self.ask(root, "VerifyAudit").body


class Matrix(Case):
    def outcome(self, answer):
        if answer.sender == dbus.BUS and answer.error == DENIED:
            return "bus"  # its policy: the agent has not seen it
        return {DENIED: "no", UNCONFIRMED: "no, ask"}.get(answer.error, "yes")

    def calls(self):
        """(title, right, arguments of ask): none of them does anything, since what a method gets is not what it takes."""
        rights = table()
        for (interface, member), right in rights.items():
            takes = {m: t for i, m, t in contract("method") if i == interface}
            signature = "" if takes.get(member) else "s"
            if interface != PROPERTIES:
                yield (f"{interface}.{member}", {right},
                       dict(member=member, interface=interface, path=PATHS.get(interface, PATHS[MANAGER]),
                            signature=signature, body=[""] * len(signature)))
        yield (f"{MANAGER}.Claim replace=true", {rights[MANAGER, "Claim"], "replace"},
               dict(member="Claim", signature="sa{sv}", body=["no label", {"replace": ("b", True)}]))
        for interface, name, _ in contract("property"):
            yield (f"{interface}.{name} get", {rights[PROPERTIES, "Get"]},
                   dict(member="Get", interface=PROPERTIES, path=PATHS[interface], signature="ss",
                        body=[interface, name]))
            yield (f"{interface}.{name} set", {rights[PROPERTIES, "Set"]},
                   dict(member="Set", interface=PROPERTIES, path=PATHS[interface], signature="ssv",
                        body=[interface, name, ("s", "x")]))
        for interface, path in PATHS.items():
            yield (f"{interface} get all", {rights[PROPERTIES, "GetAll"]},
                   dict(member="GetAll", interface=PROPERTIES, path=path, signature="s", body=[interface]))

    def expected(self, who, rights):
        if who == "root":
            return True
        if who == "gangway-ip":
            return False
        return rights <= DEFAULTS[who] | {"none"}

    def compare(self, mode):
        wrong = []
        peers = {who: self.connect(who) for who in WHO}
        print(f"\n{mode:56} {'needs':16}" + "".join(f"{who:>12}" for who in WHO))
        for title, rights, call in self.calls():
            outcomes = {who: self.outcome(self.ask(peers[who], **call)) for who in WHO}
            print(f"{title:56} {'+'.join(sorted(rights)):16}" + "".join(f"{outcomes[who]:>12}" for who in WHO))
            wrong += [(title, who, outcome) for who, outcome in outcomes.items()
                      if (outcome == "yes") != self.expected(who, rights) or (who == "gangway-ip" and outcome != "bus")]
        self.assertEqual(wrong, [])

    def test_every_method_has_a_line(self):
        rights = table()
        for interface, member, _ in contract("method"):
            self.assertIn((interface, member), rights)
        self.assertGreaterEqual(len(rights), 14)

    def test_defaults(self):
        with self.machine.connect("root") as root:
            self.assertIsNone(self.claim(root).error)
        self.compare("without polkit")
        self.machine.start_polkit()
        self.compare("with polkit")

    def test_what_nobody_may(self):
        """Not in the table: the answer is the same whether there is such a device or not, and for root too."""
        with self.machine.connect("root") as root:
            self.claim(root)
        for who in ("nobody", "root"):
            peer = self.connect(who)
            texts = {self.ask(peer, "Nothing", interface="org.gangway1.Device", path=path).text
                     for path in (PATHS["org.gangway1.Device"], "/org/gangway1/device/none", "/elsewhere")}
            self.assertEqual(len(texts), 1, texts)
        answer = self.ask(peer, "Claim", "sa{sv}", [ACME, {}], interface="")
        self.assertEqual(answer.error, "org.freedesktop.DBus.Error.UnknownMethod")

    def test_what_operate_is(self):
        """Whoever is asked for a password reads what the methods are, all of them and no others."""
        policy = xml.etree.ElementTree.parse(machine.TOP / "dbus/org.gangway1.policy")
        action, = (a for a in policy.iter("action") if a.get("id") == "org.gangway1.operate")
        methods = {member.lower() for (_, member), right in table().items() if right == "operate"}
        for text in (action.findtext("description"), action.findtext("message")):
            words = set(re.findall(r"\w+", text.lower()))
            words |= {"loadrevocationlist"} if "load a revocation list" in text else set()
            self.assertEqual(words & {"approve", "reject", "renew", "suspend", "resume", "revoke", "decommission",
                                      "loadrevocationlist"}, methods)

    @unittest.skipUnless(shutil.which("xmllint"), "there is no xmllint: run scripts/setup")
    def test_files_for_polkit(self):
        policy = machine.TOP / "dbus/org.gangway1.policy"
        dtd = machine.POLKIT_DTD
        if dtd.exists():
            checked = subprocess.run(["xmllint", "--noout", "--dtdvalid", dtd, policy], capture_output=True, text=True)
            self.assertEqual(checked.returncode, 0, checked.stderr)
        self.machine.start_polkit()
        actions = {action.get("id"): action for action in xml.etree.ElementTree.parse(policy).iter("action")}
        self.assertEqual(set(actions), {f"org.gangway1.{right}" for right in
                                        ("inspect", "claim", "operate", "replace", "configure")})
        for name, action in actions.items():
            self.assertTrue(action.findtext("message").startswith("Authentication is required to "))
            shown = subprocess.run(["pkaction", "--verbose", "--action-id", name], capture_output=True, text=True,
                                   env={"DBUS_SYSTEM_BUS_ADDRESS": self.machine.address, "PATH": "/usr/bin"})
            self.assertIn(action.findtext("message"), shown.stdout, shown.stderr)
            self.assertIn("org.freedesktop.policykit.owner -> unix-user:gangway", shown.stdout)


class Signals(Case):
    def test_who_hears(self):
        peers = {who: self.connect(who) for who in (*WHO, "technician", "promoted-plugin", "gangway-other")}
        for peer in peers.values():
            peer.bus("AddMatch", "s", ["type='signal',sender='org.gangway1'"])
        with self.machine.connect("root") as root:
            self.assertIsNone(self.claim(root).error)
        for who, peer in peers.items():
            if who in ("member", "root"):
                peer.wait_for(lambda m: m.kind == dbus.SIGNAL and m.member == "StateChanged")
            else:
                peer.bus("GetId")  # what was sent before this has arrived by now
                heard = [m.member for m in peer.strays if m.kind == dbus.SIGNAL and m.sender != dbus.BUS]
                self.assertEqual(heard, [], who)

    def test_plugins_cannot_call(self):
        for who in ("gangway-registrar", "gangway-ip", "gangway-mqtt", "gangway-other", "promoted-plugin"):
            answer = self.ask(self.connect(who), "Ping", interface="org.freedesktop.DBus.Peer")
            self.assertEqual((answer.error, answer.sender), (DENIED, dbus.BUS), who)


class Rules(Case):
    """An administrator's word goes before ours."""

    def rule(self, name, action, user, result):
        self.machine.write_rule(name, "polkit.addRule(function(action, subject) {\n"
                                      f'    if (action.id == "{action}" && subject.user == "{user}")\n'
                                      f"        return polkit.Result.{result};\n}});\n")

    def test_more_and_less(self):
        self.rule("10-more.rules", "org.gangway1.inspect", "nobody", "YES")
        self.rule("99-less.rules", "org.gangway1.claim", "member", "NO")
        self.machine.start_polkit()
        self.assertIsNone(self.ask(self.connect("nobody"), "ListJobs").error)
        self.assertEqual(self.claim(self.connect("nobody")).error, UNCONFIRMED)
        self.assertIsNone(self.ask(self.connect("member"), "ListJobs").error)
        self.assertEqual(self.claim(self.connect("member")).error, DENIED)
        self.assertIsNone(self.claim(self.connect("other-member")).error)

    def test_rules_change_while_all_runs(self):
        self.machine.start_polkit()
        peer = self.connect("nobody")
        self.assertEqual(self.ask(peer, "ListJobs").error, UNCONFIRMED)
        self.rule("10-more.rules", "org.gangway1.inspect", "nobody", "YES")
        machine.wait_until("the rule counts", lambda: self.ask(peer, "ListJobs").error is None)

    def test_technicians(self):
        example = machine.TOP / "dbus/examples/50-gangway-technicians.rules"
        self.machine.write_rule(example.name, example.read_text())
        self.machine.start_polkit()
        peer = self.connect("technician")
        self.assertIsNone(self.claim(peer).error)
        self.assertIsNone(self.ask(peer, "GetDevice", "s", ["ACME-0001"]).error)
        self.assertEqual(self.claim(peer, replace=True).error, DENIED)
        self.assertIsNone(self.claim(self.connect("member")).error)

    def test_a_claim_that_replaces_needs_both(self):
        self.rule("10-replace.rules", "org.gangway1.replace", "nobody", "YES")
        self.machine.start_polkit()
        self.assertEqual(self.claim(self.connect("nobody"), replace=True).error, UNCONFIRMED)
        self.rule("11-claim.rules", "org.gangway1.claim", "nobody", "YES")
        peer = self.connect("nobody")
        machine.wait_until("both count", lambda: self.claim(peer, replace=True).error is None)


class Trouble(Case):
    """A polkit that is not as it should be."""

    def test_slow(self):
        """Nobody else waits, and the answer counts when it comes."""
        with FakePolkit(self.machine) as polkit:
            slow = self.connect("member")
            serial = self.send(slow, "Claim", "sa{sv}", [ACME, {}])
            question = polkit.question()
            self.assertEqual((question.action, question.sender, question.flags),
                             ("org.gangway1.claim", slow.name, 0))
            other = self.connect("other-member")
            asked = self.send(other, "ListJobs")
            polkit.say(polkit.question(), True)
            self.assertIsNone(other.answer(asked).error)
            root = self.connect("root")
            self.assertEqual(self.ask(root, "GetDevice", "s", ["ACME-0001"]).error, "org.gangway1.Error.NotFound")
            polkit.say(question, True)
            self.assertIsNone(slow.answer(serial).error)
            self.assertIsNone(self.ask(root, "GetDevice", "s", ["ACME-0001"]).error)

    def test_two_questions_before_anything(self):
        with FakePolkit(self.machine) as polkit:
            root, peer = self.connect("root"), self.connect("nobody")
            before = self.audit_length()
            for verdict in (False, True):
                serial = self.send(peer, "Claim", "sa{sv}", [ACME, {"replace": ("b", True)}])
                question = polkit.question()
                self.assertEqual(question.action, "org.gangway1.claim")
                polkit.say(question, True)
                question = polkit.question()
                self.assertEqual(question.action, "org.gangway1.replace")
                self.assertEqual(self.ask(root, "GetDevice", "s", ["ACME-0001"]).error, "org.gangway1.Error.NotFound")
                polkit.say(question, verdict)
                self.assertEqual(peer.answer(serial).error, None if verdict else DENIED)
            self.assertEqual(self.audit_length()[:2], before[:2])

    def test_hung(self):
        """Who cannot be asked for a password is refused after a while; who can has more time."""
        with FakePolkit(self.machine) as polkit:
            patient, peer = self.connect("nobody"), self.connect("member")
            waits = self.send(patient, "ListJobs", flags=dbus.INTERACTIVE)
            interactive = polkit.question()
            self.assertEqual(interactive.flags, 1)
            serial = self.send(peer, "ListJobs")
            question = polkit.question()
            answer = peer.answer(serial)
            self.assertEqual(answer.error, DENIED)
            self.assertIn("polkit was asked in vain: it does not answer", answer.text)
            self.assertEqual(polkit.taken_back(), question.id)
            polkit.say(question, True)  # too late
            polkit.say(interactive, True)
            self.assertIsNone(patient.answer(waits).error)
            peer.bus("GetId")
            self.assertEqual([m for m in peer.strays if m.reply_serial == serial], [])

    def test_gone_and_back(self):
        peer = self.connect("member")
        self.assertIsNone(self.ask(peer, "ListJobs").error, "without polkit the group has it")
        with FakePolkit(self.machine) as polkit:
            serial = self.send(peer, "ListJobs")
            polkit.question()
        answer = peer.answer(serial)
        self.assertEqual((answer.error, "in vain" in answer.text), (DENIED, True), "it died while it was asked")
        self.machine.wait_for_name(machine.POLKIT, is_there=False)
        answer = self.ask(peer, "ListJobs")
        self.assertEqual((answer.error, "it has ended" in answer.text), (DENIED, True), "this machine has one")
        self.assertIsNone(self.ask(self.connect("root"), "ListJobs").error)
        self.machine.start_polkit()
        self.assertIsNone(self.ask(peer, "ListJobs").error)
        self.machine.kill("polkitd")
        self.machine.wait_for_name(machine.POLKIT, is_there=False)
        self.assertEqual(self.ask(peer, "ListJobs").error, DENIED)
        self.machine.start_polkit()
        self.assertIsNone(self.ask(peer, "ListJobs").error)

    def test_hung_for_real(self):
        """polkitd is stopped: calls wait, root's do not; it goes on, and so do they."""
        self.machine.start_polkit()
        self.machine.signal("polkitd", machine.signal.SIGSTOP)
        peer = self.connect("member")
        serial = self.send(peer, "ListJobs")
        self.assertIsNone(self.ask(self.connect("root"), "ListJobs").error)
        self.machine.signal("polkitd", machine.signal.SIGCONT)
        self.assertIsNone(peer.answer(serial).error)

    def test_odd_answers(self):
        with FakePolkit(self.machine) as polkit:
            peer = self.connect("member")
            for answer in (polkit.say_oddly, lambda q: polkit.fail(q, machine.POLKIT + ".Error.Failed", "no such action"),
                           lambda q: polkit.fail(q, machine.POLKIT + ".Error.NotAuthorized", "not the owner"),
                           lambda q: polkit.fail(q, DENIED, "policy"), lambda q: polkit.say(q, False),
                           lambda q: polkit.say(q, False, True)):
                serial = self.send(peer, "ListJobs")
                answer(polkit.question())
                self.assertIn(peer.answer(serial).error, (DENIED, UNCONFIRMED))

    def test_actions_that_are_not_installed(self):
        (self.machine.folder / "actions/org.gangway1.policy").unlink()
        self.machine.start_polkit()
        answer = self.ask(self.connect("member"), "ListJobs")
        self.assertEqual(answer.error, DENIED)
        self.assertIn("org.gangway1.policy", answer.text)


class Secrets(Case):
    """What a call holds is wiped as soon as it is done with, however long it waited."""

    def found(self, secret):
        """When the agent has ended what it was at."""
        with self.machine.connect("root") as root:
            self.ask(root, "Ping", interface="org.freedesktop.DBus.Peer")
        return memory.in_process(self.machine.pid("gangwayd"), {"secret": secret})

    def test_calls_that_waited(self):
        if b"__asan_init" in (self.machine.folder / "gangwayd").read_bytes():
            self.skipTest("sanitizers keep what was freed")
        if (self.machine.folder / "gangwayd").read_bytes().startswith(b"#!"):
            self.skipTest("valgrind has copies of its own")
        with FakePolkit(self.machine) as polkit:
            secret = secrets.token_bytes(32)
            body = [label.make("WAITED-1", secret), {}]
            peer, leaver = self.connect("member"), self.connect("other-member")
            serial = self.send(peer, "Claim", "sa{sv}", body)
            question = polkit.question()
            self.assertNotEqual(self.found(secret), [], "it waits, so it is there")
            polkit.say(question, False)
            self.assertEqual(peer.answer(serial).error, DENIED)
            self.assertEqual(self.found(secret), [])

            self.send(leaver, "Claim", "sa{sv}", body)
            polkit.question()
            leaver.close()
            polkit.taken_back()
            self.assertEqual(self.found(secret), [])

            serial = self.send(peer, "Claim", "sa{sv}", body)
            polkit.say(polkit.question(), True)
            self.assertIsNone(peer.answer(serial).error)
            self.assertEqual(self.found(secret), [])


class FirstInstall(unittest.TestCase):
    """The package's files are there before its users are."""

    def test_users_come_late(self):
        late = Machine(with_users=False)
        self.addCleanup(late.close)
        late.start_bus()
        late.start_agent(wait=False)
        machine.wait_until("the bus refuses the name", lambda: "does not give us the name" in late.log("gangwayd"))
        self.assertRegex(late.log("bus"), 'Unknown username "gangway"|Invalid user-name .*"gangway"')
        with late.connect("root") as root:
            self.assertEqual(root.bus("NameHasOwner", "s", ["org.gangway1"]).body, [0])
            late.add_users()
            root.bus("ReloadConfig")
        late.wait_for_name("org.gangway1")


if __name__ == "__main__":
    why_not = machine.enter()
    if why_not:
        print(f"SKIP test_rights: {why_not}", file=sys.stderr)
        sys.exit(SKIP)
    unittest.main(verbosity=2)
