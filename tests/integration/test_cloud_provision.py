#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gangway-cloud and the gateways' own certificates: claims, their limits, renewal, the proof."""
import base64
import json
import time
import unittest

import cloud
import mqtt
from cloud import SCHEMAS, Key, b64, openssl


class Files:
    """Where mqtt.Client finds a certificate and a key that lie anywhere."""

    def __init__(self, cloud_folder, certificate, key):
        self.files = {"ca": cloud_folder / "broker/ca.crt", "crt": certificate, "key": key}

    def path(self, name):
        return str(self.files["ca" if name == "ca.crt" else name.rpartition(".")[2]])


class Box:
    """A box that holds a claim credential and wants to be a gateway."""

    def __init__(self, case, claim, gateway, folder=None):
        self.case, self.claim, self.name = case, claim, gateway
        root = case.cloud.folder / (folder or f"claims/{claim}")
        self.client = mqtt.Client(Files(case.cloud.folder, root / "cloud-claim-cert", root / "cloud-claim-key"),
                                  case.cloud.port, "claim", f"gangway-provision-{gateway}")
        case.addCleanup(self.client.close)
        self.topic = f"gangway/v1/provision/claim:{claim}/{gateway}"
        self.client.subscribe(f"{self.topic}/response")

    def ask(self, body):
        SCHEMAS.check("request", body)
        self.client.publish(f"{self.topic}/request", json.dumps(body))
        p = self.client.expect(f"{self.topic}/response", lambda p: json.loads(p.body)["id"] == body["id"])
        return SCHEMAS.check("response", p.body)


class Base(cloud.Case):
    gateways = ("gw-1",)

    def claim(self, name="batch", *options, code=0):
        return self.cloud.run("claim-credential", self.cloud.folder, *options, name, code=code)

    def provision(self, key, name="/", job=None, **more):
        return {"v": 1, "kind": "provision", "id": job or self.job(), "key": key.hash, "csr": b64(key.csr(name))} | more

    def become(self, key, answer, name):
        """Connects as the gateway that a certificate makes of a box."""
        der, serial = self.certificate(answer)
        path = self.folder / f"{serial}.crt"
        path.write_bytes(openssl("x509", "-inform", "DER", stdin=der))
        members, self.cloud.members = self.cloud.members, Files(self.cloud.folder, path, key.path)
        try:
            return self.join(name), serial
        finally:
            self.cloud.members = members

    def prove(self, gateway, serial):
        return gateway.ask({"v": 1, "kind": "provisioned", "id": self.job(), "serial": serial})

    def own(self, name):
        rows = json.loads(self.cloud.run("list", self.cloud.folder, "--json", "--gateways"))
        return {r["serial"]: r["state"] for r in rows if r["gateway"] == name}

    def aboard(self, claim, name):
        key = Key(self.folder)
        answer = Box(self, claim, name).ask(self.provision(key, f"/CN={name}"))
        gateway, serial = self.become(key, answer, name)
        self.assertEqual(self.prove(gateway, serial)["kind"], "done")
        return gateway, serial


