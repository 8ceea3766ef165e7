"""`tests`: small people, what they did, and who is expected in and out, checked word by word.

Not here: who is in (`orchestration/segment_tests`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from segmentation.clock import parse_moment, parse_zone
from segmentation.language import words
from segmentation.language.model import Moment, SegmentTest
from segmentation.language.parse_values import boolean, channel, choice, mapping, number, text, texts
from segmentation.language.problems import Report, did_you_mean, found, one_of
from segmentation.language.yaml_file import Atom, Fields, Items, Node

Row = Mapping[str, Any]
Tables = dict[str, tuple[Row, ...]]


def tests(node: Node, r: Report) -> tuple[SegmentTest, ...]:
    """The list under `tests`. Call it when the rule has been read: a test may only speak of segments that it reads."""
    if not isinstance(node, Items):
        r.wrong(node, "a list of tests, each with as_of, users, in and out")
        return ()
    read = [_test(fields, r) for item in node.items if (fields := _fields(item, r)) is not None]
    return tuple(one for one in read if one is not None)


def _fields(node: Node, r: Report) -> Fields | None:
    return mapping(node, r, words.TEST, "in a test", required=("as_of", "users"))


def _test(fields: Fields, r: Report) -> SegmentTest | None:
    given, before = fields.fields, len(r.problems)
    as_of = _moment(given["as_of"], r) if "as_of" in given else None
    zone = _zone(given["timezone"], r) if "timezone" in given else None
    people = _People(given.get("users"), r)
    tables = {"users": people.rows()} if "users" in given else {}
    for table, read in _READERS.items():
        if table in given:
            tables[table] = _rows(given[table], r, table, partial(read, people=people))
    stood_in = _segments(given["segments"], r, people) if "segments" in given else {}
    if "in" not in given and "out" not in given:
        r.error(fields.line, "found a test that expects nothing, expected in, out or both")
    inside = people.listed(given["in"]) if "in" in given else ()
    outside = people.listed(given["out"]) if "out" in given else ()
    for name in sorted({*inside} & {*outside}):
        r.error(fields.lines["out"], f"found {name!r} under in and under out, expected one of them")
    if as_of is None or len(r.problems) > before:
        return None
    return SegmentTest(fields.line, as_of, zone, tables, stood_in, inside, outside)


class _People:
    """The users of a test. Ids are the keys of `users`, thus text, however they look."""

    def __init__(self, node: Node | None, r: Report) -> None:
        self.node, self.r = node, r
        self.known = list(node.fields) if isinstance(node, Fields) else None

    def rows(self) -> tuple[Row, ...]:
        """The landing rows of `users`."""
        if not isinstance(self.node, Fields):
            if self.node is not None:
                self.r.wrong(self.node, "a mapping of users to their attributes such as {ann: {tier: gold}}")
            return ()
        return tuple(
            {"user_id": name, **self._row(name, line=self.node.lines[name])} for name in self.node.fields
        )  # fmt: skip

    def _row(self, name: str, line: int) -> Row:
        assert isinstance(self.node, Fields)
        if not name.strip():
            self.r.error(line, "found a user without an id, expected one such as ann")
        told = self.node.fields[name]
        if isinstance(told, Atom) and told.value is None:
            return {}
        if not isinstance(told, Fields):
            self.r.wrong(told, "a mapping with the attributes of a user, or {}")
            return {}
        return _columns_and_rest(told, self.r, "users", "attributes")

    def listed(self, node: Node) -> tuple[str, ...]:
        """Some of the users, each once."""
        if not isinstance(node, Items):
            self.r.wrong(node, "a list of users such as [ann]")
            return ()
        read = [self._one(item) for item in node.items]
        return tuple(dict.fromkeys(name for name in read if name is not None))

    def _one(self, item: Node) -> str | None:
        if not isinstance(item, Atom) or item.value is None:
            self.r.wrong(item, "the id of a user")
        elif self.known is not None and item.text not in self.known:
            hint = did_you_mean(item.text, self.known)
            self.r.error(item.line, f"found {found(item)}, expected one of the test's users{hint}")
        else:
            return item.text
        return None

    def whose(self, item: Node) -> str | None:
        """Whose row this is; a stranger's row tests nothing, which is legal and hardly meant."""
        if not isinstance(item, Atom) or item.value is None:
            self.r.wrong(item, "the id of a user")
            return None
        if self.known is not None and item.text not in self.known:
            hint = did_you_mean(item.text, self.known)
            self.r.warn(item.line, f"found {found(item)}, who is none of the test's users and thus nobody{hint}")
        return item.text


# ---------------------------------------------------------------- rows of landing tables


def _rows(node: Node, r: Report, table: str, read: Callable[[Node, Report], Row | None]) -> tuple[Row, ...]:
    if not isinstance(node, Items):
        r.wrong(node, f"a list of {table.replace('_', ' ')}")
        return ()
    rows = [read(item, r) for item in node.items]
    return tuple(row for row in rows if row is not None)


