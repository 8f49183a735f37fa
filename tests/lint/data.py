# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that programs read: they parse, and say what they must."""
import json
import xml.etree.ElementTree

import dbus
from tree import Complaint


def refuse_repeated(pairs):
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"'{key}' stands there twice")
    return dict(pairs)


def check_json(tree):
    """JSON parses, and no object has a key twice."""
    for path in tree.named(".json"):
        try:
            json.loads(tree.text(path) or "", object_pairs_hook=refuse_repeated)
        except json.JSONDecodeError as error:
            yield Complaint(path, error.lineno, f"is not JSON: {error.msg}")
        except ValueError as error:
            yield Complaint(path, 1, f"is not JSON: {error}")


def check_xml(tree):
    """XML parses."""
    for path in tree.named(".xml", ".policy"):
        try:
            xml.etree.ElementTree.fromstring(tree.text(path) or "")
        except xml.etree.ElementTree.ParseError as error:
            yield Complaint(path, error.position[0], f"is not XML: {error}")


def line_of(tree, path, text):
    return next((number for number, line in tree.lines(path) if text in line), 1)


def check_dbus(tree):
    """A file dbus/NAME.xml holds the interface NAME, every argument and property of it has a type."""
    for path in tree.named(".xml"):
        if not path.startswith("dbus/"):
            continue
        try:
            root = xml.etree.ElementTree.fromstring(tree.text(path) or "")
        except xml.etree.ElementTree.ParseError:
            continue  # said above
        name = path[len("dbus/"):-len(".xml")]
        if root.tag != "node" or list(dbus.read(tree.text(path))) != [name]:
            yield Complaint(path, 1, f"must be a node with the interface {name}, and no other")
        for element in root.iter():
            if element.tag in ("arg", "property") and not dbus.is_type(element.get("type", "")):
                yield Complaint(path, line_of(tree, path, f'"{element.get("name")}"'),
                                f"{element.tag} {element.get('name')} has no type that D-Bus knows")


RULES = {"json": check_json, "xml": check_xml, "dbus": check_dbus}
