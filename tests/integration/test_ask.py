#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gangwayctl --ask against a real polkitd: an administrator may confirm what somebody else is about to do, on the
terminal or with an agent of the desktop's; without it nobody is asked anything."""
import contextlib
import os
import pathlib
import pty
import select
import sys
import termios
import unittest

import dbus
import machine
from test_rights import SKIP, Case

CTL = machine.BUILD / "tools/ctl/gangwayctl"
AGENT = "org.freedesktop.PolicyKit1.AuthenticationAgent"
AUTHORITY = (machine.POLKIT, "/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority")
RULES = 'polkit.addAdminRule(function(action, subject) { return ["unix-user:root"]; });\n'


def fork(on_terminal):
    """As pty.fork(); without a terminal what the child says comes by a pipe."""
    if on_terminal:
        return pty.fork()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        for fd in (0, 1, 2):
            os.dup2(writing, fd)
    os.close(writing)
    return pid, reading


class Run:
    """gangwayctl as somebody else on a terminal of its own, or without any, from when go() is called."""

    def __init__(self, case, who, *arguments, path="/usr/bin:/bin", on_terminal=True):
        user = machine.user(who)
        start, self._start = os.pipe()
        ready, is_ready = os.pipe()
        self.pid, self.terminal = fork(on_terminal)
        if self.pid == 0:
            os.setgroups(user.groups)
            os.setresgid(user.gid, user.gid, user.gid)
            os.setresuid(user.uid, user.uid, user.uid)
            os.write(is_ready, b"x")
            os.read(start, 1)
            os.execve(case.ctl, ["gangwayctl", *arguments],
                      {"DBUS_SYSTEM_BUS_ADDRESS": case.machine.address, "PATH": path, "LC_ALL": "C.UTF-8"})
        os.read(ready, 1)
        for fd in (start, ready, is_ready):
            os.close(fd)
        self.said = ""
        case.addCleanup(self._end)
        self.status = None

    def _end(self):
        os.close(self.terminal)
        if self.status is None:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)

    def go(self):
        os.write(self._start, b"x")
        os.close(self._start)
        return self

    @property
    def start_time(self):
        """As polkit tells a process from a later one of the same number."""
        return int(pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[19])

    def _read(self):
        if not select.select([self.terminal], [], [], dbus.NEVER_S)[0]:
            raise AssertionError(f"never said: {self.said}")
        try:
            more = os.read(self.terminal, 4096).decode()
        except OSError:
            more = ""  # nobody has the terminal open any more
        self.said += more
        return more

    def wait_for(self, text):
        while text not in self.said:
            if not self._read():
                raise AssertionError(f"ended without {text}: {self.said}")

    def wait(self):
        while self._read():
            pass
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status

    def type(self, text):
        os.write(self.terminal, text.encode())

    def echoes(self):
        return bool(termios.tcgetattr(self.terminal)[3] & termios.ECHO)


class TestAsk(Case):
    def setUp(self):
        super().setUp()
        self.ctl = self.machine.folder / "gangwayctl"
        self.ctl.write_bytes(CTL.read_bytes())
        self.ctl.chmod(0o755)
        self.machine.write_rule("10-root.rules", RULES)
        self.machine.start_polkit()

    @contextlib.contextmanager
    def desktop(self, run, who):
        """An agent that is registered for a process, as a desktop's is for a session."""
        with self.machine.connect(who) as peer:
            subject = ("unix-process", {"pid": ("u", run.pid), "start-time": ("t", run.start_time),
                                        "uid": ("i", machine.user(who).uid)})
            answer = peer.ask(*AUTHORITY, "RegisterAuthenticationAgent", "(sa{sv})ss", [subject, "C", "/agent"])
            self.assertIsNone(answer.error, answer.text)
            yield peer

    def confirm(self, agent):
        """As the helper of such an agent does, which runs as root, when the password was right."""
        asked = agent.wait_for(lambda m: m.kind == dbus.CALL and m.member == "BeginAuthentication")
        action, message, _, _, cookie, (identity, *_) = asked.body
        with self.machine.connect("root") as root:
            whom = (identity[0], {"uid": ("u", identity[1]["uid"])})
            answer = root.ask(*AUTHORITY, "AuthenticationAgentResponse2", "us(sa{sv})",
                              [machine.user("technician").uid, cookie, whom])
            self.assertIsNone(answer.error, answer.text)
        agent.reply(asked)
        return action, message

    def test_nobody_asks_without_it(self):
        run = Run(self, "technician", "jobs")
        with self.desktop(run, "technician") as agent:
            self.assertEqual(run.go().wait(), 1)
            agent.bus("GetId")
            self.assertEqual([m for m in agent.strays if m.kind == dbus.CALL], [])
        self.assertIn("with --ask you can type the password (not-allowed)", run.said)

    def test_a_desktop_asks(self):
        for arguments in (["--ask", "jobs"], ["jobs", "--ask"]):
            run = Run(self, "technician", *arguments, on_terminal=False)
            with self.desktop(run, "technician") as agent:
                run.go()
                self.assertEqual(self.confirm(agent)[0], "org.gangway1.inspect")
                self.assertEqual(run.wait(), 0, run.said)
            self.assertNotIn("AUTHENTICATING", run.said)

    def test_the_terminal_asks(self):
        run = Run(self, "technician", "--ask", "withdraw", "D-1").go()
        run.wait_for("Password: ")
        self.assertIn("Authentication is required to claim a device for this gateway", run.said)
        machine.wait_until("what is typed is not shown", lambda: not run.echoes())
        run.type("not the password\n")
        self.assertEqual(run.wait(), 1)
        self.assertIn("withdraw refused: ", run.said)
        self.assertNotIn("not the password", run.said)
        self.assertTrue(run.echoes())

    def test_it_ends_before_it_is_answered(self):
        """The agent is gone while somebody could still type; the terminal is as it was."""
        run = Run(self, "technician", "--ask", "jobs").go()
        run.wait_for("Password: ")
        machine.wait_until("what is typed is not shown", lambda: not run.echoes())
        self.machine.kill("gangwayd")
        self.assertEqual(run.wait(), 1)
        self.assertTrue(run.echoes())

    def test_no_agent_for_terminals(self):
        run = Run(self, "technician", "--ask", "jobs", path="/nowhere").go()
        self.assertEqual(run.wait(), 1)
        self.assertIn("cannot start pkttyagent", run.said)
        self.assertIn("there was nobody to ask", run.said)

    def test_root_and_who_has_the_right(self):
        for who in ("root", "member"):
            run = Run(self, who, "--ask", "jobs").go()
            self.assertEqual(run.wait(), 0, run.said)
            self.assertNotIn("Password", run.said)


if __name__ == "__main__":
    why_not = machine.enter()
    if why_not:
        print(f"SKIP test_ask: {why_not}", file=sys.stderr)
        sys.exit(SKIP)
    unittest.main(verbosity=2)
