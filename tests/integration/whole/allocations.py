#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lets allocations fail, one at a time, while devices come aboard: each n-th, in each program.

    allocations.py [-j N] [-v] [--sample N | --places | --stripes N] [PART ...]

A part is a program that serves, while a device is claimed and comes aboard, until nothing waits for the
cloud; `PROGRAM:start`, the same until it is up; `PROGRAM:life`, while a device that is aboard renews, is
suspended and resumed, and leaves, and the record is read; `PROGRAM:crl`, while a revocation list comes from the cloud
and another from a file; `gangway-mqtt:claim`, until the gateway has come
by its claim to a certificate of its own and proved it; or a command, as it does its work. For each n a program is started anew, as it allocates most for the first device. --sample: N of all n, evenly spread, in a
program that has taken a device aboard before. --places: instead of every n, each place in the program (a
chain of callers) once; a start or a life would take hours otherwise, and is always done by places. --stripes:
each part in shares (every N-th n, or the places that no other share has had), for sets side by side: a set
waits most of the time. -v: a line for each failure.

With one allocation failing a program may go on, or end with an error and be started again; it must not end
by a signal, and a command that fails must say so. In the end every device is aboard, the checker is
content, and programs that are told to end do so in good order: with a build that has the sanitizers
(GANGWAY_BUILD), not a byte leaked.

Prints a line a part, PASS: or FAIL:, with how many allocations failed and what became of it.
"""
import argparse
import collections
import concurrent.futures
import ctypes
import functools
import itertools
import json
import mmap
import os
import pathlib
import queue
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import traceback

import checker
import lab
import label
import occasions
from run import HERE, build_once

SERVING = ("gangwayd", "gangway-registrar", "gangway-ip", "gangway-mqtt", "gangway-cloud")
CHECK_EVERY = 20
IDLE_MAX = 3  # onboardings in which nothing new was allocated
WRONG_MAX = 10
FRAMES = 40  # that are noted of a place
STRAGGLERS_MAX = 8
FIRST_TRY_S, NEXT_TRY_S = str(2 * lab.PATIENCE), "20"
ADDR_NO_RANDOMIZE = 0x0040000  # a place is to be the same in each run
TROUBLE = (AssertionError, OSError, sqlite3.Error, subprocess.SubprocessError)

NUMBERS = itertools.count(1)  # of devices
# Libraries, or calls of theirs, that die of a failed allocation by themselves: a program can only be started again.
UNBEARABLE = {
    "getgrnam": "glibc 2.36 uses what it could not allocate, and asserts that it could; gangwayd's start",
    "sd_bus_add_object_manager": "libsystemd 252 keeps its node, and aborts as the bus is freed",
    "sd_bus_add_fallback_vtable": "libsystemd 252 forgets that it has listed methods by names that it frees",
    "_ZN6__asan": "AddressSanitizer gives up where it prepares a thread",
    "libeconf.so": "0.5.1 does not look at what strdup() and strndup() return; gangwayd's start",
}
OFF, NTH, NEW = range(3)  # enum mode


def say(text):
    """In one piece, as several threads have something to say."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def show(text):
    say("    " + text.replace("\n", "\n    "))


@functools.cache
def name_of(module, offset):
    told = subprocess.run(["addr2line", "-fse", module, hex(offset)], capture_output=True,
                          text=True).stdout.split("\n")
    return f"{told[0]} ({told[1]})" if told[0] not in ("", "??") else os.path.basename(module)


