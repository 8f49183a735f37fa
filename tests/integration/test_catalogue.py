#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The journal's own tool takes the catalogue, every entry of it, and shows what stands there."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

TOP = pathlib.Path(os.environ["top_srcdir"])
EVENT = re.compile(r'X\(\w+, "([a-z-]+)", "([0-9a-f]{32})"')


@unittest.skipUnless(shutil.which("journalctl"), "there is no journalctl: install systemd")
class Catalogue(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="gangway-catalogue-")))
        folder = cls.root / "usr/lib/systemd/catalog"
        folder.mkdir(parents=True)
        (cls.root / "var/lib/systemd/catalog").mkdir(parents=True)
        shutil.copy(TOP / "etc/gangway.catalog", folder)
        cls.events = {ident: name for name, ident in EVENT.findall((TOP / "lib/event.h").read_text())}

    def journalctl(self, *words):
        return subprocess.run(["journalctl", f"--root={self.root}", *words], capture_output=True, text=True)

    def test_it_is_taken_whole(self):
        updated = self.journalctl("--update-catalog")
        self.assertEqual((updated.returncode, updated.stdout, updated.stderr), (0, "", ""))
        listed = self.journalctl("--list-catalog").stdout.splitlines()
        self.assertEqual(sorted(line.split()[0] for line in listed), sorted(self.events))

        dumped = self.journalctl("--dump-catalog", *self.events).stdout
        for entry in re.split(r"(?m)^-- ", dumped)[1:]:
            ident, _, text = entry.partition("\n")
            with self.subTest(self.events[ident]):
                self.assertRegex(text, r"\ASubject: .+\nDefined-By: gangway\nDocumentation: .+\n\n.+\n")
                self.assertNotRegex(text, "(?m)^#")


if __name__ == "__main__":
    unittest.main()
