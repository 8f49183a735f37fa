# SPDX-License-Identifier: GPL-2.0-or-later
"""A polkit that says what a test wants, when it wants it, or nothing."""
import dbus

NAME = "org.freedesktop.PolicyKit1"


class Question:
    def __init__(self, call):
        self.call = call
        (_, subject), self.action, _, self.flags, self.id = call.body
        self.sender = subject["name"]


class FakePolkit:
    def __init__(self, machine):
        self.peer = machine.connect("root")
        if self.peer.bus("RequestName", "su", [NAME, 0]).body != [1]:
            raise AssertionError(f"{NAME} is somebody else's")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self.peer.close()

    def _call(self, member):
        return self.peer.wait_for(lambda m: m.kind == dbus.CALL and m.member == member)

    def question(self):
        """The next one, which may have come long ago."""
        return Question(self._call("CheckAuthorization"))

    def taken_back(self):
        """The id of the next question that nobody wants answered any more."""
        return self._call("CancelCheckAuthorization").body[0]

    def say(self, question, yes, challenge=False):
        self.peer.reply(question.call, "(bba{ss})", [(yes, challenge, {})])

    def say_oddly(self, question):
        self.peer.reply(question.call, "s", ["yes"])

    def fail(self, question, name, text):
        self.peer.reply_error(question.call, name, text)
