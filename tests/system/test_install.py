# SPDX-License-Identifier: GPL-2.0-or-later
"""What is installed, before and after somebody has configured it."""
import json
import unittest

from machine import wait_for
from gateway import CREDENTIALS, LINK, PLUGINS, PROGRAMS, UNITS, World, user_of

EXPOSED_MOST = {unit: 15 if unit in PLUGINS else 5 for unit in PROGRAMS}  # tenths


class FirstInstall(unittest.TestCase):
    """On a machine that runs and has never heard of gangway."""

    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(World(installed=False))
        cls.gateway = cls.world.gateway
        cls.gateway.install()

    def status(self):
        return self.gateway.show("gangwayd.service", "StatusText")

    def test_a_setting_a_credential_and_it_serves(self):
        """Each step says what the next one is. The bus may have been slow to learn of us."""
        gateway = self.gateway
        wait_for("gangwayd says what it lacks", lambda: "[gateway] id, [cloud] broker must be set" in self.status())
        self.assertTrue(gateway.is_active("gangwayd.service"))
        wait_for("gangwayctl says it too", lambda: "[gateway] id, [cloud] broker must be set in /etc/gangway/gangway.conf"
                 in gateway.ctl("status", check=False).stderr)
        found = {f["check"]: f for f in json.loads(gateway.ctl("doctor", "--json", check=False).stdout)}
        self.assertEqual((found["agent"]["verdict"], found["unit gangwayd.service"]["verdict"]), ("wrong", "ok"))
        self.assertIn("reload gangwayd", found["agent"]["advice"])
        self.assertIn("[gateway] id, [cloud] broker must be set", found["agent"]["text"])
        self.assertIn("nor a claim by which it gets one", found["credentials"]["text"])
        gateway.run("test", "!", "-e", "/var/lib/gangway/store.key")
        self.plugins_wait()
        pid, socket = gateway.main_pid("gangwayd.service"), gateway.socket()

        gateway.configure()
        gateway.systemctl("reload", "gangwayd.service")
        wait_for("all plugins are taken in", lambda: not gateway.missing())
        self.assertNotIn("is gone", gateway.journal("--identifier=gangwayd"))
        self.assertNotIn("plugin-lost", gateway.audit())
        wait_for("gangwayd says what gangway-mqtt lacks", lambda: any(
            f"{CREDENTIALS}/cloud-ca is missing" in said and "restart gangway-mqtt.service" in said
            for said in gateway.complaints()))

        gateway.configure(self.world.elsewhere.credentials())
        gateway.systemctl("restart", "gangway-mqtt.service")
        gateway.wait_until_well()
        self.world.bring_aboard()
        self.assertEqual((gateway.main_pid("gangwayd.service"), gateway.socket()), (pid, socket))

    def plugins_wait(self):
        """They are told so; and one that is started anew leaves nothing behind that is taken for it later."""
        for unit in PLUGINS:
            self.gateway.systemctl("restart", unit)
            wait_for(f"{unit} waits", lambda u=unit: self.gateway.show(u, "StatusText").startswith("Waiting at /run/gangway/link"))

    def test_it_waits_for_long(self):
        """Watched, and well all the time."""
        self.gateway.write("/etc/gangway/gangway.conf", "")
        self.gateway.override("gangwayd.service", "[Service]\nWatchdogSec=1s\n")
        self.gateway.systemctl("restart", "gangwayd.service")
        for _ in range(6):
            last = self.gateway.show("gangwayd.service", "WatchdogTimestampMonotonic")
            wait_for("it is well, and says so",
                     lambda b=last: self.gateway.show("gangwayd.service", "WatchdogTimestampMonotonic") != b)
        self.assertEqual(self.gateway.show("gangwayd.service", "NRestarts"), "0")
        self.gateway.override("gangwayd.service", None)


