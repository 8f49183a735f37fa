# SPDX-License-Identifier: GPL-2.0-or-later
"""A package comes, comes again, goes, comes back, and is purged."""
import json
import os
import unittest

from machine import wait_for
from gateway import PROGRAMS, World

# Not the package's: what the machine itself writes.
ELSEWHERE = ("/proc", "/sys", "/root", "/tmp", "/var/tmp", "/var/log/journal", "/var/lib/systemd")
CALLER = "while :; do busctl --timeout=1 call org.gangway1 /org/gangway1 org.freedesktop.DBus.Peer Ping; done"
USERS = {f"/etc/{name}-" for name in ("passwd", "group", "shadow", "gshadow")} | {"/etc/.pwd.lock"}  # they stay
STATE = "/var/lib/gangway"


def files(machine):
    """All that is on its disk."""
    prune = " -o ".join(f"-path {path}" for path in ELSEWHERE)
    return set(machine.out("sh", "-c", f"find / -xdev \\( {prune} \\) -prune -o -print").splitlines())


def things(machine, verb):
    """What gangwayctl lists: devices, and jobs of devices, for each start has some of its own."""
    listed = json.loads(machine.ctl(verb, "--json").stdout)
    return sorted((one["id"], one["state"]) for one in listed if one.get("device", "any"))


@unittest.skipUnless("GANGWAY_SYSTEM_PACKAGES" in os.environ, "no packages: see --packages")
class Packages(unittest.TestCase):
    def setUp(self):
        self.world = self.enterContext(World(installed=False))
        self.gateway = self.world.gateway

    def install(self):
        self.gateway.install()
        self.gateway.configure(self.world.elsewhere.credentials())
        self.gateway.systemctl("restart", *PROGRAMS)
        self.gateway.wait_until_well()

    def leave_one_on_its_way(self):
        """A device whose request waits in the queue, for the cloud is silent; and its label."""
        self.world.elsewhere.systemctl("kill", "--kill-who=main", "--signal=STOP", "cloud.service")
        name, label = self.world.new_label()
        self.world.elsewhere.come_aboard(label, f"/root/{name}", timeout=5)
        self.assertEqual(self.gateway.state(name), "enrolling")
        return name, label

    def test_what_is_known_outlives_packages(self):
        self.install()
        self.world.bring_aboard()
        self.world.new_label()
        name, label = self.leave_one_on_its_way()
        devices, jobs = things(self.gateway, "devices"), things(self.gateway, "jobs")
        self.assertEqual(len(devices), 3)
        self.assertEqual(len(jobs), 1)
        before, socket = self.gateway.main_pid("gangwayd.service"), self.gateway.socket()

        with self.subTest("upgrade"):
            self.gateway.install()
            wait_for("gangwayd is another", lambda: self.gateway.main_pid("gangwayd.service") not in (0, before))
            wait_for("gangwayd answers", self.gateway.status)
            self.assertEqual(things(self.gateway, "devices"), devices)
            self.assertEqual(things(self.gateway, "jobs"), jobs)
            self.assertEqual(socket, self.gateway.socket(), "it stays while the agent starts anew")
            wait_for("all plugins are back", lambda: not self.gateway.missing())

        with self.subTest("remove"):
            for number in range(2):
                self.gateway.run("systemd-run", "--quiet", f"--unit=caller-{number}", "sh", "-c", CALLER)
            self.gateway.run("dpkg", "--remove", "gangway")
            self.assertEqual(self.gateway.run("pgrep", "gangway", check=False).stdout, "")
            self.assertIn("gangway.db", self.gateway.out("ls", STATE))
            self.gateway.run("test", "!", "-e", "/run/gangway")
            self.gateway.systemctl("stop", "caller-0.service", "caller-1.service")

        with self.subTest("install again"):
            self.gateway.install()
            wait_for("gangwayd answers", self.gateway.status)
            self.assertEqual(things(self.gateway, "devices"), devices)
            self.assertEqual(things(self.gateway, "jobs"), jobs)

        with self.subTest("it goes on where it was"):
            self.world.elsewhere.systemctl("kill", "--kill-who=main", "--signal=CONT", "cloud.service")
            self.gateway.wait_until_well()
            done = self.world.elsewhere.come_aboard(label, f"/root/{name}")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.gateway.state(name), "onboarded")

    def test_purge_leaves_nothing(self):
        before = files(self.gateway)
        self.install()
        self.gateway.write("/etc/gangway/gangway.conf.d/more.conf", "[gateway]\nid = gw1\n")
        self.world.bring_aboard()
        self.gateway.run("dpkg", "--purge", "gangway")

        self.assertEqual(files(self.gateway) - before - USERS - {"/etc/resolv.conf"}, set())
        self.gateway.run("test", "!", "-e", "/run/gangway")
        self.assertEqual(self.gateway.run("pgrep", "gangway", check=False).stdout, "")
        known = self.gateway.out("systemctl", "list-units", "--all", "--plain", "--no-legend", "gangway*")
        self.assertEqual(known, "")

    def test_purge_where_folders_are_elsewhere(self):
        """The state on a disk of its own, the configuration behind a symbolic link."""
        self.gateway.run("mkdir", "--parents", STATE, "/srv/gangway")
        self.gateway.run("mount", "-t", "tmpfs", "state", STATE)
        self.gateway.run("ln", "--symbolic", "/srv/gangway", "/etc/gangway")
        self.gateway.install()
        self.gateway.run("mkdir", "--parents", f"{STATE}/folder")
        self.gateway.run("touch", f"{STATE}/folder/.hidden", "/etc/gangway/gangway.conf.d/more.conf")
        self.gateway.run("dpkg", "--purge", "gangway")

        self.assertEqual(self.gateway.out("ls", "-A", STATE, "/srv/gangway"), f"/srv/gangway:\n\n{STATE}:")
        self.gateway.run("test", "!", "-L", "/etc/gangway")
        self.assertEqual(self.gateway.run("dpkg-query", "--show", "gangway", check=False).returncode, 1)
