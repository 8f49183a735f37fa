# SPDX-License-Identifier: GPL-2.0-or-later
"""The bad network does what it says, and the same again with the same seed."""
import contextlib
import socket
import unittest

import lab
import network
from network import DOWN, UP, Trouble


def bound():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


def heard(sock):
    """(datagram, from where) of all that has come."""
    all_of_it = []
    with contextlib.suppress(BlockingIOError):
        while True:
            all_of_it.append(sock.recvfrom(65536))
    return all_of_it


class NetworkTest(unittest.TestCase):
    def setUp(self):
        self.gateway, self.device = (self.enterContext(bound()) for _ in range(2))

    @contextlib.contextmanager
    def through(self, seed=7, **trouble):
        port = self.gateway.getsockname()[1]
        with network.Network(f"coaps://127.0.0.1:{port}", Trouble(**trouble), seed) as bad:
            yield bad

    def settle(self, bad, n_before, n_sent):
        lab.wait_for("all has come out", lambda: bad.n_settled == n_before + n_sent)

    def send(self, bad, datagrams, device=None):
        before = bad.n_settled
        for datagram in datagrams:
            (device or self.device).sendto(datagram, bad.front.getsockname())
        self.settle(bad, before, len(datagrams))

    def reply(self, bad, datagram, nat, is_known=True):
        before = bad.n_settled
        self.gateway.sendto(datagram, nat)
        self.settle(bad, before, is_known)

    def travel(self, n=100, **how):
        """What arrives of so many, in order."""
        with self.through(**how) as bad:
            self.send(bad, [b"datagram %d" % i for i in range(n)])
            return [data for data, _ in heard(self.gateway)]

    def test_there_and_back(self):
        with self.through() as bad:
            self.send(bad, [b"ping"])
            [(data, nat)] = heard(self.gateway)
            self.reply(bad, b"pong", nat)
            self.assertEqual(data, b"ping")
            self.assertEqual(heard(self.device), [(b"pong", bad.front.getsockname())])

    def test_by_the_seed(self):
        for trouble in ({"loss": 0.3}, {"twice": 0.5}, {"damage": 0.5}, {"cut": 0.5}):
            with self.subTest(trouble):
                first = self.travel(**trouble)
                self.assertNotEqual(first, [b"datagram %d" % i for i in range(100)])
                self.assertEqual(self.travel(**trouble), first)
                self.assertNotEqual(self.travel(seed=8, **trouble), first)

    def test_loss(self):
        self.assertEqual(self.travel(loss=1), [])
        self.assertIn(len(self.travel(loss=0.3)), range(55, 86))

    def test_twice(self):
        arrived = self.travel(twice=1)
        self.assertEqual(len(arrived), 200)
        self.assertEqual(len(set(arrived)), 100)

    def test_overtaking(self):
        arrived = self.travel(delay_s=(0, 0.1))
        self.assertNotEqual(arrived, sorted(arrived, key=lambda d: int(d.split()[1])))
        self.assertEqual(len(set(arrived)), 100)

    def test_large_ones(self):
        with self.through(mtu=100) as bad:
            self.send(bad, [b"x" * 101, b"y" * 100])
            self.assertEqual([data for data, _ in heard(self.gateway)], [b"y" * 100])

    def test_dark(self):
        self.assertEqual(self.travel(5, dark=((UP, 2, 3), (DOWN, 1, 5))),
                         [b"datagram 0", b"datagram 3", b"datagram 4"])

    def test_rebind(self):
        with self.through(rebind=(3,)) as bad:
            ports = []
            for n in range(4):
                self.send(bad, [b"%d" % n])
                ports += [nat for _, nat in heard(self.gateway)]
            self.assertEqual((ports[0], ports[2]), (ports[1], ports[3]))
            self.assertNotEqual(ports[1], ports[2])
            for port in ports[1:3]:
                self.reply(bad, b"to %d" % port[1], port, is_known=port == ports[2])
            self.assertEqual([data for data, _ in heard(self.device)], [b"to %d" % ports[2][1]])

    def test_one_port(self):
        for shared in (False, True):
            with self.through(one_port=shared) as bad, bound() as other:
                ports = []
                for device in (self.device, other):
                    self.send(bad, [b"it is me"], device)
                    ports += [nat for _, nat in heard(self.gateway)]
                self.assertEqual(ports[0] == ports[1], shared)
                self.reply(bad, b"who?", ports[0])
                self.assertEqual(len(heard(other)), shared)
                self.assertEqual(len(heard(self.device)), not shared)
