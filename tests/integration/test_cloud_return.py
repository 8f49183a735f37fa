#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gangway-cloud and a gateway that was away until its certificate had ended, and comes back by a claim."""
import time
import unittest

import cloud
import test_cloud_provision as provision
from cloud import Key

YEAR = 365 * 86400


class Return(provision.Base):
    gateways = ()

    def begin(self, *options):
        """A gateway that came by a claim, and a year later."""
        self.claim("batch", *(options or ("--uses", "1")))
        self.cloud.serve()
        self.key = Key(self.folder)
        answer = self.box().ask(self.provision(self.key, "/CN=box-1"))
        gateway, self.first = self.become(self.key, answer, "box-1")
        self.assertEqual(self.prove(gateway, self.first)["kind"], "done")
        gateway.close()
        self.cloud.set_clock(YEAR)

    def box(self, claim="batch", name="box-1", **more):
        return provision.Box(self, claim, name, **more)

    def come(self, key=None, job=None, **by):
        return self.box(**by).ask(self.provision(key or self.key, job=job))

    def test_by_the_key_that_it_had(self):
        self.begin()
        answer = self.come(job="again-1")
        self.assertEqual(self.own("box-1")[self.first], "live")  # until the next is proved
        self.assertEqual(self.come(job="again-1") | {"time": 0}, answer | {"time": 0})
        gateway, second = self.become(self.key, answer, "box-1")
        self.assertEqual(self.prove(gateway, second)["kind"], "done")
        self.assertEqual(self.own("box-1"), {self.first: "revoked", second: "live"})
        self.assertIn("batch  1 of 1", self.cloud.run("list", self.cloud.folder, "--claims"))
        self.assertIn("is back", self.cloud.log())

        gateway.close()
        self.cloud.set_clock(2 * YEAR)  # and once more
        gateway, third = self.become(self.key, self.come(), "box-1")
        self.assertEqual(self.prove(gateway, third)["kind"], "done")
        self.assertEqual(list(self.own("box-1").values()), ["revoked", "revoked", "live"])

    def test_not_by_another_key(self):
        self.begin("--uses", "9")
        self.refused(self.come(Key(self.folder)), "already-aboard")
        other = self.provision(Key(self.folder)) | {"key": self.key.hash}  # it names the key, and has it not
        self.refused(self.box().ask(other), "bad-csr")
        self.assertEqual(self.own("box-1"), {self.first: "live"})

    def test_not_while_the_certificate_is_good(self):
        self.begin("--uses", "9")
        self.cloud.set_clock(86400)
        self.refused(self.come(), "already-aboard")

    def test_not_by_an_earlier_certificates_key(self):
        """A copy of the box from before it renewed."""
        self.claim("batch")
        self.cloud.serve()
        old, new = Key(self.folder), Key(self.folder)
        gateway, serial = self.become(old, self.come(old), "box-1")
        self.prove(gateway, serial)
        gateway, serial = self.become(new, gateway.ask(self.provision(new, serial=serial)), "box-1")
        self.prove(gateway, serial)
        self.cloud.set_clock(YEAR)
        self.refused(self.come(old), "already-aboard")
        self.assertEqual(self.come(new)["kind"], "issued")

    def test_not_under_another_name(self):
        serials = self.folder / "serials"
        serials.write_text("box-1\n")
        self.begin("--uses", "9", "--serials", serials)
        self.refused(self.come(name="box-2"), "not-listed")
        self.assertEqual(self.come()["kind"], "issued")

    def test_not_if_it_was_revoked(self):
        self.begin()
        self.cloud.run("revoke-gateway", self.cloud.folder, "box-1", "--reason", "stolen")
        self.refused(self.come(), "revoked")
        self.cloud.run("revoke-gateway", self.cloud.folder, "box-1", "--readmit")
        self.assertEqual(self.come()["kind"], "issued")

    def test_by_a_claim_that_is_still_good(self):
        self.begin("--uses", "2")
        self.claim("full", "--uses", "1")
        self.assertEqual(self.come(Key(self.folder), claim="full", name="box-2")["kind"], "issued")
        self.refused(self.come(claim="full"), "claim-used")  # to it that one would be a further use
        self.claim("batch", "--expires", int(time.time()) + YEAR - 10)
        self.refused(self.come(), "claim-expired")
        self.claim("batch", "--expires", 0)
        self.claim("batch", "--close")
        self.refused(self.come(), "withdrawn")
        self.claim("other")
        self.assertEqual(self.come(claim="other")["kind"], "issued")
        self.assertIn("other  1 of 1", self.cloud.run("list", self.cloud.folder, "--claims"))

    def test_what_was_left_of_renewals(self):
        """Three that were never proved are no reason to stay away."""
        self.claim("batch")
        self.cloud.serve()
        self.key = Key(self.folder)
        gateway, serial = self.become(self.key, self.come(), "box-1")
        self.prove(gateway, serial)
        for _ in range(3):
            gateway.ask(self.provision(Key(self.folder), serial=serial))
        self.cloud.set_clock(YEAR)
        self.assertEqual(self.come()["kind"], "issued")
        states = list(self.own("box-1").values())
        self.assertEqual((states[0], states.count("candidate")), ("live", 3))

    def test_what_has_ended_is_not_handed_out_again(self):
        self.begin()
        answer = self.come(job="again-1")
        self.cloud.set_clock(2 * YEAR)
        self.refused(self.come(job="again-1"), "certificate-expired")
        self.assertNotEqual(self.come(job="again-2")["certificate"], answer["certificate"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
