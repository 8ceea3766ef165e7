"""`segments list` and `segments show`: what the last runs published.

Not here: reading it (`orchestration/published.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestration.cli.one_segment import as_json as one_as_json
from orchestration.cli.one_segment import look_up, show_one
from orchestration.cli.tables import count, segment_table, show
from orchestration.cli.words import Day, print_json, progress, say, settings_for, with_json, with_segments

if TYPE_CHECKING:
    from orchestration.published import SegmentRow

STATUSES = ("ready", "calculating", "failed", "stale", "not_active", "deleted")
KINDS = ("who", "connector", "list", "live", "predict", "system")
# What each order goes by, and whether the largest come first. None, which is not known, comes last either way.
ORDERS: dict[str, tuple[Callable[[SegmentRow], Any], bool]] = {
    "users": (lambda row: row.users if row.updated_at else None, True),
    "name": (lambda row: row.segment, False),
    "change": (lambda row: row.entered + row.left if row.updated_at else None, True),
    "messages": (lambda row: row.message_sent, True),
    "status": (lambda row: row.status, False),
    "kind": (lambda row: row.kind, False),
    "owner": (lambda row: row.created_by, False),
    "updated": (lambda row: row.updated_at, True),
    "created": (lambda row: row.created_on, True),
}


@click.command("list")
@click.option("--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="Only segments of this kind.")
@click.option("--status", "statuses", type=click.Choice(STATUSES), multiple=True, help="Only with this status.")
@click.option("--label", "labels", multiple=True, help="Only with this label; several must all be there.")
@click.option("--owner", help="Only those created by this person (a part of the address will do).")
@click.option("--created-after", type=Day(), help="Only those created after this day, which is not included.")
@click.option("--created-before", type=Day(), help="Only those created before this day, which is not included.")
@click.option("--ready-to-use", is_flag=True, help="Only those that are shown as ready to use.")
@click.option("--search", help="Only those with this text in name, title or description.")
@click.option("--sort", type=click.Choice(tuple(ORDERS)), default="users", show_default=True, help="Order.")
@click.option("--reverse", is_flag=True, help="The other way round; what is not known stays last.")
@with_json
def list_segments(
    kinds: Sequence[str],
    statuses: Sequence[str],
    labels: Sequence[str],
    owner: str | None,
    created_after: date | None,
    created_before: date | None,
    ready_to_use: bool,
    search: str | None,
    sort: str,
    reverse: bool,
    as_json: bool,
) -> None:
    """List segments with size and status, deleted ones only on request (--status deleted).

    Filters join by AND; a kind or a status that is given several times means any of them. Text is compared whatever its
    case. A segment without a day of creation is neither after nor before any.
    """
    from orchestration.published import published, summary
    from orchestration.summary import in_words

    settings = settings_for()
    with progress("reading the warehouse"):
        rows = published(settings)
        cards = {} if as_json else summary(settings)
    chosen = [
        row
        for row in rows
        if (row.status in statuses if statuses else row.status != "deleted")
        and (not kinds or row.kind in kinds)
        and set(labels) <= set(row.labels)
        and (owner is None or _folded(owner) in _folded(row.created_by))
        and (created_after is None or (row.created_on is not None and row.created_on > created_after))
        and (created_before is None or (row.created_on is not None and row.created_on < created_before))
        and (row.is_visible or not ready_to_use)
        and (search is None or _mentions(row, search))
    ]
    chosen = _ordered(chosen, sort, reverse)
    if as_json:
        print_json([vars(row) for row in chosen])
        return
    if chosen:
        show(segment_table(chosen))
        say()
    present = sum(row.status != "deleted" for row in rows)
    say(count(len(chosen), "segment") + (f" of {present:,}" if len(chosen) < present else ""))
    if told := in_words(cards):
        say("; ".join(told))


def _ordered(rows: Sequence[SegmentRow], sort: str, reverse: bool) -> list[SegmentRow]:
    """Equal ones go by name."""
    key, largest_first = ORDERS[sort]
    by_name = sorted(rows, key=lambda row: row.segment)
    known = [row for row in by_name if key(row) is not None]
    return [
        *sorted(known, key=key, reverse=largest_first is not reverse),
        *(row for row in by_name if key(row) is None),
    ]


def _mentions(row: SegmentRow, text: str) -> bool:
    return any(_folded(text) in _folded(part) for part in (row.segment, row.title, row.description))


def _folded(text: str | None) -> str:
    """Without case; a dotted I loses its dot, which else would stay behind as a letter of its own."""
    return (text or "").replace("İ", "i").casefold()


@click.command("show")
@click.argument("name")
@click.option("--events", "with_events", is_flag=True, help="Also what its members did in the last 90 days, by event.")
@with_segments
@with_json
def show_segment(name: str, with_events: bool, segments: Path | None, as_json: bool) -> None:
    """Tell everything about one segment: criteria, size, trend, and who depends on it."""
    settings = settings_for(segments)
    with progress("reading the warehouse"):
        found = look_up(settings, name, with_events=with_events)
    if as_json:
        print_json(one_as_json(found))
    else:
        show_one(found, settings)


COMMANDS = {"list": list_segments, "show": show_segment}
