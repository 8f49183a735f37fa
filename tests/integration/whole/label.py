# SPDX-License-Identifier: GPL-2.0-or-later
"""Labels by the letter of doc/protocol/label.md, so that the tests need not believe gangwayctl."""

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def base32(data):
    """RFC 4648's cut of bits, Crockford's digits."""
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    return "".join(ALPHABET[int(bits[i:i + 5], 2)] for i in range(0, len(bits), 5))


def crc(text):
    """CRC-16/CCITT-FALSE."""
    value = 0xffff
    for byte in text.encode():
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xffff
    return f"{value:04X}"


def sealed(text):
    """With its check digits."""
    return f"{text}+C{crc(text)}"


def make(device_id, secret):
    return sealed(f"GW1:I{device_id}+S{base32(secret)}")
