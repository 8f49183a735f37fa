#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gangway-registrar holds out: against floods of handshakes, lossy and shuffling networks, descriptors that are
no sockets; and an unknown identity looks like a wrong key."""
import contextlib
import fcntl
import os
import pathlib
import socket
import sys
import threading
import time

import datagrams as d
import patience
import registrar
import wire

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))
import ports  # noqa: E402


class Network(registrar.RegistrarCase):
    def test_loss_of_each(self):
        """Whichever datagram of the handshake and the request is lost, the next try brings it."""
        def lose(nth):
            count = [0]

            def drop(datagram):
                count[0] += 1
                return [] if count[0] == nth else [datagram]
            return drop

        self.begin()
        for side, n in ("client", 6), ("server", 4):
            for nth in range(1, n + 1):
                with self.subTest(f"{side}, {nth}"):
                    relay = d.Relay(self.port(), **{side: lose(nth)})
                    self.assertIn("ace.est", self.coap("coap-client-openssl", ".well-known/core",
                                                       port=relay.port))
                    relay.close()

    def test_flight_in_pieces(self):
        """Of the three datagrams of GnuTLS's last flight, the first try brings two and the second the third."""
        tries = [0]

        def pick(datagram):
            kinds = [kind for kind, _, _ in d.records(datagram)]
            if d.CLIENT_KEY_EXCHANGE in d.messages(datagram):
                tries[0] += 1
                return [datagram] if tries[0] == 2 else []
            if kinds == [d.CHANGE_CIPHER_SPEC]:
                return [datagram] if tries[0] == 1 else []
            if kinds == [d.HANDSHAKE] and next(d.records(datagram))[1] == 1:
                return [datagram] if tries[0] == 1 else []
            return [datagram]

        self.begin()
        relay = d.Relay(self.port(), client=pick)
        self.addCleanup(relay.close)
        self.assertIn("ace.est", self.coap("coap-client-gnutls", ".well-known/core", port=relay.port))
        self.assertEqual(tries[0], 2)

    def test_finished_is_lost_twice(self):
        """GnuTLS keeps quiet while our flight comes again and again, and libcoap gives it five seconds."""
        lost = []

        def lose(datagram):
            finished = any(kind == d.HANDSHAKE and epoch == 1 for kind, epoch, _ in d.records(datagram))
            if finished and len(lost) < 2:
                lost.append(datagram)
                return []
            return [datagram]

        self.begin()
        relay = d.Relay(self.port(), client=lose)
        self.addCleanup(relay.close)
        self.assertIn("ace.est", self.coap("coap-client-gnutls", ".well-known/core", port=relay.port))
        self.assertEqual(len(lost), 2)

    def test_loss_of_both_sides(self):
        """Every third datagram of either side is lost, which is as bad for each flight as can be."""
        def lossy():
            count = [0]

            def drop(datagram):
                count[0] += 1
                return [] if count[0] % 3 == 2 else [datagram]
            return drop

        self.begin()
        relay = d.Relay(self.port(), client=lossy(), server=lossy())
        self.addCleanup(relay.close)
        self.assertIn("ace.est", self.coap("coap-client-openssl", ".well-known/core", port=relay.port))

    def test_flight_comes_backwards(self):
        """GnuTLS sends the last flight as three datagrams: the Finished first, the key exchange last."""
        held = []

        def reverse(datagram):
            kind, epoch, _ = next(d.records(datagram))
            last = epoch or kind == d.CHANGE_CIPHER_SPEC or d.CLIENT_KEY_EXCHANGE in d.messages(datagram)
            if not last or len(held) == 3:
                return [datagram]
            held.append(datagram)
            return reversed(held) if len(held) == 3 else []

        self.begin()
        relay = d.Relay(self.port(), client=reverse)
        self.addCleanup(relay.close)
        self.assertIn("ace.est", self.coap("coap-client-gnutls", ".well-known/core", port=relay.port))
        self.assertEqual(len(held), 3)

    def test_everything_comes_twice(self):
        self.begin()
        relay = d.Relay(self.port(), client=lambda x: [x, x], server=lambda x: [x, x])
        self.addCleanup(relay.close)
        for client in registrar.COAP_CLIENTS:
            self.assertIn("ace.est", self.coap(client, ".well-known/core", port=relay.port))


