# SPDX-License-Identifier: GPL-2.0-or-later
"""The record: it gets to the cloud whole and in order whatever is away meanwhile, whoever edits the store is found
out, an old copy of the store is noticed, and nobody waits while it is checked."""
import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import unittest

import lab
import label

sys.path.insert(1, str(lab.TOP / "tests/integration"))
import dbus  # noqa: E402

MANAGER = ("org.gangway1", "/org/gangway1", "org.gangway1.Manager")


class Base(unittest.TestCase):
    options = ()

    def setUp(self):
        self.lab = self.enterContext(lab.Lab("--set", "cloud.retry_first=1", "--set", "cloud.retry_max=2", *self.options))
        self.store = f"{self.lab.variables['GANGWAY_STATE']}/gangway.db"

    def events(self):
        return json.loads(self.lab.run("gangway-cloud", "events", "--json", "--gateway", "lab").stdout)

    def wait_for_export(self):
        """Until the cloud has the last record."""
        self.lab.wait_for("the cloud has all records", lambda: (status := self.lab.status()) and
                          status["audit_acknowledged"] == status["audit_head"])

    def verify(self):
        return json.loads(self.lab.ctl("--json", "audit", "verify", check=False).stdout)

    def finding(self):
        result = self.lab.ctl("--json", "doctor", check=False).stdout
        return next(f for f in json.loads(result) if f["check"] == "record")

    def assert_told(self):
        """The cloud holds what is here, once."""
        self.wait_for_export()
        here = {r["n"]: r for r in self.lab.audit()}
        there = {e["n"]: e for e in self.events() if e["branch"] == 1}
        self.assertEqual(sorted(there), list(range(1, max(there) + 1)))
        self.assertEqual(len(there), len(self.events()))
        for n, record in here.items():
            self.assertEqual({k: there[n][k] for k in record}, record)
        return here

    @contextlib.contextmanager
    def stopped(self):
        self.lab.stop("gangwayd")
        yield
        self.lab.start("gangwayd")

    @contextlib.contextmanager
    def stopped_after(self):
        try:
            yield
        finally:
            self.lab.stop("gangwayd")

    def edit(self, *statements):
        with contextlib.closing(sqlite3.connect(self.store)) as db:
            for statement in statements:
                self.assertGreater(db.execute(statement).rowcount, 0, statement)
            db.commit()

    def copy_store(self, to):
        for end in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(to + end)
            if os.path.exists(self.store + end) and to != self.store:
                shutil.copy(self.store + end, to + end)

    def put_back(self, kept):
        for end in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.store + end)
            if os.path.exists(kept + end):
                shutil.copy(kept + end, self.store + end)


class Export(Base):
    def test_all_of_it_in_order(self):
        device = self.lab.new_device("RECORD-1")
        self.lab.claim(device)
        device.come_aboard()
        self.assert_told()
        self.assertEqual([e["event"] for e in self.events() if e["device"] == device.id],
                         ["claim", "csr", "issued", "proved", "device-reports-success"])
        self.assertIn("proved", self.lab.run("gangway-cloud", "events").stdout)
        self.assertEqual(self.finding()["verdict"], "ok")

    def test_whatever_is_away(self):
        """Cloud, broker, cloud link and agent go and come while there is always more to tell."""
        number = iter(range(100))

        def decide(n):
            for _ in range(n):
                self.lab.claim(self.lab.new_device(f"AWAY-{next(number)}"))

        self.lab.stop("gangway-cloud")
        decide(5)
        self.lab.kill("gangwayd")
        self.lab.start("gangwayd")
        decide(5)
        self.lab.start("gangway-cloud")
        self.assert_told()
        self.lab.stop("mosquitto")
        decide(5)
        self.lab.kill("gangway-mqtt")
        self.lab.start("gangway-mqtt", "--no-wait")
        self.lab.start("mosquitto")
        self.lab.wait_for_cloud("online")
        decide(5)
        self.lab.kill("gangway-cloud")
        self.lab.start("gangway-cloud")
        here = self.assert_told()
        self.assertEqual(sum(r["event"] == "claim" for r in here.values()), 20)
        self.assertEqual(self.verify(), {"ok": True, "first_bad": 0, "reason": ""})

    def test_a_cloud_that_was_set_back(self):
        """From a backup of its registry: it gets again what it lacks."""
        registry = self.lab.variables["GANGWAY_CLOUD_DIR"] + "/registry.db"
        self.wait_for_export()
        self.lab.stop("gangway-cloud")
        shutil.copy(registry, registry + ".kept")
        self.lab.start("gangway-cloud")
        for n in range(3):
            self.lab.claim(self.lab.new_device(f"BACK-{n}"))
        self.wait_for_export()
        self.lab.stop("gangway-cloud")
        for end in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(registry + end)
        shutil.move(registry + ".kept", registry)
        self.lab.start("gangway-cloud")
        self.lab.claim(self.lab.new_device("BACK-LAST"))
        self.lab.wait_for("it is noticed", lambda: any(r["event"] == "record-set-back" for r in self.lab.audit()))
        self.assert_told()


