# SPDX-License-Identifier: GPL-2.0-or-later
"""What is gone through while a program dies, and the durable steps that each occasion comes by.

Every step that a program lists stands with one of them at least, and with several where it is come by in
ways that differ: kills.py holds the lists together, and finds a step that is not come by.
"""
import contextlib
import json
import pathlib
import shutil
import subprocess
import urllib.parse

import lab
import tour
from tour import Tour

import cells
import mqtt

OTHER = "lab-other"  # a gateway that is played here, where a step takes a second one
ASK_AGAIN_S = 2
DUE_S = 75 * 86400  # behind the time at which a certificate of 90 days is renewed, before its end
SIDES = ("devices", "cloud", "gateway")


class Fleet(Tour):
    """Devices come aboard, renew, are refused, suspended, revoked, let go; authorities and lists change."""
    NAME = "fleet"
    STEPS = (
        "agent.claim", "agent.withdraw", "agent.secret", "agent.csr", "agent.answer", "agent.refused", "agent.issued",
        "agent.proved", "agent.told", "agent.renewal", "agent.operate", "agent.notice", "agent.wiped", "agent.command",
        "agent.anchors", "agent.crl", "agent.export", "agent.prune",
        "registrar.secret", "registrar.peer", "registrar.verdict", "registrar.enroll", "registrar.enrolled",
        "registrar.report", "registrar.wiped", "registrar.reported", "registrar.checked", "registrar.crl",
        "registrar.server-csr", "registrar.server-cert",
        "ip.channel",
        "mqtt.request", "mqtt.response", "mqtt.command", "mqtt.answer", "mqtt.event",
        "cloud.issue", "cloud.proved", "cloud.revoked", "cloud.server-cert", "cloud.response", "cloud.command",
        "cloud.answered", "cloud.claim", "cloud.withdraw", "cloud.roll", "cloud.operate", "cloud.suspended",
        "cloud.decommissioned", "cloud.events", "cloud.crl",
        "device.key", "device.anchors", "device.certificate", "device.proved", "device.wiped",
    )

    def walk(self):
        if self.victim.program != "gangway-registrar":
            self.gateway.restart("gangway-registrar", "--no-wait")
        self.list_revoked()
        self.roll_over()
        ends = {}
        for way in (self.straight, self.renewed, self.second_key, self.refused, self.withdrawn, self.from_afar,
                    self.withdrawn_from_afar, self.paused, self.left):
            device, state = way()
            ends[device.id] = state
        return ends

    def roll_over(self):
        """Nobody is aboard who would have to wait for another one's renewal: all at once."""
        for step, phase in (("begin", "begun"), ("switch", "switched"), ("end", "none")):
            self.insist(f"the authorities: {step}", lambda: self.cloud("roll", "--force", step),
                        lambda: self.roll_phase() == phase and not any(
                            c["state"] in ("waiting", "sent") for c in self.gateway.commands("")))

    def list_revoked(self):
        """A revocation list, after which nobody is aboard who was not before."""
        n_before = len(self.lists())
        self.insist("a revocation list", lambda: self.cloud("crl"), lambda: len(self.lists()) > n_before and
                    {"done", "cancelled"}.issuperset(self.lists()))

    def lists(self):
        """What became of those that were ever sent."""
        return [state for state, in self.registry("SELECT state FROM command WHERE kind = 'crl'")]

    def roll_phase(self):
        rows = self.registry("SELECT value FROM setting WHERE name = 'roll'")
        return rows[0][0].split()[1] if rows else "none"

    def renewed(self):
        """Told to renew, and does: one certificate in the place of the other."""
        device = self.device("RENEWED")
        self.claim(device)
        self.come_aboard(device)
        before = self.serial(device)
        asked = lab.wait_for(f"{device.id} knows when to renew", lambda: self.renew_at(device))
        self.insist(f"{device.id} is to renew", lambda: self.ctl("renew", device.id),
                    lambda: (self.renew_at(device) or asked) < asked)
        self.insist(f"{device.id} renews", lambda: self.switch_on(device, "--renew"),
                    lambda: self.serial(device) != before)
        self.must_hold_its_live_certificate(device)
        return device, "onboarded"

    def renew_at(self, device):
        """None while there is nobody to ask."""
        shown = self.gateway.ctl("--json", "show", device.id, check=False)
        return json.loads(shown.stdout)["renew_at"] if shown.returncode == 0 else None

    def second_key(self):
        """Loses its key when the certificate is there already: the first one is to be revoked."""
        device = self.device("SECOND")
        self.claim(device)
        self.insist_on_state(device, "issued", lambda: device.run(
            "--timeout", tour.DEVICE_TRY_S, die_at="device.certificate:before")[0] == -9)
        self.insist(f"{device.id} has begun anew", lambda: self.switch_on(device, "--fresh-key"),
                    lambda: self.gateway.state(device.id) == "onboarded")
        self.must_hold_its_live_certificate(device)
        return device, "onboarded"

    def refused(self):
        device = self.device("REFUSED")
        self.claim(device, "--tenant", tour.OTHER_TENANT)
        self.insist_on_state(device, "rejected", lambda: self.switch_on(device))
        return device, "rejected"

    def withdrawn(self):
        device = self.device("WITHDRAWN")
        self.claim(device)
        self.insist_on_state(device, "rejected", lambda: self.ctl("withdraw", device.id))
        return device, "rejected"

    def from_afar(self):
        """Claimed by the fleet, aboard, and revoked by the fleet."""
        device = self.device("AFAR")
        self.claim_from_afar(device)
        self.come_aboard(device)
        self.insist_on_state(device, "revoked", lambda: self.cloud("revoke", device.id))
        return device, "revoked"

    def withdrawn_from_afar(self):
        device = self.device("RECALLED")
        self.claim_from_afar(device)
        self.insist_on_state(device, "rejected", lambda: self.cloud("withdraw", "--gateway", "lab",
                                                                    device.id))
        return device, "rejected"

    def paused(self):
        """Suspended, resumed, and suspended again: the cloud hears all of it, in order."""
        device = self.device("PAUSED")
        self.claim(device)
        self.come_aboard(device)
        for verb, state in (("suspend", "suspended"), ("resume", "onboarded"), ("suspend", "suspended")):
            self.insist_on_state(device, state, lambda verb=verb: self.ctl(verb, device.id))
        return device, "suspended"

    def left(self):
        """Decommissioned, told, and wiped; it may die before it has said so, and then nobody hears of it again."""
        device = self.device("LEFT")
        self.claim(device)
        self.come_aboard(device)
        self.insist_on_state(device, "decommissioned", lambda: self.ctl("decommission", device.id))
        self.insist(f"{device.id} has wiped itself", lambda: self.switch_on(device),
                    lambda: not any(device.folder.glob("*.pem")))
        return device, "decommissioned"


