# SPDX-License-Identifier: GPL-2.0-or-later
"""A set of gangway's programs for a test, brought up by scripts/lab, and the devices that come to it.

    with lab.Lab() as gateway:
        device = gateway.new_device("ACME-1")
        gateway.claim(device)
        device.come_aboard()
        gateway.wait_for_state("ACME-1", "onboarded")

Waiting is for something to be so, with a limit that says "never"; no test depends on how long it takes.
"""
import contextlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parents[3]
SCRIPT = TOP / "scripts" / "lab"
PATIENCE = int(os.environ.get("GANGWAY_PATIENCE", 1))  # how much slower the programs are than usual
NEVER_S = 60 * PATIENCE
SANITIZER = re.compile(r"\w+Sanitizer|runtime error:")
PROGRAMS = ("dbus-daemon", "mosquitto", "gangway-cloud", "gangwayd", "gangway-registrar", "gangway-ip",
            "gangway-mqtt")


class Never(AssertionError):
    """What was waited for did not come to be."""


class Failed(AssertionError):
    """scripts/lab failed; the text is what it said."""


def wait_for(what, condition, limit=NEVER_S):
    """Returns what the condition returns, as soon as that is true."""
    end = time.monotonic() + limit
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise Never(f"not within {limit} s: {what}")
        time.sleep(0.05)


def is_plain():
    """Whether the programs run as they are. Sanitizers and valgrind keep what was freed."""
    program = (pathlib.Path(os.environ["GANGWAY_BUILD"]) / "agent" / "gangwayd").read_bytes()
    return program.startswith(b"\x7fELF") and b"__asan_init" not in program


