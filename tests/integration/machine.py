# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine of a test's own, as far as its users, its bus and polkit see it: gangwayd runs as the user gangway
under the bus policy and with the polkit actions and rules of dbus/, and nothing of it is seen outside.

It needs a mount namespace of its own, which the whole process enters, and so root.
"""
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import dbus

TOP = pathlib.Path(os.environ.get("top_srcdir", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("top_builddir", TOP / "build"))
POLKITD = pathlib.Path("/usr/lib/polkit-1/polkitd")
POLKIT_DTD = pathlib.Path("/usr/share/polkit-1/policyconfig-1.dtd")
POLKIT = "org.freedesktop.PolicyKit1"
ACTIONS = pathlib.Path("/usr/share/polkit-1/actions")
CLONE_NEWNS = 0x20000

# Which implementation of the bus: dbus-broker wants a journal, too.
IS_BROKER = os.environ.get("GANGWAY_TEST_BUS") == "dbus-broker"

sys.path.insert(1, str(TOP / "tests/lab"))
import bus  # noqa: E402

# Numbers that are nobody's on a machine that tests are run on.
GANGWAY, LINK, TECHNICIANS = 63001, 63005, 63006
USERS = {"gangway": (63001, []), "gangway-registrar": (63002, [LINK]), "gangway-ip": (63003, [LINK]),
         "gangway-mqtt": (63004, [LINK]), "gangway-other": (63007, [LINK]), "member": (63010, [GANGWAY]),
         "other-member": (63011, [GANGWAY]), "technician": (63012, [TECHNICIANS]),
         "promoted-plugin": (63003, [LINK, GANGWAY])}
GROUPS = {"gangway": GANGWAY, "gangway-link": LINK, "gangway-technicians": TECHNICIANS}

# What polkit's own policy allows.
MAY_BE_POLKIT = """\
  <policy user="root">
    <allow own="org.freedesktop.PolicyKit1"/>
  </policy>
  <policy user="polkitd">
    <allow own="org.freedesktop.PolicyKit1"/>
    <allow send_interface="org.freedesktop.PolicyKit1.AuthenticationAgent"/>
  </policy>
  <policy context="default">
    <allow send_destination="org.freedesktop.PolicyKit1"/>
  </policy>