class SetBack(Tour):
    """A device is set back to a renewal that another key has overtaken: it drops that, and renews anew."""
    NAME = "set-back"
    STEPS = ("device.dropped",)

    def walk(self):
        device, state = self.straight()
        first = self.serial(device)
        self.renew_half(device)
        before = shutil.copytree(device.folder, device.folder.with_name(f"{device.folder.name}-before"))
        self.renew_half(device, "--fresh-key")
        shutil.rmtree(device.folder)
        before.rename(device.folder)
        self.insist(f"{device.id} has another certificate", lambda: self.switch_on(device, "--renew"),
                    lambda: self.serial(device) != first)
        self.must_hold_its_live_certificate(device)
        return {device.id: state}

    @staticmethod
    def renew_half(device, *options):
        """The power goes before it has come with its candidate."""
        status, output = device.run("--renew", *options, die_at="device.certificate:after")
        if status != -9:
            raise AssertionError(f"{device.id} ended with {status}:\n{output}")


class NewBox(Tour):
    """The gateway loses its certificate, is readmitted by the cloud, and has to come by its claim once more."""
    NAME = "new-box"
    STEPS = ("mqtt.provision", "mqtt.provisioned", "mqtt.slot-key", "mqtt.anchors", "mqtt.slot-certificate",
             "mqtt.slot-switch", "mqtt.slot-retire", "mqtt.slot-drop", "cloud.provision", "cloud.provisioned")

    def __init__(self, gateway, number=0, die_at=""):
        super().__init__(gateway, number, die_at)
        self.is_refused_first = "slot-drop" in die_at

    def prepare(self):
        self.gateway.stop("gangway-mqtt")
        for path in self.own_folder.iterdir():
            path.unlink()
        self.cloud("revoke-gateway", "--readmit", "lab")
        if self.is_refused_first:
            self.cloud("claim-credential", "--close", "lab")

    def walk(self):
        if self.victim.program != "gangway-mqtt":
            self.gateway.start("gangway-mqtt", "--no-wait")
        if self.is_refused_first:
            lab.wait_for("the refusal is taken", lambda: self.victim.has_died)
            self.cloud("claim-credential", "lab")
        lab.wait_for("the box is a gateway", self.is_gateway)
        device, state = self.straight()
        return {device.id: state}


