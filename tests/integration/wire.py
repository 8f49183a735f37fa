# SPDX-License-Identifier: GPL-2.0-or-later
"""The link between agent and plugins, for tests that play either end: see lib/wire.h.

A message is a Message: its `type` and its fields as attributes, text as str, blobs as bytes. What a
test leaves out of a message that it sends is 0, "" or b"".

The tables are a second writing of those in lib/wire.c, on purpose: test_wire.py compares the two.
"""
import array
import socket
import struct
import types

U8, U16, U32, U64, TEXT, BLOB = "U8", "U16", "U32", "U64", "TEXT", "BLOB"

# name: (number, fields); fields: name and kind
MESSAGES = {
    "hello": (0x01, "version_min:U16 version_max:U16 name:TEXT program:TEXT library:TEXT"),
    "welcome": (0x02, "version:U16 gateway:TEXT settings:TEXT"),
    "health": (0x03, "ok:U8 text:TEXT"),
    "channel": (0x10, "channel:U32 kind:U8 mtu:U16 bit_rate:U32 transport:TEXT label:TEXT"),
    "channel_gone": (0x11, "channel:U32"),
    "offer": (0x12, "again:U8"),
    "neighbour": (0x13, "present:U8 address:TEXT link_address:TEXT interface:TEXT vendor:TEXT"),
    "secret_query": (0x20, "session:U64 channel:U32 identity:TEXT address:TEXT"),
    "secret": (0x21, "session:U64 secret:BLOB"),
    "peer": (0x22, "session:U64 channel:U32 proof:U8 identity:TEXT address:TEXT suite:TEXT"
                   " serial:BLOB fingerprint:BLOB key:BLOB issuer:BLOB"),
    "verdict": (0x23, "session:U64 allow:U8 device:TEXT reason:TEXT"),
    "failed": (0x24, "session:U64 reason:TEXT"),
    "session_end": (0x25, "session:U64 reason:TEXT"),
    "enroll": (0x30, "session:U64 request:U32 renew:U8 key:BLOB csr:BLOB"),
    "enrolled": (0x31, "session:U64 request:U32 outcome:U8 retry_after_s:U32 reason:TEXT"
                       " certificate:BLOB chain:BLOB"),
    "settings_query": (0x32, "session:U64 request:U32"),
    "settings": (0x33, "session:U64 request:U32 outcome:U8 reason:TEXT device:TEXT tenant:TEXT"
                       " cloud:TEXT renew_at:U64"),
    "report": (0x34, "session:U64 request:U32 ok:U8 text:TEXT"),
    "reported": (0x35, "session:U64 request:U32 outcome:U8 reason:TEXT"),
    "check": (0x36, "job:TEXT device:TEXT tenant:TEXT key:BLOB certificate:BLOB chain:BLOB"),
    "checked": (0x37, "job:TEXT ok:U8 reason:TEXT serial:BLOB fingerprint:BLOB not_before:U64"
                      " not_after:U64 issuer:BLOB"),
    "server_csr": (0x38, "key:BLOB csr:BLOB"),
    "server_cert": (0x39, "key:BLOB certificate:BLOB chain:BLOB"),
    "anchors": (0x3a, "purpose:U8"),
    "wiped": (0x54, "session:U64 request:U32"),
    "crl": (0x55, "id:TEXT"),
    "crl_checked": (0x56, "id:TEXT ok:U8 text:TEXT issuer:BLOB number:BLOB this_update:U64 next_update:U64"),
    "issuers": (0x57, "issuers:BLOB"),
    "rejected": (0x3b, "session:U64 reason:TEXT"),
    "clock": (0x3c, "time:U64 trusted:U8"),
    "cloud_state": (0x40, "state:U8 text:TEXT"),
    "request": (0x41, "job:TEXT kind:U8 device:TEXT tenant:TEXT claim:TEXT of:TEXT method:TEXT"
                      " reason:TEXT serial:BLOB key:BLOB csr:BLOB evidence:BLOB"),
    "request_end": (0x42, "job:TEXT"),
    "request_sent": (0x52, "job:TEXT"),
    "answer": (0x43, "job:TEXT outcome:U8 retry_after_s:U32 time:U64 reason:TEXT text:TEXT"
                     " certificate:BLOB chain:BLOB head:U64 mac:BLOB tenant:TEXT claim:TEXT"),
    "command": (0x44, "id:TEXT seq:U64 expires_at:U64 kind:U8 device:TEXT claim:TEXT tenant:TEXT"
                      " claim_expires:U64 replace:U8 sealed:U8 secret:BLOB reason:TEXT"
                       " devices:TEXT serials:TEXT"),
    "command_answer": (0x45, "id:TEXT seq:U64 outcome:U8 reason:TEXT"),
    "cloud_retry": (0x46, "in_ms:U32"),
    "credential": (0x47, "ok:U8 text:TEXT not_before:U64 not_after:U64 ca_not_after:U64 source:U8"
                   " renew_at:U64 retry_at:U64 trouble:TEXT"),
    "event": (0x4c, "n:U64 time:U64 event:TEXT device:TEXT who:TEXT reason:TEXT detail:TEXT mac:BLOB"),
    "events": (0x4d, "job:TEXT first:U64 count:U16 before:BLOB broken:TEXT"),
}
MESSAGES = {name: (number, [tuple(field.split(":")) for field in fields.split()])
            for name, (number, fields) in MESSAGES.items()}
