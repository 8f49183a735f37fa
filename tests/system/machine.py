# SPDX-License-Identifier: GPL-2.0-or-later
"""What machines have in common, whatever they are made of: commands are run on them, they have systemd and a journal.

A kind of machine brings attempt(words, input, timeout), which returns a command's status, output and errors as bytes."""
import os
import shlex
import subprocess
import time

PATIENCE_S = 60 * int(os.environ.get("GANGWAY_PATIENCE", 1))


class Failed(AssertionError):
    """What went wrong, for whoever reads the test's log."""


def wait_for(what, condition, patience_s=PATIENCE_S, step_s=0.05):
    """What the condition returns, as soon as that is true."""
    end = time.monotonic() + patience_s
    while not (result := condition()):
        if time.monotonic() > end:
            raise Failed(f"waited {patience_s} s: {what}")
        time.sleep(step_s)
    return result


def as_user(user, words):
    """That command for this user, with its groups."""
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", *words]


class Machine:
    name = None

    def run(self, *words, check=True, input=None, user=None, timeout=PATIENCE_S):
        """Runs a command to its end; `user` as that user with its groups."""
        words = [str(word) for word in (as_user(user, words) if user else words)]
        data = input.encode() if isinstance(input, str) else input
        status, out, err = self.attempt(words, data, timeout)
        done = subprocess.CompletedProcess(words, status, out.decode(errors="replace"), err.decode(errors="replace"))
        if check and status != 0:
            raise Failed(f"{self.name}: {shlex.join(words)} ended with {status}\n{done.stdout}{done.stderr}")
        return done

    def out(self, *words, **options):
        return self.run(*words, **options).stdout.strip()

    # --- systemd ---

    def systemctl(self, *words, **options):
        try:
            return self.out("systemctl", *words, **options)
        except Failed as e:
            raise Failed(f"{e}\n{self.journal('--lines=20', '--output=short-monotonic')}") from None

    def show(self, unit, property):
        return self.systemctl("show", "--property", property, "--value", unit)

    def is_active(self, unit):
        return self.run("systemctl", "is-active", unit, check=False).stdout.strip() == "active"

    def main_pid(self, unit):
        """As the container counts; 0: there is none."""
        return int(self.show(unit, "MainPID"))

    def journal(self, *words):
        """What was logged, the newest last."""
        self.run("journalctl", "--sync", check=False)
        return self.out("journalctl", "--no-pager", "--output=cat", *words, check=False)
