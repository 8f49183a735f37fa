#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Kills each program right before and right after each of its durable steps, one at a time.

    kills.py [-j N] [--sample N | STEP:before|after ...]    --sample: N of them, evenly spread

Each time one program of a running set is told where to die; then a tour of everything that has a durable
step is made, by devices that try again and an operator who looks and tries again. Whatever dies is
started once more. In the end everybody must be where the tour leads, and the checker content.

Prints a line each, PASS: or FAIL:. A step that the tour never comes by is a failure too.
"""
import argparse
import concurrent.futures
import contextlib
import json
import os
import pathlib
import queue
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.parse

import checker
import lab
from run import build_once

sys.path.insert(0, str(lab.TOP / "tests" / "integration"))
import mqtt

DAEMONS = ("gangwayd", "gangway-registrar", "gangway-ip", "gangway-mqtt", "gangway-cloud")
DEVICE = "gangway-device"
OTHER = "lab-other"  # a gateway that is played here, where a step takes a second one
OTHER_TENANT = "nobody"  # one that the cloud does not let the gateway enrol for
DEVICE_TRY_S = "4"
ASK_AGAIN_S = 2


def list_steps(build):
    """(program, "step:moment") of all."""
    rooms = {"gangwayd": "agent", "gangway-registrar": "plugins/registrar", "gangway-ip": "plugins/ip",
             "gangway-mqtt": "plugins/mqtt", "gangway-cloud": "tools/cloud", DEVICE: "tools/device"}
    for program, room in rooms.items():
        listed = subprocess.run([f"{build}/{room}/{program}", "--list-steps"], check=True,
                                capture_output=True, text=True).stdout
        for step in listed.split():
            if step == "agent.reset" or "relinquished" in step or "forget" in step:
                continue  # they take all others' ends with them: test_leave and test_mqtt_provision die there
            for moment in ("before", "after"):
                yield program, f"{step}:{moment}"


def is_about_gateway(die_at):
    """Whether the step is one of the gateway's way to a certificate of its own."""
    return any(word in die_at for word in ("mqtt.provision", "mqtt.slot", "mqtt.anchors", "cloud.provision"))


def is_about_moving(die_at):
    return any(word in die_at for word in (".adopt", "cloud.roaming", "cloud.replace-gateway"))


class OtherGateway:
    """Where mqtt.Client finds the credentials of a gateway that devices go to."""

    def __init__(self, gateway):
        self.cloud = pathlib.Path(gateway.variables["GANGWAY_CLOUD_DIR"])
        self.port = urllib.parse.urlsplit(gateway.variables["GANGWAY_BROKER"]).port

    def path(self, name):
        name, _, kind = name.rpartition(".")
        if name == "ca":
            return str(self.cloud / "broker/ca.crt")
        return str(self.cloud / "gateways" / name / ("cloud-cert" if kind == "crt" else "cloud-key"))

    def take(self, certificate, job):
        """A device stands there. False: there was no answer, or a no."""
        question = {"v": 1, "kind": "adopt", "id": job, "device": certificate["device"],
                    "serial": certificate["serial"], "key": certificate["key_sha256"]}
        with contextlib.closing(mqtt.Client(self, self.port, OTHER)) as client:
            client.subscribe(f"gangway/v1/{OTHER}/response")
            client.publish(f"gangway/v1/{OTHER}/request", json.dumps(question))
            with contextlib.suppress(TimeoutError):
                answer = client.expect(f"gangway/v1/{OTHER}/response", limit=ASK_AGAIN_S)
                return json.loads(answer.body)["kind"] == "issued"
        return False


