#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual: each program has a page that names every verb and option of it, and no others; each page is sound."""
import os
import pathlib
import re
import shutil
import subprocess
import unittest

TOP = pathlib.Path(os.environ["top_srcdir"])
BUILD = pathlib.Path(os.environ["top_builddir"])
PROGRAMS = {
    "gangwayd.8": "agent/gangwayd",
    "gangway-registrar.8": "plugins/registrar/gangway-registrar",
    "gangway-ip.8": "plugins/ip/gangway-ip",
    "gangway-mqtt.8": "plugins/mqtt/gangway-mqtt",
    "gangwayctl.1": "tools/ctl/gangwayctl",
    "gangway-device.1": "tools/device/gangway-device",
    "gangway-cloud.1": "tools/cloud/gangway-cloud",
}
ELSEWHERE = {"JOURNAL_STREAM", "TERM"}  # variables that systemd.exec(5) and environ(7) explain
PAGES = sorted((TOP / "doc/man").glob("*.[1-8]")) + [
    page for page in sorted((BUILD / "doc/man").glob("*.[1-8]")) if not (TOP / "doc/man" / page.name).exists()]
BY_NAME = {page.name: page for page in PAGES}


def help_of(program, *verb):
    return subprocess.run([BUILD / program, *verb, "--help"], check=True, capture_output=True, text=True).stdout


def options_in(text):
    """What a program's help lists, with or without other options on the same line."""
    return {option for line in re.findall(r"(?m)^  (--.*?)(?:  |$)", text)
            for option in re.findall(r"--[a-z-]+", line)}


def verbs_in(text):
    return [verb[0] for verb in re.findall(r"(?m)^  ([a-z][a-z-]*( [a-z]+)?)(?: |$)", text)]


def documented(text):
    """The options that a page, or a part of it, has an entry or a synopsis for."""
    return {f"--{name}" for line in re.findall(r"(?m)^\.(?:It|Fl|Op) .*$", text)
            for name in re.findall(r"(?:Fl |\| )-([a-z][a-z-]+)", line)}


def environment_of(program):
    """Of all variables that some program of ours asks for, those that this one knows."""
    sources = "".join(path.read_text() for folder in ("lib", "agent", "plugins", "tools")
                      for path in (TOP / folder).rglob("*.c"))
    known = set(re.findall(r'getenv\("([A-Z_]+)"\)', sources))
    known |= {value for name in re.findall(r"getenv\(([A-Z_]+)\)", sources)
              for value in re.findall(rf'(?m)^#define {name} +"([A-Z_]+)"', sources)}
    binary = (BUILD / program).read_bytes()
    return {name for name in known if name.encode() + b"\0" in binary} - ELSEWHERE


def part_of(page, verb, others):
    """The entry of a verb: from its .It to that of the next."""
    at = re.search(rf"(?m)^\.It Cm {verb}(?: (?!({'|'.join(others) or '-'})\b)|$)", page)
    if not at:
        return None
    rest = page[at.end():]
    following = re.search(r"(?m)^\.It Cm |^\.Sh |^\.Ss ", rest)
    return page[at.start():at.end()] + (rest[:following.start()] if following else rest)


class TestPages(unittest.TestCase):
    def test_each_is_sound(self):
        if not shutil.which("mandoc"):
            self.skipTest("there is no mandoc: run scripts/setup")
        self.assertGreater(len(PAGES), len(PROGRAMS))
        for page in PAGES:
            done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page], capture_output=True, text=True)
            self.assertEqual(done.stdout + done.stderr, "", page)

    def test_each_is_named_as_it_says(self):
        for page in PAGES:
            title = re.search(r"(?m)^\.Dt (\S+) (\d)$", page.read_text())
            self.assertEqual(f"{title[1].lower()}.{title[2]}", page.name.lower())

    def test_everything_on_the_bus(self):
        page = BY_NAME["org.gangway1.5"].read_text()
        for xml in sorted((TOP / "dbus").glob("*.xml")):
            members = re.findall(r'<(?:method|signal|property) name="(\w+)"', xml.read_text())
            self.assertTrue(members)
            for member in members:
                self.assertRegex(page, rf'(?m)^\.Li "{member}[( ]')


class TestPrograms(unittest.TestCase):
    def test_options(self):
        for name, program in PROGRAMS.items():
            text = help_of(program)
            options = options_in(text)
            for verb in verbs_in(text) if name in ("gangwayctl.1", "gangway-cloud.1") else []:
                options |= options_in(help_of(program, *verb.split()))
            self.assertGreater(len(options), 2)
            self.assertEqual(documented(BY_NAME[name].read_text()), options, name)

    def test_environment(self):
        """In test builds each program with durable steps can be told where to die."""
        for name, program in PROGRAMS.items():
            page = BY_NAME[name].read_text()
            explained = set(re.findall(r"(?m)^\.It Ev (\w+)$", page))
            asked_for = environment_of(program)
            if "--list-steps" in help_of(program):
                asked_for.add("GANGWAY_DIE_AT")
            self.assertTrue(asked_for, name)
            self.assertEqual(asked_for - explained, set(), name)

    def test_verbs(self):
        for name in ("gangwayctl.1", "gangway-cloud.1"):
            page, text = BY_NAME[name].read_text(), help_of(PROGRAMS[name])
            verbs = verbs_in(text)
            everywhere = options_in(text)
            self.assertGreater(len(verbs), 5)
            for verb in verbs:
                seconds = [other.split()[1] for other in verbs if other.startswith(verb + " ")]
                entry = part_of(page, verb, seconds)
                self.assertIsNotNone(entry, f"{name} has no entry for {verb}")
                own = options_in(help_of(PROGRAMS[name], *verb.split()))
                self.assertEqual(own - everywhere, documented(entry) - everywhere, verb)


if __name__ == "__main__":
    unittest.main()
