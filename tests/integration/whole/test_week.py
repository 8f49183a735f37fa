# SPDX-License-Identifier: GPL-2.0-or-later
"""A week without cloud, by stepped clocks: what was to be said is said once, in order, at a walking pace."""
import collections
import json
import subprocess
import sys
import time
import unittest

import coap
import lab

sys.path.insert(1, str(lab.TOP / "tests" / "integration"))
import fake_timedate  # noqa: E402

DAY = 86400
RATE = 4  # requests a second
N_ASKING = 12
ABOARD = "WEEK-A", "WEEK-B"
LEFT_ALONE = "WEEK-C"


class Observer:
    """Requests and final responses, as the broker hands them on."""

    def __init__(self, gateway):
        v = gateway.variables
        host, port = v["GANGWAY_BROKER"].removeprefix("mqtts://").split(":")
        self.process = subprocess.Popen(
            ["mosquitto_sub", "-h", host, "-p", port, "--cafile", v["GANGWAY_BROKER_CA"], "--cert",
             v["GANGWAY_BROKER_CERT"], "--key", v["GANGWAY_BROKER_KEY"], "-q", "1", "-v",
             "-t", "gangway/v1/+/request", "-t", "gangway/v1/+/response", "-t", "gangway/v1/+/status"],
            stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()  # the retained status: it has subscribed

    def close(self):
        """All that it has heard: (topic, body)."""
        self.process.kill()  # it would not go while there is no broker
        lines = self.process.communicate()[0].splitlines()
        return [(line.partition(" ")[0].rpartition("/")[2], json.loads(line.partition(" ")[2])) for line in lines]


class Week(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab("--clocks", "--set", "clock.trust=system", "--set", f"cloud.requests_per_second={RATE}",
                                                "--set", "cloud.retry_first=5", "--set", "cloud.retry_max=10"))
        cls.timedate = cls.enterClassContext(fake_timedate.FakeTimedate(cls.lab.folder / "run" / "bus"))

    def step_to(self, days):
        """Everybody's clock; the agent believes in its own again when this returns."""
        for side in "devices", "cloud", "gateway":
            self.lab.set_clock(side, f"+{round(days * DAY)}")
        self.be_sure()

    def be_sure(self):
        self.timedate.say(self.timedate.question(), True)
        self.lab.wait_for("the clock is trusted", lambda: self.lab.status().get("clock_reason") == "system")

    def look_at_gateway(self, client):
        """What somebody thinks of its certificate who knows what time it is; libcoap's client does not ask."""
        return self.lab.run("openssl", "s_client", "-dtls1_2", "-connect", self.lab.coaps.removeprefix("coaps://"),
                            "-attime", str(int(time.time()) + 7 * DAY + 3600), "-verify_return_error",
                            "-CAfile", client.file("anchors.pem"), "-cert", client.file("certificate.pem"),
                            "-key", client.file("key.pem"), input="", check=False).stdout

    def leave_requests(self):
        clients = [coap.claimed_client(self.lab, f"WEEK-{i}") for i in range(N_ASKING)]
        self.lab.wait_for_cloud("offline")
        for client in clients:
            client.new_key()
            self.assertRegex(client.enroll(client.request()).said, "^5.03")
        self.lab.wait_for("all requests wait", lambda: {job["device"] for job in self.lab.ctl_json("jobs")} >=
                          {client.id for client in clients})
        return clients

    def test_each_done_once_in_order_and_paced(self):
        gateway = self.lab
        self.step_to(0.001)
        aboard = [coap.claimed_client(gateway, device_id) for device_id in ABOARD]
        for client in aboard:
            coap.come_aboard(client)
        unmoved = coap.claimed_client(gateway, LEFT_ALONE)
        coap.come_aboard(unmoved)
        gateway.settle()
        for device_id, ends in ("SHORT", "+2d"), ("LONG", "+30d"), ("EVER", "2099-01-01"):
            gateway.claim(gateway.new_device(device_id), "--expires", ends)

        gateway.stop("mosquitto")  # what it took it would hand on by itself
        gateway.stop("gangway-cloud")
        clients = self.leave_requests()
        for verb in ("suspend", "resume", "suspend"):
            for client in aboard:
                gateway.ctl(verb, client.id)
        before = gateway.ctl_json("jobs")
        self.assertEqual(collections.Counter(job["device"] for job in before),
                         {client.id: 1 for client in clients} | {device_id: 3 for device_id in ABOARD})

        for days in range(1, 8):
            self.step_to(days)
        gateway.wait_for_state("SHORT", "rejected")
        self.assertEqual([gateway.state(device_id) for device_id in ("LONG", "EVER", *ABOARD)],
                         ["claimed", "claimed", "suspended", "suspended"])
        self.assertEqual({gateway.state(client.id) for client in clients}, {"enrolling"})
        self.assertIn("Verification: OK", self.look_at_gateway(unmoved), "nobody is let down by its date")
        gateway.kill("gangwayd")
        gateway.start("gangwayd")
        self.be_sure()
        jobs = gateway.ctl_json("jobs")
        self.assertEqual([job["id"] for job in jobs], [job["id"] for job in before], "nothing went, nothing came")

        gateway.stop("gangway-mqtt")
        gateway.start("mosquitto")
        observer = Observer(gateway)
        began = time.monotonic()
        gateway.start("gangway-cloud")
        gateway.start("gangway-mqtt")
        gateway.wait_for_rest()
        lasted = time.monotonic() - began
        heard = observer.close()
        self.assertGreater(lasted, (len(jobs) - RATE) / RATE)
        self.check_order(heard, jobs)

        self.assertEqual({c["state"] for c in gateway.certificates()}, {"live", "candidate"})
        self.assertEqual(sorted(c["device"] for c in gateway.certificates()), sorted([c.id for c in clients] + [*ABOARD, LEFT_ALONE]))
        for client in clients:
            self.assertTrue(client.enroll(client.file("csr.der").read_bytes()).payload, client.id)
        gateway.wait_for_rest()
        self.assertEqual(len(gateway.certificates()), N_ASKING + len(ABOARD) + 1)

    def check_order(self, heard, jobs):
        """Each is answered for good before the next about its device goes, and once."""
        wanted = collections.defaultdict(list)
        for job in jobs:
            wanted[job["device"]].append(job["id"])
        device_of = {job["id"]: job["device"] for job in jobs}
        asked, open_now = collections.defaultdict(list), {}
        for topic, body in heard:
            device = device_of.get(body.get("id"))
            if not device:
                continue
            if topic == "request" and body["id"] not in asked[device]:
                self.assertNotIn(device, open_now, "one after the other")
                asked[device].append(body["id"])
                open_now[device] = body["id"]
            elif topic == "response" and body["kind"] in ("done", "issued"):
                open_now.pop(device, None)
        self.assertEqual(asked, wanted)
        issued = collections.defaultdict(set)  # what is asked twice is answered twice, and the same
        for topic, body in heard:
            if topic == "response" and body["kind"] == "issued":
                issued[body["id"]].add(body["certificate"])
        self.assertEqual({len(issued[job["id"]]) for job in jobs if job["kind"] == "enroll"}, {1})


if __name__ == "__main__":
    unittest.main()
