#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A flood of spoofed ClientHellos at the registrar: memory, devices that come aboard meanwhile, CPU a datagram.

First one long flood at a whole set, with devices that come one after the other. Then short ones in pairs: at the
registrar, and at a bare loop of receive, HMAC and send (flood-bare.c), once with hellos and once with foreign cookies.
Last, wrong keys beside unknown identities. Environment, for short runs: GANGWAY_BENCH_SECONDS (60), of the long
flood; GANGWAY_BENCH_RATE (100000), datagrams a second; GANGWAY_BENCH_ROUNDS (5).
"""
import os
import pathlib
import subprocess
import sys
import threading
import time

import figures

sys.path[:0] = [str(figures.TOP / "tests/integration/whole"), str(figures.TOP / "tests/integration")]
import datagrams  # noqa: E402
import lab  # noqa: E402

SECONDS = int(os.environ.get("GANGWAY_BENCH_SECONDS", "60"))
RATE = int(os.environ.get("GANGWAY_BENCH_RATE", "100000"))
ROUNDS = int(os.environ.get("GANGWAY_BENCH_ROUNDS", "5"))
SLICE_S = 3
DEVICES = 20
TRIES = 50  # wrong ones a round: as many as are looked up at once
OURS = ("gangwayd", "gangway-registrar")


def cpu_us(pid):
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1000


def dropped(port):
    """Datagrams for which the socket had no room."""
    for line in pathlib.Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{port:04X}"):
            return int(fields[-1])
    sys.exit(f"nobody serves port {port}")


class Server:
    """A process that answers at a port, and what floods do to it."""

    def __init__(self, pid, port):
        self.pid, self.port = pid, port

    def flood(self, seconds, *kinds):
        """Floods it; returns datagrams sent a second, the part of them lost, and the CPU of each served in us."""
        used, lost = cpu_us(self.pid), dropped(self.port)
        out = subprocess.run([figures.program("tests/bench/flood-send"), str(self.port), str(RATE), str(seconds),
                              *kinds], check=True, stdout=subprocess.PIPE, text=True).stdout
        while dropped(self.port) - lost != (lost_now := dropped(self.port) - lost):
            pass
        sent, took = int(out.split()[0]), float(out.split()[1])
        served = sent - lost_now
        return sent / took, lost_now / sent, (cpu_us(self.pid) - used) / served


class Bare(Server):
    def __enter__(self):
        self.process = subprocess.Popen([figures.program("tests/bench/flood-bare")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        super().__init__(self.process.pid, int(self.process.stdout.readline()))
        return self

    def __init__(self):
        pass

    def __exit__(self, *error):
        self.process.kill()
        self.process.communicate()


class Arrivals(threading.Thread):
    """Devices that come one after the other, as long as it takes."""

    def __init__(self, devices):
        super().__init__()
        self.devices, self.seconds, self.failed = devices, [], []

    def run(self):
        for device in self.devices:
            started = time.monotonic()
            status, output = device.run()
            if status == 0:
                self.seconds.append(time.monotonic() - started)
            else:
                self.failed.append(output)


def tell_long_flood(gateway, registrar):
    devices = [gateway.new_device(f"FLOOD-{i}") for i in range(DEVICES + 2)]
    for device in devices:
        gateway.claim(device)
    devices[0].come_aboard()  # what is allocated once, is
    started = time.monotonic()
    devices[1].come_aboard()
    alone = time.monotonic() - started

    before = figures.memory_kib(registrar.pid)["Rss"]
    arrivals = Arrivals(devices[2:])
    arrivals.start()
    rate, lost, _ = registrar.flood(SECONDS)
    flood_over = time.monotonic()
    grown = figures.memory_kib(registrar.pid)["Rss"] - before
    arrivals.join()
    if arrivals.failed:
        sys.exit(f"{len(arrivals.failed)} of {DEVICES} devices did not come aboard:\n{arrivals.failed[0]}")

    in_time = time.monotonic() - flood_over < 1
    note = f"{SECONDS} s at {RATE} a second, as far as this machine could send them"
    figures.tell("sent", [rate], "datagrams/s", note=note)
    figures.tell("lost", [100 * lost], "%", note="lost: no room in the socket while the registrar did not run")
    figures.tell("memory", [grown], "KiB", note="memory: what the registrar's RSS grew by during the long flood, "
                 f"in which {DEVICES} devices came")
    figures.tell("aboard", [len(arrivals.seconds)], "devices",
                 note=f"aboard: of {DEVICES}; the last {'while it lasted' if in_time else 'after it'}")
    figures.tell("onboarding", arrivals.seconds, "s", "one device without a flood", [alone])


def tell_cpu(registrar):
    with Bare() as bare:
        for kind in "hello", "cookie":
            ours, plain = [], []
            for _ in range(ROUNDS):
                ours.append(registrar.flood(SLICE_S, kind)[2])
                plain.append(bare.flood(SLICE_S, kind)[2])
            figures.tell(f"cpu.{kind}", ours, "us a datagram", "receive, HMAC-SHA-256, send", plain)


def knock(gateway, port, identities):
    """Handshakes with a wrong key in these names; returns the CPU that agent and registrar spent on each, its end
    included, in us."""
    before = sum(cpu_us(gateway.pid(name)) for name in OURS)
    clients = []
    for identity in identities:
        client = datagrams.RawClient(port)
        client.hello()
        client.name(identity.encode())
        clients.append(client)
        time.sleep(0.02)  # no faster than secrets are given out
    time.sleep(4)  # the limit of a handshake, and what the timers do
    for client in clients:
        client.close()
    return (sum(cpu_us(gateway.pid(name)) for name in OURS) - before) / len(identities)


def tell_wrong(gateway, port):
    claimed = gateway.new_device("WRONG-0")
    gateway.claim(claimed)
    wrong, unknown = [], []
    for _ in range(ROUNDS):
        unknown.append(knock(gateway, port, ["NOBODY-0"] * TRIES))
        wrong.append(knock(gateway, port, [claimed.id] * TRIES))
    figures.tell("cpu.unknown-identity", unknown, "us a handshake", "a wrong key", wrong,
                 note="unknown-identity: gangwayd and gangway-registrar, from the ClientHello to the time limit")


def main():
    with lab.Lab("--set", "registrar.handshake_timeout=3") as gateway:
        registrar = Server(gateway.pid("gangway-registrar"), int(gateway.coaps.rpartition(":")[2]))
        tell_long_flood(gateway, registrar)
        tell_cpu(registrar)
        tell_wrong(gateway, registrar.port)


if __name__ == "__main__":
    main()
