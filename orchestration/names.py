"""Names that people, schedules and other programs rely on: asset keys, groups, jobs, tags, the pool.

Not here: names of tables, which the dbt project gives.
"""

from __future__ import annotations

import dagster as dg

from segmentation.language.model import Kind

POOL = "warehouse"
AS_OF_TAG = "segments/as_of"
PAST_TAG = "segments/reconstruct"  # every day of the run counts as past, whatever was calculated so far
OVER_RECORDED_TAG = "segments/over_recorded"
AUTOMATIC_TAGS = {"dagster/schedule_name", "dagster/sensor_name"}  # one is on every run that Dagster started by itself
DAILY_JOB = "daily_recalculation"
SEGMENTS_JOB = "recalculate_segments"
HEALTH_JOB = "segments_health"
REPORTS = "reports"  # the group, and the prefix of keys, of what tells about segments
LIVE_SENSOR = "live_segments"
LIVE_TAG = "segments/live"  # on runs that a look at the landing area asked for
MATCHING_SENSOR = "connector_matching"
MATCHING_TAG = "segments/matching"  # on runs that ids were matched anew for; its value names the connectors
REQUEST_SENSOR = "refresh_requests"
REQUEST_TAG = "segments/request"  # on runs that serve a request of the inbox, by its id
REQUESTED_BY_TAG = "segments/requested_by"  # and who asked for it
ACTIVATIONS = "activations"  # the prefix of keys of what leaves the house
ACTIVATION_GROUP = "activation"
ACTIVATION_JOB = "activate_segments"
ACTIVATION_SENSOR = "activations"
ACTIVATION_TAG = "segments/activation"  # on runs that are due; its value is the stream
DUE_TAG = "segments/due"  # beside it: the ticks or the run that it is for
ENDED_TAG = "segments/ended"  # how activations of a run ended, the worst of them: sent, closed, failed, ...
UNSETTLED_TAG = "segments/unsettled"  # on runs after which a vendor had not said yet what became of all batches
PUSH_JOB = "send_push"
PUSH_SENSOR = "scheduled_pushes"
VENDORS = ("mixpanel", "amplitude", "netmera")
PULL_TAG = "segments/pull"  # on runs of these jobs that a sensor asked for; its value is the connector
PULL_OP = "pull"  # the one step of every job that pulls
GROUPS: dict[Kind, str] = {
    "who": "rule_based",
    "connector": "connector",
    "list": "static_list",
    "live": "live",
    "predict": "predictive",
}

HEALTH_KEY = dg.AssetKey([REPORTS, "segments_health"])


def segment_key(name: str) -> dg.AssetKey:
    """The asset of a segment."""
    return dg.AssetKey(["segments", name])


def landing_key(table: str) -> dg.AssetKey:
    """The asset of a landing table."""
    return dg.AssetKey(["landing", table])


def model_key(layer: str, model: str) -> dg.AssetKey:
    """The asset of a dbt model: the folder it lies in, and its name."""
    return dg.AssetKey(["models" if layer == "segments" else layer, model])


def matching_tag(connector: str) -> str:
    """On runs for files of a connector and of our users; its value tells which files."""
    return f"{MATCHING_TAG}_{connector}"


def pull_key(connector: str, what: str) -> dg.AssetKey:
    """The asset of what a vendor gives: its audiences, events, users or messages."""
    return dg.AssetKey([connector, what])


def pull_job(connector: str) -> str:
    """The job that pulls from a vendor."""
    return f"pull_{connector}"


def lifecycle_job(action: str) -> str:
    """The job that does something to one segment as a whole."""
    return f"{action}_segment"


def catalogue_sensor_name(connector: str) -> str:
    """The sensor that looks at the list of a vendor's audiences."""
    return f"{connector}_catalogue"


def audience_partitions(connector: str) -> str:
    """The dynamic partitions of a vendor's audiences; their keys are the vendor's ids of its audiences."""
    return f"{connector}_audiences"


def activation_key(segment: str, activation: str) -> dg.AssetKey:
    """The asset of a destination of a segment's members."""
    return dg.AssetKey([ACTIVATIONS, segment, activation])


def activation_step(to: str) -> str:
    """The step that sends to a kind of destinations, which is also its pool: no webhook waits for an audience."""
    return f"{ACTIVATION_GROUP}_{to}"
