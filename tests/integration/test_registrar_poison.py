#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One bad datagram blocks nobody: not those who come after it, not the client in whose name it comes, wherever
that client is on its way. Nor is any datagram from nowhere worth an answer longer than itself."""
import os
import select
import socket

import datagrams as d
import patience
import registrar

RANDOM = os.urandom(32)  # of nobody's ClientHello
SUITES = {
    "CCM8": ["-cipher", "PSK-AES128-CCM8"],
    "CHACHA20": ["-cipher", "ECDHE-PSK-CHACHA20-POLY1305"],
    "CBC": ["-cipher", "ECDHE-PSK-AES128-CBC-SHA256"],
    "CBC, MAC first": ["-cipher", "ECDHE-PSK-AES128-CBC-SHA256", "-no_etm"],
}


def hello(cookie=b"", extensions=None, **how):
    return d.handshake(d.CLIENT_HELLO, d.client_hello(RANDOM, cookie, extensions=extensions), **how)


def fragments(size):
    """A ClientHello in pieces, each a datagram, all of them of one message."""
    body = d.client_hello(RANDOM)
    return [d.record(d.HANDSHAKE, d.handshake(d.CLIENT_HELLO, body, offset=at, fragment=size), sequence=n)
            for n, at in enumerate(range(0, len(body), size))]


def numbers():
    """What is well-formed, under a number that a session must not take for where it is."""
    cases = {}
    for name, number in ("1000", 1000), ("2^48-2", 2**48 - 2):
        cases[f"record number {name}"] = [d.record(d.HANDSHAKE, hello(), sequence=number)]
        cases[f"change of keys, number {name}"] = [d.record(d.CHANGE_CIPHER_SPEC, b"\1", sequence=number)]
        cases[f"encrypted, number {name}"] = [d.record(d.APPLICATION_DATA, os.urandom(64), epoch=1,
                                                       sequence=number)]
    cases["message number 65535"] = [d.record(d.HANDSHAKE, hello(sequence=65535))]
    cases["message number 1"] = [d.record(d.HANDSHAKE, hello(sequence=1))]
    cases["key exchange, number 65535"] = [d.record(d.HANDSHAKE, d.handshake(
        d.CLIENT_KEY_EXCHANGE, b"\0\1x", 65535))]
    cases["300 messages to come"] = [d.record(d.HANDSHAKE, d.handshake(d.CLIENT_KEY_EXCHANGE, b"\0\1x", n))
                                     for n in range(5, 305)]
    return cases


def lengths():
    good = d.record(d.HANDSHAKE, hello())
    cases = {
        "empty": [b""],
        "one byte": [good[:1]],
        "two bytes": [good[:2]],
        "header only": [good[:13]],
        "claims 16384 bytes": [d.record(d.HANDSHAKE, hello(), length=16384)],
        "claims 65535 bytes": [d.record(d.HANDSHAKE, hello(), length=65535)],
        "claims one byte more": [d.record(d.HANDSHAKE, hello(), length=len(hello()) + 1)],
        "claims one byte less": [d.record(d.HANDSHAKE, hello(), length=len(hello()) - 1)],
        "claims nothing": [d.record(d.HANDSHAKE, hello(), length=0)],
        "data claims 16384 bytes": [d.record(d.APPLICATION_DATA, b"x" * 64, epoch=1, length=16384)],
        "8 kilobytes": [d.record(d.HANDSHAKE, os.urandom(8000))],
        "60 kilobytes": [os.urandom(60000)],
        "cut everywhere": [good[:n] for n in range(len(good))],
        "garbled everywhere": [good[:n] + bytes([good[n] ^ mask]) + good[n + 1:]
                               for n in range(len(good)) for mask in (1, 0xff)],
    }
    for epoch in (0, 1):
        for kind in (d.CHANGE_CIPHER_SPEC, d.ALERT, d.HANDSHAKE, d.APPLICATION_DATA):
            cases[f"epoch {epoch}, type {kind}, all lengths"] = [
                d.record(kind, os.urandom(n), epoch=epoch, sequence=n) for n in range(100)]
    return cases


def kinds():
    return {
        "alert": [d.record(d.ALERT, b"\2\50")],
        "close notify": [d.record(d.ALERT, b"\1\0")],
        "application data": [d.record(d.APPLICATION_DATA, b"hello")],
        "garbage": [os.urandom(200)],
        "change of keys": [d.record(d.CHANGE_CIPHER_SPEC, b"\1")],
        "change of keys, of version 1.0": [d.record(d.CHANGE_CIPHER_SPEC, b"\1", version=0xfeff)],
        "change of keys to 2": [d.record(d.CHANGE_CIPHER_SPEC, b"\2")],
        "data of version 1.0": [d.record(d.APPLICATION_DATA, os.urandom(64), 1, version=0xfeff)],
        "epoch 1": [d.record(d.HANDSHAKE, hello(), epoch=1)],
        "epoch 65535": [d.record(d.HANDSHAKE, hello(), epoch=65535)],
        "server's messages": [d.record(d.HANDSHAKE, d.handshake(kind, os.urandom(40), number))
                              for kind in (0, d.SERVER_HELLO, d.HELLO_VERIFY_REQUEST, 12, d.SERVER_HELLO_DONE)
                              for number in range(4)],
        "Finished in clear": [d.record(d.HANDSHAKE, d.handshake(20, os.urandom(12), n)) for n in range(5)],
    }


def hellos():
    good = d.record(d.HANDSHAKE, hello())
    return {
        "hello": [good],
        "hello twice": [good, good],
        "empty extensions": [d.record(d.HANDSHAKE, hello(extensions=b""))],
        "odd extensions": [d.record(d.HANDSHAKE, hello(extensions=b"\0"))],
        "wrong cookie": [d.record(d.HANDSHAKE, hello(os.urandom(32), sequence=1))],
        "long cookie": [d.record(d.HANDSHAKE, hello(os.urandom(255), sequence=1))],
        "first fragment": fragments(20)[:1],
        "second fragment": fragments(20)[1:2],
        "all fragments": fragments(20),
        "fragments backwards": fragments(20)[::-1],
        "fragments of one byte": fragments(1),
        "empty fragment": [d.record(d.HANDSHAKE, hello(fragment=0))],
        "hello and alert": [good + d.record(d.ALERT, b"\2\50")],
        "alert and hello": [d.record(d.ALERT, b"\2\50") + good],
        "two hellos": [good + good],
        "two hellos in a record": [d.record(d.HANDSHAKE, hello() + hello())],
        "change of keys and hello": [d.record(d.CHANGE_CIPHER_SPEC, b"\1") + good],
        "encrypted and alert": [d.record(d.HANDSHAKE, os.urandom(40), epoch=1) + d.record(d.ALERT, b"\2\50")],
        "half a record behind": [good + good[:20]],
    }


POISON = {**numbers(), **lengths(), **kinds(), **hellos()}


class Strangers(registrar.RegistrarCase):
    """The server is served all of it, and after each dish serves somebody."""

    def each(self, make):
        """make(client, dish): has the dish served."""
        self.begin()
        for name, dish in POISON.items():
            with self.subTest(name):
                client = d.RawClient(self.port())
                make(client, dish)
                self.assertEqual(d.messages(client.hello())[0], d.SERVER_HELLO)
                client.close()

    def test_from_elsewhere(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            def serve(_, dish):
                for datagram in dish:
                    stranger.sendto(datagram, ("127.0.0.1", self.port()))
            self.each(serve)

    def test_from_the_same_port(self):
        def serve(client, dish):
            for datagram in dish:
                client.put(datagram)
            client.drain()
        self.each(serve)

    def test_answers_are_shorter(self):
        self.begin()
        for name, dish in POISON.items():
            with self.subTest(name):
                client = d.RawClient(self.port())
                asked, answered = 0, 0
                for datagram in dish:
                    client.put(datagram)
                    asked += len(datagram)
                answered = sum(len(answer) for answer in client.drain())
                self.assertLessEqual(answered, asked)
                client.close()


class Peers(registrar.RegistrarCase):
    """It comes in a client's name, from its address and port."""

    with_certificates = True

    def test_around_each_datagram(self):
        """All the way from the hello that lets it in to its request, of two clients. (Before that hello we know
        nobody, and who answers foreign hellos answers them all: a challenge for another may reach the client,
        as it may from anywhere.)"""
        self.begin()
        for client in registrar.COAP_CLIENTS:
            for name, dish in POISON.items():
                with self.subTest(f"{client}: {name}"):
                    relay = d.Relay(self.port(), client=lambda passing, bad=dish: self.serve(passing, bad))
                    self.assertIn("ace.est", self.coap(client, ".well-known/core", port=relay.port))
                    relay.close()

    def test_around_each_datagram_with_certificate(self):
        """The same, with more of the handshake in clear."""
        self.begin()
        key, certificate = self.agent.authority.device("ACME-1")
        for n, (name, dish) in enumerate({**numbers(), **kinds(), **hellos()}.items(), 1):
            with self.subTest(name):
                relay = d.Relay(self.port(), client=lambda passing, bad=dish: self.serve(passing, bad))
                self.s_client("-key", str(key), "-cert", str(certificate), port=relay.port)
                self.agent.wait("peer", count=n)
                relay.close()

    @staticmethod
    def serve(passing, dish):
        if d.messages(passing) == [d.CLIENT_HELLO]:
            return [passing, *dish] if passing[60] else [passing]  # byte 60: how long its cookie is
        return [*dish, passing]

    def test_established(self):
        """The session goes on, with every suite."""
        self.begin()
        for suite, options in SUITES.items():
            session = Session(self, options)
            for name, dish in POISON.items():
                with self.subTest(f"{suite}: {name}"):
                    self.assertTrue(session.is_alive(dish))
            session.close()

    def test_just_established(self):
        """While what is in clear still reaches the session, to have its last flight repeated."""
        self.begin()
        for name, dish in POISON.items():
            with self.subTest(name):
                session = Session(self, SUITES["CBC, MAC first"])
                self.assertTrue(session.is_alive(dish))
                session.close()


class Session:
    """An openssl s_client behind a relay, which can exchange CoAP pings. (It waits for input with -nbio only:
    else it waits for the rest of whatever has woken it up.)"""

    def __init__(self, case, options):
        self.relay = d.Relay(case.port())
        self.process = case.s_client(*case.psk(), *options, "-quiet", "-nbio", port=self.relay.port,
                                     wait=False)
        case.peers = getattr(case, "peers", 0) + 1
        case.agent.wait("peer", count=case.peers)

    def is_alive(self, dish):
        """Still, after somebody has sent these datagrams in its name."""
        for datagram in dish:
            self.relay.inject(datagram)
        ping = b"\x40\0" + os.urandom(2)
        self.process.stdin.write(ping)
        self.process.stdin.flush()
        answer = b""
        while b"\x70" + ping[1:] not in answer:
            more = select.select([self.process.stdout], [], [], patience.NEVER_S)[0] and os.read(
                self.process.stdout.fileno(), 4096)
            if not more:
                return False
            answer += more
        return True

    def close(self):
        self.process.kill()
        self.process.communicate()
        self.relay.close()


if __name__ == "__main__":
    registrar.main()