class Restarts(registrar.RegistrarCase):
    """A device that was switched off comes back from the same address and port, and gets in at once."""

    with_certificates = True

    def begin(self):
        self.device_port = ports.take_one()
        key, certificate = self.agent.authority.device("ACME-2")
        self.proofs = {"by secret": self.psk(),
                       "by certificate": ["-key", str(key), "-cert", str(certificate)]}
        self.peers = 0
        return super().begin()

    def come(self, proof):
        """Returns its session, once it is in; the device is cut off in it."""
        client = self.s_client("-bind", f"127.0.0.1:{self.device_port}", *proof, wait=False)
        self.peers += 1
        session = self.agent.wait("peer", count=self.peers).session
        client.kill()
        client.communicate()
        return session

    def test_established(self):
        self.begin()
        before = None
        for first in self.proofs:
            for then in self.proofs:
                with self.subTest(f"{first}, then {then}"):
                    for proof in first, then:
                        session = self.come(self.proofs[proof])
                        if before:
                            self.agent.wait("session_end", session=before, reason="restarted")
                        before = session
        self.assertEqual(self.agent.count("session_end"), self.peers - 1)

    def test_in_the_middle_of_a_handshake(self):
        """However far it had come: cut off behind the server's flight, or behind its own."""
        suites = {"by secret": d.PSK_AES128_CCM8, "by certificate": d.ECDHE_ECDSA_AES128_CCM8}
        self.begin()
        for name, suite in suites.items():
            for is_named in (False, True):
                with self.subTest(f"{name}, {'behind' if is_named else 'before'} its flight"):
                    with contextlib.closing(d.RawClient(self.port(), port=self.device_port)) as client:
                        self.assertEqual(d.messages(client.hello(suites=(suite,)))[0], d.SERVER_HELLO)
                        if is_named:
                            client.name(b"ACME-1")
                    self.come(self.proofs[name])

    def test_again_and_again(self):
        """Each time it asks anew, it is answered anew."""
        self.begin()
        client = d.RawClient(self.port())
        self.addCleanup(client.close)
        for _ in range(20):
            client.restart()
            self.assertEqual(d.messages(client.hello())[0], d.SERVER_HELLO)


class Identities(registrar.RegistrarCase):
    settings = f"handshake_timeout={2 * patience.TIMES}\n"

    @staticmethod
    def shape(datagram):
        return [(kind, epoch, len(payload)) for kind, epoch, payload in d.records(datagram)]

    def answers(self, identity):
        """The shapes of all datagrams that a client gets which names the identity and has no key."""
        shapes = []

        def keep(datagram):
            shapes.append(self.shape(datagram))
            return [datagram]

        relay = d.Relay(self.port(), server=keep)
        client = d.RawClient(relay.port)
        client.hello()
        client.name(identity)
        self.clients = getattr(self, "clients", 0) + 1
        self.wait_for_log("does not get in: timeout", count=self.clients)
        relay.close()
        client.close()
        return shapes

    def answers_in_peace(self, identity):
        """The same where nobody was held up: a server that waits long for a flight repeats its own."""
        for n in range(1, 11):
            shapes = self.answers(identity)
            if shapes.count(shapes[-1]) == 1:
                break
        return shapes, n

    def test_unknown_looks_like_wrong(self):
        self.begin()
        wrong, n = self.answers_in_peace(b"ACME-1")
        self.assertEqual(len(wrong), 2)  # challenge and flight: it went on, so it has both
        unknown, m = self.answers_in_peace(b"NOBODY-1")
        self.assertEqual(unknown, wrong)
        self.assertEqual(self.answers_in_peace(b"no device id!")[0], wrong)
        self.assertEqual(self.agent.count("peer"), 0)
        self.assertEqual(self.agent.count("secret_query"), n + m)
        self.assertEqual(self.agent.count("failed", reason="timeout"), n + m)

    def real_answers(self, identity, cipher):
        """The same of a real client with a wrong key: when it repeats itself is its own business."""
        shapes = set()

        def keep(datagram):
            shapes.add(tuple(self.shape(datagram)))
            return [datagram]

        relay = d.Relay(self.port(), server=keep)
        client = self.s_client(*self.psk(identity, "ff" * 16, cipher), port=relay.port, wait=False)
        self.clients = getattr(self, "clients", 0) + 1
        self.wait_for_log("does not get in: timeout", count=self.clients)
        client.kill()
        self.assertNotIn("alert", client.communicate()[0].decode(errors="replace"))
        relay.close()
        return shapes

    def test_real_clients(self):
        self.begin()
        for cipher in ("PSK-AES128-CCM8", "ECDHE-PSK-AES128-CBC-SHA256", "ECDHE-PSK-CHACHA20-POLY1305"):
            with self.subTest(cipher):
                wrong = self.real_answers("ACME-1", cipher)
                self.assertEqual(len(wrong), 2)
                self.assertEqual(self.real_answers("NOBODY-1", cipher), wrong)

    def test_asked_once(self):
        """However often and in whatever pieces the identity comes."""
        self.agent.answer_secrets = False
        self.begin()
        client = d.RawClient(self.port())
        self.addCleanup(client.close)
        client.hello()
        body = client.key_exchange(b"ACME-1")
        for start, stop in ((4, 8), (0, 1), (0, 4), (0, 8), (0, 8)):
            client.put_record(d.HANDSHAKE, d.handshake(d.CLIENT_KEY_EXCHANGE, body, 2, offset=start,
                                                       fragment=stop - start))
        client.name(b"ACME-1")
        query = self.agent.wait("secret_query", identity="ACME-1")
        self.agent.wait("failed", session=query.session, reason="timeout")
        self.assertEqual(self.agent.count("secret_query"), 1)

    def test_agent_goes_away(self):
        self.begin()
        client = d.RawClient(self.port())
        self.addCleanup(client.close)
        client.hello()
        client.name(b"ACME-1")
        self.agent.wait("secret_query")
        self.agent.hang_up()
        self.wait_for_log("trying again")
        client.second_hello()
        self.assertTrue(client.is_silent())