class GivesUp(unittest.TestCase):
    """Once and for all, whoever knocks: what is wrong is for a person to mend."""

    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(World())
        cls.gateway = cls.world.gateway

    def gives_up(self, text):
        gateway = self.gateway
        done = gateway.run("systemctl", "restart", "gangwayd.service", check=False)
        self.assertIn("Job for gangwayd.service failed", done.stderr)
        wait_for("gangwayd gives up", lambda: gateway.show("gangwayd.service", "ActiveState") == "failed")
        self.assertEqual(gateway.show("gangwayd.service", "ExecMainStatus"), "78")
        self.assertEqual(gateway.show("gangwayd.service", "NRestarts"), "0")
        wait_for("nobody can knock", lambda: gateway.show("gangwayd.socket", "ActiveState") == "inactive")
        gateway.run("test", "!", "-e", LINK)
        # Whose unit it was nobody can tell the journal any more when it is slow, for the agent has ended.
        self.assertIn(text, gateway.journal("--identifier=gangwayd"))

    def comes_back(self):
        self.gateway.systemctl("start", "gangwayd.service")
        self.gateway.wait_until_well()

    def test_a_fault_in_the_configuration(self):
        drop_in = "/etc/gangway/gangway.conf.d/50-fault.conf"
        self.gateway.write(drop_in, "[limits]\ndevices = many\n")
        self.gives_up(f"{drop_in}:2: [limits] devices must be")
        self.gateway.run("rm", drop_in)
        self.comes_back()

    def test_a_store_that_is_damaged(self):
        gateway = self.gateway
        gateway.systemctl("stop", "gangwayd.service")
        gateway.run("cp", "--archive", "/var/lib/gangway", "/root/kept")
        gateway.run("sh", "-c", "rm -f /var/lib/gangway/gangway.db-*; yes damage | head -c 65536 > /var/lib/gangway/gangway.db")
        self.gives_up("is damaged; restore it from a backup, or move it away")
        gateway.run("sh", "-c", "rm -r /var/lib/gangway/* && cp --archive /root/kept/. /var/lib/gangway")
        self.comes_back()

    def set_version(self, version):
        """Of the store; returns the one that it had."""
        return int(self.gateway.out("python3", "-c", f"""if True:
            import sqlite3
            store = sqlite3.connect("/var/lib/gangway/gangway.db")
            print(*store.execute("PRAGMA user_version").fetchone())
            store.execute("PRAGMA user_version = {version}")"""))

    def sums(self):
        return self.gateway.out("sh", "-c", "cd /var/lib/gangway && sha256sum *")

    def test_a_store_of_a_newer_version(self):
        """As an older package finds it: it is left as it is."""
        name = self.world.bring_aboard()
        self.gateway.systemctl("stop", "gangwayd.service")
        version = self.set_version(1000)
        before = self.sums()
        self.gives_up("The store /var/lib/gangway/gangway.db is of schema version 1000, and gangwayd")
        self.assertIn("install the version that wrote it", self.gateway.journal("--identifier=gangwayd"))
        self.assertEqual(self.sums(), before)
        self.set_version(version)
        self.comes_back()
        self.assertEqual(self.gateway.state(name), "onboarded")


