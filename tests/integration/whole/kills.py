#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Kills each program right before and right after each of its durable steps, one at a time.

    kills.py [-j N] [--sample N | STEP:before|after[@OCCASION] ...]    --sample: N of them, evenly spread

Each time one program of a running set is told where to die; then an occasion (occasions.py) is gone through
that comes by the step, by devices that try again and an operator who looks and tries again. Whatever dies
is started once more. In the end everybody must be where the occasion leads, and the checker content.

Prints a line each, PASS: or FAIL:. A step that an occasion never comes by is a failure too, and so is one that
a program lists and no occasion names: of that even a sample complains.
"""
import argparse
import concurrent.futures
import json
import os
import queue
import subprocess
import sys
import threading
import time

import checker
import lab
import occasions
from run import build_once
from tour import DEVICE

DAEMONS = ("gangwayd", "gangway-registrar", "gangway-ip", "gangway-mqtt", "gangway-cloud")
ROOMS = {"gangwayd": "agent", "gangway-registrar": "plugins/registrar", "gangway-ip": "plugins/ip",
         "gangway-mqtt": "plugins/mqtt", "gangway-cloud": "tools/cloud", DEVICE: "tools/device"}


def list_steps(build):
    """The program of each."""
    steps = {}
    for program, room in ROOMS.items():
        listed = subprocess.run([f"{build}/{room}/{program}", "--list-steps"], check=True,
                                capture_output=True, text=True).stdout
        steps |= dict.fromkeys(listed.split(), program)
    return steps


def complaints(steps):
    """Where the programs' lists and those of the occasions differ."""
    walked = {step for occasion in occasions.ALL for step in occasion.STEPS}
    yield from (f"{step}: no occasion comes by it" for step in steps if step not in walked)
    yield from (f"{step}: there is no such step" for step in sorted(walked) if step not in steps)


class Death:
    def __init__(self, occasion, program, die_at):
        self.occasion, self.program, self.die_at = occasion, program, die_at
        is_told_apart = sum(die_at.partition(":")[0] in other.STEPS for other in occasions.ALL) > 1
        self.name = f"{die_at}@{occasion.NAME}" if is_told_apart else die_at


def list_deaths(steps):
    return [Death(occasion, steps[step], f"{step}:{moment}") for occasion in occasions.ALL
            for step in occasion.STEPS if step in steps for moment in ("before", "after")]


class Victim:
    """A program that is told where to die, and whoever starts it again."""

    def __init__(self, gateway, program, die_at):
        self.gateway, self.program, self.die_at = gateway, program, die_at
        self.has_died = False
        self._over = threading.Event()
        self._nurse = threading.Thread(target=self._watch)

    def __enter__(self):
        if self.program in DAEMONS:
            self.gateway.restart(self.program, "--no-wait", die_at=self.die_at)
            self._nurse.start()
        return self

    def __exit__(self, *error):
        self._over.set()
        if self._nurse.ident:
            self._nurse.join()

    def _watch(self):
        while not self._over.wait(0.02):
            if not self.gateway.is_alive(self.program):
                self.has_died = True
                self.gateway.start(self.program, "--no-wait")
                return

    def death_of(self, program):
        """What to tell a program that the tour itself starts: it dies once, not at every try."""
        return self.die_at if program == self.program and not self.has_died else None

    def note(self, process_status):
        if process_status == -9:
            self.has_died = True


def try_death(gateway, death, number):
    """All that is wrong after that death, a line each."""
    walk = death.occasion(gateway, number, death.die_at)
    walk.prepare()
    with Victim(gateway, death.program, death.die_at) as victim:
        walk.victim = victim
        ends = walk.walk()
    if not victim.has_died:
        return [f"{death.program} never came by {death.die_at}"]

    gateway.settle()
    wrong = [f"{device_id} is {gateway.state(device_id)}, not {state}"
             for device_id, state in ends.items() if gateway.state(device_id) != state]
    wrong += checker.check(gateway.variables["GANGWAY_STATE"], gateway.variables["GANGWAY_CLOUD_DIR"])
    if not json.loads(gateway.ctl("--json", "audit", "verify").stdout)["ok"]:
        wrong.append("the audit record is broken")
    return wrong


class Worker:
    """Has a set of its own and works deaths off; a set in which something went wrong is replaced."""

    def __init__(self, deaths):
        self.deaths, self.gateway, self.options = deaths, None, ()
        self.failed = False

    def run(self):
        try:
            while True:
                self._try(*self.deaths.get_nowait())
        except queue.Empty:
            return self.failed
        finally:
            self._close()

    def _open(self, options):
        if self.gateway and self.options != options:
            self._close()
        if self.gateway:
            return
        self.gateway = lab.Lab("--claim", "--set", "cloud.retry_first=1", "--set", "cloud.retry_max=2",
                               "--set", "audit.keep_records=20", *options)
        self.options = options
        self.gateway.up()

    def _try(self, number, death):
        self._open(death.occasion.OPTIONS)
        started = time.monotonic()
        try:
            wrong = try_death(self.gateway, death, number)
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            wrong = [f"{type(error).__name__}: {error}"]
        if not wrong:
            print(f"PASS: kills/{death.name} ({time.monotonic() - started:.1f} s)", flush=True)
            if death.occasion.IS_LAST:
                self._close()
            return

        self.failed = True
        details = "\n".join([*wrong, self.gateway.story()]).replace("\n", "\n    ")
        print(f"    {details}\nFAIL: kills/{death.name}", flush=True)
        self._close()

    def _close(self):
        if self.gateway:
            self.gateway.close()
        self.gateway = None


def choose(arguments, known):
    if arguments.steps:
        names = {name for death in known for name in (death.name, death.die_at)}
        if not names.issuperset(arguments.steps):
            sys.exit("kills: there are only: " + " ".join(death.name for death in known))
        return [death for death in known if {death.name, death.die_at} & set(arguments.steps)]
    n = min(arguments.sample or len(known), len(known))
    return [known[i * len(known) // n] for i in range(n)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-j", type=int, default=os.cpu_count(), dest="jobs")
    parser.add_argument("--sample", type=int)
    parser.add_argument("steps", nargs="*")
    arguments = parser.parse_args()

    steps = list_steps(build_once())
    wrong = list(complaints(steps))
    for complaint in wrong:
        print(f"FAIL: kills/{complaint}", flush=True)
    deaths = queue.SimpleQueue()
    for numbered in enumerate(choose(arguments, list_deaths(steps))):
        deaths.put(numbered)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        failed = [pool.submit(Worker(deaths).run) for _ in range(arguments.jobs)]
    return 1 if wrong or any(run.result() for run in failed) else 0


if __name__ == "__main__":
    sys.exit(main())
