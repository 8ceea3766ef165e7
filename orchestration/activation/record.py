"""What activations did: `raw.activations`, one row per call, whatever came of it.

`segments.activations` is the view that people read. Not here: who was sent, which stays beside the warehouse
(`ledger.py`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from orchestration.activation.named import Activation
from orchestration.activation.wish import Outcome, Wish
from orchestration.exports.collect import Standing
from orchestration.warehouse import has_table, naive

TABLE = """
    create table if not exists raw.activations (
        activation_no integer, segment varchar, activation varchar, destination varchar, place varchar, ending varchar,
        said varchar, dry_run boolean, as_of timestamp, run_no integer, definition_hash varchar, members bigint,
        added bigint, removed bigint, unchanged bigint, held_back bigint, without_identifier bigint,
        without_consent bigint, invalid bigint, calls bigint, gate_results varchar, override_by varchar,
        override_reason varchar, asked_by varchar, started_at timestamp, ended_at timestamp, source_run varchar,
        details varchar
    )
"""
COUNTED = (
    "members", "added", "removed", "unchanged", "held_back", "without_identifier", "without_consent", "invalid",
    "calls",
)  # fmt: skip
SAME_SET = {"netmera_tag": ["netmera_tag", "netmera_push"]}  # a message brings its tag up to date as well
LEFT = ("sent", "nothing", "failed")  # endings of calls that may have sent something


@dataclass(frozen=True)
class Called:
    """A call of an activation. `standing` is None if it failed before the segment was read."""

    activation: Activation
    wish: Wish
    standing: Standing | None
    outcome: Outcome
    dry_run: bool
    started_at: datetime
    ended_at: datetime


def record(connection: duckdb.DuckDBPyConnection, called: Called) -> None:
    """Adds a call. Numbers that are not among the columns go into `details`."""
    connection.execute("create schema if not exists raw")
    connection.execute(TABLE)
    activation, wish, standing, outcome = called.activation, called.wish, called.standing, called.outcome
    details = {**{name: value for name, value in outcome.counts.items() if name not in COUNTED}, **outcome.details}
    row: dict[str, Any] = {
        "segment": activation.segment,
        "activation": activation.name,
        "destination": activation.to,
        "place": activation.place,
        "ending": outcome.ending,
        "said": outcome.said,
        "dry_run": called.dry_run,
        "as_of": standing and naive(standing.as_of),
        "run_no": standing and standing.run_no,
        "definition_hash": standing and standing.definition_hash,
        **{name: outcome.counts.get(name) for name in COUNTED},
        "gate_results": json.dumps([one.told() for one in outcome.gates]),
        "override_by": wish.override and wish.override.by,
        "override_reason": wish.override and wish.override.reason,
        "asked_by": wish.by,
        "started_at": naive(called.started_at),
        "ended_at": naive(called.ended_at),
        "source_run": wish.source_run,
        "details": json.dumps(details, ensure_ascii=False),
    }
    number = "(select coalesce(max(activation_no), 0) + 1 from raw.activations)"
    columns, marks = ", ".join(("activation_no", *row)), ", ".join((number, *"?" * len(row)))
    connection.execute(f"insert into raw.activations ({columns}) values ({marks})", list(row.values()))


def last_details(connection: duckdb.DuckDBPyConnection, activation: Activation) -> dict[str, Any] | None:
    """The details of the last call that came as far as sending; None if there was none."""
    if not has_table(connection, "raw", "activations"):
        return None
    found = connection.execute(
        "select details from raw.activations where segment = ? and list_contains(?, destination) and place = ?"
        " and not dry_run and list_contains(?, ending) and json_extract(details, '$.there') is not null"
        " order by activation_no desc limit 1",
        [activation.segment, SAME_SET.get(activation.to, [activation.to]), activation.place, list(LEFT)],
    ).fetchone()
    return json.loads(found[0]) if found else None
