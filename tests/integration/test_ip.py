#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gangway-ip in a network of its own: doors follow interfaces, neighbours are told, bursts are borne.

Needs root: the test moves into a network and a mount namespace of its own before it begins, and its
devices live in a third. Nothing of the machine's own network is touched.
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import patience
import wire

PROGRAM = pathlib.Path(os.environ.get("top_builddir", ".")) / "plugins/ip/gangway-ip"
SKIP = 77
CPU_S = 0.5 * patience.TIMES  # while there is nothing to do
GRACE_S = 1  # for a port that is about to be free (plugins/ip/ip.c)
VENDOR_MAC, VENDOR = "b8:27:eb:11:22:33", "Raspberry Pi Foundation"

SO_BINDTODEVICE, IP_PKTINFO, IPV6_RECVPKTINFO = 25, 8, 49


def enter_namespaces():
    """Runs the test again, in namespaces of its own."""
    if os.environ.get("GANGWAY_TEST_NAMESPACE"):
        return
    tools = shutil.which("unshare") and shutil.which("ip")
    if not tools or subprocess.run(["unshare", "--net", "--mount", "true"]).returncode != 0:
        print("SKIP test_ip: needs unshare, ip, and the right to make network namespaces", file=sys.stderr)
        sys.exit(SKIP)
    os.environ["GANGWAY_TEST_NAMESPACE"] = "1"
    os.execvp("unshare", ["unshare", "--net", "--mount", "--propagation", "private", "--",
                          sys.executable, *sys.argv])


def run(*command, stdin=None):
    subprocess.run([str(part) for part in command], check=True, input=stdin, text=True)


def ip(*command):
    run("ip", *command)


def write_hwdb(vendors):
    """Gives this mount namespace a hardware database, with the address blocks of these vendors alone.

    It is a trie: OUI: -> first letter -> rest of the prefix -> *. All offsets count from the file's
    beginning, and a property's name begins with a space.
    """
    head, body = 80, b"\0"

    def add(data):
        nonlocal body
        body += data
        return head + len(body) - len(data)

    def text(value):
        return add(value.encode() + b"\0")

    def node(prefix, children=(), values=()):
        data = struct.pack("<QB7xQ", text(prefix), len(children), len(values))
        data += b"".join(struct.pack("<B7xQ", ord(char), at) for char, at in sorted(children))
        return add(data + b"".join(struct.pack("<QQ", *value) for value in values))

    prefixes = []
    for prefix, vendor in vendors.items():
        end = node("", values=[(text(" ID_OUI_FROM_DATABASE"), text(vendor))])
        prefixes.append((prefix[0], node(prefix[1:], children=[("*", end)])))
    root = node("OUI:", children=prefixes)

    run("mount", "-t", "tmpfs", "none", "/etc")
    os.makedirs("/etc/systemd/hwdb")
    pathlib.Path("/etc/systemd/hwdb/hwdb.bin").write_bytes(struct.pack(
        "<8sQQQQQQQQQ", b"KSLPHHRH", 252, head + len(body), head, 24, 16, 16, root, len(body), 0) + body)


