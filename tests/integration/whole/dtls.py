# SPDX-License-Identifier: GPL-2.0-or-later
"""A DTLS 1.2 client that does its part of a PSK handshake once, byte for byte the same whatever the
secret is, and then only listens: what it hears, and when silence sets in, is all the gateway gives away.

It offers TLS_PSK_WITH_AES_128_CCM_8, and as its Finished it sends bytes that fit no key at all.
"""
import socket
import struct
import sys
import urllib.parse

import lab

sys.path.insert(0, str(lab.TOP / "tests" / "lab"))
import knock  # noqa: E402

PSK_CCM_8 = 0xc0a8
CLIENT_KEY_EXCHANGE = 16
CHANGE_CIPHER_SPEC, HANDSHAKE = 20, 22
FIXED_RANDOM = bytes(range(32))
GARBAGE = bytes(32)


def record(kind, epoch, number, payload):
    return (bytes([kind]) + knock.DTLS_1_2 + struct.pack("!HHI", epoch, 0, number) +
            struct.pack("!H", len(payload)) + payload)


def handshake(kind, number, body):
    length = len(body).to_bytes(3, "big")
    return bytes([kind]) + length + struct.pack("!H", number) + b"\0\0\0" + length + body


def client_hello(number, cookie=b""):
    extended_master_secret = struct.pack("!HH", 23, 0)
    body = (knock.DTLS_1_2 + FIXED_RANDOM + b"\0" + bytes([len(cookie)]) + cookie +
            struct.pack("!HH", 2, PSK_CCM_8) + b"\1\0" +
            struct.pack("!H", len(extended_master_secret)) + extended_master_secret)
    return handshake(knock.CLIENT_HELLO, number, body)


def sizes_heard(uri, identity, quiet_s):
    """The sizes of all that comes back to one such handshake, until nothing has come for quiet_s."""
    target = urllib.parse.urlsplit(uri)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((target.hostname, target.port))
        sock.settimeout(lab.NEVER_S)
        sock.send(record(HANDSHAKE, 0, 0, client_hello(0)))
        question = sock.recv(2048)
        cookie = question[13 + 12 + 3:]
        sock.send(record(HANDSHAKE, 0, 1, client_hello(1, cookie)))
        heard = [len(question), len(sock.recv(2048))]
        name = identity.encode()
        exchange = handshake(CLIENT_KEY_EXCHANGE, 2, struct.pack("!H", len(name)) + name)
        sock.send(record(HANDSHAKE, 0, 2, exchange) + record(CHANGE_CIPHER_SPEC, 0, 3, b"\1") +
                  record(HANDSHAKE, 1, 0, GARBAGE))
        sock.settimeout(quiet_s)
        try:
            while True:
                heard.append(len(sock.recv(2048)))
        except TimeoutError:
            return heard
