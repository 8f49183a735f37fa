# SPDX-License-Identifier: GPL-2.0-or-later
"""DTLS datagrams for tests: put together and taken apart by hand as far as they are in clear, and a relay
between a real client and a server that counts, holds back, shuffles and adds datagrams."""
import os
import select
import socket
import struct
import threading

import patience

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
CLIENT_HELLO, SERVER_HELLO, HELLO_VERIFY_REQUEST, SERVER_HELLO_DONE = 1, 2, 3, 14
CLIENT_KEY_EXCHANGE = 16

LAST = 77  # a handshake message's number that nobody else uses

PSK_AES128_CCM8 = 0xc0a8
ECDHE_ECDSA_AES128_CCM8 = 0xc0ae


def record(type_, payload, epoch=0, sequence=0, version=0xfefd, length=None):
    return struct.pack("!BHHHIH", type_, version, epoch, sequence >> 32, sequence & 0xffffffff,
                       len(payload) if length is None else length) + payload


def u24(value):
    return struct.pack("!I", value)[1:]


def handshake(type_, body, sequence=0, offset=0, fragment=None):
    part = body[offset:] if fragment is None else body[offset:offset + fragment]
    return (struct.pack("!B", type_) + u24(len(body)) + struct.pack("!H", sequence) + u24(offset) +
            u24(len(part)) + part)


def client_hello(random, cookie=b"", suites=(PSK_AES128_CCM8,), extensions=None, session=b"",
                 compression=b"\0"):
    body = b"\xfe\xfd" + random + bytes([len(session)]) + session + bytes([len(cookie)]) + cookie
    body += struct.pack("!H", 2 * len(suites)) + b"".join(struct.pack("!H", s) for s in suites)
    body += bytes([len(compression)]) + compression
    if extensions is not None:
        body += struct.pack("!H", len(extensions)) + extensions
    return body


def records(datagram):
    """(type, epoch, payload) of each record."""
    while datagram:
        type_, _, epoch, _, _, length = struct.unpack_from("!BHHHIH", datagram)
        yield type_, epoch, datagram[13:13 + length]
        datagram = datagram[13 + length:]


def messages(datagram):
    """Types of the handshake messages in clear."""
    types = []
    for type_, epoch, payload in records(datagram):
        while type_ == HANDSHAKE and epoch == 0 and payload:
            types.append(payload[0])
            payload = payload[12 + int.from_bytes(payload[9:12], "big"):]
    return types


class RawClient:
    """A PSK client up to where keys would be needed: it has none."""

    def __init__(self, server, source="127.0.0.1", port=0):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((source, port))
        self.sock.connect(("127.0.0.1", server))
        self.sock.settimeout(patience.NEVER_S)
        self.restart()

    def restart(self):
        """Forgets all, as a device does that was switched off, and what it was sent."""
        self.random = os.urandom(32)
        self.sequence = 0
        while not self.is_silent(0):
            self.sock.recv(4096)

    def close(self):
        self.sock.close()

    def put(self, datagram):
        self.sock.send(datagram)

    def put_record(self, type_, payload, **how):
        self.put(record(type_, payload, sequence=self.sequence, **how))
        self.sequence += 1

    def get(self):
        """The next datagram, other than an answer that drain() waited for no longer."""
        while self.is_last(datagram := self.sock.recv(4096)):
            pass
        return datagram

    def drain(self):
        """All that comes in answer to what was sent: until the server answers what it always answers."""
        last = record(HANDSHAKE, handshake(CLIENT_HELLO, client_hello(os.urandom(32)), sequence=LAST))
        answers = []
        self.put(last)
        while not answers or not self.is_last(answers[-1]):
            if self.is_silent():
                self.put(last)  # one of many is lost at times
            else:
                answers.append(self.sock.recv(4096))
        return answers[:-1]

    @staticmethod
    def is_last(answer):
        return answer[17:19] == struct.pack("!H", LAST)

    def is_silent(self, seconds=0.3):
        """Whether nothing comes. Only for what must never come: silence takes its time to see."""
        return not select.select([self.sock], [], [], seconds)[0]

    def hello(self, **how):
        """Sends a first ClientHello and the one with the cookie; returns the server's first datagram."""
        self.put_record(HANDSHAKE, handshake(CLIENT_HELLO, client_hello(self.random, **how)))
        challenge = self.get()
        while messages(challenge)[:1] == [SERVER_HELLO]:  # repeated, of a handshake that was given up
            challenge = self.get()
        if messages(challenge) != [HELLO_VERIFY_REQUEST]:
            raise AssertionError(f"no challenge but {challenge.hex()}")
        self.cookie = challenge[-32:]
        self.second_hello(**how)
        return self.get()

    def second_hello(self, **how):
        body = client_hello(self.random, cookie=self.cookie, **how)
        self.put_record(HANDSHAKE, handshake(CLIENT_HELLO, body, sequence=1))

    def key_exchange(self, identity):
        return struct.pack("!H", len(identity)) + identity

    def name(self, identity):
        """Sends the ClientKeyExchange, and a Finished that nobody can read."""
        self.put_record(HANDSHAKE, handshake(CLIENT_KEY_EXCHANGE, self.key_exchange(identity), 2))
        self.put_record(CHANGE_CIPHER_SPEC, b"\1")
        self.put(record(HANDSHAKE, os.urandom(40), epoch=1))


class Relay:
    """Stands between one client and a server. `client` and `server` see each datagram before it goes on
    from that side, and return the list of those that go on in its place. `source`: the client's address, as the
    server sees it."""

    def __init__(self, port, client=None, server=None, source="127.0.0.1"):
        self.inner = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.inner.bind((source, 0))
        self.inner.connect(("127.0.0.1", port))
        self.outer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.outer.bind(("127.0.0.1", 0))
        self.port = self.outer.getsockname()[1]
        self.filters = {self.outer: client, self.inner: server}
        self.from_client, self.from_server = [], []
        self.peer = None
        self.wake, self.woken = socket.socketpair()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def inject(self, datagram):
        """To the server, from the client's address."""
        self.inner.send(datagram)

    def close(self):
        self.wake.close()
        self.thread.join()
        for sock in (self.woken, self.inner, self.outer):
            sock.close()

    def _run(self):
        while True:
            ready, _, _ = select.select([self.outer, self.inner, self.woken], [], [])
            if self.woken in ready:
                return
            for sock in ready:
                try:
                    data, address = sock.recvfrom(65536)
                except OSError:
                    continue
                self._pass(sock, data, address)

    def _pass(self, sock, data, address):
        if sock is self.outer:
            self.peer = address
            self.from_client.append(data)
        else:
            self.from_server.append(data)
        change = self.filters[sock]
        for datagram in change(data) if change else [data]:
            if sock is self.outer:
                self.inner.send(datagram)
            elif self.peer:
                self.outer.sendto(datagram, self.peer)
