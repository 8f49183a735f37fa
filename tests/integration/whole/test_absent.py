# SPDX-License-Identifier: GPL-2.0-or-later
"""Hundreds of commands for a gateway that is away: obeyed once, in order, those that still hold, whoever dies."""
import json
import os
import time
import unittest

import lab
import label

N = 200 if os.environ.get("GANGWAY_FULL") else 48  # devices aboard
N_CLAIMS = 6
KILLED = "gangwayd", "gangway-mqtt", "gangway-cloud", "mosquitto"
VERBS = {  # by turns, what is said about a device, and what that makes of it
    0: (("suspend",), "suspended"),
    1: (("suspend", "resume"), "onboarded"),
    2: (("suspend", "resume", "suspend"), "suspended"),
    3: (("suspend", "revoke"), "revoked"),
    4: (("suspend", "resume", "suspend", "resume"), "onboarded"),
}


class Absent(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab("--set", "cloud.retry_first=1", "--set", "cloud.retry_max=2"))

    def cloud(self, verb, *words, **more):
        return self.lab.run("gangway-cloud", verb, self.lab.variables["GANGWAY_CLOUD_DIR"], *words, **more)

    def come_aboard(self):
        labels = [label.make(f"AWAY-{i}", os.urandom(16)) for i in range(N)]
        self.lab.ctl("claim", "--list", "-", input="\n".join(labels))
        loaded = self.lab.run("gangway-device", "--label", "-", "--load", str(N), "--in-flight", "16", "--json",
                              "--connect", self.lab.coaps, "--state", self.lab.folder / "many", "--timeout",
                              str(lab.NEVER_S), input="\n".join(labels), check=False)
        self.assertEqual(json.loads(loaded.stdout)["aboard"], N)
        self.lab.settle()

    def say_all(self):
        """Each word of each device a command of its own, and no two about one device beside each other."""
        for turn in range(max(len(verbs) for verbs, _ in VERBS.values())):
            for i in range(N):
                verbs, _ = VERBS[i % len(VERBS)]
                if turn < len(verbs):
                    self.cloud(verbs[turn], f"AWAY-{i}")

    def claim(self, device_id, ends):
        text = label.make(device_id, os.urandom(16))
        self.cloud("claim", "--gateway", self.lab.variables["GANGWAY_ID"], "--expires", str(ends), "-", input=text)

    def open_commands(self):
        return sum(c["state"] in ("waiting", "sent") for c in self.lab.commands())

    def test_each_once_and_in_order(self):
        gateway = self.lab
        self.come_aboard()
        gateway.stop("gangway-mqtt")
        self.say_all()
        ends = int(time.time()) + 2
        for i in range(N_CLAIMS):
            self.claim(f"LATE-{i}", ends)
            self.claim(f"GOOD-{i}", ends + 30 * 86400)
        lab.wait_for("those claims are over", lambda: time.time() > ends)
        n = self.open_commands()

        gateway.start("gangway-mqtt")
        for i, program in enumerate(KILLED):
            left = n - (i + 1) * n // (len(KILLED) + 1)
            lab.wait_for(f"{left} are left", lambda m=left: self.open_commands() <= m)
            gateway.kill(program)
            gateway.start(program)
        lab.wait_for("none is left", lambda: self.open_commands() == 0, limit=2 * lab.NEVER_S)
        gateway.settle()
        self.check(n)

    def check(self, n):
        self.assertGreater(n, 2 * N)
        record, commands = self.lab.audit(), self.lab.commands()
        for i in range(N):
            verbs, state = VERBS[i % len(VERBS)]
            device_id = f"AWAY-{i}"
            self.assertEqual(self.lab.state(device_id), state, device_id)
            obeyed = self.obeyed(device_id, [c for c in commands if c["device"] == device_id and c["kind"] in verbs])
            heard = [e["event"] for e in record if e["device"] == device_id and e["event"] in verbs]
            self.assertEqual(heard, obeyed, device_id)
        for i in range(N_CLAIMS):
            self.assertEqual((self.lab.state(f"GOOD-{i}"), self.lab.state(f"LATE-{i}")), ("claimed", None))
        ended = {c["device"]: c["state"] for c in commands}
        self.assertEqual({ended[f"LATE-{i}"] for i in range(N_CLAIMS)}, {"expired"})
        self.assertEqual({ended[f"GOOD-{i}"] for i in range(N_CLAIMS)}, {"done"})

    def obeyed(self, device_id, commands):
        """What is left to hear of the words about a device. One that died on its way may come behind a newer one; then it
        is refused and not said again, since the newer one says more. The last one always holds. What is so already is
        done and not recorded: to suspend one twice, to resume one that was not suspended."""
        self.assertEqual([c["kind"] for c in commands], [*VERBS[int(device_id[5:]) % len(VERBS)][0]], device_id)
        self.assertEqual(commands[-1]["state"], "done", device_id)
        obeyed = []
        for command in commands:
            self.assertIn((command["state"], command["reason"]), (("done", ""), ("refused", "out-of-order")), device_id)
            if command["state"] == "done" and (obeyed or ["resume"])[-1] != command["kind"]:
                obeyed.append(command["kind"])
        return obeyed


if __name__ == "__main__":
    unittest.main()