class NewBox:
    """The gateway loses its certificate, is readmitted by the cloud, and has to come by its claim once more."""

    def __init__(self, gateway, die_at):
        self.gateway, self.is_refused_first = gateway, "slot-drop" in die_at
        gateway.stop("gangway-mqtt")
        for path in (gateway.folder / "run/mqtt-state").iterdir():
            path.unlink()
        self.cloud("revoke-gateway", "--readmit", "lab")
        if self.is_refused_first:
            self.cloud("claim-credential", "--close", "lab")

    def cloud(self, *words):
        subprocess.run(["gangway-cloud", *words], env=self.gateway.environment(), check=True, capture_output=True)

    def let_in(self, victim):
        if victim.program != "gangway-mqtt":
            self.gateway.start("gangway-mqtt", "--no-wait")
        if self.is_refused_first:
            lab.wait_for("the refusal is taken", lambda: victim.has_died)
            self.cloud("claim-credential", "lab")
        lab.wait_for("the box is a gateway", lambda: self.is_alone() and self.gateway.status().get("cloud_state") == "online")

    def is_alone(self):
        """One certificate of the gateway is live, and it has it."""
        listed = subprocess.run(["gangway-cloud", "list", "--json", "--gateways"], check=True, text=True,
                                env=self.gateway.environment(), capture_output=True).stdout
        return [c["state"] for c in json.loads(listed)].count("live") == 1


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