class Orders:
    """What failing-malloc.c is told, and tells: struct orders."""
    HEAD = struct.Struct("=IIQQ4096s")
    TRIED_SIZE = 65536 * 8

    def __init__(self, folder, gateway, part, program):
        self._search = gateway.variables["PATH"]
        tried = self._file_of(folder / f"{part}.tried", self.TRIED_SIZE)  # of all stripes
        orders = self._file_of(gateway.folder / f"{part}.orders", self.HEAD.size)
        with open(orders, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), self.HEAD.size)
        self.environment = {
            "LD_PRELOAD": str(folder / "failing-malloc.so"),
            "GANGWAY_ALLOCATIONS": str(orders), "GANGWAY_ALLOCATIONS_OF": program,
            "GANGWAY_ALLOCATIONS_TRIED": str(tried),
            # AddressSanitizer wants to be the first library; failing-malloc.c knows of it. Who dies of a
            # signal shall do so with it, too. Findings are read, and judged, here.
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") +
                            ":verify_asan_link_order=0:handle_segv=0:log_path=stderr",
            "UBSAN_OPTIONS": os.environ.get("UBSAN_OPTIONS", "") + ":log_path=stderr"}

    @staticmethod
    def _file_of(path, size):
        with open(path, "ab") as file:
            file.truncate(size)
        return path

    def give(self, mode, nth):
        """The mode last, so that the order is seen whole."""
        self.take_back()
        self._map[4:self.HEAD.size] = self.HEAD.pack(0, 0, 0, nth, b"")[4:]
        self._map[0:4] = struct.pack("=I", mode)

    def take_back(self):
        self._map[0:4] = struct.pack("=I", OFF)

    @property
    def n_calls(self):
        return self.HEAD.unpack_from(self._map)[2]

    @property
    def has_failed(self):
        return self.HEAD.unpack_from(self._map)[1] > 0

    def place(self, depth=14):
        """The chain of callers, innermost first, as far as debug information tells."""
        frames = self.HEAD.unpack_from(self._map)[4].rstrip(b"\0").decode().split()[:depth]
        return [name_of(*self._resolved(*frame.rsplit("+", 1))) for frame in frames]

    def module(self):
        """The one that wanted memory."""
        for frame in self.HEAD.unpack_from(self._map)[4].rstrip(b"\0").decode().split():
            name = os.path.basename(frame.rpartition("+")[0])
            if name != "failing-malloc.so":  # strdup()
                return name
        return ""

    def _resolved(self, module, offset):
        module = shutil.which(module, path=self._search) or module
        return os.path.realpath(module), int(offset, 16) - 1


