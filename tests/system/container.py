# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine with systemd as its first process, in a container of systemd-nspawn.

Its disk is an overlay: several share one root that nobody changes, and each keeps what it wrote when it is
stopped and started. It has no network but the cables that are laid to it. run.py calls us in namespaces of
our own, so mounts, interfaces and processes go when we do; the control groups are removed by it.
"""
import os
import pathlib
import shlex
import signal
import subprocess
import time

PATIENCE_S = 60 * int(os.environ.get("GANGWAY_PATIENCE", 1))
CGROUPS = ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup")
CGROUP_PREFIX = "gangway-system-"


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


def control_groups(name):
    """Of each hierarchy that there is one of that name: containers must not share theirs."""
    for top in map(pathlib.Path, CGROUPS):
        if (top / "cgroup.procs").exists():
            yield top / f"{CGROUP_PREFIX}{name}"


def _child_called_init(pid):
    """The first process of the container below that one, or None."""
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        status = pathlib.Path(f"/proc/{child}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines())
        if fields["NSpid"].split()[-1] == "1" and fields["Name"].strip() == "systemd":
            return int(child)
        if found := _child_called_init(child):
            return found
    return None


class Container:
    def __init__(self, name, folder, *layers):
        """layers: folders, the first shadows the others; `folder` is ours, for what is written."""
        self.name = name
        self.folder = folder / name
        self.root = self.folder / "root"
        self.console = self.folder / "console"
        self.layers = layers
        self.nspawn = None
        self.init = None
        for part in ("root", "written", "work"):
            (self.folder / part).mkdir(parents=True)
        self._mount()

    def _mount(self):
        lower = ":".join(str(layer) for layer in self.layers)
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                        f"lowerdir={lower},upperdir={self.folder}/written,workdir={self.folder}/work",
                        self.root], check=True)
        self.write("/etc/hostname", f"{self.name}\n")

    # --- on and off ---

    def start(self, *options):
        """options: more of them for nspawn. Returns when all that starts by itself has started. Nothing on the
        machine may raise a limit, as in many containers, so no unit may need to."""
        run = os.environ["GANGWAY_SYSTEM_RUN"]
        groups = list(control_groups(f"{run}-{os.getpid()}-{self.name}"))
        for group in groups:
            group.mkdir(exist_ok=True)

        def enter():
            for group in groups:
                (group / "cgroup.procs").write_text("0")

        with open(self.console, "ab") as console:
            self.nspawn = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--directory", self.root, "--boot", "--register=no",
                 "--keep-unit", "--private-network", f"--machine={self.name}", "--console=pipe",
                 "--drop-capability=CAP_SYS_RESOURCE", *options],
                env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}, preexec_fn=enter,
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True)
        self.init = wait_for(f"{self.name} starts", self._find_init)
        try:
            wait_for(f"{self.name} is up", self._is_up)
        except Failed as e:
            raise Failed(f"{e}\n{self.console_tail()}") from None

    def _find_init(self):
        if self.nspawn.poll() is not None:
            raise Failed(f"{self.name} ended with {self.nspawn.returncode}:\n{self.console_tail()}")
        try:
            return _child_called_init(self.nspawn.pid)
        except (FileNotFoundError, ProcessLookupError, KeyError):
            return None

    def _is_up(self):
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state in ("running", "degraded")

    def stop(self):
        """As one switches a machine off that is told first."""
        if not self.nspawn:
            return
        self.run("systemctl", "poweroff", check=False)
        try:
            self.nspawn.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} does not end:\n{self.console_tail()}") from None
        finally:
            self._end()

    def pull_the_plug(self):
        """As one does that is not told."""
        os.kill(self.init, signal.SIGKILL)
        self.nspawn.wait(PATIENCE_S)
        self._end()

    def _end(self):
        """The first process goes first: it would outlive nspawn, and all of the machine with it."""
        if self.nspawn.poll() is None and self.init:
            os.kill(self.init, signal.SIGKILL)
        elif self.nspawn.poll() is None:
            self.nspawn.kill()
        try:
            self.nspawn.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:  # it is stuck over what the machine left
            self.nspawn.kill()
            self.nspawn.wait(PATIENCE_S)
        self.nspawn = self.init = None

    def remove(self):
        if self.nspawn:
            self._end()
        subprocess.run(["umount", "--lazy", self.root], check=True)

    def console_tail(self, n_lines=30):
        return "\n".join(self.console.read_text(errors="replace").splitlines()[-n_lines:])

    # --- what happens inside ---

    def _inside(self, words):
        """In its root, too: where we are in a chroot ourselves, that of its mounts is another."""
        return ["nsenter", f"--target={self.init}", "--all", "--root", "--wd", "--", *map(str, words)]

    def run(self, *words, check=True, input=None, user=None, timeout=PATIENCE_S):
        """Runs a command to its end; `user` as that user with its groups."""
        if user:
            words = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", *words]
        done = subprocess.run(self._inside(words), input=input, capture_output=True, text=True,
                              timeout=timeout, errors="replace")
        if check and done.returncode != 0:
            raise Failed(f"{self.name}: {shlex.join(map(str, words))} ended with {done.returncode}\n"
                         f"{done.stdout}{done.stderr}")
        return done

    def out(self, *words, **options):
        return self.run(*words, **options).stdout.strip()

    def begin(self, *words, **options):
        """Starts a command, and leaves it to the caller."""
        return subprocess.Popen(self._inside(words), text=True, **options)

    def path(self, path):
        """Of the container's disk, as we see it; for what it has mounted over that: only from within."""
        return self.root / str(path).lstrip("/")

    def write(self, path, text, mode=0o644):
        file = self.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

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


def lay_cable(one, one_interface, one_address, other, other_interface, other_address):
    """A wire between two machines that run; addresses with the length of their prefix."""
    def ip(container, *words):
        subprocess.run(["nsenter", f"--net=/proc/{container.init}/ns/net", "ip", *words], check=True)

    ip(one, "link", "add", one_interface, "type", "veth",
       "peer", "name", other_interface, "netns", str(other.init))
    for container, interface, address in ((one, one_interface, one_address),
                                          (other, other_interface, other_address)):
        ip(container, "address", "add", address, "dev", interface)
        ip(container, "link", "set", interface, "up")
