"""What is on record about a person and a segment: who is meant, stays, and the rule of those days.

Not here: what the rule says of the person (`explain.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from orchestration.history.manifests import manifest_of
from orchestration.questions.probe import Probe, Unanswerable
from orchestration.segment_folder import segments_of
from orchestration.warehouse import aware, naive
from segmentation.language.describe_checks import listed
from segmentation.language.folder import load_texts
from segmentation.language.model import Definition
from segmentation.plan.system import with_system


@dataclass(frozen=True)
class Recorded:
    """Whether a person was a member at a moment, as runs recorded it; `nothing` is before the first calculation.

    `since` is when the stay began, `until` when the last one had ended; `calculated_at` is the moment of the last
    calculation up to then, of the run `run_no`.
    """

    state: Literal["member", "left", "never", "nothing"]
    since: datetime | None = None
    until: datetime | None = None
    calculated_at: datetime | None = None
    run_no: int | None = None


@dataclass(frozen=True)
class Rules:
    """Definitions in force at a moment; with `is_recorded` a run kept them, else they are those of today's files."""

    definitions: Mapping[str, Definition]
    is_recorded: bool


def find_person(probe: Probe, told: str, by: str | None = None) -> tuple[int, str]:
    """The number and user_id of who is meant: by user_id, else by an external id or e-mail of exactly one user.

    Raises ValueError. Nobody else is named: people are not suggested.
    """
    named = ("user_id", "external_id", "email") if by is None else (by,)
    for column in named:
        found = probe.connection.execute(
            f"select p.person_no, u.user_id from staging.stg_users as u"
            f" join staging.people as p on p.source = '' and p.id = u.user_id where u.{column} = ?",
            [told],
        ).fetchall()
        if len(found) > 1:
            raise ValueError(f"{len(found)} users have this {column.replace('_', ' ')}: name one by user_id")
        if found:
            return int(found[0][0]), str(found[0][1])
    raise ValueError(f"no user has this {listed(named, 'or')}")


def recorded(probe: Probe, segment: str, person: int, as_of: datetime) -> Recorded:
    """What runs recorded of a person and a segment up to a moment."""
    at = naive(as_of)
    run = probe.connection.execute(
        "select max(z.run_no), max_by(z.as_of, z.run_no) from state.segment_size_log as z"
        " join state.segment_names as n on z.segment_no = n.segment_no"
        " where n.segment = ? and z.as_of <= ? and z.run_no <= ?",
        [segment, at, probe.run_no],
    ).fetchone()
    if run is None or run[0] is None:
        return Recorded("nothing")
    last = {"calculated_at": aware(run[1]), "run_no": run[0]}
    stay = probe.connection.execute(
        f"select valid_from, valid_to from {probe.stays()} where segment = ? and person_no = ? and valid_from <= ?"
        " order by valid_from desc limit 1",
        [segment, person, at],
    ).fetchone()
    if stay is None:
        return Recorded("never", **last)
    since, until = (aware(one) for one in stay)
    if until is not None and until <= as_of:
        return Recorded("left", since, until, **last)
    return Recorded("member", since, None, **last)


def rules_then(probe: Probe, segment: str, run_no: int | None) -> Rules:
    """The definitions that a run read, else those of the files as they are. Raises Unanswerable without this one."""
    manifest = manifest_of(probe.connection, run_no) if run_no is not None else None
    if manifest is not None:
        texts = {Path(one.file).name: one.text for one in manifest.inputs.definitions}
        kept = with_system(load_texts(texts), probe.settings.events).definitions
        if segment in kept:
            return Rules(kept, True)
    folder = segments_of(probe.settings)
    if segment not in folder.definitions:
        why = next((str(one) for one in folder.problems if Path(one.file).stem == segment), "there is no file of it")
        raise Unanswerable(f"{segment} cannot be explained: {why}")
    return Rules(folder.definitions, False)
