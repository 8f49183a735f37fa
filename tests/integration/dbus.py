# SPDX-License-Identifier: GPL-2.0-or-later
"""Speaks D-Bus as whatever user a test needs, one message at a time (D-Bus specification, "Message Protocol").

    with dbus.Connection(path, dbus.User(1000, 1000, [1000])) as peer:
        answer = peer.ask("org.gangway1", "/org/gangway1", "org.gangway1.Manager", "GetDevice", "s", ["ACME-1"])
        answer.error, answer.body

A message's body is a list of values: text, numbers, lists, dictionaries; a variant to be sent is (signature, value).
"""
import collections
import contextlib
import os
import socket
import struct

CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
NO_REPLY, NO_START, INTERACTIVE = 1, 2, 4
BUS = "org.freedesktop.DBus"
HEADER = {"path": (1, "o"), "interface": (2, "s"), "member": (3, "s"), "error": (4, "s"),
          "reply_serial": (5, "u"), "destination": (6, "s"), "sender": (7, "s"), "signature": (8, "g"),
          "n_fds": (9, "u")}
FIELDS = {number: name for name, (number, _) in HEADER.items()}
NUMBERS = {"y": "B", "b": "I", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q", "d": "d", "h": "I"}
NEVER_S = 60 * int(os.environ.get("GANGWAY_PATIENCE", 1))

User = collections.namedtuple("User", "uid gid groups")
ROOT = User(0, 0, [0])


class Message:
    def __init__(self, kind, serial=0, flags=0, body=(), **fields):
        self.kind, self.serial, self.flags, self.body = kind, serial, flags, list(body)
        for name in HEADER:
            setattr(self, name, fields.get(name))

    @property
    def text(self):
        """Of an error."""
        return self.body[0] if self.body else ""

    def __repr__(self):
        return f"<{self.kind} {self.member or self.error or ''} {self.body}>"


# --- bytes ---

def _split(signature):
    """The first complete type, and the rest."""
    if signature[0] == "a":
        first, rest = _split(signature[1:])
        return "a" + first, rest
    if signature[0] in "({":
        depth, end = 0, 0
        for end, letter in enumerate(signature):
            depth += (letter in "({") - (letter in ")}")
            if depth == 0:
                break
        return signature[:end + 1], signature[end + 1:]
    return signature[0], signature[1:]


def types(signature):
    while signature:
        first, signature = _split(signature)
        yield first


def _alignment(kind):
    return {"y": 1, "g": 1, "v": 1, "n": 2, "q": 2, "x": 8, "t": 8, "d": 8, "(": 8, "{": 8}.get(kind[0], 4)


class Writer:
    def __init__(self):
        self.out = bytearray()

    def align(self, to):
        self.out += bytes(-len(self.out) % to)

    def put(self, kind, value):
        self.align(_alignment(kind))
        if kind in NUMBERS:
            self.out += struct.pack("<" + NUMBERS[kind], value)
        elif kind in "so":
            data = value.encode()
            self.out += struct.pack("<I", len(data)) + data + b"\0"
        elif kind == "g":
            self.out += bytes([len(value)]) + value.encode() + b"\0"
        elif kind == "v":
            self.put("g", value[0])
            self.put(value[0], value[1])
        elif kind[0] == "a":
            self._put_array(kind[1:], list(value.items()) if isinstance(value, dict) else value)
        else:
            for part, item in zip(types(kind[1:-1]), value):
                self.put(part, item)

    def _put_array(self, kind, items):
        at = len(self.out)
        self.out += bytes(4)
        self.align(_alignment(kind))
        start = len(self.out)
        if kind == "y":
            self.out += bytes(items)
        else:
            for item in items:
                self.put(kind, item)
        struct.pack_into("<I", self.out, at, len(self.out) - start)


class Reader:
    def __init__(self, data, order="<"):
        self.data, self.order, self.at = data, order, 0

    def align(self, to):
        self.at += -self.at % to

    def _number(self, letter):
        value, = struct.unpack_from(self.order + letter, self.data, self.at)
        self.at += struct.calcsize(letter)
        return value

    def get(self, kind):
        self.align(_alignment(kind))
        if kind in NUMBERS:
            return self._number(NUMBERS[kind])
        if kind in "sog":
            length = self._number("B" if kind == "g" else "I")
            self.at += length + 1
            return self.data[self.at - length - 1:self.at - 1].decode()
        if kind == "v":
            return self.get(self.get("g"))
        if kind[0] == "a":
            return self._get_array(kind[1:])
        return [self.get(part) for part in types(kind[1:-1])]

    def _get_array(self, kind):
        length = self._number("I")
        self.align(_alignment(kind))
        end = self.at + length
        items = []
        while self.at < end:
            items.append(self.get(kind))
        return dict(items) if kind[0] == "{" else items


def encode(message):
    body = Writer()
    for kind, value in zip(types(message.signature or ""), message.body):
        body.put(kind, value)
    head = Writer()
    head.out += struct.pack("<BBBBII", ord("l"), message.kind, message.flags, 1, len(body.out), message.serial)
    head.put("a(yv)", [(number, (kind, getattr(message, name)))
                       for name, (number, kind) in HEADER.items() if getattr(message, name)])
    head.align(8)
    return bytes(head.out + body.out)


def decode(data):
    """The first message and how many bytes it has; None while there is less than one."""
    if len(data) < 16:
        return None, 0
    order = "<" if data[:1] == b"l" else ">"
    body, serial, fields = struct.unpack_from(order + "III", data, 4)
    start = 16 + (fields + 7) // 8 * 8
    if len(data) < start + body:
        return None, 0
    reader = Reader(data[:start], order)
    reader.at = 12
    named = {FIELDS[number]: value for number, value in reader.get("a(yv)") if number in FIELDS}
    reader = Reader(data[start:start + body], order)
    message = Message(data[1], serial, data[2], [reader.get(kind) for kind in types(named.get("signature", ""))],
                      **named)
    return message, start + body


# --- a peer ---

@contextlib.contextmanager
def somebody_else(user):
    """The bus sees who connects; only root can be somebody else."""
    before = os.getgroups()
    if os.geteuid() != 0:
        yield
        return
    os.setgroups(user.groups)
    os.setegid(user.gid)
    os.seteuid(user.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)


class Connection:
    def __init__(self, path, user=ROOT):
        self.fds = []  # descriptors that came with messages; ours until let_go()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(NEVER_S)
        self._data = b""
        self._serial = 0
        self.strays = collections.deque()  # what came and was not waited for
        try:
            with somebody_else(user):
                self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self._socket.sendall(b"\0AUTH EXTERNAL " + str(user.uid).encode().hex().encode() + b"\r\n")
        if not self._line().startswith(b"OK"):
            raise ConnectionError("the bus does not let us in")
        self._socket.sendall(b"NEGOTIATE_UNIX_FD\r\n")
        if not self._line().startswith(b"AGREE_UNIX_FD"):
            raise ConnectionError("the bus hands over no descriptors")
        self._socket.sendall(b"BEGIN\r\n")
        self.name = self.ask(BUS, "/org/freedesktop/DBus", BUS, "Hello").body[0]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self.let_go()
        self._socket.close()

    def let_go(self):
        while self.fds:
            os.close(self.fds.pop())

    def _line(self):
        line = b""
        while not line.endswith(b"\r\n"):
            line += self._socket.recv(1)
        return line

    # --- sending ---

    def send(self, message, fds=()):
        """fds: descriptors that go with it, whether or not the body speaks of them."""
        self._serial += 1
        message.serial = self._serial
        if fds:
            message.n_fds = len(fds)
            data = encode(message)
            self._socket.sendall(data[socket.send_fds(self._socket, [data], list(fds)):])
        else:
            self._socket.sendall(encode(message))
        return self._serial

    def call(self, destination, path, interface, member, signature="", body=(), flags=0):
        """Returns the serial, which the answer will name."""
        return self.send(Message(CALL, flags=flags, destination=destination, path=path, interface=interface,
                                 member=member, signature=signature or None, body=body))

    def call_often(self, times, destination, path, interface, member):
        """The same call many times at once; nobody waits for the answers."""
        call = Message(CALL, destination=destination, path=path, interface=interface, member=member)
        data = b""
        for _ in range(times):
            self._serial += 1
            call.serial = self._serial
            data += encode(call)
        self._socket.sendall(data)

    def reply(self, call, signature="", body=()):
        self.send(Message(RETURN, destination=call.sender, reply_serial=call.serial,
                          signature=signature or None, body=body))

    def reply_error(self, call, name, text=""):
        self.send(Message(ERROR, destination=call.sender, reply_serial=call.serial, error=name, signature="s",
                          body=[text]))

    # --- receiving ---

    def receive(self):
        """The next message, whatever it is; ConnectionError when the bus has closed."""
        while True:
            message, length = decode(self._data)
            if message:
                self._data = self._data[length:]
                return message
            more, fds, _, _ = socket.recv_fds(self._socket, 1 << 16, 16)
            self.fds += fds
            if not more:
                raise ConnectionError("the bus has closed the connection")
            self._data += more

    def wait_for(self, is_it):
        """The first message of which this is so; others go to the strays."""
        for message in list(self.strays):
            if is_it(message):
                self.strays.remove(message)
                return message
        while not is_it(message := self.receive()):
            self.strays.append(message)
        return message

    def answer(self, serial):
        return self.wait_for(lambda m: m.kind in (RETURN, ERROR) and m.reply_serial == serial)

    def ask(self, *call, **more):
        return self.answer(self.call(*call, **more))

    def bus(self, member, signature="", body=()):
        return self.ask(BUS, "/org/freedesktop/DBus", BUS, member, signature, body)
