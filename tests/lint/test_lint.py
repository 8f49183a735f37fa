#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each rule is shown a tree that breaks it, at a line that it must name, and one that does not."""
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import dbus
import lint
from tree import Skip, Tree

C = "/* SPDX-License-Identifier: GPL-2.0-or-later */\n"
SH = "#!/bin/sh\n# SPDX-License-Identifier: GPL-2.0-or-later\n"
UNFINISHED = "TO" + "DO"


class Rules(unittest.TestCase):
    def complaints(self, rule, files):
        """(path:line, text) of each complaint of a rule about a tree of these files."""
        with tempfile.TemporaryDirectory() as folder:
            for path, text in files.items():
                file = pathlib.Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            tree = Tree(folder)
            return [(f"{c.path}:{c.line}", c.text) for c in lint.RULES[rule](tree)]

    def assert_clean(self, rule, files):
        self.assertEqual(self.complaints(rule, files), [])

    def assert_refused(self, rule, where, part, files):
        complaints = self.complaints(rule, files)
        self.assertEqual([place for place, _ in complaints], [where], complaints)
        self.assertIn(part, complaints[0][1])

    def test_third_party(self):
        files = {"agent/store-job.c": C + "#include <sqlite3.h>\n",
                 "lib/crypto.c": C + "#include <wolfssl/options.h>\n",
                 "lib/link.c": C + "#include <systemd/sd-event.h>\n",
                 "tests/unit/test-store.c": C + "#include <cmocka.h>\n"}
        self.assert_clean("third-party", files)
        self.assert_refused("third-party", "agent/device.c:3", "<sqlite3.h> belongs in agent/store",
                            {"agent/device.c": C + "#include <stdio.h>\n#include <sqlite3.h>\n"})
        self.assert_refused("third-party", "agent/policy.c:2", "sd-bus.h> belongs in agent/bus",
                            {"agent/policy.c": C + "#include <systemd/sd-bus.h>\n"})
        self.assert_refused("third-party", "lib/wire.h:2", "<curl/curl.h> has no room",
                            {"lib/wire.h": C + "#  include <curl/curl.h>\n"})

    EVENTS = {"lib/event.h": C + '\tX(A_B, "a-b", "' + "0" * 32 + '", 0) \\\n',
              "lib/log-fields.c": C + 'add("GANGWAY_DEVICE");\n',
              "etc/gangway.catalog": "# a-b\n-- " + "0" * 32 + "\nSubject: @GANGWAY_DEVICE@\n",
              "agent/a.c": C + "gw_log_event(INFO, A_B, x);\n",
              "doc/journal.md": "`a-b` `GANGWAY_DEVICE`\n"}

    def test_event_ids(self):
        self.assert_clean("event-ids", self.EVENTS)
        table = self.EVENTS["lib/event.h"]
        for more, part in (('\tX(C, "c", "' + "0" * 32 + '", 0)\n', "is taken by line 2"),
                           ('\tX(C, "a-b", "' + "1" * 32 + '", 0)\n', "a-b is taken"),
                           ('\tX(C, "c", "123", 0)\n', "123 is no id")):
            with self.subTest(part):
                self.assert_refused("event-ids", "lib/event.h:3", part, {"lib/event.h": table + more})

    def test_catalogue(self):
        self.assert_clean("catalogue", self.EVENTS)
        catalogue = self.EVENTS["etc/gangway.catalog"]
        for text, where, part in (
                ("", "lib/event.h:2", "a-b is not explained"),
                (catalogue + "\n" + catalogue, "etc/gangway.catalog:6", "explained twice"),
                (catalogue + "# c\n-- " + "1" * 32 + "\nSubject: c\n", "etc/gangway.catalog:5", "the id of no event"),
                (catalogue.replace("# a-b", "# c"), "etc/gangway.catalog:2", "must be # a-b"),
                (catalogue.replace("Subject", "About"), "etc/gangway.catalog:2", "must be its subject"),
                (catalogue.replace("DEVICE", "DEVISE"), "etc/gangway.catalog:3", "no line has a field GANGWAY_DEVISE")):
            with self.subTest(part):
                self.assert_refused("catalogue", where, part, self.EVENTS | {"etc/gangway.catalog": text})

    def test_events_used(self):
        for use in ("gw_log_event(INFO, A_B, x);", "gw_log_event(WARNING,\n\tA_B, x);", "x = GW_EVENT_A_B;"):
            self.assert_clean("events-used", self.EVENTS | {"agent/a.c": C + use + "\n"})
        for use in ("gw_log_event(INFO, A_BC, x);", "x = GW_EVENT_A_BC;", ""):
            self.assert_refused("events-used", "lib/event.h:2", "a-b never happens",
                                self.EVENTS | {"agent/a.c": C + use + "\n"})

    def test_events_told(self):
        self.assert_clean("events-told", self.EVENTS)
        self.assert_refused("events-told", "lib/event.h:2", "does not tell of a-b",
                            self.EVENTS | {"doc/journal.md": "`GANGWAY_DEVICE`\n"})
        self.assert_refused("events-told", "lib/log-fields.c:2", "does not tell of GANGWAY_DEVICE",
                            self.EVENTS | {"doc/journal.md": "`a-b`\n"})

    def test_floors(self):
        files = {"plugins/ip/ip.c": C + '#include "config.h"\n#include "plugins/ip/door.h"\n#include "lib/util.h"\n',
                 "tests/unit/test-ip.c": C + '#include "plugins/ip/door.h"\n#include "agent/device.h"\n'}
        self.assert_clean("floors", files)
        for path, name, part in (("lib/link.c", "agent/device.h", "lib/ includes lib/"),
                                 ("agent/main.c", "plugins/ip/ip.h", "agent/ includes lib/"),
                                 ("plugins/ip/ip.c", "plugins/mqtt/dialect.h", "plugins/ip/ includes lib/"),
                                 ("tools/ctl/main.c", "agent/device.h", "tools/ctl/ includes lib/"),
                                 ("lib/link.c", "link.h", "from the top of the tree")):
            with self.subTest(path=path, name=name):
                self.assert_refused("floors", f"{path}:2", part, {path: C + f'#include "{name}"\n'})

    def test_one_crypto(self):
        files = {"plugins/mqtt/tls.c": C + "#include <openssl/ssl.h>\n",
                 "plugins/registrar/csr.c": C + "#include <wolfssl/ssl.h>\n"}
        self.assert_clean("one-crypto", files)
        files["plugins/mqtt/seal.c"] = C + '\n#include "lib/crypto.h"\n'
        self.assert_refused("one-crypto", "plugins/mqtt/tls.c:2", "has wolfSSL in it (plugins/mqtt/seal.c)", files)

    def test_header_includes(self):
        files = {"lib/plugin.h": C + '#include "lib/wire.h"\n',
                 "agent/claim.h": C + '#include <stdint.h>\n#include "lib/blob.h"\n',
                 "agent/claim.c": C + '#include "agent/store.h"\n'}
        self.assert_clean("header-includes", files)
        self.assert_refused("header-includes", "agent/claim.h:3", 'must not include "agent/store.h"',
                            {"agent/claim.h": C + '\n#include "agent/store.h"\n'})

    def test_pragma_once(self):
        self.assert_clean("pragma-once", {"lib/a.h": C + "#pragma once\n#include <stdio.h>\n"})
        self.assert_refused("pragma-once", "lib/a.h:2", "#pragma once",
                            {"lib/a.h": C + "#include <stdio.h>\n#pragma once\n"})
        self.assert_refused("pragma-once", "lib/a.h:1", "#pragma once", {"lib/a.h": C + "struct a;\n"})

    def test_header_alone(self):
        good = C + "#pragma once\n#include <stddef.h>\nsize_t a(void);\n"
        self.assert_clean("header-alone", {"lib/a.h": good})
        self.assert_refused("header-alone", "lib/a.h:1", "unknown type name",
                            {"lib/a.h": good.replace("#include <stddef.h>\n", "")})

    def test_spdx(self):
        files = {"lib/a.c": C, "scripts/demo": SH, "lib/local.mk": SH[10:], "README.md": "no source\n",
                 "dbus/a.xml": "<!DOCTYPE node>\n<!-- SPDX-License-Identifier: GPL-2.0-or-later -->\n<node/>\n"}
        self.assert_clean("spdx", files)
        self.assert_refused("spdx", "lib/a.c:1", "must be: /* SPDX", {"lib/a.c": "\n" + C})
        self.assert_refused("spdx", "scripts/demo:2", "must be: # SPDX", {"scripts/demo": "#!/bin/sh\necho\n"})
        self.assert_refused("spdx", "lib/local.mk:1", "must be: # SPDX", {"lib/local.mk": "A = b\n"})
        self.assert_refused("spdx", "dbus/a.xml:1", "must be: <!-- SPDX", {"dbus/a.xml": "<node/>\n"})

    def test_links(self):
        files = {"doc/a.md": "See [b](b.md#part), [c](../lib/), [d](protocol).\n", "doc/b.md": "B\n",
                 "lib/c.h": C, "doc/protocol/d.md": "[far](https://example.com/x)\n"}
        self.assert_clean("links", files)
        self.assert_refused("links", "doc/a.md:2", "there is no doc/gone.md", {"doc/a.md": "\n[b](gone.md)\n"})

    def test_tests_named(self):
        files = {"doc/a.md": "`test_x.test_works` `test-y`\n", "tests/unit/test-y.c": C,
                 "tests/integration/test_x.py": "class X:\n    def test_works(self):\n"}
        self.assert_clean("tests-named", files)
        for name in ("test_x.test_breaks", "test_z.test_works", "test-z"):
            with self.subTest(name=name):
                self.assert_refused("tests-named", "doc/a.md:1", f"there is no test {name}",
                                    {**files, "doc/a.md": f"`{name}`\n"})

    def test_unfinished(self):
        self.assert_clean("unfinished", {"a.c": C + "int mastodons;\n"})
        self.assert_refused("unfinished", "lib/a.c:3", UNFINISHED, {"lib/a.c": C + f"\n/* {UNFINISHED}: all */\n"})
        self.assert_refused("unfinished", "doc/a.md:1", "for " + "now", {"doc/a.md": "Enough for " + "now.\n"})

    def test_blanks(self):
        self.assert_clean("blanks", {"a.md": "a\n\nb\n", "empty": ""})
        self.assert_refused("blanks", "a.md:2", "end of the line", {"a.md": "a\nb \n"})
        self.assert_refused("blanks", "a.md:1", "end of the line", {"a.md": "a\t\nb\n"})
        self.assert_refused("blanks", "a.md:2", "no end", {"a.md": "a\nb"})
        self.assert_refused("blanks", "a.md:2", "empty lines", {"a.md": "a\n\n"})

    @unittest.skipUnless(shutil.which("clang-format-14"), "SKIP clang-format-14 is not installed")
    def test_format(self):
        form = (pathlib.Path(__file__).parents[2] / ".clang-format").read_text()
        self.assert_clean("format", {".clang-format": form, "a.c": C + "int a;\n"})
        self.assert_refused("format", "a.c:3", "clang-format-14 -i a.c",
                            {".clang-format": form, "a.c": C + "int b;\nint  a;\n"})

    def test_json(self):
        self.assert_clean("json", {"a.json": '{"a": {"a": 1}}\n'})
        self.assert_refused("json", "a.json:3", "is not JSON", {"a.json": '{\n"a": 1\n"b": 2}\n'})
        self.assert_refused("json", "a.json:1", "'a' stands there twice", {"a.json": '{"a": 1, "a": 2}\n'})

    def test_xml(self):
        self.assert_clean("xml", {"a.xml": "<node/>\n"})
        self.assert_refused("xml", "a.xml:2", "is not XML", {"a.xml": "<node>\n</nod>\n"})

    def test_dbus(self):
        good = '<node>\n<interface name="a.B">\n<method name="C">\n<arg name="d" type="{}"/>\n</method></interface></node>\n'
        for signature in "s", "a{sv}", "a(oss)", "ay", "h", "a{sa{sv}}", "(bts)":
            self.assert_clean("dbus", {"dbus/a.B.xml": good.format(signature)})
        for signature in "", "z", "a{sv", "a", "ss", "()", "(s", "a{vs}", "a{s}", "a{sss}", "s)":
            self.assert_refused("dbus", "dbus/a.B.xml:4", "arg d has no type",
                                {"dbus/a.B.xml": good.format(signature)})
        self.assert_refused("dbus", "dbus/a.C.xml:1", "interface a.C", {"dbus/a.C.xml": good.format("s")})

    @unittest.skipUnless(shutil.which("shellcheck"), "SKIP shellcheck is not installed")
    def test_shell(self):
        self.assert_clean("shell", {"scripts/demo": SH + 'echo "$1"\n'})
        self.assert_refused("shell", "scripts/demo:3", "SC2086", {"scripts/demo": SH + "echo $1\n"})
        self.assert_refused("shell", "scripts/lib.sh:3", "SC2086", {"scripts/lib.sh": SH + "echo $1\n"})

    @unittest.skipUnless(shutil.which("cppcheck"), "SKIP cppcheck is not installed")
    def test_cppcheck(self):
        good = C + "int a(void);\nint a(void)\n{\n\tint b[2] = { 0 };\n\n\treturn b[1];\n}\n"
        self.assert_clean("cppcheck", {"lib/a.c": good})
        self.assert_refused("cppcheck", "lib/a.c:7", "out of bounds", {"lib/a.c": good.replace("b[1]", "b[2]")})

    def test_python(self):
        self.assert_clean("python", {"a.py": "print(1)\n", "b": "#!/usr/bin/env python3\nprint(1)\n"})
        self.assert_refused("python", "a.py:2", "is not Python", {"a.py": "a = 1\nprint(\n"})
        self.assert_refused("python", "b:2", "is not Python", {"b": "#!/usr/bin/python3\ndef\n"})

    def test_python_path(self):
        self.assert_clean("python-path", {"a.py": "sys.path.insert(1, 'b')\n"})
        self.assert_refused("python-path", "a.py:2", "would go first", {"a.py": "import sys\nsys.path.append('b')\n"})


