"""What is known of activations: those in files, what calls of them came to, and what is still out there of others.

Not here: recording calls (`record.py`), and when they are due (`due.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from orchestration.activation.named import Activation, activations_of
from orchestration.activation.places import SHOWN
from orchestration.activation.record import COUNTED
from orchestration.settings import Settings
from orchestration.warehouse import aware, connect, has_table
from segmentation.language.folder import Folder

LAST = f"""
    select segment, activation, destination, place, ending, said, dry_run, as_of, {", ".join(COUNTED)}, gate_results,
        override_by, override_reason, asked_by, ended_at, details
    from raw.activations
    where {{}} qualify row_number() over (partition by segment, activation order by activation_no desc) = 1
"""


@dataclass(frozen=True)
class Call:
    """A call of an activation, and what it came to. Moments are aware UTC; `counts` are those that were told, `there`
    is how many were at the place after it, None where that was not told."""

    segment: str
    activation: str
    to: str
    place: str
    ending: str
    said: str
    dry_run: bool
    as_of: datetime | None
    counts: Mapping[str, int]
    gates: tuple[Mapping[str, Any], ...]
    override_by: str | None
    override_reason: str | None
    by: str
    at: datetime
    there: int | None

    @property
    def stream(self) -> str:
        """As that of an activation."""
        return f"{self.segment}.{self.activation}"


@dataclass(frozen=True)
class Calls:
    """By stream: the last call of each activation, the last that was no dry run, and the last that told how many are at
    the place."""

    last: Mapping[str, Call]
    real: Mapping[str, Call]
    placed: Mapping[str, Call]


def calls(settings: Settings) -> Calls:
    """What is recorded; nothing where there is no warehouse yet. Raises WarehouseBusy."""
    if not settings.warehouse.exists():  # opening would create it
        return Calls({}, {}, {})
    with connect(settings.warehouse) as connection:
        return calls_in(connection)


def calls_in(connection: duckdb.DuckDBPyConnection) -> Calls:
    """The same in a warehouse that is open."""
    if not has_table(connection, "raw", "activations"):
        return Calls({}, {}, {})
    last, real, placed = (
        {one.stream: one for one in map(_call, connection.execute(LAST.format(condition)).fetchall())}
        for condition in ("true", "not dry_run", "not dry_run and json_extract(details, '$.there') is not null")
    )
    return Calls(last, real, placed)


def in_files(folder: Folder) -> tuple[list[Activation], dict[str, str]]:
    """All activations by segment and name, and by segment why its own cannot be read."""
    found: list[Activation] = []
    errors: dict[str, str] = {}
    for name in sorted(folder.definitions):
        try:
            found += activations_of(folder.definitions[name])
        except ValueError as error:
            errors[name] = str(error)
    return sorted(found, key=lambda one: (one.segment, one.name)), errors


def left_behind(present: Iterable[Activation], known: Calls, broken: Iterable[str]) -> list[Call]:
    """Of what was sent, that which is in no file any more: it stays there until somebody takes it back. A message and
    a tag may have the same set, and files with an error may still name theirs."""
    there, unsure = {(one.segment, SHOWN.get(one.to), one.place) for one in present}, set(broken)
    return [
        call
        for _, call in sorted(known.placed.items())
        if call.segment not in unsure and is_out_there(call) and (call.segment, SHOWN[call.to], call.place) not in there
    ]


def is_out_there(call: Call) -> bool:
    """Whether somebody is, or may be, at the place after a call. What a file or a webhook told cannot be taken back."""
    return call.to in SHOWN and bool(call.there)


def as_it_was(call: Call) -> Activation:
    """The activation of a call, as far as taking back needs it."""
    return Activation(call.segment, call.to, call.place, (), True, ("data",), {})


def _call(row: tuple[Any, ...]) -> Call:
    segment, name, to, place, ending, said, dry_run, as_of, *rest = row
    numbers, (gates, by, reason, asked_by, at, details) = rest[: len(COUNTED)], rest[len(COUNTED) :]
    counts = {word: number for word, number in zip(COUNTED, numbers, strict=True) if number is not None}
    return Call(
        segment, name, to, place, ending, said, dry_run, aware(as_of), counts, tuple(json.loads(gates or "[]")),
        by, reason, asked_by, aware(at), json.loads(details or "{}").get("there"),
    )  # fmt: skip
