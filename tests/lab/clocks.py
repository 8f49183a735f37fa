# SPDX-License-Identifier: GPL-2.0-or-later
"""Clocks on the wall that are set apart from the machine's, while programs run by them.

Each side of a set that was brought up with --clocks has a file that says how far its clock is off the
machine's (wall-clock.c). What is written there is a step of the clock, also for programs that run, and those
who asked the kernel to be told of steps are told. libfaketime, which our programs bear (lib/timer.c), shows
them another time, too, but nobody is told of its steps.
"""
import os
import pathlib
import re
import struct
import subprocess
import time

SIDES = {
    "gateway": ("gangwayd", "gangway-registrar", "gangway-ip", "gangway-mqtt"),
    "cloud": ("gangway-cloud", "mosquitto"),
    "devices": (),
}
FORMS = "real, +SECONDS or -SECONDS off the machine's clock, or @SECONDS since the epoch"
SOURCE = pathlib.Path(__file__).resolve().with_name("wall-clock.c")


def offset(text):
    """Seconds off the machine's clock; ValueError with what was wrong."""
    if text == "real":
        return 0
    if re.fullmatch(r"[+-][0-9]{1,11}", text):
        return int(text)
    if re.fullmatch(r"@[0-9]{1,11}", text):
        return int(text[1:]) - int(time.time())
    raise ValueError(f"{text} is no time: {FORMS}")


class Clocks:
    def __init__(self, folder):
        self.folder = folder

    def make(self):
        self.folder.mkdir(mode=0o700)
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", self.folder / "wall-clock.so", SOURCE],
                       check=True)
        for side in SIDES:
            (self.folder / side).write_bytes(bytes(8))

    def are_there(self):
        return self.folder.is_dir()

    def set(self, side, offset_s):
        """In place: programs have mapped the file."""
        with open(self.folder / side, "r+b", buffering=0) as file:
            file.write(struct.pack("=q", offset_s))

    def environment(self, side):
        """What a program of that side is started with."""
        if not self.are_there():
            return {}
        before = os.environ.get("LD_PRELOAD")
        # The sanitizers want to be the first library; ours takes no memory, and does not mind.
        sanitizers = os.environ.get("ASAN_OPTIONS", "")
        return {"LD_PRELOAD": f"{self.folder}/wall-clock.so" + (f":{before}" if before else ""),
                "GANGWAY_WALL_CLOCK": str(self.folder / side),
                "ASAN_OPTIONS": f"{sanitizers}:verify_asan_link_order=0".lstrip(":")}

    def environment_of(self, program):
        sides = [side for side, programs in SIDES.items() if program in programs]
        return self.environment(sides[0]) if sides else {}