class Renewal(Tour):
    """The time comes to renew the gateway's own certificate, while a device is aboard."""
    NAME = "renewal"
    OPTIONS = ("--clocks",)
    IS_LAST = True  # what was issued in it is late in the next
    STEPS = ("mqtt.provision", "mqtt.provisioned", "mqtt.slot-key", "mqtt.slot-certificate", "mqtt.slot-switch",
             "mqtt.slot-retire", "cloud.provision", "cloud.provisioned")

    def walk(self):
        first, _ = self.straight("BEFORE")
        [before] = self.own_live()
        self.gateway.stop("gangwayd")
        for side in SIDES:
            self.gateway.set_clock(side, f"+{DUE_S}")
        self.gateway.start("gangwayd", "--no-wait")
        lab.wait_for("it has another certificate", lambda: self.is_gateway() and self.own_live() != [before])
        second, _ = self.straight("AFTER")
        return {first.id: "onboarded", second.id: "onboarded"}


class Authority(Tour):
    """The broker's authority is replaced by another: both are told of, the broker changes, the old one goes."""
    NAME = "authority"
    IS_LAST = True  # the files that others are given are the old one's
    STEPS = ("agent.anchors", "agent.command", "mqtt.command", "mqtt.anchors", "mqtt.answer", "cloud.roll",
             "cloud.command", "cloud.answered")

    def prepare(self):
        self.broker = self.gateway.folder / "run/cloud/broker"
        self.anchors = self.broker / "anchors.crt"
        self.old = self.anchors.read_bytes()
        self.new, self.certificate = self.sign()

    def openssl(self, *words, input=None):
        return subprocess.run(["openssl", *words], input=input, check=True, capture_output=True).stdout

    def sign(self):
        """A new authority, and the broker's certificate by it."""
        key, ca, extensions = (self.gateway.folder / f"run/next.{kind}" for kind in ("key", "crt", "ext"))
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                     "-out", ca, "-subj", "/CN=next", "-days", "300")
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
        request = self.openssl("req", "-new", "-key", self.broker / "server.key", "-subj", "/CN=localhost")
        return ca.read_bytes(), self.openssl("x509", "-req", "-CA", ca, "-CAkey", key, "-set_serial", "78", "-days", "300",
                                             "-extfile", extensions, input=request)

    def der(self, certificate):
        return self.openssl("x509", "-outform", "DER", input=certificate)

    def tell(self, *anchors):
        """Until the gateway has just these."""
        self.anchors.write_bytes(b"".join(anchors))
        wanted = b"".join(map(self.der, anchors))
        self.insist(f"{len(anchors)} anchors", lambda: self.cloud("roll", "tell"),
                    lambda: cells.anchors(self.own_folder)[1] == wanted)

    def walk(self):
        device, state = self.straight("BEFORE")
        self.tell(self.old, self.new)
        (self.broker / "server.crt").write_bytes(self.certificate)
        self.gateway.restart("mosquitto", "--no-wait")
        lab.wait_for("the gateway is at the broker once more", self.is_gateway)
        self.tell(self.new)
        self.gateway.restart("gangway-mqtt", "--no-wait")
        lab.wait_for("it comes by the new authority alone", self.is_gateway)
        self.must_be_forgotten()
        other, _ = self.straight("AFTER")
        return {device.id: state, other.id: "onboarded"}

    def must_be_forgotten(self):
        lab.wait_for("nothing of the old authority is held on to",
                     lambda: cells.read(self.own_folder, "anchor-in-use") == b"")


class Reset(Tour):
    """The gateway is reset to factory state: nothing of it is left here and there, and it begins again by its claim."""
    NAME = "reset"
    STEPS = ("agent.reset", "mqtt.relinquished", "mqtt.slot-forget", "cloud.relinquished")

    def walk(self):
        aboard, _ = self.straight("GOES")
        claimed = self.device("NEVER")
        self.claim(claimed)
        [before] = self.own_live()
        key = cells.read(self.own_folder, cells.live_slot(self.own_folder))[40:200]
        self.insist("all is forgotten", lambda: self.ctl("factory-reset", "--yes", "--wait", "0"),
                    lambda: self.devices() == [])
        lab.wait_for("it is another gateway", lambda: self.is_gateway() and before not in self.own_live())
        lab.wait_for("the cloud has heard of all", lambda: self.gateway.status().get("jobs_waiting") == 0)
        self.must_be_gone(key)
        fresh, state = self.straight("FRESH")
        return {aboard.id: None, claimed.id: None, fresh.id: state}

    def devices(self):
        """None while there is nobody to ask."""
        listed = self.gateway.ctl("--json", "devices", check=False)
        return json.loads(listed.stdout) if listed.returncode == 0 else None

    def must_be_gone(self, key):
        left = [path.name for path in self.own_folder.iterdir() if key in path.read_bytes()]
        left += [c["device"] for c in self.gateway.certificates() if c["state"] != "revoked"]
        if left:
            raise AssertionError(f"after the reset there is {' and '.join(left)}")


