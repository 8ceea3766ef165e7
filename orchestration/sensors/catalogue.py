"""The catalogue of a vendor's audiences: each one a partition, and a pull of those that are new or changed.

The list costs one call at Mixpanel and none of Amplitude's downloads. A look never waits for a vendor that is busy: the
next one asks again. Not here: which audiences are to be pulled (`audience_states.py`), and pulling them (`ingest/`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg

from connectors.clock import HurriedClock, SystemClock
from connectors.errors import ConnectorError, CredentialsRefused
from connectors.landing_writer import LandingFolder
from connectors.pulls.audiences import Choice, Prepared, file_name
from connectors.pulls.plan import Plan
from orchestration.ingest.bench import workbench
from orchestration.ingest.events import PARTITIONED
from orchestration.ingest.runs import Around
from orchestration.names import (
    PULL_OP,
    PULL_TAG,
    audience_partitions,
    catalogue_sensor_name,
    pull_job,
    pull_key,
)
from orchestration.sensors.audience_states import (
    Cursor,
    Found,
    LastPull,
    Refused,
    State,
    asked_for,
    compare,
    digest_of,
)
from orchestration.sensors.records import MOST_ATTEMPTS, is_being_pulled
from orchestration.settings import Settings

SECONDS_BETWEEN_LOOKS = 3600
REFUSED_FOR = timedelta(minutes=55)  # an hour between looks, as no two ticks are exactly one apart
PATIENCE = 20.0  # seconds of waiting in all; Dagster gives up on a tick after some minutes
HOURS = 1.0  # a pull that a look asks for is to be over by the next one
MOST_SECONDS = 7200  # a pull whose process died must not hold up those after it until the night
MOST_TOLD = 10  # sentences in the reason of a look; its log has all of them
MOST_SHOWN = 500  # rows in the table, as Dagster keeps every version of it
NEXT = {
    "later": "waits for calls to be free",
    "too large": "too large for an hour: comes with the nightly pull, or by webhook",
    "tonight": "is asked for now",
}


def catalogue_sensor(settings: Settings, connector: str, around: Around) -> dg.SensorDefinition:
    """The sensor of a vendor, running from the start."""
    time = around.clock or SystemClock()
    partitions = dg.DynamicPartitionsDefinition(name=audience_partitions(connector))

    @dg.sensor(
        name=catalogue_sensor_name(connector),
        job_name=pull_job(connector),
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"The list of {connector.title()}'s audiences: a partition for each, and a pull of those that are"
        " new or changed, as far as the allowance goes.",
    )
    def catalogue(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        now, before = time.now(), Cursor.read(context.cursor)
        if before.refused and now < (again := datetime.fromisoformat(before.refused.at) + REFUSED_FOR):
            return dg.SkipReason(f"{before.refused.why}; not asked again before {_moment(again)}")
        if is_being_pulled(context.instance, connector):
            return dg.SkipReason(f"a pull of {connector} is under way; the list is asked for when it is over")
        try:
            bench = workbench(
                settings,
                doing=context.log.debug,
                on_wait=lambda sentence, seconds: context.log.info(f"{sentence} (in {seconds:,.0f} s)"),
                environ=around.environ,
                clock=HurriedClock(time, PATIENCE),
            )
            prefix = bench.prefix(connector)
            with bench.folder.alone(connector, "audiences"):
                pass  # what Dagster does not know of, such as `segments pull`; held no longer, so as not to keep it out
            prepared = bench.plan_audiences(connector, Choice(prefix), HOURS)
        except CredentialsRefused as error:
            refused = replace(before, refused=Refused(now.isoformat(), str(error)))
            return dg.SensorResult(skip_reason=str(error), cursor=refused.text())
        except (ConnectorError, ValueError) as error:
            return dg.SkipReason(str(error))
        listed = {one.id: State(one.name, one.users, one.updated) for one in prepared.audiences.values()}
        pulled = last_pulls(bench.folder, connector)
        found = compare(before, listed, pulled, dict(prepared.left_out))
        for sentence in found.told:
            context.log.info(sentence)
        plan = prepared.plan_for(found.due)
        ids = [one.wanted.id for one in plan.tonight]
        table = as_table(prepared, pulled, found, plan)
        after = replace(found.cursor, shown=digest_of(table))
        known = context.instance.get_dynamic_partitions(audience_partitions(connector))
        new = sorted(set(listed) - set(known))
        return dg.SensorResult(
            run_requests=[_request(connector, ids, after, listed)] if ids else None,
            skip_reason=None if ids else _reason(found, plan, len(listed)),
            cursor=(asked_for(after, listed, ids) if ids else after).text(),
            dynamic_partitions_requests=[partitions.build_add_request(new)] if new else None,
            asset_events=[_observation(connector, table, found, plan, len(listed))]
            if after.shown != before.shown
            else None,
        )

    return catalogue


def catalogue_sensors(settings: Settings, around: Around) -> list[dg.SensorDefinition]:
    """One for each vendor whose audiences are partitions."""
    return [catalogue_sensor(settings, connector, around) for connector in PARTITIONED]


def last_pulls(folder: LandingFolder, connector: str) -> dict[str, LastPull]:
    """By id, what the last good files of a vendor's audiences say."""
    found = {}
    for key in folder.names("audiences", f"{connector}-"):
        row = folder.first_row("audiences", file_name(connector, key))
        if row is not None and row["fetched_at"] is not None:
            state = State(row["name"] or "", row["reported_users"], row["source_updated_at"])
            found[key] = LastPull(state, row["fetched_at"])
    return found


