"""The code location: everything Dagster loads, assembled by one function.

Tests and the command line assemble variants through the same function. Not here: any logic.
"""

from __future__ import annotations

import dagster as dg

from orchestration.assets.activations import activation_assets
from orchestration.assets.dbt_models import dbt_resource, model_assets
from orchestration.assets.health import health_assets
from orchestration.assets.landing import landing_assets
from orchestration.assets.pulls import pull_assets
from orchestration.assets.segments import segment_assets
from orchestration.ingest.runs import Around
from orchestration.jobs import jobs
from orchestration.landing.contract import CONTRACT
from orchestration.manifest import ensure_manifest
from orchestration.schedules import schedules
from orchestration.segment_folder import segments_of
from orchestration.sensors.activations import activation_sensor
from orchestration.sensors.catalogue import catalogue_sensors
from orchestration.sensors.inbox import request_sensor
from orchestration.sensors.live import live_sensor
from orchestration.sensors.matching import matching_sensor
from orchestration.sensors.push import push_sensor
from orchestration.settings import Settings, read_settings
from orchestration.watch import Watch


def build_defs(settings: Settings, watch: Watch | None = None, around: Around | None = None) -> dg.Definitions:
    """The whole code location of a workspace; `watch` hears of its runs, `around` surrounds its calls of vendors."""
    watch, around = watch or Watch(), around or Around()
    folder = segments_of(settings)
    manifest = ensure_manifest(settings)
    return dg.Definitions(
        assets=[
            *pull_assets(settings, around),
            landing_assets(settings),
            *model_assets(settings, manifest, list(CONTRACT), watch),
            segment_assets(settings, folder, watch),
            *activation_assets(settings, folder, around),
            health_assets(settings),
        ],
        jobs=jobs(settings, around),
        schedules=schedules(settings, folder, around),
        sensors=[
            live_sensor(settings, folder),
            matching_sensor(settings, folder),
            request_sensor(settings, folder),
            activation_sensor(settings, folder, around),
            push_sensor(settings),
            *catalogue_sensors(settings, around),
        ],
        resources={"dbt": dbt_resource(settings)},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What `workspace.yaml` names."""
    return build_defs(read_settings())
