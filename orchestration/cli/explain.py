"""`segments explain`: why somebody is in a segment or not, as a tree of ticks.

People are shown on this command's stdout and nowhere else. Not here: the answers (`orchestration/questions`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from orchestration.cli.tables import moment_text
from orchestration.cli.words import moment_of, print_json, say, settings_for, with_json, with_segments
from orchestration.settings import Settings
from segmentation.language.problems import unknown_segment

if TYPE_CHECKING:
    from orchestration.questions.explanation import Evidence, Explanation, Part
    from orchestration.questions.probe import Probe

TICK, CROSS = "✓", "✗"


@click.command()
@click.argument("name")
@click.argument("user")
@click.option("--as-of", metavar="T", help="The day or moment to explain (default: the segment's last calculation).")
@click.option(
    "--by",
    type=click.Choice(["user_id", "external_id", "email"]),
    help="What USER is (default: the user_id, else an external id or e-mail of exactly one user).",
)
@click.option(
    "--evidence", type=click.IntRange(min=0), default=5, show_default=True, help="Rows shown for each condition."
)
@click.option("--deep", is_flag=True, help="Look into segments that are read, all the way down (default: one level).")
@with_segments
@with_json
def explain(
    name: str,
    user: str,
    as_of: str | None,
    by: str | None,
    evidence: int,
    deep: bool,
    segments: Path | None,
    as_json: bool,
) -> None:
    """Say why a user is in a segment or not.

    The rule as a tree with a tick or a cross on each condition, what was seen, the rows behind it, and what is missing
    to get in.
    """
    from orchestration.questions.explain import explain as explained
    from orchestration.questions.probe import probing
    from orchestration.questions.recorded import find_person

    settings = settings_for(segments)
    asked = moment_of(as_of, settings) if as_of else None
    with probing(settings) as probe:
        at = _moment(probe, settings, name, asked)
        person, user_id = find_person(probe, user, by)
        told = explained(probe, name, person, user_id, at, evidence=evidence, deep=deep)
    if as_json:
        print_json(as_plain(told))
        return
    for line in lines(told, settings.zone):
        say(line)


def _moment(probe: Probe, settings: Settings, name: str, asked: datetime | None) -> datetime:
    """The moment to explain. Raises ValueError for an unknown segment, and for one after the last run."""
    from orchestration.segment_folder import segments_of
    from orchestration.warehouse import aware

    found = dict(probe.connection.execute("select segment, updated_at from segments.segments").fetchall())
    known = {*found, *segments_of(settings).definitions} if settings.segments.is_dir() else {*found}
    if name not in known:
        raise ValueError(unknown_segment(name, known))
    if asked is not None and asked > probe.as_of:
        last = moment_text(probe.as_of, settings.zone)
        raise ValueError(f"{moment_text(asked, settings.zone)} lies after the last run, which stands for {last}")
    updated = found.get(name)
    return asked or aware(updated) or probe.as_of


# ---------------------------------------------------------------- for people


def lines(told: Explanation, zone: ZoneInfo) -> Iterator[str]:
    """The explanation, line by line."""
    yield f"{told.user_id} in {told.segment}, as of {moment_text(told.as_of, zone)}"
    yield f"recorded: {_record(told, zone)}"
    yield f"by the rule: {'in' if told.is_member else 'not in'}"
    yield ""
    yield from _tree(told.rule, 0, zone)
    if told.missing:
        yield ""
        yield "What is missing" if len(told.missing) == 1 else "What is missing, all of it"
        yield from (f"  {one}" for one in told.missing)
    if told.agrees is False:
        yield ""
        yield "Record and rule disagree. What may be behind it:"
    elif told.doubts:
        yield ""
    yield from (f"  {one}" for one in told.doubts)


def _record(told: Explanation, zone: ZoneInfo) -> str:
    record = told.recorded
    if record.state == "nothing":
        return "nothing, it had not been calculated by then"
    at = moment_text(record.calculated_at, zone) if record.calculated_at else ""
    if record.state == "member" and record.since:
        return f"member since {moment_text(record.since, zone)} (calculated as of {at})"
    if record.state == "left" and record.until:
        return f"no member since {moment_text(record.until, zone)}, was one before (calculated as of {at})"
    return f"never a member up to then (calculated as of {at})"


def _tree(part: Part, depth: int, zone: ZoneInfo) -> Iterator[str]:
    indent = "  " * depth
    head = f"{indent}{TICK if part.holds else CROSS} {part.words}"
    yield f"{head} · {part.value.text}" if part.value else head
    if part.evidence:
        yield from _evidence(part.evidence, f"{indent}    ", zone)
    for one in part.parts:
        yield from _tree(one, depth + 1, zone)
    if part.inside:
        yield from _tree(part.inside.rule, depth + 2, zone)
        if part.inside.is_member is not part.holds:
            yield f"{indent}    this rule and the record of {part.inside.segment} disagree:"
            yield from (f"{indent}      {one}" for one in part.inside.doubts)


def _evidence(evidence: Evidence, indent: str, zone: ZoneInfo) -> Iterator[str]:
    for row in evidence.rows:
        if "ts" not in row:
            continue  # what a list or a pull says is told by the value
        at = row["ts"].astimezone(zone)
        more = [json.dumps(row["properties"], ensure_ascii=False)] if row["properties"] else []
        more += [f"{key} {row[key]}" for key in ("city", "source") if key in row]
        yield f"{indent}{at:%Y-%m-%d %H:%M:%S}  {row['event']}  {' '.join(more)}".rstrip()
    hidden = evidence.total - len(evidence.rows)
    if hidden > 0 and evidence.rows:
        yield f"{indent}and {hidden:,} more of {evidence.total:,} (--evidence N shows more)"


# ---------------------------------------------------------------- for machines


def as_plain(told: Explanation) -> dict[str, Any]:
    """The explanation as JSON values."""
    return {
        "segment": told.segment,
        "user_id": told.user_id,
        "as_of": told.as_of,
        "is_member": told.is_member,
        "recorded": vars(told.recorded),
        "agrees": told.agrees,
        "doubts": list(told.doubts),
        "definition_hash": told.definition_hash,
        "rule_of": told.rule_of,
        "rule": _part(told.rule),
        "missing": list(told.missing),
    }


def _part(part: Part) -> dict[str, Any]:
    plain: dict[str, Any] = {"path": part.path, "kind": part.join, "holds": part.holds, "words": part.words}
    if part.value:
        plain |= {"seen": _value(part.value.data), "seen_in_words": part.value.text}
    if part.evidence:
        plain["evidence"] = {"total": part.evidence.total, "rows": [_value(row) for row in part.evidence.rows]}
    if part.parts:
        plain["parts"] = [_part(one) for one in part.parts]
    if part.inside:
        plain["segment"] = as_plain(part.inside)
    return plain


def _value(value: Any) -> Any:
    return {**value} if isinstance(value, Mapping) else value


COMMANDS = {"explain": explain}
