# SPDX-License-Identifier: GPL-2.0-or-later
"""What gangway-mqtt keeps in its folder, read from its cells (plugins/mqtt/cell.c, plugins/mqtt/slots.c)."""
import hashlib
import re
import struct
import subprocess

SLOTS = ("a", "b")
CELLS = ("a", "anchor-in-use", "anchors", "b", "live")
HEADER = 56  # bytes before a cell's contents


def read(folder, name):
    """What is kept under that name; empty: nothing."""
    newest = (0, b"")
    for turn in (0, 1):
        path = folder / f"{name}.{turn}"
        data = path.read_bytes() if path.exists() else b""
        magic, sequence, length = struct.unpack_from("<8sQQ", data.ljust(HEADER, b"\0"))
        contents = data[HEADER:HEADER + length]
        if magic == b"gwcell1\0" and data[24:HEADER] == hashlib.sha256(data[:24] + contents).digest():
            newest = max(newest, (sequence, contents))
    return newest[1]


def filled(folder):
    """The names that something is kept under."""
    return [name for name in CELLS if read(folder, name)]


def anchors(folder):
    """The list of the broker's that the cloud sent last: the number of the command that brought it, and the certificates."""
    head, _, certificates = read(folder, "anchors").partition(b"\n")
    return int(re.fullmatch(rb"gangway anchors 1, of command (\d+)", head)[1]), certificates


def live_slot(folder):
    """None: neither."""
    found = re.search(r"^live (.)$", read(folder, "live").decode(), re.M)
    return found and found[1]


def live_serial(folder):
    """Of the certificate in the slot that is live; None: there is none, or it is just being changed."""
    slot = live_slot(folder)
    pair = read(folder, slot) if slot else b""
    if b"CERTIFICATE" not in pair:
        return None
    said = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=pair, check=True, capture_output=True).stdout
    return said.decode().strip().partition("=")[2].lower()
