"""Reads a YAML text into plain nodes that know their line: atoms, lists (`Items`) and mappings (`Fields`).

Scalars follow the YAML 1.2 core schema, and a number with a leading zero stays text, so that `on`, `NO`, times, dates
and ids mean what they look like. Keys are always text, and a key that stands twice is an error instead of the last
one winning in silence. Built from parser events rather than composed nodes: composing recurses in C, where deep
nesting ends the process. Not here: what any word means.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import yaml
import yaml.cyaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

MAX_DEPTH = 60
MAX_VALUES = 100_000

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z", re.ASCII)
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_NUMBER_STARTS = frozenset("+-.0123456789")
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")
_NEEDLESS_TAGS = {  # say what is there anyway; any other would need a value to be converted
    ScalarEvent: _TEXT_TAGS,
    SequenceStartEvent: ("!", "tag:yaml.org,2002:seq"),
    MappingStartEvent: ("!", "tag:yaml.org,2002:map"),
}
_HIDDEN_BREAKS = re.compile("[\x85\u2028\u2029]")  # libyaml breaks lines there, editors and YAML 1.2 do not

Plain = str | int | float | bool | None


class Atom:
    """A scalar: its value, its text as written, and whether it was quoted."""

    __slots__ = ("line", "quoted", "text", "value")

    def __init__(self, value: Plain, line: int, text: str, quoted: bool) -> None:
        self.value, self.line, self.text, self.quoted = value, line, text, quoted


class Items:
    """A list."""

    __slots__ = ("items", "line")

    def __init__(self, items: list[Node], line: int) -> None:
        self.items, self.line = items, line


class Fields:
    """A mapping with text keys, and the line of each key."""

    __slots__ = ("fields", "line", "lines")

    def __init__(self, fields: dict[str, Node], lines: dict[str, int], line: int) -> None:
        self.fields, self.lines, self.line = fields, lines, line


Node = Atom | Items | Fields

# What people usually did when the parser stumbles; keys are parts of its messages.
_HINTS = {
    "scanning an alias": "; text that begins with * is written in quotes",
    "scanning an anchor": "; text that begins with & is written in quotes",
    "cannot start any token": "; indent with spaces, and write text that begins with @, ` or % in quotes",
    "mapping values are not allowed": "; text that holds ': ' is written in quotes",
}


class BadYaml(Exception):
    """The text is no YAML that can be read; nothing else can be said about the file."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line, self.message = line, message


def read_yaml(text: str) -> tuple[Node | None, list[tuple[int, str]]]:
    """The one document of a text (None if it is empty) and the errors that leave the rest readable, such as a key
    given twice, as (line, message). Raises BadYaml with a line for anything that is not YAML."""
    if hidden := _HIDDEN_BREAKS.search(text):
        line = text.count("\n", 0, hidden.start()) + 1
        what = f"the line break U+{ord(hidden[0]):04X}, which editors do not show"
        raise BadYaml(line, f"found {what}, expected an ordinary one or none")
    builder = _Builder(text)
    try:
        return builder.document(), builder.errors
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if "end of stream" in str(error.problem):
            mark = error.context_mark or mark  # where it begins, and not where the file ends
        what = ", ".join(part for part in (error.context, error.problem) if part)
        hint = next((hint for sign, hint in _HINTS.items() if sign in what), "")
        line = mark.line + 1 if mark else 1
        raise BadYaml(line, f"found text that is not YAML ({what}), expected YAML{hint}") from None
    except yaml.reader.ReaderError as error:
        line = text.encode()[: error.position].count(b"\n") + 1
        raise BadYaml(line, f"found the character U+{error.character:04X}, expected text without it") from None
    except (yaml.YAMLError, UnicodeError) as error:
        reason = str(error).splitlines()[0]
        raise BadYaml(1, f"found text that is not YAML ({reason}), expected YAML") from None


