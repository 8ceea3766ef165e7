"""Changes the text of a segment file as a person would: the value of a key at the top, a key more, or a key less.

Every other character stays as it was. So this replaces characters at the places that the parser gives, instead of
loading the file and dumping it: a round trip, also that of ruamel.yaml, keeps comments and order, but writes
indentation, blanks before comments, long lines and ends of lines in its own way, and a review would show them all.
Whoever edits has to read the result again and compare: what is left of the meaning is not judged here.
Not here: files, and which keys are changed for what (`orchestration/lifecycle`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml.cyaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from segmentation.language import words
from segmentation.language.yaml_file import Atom, BadYaml, Fields, plain, read_yaml

Value = str | bool | None  # None takes the key out; so does False, which is what a flag is without its key

_BREAK = re.compile(r"\r\n|\n|\r")
_COMMENT_AT_END = re.compile(r"[ \t]+#[^\r\n]*")
_REST = re.compile(r"[ \t]*(?:[ \t]#[^\r\n]*)?(?:\r\n|\n|\r)?")
_LAST_BREAK = re.compile(r"(?:\r\n|\n|\r)\Z")
_COMMA = re.compile(r"[ \t]*,[ \t]*(?:#[^\r\n]*)?(\r\n|\n|\r)")
_COMMA_ALONE = re.compile(r"[ \t]*,[ \t]*(?:\r\n|\n|\r)")


class CannotEdit(ValueError):
    """The key is written in a way that only a person should change; `line` is where, the message one sentence."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line, self.message = line, message


def edited(text: str, changes: Mapping[str, Value]) -> str:
    """The text with other values of keys at the top of its one mapping, one change after the other.

    A key that is missing goes where the language's own order has it. A key that is taken out goes with its line; a flag
    that something is said about in a comment becomes `false` instead. Raises CannotEdit.
    """
    for key, value in changes.items():
        text = _Top(text).changed(key, value)
    return text


@dataclass(frozen=True)
class _Entry:
    """A key and its value as places in the text. `end` is behind the value's last character, `style` the quote or block
    sign of a scalar, and `odd` what forbids to replace it."""

    key: str
    quoted: bool
    line: int
    start: int
    value: int
    end: int
    style: str | None
    odd: str | None


