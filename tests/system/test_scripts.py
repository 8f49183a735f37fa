# SPDX-License-Identifier: GPL-2.0-or-later
"""The package's maintainer scripts: what an administrator has done stays done, whatever becomes of the package;
what fails half-way is whole again; and where no systemd runs, or the root is another, nothing here is touched."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import root
from machine import wait_for
from gateway import PROGRAMS, Gateway
from test_packages import CALLER, USERS

AGENT = "gangwayd.service"
MASKS = {"masked": ("/etc/systemd/system", []), "masked-runtime": ("/run/systemd/system", ["--runtime"])}
UNITS_ENABLED = ["gangway.target", "gangwayd.socket", *PROGRAMS]
INFO = "/var/lib/dpkg/info/gangway"
REFUSES = "/usr/sbin/policy-rc.d"
FOE = "Package: foe\nVersion: 1\nArchitecture: all\nMaintainer: a b <a@b.example>\nDescription: of gangway's\n"


def folder():
    return pathlib.Path(tempfile.mkdtemp(dir=os.environ["GANGWAY_SYSTEM_FOLDER"]))


@unittest.skipUnless("GANGWAY_SYSTEM_PACKAGES" in os.environ, "no packages: see --packages")
class Scripts(unittest.TestCase):
    """On a machine that runs."""

    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway("gateway", folder(), os.environ["GANGWAY_SYSTEM_ROOT"])
        cls.addClassCleanup(cls.gateway.remove)
        cls.gateway.start()

    def setUp(self):
        """Whatever the last one has left."""
        self.gateway.run("rm", "--force", REFUSES, "--recursive", "/root/made", "/root/upgrade")
        self.gateway.install()
        self.wait_for_agent()

    def wait_for_agent(self):
        wait_for("the agent answers", lambda: self.gateway.run(
            "busctl", "call", "org.gangway1", "/org/gangway1", "org.freedesktop.DBus.Peer", "Ping",
            check=False).returncode == 0)

    def dpkg(self, *words, check=True):
        done = self.gateway.run("env", "DEBIAN_FRONTEND=noninteractive", "dpkg", *words, check=False)
        self.assertEqual(done.returncode == 0, check, done.stdout + done.stderr)

    def remove(self):
        self.dpkg("--remove", "gangway")

    def purge(self):
        self.dpkg("--purge", "gangway")

    def status(self):
        return self.gateway.out("dpkg-query", "--show", "--showformat=${db:Status-Status}", "gangway")

    def make_package(self, control, **scripts):
        """Of these scripts and nothing else; where it lies on the machine."""
        self.gateway.write("/root/made/DEBIAN/control", control)
        for name, text in scripts.items():
            self.gateway.write(f"/root/made/DEBIAN/{name}", f"#!/bin/sh\n{text}\n", 0o755)
        self.gateway.run("dpkg-deb", "--build", "--root-owner-group", "/root/made", "/root/made.deb")
        return "/root/made.deb"

    def make_upgrade(self, name, text):
        """The package once more, with that script of it another."""
        self.gateway.run("sh", "-c", "dpkg-deb --raw-extract /root/packages/gangway_*.deb /root/upgrade")
        self.gateway.write(f"/root/upgrade/DEBIAN/{name}", f"#!/bin/sh\n{text}\n", 0o755)
        self.gateway.run("dpkg-deb", "-Znone", "--build", "/root/upgrade", "/root/upgrade.deb")
        return "/root/upgrade.deb"

    def expect_whole(self):
        """As if nothing had been tried: nothing of what scripts put there for a while is left."""
        self.assertEqual(self.status(), "installed")
        wait_for("the agent is there", lambda: self.gateway.is_active(AGENT))
        self.wait_for_agent()
        self.gateway.run("test", "!", "-e", f"/run/systemd/system/{AGENT}.d")

    def test_a_mask_is_the_administrators(self):
        """Through whatever becomes of the package; and nobody is started."""
        for state, (place, options) in MASKS.items():
            with self.subTest(state):
                self.gateway.systemctl("stop", "gangway.target", *PROGRAMS)
                self.gateway.systemctl("mask", *options, AGENT)
                for act in (self.gateway.install, self.remove, self.gateway.install, self.purge, self.gateway.install):
                    act()
                    self.assertEqual(self.gateway.out("readlink", f"{place}/{AGENT}", check=False), "/dev/null", act)
                    self.assertEqual(self.gateway.run("pgrep", "gangwayd", check=False).stdout, "", act)
                self.assertEqual(self.gateway.out("systemctl", "is-enabled", AGENT, check=False), state)
                self.gateway.systemctl("unmask", *options, AGENT)
                self.gateway.systemctl("start", "gangway.target")
                self.wait_for_agent()

    def test_an_administrators_unit(self):
        """In the place of ours, where it shadows it: nobody starts it meanwhile, and it stays as it is."""
        for place in ("/etc/systemd/system", "/run/systemd/system"):
            with self.subTest(place):
                self.gateway.run("sh", "-c", f"(cat /lib/systemd/system/{AGENT}; echo '# Mine.') > {place}/{AGENT}")
                self.gateway.systemctl("daemon-reload")
                before = self.gateway.out("cat", f"{place}/{AGENT}")
                self.gateway.run("systemd-run", "--quiet", "--unit=caller", "sh", "-c", CALLER)
                self.remove()
                self.gateway.systemctl("stop", "caller.service")
                self.assertEqual(self.gateway.run("pgrep", "gangway", check=False).stdout, "")
                self.assertEqual(self.gateway.out("cat", f"{place}/{AGENT}"), before)
                self.gateway.run("rm", f"{place}/{AGENT}")
                self.gateway.systemctl("daemon-reload")
                self.gateway.install()
                self.wait_for_agent()

    def test_a_policy_that_refuses(self):
        """Everything is installed and removed, and nothing is started."""
        self.purge()
        self.gateway.write(REFUSES, "#!/bin/sh\nexit 101\n", 0o755)
        self.gateway.install()
        self.assertEqual(self.gateway.run("pgrep", "gangway", check=False).stdout, "")
        self.purge()

    def test_an_upgrade_that_fails(self):
        before = self.gateway.main_pid(AGENT)
        self.dpkg("--install", self.make_upgrade("preinst", "exit 1"), check=False)
        wait_for("the agent is another", lambda: self.gateway.main_pid(AGENT) not in (0, before))
        self.expect_whole()

    def test_an_old_prerm_that_fails(self):
        """The new one stands in for it."""
        self.gateway.write(f"{INFO}.prerm", "#!/bin/sh\nexit 1\n", 0o755)
        self.gateway.install()
        self.expect_whole()

    def test_a_removal_that_fails(self):
        """After all that prerm does."""
        self.gateway.run("sh", "-c", f"echo exit 1 >> {INFO}.prerm")
        self.dpkg("--remove", "gangway", check=False)
        self.expect_whole()

    def test_a_package_that_breaks_ours(self):
        self.addCleanup(self.gateway.run, "dpkg", "--purge", "foe", check=False)
        foe = self.make_package(f"{FOE}Breaks: gangway\n", preinst="exit 1")
        self.dpkg("--auto-deconfigure", "--install", foe, check=False)
        self.expect_whole()
        before = self.gateway.main_pid(AGENT)

        foe = self.make_package(f"{FOE}Breaks: gangway\n", preinst="exit 0")
        self.dpkg("--auto-deconfigure", "--install", foe, check=False)  # for it leaves ours as it is now
        self.assertEqual(self.status(), "half-configured")
        self.assertEqual(self.gateway.main_pid(AGENT), before, "it serves meanwhile")
        self.dpkg("--remove", "foe")
        self.dpkg("--configure", "gangway")
        self.expect_whole()


@unittest.skipUnless("GANGWAY_SYSTEM_PACKAGES" in os.environ, "no packages: see --packages")
class Images(unittest.TestCase):
    """As those are made from which machines start later."""

    def setUp(self):
        self.image = Gateway("image", folder(), os.environ["GANGWAY_SYSTEM_ROOT"])
        self.addCleanup(self.image.remove)
        shutil.copytree(os.environ["GANGWAY_SYSTEM_PACKAGES"], self.image.path("/root/packages"))

    def in_chroot(self, *words):
        return subprocess.run(root.enter(self.image.root, *words), check=True, capture_output=True, text=True).stdout

    def files(self):
        return set(self.in_chroot("find", "/", "-xdev", "-not", "-path", "/proc/*", "-not", "-path", "/root/*",
                                  "-not", "-path", "/var/lib/systemd/*").splitlines())

    def enabled(self):
        done = subprocess.run(["systemctl", f"--root={self.image.root}", "is-enabled", *UNITS_ENABLED],
                              capture_output=True, text=True)
        return done.stdout.split()

    def test_in_a_chroot(self):
        """Where no systemd runs, and whoever asks may start nothing; then it boots."""
        self.image.write(REFUSES, "#!/bin/sh\nexit 101\n", 0o755)
        before = self.files()
        self.in_chroot("sh", "-c", "dpkg --install /root/packages/gangway_*.deb")
        self.assertEqual(set(self.enabled()), {"enabled"})
        self.in_chroot("dpkg", "--remove", "gangway")
        self.in_chroot("sh", "-c", "dpkg --install /root/packages/gangway_*.deb")
        self.in_chroot("dpkg", "--purge", "gangway")
        self.assertEqual(self.files() - before - USERS, set())

        self.in_chroot("sh", "-c", "dpkg --install /root/packages/gangway_*.deb")
        self.image.start()
        for unit in UNITS_ENABLED:
            self.assertTrue(self.image.is_active(unit), unit)

    def test_from_elsewhere(self):
        """By a dpkg whose own root is another, and has gangway too: that one takes no notice. Not even where a link
        in the image has the name of what is there."""
        machine = Gateway("gateway", folder(), os.environ["GANGWAY_SYSTEM_ROOT"])
        self.addCleanup(machine.remove)
        machine.start(f"--bind={self.image.root}:/srv/image")
        machine.install()
        wait_for("the agent is there", lambda: machine.is_active(AGENT))
        here = ("sh", "-c", "find /etc/gangway /etc/systemd /run/gangway /run/systemd/system /var/lib/gangway* "
                            "-exec stat --format='%n %i %a %U %Z' {} +")
        known, pid, users = machine.out(*here), machine.main_pid(AGENT), machine.out("getent", "passwd")
        before = self.files()
        dpkg = "dpkg --root=/srv/image --force-script-chrootless"

        machine.run("sh", "-c", f"{dpkg} --install /root/packages/gangway_*.deb")
        self.assertEqual(set(self.enabled()), {"enabled"})
        self.assertIn("gangway-registrar", self.in_chroot("getent", "passwd"))
        self.assertIn("credentials", self.in_chroot("ls", "/etc/gangway"))
        self.in_chroot("ln", "--symbolic", "/var/lib/gangway", "/var/lib/gangway-mqtt")
        machine.run("sh", "-c", f"{dpkg} --remove gangway")
        machine.run("sh", "-c", f"{dpkg} --purge gangway")

        self.assertEqual(self.files() - before - USERS, set())
        self.assertEqual(machine.out(*here), known)
        self.assertEqual((machine.main_pid(AGENT), machine.out("getent", "passwd")), (pid, users))
