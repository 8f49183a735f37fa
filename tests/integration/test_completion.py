#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The shells complete what the programs take, and nothing else: bash and zsh, by etc/completion."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

TOP = pathlib.Path(os.environ["top_srcdir"])
BUILD = pathlib.Path(os.environ["top_builddir"])
PROGRAMS = {name: BUILD / f"tools/{name.partition('-')[2] or 'ctl'}/{name}"
            for name in ("gangwayctl", "gangway-device", "gangway-cloud")}

# What bash calls, and what zsh calls, with the line's words as arguments, the last of them under the cursor.
BASH = f""". {TOP}/etc/completion/gangway.bash
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gangway "$1" "${{@: -1}}" "${{@: -2:1}}"
printf '%s\\n' "${{COMPREPLY[@]}}" """
ZSH = f"""_files() {{ [[ $1 == -/ ]] && print -l -- *(/) || print -l -- * }}
_message() {{ }}
compadd() {{ print -l -- ${{@[2,-1]}} }}
_describe() {{ print -l -- ${{${{(@P)argv[-1]}}%%:*}} }}
complete() {{ . {TOP}/etc/completion/gangway.zsh }}
words=("$@"); CURRENT=$#; complete"""
SHELLS = {"bash": ["bash", "-c", BASH, "bash"], "zsh": ["zsh", "-f", "-c", ZSH, "zsh"]}


def verbs_of(program):
    text = subprocess.run([PROGRAMS[program], "--help"], check=True, capture_output=True, text=True).stdout
    return [verb[0].split() for verb in re.findall(r"(?m)^  ([a-z]+( [a-z]+)?)(?: |$)", text)]


def options_of(program, verb):
    done = subprocess.run([PROGRAMS[program], *verb, "--help"], check=True, capture_output=True, text=True)
    return {option for line in re.findall(r"(?m)^  (--.*?)(?:  |$)", done.stdout)
            for option in re.findall(r"--[a-z-]+", line)}


class Completion:
    """What both shells have to do; each has a class of its own below."""

    def setUp(self):
        if not shutil.which(self.shell):
            self.skipTest(f"there is no {self.shell}: run scripts/setup")
        folder = tempfile.TemporaryDirectory(prefix="gangway-completion-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        for name, path in PROGRAMS.items():
            (self.bin / name).symlink_to(path.resolve())

    def complete(self, *line):
        environment = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}"}
        done = subprocess.run([*SHELLS[self.shell], *line], capture_output=True, text=True, check=True,
                              cwd=self.folder, env=environment)
        self.assertEqual(done.stderr, "")
        words = [word for word in done.stdout.split("\n") if word.startswith(line[-1]) and word]
        self.assertEqual(len(words), len(set(words)), words)
        return set(words)

    def test_verbs(self):
        for program in ("gangwayctl", "gangway-cloud"):
            verbs = verbs_of(program)
            self.assertGreater(len(verbs), 5)
            self.assertEqual(self.complete(program, ""), {verb[0] for verb in verbs})
            for verb in verbs:
                if len(verb) == 2:
                    seconds = {other[1] for other in verbs if other[0] == verb[0] and len(other) == 2}
                    self.assertEqual(self.complete(program, verb[0], ""), seconds)

    def test_options(self):
        for program in PROGRAMS:
            for verb in [[], *(verbs_of(program) if program != "gangway-device" else [])]:
                options = options_of(program, verb)
                self.assertTrue(options or verb)
                self.assertEqual(self.complete(program, *verb, "--"), options, verb)

    def test_an_option_and_its_value_are_no_verb(self):
        self.assertEqual(self.complete("gangwayctl", "--json", "--bus", "jobs", "sh"), {"show"})
        self.assertIn("--show-secret", self.complete("gangwayctl", "qr", "--json", "show", "--"))

    def test_states(self):
        self.assertEqual(self.complete("gangwayctl", "devices", "--state", "re"), {"revoked", "rejected"})

    def test_files_and_folders(self):
        (self.folder / "picture.png").touch()
        (self.folder / "pictures").mkdir()
        self.assertEqual(self.complete("gangwayctl", "claim", "--image", "pic"), {"picture.png", "pictures"})
        self.assertEqual(self.complete("gangway-device", "--state", "pic"), {"pictures"})
        self.assertEqual(self.complete("gangway-cloud", "init", "pic"), {"pictures"})

    def test_a_line_is_no_program(self):
        """Whatever stands on it."""
        mark = self.folder / "mark"
        for word in ("/etc/passwd", f".*/touch {mark}/e;#", f"$(touch {mark})", "`touch mark`", "[a", "*", "]", "'"):
            self.assertIn("--json", self.complete("gangwayctl", "claim", word, "--"))
            self.assertIn("--json", self.complete("gangwayctl", "claim", "--image", word, "--"))
            self.complete("gangwayctl", word, "")
            self.complete("gangwayctl", "devices", "--state", word)
        self.assertFalse(mark.exists())

    def test_devices(self):
        fake = self.bin / "gangwayctl"
        fake.unlink()
        fake.write_text('#!/bin/sh\n[ "$*" != devices ] || exec printf "%s claimed\\n" ID A-1 B-2 b8:27:eb\n'
                        f'exec {PROGRAMS["gangwayctl"].resolve()} "$@"\n')
        fake.chmod(0o755)
        self.assertEqual(self.complete("gangwayctl", "show", ""), {"A-1", "B-2", "b8:27:eb"})
        self.assertEqual(self.complete("gangwayctl", "withdraw", "A"), {"A-1"})
        self.assertEqual(self.complete("gangwayctl", "qr", "make", "--id", ""), set(), "an id of its own")


class TestBash(Completion, unittest.TestCase):
    shell = "bash"


class TestZsh(Completion, unittest.TestCase):
    shell = "zsh"


if __name__ == "__main__":
    unittest.main()
