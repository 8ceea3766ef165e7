"""What stands in place of a rule, told of one person: a row of a list or a pull, a qualification, or a score.

Not here: segments that have a rule (`values.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from orchestration.questions.probe import Probe
from orchestration.questions.values import Value, local
from orchestration.warehouse import aware, aware_if_moment, has_table
from segmentation.language.model import Definition, Predict

Row = dict[str, Any]
Found = tuple[Value, tuple[Row, ...]]  # what it comes to, and all rows behind it, newest first


def on_record(probe: Probe, definition: Definition, person: int, user_id: str, as_of: datetime) -> Found:
    """What speaks for a person in a segment that has no rule."""
    if isinstance(definition.body, Predict):
        return _forecast(probe, definition, person, as_of), ()
    rows = _rows(probe, definition, user_id)
    if definition.kind == "live":
        rows = [row for row in rows if aware(row["as_of"]) <= as_of]
    zone = probe.settings.zone
    sentences: Mapping[str, Callable[[Row], str]] = {
        "list": lambda row: f"line {row['line']} of {row['file']}, {row['outcome']} by {row['strategy']}",
        "connector": lambda row: (
            f"{'' if row['is_current'] else 'not in the current pull, last '}pulled {local(row['noted_at'], zone)}"
            f" as {row['connector_user_id'] or 'a row without id'}, {row['outcome']} by {row['strategy']}"
        ),
        "live": lambda row: f"{row['change']} {local(row['noted_at'], zone)}",
    }
    nothing = {
        "list": "no row of the list names this user",
        "connector": "no row of the pulled cohort was matched with this user",
        "live": "never qualified",
    }[definition.kind]
    plain = [{key: aware_if_moment(value) for key, value in row.items()} for row in rows]
    return Value(sentences[definition.kind](rows[0]) if rows else nothing, plain[0] if plain else None), tuple(plain)


def _forecast(probe: Probe, definition: Definition, person: int, as_of: datetime) -> Value:
    """The score of the person and the line it is held against."""
    alone = {definition.name: replace(definition, include=(), exclude=())}
    plan, slots = probe.compiled(alone, as_of, compute=alone)
    built = probe.build(plan, slots, as_of)
    mine = f"phase = 'score' and person_no = {person}"
    scores = probe.ask(f"select score from {{{{ ref('prediction_scores') }}}} where {mine}", built)
    score = scores[0]["score"] if scores else None
    body = definition.body
    if isinstance(body, Predict) and body.band:
        told = "no score: too little to learn from" if score is None else f"scores {score:g}"
        return Value(f"{told}; members are the {body.band} likely third", {"score": score, "band": body.band})
    quality = probe.ask("select threshold, reason from {{ ref('prediction_quality') }}", built)
    threshold, reason = (quality[0]["threshold"], quality[0]["reason"]) if quality else (None, None)
    told = reason or f"scores {score:g}, members score {threshold:g} or more"
    return Value(told, {"score": score, "threshold": threshold, "reason": reason})


def _rows(probe: Probe, definition: Definition, user_id: str) -> list[Row]:
    """Rows of a list or a pull, or qualifications; newest first."""
    queries = {
        "list": (
            "list_rows",
            "select u.as_of as noted_at, u.file, r.line, r.type, r.outcome, r.strategy from segments.list_rows as r"
            " join segments.list_uploads as u on r.segment = u.segment and r.upload_no = u.upload_no"
            " where r.segment = ? and r.user_id = ? and u.state = 'current' order by u.as_of desc, r.line",
        ),
        "connector": (
            "id_matches",
            "select m.fetched_at as noted_at, m.connector, m.audience_id, m.connector_user_id, m.outcome, m.strategy,"
            " coalesce(p.is_current, false) as is_current from segments.id_matches as m"
            " join raw.segment_audiences as s on m.connector = s.connector and m.audience_id = s.audience_id"
            " left join raw.audience_pulls as p"
            " on p.connector = m.connector and p.audience_id = m.audience_id and p.fetched_at = m.fetched_at"
            " where s.segment = ? and m.user_id = ? order by m.fetched_at desc",
        ),
        "live": (
            "live_qualifications",
            "select qualified_at as noted_at, day, change, as_of from segments.live_qualifications"
            " where segment = ? and user_id = ? order by qualified_at desc, as_of desc",
        ),
    }
    table, sql = queries[definition.kind]
    if not has_table(probe.connection, "segments", table):  # a warehouse of an earlier version
        return []
    found = probe.connection.execute(sql, [definition.name, user_id])
    columns = [column[0] for column in found.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
