#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The schemas of the cloud dialect: every example in the document fits, and every damage to it is seen."""
import copy
import itertools
import json
import re
import unittest

import schema

DOCUMENT = schema.FOLDER.parent / "cloud.md"
BASE64 = {"crl": "MAA=", "csr": "MA==", "certificate": "MA==", "chain": "MA==", "device": "MA==", "registrar": "MA==",
          "broker": "MA==",
          "secret_sealed": "A" * 100, "box_key": "A" * 43 + "="}
TOPICS = {"Requests": "request", "Responses": "response", "Commands": "command", "Status": "status",
          "Events": "event"}


def examples():
    """Yields (topic, body) for each example, its <placeholders> filled in."""
    section = None
    text = DOCUMENT.read_text()
    for block in re.split(r"\n(?=## |    \{|\n)", text):
        block = block.strip("\n")
        if block.startswith("## "):
            section = block[3:].splitlines()[0]
        if not block.startswith("    {"):
            continue
        body = json.loads(block)
        for key, value in list(body.items()):
            fill(body, key, value)
        topic = TOPICS[section]
        if topic == "command" and body["kind"] in ("done", "refused"):
            topic = "answer"
        yield topic, body


def fill(node, key, value):
    if isinstance(value, dict):
        for k, v in list(value.items()):
            fill(value, k, v)
    elif key == "events":
        for event in value:
            for k, v in event.items():
                fill(event, k, v)
    elif isinstance(value, list) and key in BASE64:
        node[key] = [BASE64[key] for _ in value]
    elif isinstance(value, str) and value.startswith("<"):
        hexes = {"key": "0a" * 32, "digest": "0a" * 32, "mac": "0a" * 32, "before": "0a" * 32, "serial": "0a"}
        node[key] = BASE64.get(key) or hexes.get(key) or "some-1"


class Examples(unittest.TestCase):
    def setUp(self):
        self.schemas = schema.Schemas()

    def test_every_kind_has_an_example_that_fits(self):
        seen = {(topic, self.schemas.check(topic, body)["kind"]) for topic, body in examples()}
        for topic in (*TOPICS.values(), "answer"):
            kind = self.schemas.files[f"{topic}.schema.json"]["properties"]["kind"]
            for name in kind.get("enum") or [kind["const"]]:
                self.assertIn((topic, name), seen)

    def test_a_member_of_another_type_is_refused(self):
        for topic, body in examples():
            for member in body:
                for wrong in (None, [], {}, 1.5, "", "a\n", True, -1):
                    if type(wrong) is type(body[member]) and wrong in (True, []):
                        continue
                    damaged = copy.deepcopy(body)
                    damaged[member] = wrong
                    if member == "text" and isinstance(wrong, str):
                        continue
                    with self.assertRaises(schema.Invalid, msg=f"{topic} {body['kind']} {member}={wrong!r}"):
                        self.schemas.check(topic, damaged)

    def test_a_missing_member_is_refused_unless_it_is_optional(self):
        optional = {"time", "text", "claim_expires", "replace", "box_key"}
        optional_of = {("revoke", "reason"), ("suspend", "reason"), ("pending", "reason"), ("refused", "retry_after"),
                       ("revoked", "device"), ("provision", "serial"), ("issued", "anchors")}
        for topic, body in examples():
            for member in body:
                damaged = {k: v for k, v in body.items() if k != member}
                if member in optional or (body["kind"], member) in optional_of:
                    self.schemas.check(topic, damaged)
                else:
                    with self.assertRaises(schema.Invalid, msg=f"{topic} {body['kind']} without {member}"):
                        self.schemas.check(topic, damaged)

    def test_a_claim_has_one_secret(self):
        body = next(b for t, b in examples() if b["kind"] == "claim")
        with self.assertRaises(schema.Invalid):
            self.schemas.check("command", body | {"secret": "A" * 20})

    def test_a_command_is_about_one_device_or_one_list(self):
        head = {"v": 1, "id": "c", "seq": 1, "expires_at": 0}
        members = {"device": "A", "devices": ["A", "B"], "serials": ["0a"]}
        brings = {"withdraw": ["device"], "revoke": ["device", "devices", "serials"], "suspend": ["device", "devices"],
                  "resume": ["device", "devices"], "decommission": ["device", "devices"]}
        for kind, good in brings.items():
            body = head | {"kind": kind}
            for member in good:
                self.schemas.check("command", body | {member: members[member]})
            for several in ({}, *({a: members[a], b: members[b]} for a, b in itertools.combinations(good, 2))):
                with self.assertRaises(schema.Invalid, msg=f"{kind} {several}"):
                    self.schemas.check("command", body | several)
        for wrong in ([], ["A"] * 257, ["A", ""], ["A", 1], ["a/b"]):
            with self.assertRaises(schema.Invalid, msg=str(wrong)[:40]):
                self.schemas.check("command", head | {"kind": "suspend", "devices": wrong})

    def test_a_record_is_held_to_its_form(self):
        body = next(b for t, b in examples() if b["kind"] == "events")
        for member, wrong in (("n", 0), ("n", "1"), ("time", -1), ("event", "A b"), ("device", ""), ("who", "\n"),
                              ("reason", ""), ("detail", "x" * 257), ("mac", "0a"), ("mac", None)):
            damaged = copy.deepcopy(body)
            damaged["events"][1][member] = wrong
            with self.assertRaises(schema.Invalid, msg=f"{member}={wrong!r}"):
                self.schemas.check("event", damaged)
        self.schemas.check("event", body | {"events": []})
        for events in (body["events"][:1] * 65, [1]):
            with self.assertRaises(schema.Invalid):
                self.schemas.check("event", body | {"events": events})

    def test_unknown_members_are_ignored(self):
        for topic, body in examples():
            self.schemas.check(topic, body | {"later": [1, {}]})

    def test_not_json(self):
        with self.assertRaises(schema.Invalid):
            self.schemas.check("request", b"{")


if __name__ == "__main__":
    unittest.main()