def _event(node: Node, r: Report, *, people: _People) -> Row | None:
    if not isinstance(node, Items) or len(node.items) not in (3, 4):
        r.wrong(node, "an event such as [ann, purchase, 2026-02-28T20:00:00Z, {amount: 30}]")
        return None
    user, event, at, *more = node.items
    row: dict[str, Any] = {"user_id": people.whose(user), "event": text(event, r, "the name of an event")}
    row["ts"] = _moment(at, r)
    if more and isinstance(more[0], Fields):
        row.update(_columns_and_rest(more[0], r, "events", "properties"))
    elif more and not (isinstance(more[0], Atom) and more[0].value is None):
        r.wrong(more[0], "a mapping with the properties of the event")
    return row


def _message_event(node: Node, r: Report, *, people: _People) -> Row | None:
    if not isinstance(node, Items) or len(node.items) != 4:
        r.wrong(node, "what became of a message such as [ann, spring_sale, clicked, 2026-02-28T20:00:00Z]")
        return None
    user, message, kind, at = node.items
    return {
        "user_id": people.whose(user),
        "message_id": text(message, r, "the id of a message"),
        "kind": choice(kind, r, words.MESSAGE_KINDS),
        "ts": _moment(at, r),
    }


def _table_row(node: Node, r: Report, *, table: str, people: _People) -> Row | None:
    columns = words.TEST_COLUMNS[table]
    fields = mapping(node, r, columns, f"in {table} of a test", required=words.TEST_ROWS_NEED[table])
    if fields is None:
        return None
    return {
        name: people.whose(value) if columns[name] == "user" else _column(value, r, name, columns[name])
        for name, value in fields.fields.items()
        if name in columns
    }


_READERS: dict[str, Callable[..., Row | None]] = {
    "events": _event,
    **{table: partial(_table_row, table=table) for table in ("devices", "consents", "blacklist", "messages")},
    "message_events": _message_event,
}


def _columns_and_rest(fields: Fields, r: Report, table: str, rest: str) -> dict[str, Any]:
    """Keys that are columns of the table, and all others as the JSON column `rest`."""
    columns = words.TEST_COLUMNS[table]
    row = {
        name: _column(value, r, name, columns[name], rest) for name, value in fields.fields.items() if name in columns
    }
    others = {name: _json(value, r) for name, value in fields.fields.items() if name not in columns}
    return {**row, rest: {**others, **(row.get(rest) or {})}}


def _column(node: Node, r: Report, name: str, kind: str, rest: str | None = None) -> Any:
    """A value of a column; nothing stands for null."""
    if isinstance(node, Atom) and node.value is None:
        return None
    if kind == "object":
        if not isinstance(node, Fields):
            r.wrong(node, f"a mapping with {name}")
            return None
        return _json(node, r)
    before = len(r.problems)
    value = _COLUMN_READERS[kind](node, r)
    if rest is not None and len(r.problems) > before:
        last = r.problems.pop()
        told = f"{last.message}; {name} is a column, and as one of the {rest} it stands under {rest}"
        r.error(last.line, told)
    return value


def _json(node: Node, r: Report) -> Any:
    """Plain values as JSON has them."""
    if isinstance(node, Atom) and isinstance(node.value, float) and not math.isfinite(node.value):
        r.wrong(node, "a finite number")
        return None
    if isinstance(node, Items):
        return [_json(item, r) for item in node.items]
    return {name: _json(value, r) for name, value in node.fields.items()} if isinstance(node, Fields) else node.value


def _moment(node: Node, r: Report) -> Moment | None:
    what = "a timestamp such as 2026-03-01T00:00:00Z"
    try:
        if isinstance(node, Atom) and isinstance(node.value, str) and (moment := parse_moment(node.value)) is not None:
            if 1 < moment.year < 9999:  # its local midnight has to be in the calendar, too
                return moment
            raise ValueError("year is out of range")
    except ValueError as error:
        r.wrong(node, what, hint=f": {error}")
        return None
    r.wrong(node, what)
    return None


_COLUMN_READERS: dict[str, Callable[[Node, Report], Any]] = {
    "text": text,
    "time": _moment,
    "flag": boolean,
    "number": number,
    "channel": channel,
    "texts": lambda node, r: list(texts(node, r, "a list of tags such as [vip]", may_be_empty=True) or ()),
}


# ---------------------------------------------------------------- beside the rows


def _zone(node: Node, r: Report) -> str | None:
    name = text(node, r, "an IANA time zone such as Europe/Istanbul")
    if name is None:
        return None
    try:
        return parse_zone(name).key
    except ValueError as error:
        r.error(node.line, str(error))
        return None


def _segments(node: Node, r: Report, people: _People) -> dict[str, tuple[str, ...]]:
    """Members of segments that this one reads itself, in place of what their rules would say."""
    if not isinstance(node, Fields):
        r.wrong(node, "a mapping of segments to their members such as {vip_list: [ann]}")
        return {}
    reads = sorted({name for name, _ in r.references} - {*words.SYSTEM_SEGMENTS})
    stood_in = {}
    for name, members in node.fields.items():
        if name not in reads:
            which = f"{one_of(reads)}, which this segment reads" if reads else "none, as this segment reads no other"
            r.error(node.lines[name], f"found segment {name!r}, expected {which}{did_you_mean(name, reads)}")
        stood_in[name] = people.listed(members)
    return stood_in
