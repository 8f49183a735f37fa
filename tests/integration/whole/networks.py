#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices come aboard over bad networks: the reference device and libcoap's clients, under each kind of
trouble by itself and under all of them together.

    networks.py [--sample] [--seed N] [NAME...]    NAME: of a way; none: all

All of them come to one gateway at the same time, each over a network of its own. Each has to get aboard,
however long it takes, with one certificate in all; at the end the checker must be content. A client that gives
up is switched on again, as a device would be, and has to be given what it was given before.

Prints a line a device, PASS: or FAIL:, and the seed, with which the same datagrams are lost again.
"""
import argparse
import concurrent.futures
import dataclasses
import random
import sys
import time

import checker
import coap
import lab
from network import DOWN, UP, Network, Trouble
from run import build_once

NEVER_S = 900
TRY_S = "300"
FLEET = 5

# What an IPv6 link must carry, less the headers of IPv6 and UDP; a block of 1,024 bytes fits.
SMALLEST_MTU = 1280 - 48

EVERYBODY = ("device", "openssl", "gnutls")
BLOCKS = tuple(f"openssl-{16 << szx}" for szx in range(7))


@dataclasses.dataclass(frozen=True)
class Way:
    """A trouble, and who comes through it: in a sample, and in all."""
    trouble: Trouble
    sample: tuple = ("device",)
    kinds: tuple = EVERYBODY


WAYS = {
    "good": Way(Trouble(), (*EVERYBODY, "openssl-16"), (*EVERYBODY, *BLOCKS)),
    "loss": Way(Trouble(loss=0.3), ("device", "openssl")),
    "twice": Way(Trouble(twice=0.5, delay_s=(0, 0.05)), ("device", "gnutls", "openssl-16"),
                 (*EVERYBODY, "openssl-16")),
    "overtaking": Way(Trouble(delay_s=(0, 0.3)), ("device", "openssl")),
    "rtt-50": Way(Trouble(delay_s=(0.02, 0.03)), ("openssl-64",), (*EVERYBODY, "openssl-64")),
    "rtt-500": Way(Trouble(delay_s=(0.2, 0.3)), EVERYBODY),
    "damage": Way(Trouble(damage=0.1)),
    "cut": Way(Trouble(cut=0.2)),
    "mtu": Way(Trouble(mtu=SMALLEST_MTU), ("device", "openssl-1024"), (*EVERYBODY, "openssl-1024")),
    "rebind": Way(Trouble(rebind=(3, 10))),
    "rebind-late": Way(Trouble(rebind=(6, 16)), ("device", "openssl")),
    "one-port": Way(Trouble(one_port=True), EVERYBODY),
    "dark": Way(Trouble(dark=((UP, 5, 7), (DOWN, 9, 10)))),
    "rtt-2000": Way(Trouble(delay_s=(0.9, 1.1)), ()),
    "rtt-5000": Way(Trouble(delay_s=(2, 3)), (), ("device",)),  # libcoap's give a handshake ten seconds
    "jitter": Way(Trouble(delay_s=(0.025, 2.5)), ()),
    "rtt-5000-loss": Way(Trouble(delay_s=(2, 3), loss=0.2), (), ("device",)),
    "loss-blocks": Way(Trouble(loss=0.3), (), BLOCKS[2:]),
    # Fifty exchanges in a row, each of which a client gives up after five times: less loss, or it takes hours.
    "loss-small-blocks": Way(Trouble(loss=0.15), (), BLOCKS[:2]),
    "all": Way(Trouble(loss=0.1, twice=0.2, damage=0.03, cut=0.05, delay_s=(0, 0.6), rebind=(7, 20, 40),
                       dark=((UP, 24, 27), (DOWN, 30, 32))), ()),
}


class Failed(AssertionError):
    """A device did not get aboard, or not as it should."""


def reference_device(gateway, device_id, network, is_over):
    """Switched on again when it gives up."""
    device = gateway.new_device(device_id)
    gateway.claim(device)
    output = ""
    while not is_over():
        status, output = device.run("--timeout", TRY_S, connect=network.uri)
        if status == 0:
            return
    raise Failed(f"did not come aboard:\n{output}")


class LibcoapDevice:
    """One of libcoap's clients, as a device that insists."""

    def __init__(self, gateway, device_id, kind, network, is_over):
        stack, _, block = kind.partition("-")
        self.options = ("-b", block) if block else ()
        self.client = coap.claimed_client(gateway, device_id, stack=stack, uri=network.uri)
        self.is_over = is_over

    def insist(self, ask, is_good):
        answer = None
        while not self.is_over():
            answer = ask()
            if is_good(answer):
                return answer
        raise Failed(f"gets no further: {answer.said if answer else 'out of time'}")

    def come_aboard(self):
        client = self.client
        client.new_key()
        client.request()
        answers = [self.insist(
            lambda: client.ask("post", "est/sen", *self.options, "-t", "286", "-f",
                               client.file("csr.der"), wait_s=90),
            lambda answer: answer.payload) for _ in range(2)]
        if answers[0].payload != answers[1].payload:
            raise Failed("was given another certificate than before")
        client.keep_certificate(answers[0])
        self.insist(lambda: client.ask_with_certificate("get", "gangway/config", *self.options, wait_s=90),
                    lambda answer: b"cloud" in answer.payload)


