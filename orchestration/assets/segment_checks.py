"""Two checks of each segment, which warn: whether its members are as fresh as its refresh policy promises, and whether
its size is one that does not surprise.

Both are logged rather than yielded: Dagster writes one event for that instead of two, which for a thousand segments is
half of the time. Not here: what is expected (`orchestration/health/expectations.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.health.expectations import LEAST_DAYS, promised, size_band
from orchestration.health.findings import late
from orchestration.names import segment_key
from orchestration.recent_sizes import Sizes, recorded
from segmentation.clock import Clock
from segmentation.language.folder import Folder
from segmentation.language.model import Definition

if TYPE_CHECKING:
    from orchestration.assets.numbers import Numbers

FRESHNESS, SIZE_BAND = "freshness", "size_band"


def specs(folder: Folder) -> Iterator[dg.AssetCheckSpec]:
    """The checks of segments whose files have no error; only those with a schedule promise to be fresh."""
    for name, definition in folder.definitions.items():
        if has_promise(definition):
            yield dg.AssetCheckSpec(
                FRESHNESS,
                asset=segment_key(name),
                description="Its members are as recent as its refresh policy promises, give or take the time of a run.",
            )
        yield dg.AssetCheckSpec(
            SIZE_BAND,
            asset=segment_key(name),
            description="Its size is near the median of its last 28 recorded days: within 30 %, three times the square"
            " root, or 10 users, whichever is most.",
        )


def has_promise(definition: Definition) -> bool:
    """Whether any schedule recalculates a segment."""
    return definition.refresh.cron is not None and not definition.paused


def evaluations(
    names: Iterable[str],
    folder: Folder,
    numbers: Mapping[str, Numbers],
    sizes: Mapping[str, Sizes],
    clock: Clock,
    selected: Collection[dg.AssetCheckKey],
) -> Iterator[dg.AssetCheckEvaluation]:
    """What the checks say of segments after a run of the present; of those that were never calculated, nothing.

    A size is judged by the run that calculated it, and not again.
    """
    for name in names:
        definition, one = folder.definitions.get(name), numbers.get(name)
        if definition is None or one is None or one.as_of is None:
            continue
        found = [*_freshness(definition, one.as_of, one.status, clock)]
        if one.is_new:
            found.append(_size_band(name, one.users, sizes.get(name, [])))
        yield from (evaluation for evaluation in found if evaluation.asset_check_key in selected)


def _freshness(
    definition: Definition, computed_at: datetime, status: str, clock: Clock
) -> Iterator[dg.AssetCheckEvaluation]:
    """Nobody promises anything of a segment that rests because nobody uses it."""
    due = promised(definition, clock) if has_promise(definition) and status != "not_active" else None
    if due is not None:
        said = late(definition, computed_at, clock)
        yield _evaluation(
            definition.name,
            FRESHNESS,
            said,
            {
                "as_of": dg.MetadataValue.timestamp(computed_at),
                "promised": dg.MetadataValue.timestamp(due),
            },
        )


def _size_band(name: str, users: int, sizes: Sizes) -> dg.AssetCheckEvaluation:
    before = recorded(sizes)[:-1]
    band = size_band(before)
    if band is None:
        short = (
            f"the history is too short to judge by: {len(before)} recorded days before this one, expected {LEAST_DAYS}"
        )
        return _evaluation(name, SIZE_BAND, None, {"users": dg.MetadataValue.int(users)}, short)
    said = None
    if not band.low <= users <= band.high:
        said = (
            f"{users:,} users, expected {band.low:,} to {band.high:,}: the median of {band.days} recorded days is"
            f" {band.median:,.0f}"
        )
    return _evaluation(
        name,
        SIZE_BAND,
        said,
        {
            "users": dg.MetadataValue.int(users),
            "low": dg.MetadataValue.int(band.low),
            "high": dg.MetadataValue.int(band.high),
        },
    )


def _evaluation(
    name: str, check: str, said: str | None, numbers: Mapping[str, dg.MetadataValue], remark: str | None = None
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=segment_key(name),
        check_name=check,
        passed=said is None,
        severity=dg.AssetCheckSeverity.WARN,
        description=said or remark,
        metadata=numbers,
    )
