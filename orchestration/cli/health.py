"""`segments health`: which segments are worth a look, and what each of them costs.

Not here: what is found (`orchestration/health`), and its page in Dagster (`orchestration/assets/health.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestration.cli.tables import count, moment_text, show
from orchestration.cli.words import print_json, progress, say, settings_for, wall_clock, with_json, with_segments
from orchestration.settings import Settings

if TYPE_CHECKING:
    from rich.table import Table

    from orchestration.health.report import Report


@click.command("health")
@with_segments
@with_json
def health_report(segments: Path | None, as_json: bool) -> None:
    """Tell which segments are failing, stale, shrinking, likely duplicates or unused, and what each costs.

    Costs are those of the runs of the last seven days.
    """
    settings = settings_for(segments)
    with progress("reading the warehouse"):
        from orchestration.health.report import health

        report = health(settings, wall_clock())
    if as_json:
        print_json(as_data(report))
    else:
        _say(report, settings)


def as_data(report: Report) -> dict[str, object]:
    """The report for machines: every finding and every cost."""
    return {
        "as_of": report.as_of,
        "segments": report.judged,
        "counts": dict(report.counts),
        "findings": [vars(one) for one in report.findings],
        "messages_landed": report.messages_landed,
        "cards": {name: vars(card) for name, card in report.cards.items()},
        "runs": report.runs,
        "seconds": report.seconds,
        "costs": [vars(one) for one in report.costs],
    }


def _say(report: Report, settings: Settings) -> None:
    from orchestration.summary import in_words

    concerned = len({one.segment for one in report.findings})
    say(
        f"As of {moment_text(report.as_of, settings.zone)}: {concerned:,} of {count(report.judged, 'segment')}"
        " are worth a look"
    )
    if told := in_words(report.cards):
        say("; ".join(told))
    for kind, number in report.counts.items():
        if number:
            say(f"\n{kind}: {count(number, 'segment')}")
            for one in report.findings:
                if one.kind == kind:
                    say(f"  {one.segment}: {one.said}")
    if not report.messages_landed:
        say("\nno messages have landed, so nobody can tell which segments are unused")
    if report.costs:
        say(
            f"\nThe dbt nodes of {count(report.runs, 'run')} in 7 days took {report.seconds:,.1f} s; by the segments"
            " that they computed:\n"
        )
        show(_costs(report))


def _costs(report: Report) -> Table:
    from rich import box
    from rich.table import Table

    from orchestration.health.markdown import size_text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("segment", no_wrap=True)
    for name in ("runs", "seconds", "rows", "bytes"):
        table.add_column(name, justify="right")
    for one in report.costs:
        table.add_row(one.segment, f"{one.runs:,}", f"{one.seconds:,.2f}", f"{one.rows:,}", size_text(one.bytes))
    return table


COMMANDS = {"health": health_report}
