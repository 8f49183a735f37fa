#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds gateways' stores against the cloud's registry, after whatever was done to the programs.

    checker.py CLOUD GATEWAY=STATE...    gangway-cloud's folder, gangwayd's state folder of each gateway
                                         that it has; while nothing is under way

It reads both databases itself and believes neither program. What it demands:

- a device is aboard, or can go on: its claim is open and its secret is there, or a request of it waits;
- a claim is of use once: a burned or closed one has lost its secret, and a spent one has no certificate
  that could still be proved;
- a device has one live certificate at most, and everything else that was issued to it is revoked;
- a device is aboard at one gateway at most, and that is where the cloud says that it is at home;
- both sides tell the same of each certificate: nothing was issued that the gateway does not know;
- what the cloud was told of the record is one chain without a gap, and the gateway's.
"""
import collections
import contextlib
import pathlib
import sqlite3
import sys

WAY_ABOARD = ("claimed", "enrolling", "issued")
OUTSIDE = ("rejected", "revoked", "decommissioned")
STATES = (*WAY_ABOARD, *OUTSIDE, "onboarded", "suspended")
ENROLL = 0  # enum gw_request_kind


def rows(path, query):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        return db.execute(query).fetchall()


class Store:
    """What the gateway has on record."""

    def __init__(self, folder):
        path = pathlib.Path(folder) / "gangway.db"
        self.devices = {r["id"]: r for r in rows(path, "SELECT * FROM device")}
        self.claims = {r["id"]: r for r in rows(path, "SELECT * FROM claim")}
        self.certificates = {r["serial"].hex(): r for r in rows(path, "SELECT * FROM certificate")}
        self.jobs = rows(path, "SELECT * FROM job")
        self.record = {r["n"]: r["mac"].hex() for r in rows(path, "SELECT n, mac FROM audit")}


class Registry:
    """What the cloud has on record; `here` is the gateway whose store is looked at."""

    def __init__(self, folder, here):
        path = pathlib.Path(folder) / "registry.db"
        self.here = here
        self.claims = {r["id"]: r for r in rows(path, "SELECT * FROM claim")}
        self.certificates = {r["serial"]: r for r in rows(path, "SELECT * FROM certificate")}
        self.events = [r for r in rows(path, "SELECT * FROM event ORDER BY branch, n") if r["gateway"] == here]

    def is_elsewhere(self, certificate):
        return certificate["gateway"] != self.here


def by_device(certificates, state):
    found = collections.defaultdict(list)
    for serial, certificate in certificates.items():
        if certificate["state"] == state:
            found[certificate["device"]].append(serial)
    return found


def check_devices(store):
    """Every device is aboard, outside, or can go on."""
    open_claims = collections.defaultdict(list)
    for claim in store.claims.values():
        if claim["state"] == "open":
            open_claims[claim["device"]].append(claim)
    live, candidates = (by_device(store.certificates, s) for s in ("live", "candidate"))
    enrolling = {job["device"] for job in store.jobs if job["kind"] == ENROLL}

    for device in store.devices.values():
        name, state = device["id"], device["state"]
        if state not in STATES:
            yield f"{name}: is {state}"
        if len(open_claims[name]) > 1:
            yield f"{name}: has {len(open_claims[name])} open claims"
        if len(live[name]) > 1 or len(candidates[name]) > 1:
            yield f"{name}: has {len(live[name])} live certificates, {len(candidates[name])} candidates"

        if state in WAY_ABOARD:
            if not any(claim["secret"] for claim in open_claims[name]):
                yield f"{name}: is {state}, but its claim has no secret to come with"
            elif open_claims[name][0]["id"] != device["claim"]:
                yield f"{name}: is {state} under another claim than the open one"
        elif open_claims[name]:
            yield f"{name}: is {state}, but can still be claimed with its secret"
        if state == "enrolling" and name not in enrolling:
            yield f"{name}: is enrolling, but no request of it waits: it is lost"
        if (state == "issued") != bool(candidates[name]):
            yield f"{name}: is {state} with {len(candidates[name])} unproved certificates"
        if state in ("onboarded", "suspended") and not live[name]:
            yield f"{name}: is {state} without a certificate"
        if state in OUTSIDE and (live[name] or candidates[name]):
            yield f"{name}: is {state}, but has a certificate that is good"


def check_claims(store, registry):
    """Each is of use once, and both sides know when it was used."""
    for claim in store.claims.values():
        if (claim["state"] == "open") != bool(claim["secret"]):
            yield f"claim {claim['id']}: is {claim['state']} and " \
                  f"{'has' if claim['secret'] else 'lacks'} its secret"
        theirs = registry.claims.get(claim["id"])
        if (claim["state"] == "burned") != bool(theirs and theirs["state"] == "spent"):
            yield f"claim {claim['id']}: is {claim['state']} here, " \
                  f"{theirs['state'] if theirs else 'unknown'} in the cloud"

    good = collections.defaultdict(list)
    for certificate in registry.certificates.values():
        if certificate["state"] != "revoked":
            good[certificate["claim"]].append(certificate["state"])
    for claim in registry.claims.values():
        allowed = ["live"] if claim["state"] == "spent" else ["candidate"]
        if good[claim["id"]] not in ([], allowed):
            yield f"claim {claim['id']}: is {claim['state']} in the cloud, its certificates are " \
                  f"{' and '.join(good[claim['id']])}"


def check_certificates(store, registry):
    """Both sides tell the same."""
    for device, serials in by_device(registry.certificates, "live").items():
        if len(serials) > 1:
            yield f"{device}: has {len(serials)} live certificates in the cloud"
    for serial, theirs in registry.certificates.items():
        ours = store.certificates.get(serial)
        if not ours and theirs["state"] != "revoked" and not registry.is_elsewhere(theirs):
            yield f"{theirs['device']}: {serial} is {theirs['state']} in the cloud, unknown here"
    for serial, ours in store.certificates.items():
        if ours["state"] == "left":
            continue  # a fingerprint, for the notice
        theirs = registry.certificates.get(serial)
        if not theirs:
            yield f"{ours['device']}: {serial} is not the cloud's"
            continue
        allowed = "revoked" if registry.is_elsewhere(theirs) else theirs["state"]
        if ours["state"] != allowed:
            yield f"{ours['device']}: {serial} is {ours['state']} here, " \
                  f"{theirs['state']} in the cloud, at {theirs['gateway']}"
        for ours_name, theirs_name in (("device", "device"), ("claim", "claim")):
            if ours[ours_name] != theirs[theirs_name]:
                yield f"{serial}: {ours_name} {ours[ours_name]} here, {theirs[theirs_name]} there"
        if ours["key"].hex() != theirs["key_sha256"]:
            yield f"{ours['device']}: {serial} carries another key in the cloud"


def check_record(store, registry):
    """What the cloud has of it follows one on the other, and is ours."""
    told = [event["n"] for event in registry.events]
    if told != list(range(1, len(told) + 1)):
        yield f"the cloud has records {told}"
    for event in registry.events:
        if event["branch"] != 1:
            yield f"record {event['n']} came as one of another chain"
        if store.record.get(event["n"], event["mac"]) != event["mac"]:
            yield f"record {event['n']} is another in the cloud"
    if store.record and min(store.record) > len(told) + 1:
        yield f"records went that the cloud does not have: it has {len(told)}, here are those from {min(store.record)} on"


def check(state, cloud, here="lab"):
    """All that is wrong at one gateway, a line each."""
    store, registry = Store(state), Registry(cloud, here)
    wrong = [f"a job waits: {job['kind']} of {job['device'] or 'the registrar'}" for job in store.jobs]
    wrong += check_devices(store)
    wrong += check_claims(store, registry)
    wrong += check_certificates(store, registry)
    wrong += check_record(store, registry)
    return wrong


def check_fleet(cloud, states):
    """The same of several; states: by gateway."""
    wrong = [f"{here}: {line}" for here, state in states.items() for line in check(state, cloud, here)]
    aboard = collections.defaultdict(list)
    for here, state in states.items():
        for device in Store(state).devices.values():
            if device["state"] in ("onboarded", "suspended"):
                aboard[device["id"]].append(here)
    return wrong + [f"{device} is aboard at {' and '.join(gateways)}"
                    for device, gateways in aboard.items() if len(gateways) > 1]


if __name__ == "__main__":
    if len(sys.argv) < 3 or not all("=" in argument for argument in sys.argv[2:]):
        sys.exit(__doc__)
    complaints = check_fleet(sys.argv[1], dict(argument.split("=", 1) for argument in sys.argv[2:]))
    print("\n".join(complaints) or "all is well")
    sys.exit(1 if complaints else 0)
