# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine with systemd as its first process, in a container of systemd-nspawn.

Its disk is an overlay: several share one root that nobody changes, and each keeps what it wrote when it is
stopped and started. It has no network but the cables that are laid to it. run.py calls us in namespaces of
our own, so mounts, interfaces and processes go when we do; the control groups are removed by it.
"""
import os
import pathlib
import shutil
import signal
import subprocess

from machine import Failed, Machine, PATIENCE_S, wait_for

CGROUPS = ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup")
CGROUP_PREFIX = "gangway-system-"


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


class Container(Machine):
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

    def attempt(self, words, input, timeout):
        done = subprocess.run(self._inside(words), input=input, capture_output=True, timeout=timeout)
        return done.returncode, done.stdout, done.stderr

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

    def copy_in(self, folder, target):
        shutil.copytree(folder, self.path(target), symlinks=True, dirs_exist_ok=True)

    # --- cables ---

    def ip(self, *words):
        """Of this machine's network, but by our own program."""
        subprocess.run(["nsenter", f"--net=/proc/{self.init}/ns/net", "ip", *words], check=True)

    def configure_cable(self, interface, address):
        self.ip("address", "add", address, "dev", interface)
        self.ip("link", "set", interface, "up")

    def lay_cable(self, interface, address, other, other_interface, other_address):
        """A wire to another container that runs; addresses with the length of their prefix."""
        self.ip("link", "add", interface, "type", "veth",
                "peer", "name", other_interface, "netns", str(other.init))
        self.configure_cable(interface, address)
        other.configure_cable(other_interface, other_address)
