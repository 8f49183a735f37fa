# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks for secrets in the memory of processes, and in files, in every form that our programs know them
in: raw, on a label, in hex and base64 (for D-Bus, JSON, the link), and mixed into the pads of an HMAC,
which is how TLS keys its derivation by a pre-shared key."""
import base64
import pathlib
import re

import label

CHUNK = 1 << 24
PAGE = 1 << 12
PART = 8  # bytes: what is left of a secret is found from 15 bytes on
MAPPING = re.compile(r"^([0-9a-f]+-.*)\n(?:\w.*\n)*?Anonymous: +(\d+) kB\n(?:\w.*\n)*?Swap: +(\d+) kB", re.M)


def forms(secret):
    """What to look for, by name."""
    return {
        "raw": secret,
        "label": label.base32(secret).encode(),
        "hex": secret.hex().encode(),
        "HEX": secret.hex().upper().encode(),
        # The last digits depend on what follows.
        "base64": base64.b64encode(secret)[:len(secret) * 4 // 3],
        "base64url": base64.urlsafe_b64encode(secret)[:len(secret) * 4 // 3],
        "inner pad": bytes(byte ^ 0x36 for byte in secret),
        "outer pad": bytes(byte ^ 0x5c for byte in secret),
    }


def needles(secrets):
    """Pairs of a name and what to look for: parts, since an allocator writes over what was freed."""
    for name, secret in secrets.items():
        for form, text in forms(secret).items():
            for at in range(0, len(text) - PART + 1, PART):
                yield f"{name} ({form}, from {at} on)", text[at:at + PART]


def mappings(pid):
    """Start, end and name of what the process has written to, or shares; the rest is as its file is."""
    text = pathlib.Path(f"/proc/{pid}/smaps").read_text()
    for first, written, swapped in MAPPING.findall(text):
        span, mode, _, _, _, *name = first.split(maxsplit=5)
        if mode[0] == "r" and (mode[3] == "s" or written != "0" or swapped != "0"):
            start, end = (int(number, 16) for number in span.split("-"))
            yield start, end, (name or ["anonymous"])[0]


def read(file, start, length):
    """What lies behind the end of a mapped file cannot be read: it counts as zeroes."""
    file.seek(start)
    try:
        return file.read(length)
    except OSError:
        if length <= PAGE:
            return bytes(length)
    return b"".join(read(file, at, PAGE) for at in range(start, start + length, PAGE))


def pieces(file, start, end, overlap):
    """The bytes from start to end, so that nothing of up to `overlap` bytes is torn apart."""
    while start < end:
        piece = read(file, start, min(CHUNK, end - start))
        yield start, piece
        if start + len(piece) >= end:
            return
        start += len(piece) - overlap


def in_process(pid, secrets):
    """Every place in its memory where (a part of) one of the secrets stands; they are given by name."""
    wanted = list(needles(secrets))
    found = set()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end, mapping in mappings(pid):
            for at, piece in pieces(memory, start, end, PART):
                found |= {f"{what} at {at + place:#x} in {mapping}" for what, needle in wanted
                          for place in places(piece, needle)}
    return sorted(found)


def in_bytes(text, secrets):
    return [f"{what} at {place}" for what, needle in needles(secrets) for place in places(text, needle)]


def in_file(path, secrets):
    return [f"{place} of {path}" for place in in_bytes(path.read_bytes(), secrets)]


def places(text, needle):
    at = text.find(needle)
    while at >= 0:
        yield at
        at = text.find(needle, at + 1)
