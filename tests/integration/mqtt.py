# SPDX-License-Identifier: GPL-2.0-or-later
"""As much of an MQTT 3.1.1 client as the tests need to play the cloud, or an intruder: TLS with a client
certificate, QoS 1. It reads only while it waits for something."""
import collections
import socket
import ssl
import struct
import time

import patience

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP = 1, 2, 3, 4, 8, 9, 12, 13

Publication = collections.namedtuple("Publication", "topic body retain")


class Refused(Exception):
    """The broker said no."""


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("!H", len(data)) + data


class Reader:
    """Cuts what comes on a socket into packets."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def _take(self):
        """A whole packet out of the buffer, or None."""
        length = 0
        for i, digit in enumerate(self.buffer[1:5]):
            length |= (digit & 127) << 7 * i
            if not digit & 128:
                end = 2 + i + length
                if len(self.buffer) < end:
                    return None
                packet = self.buffer[0], self.buffer[2 + i:end]
                self.buffer = self.buffer[end:]
                return packet
        return None

    def packet(self, deadline):
        while (packet := self._take()) is None:
            self.sock.settimeout(max(deadline - time.monotonic(), 0.001))
            more = self.sock.recv(65536)
            if not more:
                raise ConnectionError("the other end hung up")
            self.buffer += more
        return packet


class Client:
    def __init__(self, pki, port, name, client_id=None, will=None):
        context = ssl.create_default_context(cafile=pki.path("ca.crt"))
        context.load_cert_chain(pki.path(f"{name}.crt"), pki.path(f"{name}.key"))
        plain = socket.create_connection(("127.0.0.1", port), patience.NEVER_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = context.wrap_socket(plain, server_hostname="localhost")
        self.reader = Reader(self.sock)
        self.mid = 0
        self.set_aside = []  # publications that nobody expected yet
        self._connect(client_id or name, will)

    def _connect(self, client_id, will):
        flags, payload = 0x02, text(client_id)
        if will:
            flags |= 0x04 | 0x08 | 0x20
            payload += text(will[0]) + text(will[1])
        self._send(CONNECT << 4, text("MQTT") + bytes([4, flags, 0, 0]) + payload)
        code = self._reply(CONNACK)[1]
        if code:
            raise Refused(f"CONNACK {code}")

    def _send(self, first, body):
        length, head = len(body), bytearray([first])
        while True:
            length, digit = length >> 7, length & 127
            head.append(digit | (128 if length else 0))
            if not length:
                break
        self.sock.sendall(bytes(head) + body)

    def _take_publication(self, first, body):
        n = struct.unpack_from("!H", body)[0]
        topic, rest = body[2:2 + n].decode(), body[2 + n:]
        if first & 0x06:
            self._send(PUBACK << 4, rest[:2])
            rest = rest[2:]
        return Publication(topic, rest, bool(first & 1))

    def _reply(self, kind):
        deadline = time.monotonic() + patience.NEVER_S
        while True:
            first, body = self.reader.packet(deadline)
            if first >> 4 == kind:
                return body
            self.set_aside.append(self._take_publication(first, body))

    def _next_mid(self):
        self.mid = self.mid % 65535 + 1
        return struct.pack("!H", self.mid)

    def subscribe(self, topic):
        self._send(SUBSCRIBE << 4 | 2, self._next_mid() + text(topic) + b"\1")
        if self._reply(SUBACK)[2] == 0x80:
            raise Refused(f"subscription to {topic}")

    def publish(self, topic, body, retain=False):
        self._send(PUBLISH << 4 | 2 | retain, text(topic) + self._next_mid() +
                   (body if isinstance(body, bytes) else body.encode()))
        self._reply(PUBACK)

    def publish_many(self, topic, bodies):
        """Without waiting for one acknowledgement before the next publication."""
        for body in bodies:
            self._send(PUBLISH << 4 | 2, text(topic) + self._next_mid() + body.encode())
        for _ in bodies:
            self._reply(PUBACK)

    def ping(self):
        self._send(PINGREQ << 4, b"")
        self._reply(PINGRESP)

    def expect(self, topic, wanted=lambda p: True, limit=patience.NEVER_S):
        """The first publication on this topic that is wanted; others keep for later. TimeoutError: none came."""
        for p in self.set_aside:
            if p.topic == topic and wanted(p):
                self.set_aside.remove(p)
                return p
        deadline = time.monotonic() + limit
        while True:
            first, body = self.reader.packet(deadline)
            p = self._take_publication(first, body)
            if p.topic == topic and wanted(p):
                return p
            self.set_aside.append(p)

    def close(self):
        """Cuts the connection: the broker publishes the will."""
        self.sock.close()
