#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes org.gangway1(5), the manual page of the D-Bus interfaces, from what stands in dbus/.

usage: dbus-page.py INTERFACE.xml... > org.gangway1.5

A comment speaks of the member below it and of all that follow it directly; the one ahead of the node, of the object.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as tree

HEAD = """\
.\\" SPDX-License-Identifier: GPL-2.0-or-later
.\\" Made from dbus/*.xml: change those.
.Dd November 22, 2026
.Dt ORG.GANGWAY1 5
.Os
.Sh NAME
.Nm org.gangway1
.Nd the gateway's agent on D-Bus
.Sh DESCRIPTION
.Xr gangwayd 8
serves people and programs on the system bus, under the name
.Ql org.gangway1 .
Signatures of what stands here never change; new things get new names.
.Pp
Every call needs a right:
.Cm inspect , claim , operate , replace
or
.Cm configure ,
each an action
.Ql org.gangway1.<right>
of polkit.
By default root has all and members of the group
.Ql gangway
have the first three.
Reading a property needs
.Cm inspect .
"""

TAIL = """\
.Sh EXAMPLES
.Dl busctl call org.gangway1 /org/gangway1 org.gangway1.Manager GetDevice s PUMP-7
.Dl busctl get-property org.gangway1 /org/gangway1 org.gangway1.Manager CloudState
.Dl busctl monitor --match "type='signal',sender='org.gangway1'"
.Sh SEE ALSO
.Xr busctl 1 ,
.Xr gangwayctl 1 ,
.Xr gangwayd 8
"""


def escaped(text):
    text = text.replace("\\", "\\e")
    return "\\&" + text if text[:1] in (".", "'") else text


def prose(comment):
    """A comment's lines as text lines, each sentence on its own; an empty one begins a paragraph."""
    lines = re.sub(r"(?<=[\w)`'\"])\. +(?=[A-Z])", ".\n", comment.strip()).splitlines()
    return "\n".join(escaped(line.strip()) if line.strip() else ".Pp" for line in lines)


def signature(member):
    """Claim(payload s, options a{sv}) -> device o"""
    if member.tag == "property":
        return f"{member.get('name')} {member.get('type')}"
    outward = "out" if member.tag == "method" else "in"
    given, got = [], []
    for arg in member.findall("arg"):
        (got if arg.get("direction") == outward else given).append(f"{arg.get('name')} {arg.get('type')}")
    return f"{member.get('name')}({', '.join(given)})" + (f" -> {', '.join(got)}" if got else "")


def entry(member):
    return f'.It Xo\n.Li "{escaped(signature(member))}"\n.Xc'


def section(title, members):
    """members: [(element, comment or None)]; what has no comment shares that of the one before."""
    lines, text = [f".Ss {title}", ".Bl -tag -width Ds -compact"], []
    for member, comment in members:
        if comment is not None:
            lines += text + [".Pp"] * bool(text)
            text = [prose(comment)]
        lines.append(entry(member))
    return lines + text + [".El"]


def interface(path):
    document = tree.parse(path, tree.XMLParser(target=tree.TreeBuilder(insert_comments=True))).getroot()
    found = document.find("interface")
    kinds = {"method": [], "signal": [], "property": []}
    comment = None
    for child in found:
        if child.tag is tree.Comment:
            if comment is not None:
                sys.exit(f"{path}: of no member, so in no page: {' '.join(comment.split())}")
            comment = child.text
        elif child.tag == "method" and "Right: " not in (comment or ""):
            sys.exit(f"{path}: {child.get('name')} does not say what right it needs")
        else:
            kinds[child.tag].append((child, comment))
            comment = None
    lines = [f".Sh {found.get('name')}", prose(head_comment(path))]
    for kind, title in (("method", "Methods"), ("signal", "Signals"), ("property", "Properties")):
        if kinds[kind]:
            lines += section(title, kinds[kind])
    return lines


def head_comment(path):
    """The last comment ahead of the node: the parser gives none that stand outside of it."""
    head = pathlib.Path(path).read_text(encoding="utf-8").partition("<node")[0]
    return head.rpartition("<!--")[2].partition("-->")[0]


def main(paths):
    print(HEAD, end="")
    for path in paths:
        print("\n".join(interface(path)))
    print(TAIL, end="")


if __name__ == "__main__":
    main(sys.argv[1:])
