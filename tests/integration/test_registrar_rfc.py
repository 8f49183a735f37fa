#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gangway-registrar takes whatever a DTLS 1.2 client may legally say, message by message: hellos of every
shape, flights in any pieces and order, alerts, identities, chains."""
import os
import struct

import datagrams as d
import door_agent
import handshake as h
import patience
import registrar

CORE = b"ace.est.sen"
GREASE = (0x0a0a, 0x7a7a, 0xfafa)
SCSV, FALLBACK_SCSV = 0x00ff, 0x5600
ECDHE_PSK_CHACHA20, ECDHE_PSK_CBC = 0xccac, 0xc037
SUITES = {"secret": d.PSK_AES128_CCM8, "certificate": d.ECDHE_ECDSA_AES128_CCM8}

CLOSE_NOTIFY, HANDSHAKE_FAILURE, USER_CANCELED, NO_RENEGOTIATION, UNRECOGNIZED_NAME = 0, 40, 90, 100, 112
WARNING, FATAL = 1, 2


def hellos(suite):
    """ClientHellos that are as good as any, by name."""
    return {
        "no extensions": dict(extensions=None),
        "an empty block of extensions": dict(extensions=b""),
        "none of ours": dict(extensions=h.extension(0xfe12, b"hello")),
        "empty extensions that nobody knows": dict(
            extensions=h.extension(0x1234) + h.USUAL + h.extension(0xabcd)),
        "GREASE (RFC 8701)": dict(
            suites=(GREASE[0], suite, GREASE[1]),
            extensions=h.extension(GREASE[0]) + h.extension(h.MASTER_SECRET) + h.extension(
                h.GROUPS, h.numbers(GREASE[1], h.X25519, h.P256)) + h.extension(
                    h.SIGNATURES, h.numbers(GREASE[0], 0x0403)) + h.extension(GREASE[2], b"\0")),
        "renegotiation SCSV": dict(suites=(suite, SCSV)),
        "fallback SCSV": dict(suites=(FALLBACK_SCSV, suite, SCSV)),
        "renegotiation_info": dict(extensions=h.USUAL + h.extension(0xff01, b"\0")),
        "a hundred suites": dict(suites=(*range(0x1301, 0x1364), suite)),
        "all suites that a stack knows": dict(suites=(*range(0xd100, 0xd1ff), suite)),  # Mbed TLS 3.6: 166
        "a session id": dict(session=bytes(range(32))),
        "compression": dict(compression=b"\1\0"),
        "no extended master secret": dict(
            extensions=h.extension(h.GROUPS, h.numbers(h.P256, h.X25519)[:2] + struct.pack(
                "!HH", h.X25519, h.P256)) + h.extension(h.POINT_FORMATS, b"\1\0")),
        "no point formats": dict(extensions=h.extension(h.MASTER_SECRET) + h.extension(
            h.GROUPS, h.numbers(h.X25519, h.P256))),
        "compressed points as well": dict(extensions=h.extension(
            h.POINT_FORMATS, b"\3\0\1\2") + h.extension(h.GROUPS, h.numbers(h.X25519, h.P256))),
        "extensions the other way round": dict(
            extensions=h.extension(h.SIGNATURES, h.numbers(0x0603, 0x0403)) + h.extension(
                h.GROUPS, h.numbers(h.X25519, h.P256)) + h.extension(h.MASTER_SECRET)),
        "SHA-384 preferred": dict(extensions=h.USUAL[:-8] + h.extension(
            h.SIGNATURES, h.numbers(0x0503, 0x0403))),
        "a server's name": dict(extensions=h.USUAL + h.extension(0, b"\0\x0f\0\0\x0cgateway.home")),
        "maximum fragment length 512 (RFC 6066)": dict(extensions=h.USUAL + h.extension(1, b"\1")),
        "record size limit (RFC 8449)": dict(extensions=h.USUAL + h.extension(28, b"\1\0")),
        "connection id (RFC 9146)": dict(extensions=h.USUAL + h.extension(54, b"\4abcd")),
        "an empty connection id": dict(extensions=h.USUAL + h.extension(54, b"\0")),
        "encrypt-then-MAC": dict(extensions=h.USUAL + h.extension(22)),
        "a session ticket": dict(extensions=h.USUAL + h.extension(35, os.urandom(100))),
        "application protocols": dict(extensions=h.USUAL + h.extension(16, b"\0\5\4coap")),
        "status request": dict(extensions=h.USUAL + h.extension(5, b"\1\0\0\0\0")),
        "certificate types (RFC 7250)": dict(
            extensions=h.USUAL + h.extension(19, b"\1\0") + h.extension(20, b"\1\0")),
        "raw public keys preferred (RFC 7250)": dict(
            extensions=h.USUAL + h.extension(19, b"\2\2\0") + h.extension(20, b"\2\2\0")),
        "authorities": dict(extensions=h.USUAL + h.extension(3, b"\0\0")),
        "padding": dict(extensions=h.USUAL + h.extension(21, bytes(1000))),
        "versions": dict(extensions=h.USUAL + h.extension(43, b"\4\xfe\xfd\xfe\xff")),
        "DTLS 1.3 preferred": dict(extensions=h.USUAL + h.extension(43, b"\4\xfe\xfc\xfe\xfd") +
                                   h.extension(51, h.numbers()) + h.extension(44)[:0]),
        "records of DTLS 1.0": dict(version=0xfeff),
        "the second hello is number 0 again": dict(numbers=(0, 0)),
        "numbers from 1 on": dict(numbers=(1, 2)),
    }


class RfcCase(registrar.RegistrarCase):
    settings = "secret_rate=1000\nhandshakes_per_source=1000\n"
    with_certificates = True

    def setUp(self):
        super().setUp()
        key, certificate = self.agent.authority.device("ACME-1")
        der = door_agent.openssl("x509", "-in", str(certificate), "-outform", "DER")
        self.ways = {"secret": dict(secret=registrar.KEY.encode()),
                     "certificate": dict(key=key, chain=[der])}
        self.begin()

    def client(self, way="secret", **how):
        client = h.Client(self.port(), **{**self.ways[way], **how})
        self.addCleanup(client.close)
        return client


class Hellos(RfcCase):
    def test_every_shape(self):
        for way, suite in SUITES.items():
            for name, how in hellos(suite).items():
                with self.subTest(f"{way}: {name}"):
                    self.assertIn(CORE, self.client(way).shake_hands(**how).ask())

    def test_groups_that_nobody_has(self):
        """Static PSK needs none; all else is refused, never begun with a group that was not offered."""
        extensions = h.extension(h.MASTER_SECRET) + h.extension(
            h.GROUPS, h.numbers(h.P521, 26, GREASE[0])) + h.extension(h.SIGNATURES, h.numbers(0x0403))
        suites = (ECDHE_PSK_CHACHA20, ECDHE_PSK_CBC, d.PSK_AES128_CCM8)
        self.assertIn(CORE, self.client().shake_hands(suites=suites, extensions=extensions).ask())
        for way, refused in ("secret", suites[:2]), ("certificate", (SUITES["certificate"],)):
            with self.subTest(way):
                with self.assertRaises(h.Alert) as caught:
                    self.client(way).hello(suites=refused, extensions=extensions)
                self.assertEqual((caught.exception.level, caught.exception.number),
                                 (FATAL, HANDSHAKE_FAILURE))

    def test_signatures_that_nobody_has(self):
        with self.assertRaises(h.Alert) as caught:
            self.client("certificate").hello(extensions=h.USUAL[:-8] + h.extension(
                h.SIGNATURES, h.numbers(0x0401)))
        self.assertEqual(caught.exception.number, HANDSHAKE_FAILURE)

    def test_suites_that_nobody_has(self):
        for way in SUITES:
            with self.assertRaises(h.Alert) as caught:
                self.client(way).hello(suites=(0xc0a4, 0x008c, 0xc02c))
            self.assertEqual(caught.exception.number, HANDSHAKE_FAILURE)


class Flights(RfcCase):
    """The client's last flight, as it may come."""

    def each_way(self):
        for way in SUITES:
            with self.subTest(way):
                client = self.client(way).hello()
                yield client
                self.assertIn(CORE, client.complete().ask())

    @staticmethod
    def ending(client):
        """Change of keys and Finished, a record each."""
        return [client.record(d.CHANGE_CIPHER_SPEC, b"\1"),
                client.record(d.HANDSHAKE, client.whole(client.finished()), epoch=1)]

    def test_one_datagram(self):
        for client in self.each_way():
            client.put(b"".join(client.last_flight()))

    def test_one_record_of_several_messages(self):
        for client in self.each_way():
            messages = b"".join(client.whole(m) for m in client.answer())
            client.put(client.record(d.HANDSHAKE, messages))
            for record in self.ending(client):
                client.put(record)

    def fragments(self, client, size):
        return [client.record(d.HANDSHAKE, part) for m in client.answer() for part in client.cut(m, size)]

    def test_fragments(self):
        for size in (5, 60, 200):
            for client in self.each_way():
                for record in self.fragments(client, size) + self.ending(client):
                    client.put(record)

    def test_fragments_many_in_a_record(self):
        for client in self.each_way():
            parts = [part for m in client.answer() for part in client.cut(m, 7)]
            for n in range(0, len(parts), 9):
                client.put(client.record(d.HANDSHAKE, b"".join(parts[n:n + 9])))
            for record in self.ending(client):
                client.put(record)

    def test_fragments_backwards(self):
        for client in self.each_way():
            for record in reversed(self.fragments(client, 60)):
                client.put(record)
            for record in self.ending(client):
                client.put(record)

    def test_fragments_that_overlap(self):
        for client in self.each_way():
            for number, type_, body in client.answer():
                for at in range(0, len(body), 20):
                    client.put(client.record(d.HANDSHAKE, d.handshake(type_, body, number, offset=at,
                                                                      fragment=33)))
            for record in self.ending(client):
                client.put(record)

    def test_everything_twice(self):
        for client in self.each_way():
            for record in client.last_flight():
                client.put(record)
                client.put(record)

    def test_backwards(self):
        """What comes too early with a certificate may have to come again, what it takes in pieces too."""
        for size in (1000, 100):
            for client in self.each_way():
                clear, finished = client.answer(), client.finished()
                for turn in range(2):
                    records = [client.record(d.HANDSHAKE, part) for m in clear for part in
                               client.cut(m, size)]
                    records += [client.record(d.CHANGE_CIPHER_SPEC, b"\1"),
                                client.record(d.HANDSHAKE, client.whole(finished), epoch=1)]
                    for record in records if turn else reversed(records):
                        client.put(record)

    def test_finished_before_the_change(self):
        for client in self.each_way():
            *clear, change, finished = client.last_flight()
            for record in (*clear, finished, change):
                client.put(record)

    def test_flight_repeated_with_other_cuts(self):
        """The first try loses its end, the second is cut anew, as for a smaller path."""
        for client in self.each_way():
            messages = client.answer()
            client.put(client.record(d.HANDSHAKE, client.whole(messages[0])[:12] + b""
                                     if not messages[0][2] else client.cut(messages[0], 9)[0]))
            for message in messages:
                for part in client.cut(message, 50):
                    client.put(client.record(d.HANDSHAKE, part))
            for record in self.ending(client):
                client.put(record)

    def test_our_last_flight_is_lost(self):
        """The client repeats its own, under new record numbers, and gets ours again."""
        for client in self.each_way():
            messages, finished = client.answer(), client.finished()
            for _ in range(3):
                client.heard.pop(h.FINISHED, None)
                client.pieces.clear()
                self.repeat(client, messages, finished)

    @staticmethod
    def repeat(client, messages, finished):
        """Every second, as clients do, until ours is there."""
        for _ in range(10):
            client.put(b"".join(client.record(d.HANDSHAKE, client.whole(m)) for m in messages) +
                       client.record(d.CHANGE_CIPHER_SPEC, b"\1") +
                       client.record(d.HANDSHAKE, client.whole(finished), epoch=1))
            try:
                return client.listen(h.FINISHED, seconds=1)
            except TimeoutError:
                continue
        raise AssertionError("our last flight never comes again")

    def test_records_under_number_gaps(self):
        for client in self.each_way():
            client.sequences[0] += 1000
            for record in client.last_flight():
                client.put(record)
            client.sequences[1] += 100000