class StoreKey(unittest.TestCase):
    """From the service manager, encrypted to this machine; before anything is sealed under another. Its owner
    asks for it, so none is made in its place."""

    def key(self):
        return next(f["text"] for f in json.loads(self.world.gateway.ctl("doctor", "--json", check=False).stdout)
                    if f["check"] == "store key")

    def test_an_encrypted_credential(self):
        world = self.world = self.enterClassContext(World(installed=False))
        gateway, sealed = world.gateway, f"{CREDENTIALS}/store-key.cred"
        gateway.override("gangwayd.service", f"[Service]\nLoadCredentialEncrypted=store-key:{sealed}\n")
        gateway.run("mkdir", "--parents", "--mode=700", CREDENTIALS)
        gateway.write("/etc/gangway/gangway.conf.d/store.conf", "[store]\nkey = credential\n")
        gateway.install()
        gateway.configure(world.elsewhere.credentials())
        gateway.systemctl("reload", "gangwayd.service", check=False)
        wait_for("gangwayd gives up", lambda: gateway.show("gangwayd.service", "ExecMainStatus") == "78")
        self.assertIn("asks for the credential store-key", gateway.journal("--identifier=gangwayd"))

        gateway.run("systemd-creds", "--with-key=host", "--name=store-key", "encrypt", "-", sealed,
                    input="0123456789abcdef" * 2)
        gateway.systemctl("restart", *PROGRAMS)
        gateway.wait_until_well()
        world.bring_aboard()
        self.assertIn("the credential store-key", self.key())
        self.assertIn("the credential store-key", gateway.journal("--identifier=gangwayd"))
        self.assertEqual(gateway.run("test", "-e", "/var/lib/gangway/store.key", check=False).returncode, 1)


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(World())
        cls.gateway = cls.world.gateway

    def test_units_are_sound(self):
        said = self.gateway.run("systemd-analyze", "verify", "--man=no", *UNITS)
        self.assertEqual(said.stdout + said.stderr, "")

    def test_they_are_boxed_in_and_work(self):
        """Of the very units that a device then comes aboard with."""
        for unit, limit in EXPOSED_MOST.items():
            with self.subTest(unit):
                done = self.gateway.run("systemd-analyze", "security", "--no-pager",
                                        f"--threshold={limit}", unit, check=False)
                self.assertEqual(done.returncode, 0, done.stdout)
        self.world.bring_aboard()

    def test_each_has_a_user_of_its_own(self):
        users = {}
        for unit in PROGRAMS:
            pid = self.gateway.main_pid(unit)
            status = self.gateway.out("cat", f"/proc/{pid}/status")
            fields = dict(line.split(":", 1) for line in status.splitlines())
            users[unit] = fields["Uid"].split()[0]
            for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                self.assertEqual(int(fields[kind], 16), 0, f"{unit} {kind}")
            self.assertEqual(fields["NoNewPrivs"].strip(), "1", unit)
            self.assertEqual(fields["Seccomp"].strip(), "2", unit)
            self.assertEqual(self.gateway.out("id", "--user", user_of(unit)), users[unit])
        self.assertEqual(len(set(users.values())), len(PROGRAMS))

    def test_groups(self):
        """Plugins are in the link's group, people in the other, and nobody in both."""
        self.assertEqual(self.gateway.out("getent", "group", "gangway").split(":")[3], "")
        link = self.gateway.out("getent", "group", "gangway-link").split(":")[3]
        self.assertEqual(sorted(link.split(",")), sorted(user_of(unit) for unit in PLUGINS))

    def test_folders(self):
        for path, expected in (("/var/lib/gangway", "700 gangway gangway"),
                               ("/var/lib/gangway-mqtt", "750 root gangway-mqtt"),
                               ("/var/lib/gangway-mqtt/a.0", "600 gangway-mqtt gangway-mqtt"),
                               ("/run/gangway", "755 root root"),
                               ("/run/gangway/link", "660 gangway gangway-link"),
                               (CREDENTIALS, "700 root root")):
            self.assertEqual(self.gateway.out("stat", "--format=%a %U %G", path), expected, path)

    def test_only_state_is_written(self):
        """All that differs from what was there before is the state, and what journal and systemd keep."""
        self.gateway.run("touch", "/root/since")
        self.world.bring_aboard()
        found = self.gateway.out("find", "/", "-xdev", "-newer", "/root/since", "-type", "f",
                                 "-not", "-path", "/proc/*", "-not", "-path", "/sys/*",
                                 "-not", "-path", "/var/log/journal/*")
        self.assertTrue(found)
        for path in found.splitlines():
            self.assertRegex(path, r"^/(var/lib/gangway|root/since)")

    def test_what_systemctl_shows(self):
        for unit in PROGRAMS:
            self.assertIn("gw1" if unit == "gangwayd.service" else "all is well",
                          self.gateway.show(unit, "StatusText"), unit)

    def test_no_core_files_and_limits(self):
        """They are lowered only: nobody may raise one here, the first process neither."""
        first = self.gateway.out("sed", "-n", "s/^CapBnd:\\s*//p", "/proc/1/status")
        self.assertEqual(int(first, 16) >> 24 & 1, 0, "CAP_SYS_RESOURCE")
        for unit in PROGRAMS:
            pid = self.gateway.main_pid(unit)
            limits = self.gateway.out("cat", f"/proc/{pid}/limits")
            self.assertRegex(limits, r"Max core file size +0 +0 ", unit)
            for limit in ("file size", "processes", "open files", "address space"):
                self.assertNotRegex(limits, rf"Max {limit} .*unlimited", unit)
            self.assertRegex(limits, r"Max locked memory +0 +0 ", unit)
