# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds a body to the schemas in doc/protocol/cloud: the part of JSON Schema 2020-12 that they use.

A keyword that is not known here is an error, not ignored: a schema must never be weaker than it looks.
"""
import json
import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "doc" / "protocol" / "cloud"

TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
}
NOTES = {"$schema", "$id", "$defs", "title", "description"}


class Invalid(Exception):
    """The body does not fit; the text names the member."""


class Schemas:
    def __init__(self, folder=FOLDER):
        self.files = {p.name: json.loads(p.read_text()) for p in folder.glob("*.schema.json")}

    def check(self, topic, body):
        """Raises Invalid unless body (text, bytes or decoded) is right for this topic."""
        if isinstance(body, (str, bytes)):
            try:
                body = json.loads(body)
            except ValueError as error:
                raise Invalid(f"not JSON: {error}") from error
        name = f"{topic}.schema.json"
        self._apply(name, self.files[name], body, "body")
        return body

    def _resolve(self, name, ref):
        file, _, pointer = ref.partition("#")
        name = file or name
        node = self.files[name]
        for part in pointer.strip("/").split("/"):
            node = node[part]
        return name, node

    def _fits(self, name, schema, value):
        try:
            self._apply(name, schema, value, "")
        except Invalid:
            return False
        return True

    def _apply(self, name, schema, value, where):
        for keyword, wish in schema.items():
            if keyword in NOTES or keyword == "then":
                continue
            method = getattr(self, "_" + keyword.lstrip("$") + "_keyword", None)
            if method is None:
                raise NotImplementedError(f"{name}: keyword {keyword}")
            method(name, schema, wish, value, where)

    def _ref_keyword(self, name, schema, wish, value, where):
        self._apply(*self._resolve(name, wish), value, where)

    def _type_keyword(self, name, schema, wish, value, where):
        if not TYPES[wish](value):
            raise Invalid(f"{where}: not of type {wish}")

    def _const_keyword(self, name, schema, wish, value, where):
        if type(value) is not type(wish) or value != wish:
            raise Invalid(f"{where}: not {wish!r}")

    def _enum_keyword(self, name, schema, wish, value, where):
        if value not in wish:
            raise Invalid(f"{where}: none of {wish}")

    def _minimum_keyword(self, name, schema, wish, value, where):
        if TYPES["integer"](value) and value < wish:
            raise Invalid(f"{where}: below {wish}")

    def _maximum_keyword(self, name, schema, wish, value, where):
        if TYPES["integer"](value) and value > wish:
            raise Invalid(f"{where}: above {wish}")

    def _minLength_keyword(self, name, schema, wish, value, where):
        if isinstance(value, str) and len(value) < wish:
            raise Invalid(f"{where}: shorter than {wish}")

    def _maxLength_keyword(self, name, schema, wish, value, where):
        if isinstance(value, str) and len(value) > wish:
            raise Invalid(f"{where}: longer than {wish}")

    def _pattern_keyword(self, name, schema, wish, value, where):
        # Python's $ would let a line end through, which the schema's does not.
        if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", wish), value):
            raise Invalid(f"{where}: does not match {wish}")

    def _minItems_keyword(self, name, schema, wish, value, where):
        if isinstance(value, list) and len(value) < wish:
            raise Invalid(f"{where}: fewer than {wish} items")

    def _maxItems_keyword(self, name, schema, wish, value, where):
        if isinstance(value, list) and len(value) > wish:
            raise Invalid(f"{where}: more than {wish} items")

    def _items_keyword(self, name, schema, wish, value, where):
        if isinstance(value, list):
            for i, item in enumerate(value):
                self._apply(name, wish, item, f"{where}[{i}]")

    def _required_keyword(self, name, schema, wish, value, where):
        if isinstance(value, dict):
            for member in wish:
                if member not in value:
                    raise Invalid(f"{where}: no member '{member}'")

    def _properties_keyword(self, name, schema, wish, value, where):
        if isinstance(value, dict):
            for member, sub in wish.items():
                if member in value:
                    self._apply(name, sub, value[member], f"{where}.{member}")

    def _allOf_keyword(self, name, schema, wish, value, where):
        for sub in wish:
            self._apply(name, sub, value, where)

    def _oneOf_keyword(self, name, schema, wish, value, where):
        if sum(self._fits(name, sub, value) for sub in wish) != 1:
            raise Invalid(f"{where}: fits not just one of the alternatives")

    def _if_keyword(self, name, schema, wish, value, where):
        if self._fits(name, wish, value):
            self._apply(name, schema["then"], value, where)
