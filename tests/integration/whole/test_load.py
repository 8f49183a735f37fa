# SPDX-License-Identifier: GPL-2.0-or-later
"""Many devices at once, and the benches: that they run and find what they say they find, never how fast."""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import unittest

import lab
import label

N = 40
STRANGERS = 3


def labels(name, n):
    return [label.make(f"{name}-{i}", os.urandom(16)) for i in range(n)]


class Load(unittest.TestCase):
    def test_many_come_aboard_side_by_side(self):
        with lab.Lab() as gateway:
            known, strangers = labels("LOAD", N), labels("STRANGER", STRANGERS)
            claimed = gateway.ctl("claim", "--list", "-", input="\n".join(known)).stdout.splitlines()
            self.assertEqual(claimed, [f"LOAD-{i}: claimed" for i in range(N)])

            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                vain = pool.submit(self.come, gateway, strangers, "--timeout", str(10 * lab.PATIENCE), status=1)
                told = self.come(gateway, known, status=0)
                turned_away = vain.result()
            self.assertEqual((told["devices"], told["aboard"], told["in_flight"], told["failed"]), (N, N, 16, []))
            self.assertEqual(len(told["latency_ms"]), N)
            self.assertEqual((turned_away["devices"], turned_away["aboard"]), (STRANGERS, 0))
            self.assertEqual([(f["error"], f["devices"]) for f in turned_away["failed"]], [("ETIMEDOUT", STRANGERS)])
            for i in range(N):
                self.assertEqual(gateway.wait_for_state(f"LOAD-{i}", "onboarded"), "onboarded")
                self.assertTrue((gateway.folder / "many" / f"LOAD-{i}.device" / "credential.pem").exists())
            self.assertEqual(len(gateway.certificates()), N)

            # Once more: each finds its credential, and proves it.
            again = self.come(gateway, known, status=0)
            self.assertEqual((again["aboard"], again["failed"]), (N, []))
            self.assertEqual(len(gateway.certificates()), N)

    def come(self, gateway, those, *options, status):
        result = gateway.run("gangway-device", "--label", "-", "--load", str(len(those)), "--in-flight", "16", "--json",
                             "--connect", gateway.coaps, "--state", gateway.folder / "many", "--timeout", str(lab.NEVER_S), *options,
                             input="\n".join(those), check=False)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        told = json.loads(result.stdout)
        self.assertGreater(told["user_seconds"] + told["system_seconds"], 0)
        return told

    def test_the_bench_of_onboardings_runs(self):
        # What only benches need is made where configure ran, be that the build in use or what it wraps.
        build = (pathlib.Path(os.environ["GANGWAY_BUILD"]) / "config.status").resolve().parent
        subprocess.run(["make", "--no-print-directory", "-C", build, "bench-programs"], check=True,
                       stdout=subprocess.DEVNULL)
        result = subprocess.run([lab.TOP / "tests/bench/run.py", "--json", "onboarding"], capture_output=True, text=True,
                                env=os.environ | {"GANGWAY_BENCH_ROUNDS": "2", "GANGWAY_BENCH_DEVICES": "8"})
        self.assertEqual(result.returncode, 0, result.stderr)
        document = json.loads(result.stdout)
        self.assertEqual([bench["ok"] for bench in document["benches"]], [True])
        figures = {figure["name"].removeprefix("onboarding."): figure for figure in document["figures"]}
        for name in "rate", "cpu.gangwayd", "cpu.gateway", "cpu.gangway-registrar", "memory.16-aboard.gangwayd.pss":
            self.assertGreater(figures[name]["value"], 0, name)
        registrar = figures["cpu.gangway-registrar"]
        self.assertEqual(registrar["samples"], 2)
        # More than the bare handshakes, which it does among other things; were it less, something was not measured.
        self.assertGreater(registrar["ratio"], 1)
