# SPDX-License-Identifier: GPL-2.0-or-later
"""A DTLS 1.2 client for tests that takes a handshake message by message (RFC 5246, 6347): what it says, in
which pieces, order and number is the test's to choose. AES-128-CCM-8 alone, with a secret (RFC 6655) or
with a certificate and X25519 or P-256 (RFC 7251, 8422). Slow, leaky and quite enough for a test."""
import hashlib
import hmac
import os
import subprocess
import struct

import datagrams as d
import patience

NEW_SESSION, SERVER_HELLO_DONE, CERTIFICATE, CERTIFICATE_VERIFY, FINISHED = 4, 14, 11, 15, 20
SERVER_KEY_EXCHANGE, SERVER_HELLO = 12, 2

GROUPS, POINT_FORMATS, SIGNATURES, MASTER_SECRET = 10, 11, 13, 23
X25519, P256, P384, P521 = 29, 23, 24, 25

GET_CORE = b"\x40\x01\x12\x34\xbb.well-known\x04core"


# --- AES-128 in CCM with a tag of 8 bytes (FIPS 197, RFC 3610) ---

def _double(x):
    return (x << 1 ^ 0x11b) & 0xff if x & 0x80 else x << 1


def _make_sbox():
    box, p, q = [0x63] * 256, 1, 1
    while True:
        p ^= _double(p)
        for shift in (1, 2, 4):
            q ^= q << shift & 0xff
        q ^= 0x09 if q & 0x80 else 0
        x = q
        for turn in range(1, 5):
            x ^= (q << turn | q >> (8 - turn)) & 0xff
        box[p] = x ^ 0x63
        if p == 1:
            return box


SBOX = _make_sbox()


class Aes:
    def __init__(self, key):
        words, turn = [key[i:i + 4] for i in range(0, 16, 4)], 1
        while len(words) < 44:
            last = words[-1]
            if len(words) % 4 == 0:
                last = bytes(SBOX[b] for b in last[1:] + last[:1])
                last = bytes([last[0] ^ turn]) + last[1:]
                turn = _double(turn)
            words.append(_xor(last, words[-4]))
        self.rounds = [b"".join(words[i:i + 4]) for i in range(0, 44, 4)]

    def encrypt(self, block):
        state = _xor(block, self.rounds[0])
        for n, key in enumerate(self.rounds[1:], 1):
            state = [SBOX[state[(5 * i) % 16]] for i in range(16)]
            if n < 10:
                state = _mix(state)
            state = _xor(state, key)
        return state


def _xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def _mix(state):
    mixed = []
    for i in range(0, 16, 4):
        column = state[i:i + 4]
        total = column[0] ^ column[1] ^ column[2] ^ column[3]
        mixed += [column[j] ^ total ^ _double(column[j] ^ column[(j + 1) % 4]) for j in range(4)]
    return mixed


def _pad(data):
    return data + bytes(-len(data) % 16)


def _ccm(aes, nonce, data, extra, plain):
    """`data` the other way round, and the tag of the plain one."""
    block = aes.encrypt(bytes([0x5a]) + nonce + len(plain).to_bytes(3, "big"))
    text = _pad(struct.pack("!H", len(extra)) + extra) + _pad(plain)
    for i in range(0, len(text), 16):
        block = aes.encrypt(_xor(block, text[i:i + 16]))
    stream = b"".join(aes.encrypt(b"\2" + nonce + i.to_bytes(3, "big"))
                      for i in range(1 + (len(data) + 15) // 16))
    return _xor(data, stream[16:]), _xor(block, stream)[:8]


# --- what keys are made with ---

def x25519(scalar, point):
    """RFC 7748 5."""
    prime, a24 = 2**255 - 19, 121665
    k = int.from_bytes(scalar, "little") & ~7 & 2**254 - 1 | 2**254
    x1 = int.from_bytes(point, "little") & 2**255 - 1
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in range(254, -1, -1):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, e = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = e * a, c * b, a * a, b * b
        x3, z3 = (da + cb)**2 % prime, x1 * (da - cb)**2 % prime
        x2, z2 = aa * bb % prime, (aa - bb) * (aa + a24 * (aa - bb)) % prime
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, prime - 2, prime) % prime).to_bytes(32, "little")


P256_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
P256_BASE = (0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296,
             0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5)


def _p256_add(a, b):
    if a is None or b is None:
        return a or b
    (ax, ay), (bx, by), p = a, b, P256_PRIME
    if ax == bx and (ay + by) % p == 0:
        return None
    slope = (3 * ax * ax - 3) * pow(2 * ay, -1, p) if a == b else (by - ay) * pow(bx - ax, -1, p)
    x = (slope * slope - ax - bx) % p
    return x, (slope * (ax - x) - ay) % p


