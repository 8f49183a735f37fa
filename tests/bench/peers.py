#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory of the registrar for each device at its door and inside.

Private memory of a real registrar that serves so many devices, less that of one that serves none, by their number.
"""
import resource
import subprocess
import sys
import tempfile

import figures

sys.path.insert(0, str(figures.TOP / "tests" / "integration"))
import door_agent  # noqa: E402

N = 500
ROUNDS = 3
NAME, SECRET = "ACME-1", bytes(range(16))
PSK = {"psk": "ECDHE-PSK-CHACHA20-POLY1305", "psk-ccm8": "PSK-AES128-CCM-8"}
CERTIFICATE = {"certificate": "ECDHE-ECDSA-AES128-CCM-8"}
LIMITS = ("handshakes_max", "handshakes_per_source", "sessions_max", "sessions_per_source")
SETTINGS = "".join(f"{name}={2 * N}\n" for name in LIMITS) + "secret_rate=100000\n"


class Registrar:
    """The program and an agent that lets everybody in."""

    def __init__(self, folder, authority):
        self.agent = door_agent.DoorAgent(tempfile.mkdtemp(dir=folder), SETTINGS, {NAME: SECRET}, authority)

    def __enter__(self):
        self.agent.start()
        self.process = subprocess.Popen(
            [figures.program("plugins/registrar/gangway-registrar"), "--link", self.agent.path],
            stderr=subprocess.DEVNULL)
        self.agent.wait("health", ok=1)
        return self

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait()
        self.agent.stop()

    def bytes_with(self, n, how, suites, proof):
        """Its private memory while n devices have come so far."""
        devices = subprocess.Popen([figures.program("tests/bench/peers-devices"), str(self.agent.port), str(n), how,
                                    suites, *map(str, proof)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True)
        if devices.stdout.readline() != "ready\n":
            sys.exit(f"{how} by {suites}: the devices did not get so far")
        if how != "half":
            self.agent.wait("peer", count=n)
        used = figures.memory_kib(self.process.pid)["Private_Dirty"] * 1024
        devices.communicate()
        return used


def measure(folder, authority, how, suites, proof):
    """Bytes a device: one warms up what is allocated once."""
    with Registrar(folder, authority) as registrar:
        before = registrar.bytes_with(1, how, suites, proof)
        registrar.agent.messages.clear()
        return (registrar.bytes_with(N, how, suites, proof) - before) / N


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, N + 100), hard), hard))
    with tempfile.TemporaryDirectory() as folder:
        authority = door_agent.Authority(folder, "authority")
        key, certificate = authority.device(NAME)
        cases = [(kind, suites, (NAME, SECRET.hex())) for kind, suites in PSK.items()]
        cases += [(kind, suites, (certificate, key)) for kind, suites in CERTIFICATE.items()]
        for kind, suites, proof in cases:
            for how in ("half", "open", "asked"):
                samples = [measure(folder, authority, how, suites, proof) / 1024 for _ in range(ROUNDS)]
                figures.tell(f"{kind}.{how}", samples, "KiB a device", note=f"{N} devices, each: half = in the "
                             "middle of its handshake, open = established, asked = and one request answered")


if __name__ == "__main__":
    main()