def as_table(prepared: Prepared, pulled: Mapping[str, LastPull], found: Found, plan: Plan) -> str:
    """The catalogue as Markdown, one line per audience, those that are gone last."""
    following = dict.fromkeys(prepared.audiences, "is as listed")
    following |= {one.wanted.id: NEXT.get(one.when, one.when) for one in plan.planned}
    given_up = f"was asked for {MOST_ATTEMPTS} times in vain: waits for a change, or for the nightly pull"
    following |= dict.fromkeys(found.given_up, given_up)
    rows = [
        (one.id, one.name, one.users, one.updated, pulled.get(one.id), following[one.id])
        for one in sorted(prepared.audiences.values(), key=lambda one: (one.name, one.id))
    ]
    rows += [
        (key, found.cursor.audiences[key].name, None, None, pulled.get(key), f"gone: {reason}")
        for key, reason in found.gone.items()
    ]
    lines = ["| id | name | users | computed | last pulled | next |", "| --- | --- | ---: | --- | --- | --- |"]
    for key, name, users, computed, last, what in rows[:MOST_SHOWN]:
        cells = [
            key,
            name,
            "" if users is None else f"{users:,}",
            _moment(computed),
            _moment(last.at if last else None),
            what,
        ]
        lines.append("| " + " | ".join(_cell(one) for one in cells) + " |")
    if len(rows) > MOST_SHOWN:
        lines += ["", f"And {len(rows) - MOST_SHOWN:,} more."]
    return "\n".join(lines)


def _request(connector: str, ids: Sequence[str], cursor: Cursor, listed: Mapping[str, State]) -> dg.RunRequest:
    states = digest_of(sorted((key, listed[key].digest) for key in ids))
    return dg.RunRequest(
        run_key=f"{connector}/{cursor.requests}/{states}",
        run_config={"ops": {PULL_OP: {"config": {"what": ["audiences"], "audiences": list(ids)}}}},
        tags={PULL_TAG: connector, "dagster/max_runtime": str(MOST_SECONDS)},
    )


def _observation(connector: str, table: str, found: Found, plan: Plan, listed: int) -> dg.AssetObservation:
    return dg.AssetObservation(
        asset_key=pull_key(connector, "audiences"),
        description="; ".join(found.told[:MOST_TOLD]) or None,
        metadata={
            "catalogue": dg.MetadataValue.md(table),
            "audiences": listed,
            "gone": len(found.gone),
            "asked_for": len(plan.tonight),
            "waiting": len(found.due) - len(plan.tonight) + len(found.given_up),
        },
    )


def _reason(found: Found, plan: Plan, listed: int) -> str:
    told = list(found.told[:MOST_TOLD])
    if len(found.told) > MOST_TOLD:
        told.append(f"and {len(found.told) - MOST_TOLD:,} more, see the log")
    if plan.planned:
        told.append(f"{len(plan.planned):,} new or changed audiences do not fit into the allowance of this hour")
    if found.given_up:
        told.append(f"{len(found.given_up):,} were asked for {MOST_ATTEMPTS} times in vain: see the errors of the runs")
    return "; ".join(told) or f"{listed:,} audiences, none of them new or changed"


def _moment(at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