def p256(scalar, point):
    """A point of P-256 so many times; points are uncompressed (SEC 1)."""
    add, total = (int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")), None
    for bit in range(256):
        if int.from_bytes(scalar, "big") >> bit & 1:
            total = _p256_add(total, add)
        add = _p256_add(add, add)
    return b"\4" + total[0].to_bytes(32, "big") + total[1].to_bytes(32, "big")


def share(group, point):
    """A key exchange with the server's point: our point and the shared secret."""
    scalar = b"\0" + os.urandom(31)
    if group == X25519:
        return x25519(scalar, b"\x09" + bytes(31)), x25519(scalar, point)
    base = b"\4" + b"".join(x.to_bytes(32, "big") for x in P256_BASE)
    return p256(scalar, base), p256(scalar, point)[1:33]


def prf(secret, label, seed, size):
    """RFC 5246 5."""
    seed, out, a = label + seed, b"", label + seed
    while len(out) < size:
        a = hmac.digest(secret, a, "sha256")
        out += hmac.digest(secret, a + seed, "sha256")
    return out[:size]


# --- extensions ---

def extension(number, value=b""):
    return struct.pack("!HH", number, len(value)) + value


def numbers(*values):
    """A list of 16-bit numbers behind its length."""
    return struct.pack(f"!H{len(values)}H", 2 * len(values), *values)


USUAL = extension(MASTER_SECRET) + extension(GROUPS, numbers(X25519, P256)) + \
    extension(POINT_FORMATS, b"\1\0") + extension(SIGNATURES, numbers(0x0403))


class Alert(Exception):
    """The server's; .level and .number."""

    def __init__(self, payload):
        super().__init__(f"alert {payload.hex()}")
        self.level, self.number = payload


class Client(d.RawClient):
    """One handshake: hello(), answer(), then what answer() gave in any way, and request().

    `identity`, `secret`: with a secret. `key` (a file), `chain` (DER each): with a certificate.
    """

    def __init__(self, port, identity=b"ACME-1", secret=None, key=None, chain=(), digest="sha256"):
        super().__init__(port)
        self.identity, self.secret, self.key, self.chain = identity, secret, key, chain
        self.digest = digest
        self.sequences = [0, 0]
        self.next_message = 0
        self.transcript, self.pieces, self.heard = b"", {}, {}
        self.plain = []  # what the server said under the new keys: type and payload

    # --- out ---

    def record(self, type_, payload, epoch=0, sequence=None, version=0xfefd):
        """A record with the next number of its epoch; sealed in epoch 1."""
        if sequence is None:
            sequence = self.sequences[epoch]
            self.sequences[epoch] += 1
        if epoch:
            payload = self._seal(type_, epoch << 48 | sequence, payload)
        return d.record(type_, payload, epoch=epoch, sequence=sequence, version=version)

    def _seal(self, type_, number, plain):
        number = number.to_bytes(8, "big")
        extra = number + struct.pack("!BHH", type_, 0xfefd, len(plain))
        data, tag = _ccm(self.out_aes, self.out_salt + number, plain, extra, plain)
        return number + data + tag

    def message(self, type_, body):
        """A handshake message of ours: (number, type, body)."""
        number = self.next_message
        self.next_message += 1
        self.transcript += d.handshake(type_, body, number)
        return number, type_, body

    @staticmethod
    def whole(message):
        number, type_, body = message
        return d.handshake(type_, body, number)

    @staticmethod
    def cut(message, size):
        """It as fragments of so many bytes."""
        number, type_, body = message
        return [d.handshake(type_, body, number, offset=at, fragment=size)
                for at in range(0, len(body) or 1, size)]

    # --- in ---

    def listen(self, until, seconds=patience.NEVER_S):
        """Takes datagrams in until there is a message of this type."""
        self.sock.settimeout(seconds)
        while until not in self.heard:
            self.take(self.sock.recv(4096))
        return self.heard[until]

    def take(self, datagram):
        while datagram:
            type_, _, epoch, high, low, length = struct.unpack_from("!BHHHIH", datagram)
            payload, datagram = datagram[13:13 + length], datagram[13 + length:]
            if epoch:
                payload = self._open(type_, epoch << 48 | high << 32 | low, payload)
                self.plain.append((type_, payload))
            if type_ == d.ALERT:
                raise Alert(payload)
            if type_ == d.HANDSHAKE:
                self._collect(payload)

    def _open(self, type_, number, sealed):
        extra = number.to_bytes(8, "big") + struct.pack("!BHH", type_, 0xfefd, len(sealed) - 16)
        nonce, data, tag = self.in_salt + sealed[:8], sealed[8:-8], sealed[-8:]
        stream, _ = _ccm(self.in_aes, nonce, data, extra, b"")
        if _ccm(self.in_aes, nonce, data, extra, stream)[1] != tag:
            raise AssertionError("the server's record does not open")
        return stream

    def _collect(self, payload):
        """Fragments to messages, and messages into the transcript, in order and once each."""
        while payload:
            type_, length = payload[0], int.from_bytes(payload[1:4], "big")
            number, offset = int.from_bytes(payload[4:6], "big"), int.from_bytes(payload[6:9], "big")
            size = int.from_bytes(payload[9:12], "big")
            part, payload = payload[12:12 + size], payload[12 + size:]
            have = self.pieces.setdefault((number, type_), [bytearray(length), set()])
            have[0][offset:offset + size] = part
            have[1].update(range(offset, offset + size))
            if len(have[1]) == length and type_ not in self.heard:
                self.heard[type_] = bytes(have[0])
                if type_ not in (d.HELLO_VERIFY_REQUEST, FINISHED):
                    self.transcript += d.handshake(type_, self.heard[type_], number)

    # --- the handshake ---

    def hello(self, suites=None, extensions=USUAL, numbers=(0, 1), version=0xfefd, **how):
        """Both ClientHellos, the messages under these numbers; returns when the server's flight is there."""
        if suites is None:
            suites = (d.ECDHE_ECDSA_AES128_CCM8 if self.key else d.PSK_AES128_CCM8,)
        how.update(suites=suites, extensions=extensions)
        self.put(self.record(d.HANDSHAKE, d.handshake(d.CLIENT_HELLO, d.client_hello(
            self.random, **how), numbers[0]), version=version))
        cookie = self.listen(d.HELLO_VERIFY_REQUEST)[3:]
        self.next_message, self.pieces, self.transcript = numbers[1], {}, b""
        self.put(self.record(d.HANDSHAKE, self.whole(self.message(
            d.CLIENT_HELLO, d.client_hello(self.random, cookie=cookie, **how))), version=version))
        self.listen(SERVER_HELLO_DONE)
        return self

    def answer(self):
        """Our clear messages of the last flight: [Certificate,] ClientKeyExchange[, CertificateVerify]. The
        new keys are there afterwards."""
        messages = []
        if self.key:
            certificates = b"".join(d.u24(len(c)) + c for c in self.chain)
            messages.append(self.message(CERTIFICATE, d.u24(len(certificates)) + certificates))
            _, group, size = struct.unpack_from("!BHB", self.heard[SERVER_KEY_EXCHANGE])
            public, premaster = share(group, self.heard[SERVER_KEY_EXCHANGE][4:4 + size])
            messages.append(self.message(d.CLIENT_KEY_EXCHANGE, bytes([size]) + public))
        else:
            empty = struct.pack("!H", len(self.secret))
            premaster = empty + bytes(len(self.secret)) + empty + self.secret
            messages.append(self.message(d.CLIENT_KEY_EXCHANGE, self.key_exchange(self.identity)))
        self._make_keys(premaster)
        if self.key and self.chain:
            messages.append(self.message(CERTIFICATE_VERIFY, self._sign()))
        return messages

    def _sign(self):
        signature = subprocess.run(["openssl", "dgst", f"-{self.digest}", "-sign", str(self.key)],
                                   input=self.transcript, stdout=subprocess.PIPE, check=True).stdout
        digests = {"sha256": 4, "sha384": 5, "sha512": 6}
        return struct.pack("!BBH", digests[self.digest], 3, len(signature)) + signature

    def _make_keys(self, premaster):
        hello = self.heard[SERVER_HELLO]
        extensions = hello[38 + hello[34]:]
        randoms = self.random, hello[2:34]
        if extension(MASTER_SECRET) in extensions:
            session = hashlib.sha256(self.transcript).digest()
            self.master = prf(premaster, b"extended master secret", session, 48)
        else:
            self.master = prf(premaster, b"master secret", randoms[0] + randoms[1], 48)
        keys = prf(self.master, b"key expansion", randoms[1] + randoms[0], 40)
        self.out_aes, self.in_aes = Aes(keys[:16]), Aes(keys[16:32])
        self.out_salt, self.in_salt = keys[32:36], keys[36:40]

    def finished(self):
        digest = hashlib.sha256(self.transcript).digest()
        return self.message(FINISHED, prf(self.master, b"client finished", digest, 12))

    def last_flight(self):
        """All of it, a record each: clear messages in pieces of at most 1,000 bytes, change of keys,
        Finished."""
        clear = [self.record(d.HANDSHAKE, part) for m in self.answer() for part in self.cut(m, 1000)]
        return [*clear, self.record(d.CHANGE_CIPHER_SPEC, b"\1"),
                self.record(d.HANDSHAKE, self.whole(self.finished()), epoch=1)]

    def shake_hands(self, **how):
        """All as usual, one record a datagram."""
        self.hello(**how)
        for record in self.last_flight():
            self.put(record)
        return self.complete()

    def complete(self):
        """Waits for the server's Finished, which must be right."""
        digest = hashlib.sha256(self.transcript).digest()
        if self.listen(FINISHED) != prf(self.master, b"server finished", digest, 12):
            raise AssertionError("the server's Finished is wrong")
        return self

    # --- afterwards ---

    def say(self, plain, type_=d.APPLICATION_DATA):
        self.put(self.record(type_, plain, epoch=1))

    def ask(self, question=GET_CORE):
        """The answer to a CoAP request."""
        self.plain.clear()
        self.say(question)
        while not (said := [p for t, p in self.plain if t == d.APPLICATION_DATA]):
            self.take(self.sock.recv(4096))
        return said[0]
