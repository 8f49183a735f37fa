#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gangway-mqtt that was switched off until its certificate had ended: it comes back by its claim, and by the key that it
has. Real cloud, real broker, their clock a year ahead; the agent is played by the test."""
import os
import re
import time
import unittest

import test_mqtt_provision as provision
from cells import SLOTS
from cloud import openssl
from test_mqtt_provision import BOX, CLAIM, OWN

YEAR = 365 * 86400


class Base(provision.Base):
    def aboard(self, name="box", gateway=BOX):
        """A box that came aboard and was switched off; gives its certificate's number and key, too."""
        machine = self.box(name, gateway=gateway)
        machine.start()
        machine.has(OWN)
        machine.stop()
        return machine, machine.live_serial(), self.key_of(machine)

    def key_of(self, machine):
        letter = re.search(r"^live (.)$", machine.cell("live").decode(), re.M)[1]
        return openssl("x509", "-noout", "-pubkey", stdin=machine.cell(letter))

    def start(self, machine, **how):
        """Its clock is right, as the cloud's is."""
        machine.start(trusted=False, **how)
        machine.agent.send("clock", time=int(time.time()) + self.years * YEAR, trusted=1)

    def later(self, years=1):
        self.years = years
        self.cloud.set_clock(years * YEAR)

    def is_back(self, machine, first, key):
        machine.has(OWN, lambda m: m.ok and m.not_after > time.time() + self.years * YEAR)
        self.assertEqual(self.live(machine.gateway), [machine.live_serial()])
        self.assertEqual(self.own(machine.gateway)[first], "revoked")
        self.assertEqual(self.key_of(machine), key)
        self.assertEqual(len(set(machine.filled()) & set(SLOTS)), 1)


class Return(Base):
    def test_by_itself(self):
        self.claim("--uses", "1")
        self.cloud.serve()
        box, first, key = self.aboard()
        self.later()
        self.start(box)
        box.has(CLAIM)
        self.is_back(box, first, key)
        box.stop()
        second = box.live_serial()

        self.later(2)  # and once more, before it has renewed: its key is still the same
        self.start(box)
        self.is_back(box, second, key)
        box.agent.expect("health", ok=1)

    def test_then_it_renews_with_a_new_key(self):
        self.claim()
        self.cloud.serve()
        box, first, key = self.aboard()
        self.later()
        self.start(box)
        self.is_back(box, first, key)
        second = box.live_serial()
        box.agent.send("clock", time=int(time.time()) + YEAR + 89 * 86400, trusted=1)
        self.until(lambda: box.live_serial() != second, "it has renewed")
        self.assertNotEqual(self.key_of(box), key)

    def test_by_a_claim_that_it_is_given(self):
        self.claim()
        self.cloud.serve()
        box, first, key = self.aboard()
        for path in box.credentials.glob("cloud-claim-*"):
            path.unlink()
        self.later()
        self.start(box)
        box.agent.expect("health", ok=0)
        self.claim(name="second")
        box.give("claims/second")
        self.is_back(box, first, key)

    def test_refused_until_somebody_mends_it(self):
        self.claim()
        self.cloud.serve()
        box, first, key = self.aboard()
        self.later()
        self.claim("--close")
        self.start(box)
        self.until(lambda: "withdrawn" in box.agent.expect("health", ok=0).text, "it says why")
        self.claim()
        self.is_back(box, first, key)

    @unittest.skipUnless(provision.FAULT_POINTS, provision.WHY)
    def test_from_the_middle_of_a_renewal(self):
        """What it was about to have asked for, or to prove, when it was switched off does not stand in its way."""
        self.claim("--uses", "9")
        self.cloud.serve()
        steps = ("mqtt.slot-key", *(("mqtt.slot-certificate",) if os.environ.get("GANGWAY_FULL") else ()))  # that one takes its time
        boxes = {step: self.aboard(step, step.replace(".", "-")) for step in steps}
        for step, (box, _, _) in boxes.items():
            box.start(die_at=f"{step}:after")
            box.agent.send("clock", time=int(time.time()) + 89 * 86400, trusted=1)
            self.assertTrue(box.died(), step)
        self.later()
        for box, _, _ in boxes.values():
            self.start(box)
        for step, (box, first, key) in boxes.items():
            with self.subTest(step=step):
                self.is_back(box, first, key)


@unittest.skipUnless(provision.FAULT_POINTS, provision.WHY)
class Death(Base):
    def test_on_the_way_back(self):
        steps = [s for s in provision.listed_steps() if "anchor" not in s and s != "mqtt.slot-drop"]
        self.claim("--uses", "99")
        self.cloud.serve()
        boxes = {f"{step}:{moment}": self.aboard(name, name) for step in steps for moment in ("before", "after")
                 for name in [f"{step}-{moment}".replace(".", "-")]}
        self.later()
        for die_at, (box, _, _) in boxes.items():  # all at once: each waits between its attempts
            self.start(box, die_at=die_at)
        for die_at, (box, _, _) in boxes.items():
            self.assertTrue(box.died(), die_at)
            self.start(box)
        for die_at, (box, first, key) in boxes.items():
            with self.subTest(die_at=die_at):
                self.is_back(box, first, key)


if __name__ == "__main__":
    unittest.main(verbosity=2)
