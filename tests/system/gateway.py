# SPDX-License-Identifier: GPL-2.0-or-later
"""A gateway that gangway is installed on, and all that is elsewhere: devices on one cable, broker, cloud and
name server on another."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from container import Container
from machine import Failed, wait_for
from vm import VirtualMachine

HERE = pathlib.Path(__file__).resolve().parent
ID = "gw1"
DEVICES = ("lan0", "198.18.1.1", "198.18.1.2")  # the gateway's interface, its address, the devices'
UPLINK = ("wan0", "198.18.2.1", "198.18.2.2")
BROKER = "broker.example"
CLOUD = "/var/lib/cloud"
CREDENTIALS = "/etc/gangway/credentials"
LINK = "/run/gangway/link"

PROGRAMS = {"gangwayd.service": "/usr/sbin/gangwayd"} | {
    f"gangway-{role}.service": f"/usr/libexec/gangway/gangway-{role}" for role in ("registrar", "ip", "mqtt")}
PLUGINS = [unit for unit in PROGRAMS if unit != "gangwayd.service"]
UNITS = [*PROGRAMS, "gangwayd.socket", "gangwayd-up.service", "gangway.target"]

CONFIG = f"""\
[gateway]
id = {ID}
[cloud]
broker = mqtts://{BROKER}:8883
retry_first = 1
retry_max = 2
reconnect_spread = 1
[ip]
interfaces = {DEVICES[0]}
"""

SLOW = """\
[Service]
TimeoutStartSec=15min
TimeoutStopSec=15min
WatchdogSec=15min
"""


def user_of(unit):
    return "gangway" if unit == "gangwayd.service" else unit.removesuffix(".service")


class Installed:
    """A machine, of whatever kind, that is a gateway."""

    # --- as an administrator does it ---

    def install(self):
        """The packages where there are some, else what `make install` makes of the build."""
        packages = os.environ.get("GANGWAY_SYSTEM_PACKAGES")
        if packages:
            self.install_packages(pathlib.Path(packages))
            return
        self.copy_in(os.environ["GANGWAY_SYSTEM_TREE"], "/")
        self.run("systemd-sysusers")
        self.run("systemd-tmpfiles", "--create", "gangway.conf")
        self.systemctl("daemon-reload")
        self.systemctl("reload", "dbus.service")
        self.systemctl("enable", "gangway.target")
        self.systemctl("start", "gangway.target")

    def install_packages(self, folder):
        self.copy_in(folder, "/root/packages")
        self.run("sh", "-c", "DEBIAN_FRONTEND=noninteractive dpkg --install /root/packages/gangway_*.deb")

    def configure(self, credentials=None, config=CONFIG):
        """credentials: the folder with the gateway's own."""
        self.write("/etc/gangway/gangway.conf", config)
        self.write("/etc/resolv.conf", f"nameserver {UPLINK[2]}\noptions timeout:1\n")
        for file in credentials.iterdir() if credentials else ():
            self.write(f"{CREDENTIALS}/{file.name}", file.read_text(), 0o600)

    def override(self, unit, text):
        """A drop-in of this boot only; None takes it back."""
        folder = f"/run/systemd/system/{unit}.d"
        if text is None:
            self.run("rm", "--recursive", "--force", folder)
        else:
            self.run("mkdir", "--parents", folder)
            self.run("sh", "-c", f"cat > {folder}/test.conf", input=text)
        self.systemctl("daemon-reload")

    def socket(self):
        """Which one it is that plugins find, and since when it is open."""
        return (self.out("stat", "--format=%F %i", LINK),
                self.show("gangwayd.socket", "ActiveEnterTimestampMonotonic"))

    # --- as an operator does it ---

    def ctl(self, *words, **options):
        return self.run("gangwayctl", *words, **options)

    def status(self):
        """None while nobody answers."""
        answer = self.ctl("status", "--json", check=False)
        return json.loads(answer.stdout) if answer.returncode == 0 else None

    def missing(self, now=None):
        """Plugins that are not with the agent."""
        there = {plugin["name"] for plugin in (now or self.status())["plugins"]}
        return [name for name in ("registrar", "ip", "mqtt") if name not in there]

    def complaints(self):
        """What keeps devices from coming aboard."""
        now = self.status()
        if not now:
            return ["gangwayd does not answer"]
        said = [f"{name} is not there" for name in self.missing(now)]
        said += [f"{p['name']}: {p['text']}" for p in now["plugins"] if not p["healthy"]]
        if now["cloud_state"] != "online":
            said.append(f"the cloud is {now['cloud_state']}: {now['cloud_text']}")
        return said

    def wait_until_well(self):
        try:
            wait_for("the gateway is well", lambda: not self.complaints())
        except Failed as e:
            journal = self.journal("--lines=60", "--output=short-monotonic")
            raise Failed(f"{e}: {self.complaints()}\n{journal}") from None

    def state(self, device):
        answer = self.ctl("show", "--json", device, check=False)
        return json.loads(answer.stdout)["state"] if answer.returncode == 0 else None

    def audit(self):
        return self.ctl("audit").stdout


