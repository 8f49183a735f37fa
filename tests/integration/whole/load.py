#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Kills programs at random while many devices come aboard, again and again.

    load.py [--kills N] [--devices N] [--seed N]

Each device lives its life over and over: claimed, aboard, reset to factory state, claimed anew. Power fails
for whatever the dice say: a program, the broker, a device. In between, and at the end, devices finish
what they are at, and the checker must be content.

Prints a line a round, PASS: or FAIL:, and the seed, with which the same dice are thrown again (though not
the same interleaving).
"""
import argparse
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import threading
import time

import checker
import lab
from run import build_once

ROUNDS = 4
PROGRAMS = [name for name in lab.PROGRAMS if name != "dbus-daemon"]
DEVICES_SHARE = 0.25  # of the kills
PAUSE_S = 0.3  # at most, between two kills
TRY_S = "8"


class Life(threading.Thread):
    """One device and its owner."""

    def __init__(self, gateway, device_id, is_over):
        super().__init__(name=device_id)
        self.gateway, self.id, self.is_over = gateway, device_id, is_over
        self.label = gateway.new_label(device_id)
        self.process = None
        self.n_aboard = 0
        self.wrong = None

    def run(self):
        try:
            while not self.is_over.is_set():
                self._claim()
                self._come_aboard()
                self.n_aboard += 1
        except AssertionError as error:
            self.wrong = f"{self.id}: {error}"

    def _claim(self):
        """Says it until it is heard; that it is the same claim twice, for lack of an answer, does no harm."""
        lab.wait_for(f"{self.id} is claimed", lambda: self.gateway.ctl(
            "claim", "--replace", "-", input=self.label, check=False).returncode == 0)

    def _come_aboard(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="life-", dir=self.gateway.folder))
        device = lab.Device(self.gateway, self.label, folder)
        lab.wait_for(f"{self.id} is aboard", lambda: self._switch_on(device) == 0, limit=180)
        shutil.rmtree(folder)

    def _switch_on(self, device):
        self.process = device.start("--timeout", TRY_S)
        self.process.communicate()
        return self.process.returncode


class Storm:
    """A set, its devices, and the dice."""

    def __init__(self, gateway, seed):
        self.gateway, self.dice = gateway, random.Random(seed)

    def kill_one(self, lives):
        if self.dice.random() < DEVICES_SHARE:
            process = self.dice.choice(lives).process
            if process and process.poll() is None:
                process.send_signal(signal.SIGKILL)
            return
        program = self.dice.choice(PROGRAMS)
        self.gateway.kill(program)
        self.gateway.start(program, "--no-wait")

    def round(self, n_kills, n_devices):
        """Returns all that is wrong, and how often somebody came aboard meanwhile."""
        is_over = threading.Event()
        lives = [Life(self.gateway, f"STORM-{i}", is_over) for i in range(n_devices)]
        for life in lives:
            life.start()
        for _ in range(n_kills):
            # No wait for anything: the moment of a power cut is arbitrary.
            time.sleep(self.dice.uniform(0, PAUSE_S))
            self.kill_one(lives)
        is_over.set()
        for life in lives:
            life.join()

        wrong = [life.wrong for life in lives if life.wrong]
        self.gateway.settle()
        wrong += checker.check(self.gateway.variables["GANGWAY_STATE"],
                               self.gateway.variables["GANGWAY_CLOUD_DIR"])
        wrong += [f"{life.id} is {self.gateway.state(life.id)}" for life in lives
                  if self.gateway.state(life.id) != "onboarded"]
        return wrong, sum(life.n_aboard for life in lives)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--devices", type=int, default=32)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments = parser.parse_args()

    build_once()
    print(f"load: --seed {arguments.seed}", flush=True)
    failed = False
    with lab.Lab("--set", "cloud.retry_first=1", "--set", "cloud.retry_max=2") as gateway:
        storm = Storm(gateway, arguments.seed)
        for number in range(ROUNDS):
            wrong, n_aboard = storm.round(arguments.kills // ROUNDS, arguments.devices)
            name = f"load/round-{number + 1}"
            if wrong:
                failed = True
                print("    " + "\n".join([*wrong, gateway.story()]).replace("\n", "\n    "))
                print(f"FAIL: {name} (--seed {arguments.seed})", flush=True)
            else:
                print(f"PASS: {name} ({n_aboard} times aboard)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
