# SPDX-License-Identifier: GPL-2.0-or-later
"""Clocks that are wrong: a boot in 1970, jumps of years forward and back, and whose word counts."""
import sys
import unittest

import coap
import lab

sys.path.insert(1, str(lab.TOP / "tests" / "integration"))
import fake_timedate  # noqa: E402

BUILT = 1793000000  # no clock is right that shows less
TEN_YEARS = 10 * 365 * 86400
WAIT = "5.03"


def reason(gateway):
    return gateway.status().get("clock_reason")


def wait_for_reason(gateway, wanted):
    gateway.wait_for(f"the clock's reason is {wanted}", lambda: reason(gateway) == wanted)


def settings(client):
    """What a session with the device's certificate is answered."""
    return client.ask_with_certificate("get", "gangway/config")


class SystemOnly(lab.Shared):
    """Nobody but the system is believed, and it says nothing at first."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab("--clock", "gateway=@0", "--set", "clock.trust=system"))

    def test_from_1970(self):
        gateway = self.lab
        self.assertEqual((gateway.status()["clock_trusted"], reason(gateway)), (False, "below-floor"))
        client = coap.claimed_client(gateway, "BOOT-1")
        self.assertEqual(gateway.show("BOOT-1")["claim_expires"], 0)  # it begins to end once the time is known
        waiting = gateway.new_device("BOOT-2")
        gateway.claim(waiting)
        coap.come_aboard(client)
        self.assertEqual(gateway.state("BOOT-1"), "onboarded")

        answer = settings(client)  # by a certificate whose dates nobody can judge
        self.assertFalse(answer.payload)
        self.assertIn(WAIT, answer.said)
        self.assertIn("Waits", gateway.log("gangwayd"))
        self.assertIn("clock", gateway.ctl("doctor", check=False).stdout)

        with fake_timedate.FakeTimedate(gateway.folder / "run" / "bus") as timedate:
            gateway.set_clock("gateway", "real")
            wait_for_reason(gateway, "not-synchronised")
            timedate.say(timedate.question(), False)
            gateway.set_clock("gateway", "+60")
            timedate.say(timedate.question(), True)
            wait_for_reason(gateway, "system")
            self.assertTrue(settings(client).payload)
            self.assertGreater(gateway.show("BOOT-2")["claim_expires"], BUILT)
            self.assertEqual(gateway.state("BOOT-1"), "onboarded")  # not taken for never proved
            waiting.come_aboard()

            # The word was for the clock as it went then. Until it is given anew nothing is judged.
            gateway.set_clock("gateway", f"+{TEN_YEARS}")
            question = timedate.question()
            self.assertEqual((gateway.status()["clock_trusted"], reason(gateway)),
                             (False, "not-synchronised"))
            self.assertIn(WAIT, settings(client).said)
            timedate.say_oddly(question)
            gateway.set_clock("gateway", "@5")  # while nobody answers
            timedate.fail(timedate.question())
            wait_for_reason(gateway, "below-floor")
            gateway.set_clock("gateway", "real")
            timedate.say(timedate.question(), True)
            wait_for_reason(gateway, "system")
            self.assertTrue(settings(client).payload)
        self.assertEqual(gateway.state("BOOT-1"), "onboarded")
        self.assertEqual(gateway.state("BOOT-2"), "onboarded")


class CloudToo(lab.Shared):
    """The default: the cloud vouches for its own time, whatever the machine's clock does."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab("--clock", "gateway=@0", "--set", "cloud.retry_first=1",
                                                "--set", "cloud.retry_max=2"))

    def setUp(self):
        super().setUp()
        self.lab.set_clock("gateway", "@0")
        wait_for_reason(self.lab, "cloud-alone")

    def test_jumps_lose_nothing(self):
        gateway = self.lab
        status, records = gateway.status(), gateway.audit()
        self.assertTrue(status["clock_trusted"])
        for told in (status["time"], status["state_since"], status["cloud_since"], *(r["time"] for r in records)):
            self.assertGreaterEqual(told, BUILT)  # though the machine says 1970
        self.assertEqual(records[0]["n"], 1)  # nothing is old
        aboard = coap.claimed_client(gateway, "JUMP-1")
        coap.come_aboard(aboard)
        claimed = gateway.new_device("JUMP-2")
        gateway.claim(claimed, "--expires", "2099-01-01")
        gateway.claim(gateway.new_device("JUMP-3"))
        gateway.stop("gangway-cloud")
        enrolling = coap.claimed_client(gateway, "JUMP-4")
        enrolling.new_key()
        request = enrolling.request()
        self.assertRegex(enrolling.enroll(request).said, "^5.03")
        self.assertEqual(gateway.state("JUMP-4"), "enrolling")
        ends = gateway.show("JUMP-3")["claim_expires"]

        for where in (f"+{TEN_YEARS}", f"-{TEN_YEARS}", f"+{6 * TEN_YEARS}", "@0"):
            steps = gateway.log("gangwayd").count("clock was set")
            gateway.set_clock("gateway", where)
            gateway.wait_for("the step is noticed",
                             lambda n=steps: gateway.log("gangwayd").count("clock was set") > n)
            self.assertEqual((gateway.status()["clock_trusted"], reason(gateway)), (True, "cloud-alone"))
            self.assertTrue(settings(aboard).payload)
            self.assertEqual([gateway.state(f"JUMP-{i}") for i in (1, 2, 3, 4)],
                             ["onboarded", "claimed", "claimed", "enrolling"])
            self.assertEqual(gateway.show("JUMP-3")["claim_expires"], ends)
        gateway.start("gangway-cloud")
        claimed.come_aboard()
        gateway.wait_for_rest()
        gateway.wait_for_state("JUMP-4", "issued", "onboarded")
        # Nor does anybody storm the cloud for what only seems to have ended.
        self.assertEqual(gateway.log("gangway-cloud").count("issued server certificate"), 1)
        gateway.set_clock("gateway", "real")
        wait_for_reason(gateway, "cloud")

    def test_a_time_that_was_forgotten(self):
        """On record, once; and the cloud's word is asked for anew, as at every start."""
        gateway = self.lab
        gateway.stop("gangwayd")
        gateway.run("gangwayd", "--forget-time", "--state", gateway.environment()["GANGWAY_STATE"])
        for _ in range(2):
            gateway.start("gangwayd")
            wait_for_reason(gateway, "cloud-alone")
            forgotten = [r for r in gateway.audit() if r["event"] == "time-forgotten"]
            self.assertEqual([r["who"] for r in forgotten], ["gangwayd --forget-time"])
            gateway.stop("gangwayd")
        gateway.start("gangwayd")

    def test_system_against_cloud(self):
        gateway = self.lab
        gateway.set_clock("gateway", "real")
        wait_for_reason(gateway, "cloud")
        claimed = gateway.new_device("DISPUTE-1")
        gateway.claim(claimed)
        with fake_timedate.FakeTimedate(gateway.folder / "run" / "bus") as timedate:
            gateway.set_clock("gateway", f"+{TEN_YEARS}")
            timedate.say(timedate.question(), True)
            wait_for_reason(gateway, "disputed")
            self.assertIn("the cloud's time is another", gateway.ctl("status").stdout)
            self.assertEqual(gateway.state("DISPUTE-1"), "claimed")
            gateway.set_clock("gateway", "real")
            timedate.say(timedate.question(), True)
            wait_for_reason(gateway, "system")
        claimed.come_aboard()


