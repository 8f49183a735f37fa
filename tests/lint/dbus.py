# SPDX-License-Identifier: GPL-2.0-or-later
"""D-Bus interfaces as a comparable value: of a file in dbus/, and of what a service answers to Introspect.

    dbus.differences(dbus.read(file), dbus.read(answer))  ->  a list of sentences, empty if they agree
"""
import xml.etree.ElementTree

BASIC = "ybnqiuxtdsogh"
STANDARD = "org.freedesktop.DBus."
EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"


def _type_end(signature, at):
    """Where the complete type ends that begins there; raises IndexError or ValueError if there is none."""
    if signature[at] in BASIC + "v":
        return at + 1
    if signature.startswith("a{", at):
        if signature[at + 2] not in BASIC:
            raise ValueError(signature)
        at = _type_end(signature, at + 3)
        closing = "}"
    elif signature[at] == "a":
        return _type_end(signature, at + 1)
    elif signature[at] == "(":
        at, closing = _type_end(signature, at + 1), ")"
        while signature[at] != closing:
            at = _type_end(signature, at)
    else:
        raise ValueError(signature)
    if signature[at] != closing:
        raise ValueError(signature)
    return at + 1


def is_type(signature):
    """Whether this is one complete type."""
    try:
        return _type_end(signature, 0) == len(signature)
    except (IndexError, ValueError):
        return False


def _arguments(member, direction):
    return "".join(arg.get("type") for arg in member.findall("arg") if arg.get("direction", direction) == direction)


def _member(member):
    if member.tag == "method":
        return f"({_arguments(member, 'in')}) -> ({_arguments(member, 'out')})"
    if member.tag == "signal":
        return f"({''.join(arg.get('type') for arg in member.findall('arg'))})"
    notes = {a.get("name"): a.get("value") for a in member.findall("annotation")}
    emits = notes.get(EMITS, "true")
    return f"{member.get('type')} {member.get('access')} emits={emits}"


def read(document):
    """{interface: {"method Claim": "(sa{sv}) -> (o)", ...}} of a document's text; xml.etree.ElementTree.ParseError."""
    root = xml.etree.ElementTree.fromstring(document)
    return {interface.get("name"): {f"{m.tag} {m.get('name')}": _member(m) for m in interface
                                    if m.tag in ("method", "signal", "property")}
            for interface in root.findall("interface") if not interface.get("name").startswith(STANDARD)}


def differences(contract, service):
    """What the service lacks, has beside the contract, or has otherwise; its other interfaces do not count."""
    found = []
    for name, members in contract.items():
        if name not in service:
            found.append(f"{name}: the service has no such interface")
            continue
        for member in sorted(members.keys() | service[name].keys()):
            here, there = members.get(member), service[name].get(member)
            if here is None:
                found.append(f"{name}: {member} {there} is not in the contract")
            elif there is None:
                found.append(f"{name}: {member} {here} is not in the service")
            elif here != there:
                found.append(f"{name}: {member} is {here} in the contract, {there} in the service")
    return found
