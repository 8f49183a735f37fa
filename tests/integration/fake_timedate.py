# SPDX-License-Identifier: GPL-2.0-or-later
"""A timedate1 that says of the machine's clock what a test wants, when it wants it, or nothing."""
import dbus

NAME = "org.freedesktop.timedate1"


class FakeTimedate:
    def __init__(self, bus_socket):
        self.peer = dbus.Connection(bus_socket)
        if self.peer.bus("RequestName", "su", [NAME, 0]).body != [1]:
            raise AssertionError(f"{NAME} is somebody else's")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self.peer.close()

    def question(self):
        """The next one, which may have come long ago."""
        call = self.peer.wait_for(lambda m: m.kind == dbus.CALL and m.member == "Get")
        if call.body != [NAME, "NTPSynchronized"]:
            raise AssertionError(f"asked for {call.body}")
        return call

    def say(self, question, synchronised):
        self.peer.reply(question, "v", [("b", synchronised)])

    def say_oddly(self, question):
        self.peer.reply(question, "s", ["perhaps"])

    def fail(self, question):
        self.peer.reply_error(question, "org.freedesktop.DBus.Error.Failed", "no")
