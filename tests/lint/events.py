# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said to the journal: every event is explained, and every explanation is of an event."""
import re

from tree import Complaint

TABLE = "lib/event.h"
CATALOGUE = "etc/gangway.catalog"
FIELDS = "lib/log-fields.c"
PAGE = "doc/journal.md"

EVENT = re.compile(r'X\((\w+), "([a-z-]+)", "([^"]*)", \d+\)')
ENTRY = re.compile(r"^-- (\S+)$")
FIELD = re.compile(r'"(GANGWAY_[A-Z_]+)"')
QUOTED = re.compile(r"@([A-Z_]+)@")


def events_of(tree):
    """Yields (line, NAME, name, id)."""
    for number, line in tree.lines(TABLE):
        for match in EVENT.finditer(line):
            yield number, *match.groups()


def check_ids(tree):
    """Ids are 128 bits, and no two events have the same id or name."""
    seen = {}
    for number, _, name, ident in events_of(tree):
        if not re.fullmatch("[0-9a-f]{32}", ident):
            yield Complaint(TABLE, number, f"{name}: {ident} is no id; make one with systemd-id128 new")
        for value in (name, ident):
            if value in seen:
                yield Complaint(TABLE, number, f"{name}: {value} is taken by line {seen[value]}")
            seen.setdefault(value, number)


def check_catalogue(tree):
    """Every event has its entry under its name, with a subject and a text; there are no others."""
    names = {ident: name for _, _, name, ident in events_of(tree)}
    lines = dict(tree.lines(CATALOGUE)) if CATALOGUE in tree.files else {}
    fields = set(FIELD.findall(tree.text(FIELDS) or "")) if FIELDS in tree.files else set()
    explained = set()
    for number, line in lines.items():
        for field in set(QUOTED.findall(line)) - fields:
            yield Complaint(CATALOGUE, number, f"no line has a field {field}")
        match = ENTRY.match(line)
        if not match:
            continue
        name = names.get(match[1])
        if name is None or match[1] in explained:
            yield Complaint(CATALOGUE, number, f"{match[1]} is " + ("the id of no event" if name is None else "explained twice"))
        elif lines.get(number - 1) != f"# {name}":
            yield Complaint(CATALOGUE, number, f"the line above must be # {name}")
        if not lines.get(number + 1, "").startswith("Subject: "):
            yield Complaint(CATALOGUE, number, "the line below must be its subject")
        explained.add(match[1])
    for number, _, name, ident in events_of(tree):
        if ident not in explained:
            yield Complaint(TABLE, number, f"{name} is not explained in {CATALOGUE}")


def check_events_used(tree):
    """Every event happens somewhere."""
    code = "\n".join(tree.text(p) or "" for p in tree.named(".c") if not p.startswith(("tests/", "lib/event")))
    for number, constant, name, _ in events_of(tree):
        if not re.search(rf"\bGW_EVENT_{constant}\b|gw_log_event\(\s*\w+,\s*{constant}\b", code):
            yield Complaint(TABLE, number, f"{name} never happens")


def check_events_told(tree):
    """The page about the journal names every event and every field."""
    if TABLE not in tree.files:
        return
    page = tree.text(PAGE) if PAGE in tree.files else ""
    for number, _, name, _ in events_of(tree):
        if f"`{name}`" not in page:
            yield Complaint(TABLE, number, f"{PAGE} does not tell of {name}")
    for number, line in tree.lines(FIELDS):
        for field in FIELD.findall(line):
            if f"`{field}`" not in page:
                yield Complaint(FIELDS, number, f"{PAGE} does not tell of {field}")


RULES = {"event-ids": check_ids, "catalogue": check_catalogue, "events-used": check_events_used,
         "events-told": check_events_told}
