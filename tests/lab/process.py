# SPDX-License-Identifier: GPL-2.0-or-later
"""One process, started detached and found again by later commands through its pid file.

A pid is used again once its process is gone. So the time at which the process started is noted beside
the pid file, and nothing is ever sent to a pid whose process started at another time.
"""
import os
import pathlib
import select
import signal
import subprocess
import time

TERM_S = 15 * int(os.environ.get("GANGWAY_PATIENCE", 1))  # to end by itself


def start_time(pid):
    """Clock ticks from boot to the start of the process; None if there is none, or only a zombie."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in brackets, and may hold anything.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


class Process:
    def __init__(self, pid_file, log):
        self.pid_file = pid_file
        self.log = log
        self._started_file = pid_file.with_name(f".{pid_file.name}.started")
        self._child = None

    def start(self, argv, environment):
        self.pid_file.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self._child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           env=environment, cwd="/", start_new_session=True)
        # Nobody has waited for it yet, so it is there, be it as a zombie.
        stat = pathlib.Path(f"/proc/{self._child.pid}/stat").read_text()
        self._started_file.write_text(stat.rpartition(")")[2].split()[19])
        self.pid_file.write_text(f"{self._child.pid}\n")

    def pid(self):
        """The pid while the process is alive, else None."""
        if self._child:
            self._child.poll()
        try:
            pid, started = int(self.pid_file.read_text()), int(self._started_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if start_time(pid) == started else None

    def stop(self):
        pid = self.pid()
        if pid is not None:
            _end(pid, self.pid)
        self.pid_file.unlink(missing_ok=True)
        self._started_file.unlink(missing_ok=True)

    def log_tail(self, lines=10):
        try:
            return "".join(self.log.read_text(errors="replace").splitlines(True)[-lines:])
        except FileNotFoundError:
            return ""


def _end(pid, still_there):
    """TERM, then KILL. The descriptor stands for this process, whatever becomes of its pid."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if still_there() != pid:
                return
            signal.pidfd_send_signal(fd, number)
            if select.select([fd], [], [], TERM_S)[0]:
                return
    except ProcessLookupError:
        pass
    finally:
        os.close(fd)


def wait_until(condition, seconds, step=0.03):
    """Asks again and again until it is so; returns whether it came to be."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        select.select([], [], [], step)  # sleep() fails under libfaketime
    return True