class Tour:
    """Everything that has a durable step, once, by devices of its own."""

    def __init__(self, gateway, victim, number):
        self.gateway, self.victim, self.number = gateway, victim, number

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
        environment = self.gateway.environment(self.victim.death_of("gangway-cloud"))
        ended = subprocess.run(["gangway-cloud", verb, *words], env=environment, input=input, text=True,
                               capture_output=True)
        self.victim.note(ended.returncode)
        return ended.returncode == 0

    def switch_on(self, device, *options):
        status, _ = device.run("--timeout", DEVICE_TRY_S, *options, die_at=self.victim.death_of(DEVICE))
        self.victim.note(status)
        return status == 0

    # --- the ways ---

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

    def walk(self):
        """Returns the states that everybody must be in at the end."""
        if self.victim.program != "gangway-registrar":
            self.gateway.restart("gangway-registrar", "--no-wait")
        if "claim-credential" in self.victim.die_at or "revoke-gateway" in self.victim.die_at:
            self.about_a_gateway()
        ends = {}
        self.list_revoked()
        self.roll_over()
        for way in (self.straight, self.renewed, self.second_key, self.refused, self.withdrawn, self.from_afar,
                    self.withdrawn_from_afar, self.paused, self.left):
            device, state = way()
            ends[device.id] = state
        if is_about_moving(self.victim.die_at):
            device, state = self.moved_and_back()
            ends[device.id] = state
        return ends

    def about_a_gateway(self):
        """What the cloud is told about gateways, here of one that there is not."""
        name = f"spare-{self.number}"
        listed = ["gangway-cloud", "list", "--json"]

        def states(what, key):
            rows = json.loads(subprocess.run([*listed, what], env=self.gateway.environment(), check=True,
                                             capture_output=True).stdout)
            return [row["state"] for row in rows if row[key] == name]

        self.insist(f"claim {name}", lambda: self.cloud("claim-credential", name),
                    lambda: states("--claims", "name") == ["open"])
        self.insist(f"{name} is there", lambda: self.cloud("init", "--gateway", name),
                    lambda: states("--gateways", "gateway") == ["live"])
        self.insist(f"{name} is revoked", lambda: self.cloud("revoke-gateway", name),
                    lambda: states("--gateways", "gateway") == ["revoked"])

    def is_at(self, device, gateway):
        return [c["gateway"] for c in self.gateway.certificates(device.id) if c["state"] == "live"] == [gateway]

    def moved_and_back(self):
        """To another gateway by the registry's word on roaming, and home because the other one's place was taken."""
        device = self.device("MOVED")
        self.claim(device)
        self.come_aboard(device)
        self.insist(f"{OTHER} is there", lambda: self.cloud("init", "--gateway", OTHER),
                    lambda: (self.gateway.folder / "run/cloud/gateways" / OTHER / "cloud-cert").exists())
        self.insist("devices may roam", lambda: self.cloud("roaming", "follow"), self.may_roam)
        other = OtherGateway(self.gateway)
        [certificate] = [c for c in self.gateway.certificates(device.id) if c["state"] == "live"]
        self.insist(f"{device.id} goes to {OTHER}", lambda: other.take(certificate, f"take-{device.id}"),
                    lambda: self.is_at(device, OTHER))
        lab.wait_for(f"{device.id} has left", lambda: self.gateway.state(device.id) == "rejected")
        self.insist("devices stay", lambda: self.cloud("roaming", "refuse"), lambda: not self.may_roam())
        self.insist(f"{OTHER} is replaced", lambda: self.cloud("replace-gateway", OTHER, "lab"),
                    lambda: self.is_replaced(OTHER))
        self.insist(f"{device.id} comes home", lambda: self.switch_on(device),
                    lambda: self.gateway.state(device.id) == "onboarded")
        self.must_hold_its_live_certificate(device)
        return device, "onboarded"

    def registry(self, query):
        with contextlib.closing(sqlite3.connect(self.gateway.folder / "run/cloud/registry.db")) as db:
            return db.execute(query).fetchall()

    def may_roam(self):
        return bool(self.registry("SELECT * FROM roaming"))

    def is_replaced(self, name):
        return self.registry(f"SELECT replaced_by FROM gateway WHERE id = '{name}'") == [("lab",)]

    def straight(self):
        device = self.device("STRAIGHT")
        self.claim(device)
        self.come_aboard(device)
        return device, "onboarded"

    def roll_over(self):
        """Nobody is aboard who would have to wait for another one's renewal: all at once."""
        for step, phase in (("begin", "begun"), ("switch", "switched"), ("end", "none")):
            self.insist(f"the authorities: {step}", lambda: self.cloud("roll", "--force", step),
                        lambda: self.roll_phase() == phase and not any(
                            c["state"] in ("waiting", "sent") for c in self.gateway.commands("")))

    def list_revoked(self):
        """A revocation list, after which nobody is aboard who was not before."""
        self.insist("a revocation list", lambda: self.cloud("crl"), lambda: self.lists() and self.lists() <= {"done", "cancelled"})

    def lists(self):
        return {state for state, in self.registry("SELECT state FROM command WHERE kind = 'crl'")}

    def roll_phase(self):
        rows = self.registry("SELECT value FROM setting WHERE name = 'roll'")
        return rows[0][0].split()[1] if rows else "none"

    def renewed(self):
        """Told to renew, and does: one certificate in the place of the other."""
        device = self.device("RENEWED")
        self.claim(device)
        self.come_aboard(device)
        before = self.serial(device)
        asked = lab.wait_for(f"{device.id} knows when to renew", lambda: self.renew_at(device))
        self.insist(f"{device.id} is to renew", lambda: self.ctl("renew", device.id),
                    lambda: (self.renew_at(device) or asked) < asked)
        self.insist(f"{device.id} renews", lambda: self.switch_on(device, "--renew"),
                    lambda: self.serial(device) != before)
        self.must_hold_its_live_certificate(device)
        return device, "onboarded"

    def renew_at(self, device):
        """None while there is nobody to ask."""
        shown = self.gateway.ctl("--json", "show", device.id, check=False)
        return json.loads(shown.stdout)["renew_at"] if shown.returncode == 0 else None

    def second_key(self):
        """Loses its key when the certificate is there already: the first one is to be revoked."""
        device = self.device("SECOND")
        self.claim(device)
        self.insist_on_state(device, "issued", lambda: device.run(
            "--timeout", DEVICE_TRY_S, die_at="device.certificate:before")[0] == -9)
        self.insist(f"{device.id} has begun anew", lambda: self.switch_on(device, "--fresh-key"),
                    lambda: self.gateway.state(device.id) == "onboarded")
        self.must_hold_its_live_certificate(device)
        return device, "onboarded"

    def refused(self):
        device = self.device("REFUSED")
        self.claim(device, "--tenant", OTHER_TENANT)
        self.insist_on_state(device, "rejected", lambda: self.switch_on(device))
        return device, "rejected"

    def withdrawn(self):
        device = self.device("WITHDRAWN")
        self.claim(device)
        self.insist_on_state(device, "rejected", lambda: self.ctl("withdraw", device.id))
        return device, "rejected"

    def from_afar(self):
        """Claimed by the fleet, aboard, and revoked by the fleet."""
        device = self.device("AFAR")
        self.claim_from_afar(device)
        self.come_aboard(device)
        self.insist_on_state(device, "revoked", lambda: self.cloud("revoke", device.id))
        return device, "revoked"

    def withdrawn_from_afar(self):
        device = self.device("RECALLED")
        self.claim_from_afar(device)
        self.insist_on_state(device, "rejected", lambda: self.cloud("withdraw", "--gateway", "lab",
                                                                    device.id))
        return device, "rejected"

    def paused(self):
        """Suspended, resumed, and suspended again: the cloud hears all of it, in order."""
        device = self.device("PAUSED")
        self.claim(device)
        self.come_aboard(device)
        for verb, state in (("suspend", "suspended"), ("resume", "onboarded"), ("suspend", "suspended")):
            self.insist_on_state(device, state, lambda verb=verb: self.ctl(verb, device.id))
        return device, "suspended"

    def left(self):
        """Decommissioned, told, and wiped; it may die before it has said so, and then nobody hears of it again."""
        device = self.device("LEFT")
        self.claim(device)
        self.come_aboard(device)
        self.insist_on_state(device, "decommissioned", lambda: self.ctl("decommission", device.id))
        self.insist(f"{device.id} has wiped itself", lambda: self.switch_on(device),
                    lambda: not any(device.folder.glob("*.pem")))
        return device, "decommissioned"


