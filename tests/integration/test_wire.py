#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests' own tables of the link say the same as the product's, and the codec keeps to them."""
import pathlib
import re
import socket
import tempfile
import unittest

import wire

LIB = pathlib.Path(__file__).resolve().parents[2] / "lib"

# Kinds of lib/wire.c that differ in their limits only.
SAME_BYTES = {"BOOL": "U8", "LINES": "TEXT", "HASH": "BLOB", "BYTES": "BLOB"}


def product_tables():
    """The tables of lib/wire.[ch] in the form of wire.MESSAGES."""
    numbers = re.findall(r"X\((0x[0-9a-f]+), [A-Z_]+, ([a-z_]+)\)", (LIB / "wire.h").read_text())
    source = (LIB / "wire.c").read_text()
    tables = {}
    for number, name in numbers:
        body = re.search(rf"field {name}_fields\[\] = {{(.*?)}};", source, re.S).group(1)
        fields = re.findall(rf"(\w+)\({name}, (\w+)", body)
        tables[name] = (int(number, 16), [(f, SAME_BYTES.get(k, k)) for k, f in fields])
    return tables


class Wire(unittest.TestCase):
    def test_tables_are_the_product_s(self):
        self.assertEqual(wire.MESSAGES, product_tables())

    def test_enumerations_are_the_product_s(self):
        header = (LIB / "wire.h").read_text()
        for prefix, ours in (("CHANNEL", "CHANNEL_"), ("PROOF", "PROOF_"), ("OUTCOME", ""), ("CLOUD", ""),
                             ("REQUEST", "REQUEST_"), ("COMMAND", "COMMAND_"), ("ANCHORS", "ANCHORS_")):
            body = re.search(rf"enum gw_\w+ {{((?:(?!enum).)*?)_GW_{prefix}_MAX,", header, re.S).group(1)
            names = re.findall(rf"GW_{prefix}_(\w+),", body)
            self.assertEqual([getattr(wire, ours + name) for name in names], list(range(len(names))))

    def test_round_trip(self):
        example = {"U8": 1, "U16": 2, "U32": 3, "U64": 1 << 63, "TEXT": "text", "BLOB": b"\0blob"}
        for name, (_, fields) in wire.MESSAGES.items():
            values = {field: example[kind] for field, kind in fields}
            data = wire.encode(name, **values)
            message = wire.decode(data)
            for field, value in values.items():
                self.assertEqual(getattr(message, field), value)
            for end in range(len(data)):
                with self.assertRaises((ValueError, wire.struct.error)):
                    wire.decode(data[:end])
            with self.assertRaises(ValueError):
                wire.decode(data + b"\0")

    def test_descriptor(self):
        a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with a, b, tempfile.TemporaryFile() as file:
            file.write(b"anchors")
            file.flush()
            wire.send(a, "anchors", fd=file.fileno(), purpose=wire.ANCHORS_REGISTRAR)
            message = wire.receive(b)
            self.assertEqual((message.type, message.purpose), ("anchors", wire.ANCHORS_REGISTRAR))
            with open(message.fd, "rb") as copy:
                copy.seek(0)
                self.assertEqual(copy.read(), b"anchors")
            a.close()
            self.assertIsNone(wire.receive(b))

    def test_unknown_field(self):
        with self.assertRaises(TypeError):
            wire.encode("offer", agian=1)


if __name__ == "__main__":
    unittest.main()