class Gateway(Installed, Container):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        if os.environ["GANGWAY_SYSTEM_BUS"] == "dbus-broker":
            self.path("/etc/systemd/system/dbus.service").symlink_to("/lib/systemd/system/dbus-broker.service")


class VirtualGateway(Installed, VirtualMachine):
    def install(self):
        """What has to be done within seconds takes minutes here."""
        for unit in PROGRAMS:
            self.write(f"/etc/systemd/system/{unit}.d/slow.conf", SLOW)
        super().install()


class Elsewhere(Container):
    """Devices, broker, cloud and name server."""

    def serve(self):
        self.run("gangway-cloud", "init", CLOUD, "--gateway", ID, "--broker", f"{BROKER}:8883")
        self.write("/etc/hosts", f"127.0.0.1 localhost {BROKER}\n")
        self.write("/etc/mosquitto/test.conf", f"include_dir {CLOUD}/broker\nuser root\nlog_dest stderr\n")
        shutil.copyfile(HERE / "names.py", self.path("/usr/local/bin/names"))
        for name, *command in (("names", "python3", "/usr/local/bin/names", BROKER, UPLINK[2]),
                               ("broker", "mosquitto", "-c", "/etc/mosquitto/test.conf"),
                               ("cloud", "gangway-cloud", "serve", CLOUD)):
            self.run("systemd-run", "--quiet", f"--unit={name}", "--property=Restart=always", *command)

    def credentials(self):
        return self.path(f"{CLOUD}/gateways/{ID}")

    def certificates(self):
        return json.loads(self.out("gangway-cloud", "list", "--json", CLOUD))

    def come_aboard(self, label, state, timeout=60):
        """Returns the finished process."""
        return self.run("gangway-device", "--label", "-", "--connect", f"coaps://{DEVICES[1]}",
                        "--state", state, "--timeout", timeout, input=label, check=False,
                        timeout=timeout + 60)

    def begin_aboard(self, label, state, timeout=120):
        self.write(f"{state}.label", label)
        return self.begin("gangway-device", "--label", f"{state}.label", "--connect",
                          f"coaps://{DEVICES[1]}", "--state", state, "--timeout", timeout,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class World:
    """Gateway and elsewhere, joined by two cables. A context manager."""

    def __init__(self, installed=True, options=(), is_virtual=False):
        """options: of the gateway's machine, for nspawn or its kernel. is_virtual: it is no container."""
        self.stack = contextlib.ExitStack()
        self.n_devices = 0
        self.installed = installed
        self.options = options
        self.is_virtual = is_virtual

    def _make_gateway(self, folder, root):
        if self.is_virtual:
            return VirtualGateway("gateway", folder, os.environ["GANGWAY_SYSTEM_VIRTUAL"])
        return Gateway("gateway", folder, root)

    def __enter__(self):
        with self.stack:
            folder = pathlib.Path(tempfile.mkdtemp(dir=os.environ["GANGWAY_SYSTEM_FOLDER"]))
            root, tree = os.environ["GANGWAY_SYSTEM_ROOT"], os.environ["GANGWAY_SYSTEM_TREE"]
            self.gateway = self._machine(self._make_gateway(folder, root))
            self.elsewhere = self._machine(Elsewhere("elsewhere", folder, tree, root))
            self.gateway.start(*self.options)
            self.elsewhere.start()
            self.lay_cables()
            self.elsewhere.serve()
            if self.installed:
                self.gateway.install()
                self.gateway.configure(self.elsewhere.credentials())
                self.gateway.systemctl("restart", *PROGRAMS)
                self.gateway.wait_until_well()
            self.stack = self.stack.pop_all()
        return self

    def _machine(self, machine):
        self.stack.callback(machine.remove)
        return machine

    def __exit__(self, *error):
        self.stack.close()

    def lay_cables(self):
        for interface, near, far in (DEVICES, UPLINK):
            self.gateway.lay_cable(interface, f"{near}/24", self.elsewhere, interface, f"{far}/24")

    def make_label(self, name):
        made = self.elsewhere.out("gangwayctl", "qr", "make", "--id", name, "--new-secret", "--json")
        return json.loads(made)["payload"]

    def new_label(self):
        """Of a device that is claimed; and its name."""
        self.n_devices += 1
        name = f"ACME-{self.n_devices:04}"
        label = self.make_label(name)
        self.gateway.ctl("claim", "-", input=label)
        return name, label

    def bring_aboard(self):
        """A new device, claimed and aboard by its label; it must work."""
        name, label = self.new_label()
        done = self.elsewhere.come_aboard(label, f"/root/{name}")
        if done.returncode != 0 or self.gateway.state(name) != "onboarded":
            raise Failed(f"{name} ended with {done.returncode}, {self.gateway.state(name)}: {done.stderr}\n"
                         f"{self.gateway.complaints()}\n"
                         f"{self.gateway.journal('--lines=80', '--output=short-monotonic')}")
        return name
