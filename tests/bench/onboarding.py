#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Onboardings through a whole set: rate, latency, CPU of each program, memory, and what the disk takes.

Devices come from one `gangway-device --load`, in rounds; each round is followed by the same two handshakes in memory
with the same wolfSSL (handshakes.c), and the ratios are those of the pairs. Environment, for short runs:
GANGWAY_BENCH_ROUNDS (5), GANGWAY_BENCH_DEVICES (200 a round), GANGWAY_BENCH_STATE (a folder for the set, to choose
the file system that the agent's store lies on).
"""
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import figures

sys.path.insert(0, str(figures.TOP / "tests/integration/whole"))
import lab  # noqa: E402
import label  # noqa: E402

ROUNDS = int(os.environ.get("GANGWAY_BENCH_ROUNDS", "5"))
DEVICES = int(os.environ.get("GANGWAY_BENCH_DEVICES", "200"))  # a round
IN_FLIGHT = 64
ALONE = 20  # devices that come by themselves
TIMEOUT_S = str(2 * lab.NEVER_S)
HANDSHAKES = 200
SYNCS = 200
OURS = ("gangwayd", "gangway-registrar", "gangway-ip", "gangway-mqtt")
OTHERS = ("mosquitto", "gangway-cloud")  # needed on a bench, elsewhere in the field


class Certificates:
    """What the two sides of handshakes.c hold: roots and leaves of the same shape as in the field."""
    USES = {"server": "serverAuth", "device": "clientAuth"}

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        for who, use in self.USES.items():
            self._make(who, use)

    def _openssl(self, *words):
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)

    def _make(self, who, use):
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-batch"]
        (self.folder / "extensions").write_text("basicConstraints=critical,CA:FALSE\n"
                                                "keyUsage=critical,digitalSignature\n"
                                                f"extendedKeyUsage={use}\n")
        self._openssl("req", "-x509", *key, "-keyout", f"{who}-ca.key", "-out", f"{who}-ca.crt", "-subj",
                      f"/CN=bench {who}-ca", "-days", "2")
        self._openssl("req", *key, "-keyout", f"{who}.key", "-out", f"{who}.csr", "-subj", f"/CN={who}")
        self._openssl("x509", "-req", "-in", f"{who}.csr", "-CA", f"{who}-ca.crt", "-CAkey", f"{who}-ca.key",
                      "-out", f"{who}.crt", "-days", "2", "-extfile", "extensions")

    def shake_hands(self):
        """CPU milliseconds of (client, server) for both handshakes of an onboarding."""
        out = subprocess.run([figures.program("tests/bench/handshakes"), str(HANDSHAKES), self.folder],
                             check=True, capture_output=True, text=True).stdout
        kinds = json.loads(out).values()
        return tuple(sum(kind[side] for kind in kinds) / 1000 for side in ("client", "server"))


class Fleet:
    """Labels, claimed in the gateway, and the devices that bear them."""

    def __init__(self, gateway, folder):
        self.gateway, self.folder = gateway, folder
        self.state = folder / "devices"
        self.n = 0

    def claim(self, n):
        """Claims so many new devices; returns their file of labels and the seconds that it took."""
        path = self.folder / f"labels-{self.n}"
        path.write_text("".join(label.make(f"BENCH-{i}", os.urandom(16)) + "\n"
                                for i in range(self.n, self.n + n)))
        self.n += n
        started = time.monotonic()
        self.gateway.ctl("claim", "--list", path)
        return path, time.monotonic() - started

    def come(self, labels, n, in_flight):
        """Takes them aboard, all of them, and returns what gangway-device says of it."""
        result = self.gateway.run("gangway-device", "--label", labels, "--load", str(n), "--in-flight", str(in_flight),
                                  "--connect", self.gateway.coaps, "--state", self.state, "--timeout", TIMEOUT_S,
                                  "--json", check=False)
        if not result.stdout:
            sys.exit(f"gangway-device: {result.stderr.strip()}")
        told = json.loads(result.stdout)
        if told["aboard"] != n:
            sys.exit(f"{told['aboard']} of {n} devices came aboard: {told['failed']}\n{self.gateway.story()}")
        return told


def measure_syncs(folder):
    """Milliseconds that one small write and its fdatasync take there, one by one."""
    samples = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(SYNCS):
            started = time.monotonic()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            samples.append((time.monotonic() - started) * 1000)
    return samples


class Syncs:
    """Counts the syncs of one program while it lasts; None where strace cannot."""

    def __init__(self, pid):
        self.output = tempfile.NamedTemporaryFile("r")
        self.tracer = shutil.which("strace") and subprocess.Popen(
            ["strace", "-f", "-q", "-e", "trace=fsync,fdatasync", "-o", self.output.name, "-p", str(pid)],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if self.tracer:
            lab.wait_for("strace is attached", lambda: self.tracer.poll() is not None or self._traces(pid))

    def _traces(self, pid):
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        return int(re.search(r"TracerPid:\s*(\d+)", status)[1]) == self.tracer.pid

    def end(self):
        if not self.tracer or self.tracer.poll() is not None:
            return None
        self.tracer.terminate()
        self.tracer.wait()
        return len(re.findall(r"\bf(?:data)?sync\(", self.output.read()))


def tell_memory(gateway, moment):
    for name in OURS + OTHERS:
        memory = figures.memory_kib(gateway.pid(name))
        for kind in "Pss", "Rss":
            figures.tell(f"memory.{moment}.{name}.{kind.lower()}", [memory[kind] / 1024], "MiB",
                         note="memory: what is resident (RSS), and this with shared pages split among those who share "
                         "them (PSS), from smaps_rollup")


def cpu_of_all(gateway):
    return {name: figures.cpu_seconds(gateway.pid(name)) for name in OURS + OTHERS}


def waited_by_gateway(gateway):
    waited = [figures.waited_seconds(gateway.pid(name)) for name in OURS]
    return None if None in waited else sum(waited)


class Rounds:
    """Rounds of onboardings, each with its own reference beside it."""

    def __init__(self, gateway, fleet, certificates):
        self.gateway, self.fleet, self.certificates = gateway, fleet, certificates
        self.rates, self.idle, self.latencies, self.n_again = [], [], [], 0
        self.cpu_ms = {name: [] for name in (*OURS, *OTHERS, "gangway-device")}
        self.client_ms, self.server_ms, self.waited_ms = [], [], []

    def run(self, labels, n):
        before, waited = cpu_of_all(self.gateway), waited_by_gateway(self.gateway)
        told = self.fleet.come(labels, n, IN_FLIGHT)
        self.gateway.wait_for_rest()
        after = cpu_of_all(self.gateway)
        if waited is not None:
            self.waited_ms.append((waited_by_gateway(self.gateway) - waited) * 1000 / n)
        client_ms, server_ms = self.certificates.shake_hands()

        for name, used in after.items():
            self.cpu_ms[name].append((used - before[name]) * 1000 / n)
        self.cpu_ms["gangway-device"].append((told["user_seconds"] + told["system_seconds"]) * 1000 / n)
        self.rates.append(n / told["seconds"])
        self.idle.append(told["idle_percent"])
        self.latencies += told["latency_ms"]
        self.n_again += told["again"]
        self.client_ms.append(client_ms)
        self.server_ms.append(server_ms)

    def tell(self):
        both = [a + b for a, b in zip(self.client_ms, self.server_ms)]
        figures.tell("rate", self.rates, "1/s", "nothing but both handshakes, both sides, on one processor",
                     [1000 / ms for ms in both], note=f"rate, latency: {IN_FLIGHT} in flight; device, gateway, broker "
                     f"and cloud share {os.cpu_count()} processors; the devices' program was idle "
                     f"{min(self.idle)} to {max(self.idle)} % of the time (near 0: it is the limit), and "
                     f"{self.n_again} attempts were made again")
        for percent in 50, 95, 99, 100:
            figures.tell(f"latency.p{percent}", [figures.percentile(self.latencies, percent)], "ms")
        figures.tell("handshakes.server", self.server_ms, "ms")
        figures.tell("handshakes.client", self.client_ms, "ms")
        figures.tell("cpu.gangway-registrar", self.cpu_ms["gangway-registrar"], "ms",
                     "server's side of both handshakes", self.server_ms)
        figures.tell("cpu.gangway-device", self.cpu_ms["gangway-device"], "ms",
                     "client's side of both handshakes", self.client_ms)
        for name in (*OURS, *OTHERS):
            if name != "gangway-registrar":
                figures.tell(f"cpu.{name}", self.cpu_ms[name], "ms", "server's side of both handshakes",
                             self.server_ms)
        gateway = [sum(values) for values in zip(*(self.cpu_ms[name] for name in OURS))]
        figures.tell("cpu.gateway", gateway, "ms", "server's side of both handshakes", self.server_ms,
                     note="cpu: of each program, for one onboarding; the gateway is " + ", ".join(OURS))
        if self.waited_ms:
            figures.tell("waited.gateway", self.waited_ms, "ms", "CPU that it used", gateway,
                         note="waited: the gateway's programs were ready and had no processor; far above 1 times what "
                         "they used means a busy machine, whose rate and latency say little")
        everything = [sum(values) for values in zip(*self.cpu_ms.values())]
        figures.tell("cpu.all", everything, "ms", "both sides of both handshakes", both)


def tell_alone(fleet):
    labels, _ = fleet.claim(ALONE)
    told = fleet.come(labels, ALONE, 1)
    samples = told["latency_ms"]
    figures.tell("alone.latency.p50", samples, "ms", note="alone: one device at a time, nothing else going on")
    figures.tell("alone.latency.p95", [figures.percentile(samples, 95)], "ms")


def tell_syncs(gateway, fleet, folder):
    """How often the disk is waited for; a round of its own, since counting slows."""
    kind = figures.file_system(folder)
    cost = measure_syncs(folder)
    figures.tell("disk.sync", cost, "ms", note=f"disk: the store lies on {kind}; one fdatasync after 4 KiB, one by one")
    for in_flight in IN_FLIGHT, 1:
        n = DEVICES if in_flight > 1 else ALONE
        labels, _ = fleet.claim(n)
        counters = {name: Syncs(gateway.pid(name)) for name in ("gangwayd", "gangway-cloud")}
        fleet.come(labels, n, in_flight)
        gateway.wait_for_rest()
        for name, counter in counters.items():
            count = counter.end()
            if count is None:
                figures.say(f"strace is not there, or may not: syncs of {name} are not counted")
            else:
                figures.tell(f"disk.syncs.{in_flight}-in-flight.{name}", [count / n], "per onboarding")


def bench(gateway, scratch):
    fleet = Fleet(gateway, scratch)
    tell_memory(gateway, "idle")
    claimed = [fleet.claim(DEVICES) for _ in range(ROUNDS)]
    figures.tell("claim", [seconds * 1000 / DEVICES for _, seconds in claimed], "ms",
                 note="claim: gangwayctl claim --list, one after the other, each on disk before the next")
    tell_memory(gateway, f"{ROUNDS * DEVICES}-claims")

    rounds = Rounds(gateway, fleet, Certificates(scratch / "certificates"))
    for labels, _ in claimed:
        rounds.run(labels, DEVICES)
    rounds.tell()
    tell_memory(gateway, f"{ROUNDS * DEVICES}-aboard")
    tell_alone(fleet)
    tell_syncs(gateway, fleet, gateway.folder)


def main():
    parent = os.environ.get("GANGWAY_BENCH_STATE", "/tmp")
    figures.program("tests/bench/handshakes")
    shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="gangway-bench-", dir=shm) as scratch:
        with lab.Lab("--set", "cloud.requests_per_second=1000", parent=parent) as gateway:
            bench(gateway, pathlib.Path(scratch))


if __name__ == "__main__":
    main()
