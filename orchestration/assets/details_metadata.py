"""What the page of a segment tells of its members besides their number: statistics that plot, how they can be reached,
messages, dependents, the segments most like it, and a picture of the last weeks. Counts and names, never people.

All of it sits in Dagster's event log, once for each run and segment, so tables are cut and say so. Not here: reading it
(`orchestration/details.py`), and sizes and flows (`numbers.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from urllib.parse import quote

import dagster as dg

from orchestration.details import Details, EventDay, MessageReport, Overlap, habits
from orchestration.health.expectations import HISTORY_DAYS
from orchestration.markdown import table
from orchestration.recent_sizes import Sizes

MOST_ROWS = 10
TITLE_LENGTH = 30
STEP, HEIGHT = 10, 60  # of the bars of the trend, in pixels
RECORDED, RECONSTRUCTED = "#4f43dd", "#c5c1f4"
ASIS = "'=:/,"  # signs that need no quoting inside a data URI


def metadata(one: Details, sizes: Sizes, events: Sequence[EventDay] = ()) -> dict[str, dg.MetadataValue]:
    """Numbers stay numbers, so that they plot, and a mean of nothing is left out. The rest is one page of Markdown, a
    third of what Dagster's tables would take."""
    numbers: dict[str, float | None] = {}
    if one.metrics is not None:
        numbers = {
            "push_click_average": one.metrics.push_click_average,
            "average_monthly_app_opens": one.metrics.average_monthly_app_opens,
            "average_time_in_app": one.metrics.average_time_in_app,
            "monthly_revenue_total": one.metrics.monthly_revenue_total,
            "monthly_revenue_per_member": one.metrics.monthly_revenue_per_member,
            "message_sent": one.metrics.message_sent,
            "engagement": one.metrics.engagement,
            "dependents": one.metrics.dependents,
        }
    numbers |= {f"reachable_{reach.channel}": reach.percentage for reach in one.reachability}
    told = as_markdown(one, sizes, events)
    return {
        **({"details": dg.MetadataValue.md(told)} if told else {}),
        **{name: _number(number) for name, number in numbers.items() if number is not None},
    }


def as_markdown(one: Details, sizes: Sizes, events: Sequence[EventDay] = ()) -> str:
    """The page: the picture of the last days and the tables, each only if it has something to show."""
    parts = [trend(sizes)] if len(sizes) > 1 else []
    readers = [row for row in one.dependents if row.kind == "segment"]  # messages have a table of their own
    if one.reachability:
        rows = [(row.channel, row.reachable, _rounded(row.percentage, 1)) for row in one.reachability]
        parts.append(f"### Reachable members\n\n{table(('channel', 'users#', 'percent#'), rows)}")
    parts += _section(
        "Messages that use it, newest first",
        ("message", "title", "date", "status", "sent#", "failed#", "clicked#", "not clicked#", "conv.#", "revenue#"),
        [_message(row) for row in one.messages[:MOST_ROWS]],
        len(one.messages),
    )
    parts += _section(
        "Segments with the most members in common",
        ("segment", "users#", "in both#", "% of this#", "% of that#", "relation"),
        [_overlap(row) for row in one.overlaps[:MOST_ROWS]],
        len(one.overlaps),
    )
    parts += _section(
        "Segments that read it",
        ("segment", "as", "status"),
        [(row.dependent, row.role, row.status) for row in readers[:MOST_ROWS]],
        len(readers),
    )
    did = habits(events)
    parts += _section(
        "What its members did in the last 90 days",
        ("event", "times#", "users on the busiest day#"),
        [(row.event, row.times, row.most_users) for row in did[:MOST_ROWS]],
        len(did),
    )
    return "\n\n".join(parts)


def trend(sizes: Sizes) -> str:
    """The last days as Markdown: bars from nothing to the most users, pale where they were reconstructed; and in words
    what the first and the last of them say."""
    shown = sizes[-HISTORY_DAYS - 1 :]
    most = max(size.users for size in shown) or 1
    bars = [
        (f"M{place * STEP + STEP // 2} {HEIGHT}v-{max(1, round(HEIGHT * size.users / most))}", size.is_reconstructed)
        for place, size in enumerate(shown)
    ]
    paths = [
        f"<path stroke='{color}' stroke-width='{STEP - 2}' d='{drawn}'/>"
        for color, is_pale in ((RECORDED, False), (RECONSTRUCTED, True))
        if (drawn := "".join(bar for bar, is_reconstructed in bars if is_reconstructed == is_pale))
    ]
    size = f"width='{len(shown) * STEP}' height='{HEIGHT}'"
    picture = f"<svg xmlns='http://www.w3.org/2000/svg' {size}>{''.join(paths)}</svg>"
    first, last = shown[0], shown[-1]
    told = f"{first.users:,} users on {_day(first.day)}, {last.users:,} on {_day(last.day)}"
    return f"![{told}](data:image/svg+xml,{quote(picture, safe=ASIS)})\n\n{told}"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _section(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str | int | float | None]], in_all: int
) -> list[str]:
    """A table under its title, which says how many rows there are if it shows only the first of them."""
    if not rows:
        return []
    shown = f" ({len(rows):,} of {in_all:,})" if len(rows) < in_all else ""
    return [f"### {title}{shown}\n\n{table(columns, rows)}"]


def _message(row: MessageReport) -> tuple[str | int | float | None, ...]:
    title = row.title or ""
    return (
        row.message_id,
        title if len(title) <= TITLE_LENGTH else f"{title[: TITLE_LENGTH - 1]}…",
        f"{row.date:%Y-%m-%d}" if row.date else None,
        row.status if row.role == "included" else f"{row.status}, {row.role}",
        row.sent,
        row.failed,
        row.clicked,
        row.not_clicked,
        row.conversions,
        round(row.revenue_total),
    )


def _overlap(row: Overlap) -> tuple[str | int | float | None, ...]:
    relation = row.relation.replace("_", " ")
    return (
        row.other,
        row.other_users,
        row.both,
        _rounded(row.share and row.share * 100, 1),
        _rounded(row.other_share and row.other_share * 100, 1),
        f"{relation}, same rule" if row.same_rule else relation,
    )


def _rounded(number: float | None, digits: int) -> float | None:
    return None if number is None else round(number, digits)


def _number(number: float) -> dg.MetadataValue:
    return dg.MetadataValue.int(number) if isinstance(number, int) else dg.MetadataValue.float(round(number, 4))
