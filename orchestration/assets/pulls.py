"""Vendors as assets: what each gives, pulled into landing files when somebody materializes it, or by the vendor's job.

They exist without an account, and fail in one sentence then. No warehouse is opened, so the pool is the vendor's own.
Not here: pulling (`orchestration/ingest`), and when it is due (`schedules.py`, `sensors/`).
"""

import warnings
from collections.abc import Iterator
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from connectors.accounts import clock_zone
from connectors.pulls.audiences import Choice
from connectors.pulls.workbench import DATA
from orchestration.ingest.events import CHECKS, PARTITIONED
from orchestration.ingest.gate import CHECKS as SAYS
from orchestration.ingest.pulling import Wish
from orchestration.ingest.runs import Around, failure, pull
from orchestration.names import VENDORS, audience_partitions, pull_key
from orchestration.settings import Settings, connector_settings

LANDS = {
    "audiences": ("audiences", "audience_members"),
    "events": ("events",),
    "users": ("users", "devices"),
    "messages": ("messages", "message_events"),
}
PAGES = {
    (
        "mixpanel",
        "audiences",
    ): "Cohorts of Mixpanel, one partition each, by id. A cohort costs a call for the list and one"
    " for every 1,000 members, of 60 an hour for the whole project.",
    ("mixpanel", "events"): "Raw events of Mixpanel, one partition for each day of the project, replaced as a whole. A"
    " day costs one call of 60 an hour.",
    ("amplitude", "audiences"): "Cohorts of Amplitude, one partition each, by id. A cohort costs one download of 500 a"
    " month.",
    ("amplitude", "events"): "Raw events of Amplitude, one partition for each UTC day of upload, replaced as a whole."
    " A day can be exported about two hours after it ended.",
    ("netmera", "audiences"): "Segments of Netmera and their members.",
    ("netmera", "users"): "Everybody who is in a segment of Netmera, with attributes and devices, two calls a person.",
    ("netmera", "messages"): "Push messages of Netmera of the last two weeks, and their results per user.",
}


def pull_assets(settings: Settings, around: Around | None = None) -> list[dg.AssetsDefinition]:
    """One asset for each vendor and kind of data."""
    return [_asset(settings, around or Around(), vendor, what) for vendor in VENDORS for what in DATA[vendor]]


def sources_of(table: str) -> list[dg.AssetKey]:
    """The assets that write files of a landing table."""
    return [pull_key(vendor, what) for vendor in VENDORS for what in DATA[vendor] if table in LANDS[what]]


def _partitions(settings: Settings, vendor: str, what: str) -> dg.PartitionsDefinition | None:
    if vendor not in PARTITIONED:
        return None
    if what == "audiences":
        return dg.DynamicPartitionsDefinition(name=audience_partitions(vendor))
    zone = clock_zone(connector_settings()) if vendor == "mixpanel" else ZoneInfo("UTC")
    return dg.DailyPartitionsDefinition(start_date=settings.first_day.isoformat(), timezone=zone.key)


def _asset(settings: Settings, around: Around, vendor: str, what: str) -> dg.AssetsDefinition:
    key = pull_key(vendor, what)
    partitions = _partitions(settings, vendor, what)
    landing = " and ".join(f"`{table}`" for table in LANDS[what])

    @dg.multi_asset(
        name=f"{vendor}_{what}",
        specs=[
            dg.AssetSpec(
                key,
                group_name=vendor,
                kinds={"api", "file"},
                description=f"{PAGES[vendor, what]} It lands in {landing}; what fails keeps its last good file.",
                skippable=True,
                partitions_def=partitions,
            )
        ],
        check_specs=_checks(key, vendor, what, partitions),
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run() if partitions else None,
        pool=vendor,
    )
    def pulled(context: dg.AssetExecutionContext) -> Iterator[Any]:
        if not context.selected_asset_keys:
            raise failure(around, ["these checks are about files on their way in: materialize the asset to pull"])
        keys = context.partition_keys if context.has_partition_key or context.has_partition_key_range else []
        days = sorted(map(date.fromisoformat, keys)) if what == "events" else []
        wish = Wish(
            choice=Choice("", tuple(keys)) if what == "audiences" and keys else None,
            since=days[0] if days else None,
            until=days[-1] if days else None,
        )
        pull(context, settings, around, vendor, [what], wish, wanted=[day.isoformat() for day in days])
        yield from ()  # the pull has told Dagster what landed, each thing as it came

    return pulled


def _checks(
    key: dg.AssetKey, vendor: str, what: str, partitions: dg.PartitionsDefinition | None
) -> list[dg.AssetCheckSpec]:
    """One of each audience or day, so that a good one does not hide that another was refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(check, asset=key, description=SAYS[check], blocking=True, partitions_def=partitions)
            for check in CHECKS[vendor, what]
        ]
