# SPDX-License-Identifier: GPL-2.0-or-later
"""CoAP messages (RFC 7252 section 3), put together and taken apart for tests; what is not valid can be said,
too."""
import dataclasses
import struct

CON, NON, ACK, RST = range(4)
EMPTY, GET, POST, PUT, DELETE, FETCH, PATCH, IPATCH = range(8)

IF_MATCH, URI_HOST, ETAG, IF_NONE_MATCH, OBSERVE, URI_PORT, URI_PATH = 1, 3, 4, 5, 6, 7, 11
CONTENT_FORMAT, MAX_AGE, URI_QUERY, ACCEPT, BLOCK2, BLOCK1, SIZE2 = 12, 14, 15, 17, 23, 27, 28
PROXY_URI, PROXY_SCHEME, SIZE1, NO_RESPONSE, REQUEST_TAG = 35, 39, 60, 258, 292


def code(text):
    """The number of "2.05"."""
    return int(text[0]) << 5 | int(text[2:])


def number(value):
    """An unsigned integer as the value of an option."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def block(num, more=False, szx=6):
    return number(num << 4 | more << 3 | szx)


def _nibble(value):
    if value < 13:
        return value, b""
    if value < 269:
        return 13, bytes([value - 13])
    return 14, struct.pack("!H", value - 269)


def encode_options(options):
    out, before = b"", 0
    for option, value in sorted(options, key=lambda o: o[0]):
        delta, more_delta = _nibble(option - before)
        length, more_length = _nibble(len(value))
        out += bytes([delta << 4 | length]) + more_delta + more_length + value
        before = option
    return out


@dataclasses.dataclass
class Message:
    type: int = CON
    code: int = GET
    id: int = 0
    token: bytes = b"tk"
    options: list = dataclasses.field(default_factory=list)
    payload: bytes = b""

    def encode(self):
        head = struct.pack("!BBH", 1 << 6 | self.type << 4 | len(self.token), self.code, self.id)
        tail = b"\xff" + self.payload if self.payload else b""
        return head + self.token + encode_options(self.options) + tail

    @property
    def said(self):
        """The code, as people write it."""
        return f"{self.code >> 5}.{self.code & 31:02}"

    def get(self, option):
        """The value of the first such option, or None."""
        return next((value for number_, value in self.options if number_ == option), None)

    def uint(self, option):
        value = self.get(option)
        return None if value is None else int.from_bytes(value, "big")

    def block(self, option):
        """(number, more, size exponent)"""
        value = self.uint(option)
        return None if value is None else (value >> 4, bool(value >> 3 & 1), value & 7)


def path(text):
    return [(URI_PATH, part.encode()) for part in text.split("/")]


def _read_extended(data, at, nibble):
    if nibble == 13:
        return data[at] + 13, at + 1
    if nibble == 14:
        return int.from_bytes(data[at:at + 2], "big") + 269, at + 2
    return nibble, at


def decode(data):
    head, code_, id_ = struct.unpack_from("!BBH", data)
    at = 4 + (head & 15)
    message = Message(head >> 4 & 3, code_, id_, data[4:at])
    option = 0
    while at < len(data) and data[at] != 0xff:
        delta, length = data[at] >> 4, data[at] & 15
        delta, at = _read_extended(data, at + 1, delta)
        length, at = _read_extended(data, at, length)
        option += delta
        message.options.append((option, data[at:at + length]))
        at += length
    message.payload = data[at + 1:]
    return message
