# SPDX-License-Identifier: GPL-2.0-or-later
"""A network of their own for the devices: two namespaces joined by a veth pair. gangway-ip serves one end,
devices are started at the other. Nothing of it shows in the machine's own network, and no file or mount stands for it: a namespace
lives as long as the process that holds it.
"""
import os
import socket
import subprocess

GATEWAY_INTERFACE = "gateway"
GATEWAY_ADDRESS = "198.18.0.1"
DEVICES_INTERFACE = "devices"
DEVICES_ADDRESS = "198.18.0.2"
COAPS_PORT = 5684
HOLDER = ["unshare", "--net", "--", "sleep", "infinity"]


def accepts(port):
    """Whether somebody accepts connections at the port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def inside(pid):
    """What to put in front of a command so that it runs in the namespace of that process."""
    return ["nsenter", f"--net=/proc/{pid}/ns/net", "--"]


def is_apart(pid):
    """Whether that process has left our namespace; what is done inside it would else be done to us."""
    return os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")


def can_have_own():
    """Whether this machine lets us make such a network; else why not."""
    attempt = subprocess.run(["unshare", "--net", "--", "ip", "link", "add", GATEWAY_INTERFACE,
                              "type", "veth", "peer", "name", DEVICES_INTERFACE],
                             capture_output=True, text=True)
    return attempt.returncode == 0, attempt.stderr.strip()


def join(gateway_pid, devices_pid):
    """Lays the cable between the two namespaces."""
    def ip(pid, *words):
        subprocess.run([*inside(pid), "ip", *words], check=True)

    ip(gateway_pid, "link", "add", GATEWAY_INTERFACE, "type", "veth",
       "peer", "name", DEVICES_INTERFACE, "netns", str(devices_pid))
    for pid, interface, address in ((gateway_pid, GATEWAY_INTERFACE, GATEWAY_ADDRESS),
                                    (devices_pid, DEVICES_INTERFACE, DEVICES_ADDRESS)):
        ip(pid, "link", "set", "lo", "up")
        ip(pid, "address", "add", f"{address}/24", "dev", interface)
        ip(pid, "link", "set", interface, "up")
