#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Callers on the bus who keep the agent busy: with calls without end, many connections, ever new ones, questions that
nobody answers, answers that are never let go of. Others are served all the same."""
import multiprocessing
import os
import signal
import sys
import threading
import unittest

import dbus
import machine
from fake_polkit import FakePolkit
from test_rights import DENIED, MANAGER, SKIP, Case

LIMITS = "org.freedesktop.DBus.Error.LimitsExceeded"
NO_REGISTRAR = "org.gangway1.Error.NoRegistrar"
LIST = bytes(1280 << 10)  # the largest that there may be
PEER = "org.freedesktop.DBus.Peer"
ASKED_EACH, WAITING_EACH = 4, 64  # agent/callers.h
MANY_CONNECTIONS = 900 if machine.IS_BROKER else 250  # of a user; dbus-broker allows 4,096, dbus-daemon 256


class Churn:
    """A process that connects as somebody, calls without waiting for answers, and goes on with a new connection, up to
    MOST of them; it holds as many as the bus lets it."""
    MOST, HELD, CALLS = 20000, 200, 64

    def __init__(self, path, who):
        self._made = multiprocessing.Value("L", 0)
        self._process = multiprocessing.Process(target=self._run, args=(path, who), daemon=True)
        self._process.start()

    def _run(self, path, who):
        os.setgroups(who.groups)
        os.setresgid(who.gid, who.gid, who.gid)
        os.setresuid(who.uid, who.uid, who.uid)
        held = []
        while self._made.value < self.MOST:
            try:
                held.append(dbus.Connection(path, who))
                held[-1].call_often(self.CALLS, "org.gangway1", "/org/gangway1", MANAGER, "ListJobs")
            except OSError:
                return  # the bus has ended
            if len(held) > self.HELD:
                held.pop(0).close()
            self._made.value += 1

    @property
    def made(self):
        return self._made.value

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.terminate()
        self._process.join()


class Crowds(Case):
    def flood(self, peer, until, counts):
        """As fast as it goes, a hundred at a time."""
        while not until.is_set():
            serials = [self.send(peer, "Ping", interface="org.freedesktop.DBus.Peer") for _ in range(100)]
            for serial in serials:
                error = peer.answer(serial).error
                counts[error] = counts.get(error, 0) + 1

    def served_beside(self, who):
        """What who gets of a flood, while others are served, each time they ask."""
        until, counts = threading.Event(), {}
        peer, others = self.connect(who), [self.connect("root"), self.connect("other-member")]
        flood = threading.Thread(target=self.flood, args=(peer, until, counts))
        flood.start()
        try:
            machine.wait_until("somebody has had enough", lambda: counts.get(LIMITS, 0) > 100)
            for _ in range(20):
                for other in others:
                    self.assertEqual(self.ask(other, "GetDevice", "s", ["X"]).error,
                                     "org.gangway1.Error.NotFound")
        finally:
            until.set()
            flood.join()
        return counts

    def test_answers_that_are_held(self):
        """The agent's memory is not for callers to keep: eight parts of the record by user, over all connections."""
        peers = [self.connect("member"), self.connect("member")]
        for i in range(8):
            self.assertIsNone(self.ask(peers[i % 2], "ReadAudit", "t", [0]).error)
        self.assertEqual(len(peers[0].fds + peers[1].fds), 8)
        answer = self.ask(peers[0], "ReadAudit", "t", [0])
        self.assertEqual((answer.error, "You still hold" in answer.text), (LIMITS, True))
        root = self.connect("root")
        self.assertIsNone(self.ask(root, "ReadAudit", "t", [0]).error)
        peers[1].let_go()
        for _ in range(4):
            self.assertIsNone(self.ask(peers[0], "ReadAudit", "t", [0]).error)
        self.assertEqual(self.ask(peers[0], "ReadAudit", "t", [0]).error, LIMITS)

    def test_one_connection(self):
        for who in ("member", "root"):
            counts = self.served_beside(who)
            self.assertLessEqual(set(counts), {None, LIMITS})
            self.assertGreater(counts[None], 0, "it is served, too")

    def test_a_thousand_connections(self):
        """As many as the bus allows a user; others are known or get to be, and the agent's memory has an end."""
        crowd = [self.connect("member") for _ in range(250)]
        for _ in range(2):
            serials = [self.send(peer, "Ping", interface="org.freedesktop.DBus.Peer") for peer in crowd]
            other = self.connect("other-member")
            self.assertIsNone(self.ask(other, "ListJobs").error)
            for peer, serial in zip(crowd, serials):
                self.assertIn(peer.answer(serial).error, (None, LIMITS))

    def test_large_calls(self):
        peer = self.connect("nobody")
        answer = self.ask(peer, "Claim", "sa{sv}", ["x" * 20000, {}])
        self.assertEqual(answer.error, LIMITS)
        answer = peer.ask("org.gangway1", "/" + "x" * 20000, MANAGER, "ListJobs")
        self.assertEqual(answer.error, LIMITS)

    def memory_peak(self):
        """In MiB."""
        with open(f"/proc/{self.machine.pid('gangwayd')}/status") as status:
            return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) >> 10

    def test_large_calls_of_strangers(self):
        """On many connections at once, before any is known: as many are heard as there is room for; others wait in the bus.
        It costs nobody his own."""
        crowd = [self.connect("nobody") for _ in range(60)]
        other, root = self.connect("member"), self.connect("root")
        before = self.memory_peak()
        self.machine.signal("gangwayd", signal.SIGSTOP)
        calls = [(peer, self.send(peer, "LoadRevocationList", "ay", [LIST])) for peer in crowd]
        serials = [self.send(peer, "LoadRevocationList", "ay", [LIST]) for peer in (other, root)]
        for peer in crowd:
            peer.bus("GetId")  # the bus has passed on what this one called
        self.machine.signal("gangwayd", signal.SIGCONT)
        self.assertEqual([peer.answer(serial).error for peer, serial in zip((other, root), serials)], [NO_REGISTRAR] * 2)
        self.assertLessEqual({peer.answer(serial).error for peer, serial in calls}, {DENIED, LIMITS})
        if self.is_plain():
            self.assertLess(self.memory_peak() - before, 40)

    def is_plain(self):
        """No sanitizers, and no valgrind, which keep memory of their own."""
        program = (self.machine.folder / "gangwayd").read_bytes()
        return b"__asan_init" not in program and not program.startswith(b"#!")

    def test_ever_new_connections(self):
        """Nobody knows yet whose they are: they have no more than their share of the places for those."""
        with Churn(self.machine.folder / "bus", machine.user("nobody")) as churn:
            machine.wait_until("it is under way", lambda: churn.made > 2 * Churn.HELD)
            before, refused = churn.made, []
            while churn.made < before + 2 * Churn.HELD or len(refused) < 40:
                for who in ("root", "member"):
                    with self.machine.connect(who) as peer:
                        refused.append(self.ask(peer, "ListJobs").error)
        self.assertEqual(set(refused), {None})


    def test_more_strangers_than_places(self):
        """On connections of one user who calls on all of them at once, nearly as many as the bus lets him have. It costs
        him some of his calls, and nobody else one."""
        crowd = [self.connect("nobody") for _ in range(MANY_CONNECTIONS)]
        other = self.connect("member")
        self.machine.signal("gangwayd", signal.SIGSTOP)
        calls = [(peer, self.send(peer, "Ping", interface=PEER)) for peer in crowd[::2]]
        serial = self.send(other, "ListJobs")
        calls += [(peer, self.send(peer, "Ping", interface=PEER)) for peer in crowd[1::2]]
        for peer in crowd:
            peer.bus("GetId")  # the bus has passed on what this one called
        self.machine.signal("gangwayd", signal.SIGCONT)
        self.assertIsNone(other.answer(serial).error)
        self.assertLessEqual({peer.answer(serial).error for peer, serial in calls}, {None, LIMITS})


