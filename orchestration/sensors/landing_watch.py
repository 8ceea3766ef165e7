"""Watching the landing area: which files were seen, whether a run has judged them, and which segments it is for.

A cursor moves on after a run has succeeded, and not before; for the same files a run is asked for a few times. Pure
decisions, no file is opened. Not here: which files matter to whom (the sensors), and records of runs (`records.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from connectors.landing_files import LandingFile
from orchestration.decisions import with_dependants
from orchestration.sensors.records import MOST_ATTEMPTS, Attempts
from segmentation.clock import EARLIEST
from segmentation.language.model import Definition


@dataclass(frozen=True)
class Cursor:
    """What a sensor remembers: the files it saw last and since when (ISO), and the stages of them that were judged.

    Stage 0 of files is their arrival; each span that they have rested for is one more. -1: none was judged yet.
    """

    files: str = ""
    since: str = EARLIEST.isoformat()
    judged: int = -1

    @classmethod
    def read(cls, text: str | None) -> Cursor:
        """From Dagster's text; of another form is as good as none."""
        try:
            return cls(**json.loads(text or "{}"))
        except (TypeError, ValueError):
            return cls()

    def text(self) -> str:
        """For Dagster."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Step:
    """What a look leads to: a cursor, and either the name of a run to request or a reason not to."""

    cursor: Cursor
    request: str | None = None
    reason: str = ""


def look(cursor: Cursor, files: str, now: datetime, spans: Sequence[timedelta] = ()) -> tuple[Cursor, int]:
    """The cursor with what lies there now, and the stage of it that has been reached."""
    if files != cursor.files:
        cursor = Cursor(files, now.isoformat())
    rested = now - datetime.fromisoformat(cursor.since)
    return cursor, sum(span <= rested for span in spans)


def step(cursor: Cursor, stage: int, attempts: Attempts) -> Step:
    """Whether to request a run. The cursor moves on when one has succeeded, and not before."""
    if cursor.judged >= stage:
        return Step(cursor, reason="no new files")
    if attempts.under_way:
        return Step(cursor, reason="a run that was asked for is on its way")
    if attempts.succeeded:
        return Step(replace(cursor, judged=stage), reason="these files are judged")
    if attempts.failed >= MOST_ATTEMPTS:
        return Step(
            cursor, reason=f"{attempts.failed} runs for these files failed: see their errors; other files start anew"
        )
    return Step(cursor, request=name_of(cursor.files, stage))


def name_of(files: str, stage: int) -> str:
    """What runs for these files at this stage are tagged with."""
    return f"{files}/{stage}"


def digest_of(files: Iterable[LandingFile]) -> str:
    """Changes whenever a file is added, changed or removed."""
    listed = "\n".join(f"{file.url} {file.fingerprint}" for file in files)
    return hashlib.sha256(listed.encode()).hexdigest()[:16]


def wants_to_be_current(definition: Definition) -> bool:
    """Whether a sensor may recalculate a segment: not if it is paused, and not if it is `manual` or `once`."""
    return not definition.paused and definition.refresh.cron is not None


def with_readers(names: Collection[str], definitions: Mapping[str, Definition]) -> list[str]:
    """The names and, of the segments that read one of them however far, those that are not paused; sorted."""
    found = with_dependants(names, definitions)
    return sorted(name for name in found if name in names or not definitions[name].paused)
