# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine with a kernel of its own, emulated by qemu: for what containers share with those who run them, which are
control groups, the clock, and a disk that loses what was not flushed when its power goes.

It has the face of container.py. What is run on it goes by a channel to guest.py, and whoever waits for that learns
when the machine ends. It takes a minute to start: there is no virtualisation where tests run.

Its disk lies, as disks with a cache do: each start puts a layer over what is there, and of a layer only what the
machine has flushed can be found again. What it has merely written is lost when qemu is killed.
"""
import concurrent.futures
import fcntl
import io
import itertools
import json
import os
import pathlib
import shlex
import shutil
import socket
import struct
import subprocess
import tarfile
import threading

from machine import Failed, Machine, PATIENCE_S, wait_for

QEMU = "qemu-system-x86_64"
NEEDS = (QEMU, "qemu-img")
MEMORY_MIB = 1024
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x2, 0x1000
N_CABLES = 2


def why_not():
    """Why there can be none here, or None."""
    missing = [program for program in NEEDS if not shutil.which(program)]
    if missing:
        return f"no {' and no '.join(missing)}: run scripts/setup"
    if not os.path.exists("/dev/net/tun"):
        return "no /dev/net/tun for its cables"
    return None


def open_tap():
    """Its descriptor, and the name that the kernel gives it."""
    tap = os.open("/dev/net/tun", os.O_RDWR)
    request = fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", b"gangway%d", IFF_TAP | IFF_NO_PI))
    return tap, request[:16].rstrip(b"\0").decode()


class Channel:
    """What is asked of guest.py and what it answers; a thread listens to it, until the machine has ended."""

    def __init__(self, sock):
        self.file = sock.makefile("rwb")
        sock.close()
        self.numbers = itertools.count()
        self.lock = threading.Lock()
        self.open = {}  # number of a question: who waits for its answer
        self.boot = concurrent.futures.Future()  # its id; another for each
        self.has_ended = False
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, words, data):
        with self.lock:
            number = next(self.numbers)
            future = self.open[number] = concurrent.futures.Future()
            if self.has_ended:
                raise ConnectionError("the machine has ended")
            self.file.write(json.dumps({"number": number, "words": words, "length": len(data)}).encode() + b"\n" + data)
            self.file.flush()
        return future

    def _listen(self):
        try:
            while line := self.file.readline():
                header = json.loads(line)
                self._take(header, self.file.read(header["length"]))
        except (OSError, ValueError):
            pass  # it was cut off in the midst of something
        self._end()

    def _take(self, header, data):
        if "boot" in header:
            self._begin(header["boot"])
        elif future := self.open.pop(header["number"], None):
            future.set_result((header["status"], data[:header["out"]], data[header["out"]:]))

    def _begin(self, boot):
        with self.lock:
            lost, self.open = self.open, {}
            if self.boot.done():
                self.boot = concurrent.futures.Future()
        self.boot.set_result(boot)
        self._lose(lost)

    def _end(self):
        with self.lock:
            self.has_ended = True
            lost, self.open = self.open, {}
        if not self.boot.done():
            self.boot.set_exception(ConnectionError("the machine has ended"))
        self._lose(lost)

    @staticmethod
    def _lose(questions):
        for future in questions.values():
            future.set_exception(ConnectionError("the machine has ended, or begun anew"))


class VirtualMachine(Machine):
    def __init__(self, name, folder, parts):
        """parts: the folder of what it starts from (root.py); `folder` is ours."""
        self.name = name
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        self.console = self.folder / "console"
        self.parts = pathlib.Path(parts)
        self.layers = [(self.parts / "disk", "raw")]
        self.qemu = self.channel = None
        self.taps = []  # their names; and our ends of those that are laid
        self.ends = []

    # --- on and off ---

    def _add_layer(self):
        """Of small clusters, so that most of what is written is in new ones, of which nothing is known before a flush."""
        below, kind = self.layers[-1]
        layer = self.folder / f"layer-{len(self.layers)}"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=4096",
                        "-b", below, "-F", kind, layer], check=True)
        self.layers.append((layer, "qcow2"))
        return layer

    def _command(self, channel, taps, parameters):
        parameters = f"root=/dev/vda {'' if 'ro' in parameters else 'rw '}console=ttyS0 quiet net.ifnames=0 " \
                     f"systemd.hostname={self.name} {' '.join(parameters)}"
        yield from (QEMU, "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", str(MEMORY_MIB),
                    "-nodefaults", "-display", "none", "-serial", "stdio",
                    "-kernel", self.parts / "vmlinuz", "-initrd", self.parts / "initrd.img", "-append", parameters,
                    "-drive", f"file={self._add_layer()},format=qcow2,if=virtio,cache=writeback",
                    "-device", "virtio-serial-pci", "-chardev", f"socket,id=command,fd={channel}",
                    "-device", "virtserialport,chardev=command,name=command")
        for i, tap in enumerate(taps):
            yield from ("-netdev", f"tap,id=cable{i},fd={tap}",
                        "-device", f"virtio-net-pci,netdev=cable{i},mac={self._mac(i)}")

    @staticmethod
    def _mac(i):
        return f"52:54:00:00:00:{i + 1:02x}"

    def start(self, *parameters):
        """parameters: more of them for the kernel. Returns when all that starts by itself has started."""
        ours, theirs = socket.socketpair()
        taps, self.taps = zip(*(open_tap() for _ in range(N_CABLES)))
        self.ends = []
        command = list(self._command(theirs.fileno(), taps, parameters))
        with open(self.console, "ab") as console:
            self.qemu = subprocess.Popen(command, pass_fds=[theirs.fileno(), *taps], stdin=subprocess.DEVNULL,
                                         stdout=console, stderr=console, start_new_session=True)
        for fd in taps:
            os.close(fd)
        theirs.close()
        self.channel = Channel(ours)
        self._wait_until_up(self.channel.boot)

    def _wait_until_up(self, boot):
        """First for its boot, then for all that this starts."""
        try:
            boot.result(PATIENCE_S)
            state = self.out("systemctl", "is-system-running", "--wait", check=False)
        except (ConnectionError, TimeoutError) as e:
            raise Failed(f"{self.name} does not start: {e}\n{self.console_tail()}") from None
        if state not in ("running", "degraded"):
            raise Failed(f"{self.name} is {state}\n{self.console_tail()}")

    def _boot_now(self):
        """Its id, or None between two. On its way down guest.py may be started once more, in the same one."""
        try:
            return self.channel.boot.result(timeout=1)
        except TimeoutError:
            return None

    def reboot(self):
        """By its own systemd; the power stays on."""
        before = self.channel.boot.result()
        self.run("systemctl", "--no-block", "reboot")
        wait_for(f"{self.name} begins anew", lambda: self._boot_now() not in (None, before))
        self._wait_until_up(self.channel.boot)
        for i in range(len(self.ends)):
            self._configure_end(i)

    def stop(self):
        if not self.qemu:
            return
        self.run("systemctl", "--no-block", "poweroff", check=False)
        try:
            self.qemu.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} does not end:\n{self.console_tail()}") from None
        finally:
            self.pull_the_plug()

    def pull_the_plug(self):
        self.qemu.kill()
        self.qemu.wait()
        self.qemu = None

    def remove(self):
        if self.qemu:
            self.pull_the_plug()

    def console_tail(self, n_lines=30):
        return "\n".join(self.console.read_text(errors="replace").splitlines()[-n_lines:])

    # --- what happens inside ---

    def attempt(self, words, input, timeout):
        try:
            return self.channel.ask(words, input or b"").result(timeout)
        except concurrent.futures.TimeoutError:
            raise Failed(f"{self.name}: {shlex.join(words)} does not end\n{self.console_tail()}") from None

    def write(self, path, text, mode=0o644):
        script = 'mkdir --parents "$(dirname "$1")" && cat > "$1" && chmod "$2" "$1"'
        self.run("sh", "-c", script, "sh", path, f"{mode:o}", input=text)

    def copy_in(self, folder, target):
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add(folder, arcname=".")
        self.run("mkdir", "--parents", target)
        self.run("tar", "--extract", "--no-same-owner", "--keep-directory-symlink", f"--directory={target}",
                 input=archive.getvalue())

    # --- cables ---

    def lay_cable(self, interface, address, other, other_interface, other_address):
        """To a container that runs; each cable once a start."""
        i = len(self.ends)
        subprocess.run(["ip", "link", "set", self.taps[i], "netns", str(other.init), "name", other_interface], check=True)
        other.configure_cable(other_interface, other_address)
        self.ends.append((interface, address))
        self._configure_end(i)

    def _configure_end(self, i):
        interface, address = self.ends[i]
        wait_for(f"the kernel of {self.name} finds its cable {i}",
                 lambda: self.run("ip", "link", "show", f"eth{i}", check=False).returncode == 0)
        self.run("ip", "link", "set", f"eth{i}", "name", interface)
        self.run("ip", "address", "add", address, "dev", interface)
        self.run("ip", "link", "set", interface, "up")