class Questions(Case):
    """Those that wait for polkit."""

    def test_bounded_and_taken_back(self):
        with FakePolkit(self.machine) as polkit:
            crowd = self.connect("member")
            serials = [self.send(crowd, "ListJobs") for _ in range(100)]
            refused = [crowd.answer(serial) for serial in serials[WAITING_EACH:]]
            self.assertEqual({(a.error, "Too many of your calls wait" in a.text) for a in refused}, {(LIMITS, True)})
            second = self.connect("member")
            self.assertEqual(self.ask(second, "ListJobs").error, LIMITS, "a second connection gains nothing")
            first = [polkit.question() for _ in range(ASKED_EACH)]

            other = self.connect("other-member")
            serial = self.send(other, "ListJobs")
            question = polkit.question()
            self.assertEqual(question.sender, other.name, "four of a user are asked at a time")
            polkit.say(question, True)
            self.assertIsNone(other.answer(serial).error)
            self.assertIsNone(self.ask(self.connect("root"), "ListJobs").error)

            polkit.say(first.pop(0), True)
            self.assertIsNone(crowd.answer(serials[0]).error)
            first.append(polkit.question())
            crowd.close()
            self.assertEqual({polkit.taken_back() for _ in first}, {question.id for question in first})
            serial = self.send(second, "ListJobs")
            polkit.say(polkit.question(), True)
            self.assertIsNone(second.answer(serial).error)

    def test_large_calls_that_wait(self):
        """One list of a user, whatever else of him waits; it keeps nobody else's out."""
        with FakePolkit(self.machine) as polkit:
            one, two, other = self.connect("member"), self.connect("member"), self.connect("other-member")
            first = self.send(one, "LoadRevocationList", "ay", [LIST])
            question = polkit.question()
            answer = self.ask(two, "LoadRevocationList", "ay", [LIST])
            self.assertEqual((answer.error, "Too many of your calls wait" in answer.text), (LIMITS, True))
            second = self.send(two, "ListJobs")
            polkit.say(polkit.question(), True)
            self.assertIsNone(two.answer(second).error)
            third = self.send(other, "LoadRevocationList", "ay", [LIST])
            polkit.say(polkit.question(), True)
            self.assertEqual(other.answer(third).error, NO_REGISTRAR)
            self.assertEqual(self.ask(self.connect("root"), "LoadRevocationList", "ay", [LIST]).error, NO_REGISTRAR)
            polkit.say(question, True)
            self.assertEqual(one.answer(first).error, NO_REGISTRAR)

    def test_all_are_answered_in_the_end(self):
        with FakePolkit(self.machine) as polkit:
            peers = [self.connect("member"), self.connect("member")]
            serials = [(peer, self.send(peer, "ListJobs")) for peer in peers for _ in range(20)]
            for i in range(len(serials)):
                polkit.say(polkit.question(), i % 2)
            errors = [peer.answer(serial).error for peer, serial in serials]
            self.assertEqual((errors.count(None), errors.count(DENIED)), (20, 20))

    def test_passwords_that_nobody_types(self):
        """The bus lets the agent wait for 128 answers: a few users with windows for passwords must not use them up."""
        with FakePolkit(self.machine) as polkit:
            for who in ("member", "other-member", "technician"):
                peer = self.connect(who)
                for _ in range(WAITING_EACH):
                    self.send(peer, "ListJobs", flags=dbus.INTERACTIVE)
                for _ in range(ASKED_EACH):
                    self.assertEqual(polkit.question().sender, peer.name)
            peer = self.connect("nobody")
            serial = self.send(peer, "ListJobs")
            polkit.say(polkit.question(), True)
            self.assertIsNone(peer.answer(serial).error)

    def test_in_line_in_vain(self):
        """No call waits in line for ever."""
        with FakePolkit(self.machine) as polkit:
            busy, peer = self.connect("member"), self.connect("member")
            for _ in range(ASKED_EACH):
                self.send(busy, "ListJobs", flags=dbus.INTERACTIVE)
                polkit.question()
            answer = self.ask(peer, "ListJobs")
            self.assertEqual((answer.error, "too many questions" in answer.text), (LIMITS, True))


if __name__ == "__main__":
    why_not = machine.enter()
    if why_not:
        print(f"SKIP test_crowds: {why_not}", file=sys.stderr)
        sys.exit(SKIP)
    unittest.main(verbosity=2)
