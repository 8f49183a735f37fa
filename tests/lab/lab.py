# SPDX-License-Identifier: GPL-2.0-or-later
"""A set of gangway's programs in a folder: what is made for it, started, stopped and taken away.

    env            for sh: what a user of the set needs to know
    pids, logs     a file for each program
    run            all else; `facts` there is what later commands need to know of the set
    run/clocks     how far each side's clock is off the machine's (clocks.py)
"""
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

import broker
import bus
import clocks
import network
import ports
from process import Process, wait_until
from programs import PROGRAMS, SHARED, complaints

TOP = pathlib.Path(__file__).resolve().parents[2]
ROOMS = ("agent", "plugins/registrar", "plugins/ip", "plugins/mqtt", "tools/ctl", "tools/device",
         "tools/cloud", ".")
NAMES = ("gangwayd", "gangway-registrar", "gangway-ip", "gangway-mqtt", "gangwayctl", "gangway-device",
         "gangway-cloud")
READY_S = 60 * int(os.environ.get("GANGWAY_PATIENCE", 1))
SOCKET_PATH_MAX = 107  # bytes, of the kernel


class Failure(Exception):
    """The text is for the user."""


class Lab:
    def __init__(self, folder):
        self.folder = folder.absolute()
        self.run = self.folder / "run"
        self.bus_socket = self.run / "bus"
        self.link = self.run / "link"
        self.state = self.run / "state"
        self.credentials = self.run / "credentials"
        self.clocks = clocks.Clocks(self.run / "clocks")
        self._facts_file = self.run / "facts"
        self.facts = json.loads(self._facts_file.read_text()) if self._facts_file.exists() else {}
        self._choose_programs()

    def _choose_programs(self):
        """Broker and cloud may be those of the set that this one stands beside."""
        beside = self.facts.get("beside")
        self.cloud = (pathlib.Path(beside) if beside else self.folder) / "run/cloud"
        self.processes = {name: self._process(name) for name in PROGRAMS
                          if not (beside and name in SHARED)}

    def _process(self, name):
        return Process(self.folder / "pids" / name, self.folder / "logs" / name)

    # --- up and down ---

    def up(self, build, gateway, settings, own_network, offsets, lifetime=None, claim=False, beside=None):
        """offsets: of each side's clock, in seconds; None: all go by the machine's."""
        if beside and not Lab(beside).facts:
            raise Failure(f"{beside} is not up")
        if self.run.exists():
            raise Failure(f"{self.folder} is in use: end it with down, or name another folder")
        if len(str(self.bus_socket).encode()) > SOCKET_PATH_MAX:
            raise Failure(f"{self.folder}: the path is too long for the sockets in it")
        try:
            self._prepare(build, gateway, settings, own_network, lifetime, claim, beside)
            self._make_clocks(offsets)
            for name in self.processes:
                self._launch(name)
                self._wait_for_program(name)
            self._wait_for_set()
            self._write_env()
            say(f"{self.folder} is ready: {', '.join(self.processes)}")
        except BaseException:
            self.down()
            raise

    def down(self):
        if not self._facts_file.exists():
            return
        for name in reversed(self.processes):
            self.processes[name].stop()
        for holder in self._network_holders():
            holder.stop()
        for name in ("env", "pids", "run"):
            path = self.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def _prepare(self, build, gateway, settings, own_network, lifetime, claim, beside):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.run.mkdir(mode=0o700)
        self._facts_file.write_text("{}")
        shutil.rmtree(self.folder / "logs", ignore_errors=True)
        for path in ("pids", "logs", "run/bin", "run/network", "run/state", "run/mqtt-state",
                     "run/credentials"):
            (self.folder / path).mkdir(mode=0o700)
        self._link_programs(build)
        self._choose_network(own_network, beside)
        self._choose_programs()
        self.facts |= {"gateway": gateway, "lifetime": lifetime}
        self._facts_file.write_text(json.dumps(self.facts))

        self._init_cloud(claim)
        bus.write_config(self.run / "bus.conf", self.bus_socket, TOP / "dbus" / "org.gangway1.conf")
        broker.write_config(self.run / "broker.conf", self.cloud / "broker", self.run / "broker")
        (self.credentials / "store-key").write_bytes(os.urandom(32))
        self._write_config(settings)

    def _make_clocks(self, offsets):
        if offsets is None:
            return
        self.clocks.make()
        for side, offset_s in offsets:
            self.clocks.set(side, offset_s)

    def _link_programs(self, build):
        """One folder for PATH, and the build remembered for later commands."""
        for name in NAMES:
            programs = [path for room in ROOMS if (path := build / room / name).is_file()]
            if not programs:
                raise Failure(f"{name} is not in {build}: the build is not complete")
            (self.run / "bin" / name).symlink_to(programs[0])

    def _init_cloud(self, claim):
        """The gateway gets a certificate ready-made, or a claim to get one by itself."""
        init = subprocess.run(["gangway-cloud", "init", str(self.cloud), "--gateway",
                               self.facts["gateway"], "--broker",
                               f"127.0.0.1:{self.facts['broker_port']}", *(["--claim"] if claim else [])],
                              env=self.environment(), capture_output=True, text=True)
        if init.returncode != 0:
            raise Failure(f"gangway-cloud init: {init.stderr.strip()}")

    def _write_config(self, settings):
        config = {"gateway": {"id": self.facts["gateway"]},
                  "cloud": {"broker": f"mqtts://127.0.0.1:{self.facts['broker_port']}", "reconnect_spread": 1},
                  "ip": {"interfaces": self.facts["interface"],
                         "coaps_port": self.facts["coaps_port"]}}
        for section, key, value in settings:
            config.setdefault(section, {})[key] = value
        with open(self.run / "gangway.conf", "w") as file:
            for section, values in config.items():
                file.write(f"[{section}]\n")
                file.writelines(f"{key} = {value}\n" for key, value in values.items())

    # --- the network ---

    def _choose_network(self, own_network, beside):
        coaps_port, broker_port = ports.take(self.run, 2)
        if beside:
            self.facts["beside"] = str(beside.absolute())
            broker_port = Lab(beside).facts["broker_port"]
        self.facts |= {"broker_port": broker_port, "interface": "lo", "address": "127.0.0.1",
                       "coaps_port": coaps_port, "own_network": False}
        if not own_network:
            return
        possible, why_not = network.can_have_own()
        if not possible:
            say(f"no network of their own for the devices, using loopback: {why_not}")
            return

        holders = self._network_holders()
        for holder in holders:
            holder.start(network.HOLDER, self.environment())
            if not wait_until(lambda h=holder: network.is_apart(h.pid() or "self"), READY_S):
                raise Failure(f"cannot hold a network namespace: {holder.log_tail()}")
        network.join(*(holder.pid() for holder in holders))
        self.facts |= {"interface": network.GATEWAY_INTERFACE, "address": network.GATEWAY_ADDRESS,
                       "coaps_port": network.COAPS_PORT, "own_network": True}

    def _network_holders(self):
        """The processes that hold the gateway's and the devices' namespace."""
        return [Process(self.run / "network" / name, self.folder / "logs" / f"network-{name}")
                for name in ("gateway", "devices")]

    def _inside(self, side):
        if not self.facts["own_network"]:
            return []
        return network.inside(self._network_holders()[side].pid())

    def in_gateway_network(self, command):
        return [*self._inside(0), *command]

    def in_devices_network(self, command):
        return [*self._inside(1), *command]

    def among_devices(self, command):
        """In their network, by their clock."""
        clock = [f"{name}={value}" for name, value in self.clocks.environment("devices").items()]
        return self.in_devices_network([*(["env", *clock] if clock else []), *command])

    def answers_devices(self):
        knock = [sys.executable, str(TOP / "tests/lab/knock.py"), self.facts["address"],
                 str(self.facts["coaps_port"])]
        return subprocess.run(self.in_devices_network(knock), stderr=subprocess.DEVNULL).returncode == 0

    # --- the programs ---

    def environment(self):
        return os.environ | {
            "PATH": f"{self.run}/bin:{os.environ['PATH']}",
            "DBUS_SYSTEM_BUS_ADDRESS": bus.address(self.bus_socket),
        }

    def start(self, name, wait=True):
        """Returns when it is up and, if nobody is missing, the set ready; or when it has died as told."""
        self._launch(name)
        if wait:
            self._wait_for_program(name)
        if wait and not self._missing():
            self._wait_for_set()

    def stop(self, name):
        self.processes[name].stop()

    def _launch(self, name):
        program, process = PROGRAMS[name], self.processes[name]
        if process.pid() is None:
            process.start(program.command(self), self.environment() | program.environment(self) |
                          self.clocks.environment_of(name))

    def set_clock(self, side, offset_s):
        if not self.clocks.are_there():
            raise Failure(f"{self.folder} was not brought up with --clocks")
        self.clocks.set(side, offset_s)

    def _missing(self):
        return [name for name, process in self.processes.items() if process.pid() is None]

    def _wait_for_program(self, name):
        program, process = PROGRAMS[name], self.processes[name]
        if set(program.needs) & set(self._missing()):
            return
        is_up = wait_until(lambda: process.pid() is None or program.is_up(self), READY_S)
        if process.pid() is None:
            self._accept_death(name)
        elif not is_up:
            raise Failure(f"{name} is not up after {READY_S} s\n{self._why(name)}")

    def _wait_for_set(self):
        is_ready = wait_until(lambda: self._missing() or not complaints(self), READY_S)
        for name in self._missing():
            self._accept_death(name)
        if not is_ready:
            raise Failure(f"the set is not ready after {READY_S} s: {'; '.join(complaints(self))}")

    def _accept_death(self, name):
        if not os.environ.get("GANGWAY_DIE_AT"):
            raise Failure(f"{name} has ended\n{self._why(name)}")
        say(f"{name} has died, as GANGWAY_DIE_AT={os.environ['GANGWAY_DIE_AT']} may have told it")

    def _why(self, name):
        tail = self.processes[name].log_tail()
        return f"the end of {self.processes[name].log}:\n{tail}" if tail else "it has logged nothing"

    # --- what the user is told ---

    def _write_env(self):
        credentials = self.cloud / "broker"
        values = {
            "DBUS_SYSTEM_BUS_ADDRESS": bus.address(self.bus_socket),
            "GANGWAY_ID": self.facts["gateway"],
            "GANGWAY_COAPS": f"coaps://{self.facts['address']}:{self.facts['coaps_port']}",
            "GANGWAY_CA": self.cloud / "device-ca.crt",
            "GANGWAY_STATE": self.state,
            "GANGWAY_CLOUD_DIR": self.cloud,
            "GANGWAY_BROKER": f"mqtts://127.0.0.1:{self.facts['broker_port']}",
            "GANGWAY_BROKER_CA": credentials / "ca.crt",
            "GANGWAY_BROKER_CERT": credentials / "observer.crt",
            "GANGWAY_BROKER_KEY": credentials / "observer.key",
        }
        with open(self.folder / "env", "w") as file:
            file.write(f"PATH={shlex.quote(str(self.run / 'bin'))}${{PATH:+:$PATH}}\nexport PATH\n")
            for name, value in values.items():
                file.write(f"export {name}={shlex.quote(str(value))}\n")
            file.write("# In front of a command: run it where the devices are.\n")
            prefix = shlex.join(self.among_devices([]))
            file.write(f"export GANGWAY_DEVICES={shlex.quote(prefix)}\n")


def say(text):
    print(f"lab: {text}", file=sys.stderr, flush=True)