class Alerts(RfcCase):
    def test_warnings_are_ignored(self):
        for way in SUITES:
            with self.subTest(way):
                client = self.client(way).hello()
                client.put(client.record(d.ALERT, bytes([WARNING, UNRECOGNIZED_NAME])))
                for record in client.last_flight():
                    client.put(record)
                client.complete()
                for number in (USER_CANCELED, NO_RENEGOTIATION):
                    client.say(bytes([WARNING, number]), d.ALERT)
                    self.assertIn(CORE, client.ask())

    def test_close_notify(self):
        for n, way in enumerate(SUITES, 1):
            client = self.client(way).shake_hands()
            client.say(bytes([WARNING, CLOSE_NOTIFY]), d.ALERT)
            peer = self.agent.wait("peer", count=n)
            self.agent.wait("session_end", session=peer.session, reason="closed")
            with self.assertRaises(h.Alert) as caught:
                client.take(client.get())
            self.assertEqual((caught.exception.level, caught.exception.number), (WARNING, CLOSE_NOTIFY))

    def test_fatal_ends_the_session(self):
        client = self.client().shake_hands()
        client.say(bytes([FATAL, 80]), d.ALERT)
        self.agent.wait("session_end", session=self.agent.wait("peer").session)

    def test_forged_records_do_not(self):
        client = self.client().shake_hands()
        for type_ in (d.CHANGE_CIPHER_SPEC, d.ALERT, d.HANDSHAKE, d.APPLICATION_DATA):
            for size in (1, 2, 15, 16, 17, 64):
                client.put(d.record(type_, os.urandom(size), epoch=1, sequence=2**47 + size))
        self.assertIn(CORE, client.ask())

    def test_renegotiation_is_refused(self):
        """Fatally: nobody is left to wonder which keys hold."""
        client = self.client().shake_hands()
        client.say(client.whole((0, d.CLIENT_HELLO, d.client_hello(os.urandom(32), extensions=h.USUAL))),
                   d.HANDSHAKE)
        with self.assertRaises(h.Alert):
            client.take(client.get())
        self.assertIn(CORE, self.client().shake_hands().ask())


