# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line of scripts/lab."""
import argparse
import os
import pathlib
import signal
import sys

import clocks
from lab import Failure, Lab, say
from programs import PROGRAMS

SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def setting(text):
    name, is_set, value = text.partition("=")
    section, has_key, key = name.partition(".")
    if not is_set or not has_key:
        raise argparse.ArgumentTypeError(f"{text} is no SECTION.KEY=VALUE")
    return section, key, value


def moment(text):
    try:
        return clocks.offset(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def side_moment(text):
    side, is_set, when = text.partition("=")
    if not is_set or side not in clocks.SIDES:
        raise argparse.ArgumentTypeError(f"{text} is no SIDE=TIME; sides: {', '.join(clocks.SIDES)}")
    return side, moment(when)


def parse():
    parser = argparse.ArgumentParser(
        prog="lab", description="A whole set of gangway's programs on this machine, beside others: "
        "bus, broker, cloud, agent and plugins. DIR/env tells sh how to use it.",
        epilog=f"PROGRAM is one of: {', '.join(PROGRAMS)}. GANGWAY_DIE_AT goes to what is started. "
        "GANGWAY_BUILD names another build than build/.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    up = verbs.add_parser("up", help="set up and build if needed, start a set, wait until it is ready")
    up.add_argument("dir", type=pathlib.Path, metavar="DIR")
    up.add_argument("--gateway", default="lab", metavar="ID", help="the gateway's id (default: lab)")
    up.add_argument("--set", action="append", default=[], type=setting, dest="settings",
                    metavar="SECTION.KEY=VALUE", help="a line of gangway.conf")
    up.add_argument("--lifetime", metavar="TIME",
                    help="of the devices' certificates, as gangway-cloud serve takes it")
    up.add_argument("--netns", action="store_true",
                    help="give the devices a network of their own where the machine allows it")
    up.add_argument("--clocks", action="store_true",
                    help="give gateway, cloud and devices clocks that the verb clock sets")
    up.add_argument("--clock", action="append", default=[], type=side_moment, metavar="SIDE=TIME",
                    dest="offsets", help="set one from the start (and give them all theirs)")
    up.add_argument("--claim", action="store_true",
                    help="the gateway begins with a claim and gets its certificate by itself")
    up.add_argument("--beside", type=pathlib.Path, metavar="DIR",
                    help="be a second gateway at the broker and the cloud of that set")
    clock = verbs.add_parser("clock", help="set the clock of one side of the set")
    clock.add_argument("dir", type=pathlib.Path, metavar="DIR")
    clock.add_argument("side", choices=clocks.SIDES, metavar="SIDE", help=", ".join(clocks.SIDES))
    clock.add_argument("time", type=moment, metavar="TIME", help=clocks.FORMS)
    down = verbs.add_parser("down", help="end the set; its logs stay")
    down.add_argument("dir", type=pathlib.Path, metavar="DIR")
    for verb, what in (("start", "start one program, wait until it is ready"),
                       ("stop", "end one program"), ("restart", "stop and start")):
        one = verbs.add_parser(verb, help=what)
        one.add_argument("dir", type=pathlib.Path, metavar="DIR")
        one.add_argument("program", choices=PROGRAMS, metavar="PROGRAM")
        if verb != "stop":
            one.add_argument("--no-wait", action="store_true", help="return at once")
    return parser.parse_args()


def run(arguments):
    lab = Lab(arguments.dir)
    if arguments.verb == "up":
        build = pathlib.Path(os.environ["GANGWAY_BUILD"]).absolute()
        has_clocks = arguments.clocks or arguments.offsets
        lab.up(build, arguments.gateway, arguments.settings, arguments.netns,
               arguments.offsets if has_clocks else None, arguments.lifetime, arguments.claim,
               arguments.beside)
        return
    if arguments.verb == "down":
        lab.down()
        return
    if not lab.facts:
        raise Failure(f"{lab.folder} is not up")
    if "program" in arguments and arguments.program not in lab.processes:
        raise Failure(f"{arguments.program} is the other set's, in {lab.facts['beside']}")
    if arguments.verb == "clock":
        lab.set_clock(arguments.side, arguments.time)
    if arguments.verb in ("stop", "restart"):
        lab.stop(arguments.program)
    if arguments.verb in ("start", "restart"):
        lab.start(arguments.program, wait=not arguments.no_wait)


def on_signal(number, frame):
    """Ends by an exception, so that what was begun is cleaned up: once, whatever comes on top."""
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    # Broker and ip are administrators' programs, which not everybody's PATH finds.
    os.environ["PATH"] = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    for signal_number in SIGNALS:
        signal.signal(signal_number, on_signal)
    try:
        run(parse())
    except Failure as failure:
        say(failure)
        sys.exit(1)
