# SPDX-License-Identifier: GPL-2.0-or-later
"""The D-Bus service is what dbus/ says, and does nothing for strangers."""
import pwd
import unittest
import xml.etree.ElementTree

import lab

EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"
CONTRACTS = {"Manager": "/org/gangway1", "Device": "/org/gangway1/device/BUS_2d1",
             "Transport": "/org/gangway1/transport/ip"}


def shape(interface):
    """What matters of an interface, in a form that can be compared and read."""
    members = {}
    for member in interface:
        if member.tag == "annotation":
            continue
        notes = {a.get("name"): a.get("value") for a in member.findall("annotation")}
        arguments = [(a.get("name"), a.get("type"), a.get("direction", "out"))
                     for a in member.findall("arg")]
        members[member.get("name")] = (member.tag, member.get("type"), member.get("access"),
                                       arguments, notes.get(EMITS))
    return members


def interface_of(text, name):
    root = xml.etree.ElementTree.fromstring(text)
    return shape(next(i for i in root.findall("interface") if i.get("name") == name))


class Bus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.lab.claim(cls.lab.new_device("BUS-1"))

    def test_introspection_is_the_contract(self):
        for name, path in CONTRACTS.items():
            with self.subTest(name):
                ours = (lab.TOP / "dbus" / f"org.gangway1.{name}.xml").read_text()
                theirs = self.lab.run("busctl", "--system", "--xml-interface", "introspect",
                                      "org.gangway1", path).stdout
                full_name = f"org.gangway1.{name}"
                self.assertEqual(interface_of(theirs, full_name), interface_of(ours, full_name))

    def test_busctl_reads_every_property(self):
        for name, path in CONTRACTS.items():
            text = self.lab.run("busctl", "--system", "call", "org.gangway1", path,
                                "org.freedesktop.DBus.Properties", "GetAll", "s",
                                f"org.gangway1.{name}").stdout
            contract = interface_of((lab.TOP / "dbus" / f"org.gangway1.{name}.xml").read_text(),
                                    f"org.gangway1.{name}")
            for member, (kind, *_) in contract.items():
                if kind == "property":
                    self.assertIn(f'"{member}"', text)

    def test_managed_objects_are_those_in_motion(self):
        text = self.lab.run("busctl", "--system", "call", "org.gangway1", "/org/gangway1",
                            "org.freedesktop.DBus.ObjectManager", "GetManagedObjects").stdout
        self.assertIn('"/org/gangway1/transport/ip"', text)
        self.assertNotIn("/org/gangway1/device/BUS_2d1", text, "a device at rest is not listed")

    def test_strangers_are_kept_out(self):
        nobody = pwd.getpwnam("nobody")
        if pwd.getpwuid(lab.os.getuid()).pw_uid != 0:
            self.skipTest("only root can be somebody else")
        self.lab.folder.chmod(0o711)
        (self.lab.folder / "run").chmod(0o711)
        for call in (("org.gangway1.Manager", "ListJobs"),
                     ("org.freedesktop.DBus.Introspectable", "Introspect"),
                     ("org.gangway1.Manager", "Withdraw", "s", "BUS-1")):
            result = self.lab.run("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}",
                                  "--clear-groups", "busctl", "--system", "call", "org.gangway1",
                                  "/org/gangway1", *call, check=False)
            self.assertNotEqual(result.returncode, 0)
            self.assertRegex(result.stderr, "(?i)access denied")
        self.assertEqual(self.lab.state("BUS-1"), "claimed")

    def test_errors_carry_the_reason(self):
        result = self.lab.run("busctl", "--system", "call", "org.gangway1", "/org/gangway1",
                              "org.gangway1.Manager", "Claim", "sa{sv}", "no label", "0",
                              check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("label", result.stderr)
