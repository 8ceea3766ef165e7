"""Matching anew: when a vendor's audiences or our users changed in the landing area, connector segments follow.

Files are watched per connector, so that a pull from one vendor recalculates nothing of another. A burst of files is one
run: it waits until nothing has changed for a while, and until no pull of the vendor is under way. A pull that failed
leaves no file, and is a change as well, since its segments are to be shown as stale.
Not here: how ids are matched (`dbt_project/models/identity/matching`), and what lies in a file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

import dagster as dg

from connectors.landing_files import LandingError, LandingFile, list_landing
from orchestration.ingest.attempts import Failure, read_attempts
from orchestration.names import (
    MATCHING_SENSOR,
    MATCHING_TAG,
    SEGMENTS_JOB,
    VENDORS,
    matching_tag,
)
from orchestration.sensors.landing_watch import (
    Cursor,
    Step,
    digest_of,
    look,
    name_of,
    step,
    wants_to_be_current,
    with_readers,
)
from orchestration.sensors.records import Attempts, attempts_for, is_being_pulled, is_under_way, says_why
from orchestration.sensors.run_requests import recalculation
from orchestration.settings import Settings
from segmentation.clock import EARLIEST
from segmentation.language.folder import Folder
from segmentation.language.model import Connector, Definition

SECONDS_BETWEEN_LOOKS = 10
SETTLED_AFTER = timedelta(seconds=30)  # without a change
LONGEST_BURST = timedelta(minutes=10)  # pushed audiences can change every few seconds for hours
MOST_SECONDS = 3600
THEIRS = ("audiences", "audience_members")
OURS = ("users",)


@dataclass(frozen=True)
class Side:
    """What is remembered of a connector's files and our users: what was matched, and when the burst began (ISO)."""

    cursor: Cursor = field(default_factory=Cursor)
    burst: str = EARLIEST.isoformat()


def read_sides(text: str | None) -> dict[str, Side]:
    """By connector, from Dagster's text; of another form is as good as none."""
    try:
        found = json.loads(text or "{}").items()
        return {name: Side(Cursor(**one["cursor"]), str(one["burst"])) for name, one in found}
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}


def sides_text(sides: Mapping[str, Side]) -> str:
    """For Dagster."""
    return json.dumps({name: asdict(one) for name, one in sides.items()})


def connector_of(file: LandingFile) -> str | None:
    """Whose audience a file holds, if its name tells, as those of pulls do: `mixpanel-41001.parquet`."""
    name = PurePosixPath(file.url).name
    if file.table not in THEIRS or file.format != "parquet":
        return None
    return next((one for one in VENDORS if name.startswith(f"{one}-")), None)


def state_by_connector(
    files: Iterable[LandingFile], failed: Mapping[tuple[str, str], Failure], connectors: Iterable[str]
) -> dict[str, str]:
    """A digest for each connector, of its files, our users, files whose names do not tell, and its pulls that failed.

    That the same pull failed again for the same reason is no news.
    """
    known = [(file, connector_of(file)) for file in files if file.table in (*THEIRS, *OURS)]
    found = {}
    for name in connectors:
        digest = digest_of(file for file, whose in known if whose in (name, None))
        failures = sorted((key, one.reason) for (whose, key), one in failed.items() if whose == name)
        found[name] = f"{digest}-{hashlib.sha256(repr(failures).encode()).hexdigest()[:8]}" if failures else digest
    return found


def watched(definitions: Mapping[str, Definition]) -> dict[str, list[str]]:
    """By connector, names of the segments of its audiences that somebody wants to be kept up to date."""
    found: dict[str, list[str]] = {}
    for name, one in sorted(definitions.items()):
        if isinstance(one.body, Connector) and wants_to_be_current(one):
            found.setdefault(one.body.vendor, []).append(name)
    return found


def seen(side: Side, files: str, now: datetime) -> Side:
    """With what lies there now. A change after some rest begins another burst."""
    cursor, _ = look(side.cursor, files, now)
    begins = cursor != side.cursor and now - datetime.fromisoformat(side.cursor.since) >= SETTLED_AFTER
    return Side(cursor, now.isoformat() if begins else side.burst)


def decide(side: Side, now: datetime, attempts: Attempts, *, pulling: bool = False, said_why: bool = False) -> Step:
    """Whether a connector is due for a run. After one that said itself why it failed, another would say the same."""
    taken = step(side.cursor, 0, attempts)
    if taken.request is None:
        return taken
    if said_why:
        return Step(side.cursor, reason="a run for these files says what it could not calculate: see its error")
    if pulling:
        return Step(side.cursor, reason="a pull is under way")
    rested = now - datetime.fromisoformat(side.cursor.since)
    if rested < SETTLED_AFTER and now - datetime.fromisoformat(side.burst) < LONGEST_BURST:
        return Step(side.cursor, reason="files landed just now, and more may follow")
    return taken


def matching_sensor(settings: Settings, folder: Folder) -> dg.SensorDefinition:
    """The sensor of a workspace, running from the start."""
    by_connector = watched(folder.definitions)

    @dg.sensor(
        name=MATCHING_SENSOR,
        job_name=SEGMENTS_JOB,
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Audiences or users that landed, matched for connector segments and those that read them: "
        + (", ".join(name for names in by_connector.values() for name in names) or "there are none."),
    )
    def connector_matching(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if not by_connector:
            return dg.SkipReason("there are no connector segments")
        try:
            files = list_landing(settings.landing)
        except LandingError as error:
            return dg.SkipReason(str(error))
        instance, now = context.instance, datetime.now(UTC)
        states = state_by_connector(files, read_attempts(settings.landing, now).failed, by_connector)
        before = read_sides(context.cursor)
        under_way = is_under_way(instance, SEGMENTS_JOB, MATCHING_TAG)
        sides, due, reasons = {}, {}, []
        for connector, state in states.items():
            side, tag, name = (
                seen(before.get(connector, Side()), state, now),
                matching_tag(connector),
                name_of(state, 0),
            )
            attempts = attempts_for(instance, tag, name, under_way)
            taken = decide(
                side,
                now,
                attempts,
                pulling=is_being_pulled(instance, connector),
                said_why=attempts.failed > 0 and says_why(instance, tag, name),
            )
            sides[connector] = replace(side, cursor=taken.cursor)
            if taken.request is None:
                reasons.append(f"{connector}: {taken.reason}")
            else:
                due[connector] = (name, attempts.failed)
                sides[connector] = replace(side, burst=now.isoformat())
        cursor = sides_text(sides)
        if not due:
            return dg.SensorResult(skip_reason="; ".join(reasons), cursor=cursor)
        request = recalculation(
            settings,
            with_readers([name for connector in due for name in by_connector[connector]], folder.definitions),
            now,
            run_key=" ".join(f"{connector}:{name}/{failed}" for connector, (name, failed) in due.items()),
            tags={MATCHING_TAG: " ".join(due), **{matching_tag(one): name for one, (name, _) in due.items()}},
            seconds=MOST_SECONDS,
        )
        return dg.SensorResult(run_requests=[request], cursor=cursor)

    return connector_matching