class Knocks(registrar.RegistrarCase):
    def knock(self, identity=b"ACME-1", host="127.0.0.1"):
        client = d.RawClient(self.port(), source=host)
        self.addCleanup(client.close)
        client.hello()
        client.name(identity)
        return client


class Limits(Knocks):
    RATE = 8
    settings = f"handshakes_max=3\nhandshakes_per_source=2\nsecret_rate={RATE}\nsessions_max=2\n"

    def test_oldest_of_the_source_goes(self):
        self.agent.answer_secrets = False
        self.begin()
        queries = []
        for n in range(1, 5):
            self.knock()
            queries.append(self.agent.wait("secret_query", count=n))
        for query in queries[:2]:
            self.agent.wait("failed", session=query.session, reason="evicted")
        self.assertEqual(self.agent.count("failed"), 2)

    def test_oldest_of_all_goes(self):
        self.agent.answer_secrets = False
        self.begin()
        queries = []
        for n in range(1, 5):
            self.knock(host=f"127.0.0.{n}")
            queries.append(self.agent.wait("secret_query", count=n))
        self.agent.wait("failed", session=queries[0].session, reason="evicted")
        self.assertEqual(self.agent.count("failed"), 1)

    def test_a_flood_pushes_out_itself(self):
        self.agent.answer_secrets = False
        self.begin()
        self.knock(host="127.0.9.1")
        owner = self.agent.wait("secret_query")
        flood = []
        for n in range(1, 4):  # from a network that has many addresses
            self.knock(host=f"127.0.0.{n}")
            flood.append(self.agent.wait("secret_query", count=n + 1).session)
        self.agent.wait("failed", session=flood[0], reason="evicted")
        self.assertEqual(self.agent.count("failed", session=owner.session), 0, "it is older")

    def test_secrets_have_a_rate(self):
        """Of which one source leaves half to others."""
        self.begin()
        began = time.monotonic()
        clients = [self.knock() for _ in range(3 * self.RATE)]
        self.agent.wait("secret_query", count=self.RATE // 2)
        clients.append(self.knock(b"ACME-2", host="127.0.0.2"))
        self.agent.wait("secret_query", identity="ACME-2")
        for client in clients:
            client.close()
        # at once, no more than the burst and what was earned meanwhile
        had = self.agent.count("secret_query", identity="ACME-1")
        self.assertLessEqual(had, self.RATE * (1 + time.monotonic() - began))
        # and a client that repeats itself gets through after all
        self.assertIn("ace.est", self.coap("coap-client-openssl", ".well-known/core"))

    def test_longest_silent_session_goes(self):
        self.begin()
        clients, sessions = [], []
        for n in range(1, 4):
            clients.append(self.s_client(*self.psk(), wait=False))
            sessions.append(self.agent.wait("peer", count=n).session)
        self.agent.wait("session_end", session=sessions[0], reason="evicted")
        self.assertEqual(self.agent.count("session_end"), 1)
        for client in clients:
            client.kill()
            client.communicate()


class Idle(registrar.RegistrarCase):
    settings = f"idle_timeout={2 * patience.TIMES}\n"

    def test_silent_session_goes(self):
        self.begin()
        client = self.s_client(*self.psk(), wait=False)
        self.addCleanup(client.communicate)
        self.addCleanup(client.kill)
        self.agent.wait("session_end", session=self.agent.wait("peer").session, reason="idle")


class SecretRate(Knocks):
    settings = "secret_rate=40\n"

    def test_newcomers_find_secrets(self):
        """However often others have knocked just now, each as often as it could."""
        self.agent.answer_secrets = False
        self.begin()
        for _ in range(12):
            for network in range(1, 6):
                self.knock(b"NOBODY", host=f"127.1.{network}.1")
        for n in range(10):
            self.knock(f"ACME-{n}".encode(), host=f"127.2.{n}.1")
        for n in range(10):
            self.agent.wait("secret_query", identity=f"ACME-{n}")


class SessionLimits(registrar.RegistrarCase):
    settings = "sessions_max=3\nsessions_per_source=2\n"
    with_certificates = True

    def connect(self, n):
        """The n-th session; stays open until the test ends."""
        client = self.s_client(*self.psk(), wait=False)
        self.addCleanup(client.communicate)
        self.addCleanup(client.kill)
        return self.agent.wait("peer", count=n).session

    def test_source_has_its_share(self):
        self.begin()
        sessions = [self.connect(n) for n in range(1, 5)]
        for session in sessions[:2]:
            self.agent.wait("session_end", session=session, reason="evicted")
        self.assertEqual(self.agent.count("session_end"), 2)

    def test_who_is_being_served_stays(self):
        self.begin()
        self.agent._on_enroll = lambda message: None
        request = os.path.join(self.folder, "request")
        key = os.path.join(self.folder, "device.key")
        registrar.door_agent.Authority.new_key(key)
        registrar.door_agent.openssl("req", "-new", "-key", key, "-subj", "/CN=ACME-1", "-outform", "DER",
                                     "-out", request)
        device = threading.Thread(target=self.coap, args=(
            "coap-client-openssl", ".well-known/est/sen", "-m", "post", "-t", "286", "-f", request))
        device.start()
        self.addCleanup(device.join)
        enroll = self.agent.wait("enroll")
        silent = [self.connect(n) for n in range(2, 5)]
        for session in silent[:2]:
            self.agent.wait("session_end", session=session, reason="evicted")
        self.assertEqual(self.agent.count("session_end", session=enroll.session), 0)
        door = registrar.door_agent.DoorAgent
        door._on_enroll(self.agent, enroll)


class Descriptors(registrar.RegistrarCase):
    def test_no_socket(self):
        self.begin()
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        unix = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        packet = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 0)
        with tcp, unix, packet, open("/dev/null", "rb") as file:
            for n, what in enumerate((tcp, unix, packet, file), 1):
                self.agent.send("channel", fd=what.fileno(), channel=10 + n,
                                kind=wire.CHANNEL_DATAGRAM, transport="bad", label="door")
                self.wait_for_log("is not usable", count=n)
        self.agent.send("channel", fd=self.agent.udp.fileno(), channel=20, kind=wire.CHANNEL_STREAM,
                        transport="bad", label="door")
        self.wait_for_log("is not usable", count=5)
        self.assertIn("ace.est", self.coap("coap-client-openssl", ".well-known/core"))

    def test_anchors_that_can_change(self):
        self.begin()
        for n, seals in enumerate((0, registrar.door_agent.SEALS & ~0x8), 1):
            fd = os.memfd_create("anchors", os.MFD_ALLOW_SEALING)
            fcntl.fcntl(fd, registrar.door_agent.F_ADD_SEALS, seals)
            self.agent.send("anchors", fd=fd, purpose=wire.ANCHORS_DEVICE)
            os.close(fd)
            self.wait_for_log("list of trust anchors that came cannot be used", count=n)

    def test_socket_is_shut_down(self):
        """By whoever gave it, which wakes its reader up for ever."""
        self.begin()
        try:
            self.agent.udp.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is not connected, and is shut down all the same
        self.wait_for_log("is of no more use")

    def test_socket_is_connected_elsewhere(self):
        """By whoever gave it: answers still go to whom they are for."""
        self.begin()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            client = d.RawClient(self.port())
            self.addCleanup(client.close)
            flight = client.hello()
            self.agent.udp.connect(other.getsockname())
            self.assertEqual(d.messages(client.get()), d.messages(flight))  # sent again after a second
            other.setblocking(False)
            with self.assertRaises(BlockingIOError):
                other.recv(1)

    def test_channel_gone(self):
        self.begin()
        client = self.s_client(*self.psk(), wait=False)
        peer = self.agent.wait("peer")
        self.agent.send("channel_gone", channel=1)
        self.agent.wait("session_end", session=peer.session, reason="channel-gone")
        client.kill()
        client.communicate()

    def test_agent_ends_a_session(self):
        self.begin()
        client = self.s_client(*self.psk(), wait=False)
        peer = self.agent.wait("peer")
        self.agent.send("session_end", session=peer.session, reason="revoked")
        client.wait(patience.NEVER_S)  # it was told so, with its input still open
        client.communicate()
        self.assertEqual(self.agent.count("session_end"), 0)


class OverIpv6(registrar.RegistrarCase):
    family = socket.AF_INET6

    def test_coap_clients(self):
        self.begin()
        for client in registrar.COAP_CLIENTS:
            self.assertIn("ace.est", self.coap(client, ".well-known/core", host="[::1]"))
        self.assertTrue(self.agent.wait("peer").address.startswith("[::1]:"))


if __name__ == "__main__":
    registrar.main()
