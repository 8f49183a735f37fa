# SPDX-License-Identifier: GPL-2.0-or-later
"""Who does not know an open claim's secret learns nothing: not whether the id is known, nor whether the
claim was used, withdrawn or has expired."""
import concurrent.futures
import time

import coap
import dtls
import lab

TIMEOUT_S = 4 * lab.PATIENCE  # of a handshake
QUIET_S = TIMEOUT_S + 3


class Secrets(lab.Shared):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab("--set", f"registrar.handshake_timeout={TIMEOUT_S}"))
        cls.clients = {}
        for case in ("OPEN", "BURNED", "WITHDRAWN", "EXPIRED"):
            cls.clients[case] = coap.Client(cls.lab, case)
            if case != "EXPIRED":
                cls.lab.claim(cls.clients[case])
        lab.wait_for("a claim that ends soon", cls.claim_for_a_moment)
        cls.lab.wait_for_state("EXPIRED", "rejected")
        coap.come_aboard(cls.clients["BURNED"])
        cls.lab.ctl("withdraw", "WITHDRAWN")

    @classmethod
    def claim_for_a_moment(cls):
        """Whether that was said before the moment was over."""
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        return cls.lab.ctl("claim", "--expires", soon, "-", input=cls.clients["EXPIRED"].label, check=False).returncode == 0

    def test_expired_says_so_to_the_operator(self):
        self.assertEqual(self.lab.show("EXPIRED")["reason"], "claim-expired")

    def test_all_failures_sound_alike(self):
        cases = [*self.clients, "NEVER-SEEN", "x" * 60]
        with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
            heard = dict(zip(cases, pool.map(self.heard_in_peace, cases)))
        for case in cases:
            self.assertEqual(heard[case], heard["NEVER-SEEN"], case)
        self.assertEqual(len(heard["OPEN"]), 2, "its flight has arrived: the gateway repeats nothing")

    def heard_in_peace(self, case):
        """A gateway that waits long for our flight repeats its own; on a busy machine it may have to wait."""
        def attempt():
            heard = dtls.sizes_heard(self.lab.coaps, case, QUIET_S)
            return heard if heard[1:].count(heard[1]) == 1 else None

        return lab.wait_for(f"a handshake of {case} that nobody holds up", attempt, limit=4 * lab.NEVER_S)

    def test_a_secret_that_is_no_longer_good(self):
        for case in ("BURNED", "WITHDRAWN", "EXPIRED"):
            with self.subTest(case):
                before = self.lab.show(case)
                answer = self.clients[case].ask("get", "est/crts", wait_s=1)
                self.assertEqual(answer.payload, b"")
                after = self.lab.show(case)
                self.assertEqual((after["state"], after["reason"]), (before["state"], before["reason"]))

    def test_a_wrong_secret(self):
        thief = coap.Client(self.lab, "OPEN", secret=b"another-secret-1")
        self.assertEqual(thief.ask("get", "est/crts", wait_s=1).payload, b"")
        self.assertEqual(self.lab.state("OPEN"), "claimed")
        self.assertTrue(self.clients["OPEN"].ask("get", "est/crts").payload, "the owner is not locked out")

    def test_who_was_never_claimed_is_only_seen(self):
        stranger = coap.Client(self.lab, "STRANGER")
        with stranger.knocking():
            self.lab.wait_for_state("STRANGER", "discovered")
        self.assertFalse(stranger.file("answer").exists())
        self.lab.restart("gangwayd")
        self.assertIsNone(self.lab.state("STRANGER"), "a sighting is kept in memory alone")

    def test_claimed_after_it_was_seen(self):
        late = coap.Client(self.lab, "LATE")
        with late.knocking():
            self.lab.wait_for_state("LATE", "discovered")
        self.lab.claim(late)
        self.assertTrue(late.ask("get", "est/crts").payload)

    def test_names_that_are_no_ids(self):
        for name in ("with space", "a/b", "%n%n%n", "é", "x" * 200):
            with self.subTest(name):
                client = coap.Client(self.lab, name)
                self.assertEqual(client.ask("get", "est/crts", wait_s=1).payload, b"")
        listed = [d["id"] for d in self.lab.ctl_json("devices")]
        self.assertFalse(set(listed) - {"OPEN", "BURNED", "WITHDRAWN", "EXPIRED", "STRANGER", "LATE",
                                        "NEVER-SEEN", "x" * 60})