def plain(node: Node) -> Any:
    """The node as ordinary Python values."""
    if isinstance(node, Atom):
        return node.value
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return {key: plain(value) for key, value in node.fields.items()}


def resolve(text: str) -> Plain:
    """The value of an unquoted scalar."""
    if text[:1] in _NUMBER_STARTS:
        if _INTEGER.match(text):
            return int(text) if len(text) < 300 else math.inf  # not even a float holds it, and it is no text
        if _FLOAT.match(text) or _SPECIAL_FLOAT.match(text):
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        return text
    return _WORDS.get(text, text)


class _Builder:
    def __init__(self, text: str) -> None:
        self.next: Callable[[], Any] = yaml.cyaml.CLoader(text).get_event
        self.errors: list[tuple[int, str]] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.values = 0

    def document(self) -> Node | None:
        next_event = self.next
        next_event()  # the start of the stream
        if isinstance(next_event(), yaml.StreamEndEvent):
            return None
        node = self.node(next_event(), 0)
        next_event()  # the end of the document
        after = next_event()
        if not isinstance(after, yaml.StreamEndEvent):
            raise BadYaml(after.start_mark.line + 1, "found a second document, expected one segment per file")
        if isinstance(node, Atom) and node.value is None:
            return None
        return node

    def node(self, event: Any, depth: int) -> Node:
        line = event.start_mark.line + 1
        self.values += 1
        if depth > MAX_DEPTH:
            raise BadYaml(line, f"found values nested more than {MAX_DEPTH} deep, expected a segment")
        if isinstance(event, AliasEvent):
            return self.alias(event, line)
        before = self.values
        if event.tag is not None and event.tag not in _NEEDLESS_TAGS[type(event)]:
            self.errors.append((line, f"found the YAML tag {event.tag!r}, expected a plain value"))
        node: Node
        if isinstance(event, ScalarEvent):
            if "\0" in event.value:
                self.errors.append((line, "found the character NUL in text, expected text without it"))
            quoted = bool(event.style) or event.tag in _TEXT_TAGS
            node = Atom(event.value if quoted else resolve(event.value), line, event.value, quoted)
        elif isinstance(event, SequenceStartEvent):
            node = self.items(line, depth)
        else:
            assert isinstance(event, MappingStartEvent)
            node = self.fields(line, depth)
        if event.anchor:
            self.anchors[event.anchor] = (node, self.values - before + 1)
        return node

    def alias(self, event: AliasEvent, line: int) -> Node:
        known = self.anchors.get(event.anchor or "")
        if known is None:
            raise BadYaml(
                line,
                f"found the YAML alias *{event.anchor} without an anchor before it, expected a value; "
                "text that begins with * is written in quotes",
            )
        node, size = known
        self.values += size
        if self.values > MAX_VALUES:  # aliases of aliases multiply
            raise BadYaml(line, f"found more than {MAX_VALUES:,} values, expected one segment")
        return node

    def items(self, line: int, depth: int) -> Items:
        items: list[Node] = []
        next_event = self.next
        while not isinstance(event := next_event(), SequenceEndEvent):
            items.append(self.node(event, depth + 1))
        return Items(items, line)

    def fields(self, line: int, depth: int) -> Fields:
        fields: dict[str, Node] = {}
        lines: dict[str, int] = {}
        next_event = self.next
        while not isinstance(event := next_event(), MappingEndEvent):
            key_line = event.start_mark.line + 1
            if isinstance(event, ScalarEvent):
                key = event.value
                if "\0" in key:
                    self.errors.append((key_line, "found the character NUL in a word, expected words without it"))
            else:
                self.errors.append((key_line, "found a key that is not text, expected a word"))
                self.node(event, depth + 1)
                key = ""
            value = self.node(next_event(), depth + 1)
            if key in fields:
                self.errors.append((key_line, f"found {key!r} twice (first in line {lines[key]}), expected it once"))
            elif isinstance(event, ScalarEvent):
                fields[key], lines[key] = value, key_line
        return Fields(fields, lines, line)
