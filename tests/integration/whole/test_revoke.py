# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices that are suspended, resumed and revoked: at once, with the cloud there and away, and told once."""
import os
import signal
import subprocess
import sys

import lab
import served

sys.path.insert(1, str(lab.TOP / "tests" / "integration"))
import dtls_client  # noqa: E402


class Revoke(served.Served):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab("--set", "cloud.retry_first=1", "--set", "cloud.retry_max=2"))

    def events(self, device_id, *names):
        return [e["event"] for e in self.lab.audit() if e["device"] == device_id and e["event"] in names]

    def told(self, kind, device_id):
        """How often the cloud took that of a gateway; each is a line of its own there."""
        return sum(f"{kind} at lab" in line and device_id in line for line in self.lab.log("gangway-cloud").splitlines())

    def test_suspended_and_resumed(self):
        client = self.aboard("PAUSE-1")
        self.lab.ctl("suspend", "--reason", "maintenance", client.id)
        self.assertEqual((self.lab.state(client.id), self.lab.show(client.id)["reason"]), ("suspended", "maintenance"))
        self.assertFalse(self.is_served(client))
        self.lab.wait_for_rest()
        self.assertEqual([(c["state"], c.get("suspended")) for c in self.lab.certificates(client.id)], [("live", True)])
        self.lab.ctl("resume", client.id)
        self.assertTrue(self.is_served(client))
        self.lab.wait_for_rest()
        self.assertEqual([(c["state"], c.get("suspended")) for c in self.lab.certificates(client.id)], [("live", None)])
        self.assertEqual(self.events(client.id, "suspend", "resume"), ["suspend", "resume"])

    def test_revoked_in_the_midst_of_a_session(self):
        """Of one that is open, and whose client asks again: with the word the session is ended, and the next request not
        served, nor is the next session."""
        client = self.aboard("MIDST-1")
        session = self.open_session(client)
        self.assertIn(b'"device":"MIDST-1"', self.ask_on(session, 1))
        self.lab.ctl("revoke", client.id)
        session.send(self.request(2))
        self.assertNotIn(b"MIDST-1", b"".join(session.rest()))
        lab.wait_for("that is logged", lambda: "is sent away: revoked" in self.lab.log("gangway-registrar"))
        with self.assertRaises(dtls_client.Ended):
            self.ask_on(self.open_session(client), 3)
        self.assertFalse(self.is_served(client))
        self.assertRegex(self.lab.refusal("claim", "-", input=client.label), "(?i)revoked")
        self.lab.wait_for_rest()
        self.assertEqual([c["state"] for c in self.lab.certificates(client.id)], ["revoked"])

    def test_requests_on_their_way(self):
        """The registrar holds requests that the agent has not answered, since it stands still; it goes on, and finds them
        and the operator's word together."""
        client = self.aboard("QUEUED-1")
        session = self.open_session(client)
        agent = self.lab.pid("gangwayd")
        os.kill(agent, signal.SIGSTOP)
        try:
            operator = subprocess.Popen(["gangwayctl", "suspend", client.id], env=self.lab.environment(),
                                        stdout=subprocess.DEVNULL)
            for number in range(1, 4):
                session.send(self.request(number))
        finally:
            os.kill(agent, signal.SIGCONT)
        self.assertEqual(operator.wait(), 0)
        self.lab.wait_for_state(client.id, "suspended")
        lab.wait_for("its session is ended", lambda: "is sent away: suspended" in self.lab.log("gangway-registrar"))
        session.send(self.request(9))  # what was asked before the word may have been answered
        for answer in session.rest():
            self.assertNotEqual(answer[4:5], b"\x09", answer)

    def test_with_the_cloud_away(self):
        """Works at once, survives the agent's death, and is told once, in order, when the cloud is back."""
        clients = [self.aboard(f"AWAY-{i}") for i in range(3)]
        self.lab.settle()
        self.lab.stop("mosquitto")
        self.lab.wait_for_cloud("offline")
        self.lab.ctl("revoke", *(c.id for c in clients[:2]))
        self.lab.ctl("suspend", clients[2].id)
        self.lab.ctl("resume", clients[2].id)
        self.lab.ctl("suspend", clients[2].id)
        self.assertEqual([self.is_served(c) for c in clients], [False, False, False])
        self.lab.kill("gangwayd")
        self.lab.start("gangwayd")
        self.assertEqual([self.is_served(c) for c in clients], [False, False, False])
        self.assertEqual([j["kind"] for j in self.lab.ctl_json("jobs")],
                         ["revoked", "revoked", "suspended", "resumed", "suspended"])

        self.lab.start("mosquitto")
        self.lab.settle()
        self.assertEqual([[c["state"] for c in self.lab.certificates(c.id)] for c in clients],
                         [["revoked"], ["revoked"], ["live"]])
        self.assertTrue(self.lab.certificates(clients[2].id)[0]["suspended"])
        self.assertEqual([self.told(kind, clients[2].id) for kind in ("suspended", "resumed")], [2, 1])
        self.lab.restart("gangway-mqtt")
        self.lab.settle()
        self.assertEqual([self.told(kind, clients[2].id) for kind in ("suspended", "resumed")], [2, 1])

    def test_by_command(self):
        clients = [self.aboard(f"FLEET-{i}") for i in range(2)]
        ids = [c.id for c in clients]
        for verb, state in (("suspend", "suspended"), ("resume", "onboarded"), ("revoke", "revoked")):
            self.lab.run("gangway-cloud", verb, *ids)
            for device_id in ids:
                self.lab.wait_for_state(device_id, state)
            self.lab.settle()
            self.assertEqual([self.is_served(c) for c in clients], [state == "onboarded"] * 2)
            self.assertTrue(all(c["state"] == "done" for i in ids for c in self.lab.commands(i)))

    def test_all_or_none(self):
        client = self.aboard("NONE-1")
        result = self.lab.run("gangway-cloud", "revoke", client.id, "UNKNOWN-1", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("not-found", result.stderr)
        self.assertEqual(self.lab.commands(client.id), [])
        self.assertEqual([c["state"] for c in self.lab.certificates(client.id)], ["live"])

    def test_what_is_refused(self):
        device = self.lab.new_device("NOT-YET-1")
        for verb in ("suspend", "resume", "revoke", "reject"):
            self.assertIn("not-found", self.lab.refusal(verb, device.id))
        self.lab.claim(device)
        for verb in ("suspend", "resume"):
            self.assertIn("not-possible", self.lab.refusal(verb, device.id))
        self.assertIn("a-z", self.lab.refusal("revoke", "--reason", "No Code", device.id))
        self.lab.ctl("reject", device.id)
        self.assertEqual(self.lab.state(device.id), "rejected")
        device.is_refused()