class Retention(Base):
    options = ("--set", "audit.keep_records=20")

    def test_what_the_cloud_has_goes(self):
        self.lab.stop("gangway-cloud")
        for n in range(30):
            self.lab.claim(self.lab.new_device(f"KEEP-{n}"))
        self.assertLessEqual(self.lab.audit()[0]["n"], self.lab.status()["audit_acknowledged"] + 1)
        self.lab.start("gangway-cloud")
        self.wait_for_export()
        self.lab.wait_for("20 are here", lambda: len(self.lab.audit()) == 20)
        status = self.lab.status()
        self.assertEqual(status["audit_first"], status["audit_head"] - 19)
        self.assertEqual([e["n"] for e in self.events()], list(range(1, status["audit_head"] + 1)))
        with self.stopped():
            pass
        self.assertTrue(self.verify()["ok"])
        with self.stopped():
            self.edit(f"DELETE FROM audit WHERE n < {status['audit_first'] + 3}")
        self.assertEqual(self.verify(), {"ok": False, "first_bad": status["audit_first"],
                                         "reason": "a record is missing"})


class Summaries(Base):
    options = ("--set", "audit.waiting=1000")

    def test_an_absence_that_is_too_long(self):
        """The oldest go, and how many there were stays: nothing that was decided is gone without a word."""
        n_claims = 2100
        self.wait_for_export()
        self.lab.stop("gangway-cloud")
        labels = [label.make(f"LONG-{i}", os.urandom(16)) for i in range(n_claims)]
        self.lab.ctl("claim", "--list", "-", input="\n".join(labels))
        self.lab.wait_for("the oldest are summarised", lambda: self.lab.status()["audit_first"] > 1024)
        with self.stopped():
            pass
        self.assertTrue(self.verify()["ok"])
        self.assertEqual(self.claims(self.lab.audit()), n_claims)
        self.assertIn("only a summary", self.lab.log("gangwayd"))

        self.lab.start("gangway-cloud")
        self.wait_for_export()
        events = self.events()
        self.assertEqual({e["branch"]: e["broken"] for e in events}, {1: "", 2: "summarised"})
        self.assertEqual(self.claims(e for e in events if e["branch"] == 2), n_claims)
        self.assertEqual(self.finding()["verdict"], "ok")

    @staticmethod
    def claims(record):
        record = list(record)
        summaries = [re.fullmatch("([0-9]+) of claim from .*", r["detail"]) for r in record if r["event"] == "summarised"]
        return sum(r["event"] == "claim" for r in record) + sum(int(found[1]) for found in summaries if found)


