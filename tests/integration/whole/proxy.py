# SPDX-License-Identifier: GPL-2.0-or-later
"""A relay between devices and a gateway that keeps the sizes of the datagrams that pass, and may lose some."""
import contextlib
import select
import socket
import threading
import urllib.parse


class Proxy:
    """One device at a time. `up` and `down` hold what the device and the gateway sent, `lose` tells of a
    datagram (direction, number) whether it gets lost."""

    def __init__(self, uri, lose=lambda direction, number: False):
        target = urllib.parse.urlsplit(uri)
        self.up, self.down = [], []
        self._lose = lose
        self._front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._front.bind(("127.0.0.1", 0))
        self._back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._back.connect((target.hostname, target.port))
        self._stop, self._stopped = socket.socketpair()
        self._client = None
        self._thread = threading.Thread(target=self._relay)
        self.uri = f"coaps://127.0.0.1:{self._front.getsockname()[1]}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._stop.close()
        self._thread.join()
        for sock in (self._front, self._back, self._stopped):
            sock.close()

    def _relay(self):
        while True:
            readable, _, _ = select.select([self._front, self._back, self._stopped], [], [])
            if self._stopped in readable:
                return
            with contextlib.suppress(ConnectionRefusedError):
                if self._front in readable:
                    data, self._client = self._front.recvfrom(65536)
                    self.up.append(data)
                    if not self._lose("up", len(self.up)):
                        self._back.send(data)
                if self._back in readable:
                    data = self._back.recv(65536)
                    self.down.append(data)
                    if not self._lose("down", len(self.down)):
                        self._front.sendto(data, self._client)