class Identities(RfcCase):
    settings = RfcCase.settings + f"handshake_timeout={5 * patience.TIMES}\n"

    def test_odd_ones(self):
        """Nobody's identities come to nothing, whatever is in them, without a word and without harm."""
        odd = [b"", b"\0", b"ACME-1\0", b"\0ACME-1", b"ACME-1\0x", b"ACME-1 ", b"\xff\xfe\x80",
               "Gerät-1".encode(), b"%s%n", b"A" * 64, b"A" * 65, b"A" * 127, b"A" * 128]
        clients = []
        for identity in odd:
            clients.append(self.client(identity=identity).hello())
            for record in clients[-1].last_flight():
                clients[-1].put(record)
        self.wait_for_log("does not get in: timeout", count=len(odd))
        self.assertEqual(self.agent.count("peer"), 0)
        self.assertIn(CORE, self.client().shake_hands().ask())

    def test_too_long_ones(self):
        for size in (129, 400, 600, 1100):
            client = self.client(identity=b"A" * size).hello()
            for record in client.last_flight():
                client.put(record)
        self.wait_for_log("does not get in", count=4)
        self.assertEqual(self.agent.count("peer"), 0)
        self.assertEqual(self.agent.count("secret_query"), 0)

    def test_longest_good_one(self):
        name = "A" * 64
        self.agent.secrets[name] = b"sixteen bytes or"
        client = self.client(identity=name.encode(), secret=b"sixteen bytes or").shake_hands()
        self.assertIn(CORE, client.ask())
        self.agent.wait("peer", identity=name)