class Program(unittest.TestCase):
    def test_a_tool_that_is_missing_is_a_loud_skip(self):
        def rule(tree):
            raise Skip("no such tool")
            yield

        lint.RULES["missing"] = rule
        self.addCleanup(lint.RULES.pop, "missing")
        self.assertEqual(lint.run(Tree("."), ["missing"]), (0, 0, 1))

    def test_exit_status(self):
        program = [pathlib.Path(__file__).parent / "lint.py"]
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "a.json")
            for text, status, said in (("{}\n", 0, "lint: 1 rules passed, 0 failed, 0 skipped\n"),
                                       ("{\n", 1, "a.json:2: is not JSON")):
                file.write_text(text)
                result = subprocess.run([*program, folder, "json"], capture_output=True, text=True, check=False)
                self.assertEqual(result.returncode, status)
                self.assertIn(said, result.stdout)
            result = subprocess.run([*program, folder, "no-such"], capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 2)


class Introspection(unittest.TestCase):
    CONTRACT = """<node><interface name="a.B">
        <method name="M"><arg name="x" type="s" direction="in"/><arg name="y" type="o" direction="out"/></method>
        <signal name="S"><arg type="u"/></signal><property name="P" type="s" access="read"/></interface></node>"""

    def differences(self, old, new):
        service = self.CONTRACT.replace(old, new)
        self.assertNotEqual(service, self.CONTRACT)
        return dbus.differences(dbus.read(self.CONTRACT), dbus.read(service))

    def test_same(self):
        more = self.CONTRACT.replace(
            "<node>", '<node><interface name="org.freedesktop.DBus.Peer"/><interface name="a.C"/>')
        self.assertEqual(dbus.differences(dbus.read(self.CONTRACT), dbus.read(more)), [])

    def test_every_difference(self):
        note = '<annotation name="org.freedesktop.DBus.Property.EmitsChangedSignal" value="const"/>'
        for old, new, part in (
                ('"a.B"', '"a.X"', "a.B: the service has no such interface"),
                ('name="M"', 'name="N"', "method M (s) -> (o) is not in the service"),
                ('name="M"', 'name="N"', "method N (s) -> (o) is not in the contract"),
                ('"s" direction', '"u" direction', "method M is (s) -> (o) in the contract, (u) -> (o) in the service"),
                ('"o" direction="out"', '"o" direction="in"', "(so) -> ()"),
                ('type="u"', 'type="t"', "signal S is (u) in the contract, (t) in the service"),
                ('"read"', '"readwrite"', "property P"),
                ('type="s" access', 'type="b" access', "property P"),
                ('access="read"/>', f'access="read">{note}</property>', "emits=const in the service")):
            with self.subTest(new=new, part=part):
                self.assertTrue(any(part in said for said in self.differences(old, new)), self.differences(old, new))


if __name__ == "__main__":
    unittest.main(verbosity=2)
