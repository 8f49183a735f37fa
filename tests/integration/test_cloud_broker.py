#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A revoked gateway is kept out by the broker itself, a real mosquitto, which reads the list that gangway-cloud writes."""
import signal
import ssl
import time
import unittest
import unittest.mock

import cloud
import mqtt
import patience
import test_cloud_provision as provision
from cloud import openssl


class KeptOut(provision.Base):
    gateways = ("gw-1", "gw-2")

    def lets_in(self, name, members=None):
        try:
            mqtt.Client(members or self.cloud.members, self.cloud.port, name, f"probe-{name}").close()
        except (ssl.SSLError, ConnectionError):
            return False
        return True

    def read_again(self, *kept_out):
        """The broker does it in its own time."""
        self.cloud.mosquitto.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + patience.NEVER_S
        while any(self.lets_in(name) for name in kept_out):
            self.assertLess(time.monotonic(), deadline, kept_out)

    def revoke(self, *arguments, **how):
        self.cloud.run("revoke-gateway", self.cloud.folder, *arguments, **how)

    def listed(self):
        """The serial numbers on the list, which the gateways' authority has signed."""
        path = self.cloud.folder / "broker/revoked.crl"
        openssl("crl", "-in", path, "-CAfile", self.cloud.folder / "gateway-ca.crt", "-noout")
        text = openssl("crl", "-in", path, "-noout", "-text").decode()
        return {line.split(":")[1].strip().lower() for line in text.splitlines() if "Serial Number:" in line}

    def test_one_after_the_other(self):
        """Also where both lists are made within one second."""
        everybody = ("gw-1", "gw-2", "cloud", "observer")
        self.assertEqual([name for name in everybody if not self.lets_in(name)], [])
        self.revoke("gw-1")
        self.read_again("gw-1")
        self.assertEqual([name for name in everybody if self.lets_in(name)], ["gw-2", "cloud", "observer"])
        self.revoke("gw-2", "--reason", "stolen")
        self.read_again("gw-2")
        self.assertEqual([name for name in everybody if self.lets_in(name)], ["cloud", "observer"])
        self.assertEqual(self.listed(), set(self.own("gw-1")) | set(self.own("gw-2")))

        (self.cloud.folder / "broker/revoked.crl").unlink()
        self.cloud.run("init", self.cloud.folder)  # makes it once more, and says no less
        self.cloud.mosquitto.stop()
        self.cloud.mosquitto.start()
        self.assertEqual([name for name in everybody if self.lets_in(name)], ["cloud", "observer"])

    def test_readmitted(self):
        self.claim("batch", "--uses", "1")
        self.cloud.serve()
        gateway, first = self.aboard("batch", "box-1")
        gateway.close()
        self.revoke("box-1", "--readmit")
        self.assertEqual(self.listed(), {first})
        self.cloud.mosquitto.process.send_signal(signal.SIGHUP)
        gateway, second = self.aboard("batch", "box-1")  # the claim still opens, and so does what it brings
        self.assertEqual(self.listed(), {first})
        self.assertEqual(gateway.ask({"v": 1, "kind": "time", "id": "t"})["kind"], "done")
        self.assertNotEqual(first, second)

    def test_ended_ones_need_no_list(self):
        self.claim("batch")
        self.cloud.serve("--gateway-lifetime", "90d")
        _, serial = self.aboard("batch", "box-1")
        self.revoke("box-1")
        self.assertEqual(self.listed(), {serial})
        self.cloud.set_clock(100 * 86400)
        with unittest.mock.patch.dict("os.environ", self.cloud.clocks.environment("cloud")):
            self.revoke("gw-1")
        self.assertEqual(self.listed(), set(self.own("gw-1")))

    def test_a_broker_of_a_hundred_years_to_come(self):
        """The list does not end before the authority: a broker lets nobody in by one that has ended."""
        text = openssl("crl", "-in", self.cloud.folder / "broker/revoked.crl", "-noout", "-nextupdate").decode()
        end = openssl("x509", "-in", self.cloud.folder / "gateway-ca.crt", "-noout", "-enddate").decode()
        self.assertEqual(text.partition("=")[2], end.partition("=")[2])

    @unittest.skipUnless("#define GW_FAULT_POINTS 1" in (cloud.BUILD / "config.h").read_text(),
                         "built without --enable-fault-points")
    def test_death(self):
        self.revoke("gw-1", code=-9, die_at="cloud.revoke-gateway:after")
        self.assertEqual(self.listed(), set())
        self.revoke("gw-1")
        self.assertEqual(self.listed(), set(self.own("gw-1")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
