# SPDX-License-Identifier: GPL-2.0-or-later
"""Clocks as libfaketime shows them, by which people try what a wrong clock does: to a whole set, its devices
included. What it does to timers, lib/timer.c undoes."""
import glob
import os
import tempfile
import unittest
import unittest.mock

import lab

FIVE_YEARS_S = 5 * 365 * 86400
ASK_OFTEN = ("--set", "cloud.retry_first=1", "--set", "cloud.retry_max=2")


def library():
    found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not found:
        raise unittest.SkipTest("libfaketime is not installed")
    if not lab.is_plain():
        raise unittest.SkipTest("libfaketime does not go with what watches over memory")
    return found[0]


class Faketime(unittest.TestCase):
    def up(self, **variables):
        environment = {"LD_PRELOAD": library(), **variables}
        self.enterContext(unittest.mock.patch.dict(os.environ, environment))
        return self.enterContext(lab.Lab(*ASK_OFTEN))

    def test_another_time(self):
        """Years ahead, by all clocks that there are, and by the one on the wall alone."""
        for more in ({}, {"FAKETIME_DONT_FAKE_MONOTONIC": "1"}):
            with self.subTest(**more):
                gateway = self.up(FAKETIME=f"+{FIVE_YEARS_S}", **more)
                device = gateway.new_device("AHEAD-1")
                gateway.claim(device)
                device.come_aboard()
                self.assertEqual(gateway.status()["clock_reason"], "cloud")

    def test_steps(self):
        """The kernel says nothing of them; they are seen all the same."""
        file = self.enterContext(tempfile.NamedTemporaryFile("w"))

        def set_clocks(offset_s):
            file.seek(0)
            file.write(f"{offset_s:+012d}\n")
            file.flush()

        set_clocks(0)
        gateway = self.up(FAKETIME_TIMESTAMP_FILE=file.name, FAKETIME_NO_CACHE="1",
                          FAKETIME_DONT_FAKE_MONOTONIC="1")
        began = gateway.status()["state_since"]
        for number, offset_s in enumerate((FIVE_YEARS_S, 0)):
            set_clocks(offset_s)
            gateway.wait_for("all go by that time", lambda at=began + offset_s: (
                (status := gateway.status()).get("clock_reason") == "cloud" and
                abs(status["state_since"] - at) < 3600 and
                all(plugin["healthy"] for plugin in status["plugins"])))
            device = gateway.new_device(f"STEP-{number}")
            gateway.claim(device)
            device.come_aboard()


if __name__ == "__main__":
    unittest.main()
