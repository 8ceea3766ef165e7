"""`segments list` and `segments show`: what the last runs published.

Not here: reading it (`orchestration/published.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestration.cli.one_segment import as_json as one_as_json
from orchestration.cli.one_segment import look_up, show_one
from orchestration.cli.tables import count, segment_table, show
from orchestration.cli.words import print_json, progress, say, settings_for, with_json, with_segments

if TYPE_CHECKING:
    from orchestration.published import SegmentRow

STATUSES = ("ready", "calculating", "failed", "stale", "not_active", "deleted")
KINDS = ("who", "connector", "list", "live", "predict", "system")
ORDERS: dict[str, Callable[[Any], Any]] = {
    "users": lambda row: (-row.users, row.segment),
    "name": lambda row: row.segment,
    "change": lambda row: (-(row.entered + row.left), row.segment),
    "status": lambda row: (row.status, row.segment),
    "kind": lambda row: (row.kind or "", row.segment),
    "owner": lambda row: (row.created_by is None, row.created_by, row.segment),
    "updated": lambda row: (row.updated_at is None, -row.updated_at.timestamp() if row.updated_at else 0, row.segment),
    "created": lambda row: (row.created_on is None, -row.created_on.toordinal() if row.created_on else 0, row.segment),
}


@click.command("list")
@click.option("--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="Only segments of this kind.")
@click.option("--status", "statuses", type=click.Choice(STATUSES), multiple=True, help="Only with this status.")
@click.option("--label", "labels", multiple=True, help="Only with this label; several must all be there.")
@click.option("--owner", help="Only those created by this person (a part of the address will do).")
@click.option("--ready-to-use", is_flag=True, help="Only those that are shown as ready to use.")
@click.option("--search", help="Only those with this text in name, title or description.")
@click.option("--sort", type=click.Choice(tuple(ORDERS)), default="users", show_default=True, help="Order.")
@click.option("--reverse", is_flag=True, help="The other way round.")
@with_json
def list_segments(
    kinds: Sequence[str],
    statuses: Sequence[str],
    labels: Sequence[str],
    owner: str | None,
    ready_to_use: bool,
    search: str | None,
    sort: str,
    reverse: bool,
    as_json: bool,
) -> None:
    """List segments with size and status, deleted ones only on request (--status deleted)."""
    from orchestration.published import published

    with progress("reading the warehouse"):
        rows = published(settings_for())
    chosen = [
        row
        for row in rows
        if (row.status in statuses if statuses else row.status != "deleted")
        and (not kinds or row.kind in kinds)
        and set(labels) <= set(row.labels)
        and (owner is None or owner.casefold() in (row.created_by or "").casefold())
        and (row.is_visible or not ready_to_use)
        and (search is None or _mentions(row, search))
    ]
    chosen.sort(key=ORDERS[sort], reverse=reverse)
    if as_json:
        print_json([vars(row) for row in chosen])
        return
    if chosen:
        show(segment_table(chosen))
        say()
    present = sum(row.status != "deleted" for row in rows)
    say(count(len(chosen), "segment") + (f" of {present:,}" if len(chosen) < present else ""))


def _mentions(row: SegmentRow, text: str) -> bool:
    return any(text.casefold() in (part or "").casefold() for part in (row.segment, row.title, row.description))


@click.command("show")
@click.argument("name")
@with_segments
@with_json
def show_segment(name: str, segments: Path | None, as_json: bool) -> None:
    """Tell everything about one segment: criteria, size, trend, and who depends on it."""
    settings = settings_for(segments)
    with progress("reading the warehouse"):
        found = look_up(settings, name)
    if as_json:
        print_json(one_as_json(found))
    else:
        show_one(found, settings)


COMMANDS = {"list": list_segments, "show": show_segment}