class Certificates(RfcCase):
    def chain(self, length):
        """A device's key and a chain of so many certificates."""
        signer, ders = self.agent.authority, []
        for n in range(length - 1):
            middle = door_agent.Authority(self.folder, f"middle-{length}-{n}")
            request = door_agent.openssl("req", "-new", "-key", str(middle.key), "-subj", f"/CN={middle.name}")
            middle.certificate.write_bytes(
                signer.sign(request, f"/CN={middle.name}", door_agent.CA_EXTENSIONS))
            ders.insert(0, middle.der())
            signer = middle
        key, certificate = signer.device(f"CHAIN-{length}")
        return key, [door_agent.openssl("x509", "-in", str(certificate), "-outform", "DER"), *ders]

    def test_digests(self):
        for digest in ("sha256", "sha384", "sha512"):
            with self.subTest(digest):
                self.assertIn(CORE, self.client("certificate", digest=digest).shake_hands().ask())

    def test_chains(self):
        for length in (2, 3, 5):
            with self.subTest(length):
                key, chain = self.chain(length)
                self.assertIn(CORE, self.client("certificate", key=key, chain=chain).shake_hands().ask())
                self.agent.wait("peer", identity=f"CHAIN-{length}")

    def test_chain_with_its_anchor(self):
        way = self.ways["certificate"]
        client = self.client("certificate", chain=[*way["chain"], self.agent.authority.der()])
        self.assertIn(CORE, client.shake_hands().ask())

    def test_no_certificate(self):
        client = self.client("certificate", chain=[]).hello()
        with self.assertRaises(h.Alert) as caught:
            for record in client.last_flight():
                client.put(record)
            client.complete()
        self.assertEqual(caught.exception.level, FATAL)
        self.assertEqual(self.agent.count("peer"), 0)

    def test_chain_without_end(self):
        client = self.client("certificate", chain=self.ways["certificate"]["chain"] * 20).hello()
        with self.assertRaises(h.Alert):
            for record in client.last_flight():
                client.put(record)
            client.complete()
        self.assertEqual(self.agent.count("peer"), 0)
        self.assertIn(CORE, self.client("certificate").shake_hands().ask())


if __name__ == "__main__":
    registrar.main()