class Claims(Base):
    def test_a_box_becomes_a_gateway(self):
        self.claim("batch", "--uses", "2", "--tenant", "acme")
        self.cloud.serve()
        key = Key(self.folder)
        request = self.provision(key, "/CN=box-1")
        box = Box(self, "batch", "box-1")
        answer = box.ask(request)
        self.assertEqual([base64.b64decode(c) for c in answer["anchors"]["broker"]],
                         [openssl("x509", "-in", self.cloud.folder / "gateway-ca.crt", "-outform", "DER")])
        self.assertEqual(box.ask(request) | {"time": 0}, answer | {"time": 0})

        gateway, serial = self.become(key, answer, "box-1")
        self.assertEqual(self.own("box-1"), {serial: "candidate"})
        self.assertEqual(self.prove(gateway, serial)["kind"], "done")
        self.assertEqual(self.prove(gateway, serial)["kind"], "done")
        self.assertEqual(self.own("box-1"), {serial: "live"})
        device = Key(self.folder)
        self.assertEqual(gateway.ask(self.enroll(device, tenant="acme"))["kind"], "issued")
        self.refused(gateway.ask(self.enroll(device, "D-2", "c-2", "default")), "wrong-tenant")
        self.assertIn("batch  1 of 2  any     never    open", self.cloud.run("list", self.cloud.folder, "--claims"))

    def test_a_second_box_of_the_same_id(self):
        self.claim("batch", "--uses", "9")
        self.cloud.serve()
        _, serial = self.aboard("batch", "box-1")
        text = self.refused(Box(self, "batch", "box-1").ask(self.provision(Key(self.folder))), "already-aboard")
        self.assertIn("copy of its image", text)
        self.assertEqual(self.own("box-1"), {serial: "live"})

    def test_of_two_at_once_the_first_to_prove_stays(self):
        self.claim("batch", "--uses", "1")
        self.cloud.serve()
        keys = [Key(self.folder), Key(self.folder)]
        answers = [Box(self, "batch", "box-1").ask(self.provision(key)) for key in keys]
        gateway, second = self.become(keys[1], answers[1], "box-1")
        self.assertEqual(self.prove(gateway, second)["kind"], "done")
        _, first = self.certificate(answers[0])
        self.refused(self.prove(gateway, first), "revoked")
        self.assertEqual(self.own("box-1"), {first: "revoked", second: "live"})

    def test_a_claim_used_up(self):
        self.claim("batch", "--uses", "1")
        self.cloud.serve()
        request = self.provision(Key(self.folder))
        self.assertEqual(Box(self, "batch", "box-1").ask(request)["kind"], "issued")
        late = self.provision(Key(self.folder))
        self.refused(Box(self, "batch", "box-2").ask(late), "claim-used")
        # The one that had it tries again with another key: that is no further use, but three keys are enough.
        for _ in range(2):
            self.assertEqual(Box(self, "batch", "box-1").ask(self.provision(Key(self.folder)))["kind"], "issued")
        self.refused(Box(self, "batch", "box-1").ask(self.provision(Key(self.folder))), "too-many-keys")

        self.claim("batch", "--uses", "2")  # a batch can be made larger; the same request is judged anew
        self.assertEqual(Box(self, "batch", "box-2").ask(late)["kind"], "issued")

    def test_only_those_on_the_list(self):
        serials = self.folder / "serials"
        serials.write_text("# pallet 7\nbox-1\r\n\nbox-2\n")
        self.claim("batch", "--uses", "9", "--serials", serials)
        self.cloud.serve()
        self.refused(Box(self, "batch", "box-3").ask(self.provision(Key(self.folder))), "not-listed")
        self.assertEqual(Box(self, "batch", "box-2").ask(self.provision(Key(self.folder)))["kind"], "issued")
        serials.write_text("box-3\n")
        self.claim("batch", "--serials", serials)
        for name in ("box-1", "box-3"):
            self.assertEqual(Box(self, "batch", name).ask(self.provision(Key(self.folder)))["kind"], "issued")

    def test_expired_closed_unknown(self):
        self.claim("late", "--expires", int(time.time()) - 10)
        self.claim("shut")
        self.claim("shut", "--close")
        self.cloud.serve()
        for claim, reason in (("late", "claim-expired"), ("shut", "withdrawn")):
            self.refused(Box(self, claim, "box-1").ask(self.provision(Key(self.folder))), reason)
        self.assertEqual(self.own("box-1"), {})
        self.assertIn("no such claim", self.claim("never", "--close", code=1))

    def test_what_a_box_asks_for_wrongly(self):
        self.claim("batch", "--uses", "9")
        self.cloud.serve()
        box, key = Box(self, "batch", "box-1"), Key(self.folder)
        self.refused(box.ask(self.provision(key, "/CN=box-2")), "wrong-name")
        self.refused(box.ask(self.provision(key) | {"key": Key(self.folder).hash}), "bad-csr")
        self.refused(Box(self, "batch", "gangway-cloud").ask(self.provision(key, "/")), "wrong-name")
        request = self.provision(key)
        box.ask(request)
        self.refused(box.ask(self.provision(Key(self.folder), job=request["id"])), "bad-message")
        self.refused(box.ask({"v": 1, "kind": "time", "id": "t"}), "bad-message")

    def test_a_claim_gives_no_gateways_topics(self):
        self.claim("gw-1", "--uses", "9")
        self.cloud.serve()
        gateway = self.join()
        box = Box(self, "gw-1", "box-1")
        box.client.publish("gangway/v1/gw-1/request", json.dumps({"v": 1, "kind": "time", "id": "stolen"}))
        box.client.publish("gangway/v1/provision/claim:other/box-1/request",
                           json.dumps(self.provision(Key(self.folder))))
        box.ask(self.provision(Key(self.folder)))
        gateway.ask({"v": 1, "kind": "time", "id": "own"})
        self.assertNotIn("stolen", str(gateway.client.set_aside))
        rows = json.loads(self.cloud.run("list", self.cloud.folder, "--json", "--gateways"))
        self.assertEqual({r["claim"] for r in rows if r["gateway"] == "box-1"}, {"gw-1"})

    def test_a_folder_with_a_claim_for_each(self):
        self.cloud.run("init", self.cloud.folder, "--gateway", "gw-7", "--claim", "--tenant", "acme")
        names = sorted(p.name for p in (self.cloud.folder / "gateways/gw-7").iterdir())
        self.assertEqual(names, ["cloud-ca", "cloud-claim-cert", "cloud-claim-key"])
        self.cloud.serve()
        self.refused(Box(self, "gw-7", "gw-8", "gateways/gw-7").ask(self.provision(Key(self.folder))), "not-listed")
        answer = Box(self, "gw-7", "gw-7", "gateways/gw-7").ask(self.provision(Key(self.folder)))
        self.assertEqual(answer["kind"], "issued")


