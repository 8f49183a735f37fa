# SPDX-License-Identifier: GPL-2.0-or-later
"""Many requests wait for a cloud that is away: each is done once, whoever dies while they are."""
import json
import os
import unittest

import lab
import label

N = 5000 if os.environ.get("GANGWAY_FULL") else 150
AT_ONCE = 250
TRY_S = 4  # for a device to leave its request and be told to come again
KILLED = "gangwayd", "gangway-mqtt", "gangway-cloud", "mosquitto"


class Queue(unittest.TestCase):
    def test_all_wait_and_each_is_done_once(self):
        with lab.Lab("--set", f"limits.jobs={N + 10}", "--set", "cloud.retry_first=1",
                     "--set", "cloud.retry_max=4") as gateway:
            labels = [label.make(f"QUEUE-{i}", os.urandom(16)) for i in range(N)]
            gateway.ctl("claim", "--list", "-", input="\n".join(labels))
            gateway.stop("mosquitto")
            gateway.wait_for_cloud("offline")
            self.leave_requests(gateway, labels)
            jobs = gateway.ctl_json("jobs")
            self.assertEqual(sorted(job["device"] for job in jobs), sorted(f"QUEUE-{i}" for i in range(N)))
            self.assertEqual({(job["kind"], job["why"]) for job in jobs}, {("enroll", "cloud-away")})
            self.assertEqual(jobs, sorted(jobs, key=lambda job: job["created"]), "oldest first")
            self.assertEqual(gateway.status()["jobs_since"], jobs[0]["created"])

            self.drain(gateway, N)
            certificates = gateway.certificates()
            self.assertEqual(len(certificates), N)
            self.assertEqual({(c["device"], c["state"]) for c in certificates},
                             {(f"QUEUE-{i}", "candidate") for i in range(N)})
            self.assertEqual(json.loads(self.load(gateway, labels[:20], lab.NEVER_S).stdout)["aboard"], 20)
            gateway.wait_for_rest()
            self.assertEqual(len(gateway.certificates()), N)

    def load(self, gateway, labels, timeout_s):
        return gateway.run("gangway-device", "--label", "-", "--load", str(len(labels)), "--in-flight", str(AT_ONCE),
                           "--json", "--connect", gateway.coaps, "--state", gateway.folder / "many",
                           "--timeout", str(timeout_s), input="\n".join(labels), check=False)

    def leave_requests(self, gateway, labels):
        """Devices come, leave their requests, and are told to come again."""
        waiting = set()
        while len(waiting) < len(labels):
            rest = [text for i, text in enumerate(labels) if f"QUEUE-{i}" not in waiting]
            self.load(gateway, rest, TRY_S * lab.PATIENCE)
            waiting = {row["device"] for row in gateway.ctl_json("jobs")}

    def drain(self, gateway, n):
        """Each program dies once, at some point on the way."""
        gateway.start("mosquitto")
        for i, program in enumerate(KILLED):
            left = n - (i + 1) * n // (len(KILLED) + 1)
            lab.wait_for(f"{left} are left", lambda m=left: gateway.status()["jobs_waiting"] <= m,
                         limit=10 * lab.NEVER_S)
            gateway.kill(program)
            gateway.start(program)
        lab.wait_for("none is left", lambda: gateway.status()["jobs_waiting"] == 0, limit=10 * lab.NEVER_S)