class Devices:
    """A network namespace for those behind the gateway."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo here; exec sleep infinity"],
                                       stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == b"here\n"

    def run(self, *command):
        run("nsenter", f"--net=/proc/{self.holder.pid}/ns/net", *command)

    def plug_in(self, name, mac, address):
        """Makes interface `name` here, and its other end with one device there."""
        ip("link", "add", name, "type", "veth", "peer", "name", f"{name}-dev", "address", mac)
        ip("link", "set", f"{name}-dev", "netns", self.holder.pid)
        self.run("ip", "link", "set", f"{name}-dev", "up")
        self.run("ip", "address", "add", address, "dev", f"{name}-dev")

    def say(self, text, to, port=5684):
        """Sends a datagram from there, and returns when it has left."""
        self.run(sys.executable, "-c", "import socket, sys; s = socket.socket(socket.AF_INET, "
                 "socket.SOCK_DGRAM); s.sendto(sys.argv[1].encode(), (sys.argv[2], int(sys.argv[3])))",
                 text, to, port)

    def end(self):
        self.holder.kill()
        self.holder.communicate()


class Gateway:
    """The plugin, and the agent it speaks to."""

    def __init__(self, folder, prefix=(), environment=None):
        self.path = f"{folder}/link"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(4)
        self.listener.settimeout(patience.NEVER_S)
        self.link = None
        self.messages = []
        self.log = open(f"{folder}/log", "w+", encoding="utf-8")
        self.plugin = subprocess.Popen([*prefix, PROGRAM, "--link", self.path], stderr=self.log,
                                       env={**os.environ, **(environment or {})})

    def accept(self, settings):
        """Lets the plugin connect (again), and takes it in."""
        self.hang_up()
        self.link, _ = self.listener.accept()
        self.link.settimeout(patience.NEVER_S)
        hello = wire.receive(self.link)
        assert (hello.type, hello.name) == ("hello", "ip"), hello
        wire.send(self.link, "welcome", version=1, gateway="gw-1", settings=settings)

    def hang_up(self):
        if self.link:
            self.link.close()
        self.link, self.messages = None, []

    def offer(self, again=0):
        wire.send(self.link, "offer", again=again)

    def next(self, *types):
        """The next message of these types; others are kept for later."""
        for i, message in enumerate(self.messages):
            if message.type in types:
                return self.messages.pop(i)
        while True:
            message = wire.receive(self.link)
            assert message, f"the plugin has closed the link; it wrote: {self.written()}"
            if message.type in types:
                return message
            self.messages.append(message)

    def channel(self):
        """The next channel: the message, its descriptor as a socket in it."""
        message = self.next("channel")
        message.socket = socket.socket(fileno=message.fd)
        return message

    def health(self, part):
        """Waits until the plugin says this of its health; "" is: all is well."""
        while True:
            message = self.next("health")
            if (part and part in message.text) or (not part and message.ok):
                return message

    def written(self):
        self.log.flush()
        return pathlib.Path(self.log.name).read_text(encoding="utf-8")

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.plugin.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        self.hang_up()
        self.plugin.send_signal(signal.SIGCONT)
        self.plugin.terminate()
        status = self.plugin.wait(patience.NEVER_S)
        self.listener.close()
        self.log.close()
        return status


def set_ipv6(interface, on):
    pathlib.Path(f"/proc/sys/net/ipv6/conf/{interface}/disable_ipv6").write_text("0" if on else "1")


class Test(unittest.TestCase):
    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.devices = Devices()
        self.stack.callback(self.devices.end)
        set_ipv6("default", False)
        ip("link", "set", "lo", "up")

    def start(self, settings, **options):
        gateway = Gateway(self.folder, **options)
        self.stack.callback(lambda: self.assertEqual(gateway.end(), 0, gateway_log(self.folder)))
        gateway.accept(settings)
        return gateway

    def plug_in(self, name="gw0", mac=VENDOR_MAC, network="192.0.2"):
        """An interface with an address of ours, and a device behind it."""
        self.devices.plug_in(name, mac, f"{network}.50/24")
        self.stack.callback(lambda: subprocess.run(["ip", "link", "delete", name], check=False,
                                                   stderr=subprocess.DEVNULL))
        ip("address", "add", f"{network}.1/24", "dev", name)
        ip("link", "set", name, "up")


def gateway_log(folder):
    return pathlib.Path(f"{folder}/log").read_text(encoding="utf-8")


class Doors(Test):
    def test_loopback_both_families(self):
        gateway = self.start("interfaces=lo\ncoaps_port=5684\n")
        gateway.offer()
        channels = {c.label: c for c in (gateway.channel(), gateway.channel())}
        self.assertEqual(set(channels), {"lo udp 5684 IPv4", "lo udp 5684 IPv6"})

        four, six = channels["lo udp 5684 IPv4"], channels["lo udp 5684 IPv6"]
        self.assertNotEqual(four.channel, six.channel)
        self.assertEqual((four.kind, four.mtu, four.transport), (wire.CHANNEL_DATAGRAM, 65507, ""))
        for channel, family in (four, socket.AF_INET), (six, socket.AF_INET6):
            s = channel.socket
            self.assertEqual((s.family, s.type), (family, socket.SOCK_DGRAM))
            self.assertEqual(s.getsockname()[1], 5684)
            self.assertEqual(s.getsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, 16), b"lo\0")
            self.assertEqual(s.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR), 0)
            self.assertEqual(s.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT), 0)
        self.assertEqual(six.socket.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY), 1)

        for channel, to in (four, "127.0.0.2"), (six, "::1"):
            with socket.socket(channel.socket.family, socket.SOCK_DGRAM) as device:
                device.sendto(b"hello", (to, 5684))
                channel.socket.settimeout(patience.NEVER_S)
                data, control, _, _ = channel.socket.recvmsg(100, 100)
            self.assertEqual(data, b"hello")
            self.assertIn(socket.inet_pton(channel.socket.family, to), control[0][2])
            channel.socket.close()

    def test_nothing_but_what_is_asked_for(self):
        gateway = self.start("interfaces=lo\n")
        for _ in range(2):
            gateway.offer()
            gateway.channel().socket.close()
            gateway.channel().socket.close()
        ip("link", "set", "lo", "down")
        self.assertEqual(gateway.next("channel", "channel_gone").type, "channel_gone")

        gateway.accept("interfaces=lo\n")
        ip("link", "set", "lo", "up")  # a door opens, and nobody has asked this time
        gateway.health("")
        ip("link", "set", "lo", "down")
        gateway.health("lo: is down")
        self.assertEqual([m.type for m in gateway.messages], [])

    def test_the_same_sockets_again(self):
        gateway = self.start("interfaces=lo\n")
        gateway.offer()

        def offered():
            channels = (gateway.channel(), gateway.channel())
            facts = sorted((c.channel, os.fstat(c.socket.fileno()).st_ino) for c in channels)
            for c in channels:
                c.socket.close()
            return facts

        first = offered()
        gateway.offer(again=1)
        self.assertEqual(offered(), first)

        # An agent that starts again gets them too: the port was ours all the time.
        gateway.accept("interfaces=lo\n")
        gateway.offer()
        self.assertEqual(offered(), first)

    def test_new_settings(self):
        self.plug_in()
        gateway = self.start("interfaces=lo gw0\n")
        gateway.offer()
        before = {c.label: c for c in (gateway.channel(), gateway.channel(), gateway.channel())}
        gateway.accept("interfaces=gw0\ncoaps_port=7000\n")
        gateway.offer()
        channel = gateway.channel()
        self.assertEqual(channel.label, "gw0 udp 7000 IPv4")
        self.assertNotIn(channel.channel, [c.channel for c in before.values()])
        channel.socket.close()
        for c in before.values():
            c.socket.close()
        for address in ("127.0.0.1", "192.0.2.1"):  # given up for good
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.bind((address, 5684))

    def test_interface_comes_and_goes(self):
        gateway = self.start("interfaces=gw0\n")
        gateway.offer()
        gateway.health("gw0: no such interface yet")
        self.devices.plug_in("gw0", VENDOR_MAC, "192.0.2.50/24")
        gateway.health("gw0: is down")
        ip("link", "set", "gw0", "up")
        gateway.health("gw0: has no address")
        numbers = []

        def comes():
            channel = gateway.channel()
            self.assertEqual(channel.label, "gw0 udp 5684 IPv4")
            self.assertEqual(channel.mtu, 1472)
            channel.socket.close()
            self.assertNotIn(channel.channel, numbers)
            numbers.append(channel.channel)

        def goes():
            self.assertEqual(gateway.next("channel_gone").channel, numbers[-1])

        ip("address", "add", "192.0.2.1/24", "dev", "gw0")
        comes()
        gateway.health("")
        ip("address", "add", "192.0.2.2/24", "dev", "gw0")  # one more, one less: all the same
        ip("address", "delete", "192.0.2.2/24", "dev", "gw0")
        ip("address", "delete", "192.0.2.1/24", "dev", "gw0")
        goes()
        gateway.health("gw0: has no address")
        ip("address", "add", "198.51.100.1/24", "dev", "gw0")
        comes()
        ip("link", "set", "gw0", "down")
        goes()
        gateway.health("gw0: is down")
        ip("link", "set", "gw0", "up")
        comes()
        ip("link", "delete", "gw0")
        goes()
        gateway.health("gw0: no such interface yet")
        self.plug_in()
        comes()
        self.devices.say("hello", "192.0.2.1")

    def test_interface_replaced_behind_our_back(self):
        self.plug_in()
        gateway = self.start("interfaces=gw0\n")
        gateway.offer()
        first = gateway.channel()
        first.socket.close()
        gateway.plugin.send_signal(signal.SIGSTOP)
        ip("link", "delete", "gw0")
        self.plug_in()
        gateway.plugin.send_signal(signal.SIGCONT)
        self.assertEqual(gateway.next("channel_gone").channel, first.channel)
        second = gateway.channel()
        second.socket.settimeout(patience.NEVER_S)
        self.devices.say("hello", "192.0.2.1")
        self.assertEqual(second.socket.recv(100), b"hello")
        second.socket.close()

    def test_ipv6_address_comes_and_goes(self):
        self.plug_in()
        gateway = self.start("interfaces=gw0\n")
        gateway.offer()
        gateway.channel().socket.close()
        set_ipv6("gw0", True)
        channel = gateway.channel()
        self.assertEqual((channel.label, channel.mtu), ("gw0 udp 5684 IPv6", 1452))
        channel.socket.close()
        set_ipv6("gw0", False)
        self.assertEqual(gateway.next("channel_gone").channel, channel.channel)

    def test_nobody_else_s_network_gets_in(self):
        self.plug_in()
        self.plug_in("up0", "02:00:00:00:00:02", "203.0.113")
        gateway = self.start("interfaces=gw0\n")
        gateway.offer()
        channel = gateway.channel()
        self.devices.say("from the wrong side", "203.0.113.1")
        self.devices.say("from the right side", "192.0.2.1")
        with channel.socket as ours:
            ours.settimeout(patience.NEVER_S)
            self.assertEqual(ours.recv(100), b"from the right side")

    def test_port_held_by_another(self):
        for family, address, name in (socket.AF_INET, "0.0.0.0", "IPv4"), (socket.AF_INET6, "::", "IPv6"):
            with self.subTest(name), socket.socket(family, socket.SOCK_DGRAM) as holder:
                holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                holder.bind((address, 5684))
                with tempfile.TemporaryDirectory() as folder:
                    gateway = Gateway(folder)
                    try:
                        gateway.accept("interfaces=lo\n")
                        gateway.offer()
                        gateway.health(f"lo: another program holds UDP port 5684 ({name})")
                        used = gateway.cpu_seconds()
                        other = gateway.channel()  # the other family is served meanwhile
                        self.assertNotIn(name, other.label)
                        other.socket.close()
                        holder.close()
                        freed = gateway.channel()
                        self.assertIn(name, freed.label)
                        freed.socket.close()
                        gateway.health("")
                        self.assertLess(gateway.cpu_seconds() - used, CPU_S)  # it waited, it did not spin
                        self.assertEqual(gateway.written().count("another program"), 1)
                    finally:
                        gateway.end()

    def test_port_that_is_about_to_be_free(self):
        """A registrar that has not yet let go of the last plugin's sockets is no trouble to report."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
            holder.bind(("0.0.0.0", 5684))
            gateway = self.start("interfaces=lo\n")
            began = time.monotonic()
            gateway.offer()
            gateway.channel().socket.close()  # IPv6: the attempt at the other was made in the same turn
        in_time = time.monotonic() - began < GRACE_S
        freed = gateway.channel()
        self.assertEqual(freed.label, "lo udp 5684 IPv4")
        freed.socket.close()
        if in_time:
            self.assertEqual([m for m in gateway.messages if m.type == "health"], [])

    def test_settings_that_cannot_be(self):
        gateway = self.start("interfaces=lo and-a-very-long-one\n")
        gateway.offer()
        gateway.health("[ip] interfaces: 'and-a-very-long-one' cannot be the name of one")
        gateway.accept("interfaces=lo\n")
        gateway.health("")
        gateway.offer()
        gateway.channel().socket.close()
        gateway.channel().socket.close()


