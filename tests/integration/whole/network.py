# SPDX-License-Identifier: GPL-2.0-or-later
"""A bad network between devices and a gateway, with a NAT in it: it loses datagrams, doubles them, holds them
up, lets later ones overtake, damages and cuts them, drops large ones, is dark for a while, and forgets which
port it gave to whom.

    with network.Network(gateway.coaps, network.Trouble(loss=0.3), seed=1) as bad:
        device.come_aboard(connect=bad.uri)

What happens to a datagram depends on the seed, its direction and how many went that way before, and on
nothing else: not on what the clock says, nor on what is in it.
"""
import dataclasses
import heapq
import random
import select
import socket
import threading
import time
import urllib.parse

UP, DOWN = "up", "down"  # from the device, to the device
_RECEIVE_MAX = 65536


@dataclasses.dataclass(frozen=True)
class Trouble:
    """Probabilities, seconds, bytes; counts are of datagrams that went one way, from 1."""
    loss: float = 0
    twice: float = 0
    damage: float = 0  # one byte is another
    cut: float = 0
    delay_s: tuple = (0, 0)  # one way, from and to: what differs overtakes
    mtu: int = _RECEIVE_MAX  # bytes of a datagram's payload; larger ones vanish
    dark: tuple = ()  # (direction, first, last) of datagrams that vanish
    rebind: tuple = ()  # before these datagrams from a device, it gets another port
    one_port: bool = False  # whoever comes next gets the port of who came before


class _Mapping:
    """A device's address, and the socket that the gateway sees in its place."""

    def __init__(self, device, gateway):
        self.device, self.gateway = device, gateway
        self.sock = self._new_port()

    def _new_port(self):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(self.gateway)
        return sock

    def rebind(self):
        old, self.sock = self.sock, self._new_port()  # first, so that the port is another
        old.close()


class Network:
    """Runs in a thread of its own until it is closed."""

    def __init__(self, uri, trouble, seed):
        target = urllib.parse.urlsplit(uri)
        self.gateway = (target.hostname, target.port)
        self.trouble, self.seed = trouble, seed
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", 0))
        self.uri = f"coaps://127.0.0.1:{self.front.getsockname()[1]}"
        self.mappings = {}  # by the device's address
        self.counts = {UP: 0, DOWN: 0}
        self.n_ports = 0
        self.queue = []  # (when, in which order, direction, mapping, datagram)
        self.n_queued = 0
        self.n_settled = 0  # how many came in, as soon as all of them have come out or vanished
        self.end, self._ended = socket.socketpair()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self.end.close()
        self.thread.join()
        for sock in (self._ended, self.front, *(m.sock for m in self.mappings.values())):
            sock.close()

    # --- what happens to a datagram ---

    def _fates(self, direction, data):
        """What comes out at the other end: (delay, datagram) of each copy."""
        trouble, count = self.trouble, self.counts[direction]
        dice = random.Random(f"{self.seed} {direction} {count}")
        is_lost = dice.random() < trouble.loss
        n_copies = 2 if dice.random() < trouble.twice else 1
        if dice.random() < trouble.damage:
            at = dice.randrange(len(data))
            data = data[:at] + bytes([data[at] ^ dice.randrange(1, 256)]) + data[at + 1:]
        if dice.random() < trouble.cut:
            data = data[:dice.randrange(len(data))]
        is_dark = any(way == direction and first <= count <= last for way, first, last in trouble.dark)
        if is_lost or is_dark or len(data) > trouble.mtu:
            return []
        return [(dice.uniform(*trouble.delay_s), data) for _ in range(n_copies)]

    def _enqueue(self, direction, mapping, data):
        now = time.monotonic()
        for delay, datagram in self._fates(direction, data):
            self.n_queued += 1
            heapq.heappush(self.queue, (now + delay, self.n_queued, direction, mapping, datagram))

    # --- the thread ---

    def _mapping(self, device):
        if device not in self.mappings:
            if self.trouble.one_port and self.mappings:
                mapping = next(iter(self.mappings.values()))
                mapping.device = device
                self.mappings = {device: mapping}
            else:
                self.mappings[device] = _Mapping(device, self.gateway)
                self.n_ports += 1
        return self.mappings[device]

    def _from_device(self):
        data, device = self.front.recvfrom(_RECEIVE_MAX)
        self.counts[UP] += 1
        mapping = self._mapping(device)
        if self.counts[UP] in self.trouble.rebind:
            mapping.rebind()
            self.n_ports += 1
        self._enqueue(UP, mapping, data)

    def _from_gateway(self, mapping):
        try:
            data = mapping.sock.recv(_RECEIVE_MAX)
        except ConnectionRefusedError:
            return
        self.counts[DOWN] += 1
        self._enqueue(DOWN, mapping, data)

    def _deliver(self):
        """All that is due; returns the time until the next, or None."""
        while self.queue:
            wait_s = self.queue[0][0] - time.monotonic()
            if wait_s > 0:
                return wait_s
            _, _, direction, mapping, data = heapq.heappop(self.queue)
            try:
                if direction == UP:
                    mapping.sock.send(data)
                else:
                    self.front.sendto(data, mapping.device)
            except ConnectionRefusedError:
                pass  # nobody listens there any more
        return None

    def _run(self):
        while True:
            wait_s = self._deliver()
            if not self.queue:
                self.n_settled = sum(self.counts.values())
            by_socket = {m.sock: m for m in self.mappings.values()}
            ready, _, _ = select.select([self.front, self._ended, *by_socket], [], [], wait_s)
            if self._ended in ready:
                return
            for sock in ready:
                if sock is self.front:
                    self._from_device()
                elif by_socket[sock].sock is sock:
                    self._from_gateway(by_socket[sock])
