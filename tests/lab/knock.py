#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""knock HOST PORT: whether a DTLS server answers there. It is asked no more than its first question:
a ClientHello, to which a HelloVerifyRequest (RFC 6347 4.2.1) comes back and nothing is remembered."""
import os
import socket
import struct
import sys

DTLS_1_2 = b"\xfe\xfd"
HANDSHAKE, CLIENT_HELLO, HELLO_VERIFY_REQUEST = 22, 1, 3
SUITES = (0xccac, 0xc0ae)  # ECDHE-PSK-CHACHA20-POLY1305, ECDHE-ECDSA-AES128-CCM8
EXTENSIONS = ((10, b"\0\x04\0\x1d\0\x17"), (11, b"\1\0"), (13, b"\0\x02\4\3"), (23, b""))


def client_hello():
    suites = b"".join(struct.pack("!H", s) for s in SUITES)
    extensions = b"".join(struct.pack("!HH", n, len(v)) + v for n, v in EXTENSIONS)
    body = (DTLS_1_2 + os.urandom(32) + b"\0\0" + struct.pack("!H", len(suites)) + suites + b"\1\0" +
            struct.pack("!H", len(extensions)) + extensions)
    length = len(body).to_bytes(3, "big")
    message = bytes([CLIENT_HELLO]) + length + b"\0\0" + b"\0\0\0" + length + body
    return bytes([HANDSHAKE]) + DTLS_1_2 + bytes(8) + struct.pack("!H", len(message)) + message


def is_answered(host, port, timeout=1):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        try:
            sock.connect((host, port))
            sock.send(client_hello())
            reply = sock.recv(2048)
        except OSError:
            return False
    return len(reply) > 13 and reply[0] == HANDSHAKE and reply[13] == HELLO_VERIFY_REQUEST


if __name__ == "__main__":
    sys.exit(0 if is_answered(sys.argv[1], int(sys.argv[2])) else 1)