def assert_aboard(gateway, device_id):
    lab.wait_for(f"{device_id} is aboard", lambda: gateway.state(device_id) == "onboarded")
    certificates = gateway.certificates(device_id)
    if len(certificates) != 1:
        raise Failed(f"{device_id} has {len(certificates)} certificates")


def travel(gateway, name, kind, seed):
    """One device, one network."""
    end = time.monotonic() + NEVER_S
    device_id = f"{name}-{kind}".upper()

    def is_over():
        return time.monotonic() > end

    with Network(gateway.coaps, WAYS[name].trouble, f"{seed} {device_id}") as network:
        if kind == "device":
            reference_device(gateway, device_id, network, is_over)
        else:
            LibcoapDevice(gateway, device_id, kind, network, is_over).come_aboard()
    assert_aboard(gateway, device_id)


def share_an_address(gateway, seed):
    """Several devices at a time behind one NAT, which forgets two of them on the way."""
    names = [f"NAT-{n}" for n in range(FLEET)]
    end = time.monotonic() + NEVER_S
    with Network(gateway.coaps, Trouble(rebind=(12, 40)), f"{seed} nat") as network, \
            concurrent.futures.ThreadPoolExecutor(FLEET) as pool:
        list(pool.map(lambda name: reference_device(gateway, name, network,
                                                    lambda: time.monotonic() > end), names))
    for name in names:
        assert_aboard(gateway, name)


def share_a_port(gateway, seed):
    """The NAT gives a device's port to the next one, while the gateway still has a session with the first,
    who had no time to say goodbye; then the first is back."""
    first, second = (gateway.new_device(f"PORT-{n}") for n in range(2))
    gateway.claim(first)
    gateway.claim(second)
    with Network(gateway.coaps, Trouble(one_port=True), f"{seed} port") as network:
        first.run(connect=network.uri, die_at="device.certificate:after")
        gateway.wait_for_state(first.id, "issued")
        for device in (second, first):
            device.come_aboard("--timeout", TRY_S, connect=network.uri)
    for device in (first, second):
        assert_aboard(gateway, device.id)


def report(name, wrong, seed):
    if wrong:
        print("    " + str(wrong).replace("\n", "\n    "))
    print(f"FAIL: {name} (--seed {seed})" if wrong else f"PASS: {name}", flush=True)
    return bool(wrong)


def wrong_with(future):
    """What a test that has ended has to say; what is no failed test is raised."""
    try:
        return future.result()
    except AssertionError as error:
        return error


def run(gateway, pairs, seed):
    """Returns whether something is wrong."""
    failed = False
    with concurrent.futures.ThreadPoolExecutor(len(pairs) + 2) as pool:
        tests = {pool.submit(travel, gateway, *pair, seed): "/".join(pair) for pair in pairs}
        for share in (share_an_address, share_a_port):
            tests[pool.submit(share, gateway, seed)] = share.__name__
        for future in concurrent.futures.as_completed(tests):
            failed |= report(f"networks/{tests[future]}", wrong_with(future), seed)
    gateway.settle()
    wrong = checker.check(gateway.variables["GANGWAY_STATE"], gateway.variables["GANGWAY_CLOUD_DIR"])
    failed |= report("networks/checker", "\n".join(wrong), seed)
    if failed:
        print("    " + gateway.story().replace("\n", "\n    "))
    return failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    pairs = [(name, kind) for name in arguments.names or WAYS
             for kind in (WAYS[name].sample if arguments.sample else WAYS[name].kinds)]

    build_once()
    print(f"networks: --seed {arguments.seed}", flush=True)
    with lab.Lab() as gateway:
        return 1 if run(gateway, pairs, arguments.seed) else 0


if __name__ == "__main__":
    sys.exit(main())
