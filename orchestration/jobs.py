"""Named jobs: stable launch targets for people, schedules and the command line.

Add a job when somebody needs to start a set of assets by name. Not here: when they run (`schedules.py`).
"""

from __future__ import annotations

from functools import cache

import dagster as dg

from orchestration.ingest.job import pulling
from orchestration.ingest.runs import Around
from orchestration.lifecycle.jobs import lifecycle_jobs
from orchestration.names import (
    ACTIVATION_JOB,
    ACTIVATIONS,
    DAILY_JOB,
    HEALTH_JOB,
    HEALTH_KEY,
    REPORTS,
    SEGMENTS_JOB,
    VENDORS,
)
from orchestration.push.job import push_job
from orchestration.settings import Settings

BESIDE = (*VENDORS, REPORTS, ACTIVATIONS)  # prefixes of assets that are no part of the daily run


@cache  # sensors name it too, and Dagster takes two that are equal for a conflict
def segments_job() -> dg.UnresolvedAssetJobDefinition:
    """Some segments on their own."""
    return dg.define_asset_job(
        SEGMENTS_JOB,
        selection=dg.AssetSelection.key_prefixes(["segments"]),
        description="The chosen segments and those that read them, on landing files as they are now.",
        executor_def=dg.in_process_executor,
    )


@cache
def activation_job() -> dg.UnresolvedAssetJobDefinition:
    """What leaves the house."""
    return dg.define_asset_job(
        ACTIVATION_JOB,
        selection=dg.AssetSelection.key_prefixes([ACTIVATIONS]),
        description="Members of the chosen segments to where `activate` says; a dry run unless `send` is configured.",
        executor_def=dg.in_process_executor,
    )


def jobs(settings: Settings, around: Around | None = None) -> list[dg.UnresolvedAssetJobDefinition | dg.JobDefinition]:
    """Everything once a day, some segments on their own, what leaves the house, the health report, pulls of each
    vendor, what people do to a segment, and push messages. One process each: the steps share one database file."""
    return [
        dg.define_asset_job(
            DAILY_JOB,
            selection=dg.AssetSelection.all() - dg.AssetSelection.key_prefixes(*([one] for one in BESIDE)),
            description="Landing files to published members, for all segments that have a clock.",
            executor_def=dg.in_process_executor,
        ),
        segments_job(),
        activation_job(),
        dg.define_asset_job(
            HEALTH_JOB,
            selection=dg.AssetSelection.assets(HEALTH_KEY),
            description="Which segments are worth a look, and what each costs.",
            executor_def=dg.in_process_executor,
        ),
        *(pulling(settings, vendor, around or Around()) for vendor in VENDORS),
        *lifecycle_jobs(settings),
        push_job(settings),
    ]