class _Top:
    """The text of one mapping, and the places of its entries."""

    def __init__(self, text: str) -> None:
        self.text = text
        next_event: Callable[[], Any] = yaml.cyaml.CLoader(text).get_event
        next_event()  # the start of the stream
        next_event()  # and of its document
        start = next_event()
        if not isinstance(start, MappingStartEvent):
            raise CannotEdit(1, "found no mapping, expected a segment")
        self.flow = bool(start.flow_style)
        self.entries: dict[str, _Entry] = {}
        while not isinstance(key := next_event(), MappingEndEvent):
            self._add(key, next_event)
        self.order = list(self.entries.values())

    def changed(self, key: str, value: Value) -> str:
        entry = self.entries.get(key)
        if value is None or value is False:
            if entry is None:
                return self.text
            without = self._without_in_flow(entry) if self.flow else self._without_lines(entry, quiet=value is False)
            if without is not None and (value is None or self._differs_only_in(key, without)):
                return without
            if value is None:
                raise CannotEdit(entry.line, f"found {key!r} where it cannot be told apart from what is around it")
        return self._added(key, value) if entry is None else self._replaced(entry, value)

    def _differs_only_in(self, key: str, text: str) -> bool:
        """Whether all other keys read the same: empty lines may become part of a text above them."""
        try:
            ours, theirs = ({**plain(read_yaml(one)[0] or Fields({}, {}, 1)), key: None} for one in (self.text, text))
        except BadYaml:
            return False
        return ours == theirs

    # ------------------------------------------------------------ reading

    def _add(self, key: Any, next_event: Callable[[], Any]) -> None:
        start: int = key.start_mark.index
        line: int = key.start_mark.line + 1
        if not isinstance(key, ScalarEvent):
            raise CannotEdit(line, "found a key that is not text, expected a word")
        if key.value in self.entries:
            raise CannotEdit(line, f"found {key.value!r} twice, expected it once")
        first = event = next_event()
        begins: int = first.start_mark.index
        end, depth = self._end(first), _depth(first)
        while depth:
            event = next_event()
            end, depth = max(end, self._end(event)), depth + _depth(event)
        odd = None
        if first.anchor and not isinstance(first, AliasEvent):
            odd = f"the anchor &{first.anchor}, which other values may repeat"
        elif not isinstance(first, ScalarEvent | AliasEvent):
            odd = "several values"
        elif end == begins:
            odd = "no value"
        style = first.style if isinstance(first, ScalarEvent) else None
        self.entries[key.value] = _Entry(key.value, bool(key.style), line, start, begins, end, style, odd)

    def _end(self, event: Any) -> int:
        """Where the text of an event is over, 0 if it has none: a block ends with what is in it."""
        start: int = event.start_mark.index
        end: int = event.end_mark.index
        if isinstance(event, MappingEndEvent | SequenceEndEvent) and start == end:
            return 0
        if not isinstance(event, ScalarEvent) or event.style not in ("|", ">"):
            return end
        body = self.text[start:end]
        keeps_breaks = "+" in _BREAK.split(body, maxsplit=1)[0].split("#")[0]
        breaks = re.search(r"(?:\r\n|\n|\r)\Z" if keeps_breaks else r"(?:\r\n|\n|\r)+\Z", body)
        return end - len(breaks[0]) if breaks else end

    # ------------------------------------------------------------ another value

    def _replaced(self, entry: _Entry, value: str | bool) -> str:
        if entry.odd:
            raise CannotEdit(entry.line, f"found {entry.odd} at {entry.key!r}, expected one plain value to replace")
        comment = ""
        if entry.style in ("|", ">"):  # may carry a comment beside its sign
            head = _BREAK.split(self.text[entry.value : entry.end], maxsplit=1)[0]
            found = _COMMENT_AT_END.search(head)
            comment = found[0] if found else ""
        written = _written(value, entry.style, self.flow)
        return f"{self.text[: entry.value]}{written}{comment}{self.text[entry.end :]}"

    # ------------------------------------------------------------ a key more

    def _added(self, key: str, value: str | bool) -> str:
        before = self._place(key)
        if self.flow:
            return self._added_in_flow(before, key, value)
        at = self._after_line(before.end)
        line = self.text[self._line_start(before.start) : before.start]
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        while comment := re.match(r"([ \t]*)#[^\r\n]*(?:\r\n|\n|\r)?", self.text[at:]):
            if len(comment[1]) <= len(indent):
                break  # about what comes next, and not the rest of a comment beside what stands before
            at += len(comment[0])
        pair = f"{indent}{key}: {_written(value, None, False)}"
        more = f"{pair}{self._break()}" if _ends_a_line(self.text[:at]) else f"{self._break()}{pair}"
        return f"{self.text[:at]}{more}{self.text[at:]}"

    def _added_in_flow(self, before: _Entry, key: str, value: str | bool) -> str:
        written = _written(value, '"' if before.quoted and isinstance(value, str) else None, True)
        pair = f'"{key}": {written}' if before.quoted else f"{key}: {written}"
        indent = self.text[self._line_start(before.start) : before.start]
        comma = _COMMA.match(self.text, before.end)
        if comma and not indent.strip():
            return f"{self.text[: comma.end()]}{indent}{pair},{comma[1]}{self.text[comma.end() :]}"
        return f"{self.text[: before.end]}, {pair}{self.text[before.end :]}"

    def _place(self, key: str) -> _Entry:
        """The entry to stand behind: of those that come first in the language, the last one."""
        earlier = [self.entries[word] for word in words.HEAD[: words.HEAD.index(key)] if word in self.entries]
        if not earlier:
            raise CannotEdit(1, f"found nothing that {key!r} could stand behind, expected a name")
        # A text that ends the file without a line break would get one.
        return next((one for one in reversed(earlier) if one.end < len(self.text)), earlier[-1])

    # ------------------------------------------------------------ a key less

    def _without_lines(self, entry: _Entry, *, quiet: bool) -> str | None:
        """Without the lines of an entry; None if others share them, or, if `quiet`, if a comment is about it."""
        start, end = self._line_start(entry.start), self._after_line(entry.end)
        indent = self.text[start : entry.start]
        if indent.strip() or not _REST.fullmatch(self.text, entry.end, end):
            return None
        below = re.compile(rf"{indent}[ \t]+#[^\r\n]*(?:\r\n|\n|\r|\Z)")
        told = "#" in self.text[start:end] or self._line_above(start).startswith(f"{indent}#")
        if quiet and (told or below.match(self.text, end)):
            return None
        while comment := below.match(self.text, end):
            end = comment.end()
        kept = self.text[:start]
        if not _ends_a_line(self.text[:end]):
            kept = _LAST_BREAK.sub("", kept)
        return kept + self.text[end:]

    def _without_in_flow(self, entry: _Entry) -> str | None:
        """Without an entry between commas; None if a comment is in between, or if it is alone."""
        start = self._line_start(entry.start)
        comma = _COMMA_ALONE.match(self.text, entry.end)
        if (
            comma
            and not self.text[start : entry.start].strip()
            and not self._line_above(start).lstrip().startswith("#")
        ):
            return self.text[:start] + self.text[comma.end() :]
        place = self.order.index(entry)
        if place:
            before = self.order[place - 1]
            clean = "#" not in self.text[before.end : entry.start]
            return self.text[: before.end] + self.text[entry.end :] if clean else None
        after = self.order[1] if len(self.order) > 1 else None
        if after is None or "#" in self.text[entry.end : after.start]:
            return None
        return self.text[: entry.start] + self.text[after.start :]

    # ------------------------------------------------------------ lines

    def _line_start(self, at: int) -> int:
        return max(self.text.rfind("\n", 0, at), self.text.rfind("\r", 0, at)) + 1

    def _line_above(self, start: int) -> str:
        """The line before the one that starts there, without its end."""
        end = len(_LAST_BREAK.sub("", self.text[:start]))
        return self.text[self._line_start(end) : end] if start else ""

    def _after_line(self, at: int) -> int:
        found = _BREAK.search(self.text, at)
        return found.end() if found else len(self.text)

    def _break(self) -> str:
        found = _BREAK.search(self.text)
        return found[0] if found else "\n"


def _ends_a_line(text: str) -> bool:
    return text.endswith(("\n", "\r"))


def _depth(event: Any) -> int:
    if isinstance(event, MappingStartEvent | SequenceStartEvent):
        return 1
    return -1 if isinstance(event, MappingEndEvent | SequenceEndEvent) else 0


def _written(value: str | bool, style: str | None, flow: bool) -> str:
    """A scalar in the given quotes; without, as plain as it can be read back."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if style != '"' and _reads_as(value, value, flow):
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(one if one.isprintable() else _escaped(one) for one in quoted)


def _escaped(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"


def _reads_as(written: str, value: str, flow: bool) -> bool:
    if not written.isprintable():
        return False
    try:
        document, errors = read_yaml(f"{{k: {written}, after: 1}}\n" if flow else f"k: {written}\nafter: 1\n")
    except BadYaml:
        return False
    if errors or not isinstance(document, Fields) or list(document.fields) != ["k", "after"]:
        return False
    atom = document.fields["k"]
    return isinstance(atom, Atom) and not atom.quoted and atom.value == value and isinstance(atom.value, str)
