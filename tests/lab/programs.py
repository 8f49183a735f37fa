# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs of a set, in the order in which they are started: how each is called, in which
environment, and how to see that it is up."""
import json
import subprocess

import network


def status(lab):
    """What `gangwayctl status` says; None while there is nobody to ask."""
    answer = subprocess.run(["gangwayctl", "--json", "status"], env=lab.environment(),
                            capture_output=True, text=True)
    return json.loads(answer.stdout) if answer.returncode == 0 else None


class Program:
    """One program; `lab` is the set that it belongs to."""
    name = None
    needs = ()  # who must be there for it to come up

    def command(self, lab):
        return [self.name]

    def environment(self, lab):
        return {}

    def is_up(self, lab):
        return True


class Bus(Program):
    name = "dbus-daemon"

    def command(self, lab):
        return ["dbus-daemon", f"--config-file={lab.run}/bus.conf", "--nofork", "--nopidfile"]

    def is_up(self, lab):
        return lab.bus_socket.is_socket()


class Broker(Program):
    name = "mosquitto"

    def command(self, lab):
        return ["mosquitto", "-c", f"{lab.run}/broker.conf"]

    def is_up(self, lab):
        return network.accepts(lab.facts["broker_port"])


class Cloud(Program):
    name = "gangway-cloud"

    def command(self, lab):
        lifetime = lab.facts["lifetime"]
        return ["gangway-cloud", "serve", str(lab.cloud), *(["--lifetime", lifetime] if lifetime else [])]


class Agent(Program):
    name = "gangwayd"
    needs = (Bus.name,)

    def command(self, lab):
        return ["gangwayd", "--config", f"{lab.run}/gangway.conf", "--link", str(lab.link),
                "--state", str(lab.state)]

    def environment(self, lab):
        return {"CREDENTIALS_DIRECTORY": str(lab.credentials)}

    def is_up(self, lab):
        return status(lab) is not None


class Plugin(Program):
    needs = (Bus.name, Agent.name)

    def __init__(self, role):
        self.role = role
        self.name = f"gangway-{role}"

    def command(self, lab):
        return [self.name, "--link", str(lab.link)]

    def is_up(self, lab):
        return any(plugin["name"] == self.role for plugin in (status(lab) or {}).get("plugins", []))


class Ip(Plugin):
    def command(self, lab):
        return lab.in_gateway_network(super().command(lab))


class CloudLink(Plugin):
    def command(self, lab):
        return [*super().command(lab), "--state", f"{lab.run}/mqtt-state"]

    def environment(self, lab):
        return {"CREDENTIALS_DIRECTORY": str(lab.cloud / "gateways" / lab.facts["gateway"])}


PROGRAMS = {p.name: p for p in (Bus(), Broker(), Cloud(), Agent(), Plugin("registrar"), Ip("ip"),
                                CloudLink("mqtt"))}
SHARED = (Broker.name, Cloud.name)  # of sets that stand beside each other


def complaints(lab):
    """What keeps the set, all of which is up, from taking devices aboard."""
    now = status(lab)
    if not now:
        return ["gangwayd does not answer"]
    plugins = [f"gangway-{p['name']}: {p['text']}" for p in now["plugins"] if not p["healthy"]]
    if now["cloud_state"] != "online":
        plugins.append(f"the cloud is {now['cloud_state']}: {now['cloud_text']}")
    if not plugins and not lab.answers_devices():
        plugins.append("a device that knocks gets no answer")
    return plugins