class Spare(Tour):
    """What the cloud is told about gateways, here of one that there is not."""
    NAME = "spare"
    STEPS = ("cloud.claim-credential", "cloud.revoke-gateway")

    def walk(self):
        name = f"spare-{self.number}"

        def states(what, key):
            return [row["state"] for row in self.listed(what) if row[key] == name]

        self.insist(f"claim {name}", lambda: self.cloud("claim-credential", name),
                    lambda: states("--claims", "name") == ["open"])
        self.insist(f"{name} is there", lambda: self.cloud("init", "--gateway", name),
                    lambda: states("--gateways", "gateway") == ["live"])
        self.insist(f"{name} is revoked", lambda: self.cloud("revoke-gateway", name),
                    lambda: states("--gateways", "gateway") == ["revoked"])
        device, state = self.straight()
        return {device.id: state}


class OtherGateway:
    """Where mqtt.Client finds the credentials of a gateway that devices go to."""

    def __init__(self, gateway):
        self.cloud = pathlib.Path(gateway.variables["GANGWAY_CLOUD_DIR"])
        self.port = urllib.parse.urlsplit(gateway.variables["GANGWAY_BROKER"]).port

    def path(self, name):
        name, _, kind = name.rpartition(".")
        if name == "ca":
            return str(self.cloud / "broker/ca.crt")
        return str(self.cloud / "gateways" / name / ("cloud-cert" if kind == "crt" else "cloud-key"))

    def take(self, certificate, job):
        """A device stands there. False: there was no answer, or a no."""
        question = {"v": 1, "kind": "adopt", "id": job, "device": certificate["device"],
                    "serial": certificate["serial"], "key": certificate["key_sha256"]}
        with contextlib.closing(mqtt.Client(self, self.port, OTHER)) as client:
            client.subscribe(f"gangway/v1/{OTHER}/response")
            client.publish(f"gangway/v1/{OTHER}/request", json.dumps(question))
            with contextlib.suppress(TimeoutError):
                answer = client.expect(f"gangway/v1/{OTHER}/response", limit=ASK_AGAIN_S)
                return json.loads(answer.body)["kind"] == "issued"
        return False


class Moving(Tour):
    """A device goes to another gateway by the registry's word on roaming, and home because that one's place was taken."""
    NAME = "moving"
    IS_LAST = True  # nobody is there to answer what the other gateway is told
    STEPS = ("agent.adopt", "agent.adopted", "cloud.adopt", "cloud.replace-gateway", "cloud.roaming")

    def walk(self):
        device, state = self.moved_and_back()
        return {device.id: state}

    def is_at(self, device, gateway):
        return [c["gateway"] for c in self.gateway.certificates(device.id) if c["state"] == "live"] == [gateway]

    def moved_and_back(self):
        device, _ = self.straight("MOVED")
        self.insist(f"{OTHER} is there", lambda: self.cloud("init", "--gateway", OTHER),
                    lambda: (self.gateway.folder / "run/cloud/gateways" / OTHER / "cloud-cert").exists())
        self.insist("devices may roam", lambda: self.cloud("roaming", "follow"), self.may_roam)
        other = OtherGateway(self.gateway)
        [certificate] = [c for c in self.gateway.certificates(device.id) if c["state"] == "live"]
        self.insist(f"{device.id} goes to {OTHER}", lambda: other.take(certificate, f"take-{device.id}"),
                    lambda: self.is_at(device, OTHER))
        lab.wait_for(f"{device.id} has left", lambda: self.gateway.state(device.id) == "rejected")
        self.insist("devices stay", lambda: self.cloud("roaming", "refuse"), lambda: not self.may_roam())
        self.insist(f"{OTHER} is replaced", lambda: self.cloud("replace-gateway", OTHER, "lab"),
                    lambda: self.is_replaced(OTHER))
        self.insist(f"{device.id} comes home", lambda: self.switch_on(device),
                    lambda: self.gateway.state(device.id) == "onboarded")
        self.must_hold_its_live_certificate(device)
        return device, "onboarded"

    def may_roam(self):
        return bool(self.registry("SELECT * FROM roaming"))

    def is_replaced(self, name):
        return self.registry(f"SELECT replaced_by FROM gateway WHERE id = '{name}'") == [("lab",)]


ALL = (Fleet, SetBack, NewBox, Renewal, Authority, Reset, Spare, Moving)