class Supervised:
    """A program of a set that is started, ended, and started again from here."""

    def __init__(self, gateway, program, environment):
        self.program = program
        self._log = gateway.folder / "logs" / program
        proc = pathlib.Path(f"/proc/{gateway.pid(program)}")
        self._argv = proc.joinpath("cmdline").read_text().split("\0")[:-1]
        self._environment = dict(
            line.split("=", 1) for line in proc.joinpath("environ").read_text().split("\0") if line)
        self._environment |= environment
        gateway.stop(program)
        self.start()

    def start(self):
        with open(self._log, "ab") as log:
            self._begin = log.tell()
            self.process = subprocess.Popen(self._argv, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=self._environment, cwd="/")

    def has_ended(self):
        return self.process.poll() is not None

    def said(self):
        """All of the log since it was started."""
        with open(self._log, "rb") as log:
            log.seek(self._begin)
            return log.read().decode(errors="replace")

    def forget(self):
        """What it said since then is not in the log any more."""
        os.truncate(self._log, self._begin)

    def heeds(self, number):
        """Whether a signal would not just end it: it is one for its loop to read."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        blocked = next(line.split()[1] for line in status.splitlines() if line.startswith("SigBlk:"))
        return int(blocked, 16) >> (number - 1) & 1

    def end(self):
        lab.wait_for(f"{self.program} heeds signals",
                     lambda: self.has_ended() or self.heeds(signal.SIGTERM))
        if not self.has_ended():
            self.process.terminate()
        try:
            self.process.wait(lab.NEVER_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise lab.Never(f"{self.program} does not end") from None


class Fleet:
    """The devices. One that does not come aboard at once goes on by itself while others have their turn."""

    def __init__(self, gateway):
        self.gateway = gateway
        self._pool = concurrent.futures.ThreadPoolExecutor(STRAGGLERS_MAX)
        self._stragglers = []

    def new_device(self):
        name = f"N-{next(NUMBERS)}"
        return self.gateway.new_device(name, label.make(name, os.urandom(16)))

    def claim(self, device):
        self.gateway.wait_for(f"{device.id} is claimed", lambda: self.gateway.ctl(
            "claim", "-", input=device.label, check=False).returncode == 0)

    def switch_on(self, device):
        """Returns whether it came aboard at once."""
        process = device.start("--timeout", FIRST_TRY_S)
        while True:
            try:
                process.communicate(timeout=0.1)
                break
            except subprocess.TimeoutExpired:
                self.gateway.attend()
        if process.returncode:
            self._stragglers.append((device.id, self._pool.submit(self.come_aboard, device)))
        return process.returncode == 0

    @staticmethod
    def come_aboard(device):
        lab.wait_for(f"{device.id} comes aboard",
                     lambda: device.run("--timeout", NEXT_TRY_S)[0] == 0)

    def gather(self):
        """Until all stragglers are aboard; yields what went wrong."""
        for name, straggler in self._stragglers:
            while not straggler.done():
                self.gateway.attend()
                concurrent.futures.wait([straggler], 0.1)
            try:
                straggler.result()
            except TROUBLE as error:
                yield f"{name}: {error}"
        self._stragglers = []


class Part:
    """One part's failures, one after another. What is wrong is told at once: a part may take hours."""
    BY_PLACES = False

    def __init__(self, name, stripe, gateway, folder, verbose):
        self.name, self.program = name, name.partition(":")[0].split()[0]
        self.stripe = stripe
        self.folder, self.verbose = folder, verbose
        self.n_wrong, self.counts, self.number = 0, collections.Counter(), "none"
        self.move_to(gateway)

    def move_to(self, gateway):
        self.gateway, self.fleet = gateway, Fleet(gateway)
        self.orders = Orders(self.folder, gateway, self.name, self.program)

    def complain(self, text):
        self.n_wrong += 1
        show(f"{self.name} at {self.number}: {text}\nwhere it failed:\n    " +
             "\n    ".join(self.orders.place()))

    def is_theirs(self):
        """Whether it failed right in a library that is known not to bear it."""
        frames = [self.orders.module(), *self.orders.place(FRAMES)]
        return any(frame.startswith(tuple(UNBEARABLE)) for frame in frames)

    def judge_end(self, status, said):
        """How a program ended in which an allocation had failed."""
        if (status < 0 or lab.SANITIZER.search(said)) and self.is_theirs():
            self.counts["ended by a library's fault"] += 1
            self.forgive()
        elif status < 0:
            self.complain(f"ended by {signal.Signals(-status).name}\n{said}")
        elif lab.SANITIZER.search(said):
            self.complain(said)
        elif status and not said.strip():
            self.complain(f"ended with {status} and said nothing")

    def forgive(self):
        pass

    def measure(self, sample):
        """How many allocations there are: the first time, when much is prepared, or ever after."""
        for _ in range(2 if sample else 1):
            self.attempt(NTH, 0)
        return self.orders.n_calls

    def is_each(self, sample, places):
        return not (sample or places or self.BY_PLACES)

    def numbers(self, sample, places):
        """What to order, one after another."""
        if self.is_each(sample, places):
            first, step = self.stripe
            yield from ((NTH, n) for n in range(1 + first, self.measure(sample) + 1, step))
            return
        if sample:
            total = self.measure(sample)
            n = min(sample, total)
            yield from ((NTH, 1 + i * total // n) for i in range(n))
            return
        n, n_idle = 0, 0
        while n_idle < IDLE_MAX:
            n += 1
            yield NEW, n
            n_idle = 0 if self.orders.has_failed else n_idle + 1

    def run(self, sample, places):
        is_checked = False
        for mode, nth in self.numbers(sample, places):
            if self.is_each(sample, places):
                self.begin_anew()
            self.number = nth
            self.attempt(mode, nth)
            self.orders.take_back()
            is_checked = False
            if self.orders.has_failed:
                self.counts["failed"] += 1
                if self.verbose:
                    say(f"{self.name} {self.number}: {' < '.join(self.orders.place(6))}")
                if self.counts["failed"] % CHECK_EVERY == 0:
                    self.check()
                    is_checked = True
            if self.n_wrong >= WRONG_MAX:
                return
        if not is_checked:
            self.check()

    def check(self):
        for text in self.fleet.gather():
            self.complain(f"one of the last {CHECK_EVERY}: {text}\n{self.gateway.story(8)}")
        self.gateway.settle()
        wrong = checker.check(self.gateway.variables["GANGWAY_STATE"],
                              self.gateway.variables["GANGWAY_CLOUD_DIR"])
        if not json.loads(self.gateway.ctl("--json", "audit", "verify").stdout)["ok"]:
            wrong.append("the audit record is broken")
        if wrong:
            self.complain(f"after the last {CHECK_EVERY}: " + "\n".join(wrong))

    def begin_anew(self):
        pass

    def close(self):
        pass


class Serving(Part):
    """A program that serves, while a device comes aboard."""

    def move_to(self, gateway):
        super().move_to(gateway)
        self.supervised = Supervised(gateway, self.program, self.orders.environment)
        gateway.attend = self.help_along
        gateway.settle()

    def help_along(self):
        if not self.supervised.has_ended():
            return
        self.orders.take_back()
        status = self.supervised.process.returncode
        self.judge_end(status, self.supervised.said())
        if status == 0:
            self.complain("a program that serves ended as if all was well")
        self.counts["ended"] += 1
        self.supervised.start()

    def forgive(self):
        """What the sanitizers found in the library is not to be found again as the set ends."""
        self.supervised.forget()

    def end_well(self):
        self.orders.take_back()
        self.supervised.end()
        if self.supervised.process.returncode:
            self.complain("here or before, told to end, it ended with "
                          f"{self.supervised.process.returncode}\n{self.supervised.said()[-6000:]}")

    def board(self):
        device = self.fleet.new_device()
        self.fleet.claim(device)
        if not self.fleet.switch_on(device):
            self.counts["not at once"] += 1
        self.help_along()

    def attempt(self, mode, nth):
        self.orders.give(mode, nth)
        self.board()
        if mode == NTH:
            self.gateway.wait_for("no jobs wait", self.rests)

    def rests(self):
        """Read from the store: gangwayd would allocate what it answers from."""
        return not checker.rows(pathlib.Path(self.gateway.variables["GANGWAY_STATE"]) / "gangway.db",
                                "SELECT id FROM job")

    def begin_anew(self):
        self.end_well()
        self.supervised.start()  # what pauses it takes after failures begins anew, too
        self.gateway.settle()

    def check(self):
        super().check()
        self.begin_anew()

    def close(self):
        self.gateway.attend = lambda: None
        self.end_well()


class Starting(Serving):
    """A program that serves, until it is up; then a device comes aboard."""
    BY_PLACES = True

    def attempt(self, mode, nth):
        self.end_well()
        self.orders.give(mode, nth)
        self.supervised.start()
        self.board()
        self.gateway.settle()  # it may end long after a device has come, as it begins with something else

    def check(self):
        """Not started again: told to end before it is up, it would end by the signal."""
        Part.check(self)
        self.end_well()


class Living(Serving):
    """A program that serves, while a device that is aboard lives on, and leaves."""
    BY_PLACES = True

    def attempt(self, mode, nth):
        device = self.fleet.new_device()
        self.fleet.claim(device)
        self.gateway.wait_for(f"{device.id} is aboard", lambda: self.runs(device))
        self.orders.give(mode, nth)
        self.live(device)
        self.gateway.wait_for("no jobs wait", self.rests)

    @staticmethod
    def runs(device, *options):
        return device.run("--timeout", FIRST_TRY_S, *options)[0] == 0

    def live(self, device):
        before = (device.folder / "credential.pem").read_bytes()
        self.gateway.wait_for(f"{device.id} is to renew", lambda: self.does("renew", device.id))
        self.gateway.wait_for(f"{device.id} renews", lambda: self.runs(device, "--renew") and
                              (device.folder / "credential.pem").read_bytes() != before)
        self.insist(device, "suspended", "suspend")
        self.insist(device, "onboarded", "resume")
        for words in (("jobs",), ("--json", "audit"), ("audit", "verify")):
            self.does(*words)
        self.insist(device, "decommissioned", "decommission")
        self.gateway.wait_for(f"{device.id} has wiped itself", lambda: self.has_wiped(device))

    def does(self, *words):
        return self.gateway.ctl(*words, check=False).returncode == 0

    def insist(self, device, state, verb):
        self.gateway.wait_for(f"{device.id} is {state}", lambda: self.does(verb, device.id) and
                              self.gateway.state(device.id) == state)

    def has_wiped(self, device):
        self.runs(device)
        return not any(device.folder.glob("*.pem"))


class Revoking(Living):
    """A program that serves, while a revocation list comes from the cloud, and one from a file."""

    def attempt(self, mode, nth):
        before = len(self.lists())
        self.orders.give(mode, nth)
        self.gateway.wait_for("a list from the cloud is obeyed", lambda: self.is_obeyed(before))
        path = self.gateway.folder / "list.pem"
        self.gateway.run("gangway-cloud", "crl", "--file", path)
        self.gateway.wait_for("a list from a file is taken", lambda: self.does("revoke", "--crl", path))
        self.gateway.wait_for("no jobs wait", self.rests)

    def lists(self):
        return [c["state"] for c in self.gateway.commands() if c["kind"] == "crl"]

    def is_obeyed(self, n_before):
        """Sends another one where the gateway could do nothing with the last."""
        lists = self.lists()
        if len(lists) == n_before or lists[-1] not in ("waiting", "sent", "done"):
            self.gateway.run("gangway-cloud", "crl")
            return False
        return lists[-1] == "done"


class Provisioning(Starting):
    """The cloud link, until it has a certificate of its own that is good."""

    def attempt(self, mode, nth):
        self.end_well()
        box = occasions.NewBox(self.gateway)
        box.prepare()
        self.orders.give(mode, nth)
        self.supervised.start()
        self.gateway.wait_for("the box is a gateway", box.is_gateway)


class Command(Part):
    """A program that does something and ends."""

    def command(self):
        """The command line and what it is given to read."""
        return COMMANDS[self.name](self.device)

    def attempt(self, mode, nth):
        self.device = self.fleet.new_device()
        self.prepare()
        argv, given = self.command()
        self.orders.give(mode, nth)
        ended = subprocess.run(argv, env=self.gateway.environment() | self.orders.environment,
                               input=given, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
        self.orders.take_back()
        self.judge_end(ended.returncode, ended.stdout)
        self.counts["ended"] += ended.returncode != 0
        self.look_after(ended.returncode == 0)

    def prepare(self):
        pass

    def look_after(self, has_worked):
        pass


class Listing(Command):
    """Of one device: each takes its own allocations."""
    has_one = False

    def prepare(self):
        if not self.has_one:
            self.gateway.claim(self.device)
        self.has_one = True


class Claiming(Command):
    def look_after(self, has_worked):
        if has_worked and self.gateway.state(self.device.id) != "claimed":
            self.complain("gangwayctl says that the device is claimed")


class Boarding(Command):
    def prepare(self):
        self.gateway.claim(self.device)

    def look_after(self, has_worked):
        if not has_worked:
            self.fleet.come_aboard(self.device)
        if self.gateway.state(self.device.id) != "onboarded":
            self.complain("the device believes that it is aboard")


# Those first that list devices: the others make many.
COMMANDS = {
    "gangwayctl devices": lambda device: (["gangwayctl", "devices"], None),
    "gangway-cloud list": lambda device: (["gangway-cloud", "list", "--json"], None),
    "gangwayctl claim": lambda device: (["gangwayctl", "claim", "-"], device.label),
    "gangwayctl qr": lambda device: (["gangwayctl", "qr", "show", "-"], device.label),
    "gangway-device": lambda device: (
        ["gangway-device", "--label", "-", "--connect", device.gateway.coaps, "--state",
         str(device.folder), "--timeout", FIRST_TRY_S], device.label),
}
PARTS = ({name: Command for name in COMMANDS} |
         {"gangwayctl devices": Listing, "gangwayctl claim": Claiming, "gangway-device": Boarding} |
         {name: Serving for name in SERVING} | {f"{name}:start": Starting for name in SERVING} |
         {f"{name}:life": Living for name in SERVING if name != "gangway-ip"} |
         {f"{name}:crl": Revoking for name in SERVING if name != "gangway-ip"} |
         {"gangway-mqtt:claim": Provisioning})


class Worker:
    """Has a set of its own and works parts off; a set in which something went wrong is replaced."""

    def __init__(self, parts, folder, arguments):
        self.parts, self.folder, self.arguments = parts, folder, arguments
        self.gateway, self.failed = None, False

    def run(self):
        try:
            while True:
                self._try(*self.parts.get_nowait())
        except queue.Empty:
            pass
        finally:
            self._close()
        return self.failed

    def _try(self, name, stripe):
        started = time.monotonic()
        part, failed = None, False
        try:
            if not self.gateway:
                self.gateway = lab.Lab("--claim", "--set", "cloud.retry_first=1", "--set", "cloud.retry_max=2",
                                       "--set", "audit.keep_records=20", parent=tempfile.gettempdir())
                self.gateway.up()
            part = PARTS[name](name, stripe, self.gateway, self.folder, self.arguments.verbose)
            part.run(self.arguments.sample, self.arguments.places)
        except TROUBLE:
            failed = True
            tell = part.complain if part else show
            tell(f"{name} does not go on\n{traceback.format_exc()}" +
                 (self.gateway.story() if self.gateway else ""))
        failed |= not self._end_part(part, failed)

        self.failed |= failed
        counts = ", ".join(f"{n} {what}" for what, n in part.counts.items()) if part else ""
        share = f"/{stripe[0] + 1}-of-{stripe[1]}" if stripe[1] > 1 else ""
        say(f"{'FAIL' if failed else 'PASS'}: allocations/{name.replace(' ', '-')}{share} "
            f"({counts or 'nothing failed'}; {time.monotonic() - started:.0f} s)")

    def _end_part(self, part, failed):
        """Returns whether all is well. Then the set goes on to the next part as it was."""
        try:
            if part:
                part.close()
        except TROUBLE as error:
            show(f"{part.name}: {error}")
            failed = True
        if failed or not part or part.n_wrong:
            self._close()
            return False
        if isinstance(part, Serving):
            self.gateway.start(part.program)
        return True

    def _close(self):
        try:
            if self.gateway:
                self.gateway.close()
        except TROUBLE as error:
            show(str(error))
            self.failed = True
        self.gateway = None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-j", type=int, default=os.cpu_count(), dest="jobs")
    parser.add_argument("-v", action="store_true", dest="verbose")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--places", action="store_true")
    parser.add_argument("--stripes", type=int, default=1)
    parser.add_argument("parts", nargs="*", metavar="PART")
    arguments = parser.parse_args()
    if not set(arguments.parts) <= set(PARTS):
        parser.error("there are only: " + ", ".join(PARTS))

    build_once()
    ctypes.CDLL(None).personality(ADDR_NO_RANDOMIZE)
    parts = queue.SimpleQueue()
    for name in arguments.parts or PARTS:
        for first in range(arguments.stripes):
            parts.put((name, (first, arguments.stripes)))
    with tempfile.TemporaryDirectory() as name, \
            concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        folder = pathlib.Path(name)
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", folder / "failing-malloc.so",
                        HERE / "failing-malloc.c"], check=True)
        runs = [pool.submit(Worker(parts, folder, arguments).run) for _ in range(arguments.jobs)]
    return 1 if any(run.result() for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
