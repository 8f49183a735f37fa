# SPDX-License-Identifier: GPL-2.0-or-later
"""Plays gangwayd to one plugin: listens on the link, says welcome, and holds conversation in messages."""
import os
import socket

import patience
import wire


class Agent:
    def __init__(self, path):
        self.path = str(path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.settimeout(patience.NEVER_S)
        self.listener.bind(self.path)
        self.listener.listen()
        self.sock = None
        self.set_aside = []
        self.trace = []  # types of all messages, in order

    def take_in(self, gateway="gw-1", **settings):
        """Accepts the plugin's next connection and welcomes it; returns its hello."""
        self.hang_up()
        self.sock, _ = self.listener.accept()
        self.sock.settimeout(patience.NEVER_S)
        hello = wire.receive(self.sock)
        if hello is None or hello.type != "hello":
            raise AssertionError(f"no hello but {hello}")
        lines = "".join(f"{key}={value}\n" for key, value in settings.items())
        self.send("welcome", version=hello.version_max, gateway=gateway, settings=lines)
        return hello

    def send(self, type_, /, fd=None, **values):
        wire.send(self.sock, type_, fd=fd, **values)

    def expect(self, type_, /, **values):
        """The next message of this type with these values; all others keep for later."""
        for message in self.set_aside:
            if self._fits(message, type_, values):
                self.set_aside.remove(message)
                return message
        while True:
            try:
                message = wire.receive(self.sock)
            except TimeoutError:
                raise AssertionError(f"no {type_} {values}; but {self.set_aside}") from None
            if message is None:
                raise AssertionError(f"the plugin hung up; {type_} {values} was expected")
            self.trace.append(message.type)
            if self._fits(message, type_, values):
                return message
            self.set_aside.append(message)

    @staticmethod
    def _fits(message, type_, values):
        return message.type == type_ and all(getattr(message, k) == v for k, v in values.items())

    def pending(self):
        """What has arrived and was not expected yet."""
        self.sock.setblocking(False)
        try:
            while (message := wire.receive(self.sock)) is not None:
                self.trace.append(message.type)
                self.set_aside.append(message)
        except BlockingIOError:
            pass
        self.sock.settimeout(patience.NEVER_S)
        return list(self.set_aside)

    def hang_up(self):
        if self.sock:
            self.sock.close()
        for message in self.set_aside:
            if message.fd is not None:
                os.close(message.fd)
        self.sock, self.set_aside, self.trace = None, [], []

    def close(self):
        self.hang_up()
        self.listener.close()
        os.unlink(self.path)