"""


def enter():
    """Enters a mount namespace; returns why that is not possible, or nothing."""
    if os.geteuid() != 0:
        return "only root can be other users"
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        return f"no mount namespace here: {os.strerror(ctypes.get_errno())}"
    mounted = subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True, text=True)
    return mounted.stderr.strip() if mounted.returncode else None


def user(name):
    """For dbus.Connection: as this user is when logged in."""
    if name == "root":
        return dbus.ROOT
    if name == "nobody":
        return dbus.User(65534, 65534, [65534])
    uid, groups = USERS[name]
    return dbus.User(uid, uid, [uid, *groups])


def wait_until(what, condition):
    end = time.monotonic() + dbus.NEVER_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never: {what}")
        time.sleep(0.02)


class Machine:
    """Users and folders; `start_bus`, `start_polkit` and `start_agent` as a test needs them."""

    def __init__(self, with_users=True):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gangway-machine-"))
        self.folder.chmod(0o755)
        self.address = f"unix:path={self.folder}/bus"
        self._mounts = []
        self._processes = {}
        for name in ("passwd", "group"):
            self._mount(f"/etc/{name}", pathlib.Path("/etc", name).read_text())
        if with_users:
            self.add_users()
        self.rules = self._mount_folder("/etc/polkit-1/rules.d", "rules")
        self._mount_folder("/usr/share/polkit-1/rules.d", "vendor", TOP / "dbus/zz-gangway.rules")
        self._mount_folder("/usr/share/polkit-1/actions", "actions", TOP / "dbus/org.gangway1.policy",
                           ACTIONS / "org.freedesktop.policykit.policy")
        self._prepare_agent()

    def close(self):
        for name in reversed(list(self._processes)):
            self.stop(name)
        for path in reversed(self._mounts):
            subprocess.run(["umount", path], check=True)
        shutil.rmtree(self.folder)

    # --- files ---

    def _bind(self, what, where):
        subprocess.run(["mount", "--bind", what, where], check=True)
        self._mounts.append(where)

    def _mount(self, path, text):
        copy = self.folder / pathlib.Path(path).name
        copy.write_text(text)
        self._bind(copy, path)

    def _mount_folder(self, path, name, *files):
        folder = self.folder / name
        folder.mkdir(mode=0o755)
        for file in files:
            if file.exists():
                (folder / file.name).write_bytes(file.read_bytes())
        if pathlib.Path(path).is_dir():
            self._bind(folder, path)
        return folder

    def add_users(self):
        with open("/etc/passwd", "a") as file:
            for name, (uid, _) in USERS.items():
                if name != "promoted-plugin":
                    file.write(f"{name}:x:{uid}:{uid}::/nonexistent:/usr/sbin/nologin\n")
        with open("/etc/group", "a") as file:
            for name, gid in GROUPS.items():
                members = ",".join(n for n, (_, groups) in USERS.items() if gid in groups)
                file.write(f"{name}:x:{gid}:{members}\n")

    def _prepare_agent(self):
        (self.folder / "gangway.conf").write_text("[gateway]\nid = gw-1\n[cloud]\nbroker = mqtts://127.0.0.1:1\n")
        shutil.copy(BUILD / "agent/gangwayd", self.folder / "gangwayd")
        (self.folder / "agent").mkdir(mode=0o700)
        os.chown(self.folder / "agent", GANGWAY, GANGWAY)

    def write_rule(self, name, text):
        """An administrator's; polkitd may be running or not."""
        (self.rules / name).write_text(text)

    # --- programs ---

    def _start(self, name, *command, **options):
        log = open(self.folder / f"{name}.log", "ab")
        self._processes[name] = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            env=os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": self.address}, **options)
        log.close()

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def stop(self, name):
        process = self._processes.pop(name, None)
        if process:
            process.terminate()
            process.wait()

    def kill(self, name):
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def pid(self, name):
        return self._processes[name].pid

    def signal(self, name, number):
        self._processes[name].send_signal(number)

    def start_bus(self):
        (self.folder / "bus.conf").write_text(
            bus.config(self.folder / "bus", TOP / "dbus/org.gangway1.conf", MAY_BE_POLKIT))
        if IS_BROKER:
            self._start_broker()
        else:
            self._start("bus", "dbus-daemon", f"--config-file={self.folder}/bus.conf", "--nofork", "--nopidfile")
        wait_until("the bus listens", self._is_bus_up)

    def _start_broker(self):
        """It gets its socket from who starts it, as from systemd."""
        with socket.socket(socket.AF_UNIX) as listening:
            path = self.folder / "bus"
            path.unlink(missing_ok=True)
            listening.bind(str(path))
            path.chmod(0o666)
            listening.listen(128)
            self._start("bus", "sh", "-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec dbus-broker-launch --scope=system "
                        f"--config-file={self.folder}/bus.conf 3<&{listening.fileno()}",
                        pass_fds=[listening.fileno()])

    def _is_bus_up(self):
        try:
            self.connect("root").close()
        except OSError:
            return False
        return True

    def start_polkit(self):
        if not POLKITD.exists():
            raise unittest.SkipTest("there is no polkitd: run scripts/setup")
        self._start("polkitd", POLKITD, "--no-debug")
        self.wait_for_name(POLKIT)

    def start_agent(self, wait=True):
        folder = self.folder / "agent"
        self._start("gangwayd", "setpriv", f"--reuid={GANGWAY}", f"--regid={GANGWAY}", "--clear-groups",
                    self.folder / "gangwayd", "--config", self.folder / "gangway.conf", "--state", folder,
                    "--link", folder / "link")
        if wait:
            self.wait_for_name("org.gangway1")

    # --- the bus ---

    def connect(self, name):
        return dbus.Connection(self.folder / "bus", user(name))

    def wait_for_name(self, name, is_there=True):
        with self.connect("root") as peer:
            wait_until(f"{name} is on the bus: {is_there}",
                       lambda: bool(peer.bus("NameHasOwner", "s", [name]).body[0]) == is_there)