def is_alive(pid):
    """Not after its death, even while nobody has taken note of it."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


class Device:
    """A reference device: its label, and a state folder that survives its power cuts."""

    def __init__(self, gateway, label, folder):
        self.gateway = gateway
        self.label = label
        self.id = label.partition(":I")[2].partition("+")[0]
        self.folder = folder

    def start(self, *options, connect=None, die_at=None):
        """Switches it on; the caller waits for the process."""
        process = subprocess.Popen(
            [*self.gateway.among_devices, "gangway-device", "--label", "-",
             "--connect", connect or self.gateway.coaps,
             "--state", str(self.folder), "--timeout", str(NEVER_S), *options],
            env=self.gateway.environment(die_at), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(self.label + "\n")
            process.stdin.close()
        process.stdin = None
        return process

    def run(self, *options, **more):
        """Switches it on and lets it run to its end; returns exit status and output."""
        process = self.start(*options, **more)
        output = process.communicate()[0]
        return process.returncode, output

    def come_aboard(self, *options, **more):
        status, output = self.run(*options, **more)
        if status != 0:
            raise AssertionError(f"{self.id} did not come aboard:\n{output}\n{self.gateway.story()}")
        return output

    def is_refused(self, *options, **more):
        """Runs it for a while, in which it must not get aboard; how far it came meanwhile nobody knows."""
        return self._runs_in_vain("--timeout", str(3 * PATIENCE), *options, **more)

    def is_sent_away(self, *options, **more):
        """Runs it until the gateway has told it that it need not insist; returns its last word."""
        return self._runs_in_vain(*options, **more).splitlines()[-1]

    def _runs_in_vain(self, *options, **more):
        status, output = self.run(*options, **more)
        if status != 1:
            raise AssertionError(f"{self.id} should have ended with 1, not {status}:\n{output}")
        return output

    def knocks_until(self, what, condition):
        """Runs it until that is so; nobody lets it in, and nobody tells it."""
        process = self.start()
        try:
            self.gateway.wait_for(what, condition)
            if process.poll() == 0:
                raise AssertionError(f"{self.id} is aboard")
        finally:
            process.kill()
            process.communicate()


class Lab:
    def __init__(self, *options, parent="/tmp"):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gangway-", dir=parent))
        self._options = options
        self.attend = lambda: None  # called again and again while something is waited for

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, *error):
        self.close()

    def up(self):
        try:
            self._script("up", *self._options)
        except Failed:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.variables = self._read_env()

    def close(self):
        self._script("down")
        findings = [line for path in (self.folder / "logs").iterdir()
                    for line in path.read_text(errors="replace").splitlines() if SANITIZER.search(line)]
        shutil.rmtree(self.folder)
        if findings:
            raise AssertionError("the sanitizers found:\n" + "\n".join(findings))

    def _script(self, verb, *words, die_at=None):
        ended = subprocess.run([SCRIPT, verb, str(self.folder), *words], capture_output=True, text=True,
                               env=self._with_death(os.environ, die_at))
        if ended.returncode != 0:
            raise Failed(ended.stderr)

    def _read_env(self):
        """Through a shell, as users read it."""
        text = subprocess.run(["sh", "-euc", '. "$1"; env -0', "sh", str(self.folder / "env")],
                              check=True, capture_output=True, text=True).stdout
        return dict(line.split("=", 1) for line in text.split("\0") if line)

    @staticmethod
    def _with_death(environment, die_at):
        environment = {k: v for k, v in environment.items() if k != "GANGWAY_DIE_AT"}
        return environment | ({"GANGWAY_DIE_AT": die_at} if die_at else {})

    def environment(self, die_at=None):
        return self._with_death(self.variables, die_at)

    def wait_for(self, what, condition):
        """wait_for(), attending to the set meanwhile."""
        def attended():
            self.attend()
            return condition()

        return wait_for(what, attended)

    # --- clocks, of a set with --clocks ---

    def set_clock(self, side, time):
        """side: gateway, cloud, devices; time: as scripts/lab clock takes it."""
        self._script("clock", side, time)

    # --- programs ---

    def start(self, program, *options, die_at=None):
        self._script("start", program, *options, die_at=die_at)

    def stop(self, program):
        self._script("stop", program)

    def restart(self, program, *options, die_at=None):
        self._script("restart", program, *options, die_at=die_at)

    def revive(self):
        """Starts what is not there; returns when all is ready."""
        for program in PROGRAMS:
            if not (self.folder / "pids" / program).exists() or not self.is_alive(program):
                self.start(program)

    def pid(self, program):
        return int((self.folder / "pids" / program).read_text())

    def is_alive(self, program):
        return is_alive(self.pid(program))

    def kill(self, program):
        """As when the power goes."""
        os.kill(self.pid(program), signal.SIGKILL)
        wait_for(f"{program} is dead", lambda: not self.is_alive(program))

    def log(self, program):
        return (self.folder / "logs" / program).read_text(errors="replace")

    def story(self, lines=15):
        """The end of every program's log."""
        parts = []
        for path in sorted((self.folder / "logs").iterdir()):
            tail = path.read_text(errors="replace").splitlines()[-lines:]
            parts.append(f"--- {path.name}\n" + "\n".join(tail))
        return "\n".join(parts)

    # --- the operator ---

    def run(self, *argv, input=None, check=True):
        """Any command in the environment of the set."""
        result = subprocess.run(argv, input=input, capture_output=True, text=True,
                                env=self.environment())
        if check and result.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, argv))} ended with {result.returncode}:\n"
                                 f"{result.stdout}{result.stderr}")
        return result

    def ctl(self, *words, **more):
        return self.run("gangwayctl", *words, **more)

    def ctl_json(self, *words):
        return json.loads(self.ctl("--json", *words).stdout)

    def audit(self):
        """The record, a dictionary an entry."""
        return [json.loads(line) for line in self.ctl("--json", "audit").stdout.splitlines()]

    def refusal(self, *words, input=None):
        """What gangwayctl says as it refuses."""
        result = self.ctl(*words, input=input, check=False)
        if result.returncode != 1:
            raise AssertionError(f"gangwayctl {' '.join(words)} ended with {result.returncode}")
        return result.stderr

    def status(self):
        """Empty while there is nobody to ask."""
        result = self.ctl("--json", "status", check=False)
        return json.loads(result.stdout) if result.returncode == 0 else {}

    def show(self, device_id):
        return self.ctl_json("show", device_id)

    def claim(self, device, *options):
        self.ctl("claim", *options, "-", input=device.label)

    def state(self, device_id):
        result = self.ctl("--json", "show", device_id, check=False)
        return json.loads(result.stdout)["state"] if result.returncode == 0 else None

    def wait_for_state(self, device_id, *states):
        return self.wait_for(f"{device_id} is {' or '.join(states)}",
                             lambda: (state := self.state(device_id)) in states and state)

    def wait_for_cloud(self, state):
        self.wait_for(f"the cloud is {state}", lambda: self.status().get("cloud_state") == state)

    def wait_for_rest(self):
        """Until nothing waits for the cloud any more."""
        self.wait_for("no jobs wait", lambda: self.status().get("jobs_waiting") == 0)

    def settle(self):
        """Until nothing is under way between gateway and cloud, in either direction."""
        self.wait_for_cloud("online")
        self.wait_for("the cloud's commands have ended", lambda: not any(
            command["state"] in ("waiting", "sent") for command in self.commands()
            if command["gateway"] == self.variables["GANGWAY_ID"]))
        self.wait_for_rest()

    # --- devices and cloud ---

    @property
    def among_devices(self):
        """What to put in front of a device's command."""
        return shlex.split(self.variables["GANGWAY_DEVICES"])

    @property
    def coaps(self):
        return self.variables["GANGWAY_COAPS"]

    def new_label(self, device_id, *options):
        return self.ctl("qr", "make", "--id", device_id, "--new-secret", *options).stdout.strip()

    def new_device(self, device_id, label=None):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="device-", dir=self.folder))
        return Device(self, label or self.new_label(device_id), folder)

    def certificates(self, device_id=None):
        """What the cloud has on record."""
        listed = json.loads(self.run("gangway-cloud", "list", "--json").stdout)
        return [c for c in listed if device_id in (None, c["device"])]

    def commands(self, device_id=None):
        """What the cloud has told the gateway, or is about to."""
        listed = json.loads(self.run("gangway-cloud", "list", "--commands", "--json").stdout)
        return [c for c in listed if device_id in (None, c["device"])]


class Shared(unittest.TestCase):
    """Tests of one set, `lab`. What a test that failed has left stopped is started again, so that one failure stays
    one failure."""

    def setUp(self):
        super().setUp()
        self.lab.revive()
