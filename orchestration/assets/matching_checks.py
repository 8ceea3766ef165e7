"""What connector segments have beside other segments in Dagster: numbers of the matching, and checks on them.

Not here: the numbers and what is expected of them (`orchestration/waterfall.py`), and the segments' own assets
(`segments.py`).
"""

from collections.abc import Iterable, Iterator, Mapping

import dagster as dg

from orchestration.matching import matching_of
from orchestration.names import segment_key
from orchestration.settings import Settings
from orchestration.waterfall import Waterfall, judge
from segmentation.language.folder import Folder

CHECKS = {
    "match_rate": "Enough of the users that the vendor reports are known here.",
    "ambiguity": "Few of the rows could be several users.",
    "whole": "As many rows came as the vendor reports users.",
}


def specs(folder: Folder) -> list[dg.AssetCheckSpec]:
    """The checks of each connector segment."""
    return [
        dg.AssetCheckSpec(check, asset=segment_key(name), description=description)
        for name, definition in folder.definitions.items()
        if definition.kind == "connector"
        for check, description in CHECKS.items()
    ]


def results(names: Iterable[str], found: Mapping[str, Waterfall], settings: Settings) -> Iterator[dg.AssetCheckResult]:
    """What the checks say of each of the named connector segments; without any numbers they hold."""
    for name in names:
        one = found.get(name)
        judged = judge(one, matching_of(settings.matching, one.connector)) if one else {}
        for check in CHECKS:
            about = judged.get(check)
            yield dg.AssetCheckResult(
                passed=about is None or about.said is None,
                asset_key=segment_key(name),
                check_name=check,
                severity=dg.AssetCheckSeverity.WARN,
                description=about.said if about else None,
                metadata={key: _number(number) for key, number in about.numbers.items()} if about else {},
            )


def metadata(one: Waterfall) -> dict[str, dg.MetadataValue]:
    """Numbers plot over time by themselves, so they stay numbers; a share of nothing is left out."""
    numbers: dict[str, float | None] = {
        "connector_users": one.connector_users or 0,
        "fetched_users": one.fetched_users,
        "netmera_users": one.netmera_users,
        "reachable_push": one.reachable_push,
        "match_rate": one.match_rate,
        "ambiguous_share": one.ambiguous_share,
        "matched_anew": one.matched_anew,
    }
    return {name: _number(number) for name, number in numbers.items() if number is not None}


def _number(number: float) -> dg.MetadataValue:
    return dg.MetadataValue.int(number) if isinstance(number, int) else dg.MetadataValue.float(round(number, 4))