class Tampering(Base):
    def test_every_way_to_tamper(self):
        ways = {
            "changed": (["UPDATE audit SET who = 'uid 4711' WHERE n = 5"], 5, "changed"),
            "inserted": (["INSERT INTO audit SELECT (SELECT max(n) + 1 FROM audit), time, event, device, who, reason, "
                          "detail, mac FROM audit WHERE n = 4"], None, "inserted"),
            "reordered": (["UPDATE audit SET n = 1000 WHERE n = 5", "UPDATE audit SET n = 5 WHERE n = 6",
                           "UPDATE audit SET n = 6 WHERE n = 1000"], 5, "moved"),
            "dropped": (["DELETE FROM audit WHERE n = 5"], 5, "missing"),
            "the gap closed": (["DELETE FROM audit WHERE n = 5", "UPDATE audit SET n = n - 1 WHERE n > 5"], 5, "changed"),
            "the oldest dropped": (["DELETE FROM audit WHERE n < 5"], 1, "missing"),
            "the newest dropped": (["DELETE FROM audit WHERE n > 5"], 6, "newest records are missing"),
            "chained anew": (["UPDATE audit SET mac = randomblob(32) WHERE n > 4"], 5, "changed"),
            "a beginning made up": (["DELETE FROM audit WHERE n < 5", "INSERT INTO meta SELECT 'audit-checkpoint', value "
                                     "FROM meta WHERE key = 'audit-head'"], 1, "beginning of the chain was changed"),
        }
        for n in range(8):
            self.lab.claim(self.lab.new_device(f"TAMPER-{n}"))
        self.wait_for_export()
        self.assertTrue(self.verify()["ok"])
        self.lab.stop("gangway-mqtt")  # whose coming and going would be on record
        kept = f"{self.lab.folder}/kept.db"
        self.lab.stop("gangwayd")
        self.copy_store(kept)
        for way, (statements, first_bad, why) in ways.items():
            with self.subTest(way), self.stopped_after():
                self.put_back(kept)
                self.edit(*statements)
                self.lab.start("gangwayd", "--no-wait")
                self.lab.wait_for("gangwayd is there", self.lab.status)
                said = self.lab.ctl("audit", "verify", check=False)
                self.assertEqual(said.returncode, 1)
                self.assertIn(why, said.stderr)
                verdict = self.verify()
                self.assertFalse(verdict["ok"])
                if first_bad:
                    self.assertEqual(verdict["first_bad"], first_bad)
                self.assertEqual(self.finding()["verdict"], "wrong")
                self.assertIn("tampered with", self.finding()["text"])
        self.put_back(kept)
        self.lab.start("gangwayd")
        self.assertTrue(self.verify()["ok"])
        self.lab.start("gangway-mqtt")

    def test_an_old_copy_where_nothing_happens(self):
        """What was revoked meanwhile is known again by the cloud's list, which comes by itself."""
        kept = f"{self.lab.folder}/kept.db"
        device = self.lab.new_device("QUIET-1")
        self.lab.claim(device)
        device.come_aboard()
        self.wait_for_export()
        with self.stopped():
            self.copy_store(kept)
        self.lab.ctl("revoke", device.id)
        self.lab.settle()
        self.wait_for_export()
        with self.stopped():
            self.put_back(kept)
        self.lab.wait_for("it is noticed", lambda: not self.verify()["ok"])
        self.assertIn("old copy of the store", self.finding()["text"])
        self.assertIn("revocation list", self.finding()["advice"])
        self.lab.wait_for_state(device.id, "revoked")

    def test_an_old_copy_of_the_store(self):
        first = self.lab.new_device("OLD-1")
        self.lab.claim(first)
        self.wait_for_export()
        kept = f"{self.lab.folder}/kept.db"
        with self.stopped():
            self.copy_store(kept)
        common = self.lab.status()["audit_acknowledged"]
        for n in range(3):
            self.lab.claim(self.lab.new_device(f"OLD-LOST-{n}"))
        self.wait_for_export()
        lost = self.lab.status()["audit_head"]

        self.lab.stop("gangway-cloud")  # so that the claim comes before it is noticed
        with self.stopped():
            self.put_back(kept)
        self.lab.claim(self.lab.new_device("OLD-NEW"))
        self.lab.start("gangway-cloud")
        self.lab.wait_for("it is noticed", lambda: self.finding()["verdict"] == "wrong")
        self.assertIn("old copy of the store", self.finding()["text"])
        self.assertRegex(self.finding()["text"], f"to {lost}, made within the last .*, that are not here")
        self.assertEqual([r["event"] for r in self.lab.audit()].count("record-lost"), 1)
        verdict = self.verify()
        self.assertFalse(verdict["ok"])
        self.assertLessEqual(verdict["first_bad"], common + 1)

        # All of it is with the cloud: what was lost here, and what came after.
        self.wait_for_export()
        events = self.events()
        self.assertTrue({"OLD-LOST-0", "OLD-LOST-2"} <= {e["device"] for e in events if e["branch"] == 1})
        second = [e for e in events if e["branch"] == 2]
        self.assertEqual({e["broken"] for e in second}, {"old-copy"})
        self.assertIn("OLD-NEW", {e["device"] for e in second})
        self.assertEqual({e["mac"] for e in second}, {r["mac"] for r in self.lab.audit() if r["n"] >= second[0]["n"]})


