# SPDX-License-Identifier: GPL-2.0-or-later
"""The cloud is away: a device is told to come back, its request waits on disk, and ends later, once."""
import itertools
import json
import subprocess

import coap
import lab

SILENT_S = 2


class Away(lab.Shared):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab("--set", f"cloud.silent_after={SILENT_S}",
                                                "--set", "cloud.retry_first=1",
                                                "--set", "cloud.retry_max=2"))

    def goes_on_later(self, device_id, program, state):
        """The program is away; the gateway restarts meanwhile; the program comes back."""
        client = coap.claimed_client(self.lab, device_id)
        self.lab.stop(program)
        client.new_key()
        request = client.request()
        answer = client.enroll(request)
        self.assertRegex(answer.said, "^5.03")
        self.assertEqual(self.lab.state(device_id), "enrolling")
        self.lab.wait_for_cloud(state)
        self.assertRegex(client.enroll(request).said, "^5.03", "told at once now")

        jobs = self.lab.ctl_json("jobs")
        self.assertEqual([(j["kind"], j["device"]) for j in jobs], [("enroll", device_id)])
        self.lab.kill("gangwayd")
        self.lab.start("gangwayd")
        self.assertEqual([j["id"] for j in self.lab.ctl_json("jobs")], [j["id"] for j in jobs])

        self.lab.start(program)
        self.lab.wait_for_state(device_id, "issued")
        self.assertTrue(client.enroll(request).payload)
        self.assertEqual([c["state"] for c in self.lab.certificates(device_id)], ["candidate"])

    def test_broker_down(self):
        self.goes_on_later("DOWN-1", "mosquitto", "offline")

    def test_broker_up_cloud_silent(self):
        self.goes_on_later("SILENT-1", "gangway-cloud", "silent")

    def test_cloud_link_down(self):
        self.goes_on_later("LINK-1", "gangway-mqtt", "offline")

    def test_proof_needs_no_cloud(self):
        """Aboard at once; the cloud hears of it later."""
        client = coap.claimed_client(self.lab, "PROOF-1")
        client.new_key()
        client.keep_certificate(client.get_certificate(client.request()))
        self.lab.stop("mosquitto")
        self.lab.wait_for_cloud("offline")
        settings = json.loads(client.ask_with_certificate("get", "gangway/config").payload)
        self.assertEqual(settings["device"], "PROOF-1")
        self.lab.wait_for_state("PROOF-1", "onboarded")
        self.assertEqual([c["state"] for c in self.lab.certificates("PROOF-1")], ["candidate"])
        self.lab.start("mosquitto")
        self.lab.wait_for_rest()
        self.assertEqual([c["state"] for c in self.lab.certificates("PROOF-1")], ["live"])

    def test_the_queue_is_bounded(self):
        with lab.Lab("--set", "limits.jobs=2") as gateway:
            clients = [coap.claimed_client(gateway, f"QUEUE-{i}") for i in range(4)]
            gateway.stop("mosquitto")
            gateway.wait_for_cloud("offline")
            for client in clients:
                client.new_key()
                self.assertRegex(client.enroll(client.request()).said, "^5.03")
            self.assertEqual(len(gateway.ctl_json("jobs")), 2)
            self.assertEqual([gateway.state(c.id) for c in clients].count("claimed"), 2)
            gateway.start("mosquitto")
            for client in clients:
                lab.wait_for(f"{client.id} gets its certificate", lambda c=client:
                             c.enroll(c.file("csr.der").read_bytes()).payload)


class Topics(lab.Shared):
    """What an observer at the broker sees, and what it cannot do."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())

    def mosquitto(self, program, *words, credentials=None):
        v = self.lab.variables
        certificate, key = credentials or (v["GANGWAY_BROKER_CERT"], v["GANGWAY_BROKER_KEY"])
        host, port = v["GANGWAY_BROKER"].removeprefix("mqtts://").split(":")
        return [program, "-h", host, "-p", port, "--cafile", v["GANGWAY_BROKER_CA"],
                "--cert", certificate, "--key", key, *words]

    def test_topics_and_bodies_are_the_documented_ones(self):
        import sys
        sys.path.insert(0, str(lab.TOP / "tests" / "integration"))
        import schema
        # enroll, issued, proved, done; before them the retained status. The record goes at its own pace.
        observer = subprocess.Popen(self.mosquitto("mosquitto_sub", "-v", "-t", "gangway/v1/#",
                                                   "-q", "1", "-W", "60"),
                                    stdout=subprocess.PIPE, text=True)
        self.addCleanup(observer.communicate)
        self.addCleanup(observer.terminate)
        first = observer.stdout.readline()
        coap.come_aboard(coap.claimed_client(self.lab, "TOPIC-1"))
        seen = []
        for line in itertools.chain([first], observer.stdout):
            topic, _, body = line.partition(" ")
            prefix, _, last = topic.rpartition("/")
            self.assertEqual(prefix, f"gangway/v1/{self.lab.variables['GANGWAY_ID']}")
            body = schema.Schemas().check(last, body.strip())
            if not body["id"].startswith("record."):
                seen.append((last, body["kind"]))
            if seen[-1] == ("response", "done"):
                break
        self.assertEqual(seen, [("status", "status"), ("request", "enroll"), ("response", "issued"),
                                ("request", "proved"), ("response", "done")])

    def test_the_status_is_the_last_will_too(self):
        with lab.Lab() as gateway:
            self.lab, own = gateway, self.lab
            self.addCleanup(setattr, self, "lab", own)
            gateway.kill("gangway-mqtt")
            observer = self.mosquitto("mosquitto_sub", "-t", "gangway/v1/lab/status", "-C", "1", "-W", "60")
            lab.wait_for("the broker tells", lambda: not json.loads(
                gateway.run(*observer).stdout)["online"])

    def test_nobody_without_a_certificate(self):
        host, port = self.lab.variables["GANGWAY_BROKER"].removeprefix("mqtts://").split(":")
        result = self.lab.run("mosquitto_sub", "-h", host, "-p", port, "--cafile",
                              self.lab.variables["GANGWAY_BROKER_CA"], "-t", "#", "-C", "1", "-W", "3",
                              check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(result.stdout, "")

    def test_each_gateway_is_pinned_to_its_topics(self):
        self.lab.run("gangway-cloud", "init", "--gateway", "other")
        own = self.lab.folder / "run" / "cloud" / "gateways" / "other"
        other = str(own / "cloud-cert"), str(own / "cloud-key")
        hears = self.lab.run(*self.mosquitto("mosquitto_sub", "-v", "-t", "gangway/v1/lab/#",
                                             "-C", "1", "-W", "2", credentials=other), check=False)
        self.assertEqual(hears.stdout, "")
        self.is_not_heard(credentials=other)

    def test_the_observer_writes_nothing(self):
        self.is_not_heard()

    def is_not_heard(self, credentials=None):
        """What these publish in the gateway's name; what the gateway itself says behind it is."""
        folder = self.lab.folder / "run" / "cloud" / "gateways" / "lab"
        own = str(folder / "cloud-cert"), str(folder / "cloud-key")
        before = self.complaints()
        for body, who in ((f"{{{before}", credentials), ("[]", own)):
            self.lab.run(*self.mosquitto("mosquitto_pub", "-q", "1", "-t", "gangway/v1/lab/request", "-m", body,
                                         "-i", f"stranger-{before}", credentials=who), check=False)
        lab.wait_for("the cloud has heard somebody", lambda: self.complaints() > before)
        self.assertEqual(self.complaints(), before + 1)

    def complaints(self):
        return self.lab.log("gangway-cloud").count("dropping it")
