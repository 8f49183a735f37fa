#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""CoAP with the registrar, message by message over a real DTLS session: what no client of good manners sends,
and what one may send that ours does not.

That nothing is answered is seen without waiting: a ping that is sent behind it is answered first.
"""
import pathlib
import random
import tempfile
import threading

import datagrams
import door_agent
import dtls_client
import messages
import registrar
import wire
from messages import ACK, CON, NON, RST, Message

SECRET = registrar.KEY.encode()
ATT, CRTS, CORE, SEN, SREN, ES, CONFIG = (".well-known/" + p for p in (
    "est/att", "est/crts", "core", "est/sen", "est/sren", "brski/es", "gangway/config"))
PKCS10, PKCS7 = 286, 281
CSR_MAX = 4096
DIE = random.Random(7252)


class MessageCase(registrar.RegistrarCase):
    with_certificates = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.requests = []
        for n in range(2):
            key = folder / f"key-{n}"
            door_agent.Authority.new_key(key)
            cls.requests.append(door_agent.openssl("req", "-new", "-key", str(key), "-subj",
                                                   "/CN=ACME-1", "-outform", "DER"))
        cls.csr = cls.requests[0]

    def setUp(self):
        super().setUp()
        self.begin()
        self.issued, self.enrolled = {}, []
        self.agent._on_enroll = self.issue
        self.next_id = DIE.randrange(1 << 16)
        self.peer = self.session()

    def session(self, **how):
        session = dtls_client.Session(self.port(), **(how or {"identity": "ACME-1", "secret": SECRET}))
        self.addCleanup(session.drop)
        return session

    def session_with_certificate(self):
        key, certificate = self.agent.authority.device("ACME-1")
        return self.session(key=key, certificate=certificate)

    def issue(self, m):
        """Same request, same certificate."""
        self.enrolled.append(m.csr)
        if m.csr not in self.issued:
            pem = self.agent.authority.sign(m.csr, "/CN=ACME-1", door_agent.DEVICE_EXTENSIONS, form="DER")
            self.issued[m.csr] = door_agent.openssl("x509", "-outform", "DER", data=pem)
        self.agent.send("enrolled", session=m.session, request=m.request, outcome=wire.DONE,
                        certificate=self.issued[m.csr])

    # --- talking ---

    def message(self, path, code=messages.GET, options=(), **more):
        self.next_id = (self.next_id + 1) % (1 << 16)
        return Message(code=code, id=self.next_id, options=messages.path(path) + list(options), **more)

    def sen(self, *options, payload=None, path=SEN, **more):
        return self.message(path, messages.POST, options=options,
                            payload=self.csr if payload is None else payload, **more)

    def send(self, *sent, peer=None):
        """Each in a datagram of its own."""
        for message in sent:
            (peer or self.peer).send(message if isinstance(message, bytes) else message.encode())

    def hear(self, peer=None):
        return messages.decode((peer or self.peer).receive())

    def ask(self, message, peer=None):
        """The response to a request; acknowledged if it comes by itself, as it may on a busy machine."""
        self.send(message, peer=peer)
        answer = self.hear(peer)
        self.assertEqual(answer.id, message.id)
        if (answer.type, answer.code) == (ACK, messages.EMPTY):
            answer = self.hear(peer)
            self.assertEqual(answer.type, CON)
            self.send(Message(type=ACK, code=messages.EMPTY, id=answer.id, token=b""), peer=peer)
        self.assertEqual(answer.token, message.token)
        return answer

    def assert_said(self, message, said, peer=None):
        answer = self.ask(message, peer)
        self.assertEqual(answer.said, said, answer)
        return answer

    def assert_reset(self, message):
        self.send(message)
        answer = self.hear()
        self.assertEqual((answer.type, answer.code, answer.token), (RST, 0, b""))
        return answer

    def assert_silence(self):
        """Everything that was sent has had its answer."""
        ping = Message(code=messages.EMPTY, id=self.next_id ^ 0x8000, token=b"")
        self.assertEqual(self.assert_reset(ping).id, ping.id)

    # --- bodies ---

    def blocks(self, body, szx, *options, path=SEN, **more):
        """A request for each block."""
        size = 16 << szx
        return [self.sen(*options, (messages.BLOCK1, messages.block(n, (n + 1) * size < len(body), szx)),
                         payload=body[n * size:(n + 1) * size], path=path, **more)
                for n in range((len(body) + size - 1) // size)]

    def upload(self, sent):
        """Sends blocks; returns the answer to the last one."""
        for message in sent[:-1]:
            answer = self.assert_said(message, "2.31")
            self.assertEqual(answer.get(messages.BLOCK1), message.get(messages.BLOCK1))
        return self.ask(sent[-1])

    def download(self, first, path=SEN, code=messages.POST, szx=None):
        """The whole of an answer of which this is the first part."""
        whole, answer = first.payload, first
        while answer.block(messages.BLOCK2) and answer.block(messages.BLOCK2)[1]:
            _, _, given = answer.block(messages.BLOCK2)
            size = min(given, szx) if szx is not None else given
            number = len(whole) >> 4 + size
            answer = self.ask(self.message(path, code, options=[
                (messages.BLOCK2, messages.block(number, szx=size))]))
            self.assertEqual(answer.said, first.said)
            self.assertEqual(answer.get(messages.ETAG), first.get(messages.ETAG))
            self.assertEqual(answer.block(messages.BLOCK2)[0], number)
            whole += answer.payload
        return whole

    def assert_issued(self, body, csr=None):
        certificate = self.issued[csr or self.csr]
        self.assertIn(certificate, body)
        self.assertEqual(self.enrolled[-1], csr or self.csr)


class Layer(MessageCase):
    """RFC 7252 section 4: what is no message, what is no request, and what comes twice."""

    def test_tokens(self):
        for length in range(9):
            token = bytes(range(length))
            self.assertEqual(self.assert_said(self.message(ATT, token=token), "2.05").token, token)
        for length in range(9, 16):
            self.assert_reset(self.message(ATT, token=bytes(length)))
            self.send(self.message(ATT, token=bytes(length), type=NON))
            self.assert_silence()

    def test_garbage(self):
        good = self.message(ATT).encode()
        for message in (b"\x40\x00\1\2\xff", b"\x40\x00\1\2x", b"\x41\x00\1\2t",  # empty, but is not
                        good + b"\xff", good[:-1], good + b"\xf0", good + b"\x0f"):
            with self.subTest(message.hex()):
                self.assert_reset(message)
                self.send(bytes([message[0] | NON << 4]) + message[1:])
                self.assert_silence()
        for version in (0, 2, 3):
            self.send(bytes([version << 6 | good[0] & 0x3f]) + good[1:])
        self.send(good[:3], good[:1])
        self.assert_silence()

    def test_codes_that_are_no_request(self):
        for code in range(32, 256):
            self.assert_reset(Message(code=code, id=code))
            self.send(*(Message(type=kind, code=code, id=code) for kind in (NON, ACK, RST)))
        self.send(*(Message(type=kind, code=messages.GET, id=1, options=messages.path(ATT))
                    for kind in (ACK, RST)))
        self.assert_silence()

    def test_twice_is_once(self):
        self.ask(self.sen())  # what is known is answered at once
        for kind in (CON, NON):
            self.enrolled.clear()
            message = self.sen(type=kind)
            self.peer.send(message.encode(), message.encode())  # as one datagram
            first = self.peer.receive()
            self.assertEqual(messages.decode(first).said, "2.04")
            self.send(message, message)
            if kind == CON:
                self.assertEqual([self.peer.receive(), self.peer.receive()], [first, first])
            self.assert_silence()
            self.assertEqual(self.enrolled, [self.csr])

    def test_many_in_a_datagram(self):
        asked = [self.message(ATT, token=bytes([n])) for n in range(9)]
        self.peer.send(*(message.encode() for message in asked))
        for message in asked:
            answer = self.hear()
            self.assertEqual((answer.id, answer.token), (message.id, message.token))

    def test_non(self):
        sent = self.message(ATT, type=NON)
        self.send(sent)
        answer = self.hear()
        self.assertEqual((answer.type, answer.said, answer.token), (NON, "2.05", sent.token))
        self.send(Message(type=RST, code=0, id=answer.id, token=b""))  # it does not want it
        self.assert_silence()
        self.assert_said(self.message(ATT), "2.05")

    def test_noise(self):
        for _ in range(500):
            noise = bytearray(self.sen((messages.BLOCK1, messages.block(0))).encode())
            for _ in range(DIE.randrange(1, 4)):
                noise[DIE.randrange(len(noise))] = DIE.randrange(256)
            self.peer.send(bytes(noise[:DIE.randrange(1, len(noise) + 1)]))
        while messages.decode(self.peer.receive()).id != 0xabcd:
            self.send(Message(code=0, id=0xabcd, token=b""))
        self.assertIsNone(self.program.poll())


class Separate(MessageCase):
    """The agent takes its time: an empty acknowledgement first, then a response of its own."""

    def setUp(self):
        super().setUp()
        self.may_answer = threading.Event()
        self.addCleanup(self.may_answer.set)
        self.agent._on_enroll = self.wait_and_issue

    def wait_and_issue(self, m):
        self.may_answer.wait()
        self.issue(m)

    def promised(self, message):
        self.send(message)
        answer = self.hear()
        self.assertEqual((answer.type, answer.code, answer.id, answer.token),
                         (ACK, messages.EMPTY, message.id, b""))
        self.send(message)  # again: the same
        self.assertEqual(self.hear(), answer)
        self.may_answer.set()
        answer = self.hear()
        self.assertEqual((answer.type, answer.said, answer.token), (CON, "2.04", message.token))
        return answer

    def test_acknowledged(self):
        message = self.sen()
        answer = self.promised(message)
        self.send(Message(type=ACK, code=0, id=answer.id ^ 1, token=b""))  # that was not it
        self.assertEqual(self.hear(), answer, "said again")
        self.send(Message(type=ACK, code=0, id=answer.id, token=b""))
        self.assert_issued(answer.payload)
        self.send(message)
        self.assertEqual(self.hear().code, messages.EMPTY)
        self.assert_silence()
        self.assertEqual(self.enrolled, [self.csr])

    def test_reset_and_asked_again(self):
        answer = self.promised(self.sen())
        self.send(Message(type=RST, code=0, id=answer.id, token=b""))
        self.assert_silence()
        again = self.assert_said(self.sen(token=b"another"), "2.04")
        self.assertEqual(again.payload, answer.payload)

    def test_in_blocks(self):
        *begin, last = self.blocks(self.csr, 2, (messages.BLOCK2, messages.block(0, szx=3)))
        for message in begin:
            self.assert_said(message, "2.31")
        answer = self.promised(last)
        self.send(Message(type=ACK, code=0, id=answer.id, token=b""))
        self.assertEqual(answer.block(messages.BLOCK1), (len(begin), False, 2))
        self.assertEqual(answer.block(messages.BLOCK2), (0, True, 3))
        self.assert_issued(self.download(answer))

    def test_non(self):
        message = self.sen(type=NON)
        self.send(message)
        self.may_answer.set()
        answer = self.hear()
        self.assertEqual((answer.type, answer.said, answer.token), (NON, "2.04", message.token))

    def test_no_cloud(self):
        """Said at once, in the acknowledgement, and the job goes on."""
        self.agent.send("cloud_state", state=wire.OFFLINE)
        answer = self.assert_said(self.sen(), "5.03")
        self.assertEqual((answer.type, answer.uint(messages.MAX_AGE)), (ACK, 30))
        self.may_answer.set()
        self.assert_silence()
        self.agent.wait("enroll")


class Options(MessageCase):
    def assert_get(self, said, *options, path=ATT):
        return self.assert_said(self.message(path, options=options), said)

    def test_critical_and_elective(self):
        for option in (messages.IF_MATCH, messages.IF_NONE_MATCH, 9, 65001, 2049):
            value = b"" if option == messages.IF_NONE_MATCH else b"xy"
            self.assertEqual(self.assert_get("4.02", (option, value)).type, ACK)
            self.send(self.message(ATT, options=[(option, value)], type=NON))
            self.assertEqual(self.hear().type, RST)
        for option in (messages.ETAG, messages.MAX_AGE, messages.NO_RESPONSE, 65000, 2048,
                       messages.REQUEST_TAG, messages.SIZE2):
            self.assert_get("2.05", (option, b"xy"))
        self.assert_get("2.05", (messages.ETAG, b"one"), (messages.ETAG, b"two"))

    def test_twice_what_may_come_once(self):
        accept = (messages.ACCEPT, messages.number(285))
        self.assert_get("2.05", accept)
        self.assert_get("4.02", accept, accept)
        self.assert_get("4.02", (messages.URI_HOST, b"a"), (messages.URI_HOST, b"b"))
        self.assert_get("4.02", *[(messages.BLOCK2, messages.block(0))] * 2)

    def test_where_it_goes(self):
        self.assert_get("2.05", (messages.URI_HOST, b"gateway.example"), (messages.URI_PORT, b"\x16\x34"))
        self.assert_get("5.05", (messages.PROXY_URI, b"coap://other/"))
        self.assert_get("5.05", (messages.PROXY_SCHEME, b"coap"))
        self.assert_get("4.04", path=".well-known/est/skg")
        self.assert_get("4.04", path="/".join("abcdefghij"))

    def test_observe(self):
        for value in (b"", b"\1"):
            self.assertIsNone(self.assert_get("2.05", (messages.OBSERVE, value)).get(messages.OBSERVE))

    def test_formats(self):
        self.assert_get("4.06", (messages.ACCEPT, messages.number(60)))
        self.assert_get("4.06", (messages.ACCEPT, b""))
        self.assertEqual(self.assert_get("2.05", (messages.ACCEPT, messages.number(287)), path=CRTS)
                         .uint(messages.CONTENT_FORMAT), 287)
        for format_ in (0, 50, PKCS7, 65535):
            self.assert_said(self.sen((messages.CONTENT_FORMAT, messages.number(format_))), "4.15")
        self.assert_said(self.sen((messages.CONTENT_FORMAT, messages.number(PKCS10))), "2.04")

    def test_methods(self):
        for path in (ATT, SEN, "nowhere"):
            for method in range(messages.PUT, 32):
                self.assert_said(self.message(path, method), "4.05")
        self.assert_get("4.05", path=SEN)
        self.assert_said(self.message(ATT, messages.POST), "4.05")

    def test_resources_of_the_second_session(self):
        self.assert_said(self.sen(path=SREN), "4.03")
        peer = self.session_with_certificate()
        self.assert_said(self.message(CONFIG), "2.05", peer)
        self.assert_said(self.sen(path=SREN), "2.04", peer)


class Blocks(MessageCase):
    """RFC 7959."""

    def test_all_sizes(self):
        for szx in range(7):
            for other in (szx, 6 - szx):
                answer = self.upload(self.blocks(self.csr, szx, (messages.BLOCK2,
                                                                 messages.block(0, szx=other))))
                self.assertEqual(answer.said, "2.04")
                self.assertEqual(answer.block(messages.BLOCK1),
                                 ((len(self.csr) - 1) >> 4 + szx, False, szx))
                self.assertEqual(answer.block(messages.BLOCK2)[2], other)
                self.assert_issued(self.download(answer))

    def test_reserved_size(self):
        for option in (messages.BLOCK1, messages.BLOCK2):
            self.assert_said(self.sen((option, messages.block(0, szx=7))), "4.00")

    def test_smaller_in_the_middle(self):
        big, small = (self.blocks(self.csr, szx) for szx in (3, 1))
        answer = self.upload([big[0], *small[4:]])
        self.assert_issued(self.download(answer))
        answer = self.ask(self.sen((messages.BLOCK2, messages.block(0, szx=5))))
        self.assert_issued(self.download(answer, szx=0))

    def test_gaps(self):
        for message in self.blocks(self.csr, 1)[1:4]:
            self.assert_said(message, "4.08")
        self.upload(self.blocks(self.csr, 1)[:3])
        answer = self.assert_said(self.blocks(self.csr, 1)[5], "4.08")
        self.assertEqual(answer.block(messages.BLOCK1)[0], 5)
        again = self.upload(self.blocks(self.csr, 1)[3:])
        self.assertEqual(again.said, "2.04", "a gap ends nothing")
        self.assert_issued(self.download(again))

    def test_started_over(self):
        other = self.requests[1]
        for token in (b"tk", b"fresh"):
            self.upload(self.blocks(other, 1)[:4])
            answer = self.upload(self.blocks(self.csr, 1, token=token))
            self.assertEqual(answer.said, "2.04")
            self.assert_issued(self.download(answer))
        self.assertNotIn(other, self.enrolled)

    def test_two_at_once(self):
        """Told apart by Request-Tag, by path, by query."""
        tags = [[(messages.REQUEST_TAG, bytes([n]))] for n in (1, 2)]
        queries = [[(messages.URI_QUERY, bytes([n]))] for n in (65, 66)]
        for kinds in (tags, queries, [[], [(messages.CONTENT_FORMAT, messages.number(PKCS10))]]):
            self.enrolled.clear()
            both = [self.blocks(csr, 1, *options) for csr, options in zip(self.requests, kinds)]
            length = min(map(len, both))
            for pair in zip(*(sent[:length - 1] for sent in both)):
                for message in pair:
                    self.assert_said(message, "2.31")
            for sent in both:
                self.assertEqual(self.upload(sent[length - 1:]).said, "2.04")
            self.assertEqual(self.enrolled, self.requests)

    def test_two_that_are_mixed(self):
        """Told apart by tokens only, which say nothing about bodies: the later one takes the place of the
        other, and what a mixture may come to is refused for its signature."""
        both = [self.blocks(csr, 1, token=bytes([n])) for n, csr in enumerate(self.requests)]
        said = set()
        for n, pair in enumerate(zip(*both)):
            said |= {self.ask(message).said for message in (pair if n % 2 else reversed(pair))}
        self.assertLessEqual(said, {"2.31", "4.08", "4.00"})
        self.assertEqual(self.enrolled, [])
        self.assertEqual(self.upload(self.blocks(self.csr, 1)).said, "2.04")

    def test_too_large(self):
        first = self.sen((messages.BLOCK1, messages.block(0, True)), (messages.SIZE1,
                         messages.number(CSR_MAX + 1)), payload=bytes(1024))
        self.assertEqual(self.assert_said(first, "4.13").uint(messages.SIZE1), CSR_MAX)
        *fits, excess = self.blocks(bytes(CSR_MAX + 1), 6)
        for message in fits:
            self.assert_said(message, "2.31")
        answer = self.assert_said(excess, "4.13")
        self.assertEqual(answer.uint(messages.SIZE1), CSR_MAX)
        self.agent.wait("rejected", count=2, reason="too-large")
        self.assert_said(self.sen((messages.BLOCK1, messages.block((1 << 20) - 1)), payload=b"x"), "4.13")
        self.assert_said(self.sen((messages.BLOCK1, messages.block(0, True, 1)), payload=bytes(31)), "4.00")

    def test_behind_the_end(self):
        for number in (1, 100, (1 << 20) - 1):
            self.assert_said(self.message(ATT, options=[
                (messages.BLOCK2, messages.block(number, szx=6))]), "4.00")
        self.assert_said(self.message(SEN, messages.POST, options=[
            (messages.BLOCK2, messages.block(1, szx=2))]), "4.08")
        answer = self.assert_said(self.sen((messages.BLOCK2, messages.block(0, szx=2))), "2.04")
        whole = self.download(answer)
        self.assert_said(self.message(SEN, messages.POST, options=[
            (messages.BLOCK2, messages.block(len(whole) // 64 + 1, szx=2))]), "4.00")

    def test_repeated(self):
        """Every message once or more: one enrolment."""
        self.ask(self.sen())  # what is known is answered at once
        self.enrolled.clear()
        for message in self.blocks(self.csr, 0, (messages.BLOCK2, messages.block(0, szx=2))):
            first = self.ask(message)
            for _ in range(DIE.randrange(3)):
                self.assertEqual(self.ask(message), first)
        self.assert_issued(self.download(first))
        self.assertEqual(self.enrolled, [self.csr])

    def test_a_late_first_block(self):
        """The first copy of block 0 comes in when the message layer has long forgotten it."""
        sent = self.blocks(self.csr, 0)
        self.assertGreater(len(sent), 12)
        self.upload(sent[:12])
        for _ in range(16):
            self.assert_said(self.message(ATT), "2.05")
        self.assert_said(sent[0], "2.31")
        self.assertEqual(self.upload(sent[12:]).said, "2.04")

    def test_anchors(self):
        for szx in range(7):
            answer = self.assert_said(self.message(CRTS, options=[
                (messages.BLOCK2, messages.block(0, szx=szx))]), "2.05")
            body = self.download(answer, CRTS, messages.GET)
            self.assertIn(self.agent.authority.der(), body)
            self.assertEqual(len(answer.payload), min(16 << szx, len(body)))


class Datagrams(MessageCase):
    def begin(self):
        """With a server certificate of two kilobytes."""
        names = ",".join(f"DNS:gateway-{n}.of-a-long-name.example" for n in range(60))
        self.agent._on_server_csr = lambda m: self.agent.send(
            "server_cert", key=m.key, certificate=door_agent.openssl(
                "x509", "-outform", "DER", data=self.agent.authority.sign_for_seconds(
                    m.csr, "/CN=gw-test", f"{door_agent.SERVER_EXTENSIONS}subjectAltName={names}\n", 86400)))
        return super().begin()

    def test_any_link_carries_them(self):
        relay = datagrams.Relay(self.port())
        self.addCleanup(relay.close)
        key, certificate = self.agent.authority.device("ACME-1")
        peer = dtls_client.Session(relay.port, key=key, certificate=certificate)
        self.addCleanup(peer.drop)
        self.assertEqual(self.ask(self.message(CONFIG), peer).said, "2.05")
        self.assertEqual(self.ask(self.sen(path=SREN), peer).said, "2.04")
        sizes = [len(datagram) for datagram in relay.from_server]
        self.assertGreater(sum(sizes), 2500)
        self.assertLessEqual(max(sizes), 1280 - 40 - 8, "the least MTU of IPv6, less its headers")


if __name__ == "__main__":
    registrar.main()