class Renewal(Base):
    def renew(self, gateway, serial, key=None, **more):
        key = key or Key(self.folder)
        return key, gateway.ask(self.provision(key, f"/CN={gateway.name}", serial=serial, **more))

    def handed_out(self):
        line = openssl("x509", "-noout", "-serial", "-in", self.cloud.folder / "gateways/gw-1/cloud-cert")
        return line.decode().strip().split("=")[1].lower()

    def test_one_after_the_other(self):
        gateway = self.go("gw-1", wait=True)
        serials = [self.handed_out()]
        self.assertEqual(self.own("gw-1"), {serials[0]: "live"})
        for _ in range(3):
            key, answer = self.renew(gateway, serials[-1])
            gateway, serial = self.become(key, answer, "gw-1")
            self.assertEqual(self.own("gw-1")[serials[-1]], "live")  # until the new one is proved
            self.assertEqual(self.prove(gateway, serial)["kind"], "done")
            self.assertEqual(self.own("gw-1")[serials[-1]], "revoked")
            serials.append(serial)
        self.assertEqual(list(self.own("gw-1").values()), ["revoked"] * 3 + ["live"])

    def test_a_copy_that_fell_behind(self):
        gateway = self.go()
        old = self.handed_out()
        key, answer = self.renew(gateway, old)
        _, serial = self.certificate(answer)
        self.prove(gateway, serial)
        self.refused(self.renew(gateway, old)[1], "revoked")
        self.refused(self.renew(gateway, "7a01")[1], "unknown-certificate")
        self.refused(self.prove(gateway, "7a01"), "unknown-certificate")

    def test_unproved_ones_do_not_pile_up(self):
        gateway = self.go()
        for _ in range(5):
            self.assertEqual(self.renew(gateway, self.handed_out())[1]["kind"], "issued")
        self.assertEqual(list(self.own("gw-1").values()), ["live"] + ["revoked"] * 2 + ["candidate"] * 3)

    def test_revoked_and_readmitted(self):
        self.claim("batch", "--uses", "2")
        self.cloud.serve()
        gateway, serial = self.aboard("batch", "box-1")
        self.cloud.run("revoke-gateway", self.cloud.folder, "box-1", "--reason", "stolen")
        self.assertEqual(self.own("box-1"), {serial: "revoked"})
        self.refused(self.renew(gateway, serial)[1], "not-allowed", final=False)
        self.refused(Box(self, "batch", "box-1").ask(self.provision(Key(self.folder))), "revoked")
        self.cloud.run("revoke-gateway", self.cloud.folder, "box-1", "--readmit")
        self.refused(self.renew(gateway, serial)[1], "revoked")
        self.aboard("batch", "box-1")
        self.assertIn("not-found", self.cloud.run("revoke-gateway", self.cloud.folder, "nobody", code=1))

    def test_lifetime(self):
        gateway = self.go("gw-1", wait=True)
        self.cloud.stop()
        self.cloud.serve("--gateway-lifetime", "100")
        der, _ = self.certificate(self.renew(gateway, self.handed_out())[1])
        rows = json.loads(self.cloud.run("list", self.cloud.folder, "--json", "--gateways"))
        self.assertEqual([r["not_after"] - r["not_before"] for r in rows if r["state"] == "candidate"], [110])
        self.assertTrue(der)

    def test_anchors_are_what_the_operator_says(self):
        gateway = self.go()
        path = self.cloud.folder / "broker/anchors.crt"
        path.write_bytes(path.read_bytes() + (self.cloud.folder / "device-ca.crt").read_bytes())
        self.assertEqual(len(self.renew(gateway, self.handed_out())[1]["anchors"]["broker"]), 2)