class Everybody(unittest.TestCase):
    """All clocks are set, the cloud's too: everybody goes by the time that they show, forward and back."""

    def test_all_go_along(self):
        gateway = self.enterClassContext(lab.Lab("--clocks", "--claim", "--lifetime", "30d"))
        first = gateway.new_device("ALL-1")
        gateway.claim(first)
        first.come_aboard()
        for name, where in (("ALL-2", f"+{TEN_YEARS // 2}"), ("ALL-3", "real")):
            certificates = gateway.log("gangway-registrar").count("We have a certificate")
            for side in ("cloud", "gateway", "devices"):
                gateway.set_clock(side, where)
            # Nobody waits an hour for the next question, nor weeks for a certificate that devices take.
            gateway.wait_for("the cloud has told its time", lambda: gateway.status()["clock_reason"] == "cloud")
            gateway.wait_for("the registrar has a certificate of that time", lambda n=certificates + 1: (
                gateway.log("gangway-registrar").count("We have a certificate") >= n))
            gateway.wait_for("the gateway's own, too", lambda: (
                (status := gateway.status()) and 0 < status["credential_ends"] - status["time"] < 365 * 86400))
            if where != "real":
                shown = gateway.show("ALL-1")
                self.assertIn("has expired", shown["next"])
                self.assertIn("--replace", shown["advice"])
            device = gateway.new_device(name)
            gateway.claim(device)
            device.come_aboard()
        first.come_aboard("--renew")
        self.assertIn("renews", gateway.show("ALL-1")["next"])


if __name__ == "__main__":
    unittest.main()
