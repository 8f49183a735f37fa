#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""names NAME ADDRESS: a name server that knows one name."""
import socket
import struct
import sys

A, NXDOMAIN = 1, 3


def main():
    name, address = sys.argv[1].encode(), socket.inet_aton(sys.argv[2])
    wanted = b"".join(bytes([len(part)]) + part for part in name.split(b".")) + b"\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("0.0.0.0", 53))
        while True:
            query, peer = sock.recvfrom(512)
            end = query.index(b"\0", 12) + 5
            question, (kind,) = query[12:end], struct.unpack("!H", query[end - 4:end - 2])
            known = question[:-4].lower() == wanted
            answer = b"\xc0\x0c" + struct.pack("!HHIH", A, 1, 60, 4) + address if known and kind == A else b""
            flags = 0x8580 | (0 if known else NXDOMAIN)
            sock.sendto(query[:2] + struct.pack("!HHHHH", flags, 1, bool(answer), 0, 0) + question + answer,
                        peer)


if __name__ == "__main__":
    main()