@unittest.skipUnless("#define GW_FAULT_POINTS 1" in (cloud.BUILD / "config.h").read_text(),
                     "built without --enable-fault-points")
class Death(Base):
    def test_requests(self):
        self.claim("batch", "--uses", "9")
        for n, moment in enumerate(("before", "after")):
            with self.subTest(moment=moment):
                key = Key(self.folder)
                request = self.provision(key)
                box = Box(self, "batch", f"box-{n}")
                self.cloud.serve(die_at=f"cloud.provision:{moment}")
                box.client.publish(f"{box.topic}/request", json.dumps(request))
                self.assertTrue(self.cloud.died())
                self.cloud.serve()
                gateway, serial = self.become(key, box.ask(request), box.name)
                self.cloud.stop()

                proof = {"v": 1, "kind": "provisioned", "id": self.job(), "serial": serial}
                self.cloud.serve(die_at=f"cloud.provisioned:{moment}")
                gateway.publish("request", proof)
                self.assertTrue(self.cloud.died())
                self.cloud.serve()
                self.assertEqual(gateway.ask(proof)["kind"], "done")
                self.assertEqual(self.own(box.name), {serial: "live"})
                self.cloud.stop()

    def test_verbs(self):
        for moment in ("before", "after"):
            with self.subTest(moment=moment):
                self.cloud.run("claim-credential", self.cloud.folder, moment, code=-9,
                               die_at=f"cloud.claim-credential:{moment}")
                self.claim(moment)
                self.assertTrue((self.cloud.folder / f"claims/{moment}/cloud-claim-cert").exists())
                self.cloud.run("revoke-gateway", self.cloud.folder, "gw-1", code=-9,
                               die_at=f"cloud.revoke-gateway:{moment}")
                self.assertEqual(list(self.own("gw-1").values()), ["live" if moment == "before" else "revoked"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
