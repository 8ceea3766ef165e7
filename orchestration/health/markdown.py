"""The health report as Markdown: what is wrong by kind, and the dearest segments. Counts and names, never people.

Not here: what it says (`report.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from orchestration.health.findings import KINDS, UNUSED_DAYS, Kind
from orchestration.health.report import COST_DAYS, Report
from orchestration.markdown import plain
from orchestration.summary import in_words

MOST_FINDINGS = 20  # of a kind
MOST_COSTS = 20
TITLES: dict[Kind, str] = {
    "failing": "Failing: not calculated, last good members kept",
    "stale": "Stale: members are older than they should be",
    "not_sent": "Not sent: a gate is closed, or the last call failed; what was sent before stays there",
    "shrinking": "Shrinking: under half of the median of the last 28 recorded days",
    "duplicate": "Likely duplicates",
    "unused": f"Unused: no message in {UNUSED_DAYS} days, read by no segment, not ready to use",
}
ALL = "`segments health` lists all"


def as_markdown(report: Report, zone: ZoneInfo) -> str:
    """The whole report; long lists end with how many more there are, and where."""
    return "\n".join([*_findings(report, zone), "", *_costs(report)])


def _findings(report: Report, zone: ZoneInfo) -> Iterator[str]:
    local = report.as_of.astimezone(zone)
    moment = f"{local.day} {local:%b %Y %H:%M} {zone.key}"
    concerned = len({one.segment for one in report.findings})
    yield f"As of {moment}, {concerned:,} of {report.judged:,} segments are worth a look."
    if told := in_words(report.cards):
        yield from ("", f"{plain('; '.join(told))}.")
    for kind in KINDS:
        found = [one for one in report.findings if one.kind == kind]
        if found:
            yield from ("", f"### {TITLES[kind]} ({report.counts[kind]:,})", "")
            yield from (f"- `{one.segment}`: {plain(one.said)}" for one in found[:MOST_FINDINGS])
            if len(found) > MOST_FINDINGS:
                yield f"- and {len(found) - MOST_FINDINGS:,} more; {ALL}"
    if not report.messages_landed:
        yield from ("", "No messages have landed, so nobody can tell which segments are unused.")


def _costs(report: Report) -> Iterator[str]:
    yield f"### What segments cost in {COST_DAYS} days"
    yield ""
    if not report.costs:
        yield "No run was measured."
        return
    yield (
        f"The dbt nodes of {report.runs:,} runs took {report.seconds:,.1f} s, shared out over the segments that they"
        " computed."
    )
    yield from ("", "| segment | runs | seconds | rows | bytes |", "| --- | ---: | ---: | ---: | ---: |")
    for one in report.costs[:MOST_COSTS]:
        yield f"| `{one.segment}` | {one.runs:,} | {one.seconds:,.2f} | {one.rows:,} | {size_text(one.bytes)} |"
    rest = report.costs[MOST_COSTS:]
    if rest:
        yield (
            f"| {len(rest):,} more; {ALL} | | {sum(one.seconds for one in rest):,.2f} |"
            f" {sum(one.rows for one in rest):,} | {size_text(sum(one.bytes for one in rest))} |"
        )


def size_text(size: float) -> str:
    """`812 B`, `1.4 MB`: thousands, as disks count."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"
