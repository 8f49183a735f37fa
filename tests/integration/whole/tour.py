# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices that try again, and an operator who looks and tries again, while a program of the set may die.

A Tour is what one occasion has in common with the others: how to insist on something, and the ways of a
device. occasions.py says what is gone through, and which durable steps that comes by.
"""
import contextlib
import json
import pathlib
import sqlite3
import subprocess
import sys
import time

import lab

sys.path.insert(0, str(lab.TOP / "tests" / "integration"))
import cells

DEVICE = "gangway-device"
OTHER_TENANT = "nobody"  # one that the cloud does not let the gateway enrol for
DEVICE_TRY_S = "4"


class Tour:
    """By devices of its own. An occasion fills in what it comes by, and walks."""
    NAME = None
    STEPS = ()  # that a program dies at meanwhile
    OPTIONS = ()  # of the set
    IS_LAST = False  # nobody can be a guest of the set after it

    def __init__(self, gateway, number, die_at):
        self.gateway, self.number, self.die_at = gateway, number, die_at
        self.victim = None

    def prepare(self):
        """Before the program begins that is to die."""

    def walk(self):
        """Returns the states that everybody must be in at the end; None: unknown."""
        raise NotImplementedError

    def device(self, name):
        return self.gateway.new_device(f"{name}-{self.number}")

    # --- trying again ---

    def insist(self, what, action, is_so):
        """Acts until it is so. What was accepted must come true without acting again."""
        end = time.monotonic() + lab.NEVER_S
        while not is_so():
            if action():
                lab.wait_for(f"{what}, as was accepted", is_so)
                return
            if time.monotonic() > end:
                raise lab.Never(f"not within {lab.NEVER_S} s: {what}")
            time.sleep(0.05)

    def insist_on_state(self, device, state, action):
        self.insist(f"{device.id} is {state}", action, lambda: self.gateway.state(device.id) == state)

    def ctl(self, *words, **more):
        return self.gateway.ctl(*words, check=False, **more).returncode == 0

    def cloud(self, verb, *words, input=None):
        environment = self.gateway.environment(self.victim and self.victim.death_of("gangway-cloud"))
        ended = subprocess.run(["gangway-cloud", verb, *words], env=environment, input=input, text=True,
                               capture_output=True)
        if self.victim:
            self.victim.note(ended.returncode)
        return ended.returncode == 0

    def switch_on(self, device, *options):
        status, _ = device.run("--timeout", DEVICE_TRY_S, *options, die_at=self.victim.death_of(DEVICE))
        self.victim.note(status)
        return status == 0

    # --- what is on record ---

    def listed(self, *what):
        return json.loads(self.gateway.run("gangway-cloud", "list", "--json", *what).stdout)

    def registry(self, query):
        with contextlib.closing(sqlite3.connect(self.gateway.folder / "run/cloud/registry.db")) as db:
            return db.execute(query).fetchall()

    def own_live(self):
        """Serials of the gateway's own certificates that are live in the cloud."""
        return [c["serial"] for c in self.listed("--gateways")
                if c["gateway"] == self.gateway.variables["GANGWAY_ID"] and c["state"] == "live"]

    @property
    def own_folder(self):
        return pathlib.Path(self.gateway.folder, "run/mqtt-state")

    def is_gateway(self):
        """It is online with a certificate of its own, the one that is live in the cloud, and has no key besides."""
        live = self.own_live()
        return (len(live) == 1 and cells.live_serial(self.own_folder) == live[0] and
                set(cells.filled(self.own_folder)) & set(cells.SLOTS) == {cells.live_slot(self.own_folder)} and
                self.gateway.status().get("cloud_state") == "online")

    # --- the ways of a device ---

    def claim(self, device, *options):
        self.insist_on_state(device, "claimed",
                             lambda: self.ctl("claim", *options, "-", input=device.label))

    def claim_from_afar(self, device):
        def act():
            return self.cloud("claim", "--gateway", "lab", "-", input=device.label)

        self.insist(f"{device.id} is claimed by the cloud", act,
                    lambda: self.gateway.commands(device.id))
        lab.wait_for(f"{device.id} is claimed", lambda: self.gateway.state(device.id) == "claimed")

    def come_aboard(self, device):
        self.insist(f"{device.id} comes aboard", lambda: self.switch_on(device),
                    lambda: False if not (device.folder / "credential.pem").exists() else
                    self.gateway.state(device.id) == "onboarded")
        self.must_hold_its_live_certificate(device)

    @staticmethod
    def serial(device):
        return subprocess.run(["openssl", "x509", "-noout", "-serial", "-in", device.folder / "credential.pem"],
                              check=True, capture_output=True, text=True).stdout.strip().partition("=")[2].lower()

    def must_hold_its_live_certificate(self, device):
        serial = self.serial(device)

        def live():
            return [c["serial"] for c in self.gateway.certificates(device.id) if c["state"] == "live"]

        lab.wait_for(f"{device.id} has {serial}, live in the cloud", lambda: live() == [serial])

    def straight(self, name="STRAIGHT"):
        device = self.device(name)
        self.claim(device)
        self.come_aboard(device)
        return device, "onboarded"
