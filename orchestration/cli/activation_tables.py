"""How activations and what they came to look in a terminal. Not here: the commands (`activate.py`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from rich.table import Table

    from orchestration.activation.named import Activation
    from orchestration.activation.recorded import Call, Calls
    from orchestration.activation.wish import Outcome
    from orchestration.gates.results import Result

STYLES = {"sent": "green", "closed": "bold red", "failed": "bold red", "dry_run": "dim"}
COLUMNS = {
    "members": "members", "added": "added", "removed": "removed", "unchanged": "stay", "held_back": "held back",
    "without_identifier": "no id", "without_consent": "no consent", "invalid": "invalid", "calls": "calls",
}  # fmt: skip


def outcome_table(outcomes: Sequence[tuple[Activation, Outcome]]) -> Table:
    """What each came to, or would; columns that nobody has a number for are left out."""
    table = _table()
    told = [name for name in COLUMNS if any(name in outcome.counts for _, outcome in outcomes)]
    table.add_column("activation", no_wrap=True)
    table.add_column("ending", no_wrap=True)
    for name in told:
        table.add_column(COLUMNS[name], justify="right")
    for activation, outcome in outcomes:
        table.add_row(activation.name, _ending(outcome.ending), *_numbers(outcome.counts, told))
    return table


def activation_table(
    activations: Sequence[Activation], calls: Calls, due: Mapping[str, datetime | None], zone: ZoneInfo
) -> Table:
    """Where members go, when, and what the last call came to."""
    from orchestration.activation.rhythms import rhythm

    table = _table()
    told = ("members", "added", "removed")
    for name in ("segment", "activation", "when", "next", "last", "ending"):
        table.add_column(name, overflow="fold")
    for name in told:
        table.add_column(COLUMNS[name], justify="right")
    for one in activations:
        last = calls.last.get(one.stream)
        table.add_row(
            one.segment,
            one.name,
            ", ".join(rhythm(when) for when in one.whens),
            _minute(due.get(one.stream), zone),
            _minute(last.at if last else None, zone),
            _ending(last.ending) if last else "never",
            *(_numbers(last.counts, told) if last else ["–"] * len(told)),
        )
    return table


def in_a_line(activation: Activation, last: Call | None, zone: ZoneInfo) -> str:
    """Where members go, when, and how the last call ended."""
    from orchestration.activation.described import rhythms_in_words, where

    ended = f"{last.ending.replace('_', ' ')} {_minute(last.at, zone)}" if last else "never asked for"
    return f"{where(activation)}, {rhythms_in_words(activation)} ({ended})"


def listed(activation: Activation, last: Call | None) -> dict[str, object]:
    """The same for machines."""
    from orchestration.activation.rhythms import rhythm

    return {
        "segment": activation.segment,
        "activation": activation.name,
        "to": activation.to,
        "place": activation.place,
        "when": [rhythm(one) for one in activation.whens],
        "causes": list(activation.causes),
        "last": vars(last) if last else None,
    }


def quiet_gates(results: Sequence[Result]) -> Iterator[str]:
    """What gates say that are not simply open."""
    for one in results:
        if one.state != "open":
            by = f" (opened by {one.override.by}: {one.override.reason})" if one.override else ""
            yield f"gate {one.gate} is {one.state}: {one.said}{by}"


def _numbers(counts: Mapping[str, int], names: Sequence[str]) -> list[str]:
    return [f"{counts[name]:,}" if name in counts else "–" for name in names]


def _ending(ending: str) -> str:
    style, said = STYLES.get(ending), ending.replace("_", " ")
    return f"[{style}]{said}[/]" if style else said


def _minute(moment: datetime | None, zone: ZoneInfo) -> str:
    """`26 Nov 00:00` on the workspace's wall clock."""
    if moment is None:
        return "–"
    local = moment.astimezone(zone)
    return f"{local.day} {local:%b %H:%M}"


def _table() -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