class Neighbours(Test):
    def told(self, gateway):
        n = gateway.next("neighbour")
        return (n.present, n.address, n.link_address, n.interface, n.vendor)

    def test_a_device_speaks(self):
        self.plug_in()
        gateway = self.start("interfaces=gw0\n")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
            ours.bind(("192.0.2.1", 9))
            ours.settimeout(patience.NEVER_S)
            self.devices.say("hello", "192.0.2.1", 9)
            ours.sendto(b"hello yourself", ours.recvfrom(100)[1])
        self.assertEqual(self.told(gateway), (1, "192.0.2.50", VENDOR_MAC, "gw0", VENDOR))

    def test_what_is_told_and_what_is_not(self):
        self.plug_in()
        self.plug_in("up0", "02:00:00:00:00:02", "203.0.113")
        set_ipv6("gw0", True)
        ip("neighbour", "add", "192.0.2.7", "lladdr", "00:11:22:33:44:55", "dev", "gw0", "nud", "stale")
        gateway = self.start("interfaces=gw0\n")
        self.assertEqual(self.told(gateway), (1, "192.0.2.7", "00:11:22:33:44:55", "gw0", ""))

        # Not ours, not answering; then one that is.
        ip("neighbour", "add", "203.0.113.9", "lladdr", "00:11:22:33:44:56", "dev", "up0")
        ip("neighbour", "add", "192.0.2.9", "nud", "failed", "dev", "gw0")
        ip("neighbour", "add", "192.0.2.8", "lladdr", "aa:bb:cc:00:00:01", "dev", "gw0")
        self.assertEqual(self.told(gateway), (1, "192.0.2.8", "aa:bb:cc:00:00:01", "gw0",
                                              "B??r G??te AG"))
        ip("neighbour", "add", "2001:db8::5", "lladdr", VENDOR_MAC, "dev", "gw0")
        self.assertEqual(self.told(gateway), (1, "2001:db8::5", VENDOR_MAC, "gw0", VENDOR))

        ip("neighbour", "change", "192.0.2.8", "lladdr", VENDOR_MAC, "dev", "gw0")
        self.assertEqual(self.told(gateway), (1, "192.0.2.8", VENDOR_MAC, "gw0", VENDOR))
        ip("neighbour", "delete", "192.0.2.8", "dev", "gw0")
        self.assertEqual(self.told(gateway), (0, "192.0.2.8", VENDOR_MAC, "gw0", VENDOR))

        # The agent starts again: it is told all anew.
        gateway.accept("interfaces=gw0\n")
        self.assertEqual({self.told(gateway)[1], self.told(gateway)[1]}, {"192.0.2.7", "2001:db8::5"})

        ip("link", "delete", "gw0")
        self.assertEqual({self.told(gateway)[:2], self.told(gateway)[:2]},
                         {(0, "192.0.2.7"), (0, "2001:db8::5")})

    def kernel_s_view(self):
        table = subprocess.run(["ip", "-json", "-4", "neighbour", "show", "dev", "gw0"], check=True,
                               capture_output=True, text=True).stdout
        return {n["dst"]: n["lladdr"] for n in json.loads(table) if "lladdr" in n}

    def churn(self, rounds=12, size=900, remain=500):
        """Neighbours come and go by the thousand; `remain` are there in the end. Returns the number of changes."""
        lines, changes = [], 0
        for round_ in range(rounds):
            for i in range(size):
                lines.append(f"neighbour replace 10.9.{i // 250}.{i % 250} lladdr "
                             f"02:00:00:{round_:02x}:{i // 250:02x}:{i % 250:02x} dev gw0 nud permanent")
            last = round_ == rounds - 1
            for i in range(remain if last else 0, size):
                lines.append(f"neighbour delete 10.9.{i // 250}.{i % 250} dev gw0")
            changes += 2 * size
        run("ip", "-batch", "-", stdin="\n".join(lines) + "\n")
        return changes

    def assert_converges(self, gateway, believed):
        """Reads what the plugin tells until the agent knows what the kernel does; returns how many it took."""
        expected, n = self.kernel_s_view(), 0
        self.assertEqual(len(expected), 500)
        while believed != expected:
            present, address, mac, _, _ = self.told(gateway)
            n += 1
            if present:
                believed[address] = mac
            else:
                del believed[address]
        return n

    def test_burst(self):
        self.plug_in()
        gateway = self.start("interfaces=gw0\n")
        changes = self.churn()
        gateway.offer()  # answered while thousands wait
        gateway.channel().socket.close()
        n = self.assert_converges(gateway, {})
        print(f"burst: {changes} changes, {n} told")
        self.assertLess(n, changes // 2)

    def test_more_than_the_kernel_could_keep_for_us(self):
        self.plug_in()
        # Without the privilege for a large buffer, and asleep: messages are lost for certain.
        gateway = self.start("interfaces=gw0\n",
                             prefix=["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"])
        ip("neighbour", "add", "192.0.2.7", "lladdr", VENDOR_MAC, "dev", "gw0")
        believed = {self.told(gateway)[1]: VENDOR_MAC}
        gateway.plugin.send_signal(signal.SIGSTOP)
        ip("neighbour", "delete", "192.0.2.7", "dev", "gw0")
        self.churn()
        drops = pathlib.Path("/proc/net/netlink").read_text()
        gateway.plugin.send_signal(signal.SIGCONT)
        self.assertIn(True, [int(line.split()[8]) > 0 for line in drops.splitlines()[1:]], drops)
        n = self.assert_converges(gateway, believed)
        print(f"overrun: {n} told")


class Crowd(Test):
    """Ten thousand neighbours at once. The kernel's limit (gc_thresh3) is the machine's, not the namespace's, and
    left alone: entries that are there for good are not counted against it."""
    CROWD = 10000
    TURNS_MAX = 20000  # no more than messages heard and told
    KIB_EACH_MAX = 4

    def arrive(self, rounds=1):
        """With other cards in each round. Returns who is there in the end."""
        for round_ in range(rounds):
            run("ip", "-batch", "-", stdin="".join(
                f"neighbour replace 10.9.{i // 250}.{i % 250} lladdr 02:00:00:{round_:02x}:{i // 250:02x}:{i % 250:02x} "
                "dev gw0 nud permanent\n" for i in range(self.CROWD)))
        table = subprocess.run(["ip", "-json", "-4", "neighbour", "show", "dev", "gw0"], check=True,
                               capture_output=True, text=True).stdout
        return {n["dst"]: n["lladdr"] for n in json.loads(table)}

    @staticmethod
    def status(gateway, name):
        lines = pathlib.Path(f"/proc/{gateway.plugin.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))

    @staticmethod
    def is_plain():
        """Sanitizers and valgrind, which keep what was freed, have no part in it."""
        return PROGRAM.read_bytes().startswith(b"\x7fELF") and b"__asan_init" not in PROGRAM.read_bytes()

    def turns(self, gateway):
        """How often it has gone to sleep so far: once for each turn of its loop that found nothing more to do."""
        return self.status(gateway, "voluntary_ctxt_switches")

    def is_quiet(self, gateway):
        before = self.turns(gateway)
        time.sleep(1)
        return self.turns(gateway) == before

    def assert_all_told(self, gateway, expected):
        """Whatever was told meanwhile; returns how many it took."""
        believed, n = {}, 0
        while believed != expected:
            message = gateway.next("neighbour")
            self.assertTrue(message.present)
            believed[message.address] = message.link_address
            n += 1
        return n

    def assert_comes_to_rest(self, gateway):
        end = time.monotonic() + patience.NEVER_S
        while not self.is_quiet(gateway):
            self.assertLess(time.monotonic(), end, "the plugin does not come to rest")
        self.assertEqual([m.type for m in gateway.messages if m.type == "neighbour"], [])

    def check(self, gateway, arrive):
        turns, memory = self.turns(gateway), self.status(gateway, "VmRSS")
        expected = arrive()
        self.assertEqual(len(expected), self.CROWD)
        n = self.assert_all_told(gateway, expected)
        self.assert_comes_to_rest(gateway)
        turns = self.turns(gateway) - turns
        memory = self.status(gateway, "VmRSS") - memory
        print(f"crowd: {n} told in {turns} turns, {memory} KiB")
        self.assertLess(turns, self.TURNS_MAX)
        if self.is_plain():
            self.assertLess(memory, self.KIB_EACH_MAX * self.CROWD)
        return n

    def test_a_crowd_arrives(self):
        self.plug_in()
        gateway = self.start("interfaces=gw0\n")
        gateway.offer()
        gateway.channel().socket.close()
        self.assertEqual(self.check(gateway, self.arrive), self.CROWD)  # each once

    def test_a_crowd_arrives_and_most_of_it_is_lost(self):
        """It is asleep, and the kernel drops for certain."""
        self.plug_in()
        gateway = self.start("interfaces=gw0\n")
        gateway.offer()
        gateway.channel().socket.close()

        def arrive():
            gateway.plugin.send_signal(signal.SIGSTOP)
            expected = self.arrive(rounds=4)  # more than the largest buffer holds
            drops = pathlib.Path("/proc/net/netlink").read_text()
            gateway.plugin.send_signal(signal.SIGCONT)
            self.assertIn(True, [int(line.split()[8]) > 0 for line in drops.splitlines()[1:]], drops)
            return expected

        self.assertLess(self.check(gateway, arrive), 2 * self.CROWD)  # some with a card that was exchanged since


class Program(unittest.TestCase):
    def test_steps(self):
        out = subprocess.run([PROGRAM, "--list-steps"], check=True, capture_output=True, text=True).stdout
        self.assertEqual(out, "ip.channel\n")

    def test_dies_where_it_is_told(self):
        config = (pathlib.Path(os.environ.get("top_builddir", ".")) / "config.h").read_text()
        if "#define GW_FAULT_POINTS 1" not in config:
            self.skipTest("built without --enable-fault-points")
        for moment, channels in ("before", 0), ("after", 1):
            with tempfile.TemporaryDirectory() as folder:
                gateway = Gateway(folder, environment={"GANGWAY_DIE_AT": f"ip.channel:{moment}"})
                gateway.accept("interfaces=lo\n")
                gateway.offer()
                self.assertEqual(gateway.plugin.wait(patience.NEVER_S), -signal.SIGKILL)
                got = []
                while message := wire.receive(gateway.link):
                    got.append(message)
                for message in got:
                    if message.fd is not None:
                        os.close(message.fd)
                self.assertEqual([m.type for m in got].count("channel"), channels)
                gateway.end()


if __name__ == "__main__":
    enter_namespaces()
    write_hwdb({"B827EB": VENDOR, "AABBCC": "Bär Gäte AG"})
    unittest.main(verbosity=2)