class Walk(Base):
    options = ("--set", "audit.keep_records=1000000", "--set", "audit.waiting=1000000")
    N_RECORDS, N_DEVICES = 200000, 32

    def fill(self):
        build = os.path.dirname(os.path.realpath(os.path.join(os.environ["GANGWAY_BUILD"], "config.status")))
        subprocess.run(["make", "-s", "-C", build, "tests/bench/record"], check=True, stdout=subprocess.DEVNULL)
        environment = os.environ | {"CREDENTIALS_DIRECTORY": str(self.lab.folder / "run" / "credentials")}
        with self.stopped():
            filled = subprocess.run([f"{build}/tests/bench/record", self.lab.variables["GANGWAY_STATE"],
                                     str(self.N_RECORDS)], check=True, capture_output=True, text=True,
                                    env=environment)
        return json.loads(filled.stdout)

    def test_nobody_waits_for_it(self):
        self.assertTrue(self.fill()["whole"])
        devices = [self.lab.new_device(f"WALK-{n}") for n in range(self.N_DEVICES)]
        for device in devices:
            self.lab.claim(device)
        lives = [threading.Thread(target=device.come_aboard) for device in devices]
        for life in lives:
            life.start()

        with self.connection() as bus:
            agent = self.lab.pid("gangwayd")
            os.kill(agent, signal.SIGSTOP)  # and all has been asked when it goes on
            try:
                walk = bus.call(*MANAGER, "VerifyAudit")
                others = [bus.call(*MANAGER, "GetDevice", "s", [device.id]) for device in devices]
                bus.bus("GetId")
            finally:
                os.kill(agent, signal.SIGCONT)
            answered = []
            while walk not in answered:
                answered.append(bus.wait_for(lambda m: m.kind in (dbus.RETURN, dbus.ERROR)).reply_serial)
        self.assertEqual([n for n in answered if n != walk], others)  # asked later, and answered before
        self.assertEqual(answered[-1], walk)
        for life in lives:
            life.join()
        for device in devices:
            self.lab.wait_for_state(device.id, "onboarded")

        # Who leaves ends it; who asks then has a walk of his own, which is told the truth.
        with self.connection() as bus:
            for _ in range(3):
                bus.call(*MANAGER, "VerifyAudit")
        with self.connection() as bus:
            self.assertEqual(bus.ask(*MANAGER, "VerifyAudit").body, [True, 0, ""])

    def connection(self):
        path = self.lab.variables["DBUS_SYSTEM_BUS_ADDRESS"].partition("unix:path=")[2].partition(",")[0]
        return dbus.Connection(path)


if __name__ == "__main__":
    unittest.main()
