#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""No statement of the agent's store or the cloud's registry walks through a table that grows, but for those listed.

Statements are taken from the sources, so that one which no test runs is looked at as well; SQLite says how it would go
about each, on empty tables of the schema that the sources make.
"""
import os
import pathlib
import re
import sqlite3
import unittest

TOP = pathlib.Path(os.environ["top_srcdir"])

TOKEN = re.compile(r"""(?P<text>"(?:[^"\\]|\\.)*")|(?P<name>\w+)|(?P<gone>/\*.*?\*/|'(?:[^'\\]|\\.)*'|\\\n|\s+)|.""",
                   re.DOTALL)
STATEMENT = re.compile(r"(SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH)\s")
SCHEMA = re.compile(r"(CREATE|ALTER)\s")
MACRO = re.compile(r"^#define (\w+)((?:\\\n|[^\n])*)$", re.MULTILINE)
WALK = re.compile(r"(?:SCAN|SEARCH) (?:TABLE )?(\w+)(?!.*\()")

END = "the first or last entry of an index"
LISTS = (
    'SELECT serial, device, gateway, tenant, claim, job, key_sha256, state, reason, not_before, not_after, renews,'
    ' authority, EXISTS(SELECT 1 FROM suspended WHERE suspended.device = certificate.device) FROM certificate'
    ' ORDER BY number',
    'SELECT number, id, gateway, kind, device, tenant, claim, claim_expires, "replace", NULL, reason, expires_at,'
    ' not_before, made_at, seq, state, outcome, list FROM command ORDER BY number',
    'SELECT serial, gateway, claim, job, key_sha256, state, reason, not_before, not_after FROM gateway_certificate'
    ' ORDER BY gateway, number',
    'SELECT gateway, branch, broken, n, time, event, device, who, reason, detail, event.mac FROM event JOIN branch'
    ' USING (gateway, branch) WHERE ?1 IS NULL OR gateway = ?1 ORDER BY gateway, branch, n',
)


def tokens(text):
    return [m for m in TOKEN.finditer(text) if not m["gone"]]


def values_of(statement):
    """How many values it is given; a question mark without a number is one more than the largest before it."""
    largest = 0
    for number in re.findall(r"\?(\d*)", statement):
        largest = max(largest, int(number)) if number else largest + 1
    return largest


class Source:
    def __init__(self, path):
        text = path.read_text()
        self.macros = {}
        for name, value in MACRO.findall(text):
            found = tokens(value)
            if found and all(token["text"] or token["name"] in self.macros for token in found):
                self.macros[name] = "".join(map(self.text, found))
        self.tokens = tokens(MACRO.sub("", text))

    def text(self, token):
        if token["text"]:
            return token["text"][1:-1].replace('\\"', '"')
        return self.macros.get(token["name"])

    def literals(self):
        """All of them, those beside each other as one."""
        parts = []
        for token in self.tokens:
            text = self.text(token)
            if text is not None:
                parts.append(text)
            elif parts:
                yield "".join(parts)
                parts = []

    def statements(self):
        return [" ".join(text.split()) for text in self.literals() if STATEMENT.match(text)]

    def schema(self):
        return "".join(text for text in self.literals() if SCHEMA.match(text))


class Plans(unittest.TestCase):
    maxDiff = None

    def check(self, folder, schema, small, walks):
        db = sqlite3.connect(":memory:")
        db.executescript(Source(TOP / folder / schema).schema())
        seen = {}
        for path in sorted((TOP / folder).glob("*.c")):
            for statement in Source(path).statements():
                # Bound to nothing, as it is when it is compiled.
                plan = db.execute("EXPLAIN QUERY PLAN " + statement, [None] * values_of(statement))
                for *_, step in plan:
                    walk = WALK.match(step)
                    if walk and walk[1] not in small:
                        seen[statement] = f"{path.name}: {step}"
        self.assertEqual({s: seen[s] for s in seen.keys() - walks.keys()}, {},
                         "walk through a table: give them an index, or a line in this test with the reason")
        self.assertEqual(walks.keys() - seen.keys(), set(), "these walk through no table any more")

    def test_agent(self):
        self.check("agent", "store-schema.c", {"anchors", "meta", "crl"}, {
            "SELECT min(created) FROM job": END,
            "SELECT min(n) FROM audit": END,
            "SELECT max(created) FROM job": END,
            "SELECT min(issued) FROM certificate WHERE state = 'candidate'": END,
            "SELECT min(not_after) FROM certificate WHERE state = 'candidate'": END,
            "SELECT min(issued) FROM certificate WHERE state = 'left'": END,
            "SELECT count(*) FROM (SELECT 1 FROM audit LIMIT 1)": "a single row",
            "SELECT 1 FROM job WHERE kind = ? LIMIT 1": "ends at the first; after a reset nearly all are (agent/reset.c)",
            "SELECT count(*) FROM job": "counts the entries of an index, as many as [limits] jobs",
            "SELECT count(*) FROM device": "counts the entries of an index, as many as [limits] devices",
            "SELECT device, not_before, not_after, issued, renew_asked, approval, issuer FROM certificate WHERE state = 'live'"
            " AND device NOT IN (SELECT id FROM device WHERE state = 'suspended') ORDER BY not_after":
                "a person asked for it; all of an index, and seldom (agent/outlook.c)",
            "UPDATE claim SET expires = ? - expires WHERE expires < 0": "once the time is known",
        })

    def test_cloud(self):
        small = {"setting", "gateway", "tenancy", "roaming", "branch", "gateway_claim", "gateway_claim_list",
                 "gateway_claim_tenancy"}
        self.check("tools/cloud", "registry.c", small, {
            "SELECT DISTINCT gateway FROM command WHERE state IN ('waiting', 'sent')": "all of an index, of open ones",
            "SELECT count(DISTINCT device) FROM certificate WHERE authority = ? AND state <> 'revoked'": "the verb roll",
            "SELECT coalesce(max(number), 0) FROM certificate": "the end of a key",
            "SELECT max(?2, coalesce((SELECT number + 1 FROM crl WHERE authority = ?1), 0))": "a single row",
            "SELECT serial, reason FROM certificate WHERE state = 'revoked' AND authority = ? AND not_after > ?"
            " ORDER BY number": "a revocation list is made",
        } | {statement: "the verb list" for statement in LISTS})


if __name__ == "__main__":
    unittest.main()
