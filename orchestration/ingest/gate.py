"""The boundary: a pulled file is looked at by a Great Expectations suite before it takes the last good one's place.

Great Expectations gets one row of counts for each file and never a person's row. What blocks raises Refused, so that
the file vanishes and the last good one stays, unless somebody accepts it and says why; what warns lands and is said.
Not here: counting (`connectors/drafts.py`), and how Dagster shows the results (`events.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.drafts import Admitted, Draft
from connectors.errors import Refused
from orchestration.audiences import ENOUGH
from orchestration.comparisons import at_least
from orchestration.ingest.limits import Limits

CHECKS = {
    "counts": "As many came as the vendor reports, or nearly.",
    "ids": "Rows can be matched with users.",
    "freshness": "The vendor computed it after the last one, and lately; events lie in their day.",
    "shrink": "It is not suddenly much smaller than the last good one.",
}
BESIDE = {"counts": ("reported",), "ids": ("came", "with_email", "with_phone"), "shrink": ("before",)}  # for plots
Numbers = Mapping[str, int | float]


@dataclass(frozen=True)
class Verdict:
    """What one check says of one file: `said` is empty if it passed, else a sentence of counts; `blocks` if it keeps
    the file out."""

    check: str
    said: str
    blocks: bool
    numbers: Numbers


@dataclass(frozen=True)
class Expected:
    """An expectation on the row of counts: `column` is at least `least`, another column, where both are known."""

    check: str
    column: str
    least: str
    say: Callable[[dict[str, Any]], str]
    severity: str = "critical"


EXPECTED = (
    Expected(
        "counts", "rows", "rows_expected",
        lambda row: f"{row['rows']:,} of {row['reported']:,} that the vendor reports came,"
        f" expected {row['rows_expected']:,} or more",
    ),
    Expected(
        "ids", "without_id_allowed", "without_id",
        lambda row: f"{row['without_id']:,} of {row['came']:,} rows have no identifier,"
        f" expected {row['without_id_allowed']:,} at most",
    ),
    Expected(
        "freshness", "computed", "computed_before",
        lambda row: f"the vendor computed it at {row['computed']:%Y-%m-%d %H:%M} UTC, which is before the"
        f" {row['computed_before']:%Y-%m-%d %H:%M} UTC of the last good one",
    ),
    Expected(
        "freshness", "untimely_allowed", "untimely",
        lambda row: f"{row['untimely']:,} of {row['came']:,} events have no time or lie outside the day,"
        f" expected {row['untimely_allowed']:,} at most",
    ),
    Expected(
        "freshness", "computed", "computed_expected",
        lambda row: f"the vendor computed it at {row['computed']:%Y-%m-%d %H:%M} UTC,"
        f" expected {row['computed_expected']:%Y-%m-%d %H:%M} UTC or later",
        "warning",
    ),
    Expected(
        "shrink", "rows", "rows_kept",
        lambda row: f"{row['rows']:,} came where the last good one has {row['before']:,},"
        f" expected {row['rows_kept']:,} or more",
    ),
)  # fmt: skip


class Gate:
    """The gate of a pull. `verdicts` has those on the last file of each table and key, by check.

    `accept` is why somebody takes what the gate refuses, `by` is who.
    """

    def __init__(self, limits: Limits, accept: str = "", by: str = "") -> None:
        self._limits, self._accept, self._by = limits, accept, by
        self.verdicts: dict[tuple[str, str], list[Verdict]] = {}

    def __call__(self, draft: Draft) -> Admitted:
        """Raises Refused in one sentence."""
        row = in_numbers(draft, self._limits)
        verdicts = self.verdicts[draft.table, draft.key] = judge(row)
        blocking = [f"{one.check}: {one.said}" for one in verdicts if one.blocks]
        warned = [f"{one.check}: {one.said}" for one in verdicts if one.said and not one.blocks]
        where = f"{draft.connector}, {draft.name}"
        if not blocking:
            return Admitted(f"{where}: {'; '.join(warned)}" if warned else None)
        if not self._accept:
            raise Refused(
                draft.connector, draft.name,
                f"{'; '.join(blocking)}; the last good file stays, unless you pull again and accept it"
                ' (--accept "why" of segments pull, or accept in the configuration of the job)',
            )  # fmt: skip
        accepted = f"{self._by}: {self._accept}"
        return Admitted(f"{where}: {'; '.join([*blocking, *warned])}; accepted by {accepted}", accepted)


def in_numbers(draft: Draft, limits: Limits) -> dict[str, Any]:
    """The one row that the suite sees: what came, and the bounds it is held to. None where there is nothing to hold it
    to."""
    count, reported, before = draft.count, draft.reported, draft.before
    many = count.rows > limits.few
    aged = draft.at - timedelta(days=limits.computed_days)
    return {
        "rows": draft.rows,
        "came": count.rows,
        "with_email": count.with_email,
        "with_phone": count.with_phone,
        "reported": reported,
        "rows_expected": None if reported is None else _part(ENOUGH, reported),
        "without_id": count.without_id,
        "without_id_allowed": int(limits.without_id_above * count.rows) if many else None,
        "untimely": count.untimely,
        "untimely_allowed": int(limits.untimely_above * count.rows) if many else None,
        "before": before,
        "rows_kept": _part(limits.shrunk_below, before) if before is not None and before > limits.few else None,
        "computed": draft.computed,
        "computed_before": draft.computed_before,
        "computed_expected": aged if limits.computed_days else None,
    }


def _part(share: float, whole: int) -> int:
    """The least number that is at least such a share."""
    return -int(-share * whole // 1)


def judge(row: dict[str, Any]) -> list[Verdict]:
    """What each of the checks says of a row of counts."""
    held = at_least(row, [(one.column, one.least) for one in EXPECTED])
    failures = [one for one, holds in zip(EXPECTED, held, strict=True) if not holds]
    verdicts = []
    for check in CHECKS:
        failed = [one for one in failures if one.check == check]
        blocks = [one for one in failed if one.severity == "critical"]
        said = "; ".join(one.say(row) for one in blocks or failed)
        verdicts.append(Verdict(check, said, bool(blocks), _numbers(row, check, len(failed))))
    return verdicts


def _numbers(row: Mapping[str, Any], check: str, failed: int) -> Numbers:
    """Counts of a check, for plots; moments as seconds since 1970."""
    names = {name for one in EXPECTED if one.check == check for name in (one.column, one.least)}
    names.update(BESIDE.get(check, ()))
    found: dict[str, int | float] = {"expectations_failed": failed}
    for name in sorted(names):
        value = row[name]
        if value is not None:
            found[name] = value.timestamp() if isinstance(value, datetime) else value
    return found
