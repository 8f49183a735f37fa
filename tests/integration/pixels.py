# SPDX-License-Identifier: GPL-2.0-or-later
"""Pictures out of text: drawings in `##` and blanks, two characters a module, as grey PNG files."""
import struct
import zlib


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png(path, rows):
    """rows: equally long byte strings, one byte of grey a pixel."""
    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b""))


def from_drawing(text, scale=6):
    """The rows of pixels of one drawing; ends at its first empty line."""
    rows = []
    for line in text.splitlines():
        if not line:
            break
        row = b"".join((b"\0" if line[i] == "#" else b"\xff") * scale for i in range(0, len(line), 2))
        rows += [row] * scale
    return rows


def side_by_side(*pictures, gap=40):
    """White is filled in below the shorter ones and between them."""
    height = max(len(rows) for rows in pictures)
    filled = [rows + [b"\xff" * len(rows[0])] * (height - len(rows)) for rows in pictures]
    return [(b"\xff" * gap).join(parts) for parts in zip(*filled)]
