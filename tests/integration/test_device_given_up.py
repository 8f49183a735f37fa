#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gangway-device with a certificate on its way that the gateway wants nothing of any more, while the one before it, or
the label, is as good as ever: it helps itself, and drops nothing because of a "later". The agent is played by the test."""
import collections
import pathlib
import signal
import socket
import unittest

import door_agent
import test_device
import wire


class GivenUp(test_device.DeviceCase):
    DROPPED = ["device.dropped:before", "device.dropped:after"]

    def setUp(self):
        super().setUp()
        self.refused, self.waiting = set(), collections.Counter()  # by serial; who waits, how many sessions long
        let_in = self.agent._on_peer

        def on_peer(m):
            if m.serial in self.refused:
                self.agent.send("verdict", session=m.session, allow=0, device=m.identity, reason="not-proved")
            elif self.waiting[m.serial] > 0:
                self.waiting[m.serial] -= 1
                self.agent.send("verdict", session=m.session, allow=1, device=m.identity, reason="cloud-away")
            else:
                let_in(m)
        self.agent._on_peer = on_peer

    def serial_in(self, name):
        told = door_agent.openssl("x509", "-in", str(self.path(name)), "-noout", "-serial").decode()
        return bytes.fromhex(told.strip().partition("=")[2])

    def begin_renewal(self, die_at="device.certificate:after"):
        """Aboard, and dead on the way to the next certificate."""
        self.begin()
        self.assert_aboard(self.run_device())
        self.die_in_renewal(die_at)

    def die_in_renewal(self, *die_at):
        for step in die_at:
            run = self.run_device("--renew", env={"GANGWAY_DIE_AT": step})
            self.assertEqual(run.status, -signal.SIGKILL, run.output)

    def test_aboard_by_the_one_before(self):
        self.begin_renewal()
        serial = self.serial()
        self.refused.add(self.serial_in("candidate.pem"))
        run = self.run_device(with_label=False)
        self.assert_aboard(run)
        self.assertIn("still good", run.output)
        self.assertEqual((self.serial(), len(self.keys())), (serial, 2))

    def test_renews_anew(self):
        for options, n_keys in (((), 3), (("--same-key",), 2)):
            with self.subTest(options):
                self.state = pathlib.Path(self.folder, f"state-{n_keys}")
                n = len(self.keys())
                if n:
                    self.assert_aboard(self.run_device())
                    self.die_in_renewal("device.certificate:after")
                else:
                    self.begin_renewal()
                serial = self.serial()
                self.refused.add(self.serial_in("candidate.pem"))
                self.assert_aboard(self.run_device("--renew", *options, with_label=False))
                self.assertNotEqual(self.serial(), serial)
                self.assertEqual(len(set(self.keys()[n:])), n_keys)

    def test_dies_while_it_drops(self):
        """At any moment there is one that works, and the renewal comes to its end."""
        self.begin_renewal()
        for moment in self.DROPPED:
            with self.subTest(moment):
                serial = self.serial()
                self.refused.add(self.serial_in("candidate.pem"))
                self.die_in_renewal(moment)
                self.assertEqual(self.serial(), serial)
                self.assertEqual(self.path("candidate.pem").exists(), moment.endswith("before"))
                self.die_in_renewal("device.key:after", "device.certificate:before", "device.certificate:after")
                self.assertEqual(self.serial(), serial)
        self.assert_aboard(self.run_device("--renew"))
        self.assertNotEqual(self.serial(), serial)

    def assert_kept(self, run, candidate):
        self.assertEqual(run.status, 1, run.output)
        self.assertEqual(self.path("candidate.pem").read_bytes(), candidate)

    def test_later_is_no_refusal(self):
        """Told to come again, nobody there, or nothing heard of the one before: the candidate stays until that is clear."""
        self.begin_renewal()
        candidate, serial = self.path("candidate.pem").read_bytes(), self.serial_in("candidate.pem")
        self.waiting[serial] = 1000
        run = self.run_device(timeout=20)  # and is told to come again later than that
        self.assert_kept(run, candidate)
        self.assertIn("timed out: settings: come again", run.last)

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
            nobody.bind(("127.0.0.1", 0))
            self.assert_kept(self.run_device(port=nobody.getsockname()[1], timeout=2), candidate)

        self.waiting.clear()
        self.refused.add(serial)
        self.waiting[self.serial_in("credential.pem")] = 1000
        run = self.run_device(timeout=25)
        self.assert_kept(run, candidate)
        self.assertIn("come again", run.last)
        self.assertIn("the certificate is not taken", run.last)

        self.refused.clear()
        self.assert_aboard(self.run_device())
        self.assertEqual(self.serial_in("credential.pem"), serial)

    def test_waits_for_the_one_before(self):
        """It is told to come again first, and then served."""
        self.begin_renewal()
        before = self.serial_in("credential.pem")
        self.refused.add(self.serial_in("candidate.pem"))
        self.waiting[before] = 2
        self.assert_aboard(self.run_device(timeout=80))
        self.assertEqual(self.serial_in("credential.pem"), before)

    def test_neither_is_taken(self):
        """So it may be the gateway that is not itself: nothing is dropped."""
        self.begin_renewal()
        candidate = self.path("candidate.pem").read_bytes()
        self.agent.refuse.add(test_device.NAME)
        run = self.run_device(timeout=30)
        self.assert_kept(run, candidate)
        self.assertIn("the one before it", run.last)
        self.agent.refuse.clear()
        self.assert_aboard(self.run_device())

    def test_key_without_certificate(self):
        """The key of a renewal that was begun and is refused: aboard by what there is, or by another key."""
        for options in ((), ("--renew",)):
            with self.subTest(options):
                self.state = pathlib.Path(self.folder, f"state-{len(options)}")
                if options:
                    self.assert_aboard(self.run_device())
                    self.die_in_renewal("device.key:after")
                else:
                    self.begin_renewal("device.key:after")
                serial, n = self.serial(), len(self.keys())
                self.answer_with({"outcome": wire.REFUSED, "reason": "too-many-keys"})
                run = self.run_device(*options, with_label=False)
                self.assert_aboard(run)
                self.assertIn("4.03 too-many-keys", run.output)
                self.assertEqual((self.serial() != serial, len(set(self.keys()[n:]))), (bool(options), 1 + len(options)))

    def test_no_key_is_taken(self):
        """The one that lay there is given up; the next one, made on the spot, is refused for good."""
        self.begin_renewal("device.key:after")
        n = len(self.keys())
        self.answer_with(*[{"outcome": wire.REFUSED, "reason": "too-many-keys"}] * 4)
        run = self.run_device("--renew")
        self.assertEqual(run.status, 1)
        self.assertIn("4.03 too-many-keys", run.last)
        self.assertEqual(len(self.keys()) - n, 2)
        self.assert_aboard(self.run_device())

    def test_first_certificate(self):
        """Never proved in time, so the claim is open once more: the secret gets another one for the same key."""
        self.begin()
        self.die_at("device.certificate:after")
        self.refused.add(self.serial_in("candidate.pem"))
        self.assert_aboard(self.run_device())
        self.assertNotIn(self.serial_in("credential.pem"), self.refused)
        self.assertEqual((len(self.keys()), len(set(self.keys()))), (2, 1))

    def test_first_certificate_is_never_taken(self):
        """Asked for once more in a run, and no oftener."""
        self.begin()
        self.die_at("device.certificate:after")
        let_in = self.agent._on_peer

        def by_secret_alone(m):
            if m.proof == wire.PROOF_CERTIFICATE:
                self.refused.add(m.serial)
            let_in(m)
        self.agent._on_peer = by_secret_alone
        run = self.run_device(timeout=60)
        self.assertEqual(run.status, 1)
        self.assertIn("the certificate is not taken", run.last)
        self.assertEqual(len(self.keys()), 2)
        self.agent._on_peer = let_in
        self.refused.clear()
        self.assert_aboard(self.run_device())

    def test_first_certificate_without_the_label(self):
        self.begin()
        self.die_at("device.certificate:after")
        certificate = self.path("candidate.pem").read_bytes()
        self.refused.add(self.serial_in("candidate.pem"))
        run = self.run_device(with_label=False)
        self.assertEqual(run.status, 2)
        self.assertIn("a label is needed", run.last)
        self.assertEqual(self.path("candidate.pem").read_bytes(), certificate)


if __name__ == "__main__":
    unittest.main()