NAMES = {number: name for name, (number, _) in MESSAGES.items()}

NUMBERS = {U8: "!B", U16: "!H", U32: "!I", U64: "!Q"}
MAX = 65536

# Values of the enumerations in lib/wire.h.
CHANNEL_DATAGRAM, CHANNEL_STREAM = range(2)
PROOF_PSK, PROOF_CERTIFICATE = range(2)
DONE, PENDING, REFUSED = range(3)
UNPROVISIONED, CONNECTING, OFFLINE, SILENT, ONLINE = range(5)
(REQUEST_ENROLL, REQUEST_PROVED, REQUEST_REVOKED, REQUEST_SERVER_CERT, REQUEST_TIME, REQUEST_SUSPENDED,
 REQUEST_RESUMED, REQUEST_RENEW, REQUEST_DECOMMISSIONED, REQUEST_ADOPT,
 REQUEST_RELINQUISHED) = range(11)
(COMMAND_CLAIM, COMMAND_WITHDRAW, COMMAND_REVOKE, COMMAND_SUSPEND, COMMAND_RESUME, COMMAND_ANCHORS,
 COMMAND_DECOMMISSION, COMMAND_MOVED, COMMAND_CRL) = range(9)
ANCHORS_DEVICE, ANCHORS_REGISTRAR = range(2)


class Message(types.SimpleNamespace):
    """One decoded message; `fd` is the descriptor that came with it, or None."""


def encode(type_, /, **values):
    number, fields = MESSAGES[type_]
    out = [struct.pack("!H", number)]
    for field, kind in fields:
        value = values.pop(field, None)
        if kind in NUMBERS:
            out.append(struct.pack(NUMBERS[kind], value or 0))
        elif kind == TEXT:
            data = (value or "").encode("ascii")
            out.append(struct.pack("!H", len(data)) + data + b"\0")
        else:
            out.append(struct.pack("!H", len(value or b"")) + (value or b""))
    if values:
        raise TypeError(f"{type_} has no field {sorted(values)}")
    return b"".join(out)


def decode(data):
    (number,) = struct.unpack_from("!H", data)
    type_ = NAMES[number]
    message, at = Message(type=type_, fd=None), 2
    for field, kind in MESSAGES[type_][1]:
        if kind in NUMBERS:
            (value,) = struct.unpack_from(NUMBERS[kind], data, at)
            at += struct.calcsize(NUMBERS[kind])
        else:
            (length,) = struct.unpack_from("!H", data, at)
            value = data[at + 2:at + 2 + length]
            at += 2 + length
            if len(value) != length:
                raise ValueError(f"{type_}.{field} is cut short")
            if kind == TEXT:
                if data[at:at + 1] != b"\0":
                    raise ValueError(f"{type_}.{field} does not end in a zero byte")
                value, at = value.decode("ascii"), at + 1
        setattr(message, field, value)
    if at != len(data):
        raise ValueError(f"{type_} has {len(data) - at} bytes left over")
    return message


def send(sock, type_, /, fd=None, **values):
    """Sends one message on a SOCK_SEQPACKET socket, with a descriptor or without."""
    control = []
    if fd is not None:
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
    sock.sendmsg([encode(type_, **values)], control)


def receive(sock):
    """Reads one message; None at the end of the connection."""
    data, control, flags, _ = sock.recvmsg(MAX, socket.CMSG_SPACE(4 * struct.calcsize("i")))
    if not data:
        return None
    if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        raise ValueError("a message is cut short")
    message = decode(data)
    for level, kind, payload in control:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds = array.array("i")
            fds.frombytes(payload[:len(payload) - len(payload) % fds.itemsize])
            if len(fds) != 1 or message.fd is not None:
                raise ValueError(f"{message.type} came with {len(fds)} descriptors")
            message.fd = fds[0]
    return message
