#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Knocks with wrong identities and keys from many real addresses: how long devices take to come aboard meanwhile.

Each device has an address of its own, in a network where others knock and in one where nobody does, by turns.
Environment, for short runs: GANGWAY_BENCH_ADDRESSES ("60 250"); GANGWAY_BENCH_RATE (3000), knocks a second in all;
GANGWAY_BENCH_DEVICES (10); GANGWAY_BENCH_SECONDS (5), of knocks before the devices come.
"""
import os
import subprocess
import sys
import time

import figures

sys.path[:0] = [str(figures.TOP / "tests/integration/whole"), str(figures.TOP / "tests/integration")]
import datagrams  # noqa: E402
import lab  # noqa: E402

ADDRESSES = [int(n) for n in os.environ.get("GANGWAY_BENCH_ADDRESSES", "60 250").split()]
RATE = int(os.environ.get("GANGWAY_BENCH_RATE", "3000"))
DEVICES = int(os.environ.get("GANGWAY_BENCH_DEVICES", "10"))
SECONDS = float(os.environ.get("GANGWAY_BENCH_SECONDS", "5"))
LONG_S = 600  # they are ended before
PATIENCE_S = 15


def come_aboard(gateway, port, name):
    """Devices one after the other; the seconds that each took who did."""
    devices = [gateway.new_device(f"{name}-{i}") for i in range(DEVICES)]
    for device in devices:
        gateway.claim(device)
    took = []
    for n, device in enumerate(devices):
        way = datagrams.Relay(port, source=f"127.1.{n % 2 * 100}.{200 + n // 2}")
        started = time.monotonic()
        status, _ = device.run("--timeout", str(PATIENCE_S), connect=f"coaps://127.0.0.1:{way.port}")
        if status == 0:
            took.append(time.monotonic() - started)
        way.close()
    return took


def tell(gateway, port, addresses, alone):
    claimed = gateway.new_device(f"CLAIMED-{addresses}")
    gateway.claim(claimed)
    knocks = subprocess.Popen([figures.program("tests/bench/knock-send"), str(port), str(RATE), str(addresses),
                               str(LONG_S), claimed.id, "NOBODY"], stdout=subprocess.PIPE, text=True)
    time.sleep(SECONDS)
    took = come_aboard(gateway, port, f"KNOCKS-{addresses}")
    knocks.terminate()
    said, seconds = knocks.communicate()[0].split()

    figures.tell(f"{addresses}.knocks", [int(said) / float(seconds)], "/s",
                 note=f"knocks: {RATE} a second, as far as this machine could")
    figures.tell(f"{addresses}.aboard", [len(took)], "devices",
                 note=f"aboard: of {DEVICES}, each within {PATIENCE_S} s")
    if took:
        figures.tell(f"{addresses}.onboarding", took, "s", "without knocks", alone)


def main():
    with lab.Lab() as gateway:
        port = int(gateway.coaps.rpartition(":")[2])
        alone = come_aboard(gateway, port, "ALONE")
        for addresses in ADDRESSES:
            tell(gateway, port, addresses, alone)


if __name__ == "__main__":
    main()
