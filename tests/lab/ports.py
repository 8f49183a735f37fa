# SPDX-License-Identifier: GPL-2.0-or-later
"""Ports for those who choose one and listen there later, or stop and come back to it.

They lie below those that the kernel gives to whoever connects. For each one that was chosen a link stands in a
folder that all sets and tests share; it leads to whoever has it, and once that is gone the port is free again.
"""
import contextlib
import fcntl
import os
import pathlib
import random
import socket
import tempfile

FOLDER = pathlib.Path(tempfile.gettempdir()) / f"gangway-ports-{os.getuid()}"
FIRST, LAST = 10000, 30000
FEWEST = 1000  # there are machines whose kernel gives out nearly all


def _range():
    given = LAST
    with contextlib.suppress(OSError):
        given = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    return range(FIRST, min(given, LAST) if given >= FIRST + FEWEST else LAST)


def _is_free(port):
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with contextlib.closing(socket.socket(socket.AF_INET, kind)) as probe:
                if kind == socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _folder():
    """Nobody else chooses meanwhile."""
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    fd = os.open(FOLDER, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def take(owner, number=1):
    """So many, for tcp and udp on loopback, as long as this path exists."""
    found = []
    with _folder():
        for link in FOLDER.iterdir():
            if not link.exists():
                link.unlink()
        choice = _range()
        for port in random.sample(choice, len(choice)):
            link = FOLDER / str(port)
            if len(found) < number and not link.is_symlink() and _is_free(port):
                link.symlink_to(owner)
                found.append(port)
    if len(found) < number:
        raise OSError("no free ports")
    return found


def take_one():
    """As long as this process lives."""
    return take(f"/proc/{os.getpid()}")[0]
