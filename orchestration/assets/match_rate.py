"""What connector segments have beside other segments in Dagster: numbers of the matching, and a check on them.

Not here: the numbers (`orchestration/waterfall.py`), and the segments' own assets (`segments.py`).
"""

from collections.abc import Iterable, Iterator

import dagster as dg

from orchestration.matching import matching_of
from orchestration.names import segment_key
from orchestration.settings import Settings
from orchestration.waterfall import Waterfall, worries
from segmentation.language.folder import Folder

CHECK = "match_rate"


def specs(folder: Folder) -> list[dg.AssetCheckSpec]:
    """One check for each connector segment."""
    return [
        dg.AssetCheckSpec(
            CHECK,
            asset=segment_key(name),
            description="Enough of the vendor's users are known, few could be several, and all it reports came.",
        )
        for name, definition in folder.definitions.items()
        if definition.kind == "connector"
    ]


def results(names: Iterable[str], found: dict[str, Waterfall], settings: Settings) -> Iterator[dg.AssetCheckResult]:
    """The check's answer for each of the named connector segments; without any numbers it holds."""
    for name in names:
        one = found.get(name)
        said = worries(one, matching_of(settings.matching, one.connector)) if one else []
        yield dg.AssetCheckResult(
            passed=not said,
            asset_key=segment_key(name),
            check_name=CHECK,
            severity=dg.AssetCheckSeverity.WARN,
            description=". ".join(said) or None,
            metadata=metadata(one) if one else {},
        )


def metadata(one: Waterfall) -> dict[str, dg.MetadataValue]:
    """Numbers plot over time by themselves, so they stay numbers; a share of nothing is left out."""
    numbers: dict[str, dg.MetadataValue] = {
        "connector_users": dg.MetadataValue.int(one.connector_users or 0),
        "fetched_users": dg.MetadataValue.int(one.fetched_users),
        "netmera_users": dg.MetadataValue.int(one.netmera_users),
        "reachable_push": dg.MetadataValue.int(one.reachable_push),
    }
    if one.match_rate is not None:
        numbers["match_rate"] = dg.MetadataValue.float(round(one.match_rate, 4))
    if one.ambiguous_share is not None:
        numbers["ambiguous_share"] = dg.MetadataValue.float(round(one.ambiguous_share, 4))
    return numbers