def try_death(gateway, program, die_at, number):
    """All that is wrong after that death, a line each."""
    box = NewBox(gateway, die_at) if is_about_gateway(die_at) else None
    with Victim(gateway, program, die_at) as victim:
        if box:
            box.let_in(victim)
        ends = Tour(gateway, victim, number).walk()
    if not victim.has_died:
        return [f"{program} never came by {die_at}"]

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
        self.deaths, self.gateway = deaths, None
        self.failed = False

    def run(self):
        try:
            while True:
                number, (program, die_at) = self.deaths.get_nowait()
                self._try(number, program, die_at)
        except queue.Empty:
            return self.failed
        finally:
            self._close()

    def _try(self, number, program, die_at):
        if not self.gateway:
            self.gateway = lab.Lab("--claim", "--set", "cloud.retry_first=1", "--set", "cloud.retry_max=2",
                                   "--set", "audit.keep_records=20")
            self.gateway.up()
        started = time.monotonic()
        try:
            wrong = try_death(self.gateway, program, die_at, number)
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            wrong = [f"{type(error).__name__}: {error}"]
        if not wrong:
            print(f"PASS: kills/{die_at} ({time.monotonic() - started:.1f} s)", flush=True)
            if is_about_moving(die_at):
                self._close()  # nobody is there to answer what the other gateway is told
            return

        self.failed = True
        details = "\n".join([*wrong, self.gateway.story()]).replace("\n", "\n    ")
        print(f"    {details}\nFAIL: kills/{die_at}", flush=True)
        self._close()

    def _close(self):
        if self.gateway:
            self.gateway.close()
        self.gateway = None


def choose(arguments, known):
    if arguments.steps:
        chosen = [death for death in known if death[1] in arguments.steps]
        if len(chosen) != len(arguments.steps):
            sys.exit("kills: there are only: " + " ".join(death[1] for death in known))
        return chosen
    n = min(arguments.sample or len(known), len(known))
    return [known[i * len(known) // n] for i in range(n)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-j", type=int, default=os.cpu_count(), dest="jobs")
    parser.add_argument("--sample", type=int)
    parser.add_argument("steps", nargs="*")
    arguments = parser.parse_args()

    deaths = queue.SimpleQueue()
    for numbered in enumerate(choose(arguments, list(list_steps(build_once())))):
        deaths.put(numbered)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        failed = [pool.submit(Worker(deaths).run) for _ in range(arguments.jobs)]
    return 1 if any(run.result() for run in failed) else 0


if __name__ == "__main__":
    sys.exit(main())
