# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator may hand to `gangwayctl claim`: damaged and foreign labels, ids that are taken, claims
that are taken back. Each refusal says why, and nothing changes."""
import unittest

import lab
from label import base32, make, sealed


SECRET = base32(b"0123456789abcdef")
HASH = "0" * 52

DAMAGED = {
    "empty": "",
    "another kind of code": "WIFI:S:home;P:secret;;",
    "another version": sealed(f"GW2:IBAD-1+S{SECRET}"),
    "no fields": "GW1:",
    "wrong check digits": f"GW1:IBAD-1+S{SECRET}+C0000",
    "no check digits": f"GW1:IBAD-1+S{SECRET}",
    "cut short": sealed(f"GW1:IBAD-1+S{SECRET}")[:-1],
    "one digit changed": sealed(f"GW1:IBAD-1+S{SECRET}").replace("RK4", "RK5"),
    "two ids": sealed(f"GW1:IBAD-1+IBAD-2+S{SECRET}"),
    "two secrets": sealed(f"GW1:IBAD-1+S{SECRET}+S{SECRET}"),
    "no id": sealed(f"GW1:S{SECRET}"),
    "no secret": sealed("GW1:IBAD-1"),
    "short secret": sealed("GW1:IBAD-1+S60RK4CSM6MV3EE1SC5H6"),
    "long secret": sealed("GW1:IBAD-1+S" + SECRET * 3),
    "no such digit": sealed(f"GW1:IBAD-1+S{SECRET[:-1]}U"),
    "bits left over": sealed(f"GW1:IBAD-1+S{SECRET[:-1]}Z"),
    "id with a slash": sealed(f"GW1:IBAD/1+S{SECRET}"),
    "long id": sealed(f"GW1:I{'X' * 65}+S{SECRET}"),
    "no such day": sealed(f"GW1:IBAD-1+S{SECRET}+E20260230"),
    "two lines": sealed(f"GW1:IBAD-1+S{SECRET}") + "\nmore",
}


class Labels(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())

    def test_the_documents_example(self):
        self.assertEqual(make("ACME-0001", b"0123456789abcdef"),
                         "GW1:IACME-0001+S60RK4CSM6MV3EE1SC5H66S35CR+C965B")

    def test_damaged_ones_are_refused(self):
        for damage, label in DAMAGED.items():
            with self.subTest(damage):
                said = self.lab.refusal("claim", "-", input=label)
                self.assertRegex(said, "(?i)label|code")
                self.assertNotIn(SECRET, said)
        self.assertIsNone(self.lab.state("BAD-1"))

    def test_the_agent_checks_too(self):
        """gangwayctl may be another program."""
        result = self.lab.run("busctl", "--system", "call", "org.gangway1", "/org/gangway1",
                              "org.gangway1.Manager", "Claim", "sa{sv}",
                              DAMAGED["one digit changed"], "0", check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIsNone(self.lab.state("BAD-1"))

    def test_expired(self):
        said = self.lab.refusal("claim", "-", input=sealed(f"GW1:IBAD-2+S{SECRET}+E20200101"))
        self.assertRegex(said, "date|expired")
        self.assertIsNone(self.lab.state("BAD-2"))

    def test_a_public_key_is_not_served_yet(self):
        said = self.lab.refusal("claim", "-", input=sealed(f"GW1:IBAD-3+F{HASH}"))
        self.assertIn("public key", said)
        self.assertIsNone(self.lab.state("BAD-3"))

    def test_lower_case_unknown_fields_and_white_space_are_fine(self):
        label = sealed(f"GW1:IGOOD-1+S{SECRET}+MLAMP 3+VACME+XNEW")
        self.lab.ctl("claim", "-", input=f"  {label.lower()}\n")
        shown = self.lab.show("GOOD-1")
        self.assertEqual((shown["state"], shown["model"], shown["vendor"], shown["method"]),
                         ("claimed", "LAMP 3", "ACME", "qr"))

    def test_a_weak_secret_is_told(self):
        warned = self.lab.ctl("claim", "-", input=sealed(f"GW1:IWEAK-1+S{'0' * 26}")).stderr
        self.assertIn("guess", warned)
        self.assertEqual(self.lab.state("WEAK-1"), "claimed")

    def test_the_same_again_changes_nothing(self):
        device = self.lab.new_device("SAME-1")
        self.lab.claim(device)
        records = self.lab.audit()
        self.lab.claim(device)
        self.assertEqual(self.lab.audit(), records)

    def test_another_secret_is_refused_unless_it_replaces(self):
        self.lab.claim(self.lab.new_device("TAKEN-1"))
        other = self.lab.new_device("TAKEN-1")
        said = self.lab.refusal("claim", "-", input=other.label)
        self.assertRegex(said, "(?i)claimed with another secret")
        self.lab.claim(other, "--replace")
        self.assertEqual(self.lab.state("TAKEN-1"), "claimed")

    def test_another_tenants_id_is_in_use(self):
        self.lab.claim(self.lab.new_device("TENANT-1"))
        other = self.lab.new_device("TENANT-1")
        for options in ((), ("--replace",)):
            said = self.lab.refusal("claim", "--tenant", "other", *options, "-", input=other.label)
            self.assertRegex(said, "(?i)another tenant")
        self.assertEqual(self.lab.show("TENANT-1")["tenant"], "default")

    def test_withdrawn_and_claimed_anew(self):
        device = self.lab.new_device("BACK-1")
        self.lab.claim(device)
        self.lab.ctl("withdraw", "BACK-1")
        shown = self.lab.show("BACK-1")
        self.assertEqual((shown["state"], shown["reason"]), ("rejected", "withdrawn"))
        self.lab.refusal("withdraw", "BACK-1")
        self.lab.claim(device)
        self.assertEqual(self.lab.state("BACK-1"), "claimed")

    def test_withdrawing_what_is_not_there(self):
        self.assertRegex(self.lab.refusal("withdraw", "NOWHERE-1"), "(?i)no such device")

    def test_refusals_are_on_record_without_secrets(self):
        self.lab.refusal("claim", "-", input=sealed(f"GW1:IREC-1+S{SECRET}+E20200101"))
        everything = f"{self.lab.audit()}{self.lab.log('gangwayd')}"
        self.assertNotIn(SECRET, everything)
