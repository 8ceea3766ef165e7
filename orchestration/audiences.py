"""Connector audiences as a run finds them: rules of matching, which cohort a definition means, which pull counts.

A pull that brought far fewer members than the vendor reported is short: it never replaces the one before, unless
somebody accepted it. Pulls that failed left no rows; the notes tell of them. Not here: the matching of members with
users (`dbt_project/models/identity/matching`), and fetching anything (`connectors/`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import duckdb

from orchestration.ingest.attempts import NONE, Attempts, Failure
from orchestration.matching import KINDS, Matching, pointers
from orchestration.warehouse import insert_rows, naive
from segmentation.language.model import Connector, Definition
from segmentation.language.problems import did_you_mean

# Of what a vendor reports, so much has to arrive for a pull to be believed. Counts differ a little all the time, as
# cohorts move while their pages are read; half of a cohort missing is a fetch that broke off.
ENOUGH = 0.5
MOST_TOLD = 4  # cohorts listed for somebody who named one that is not there

ACCEPTED = "create or replace table raw.accepted_pulls (connector varchar, audience_id varchar, fetched_at timestamp)"
FAILED = "create or replace table raw.audience_failures (connector varchar, audience_id varchar, reason varchar)"

# One row per pull; `is_current` is the latest good pull of its audience, `is_last` the latest of any kind. Rows of one
# pull that landed twice are one pull. A pull whose size nobody reported is good if it brought anybody.
PULLS = f"""
create or replace table raw.audience_pulls as
with pulls as (
    select * from raw.audiences
    where connector <> '' and audience_id <> '' and fetched_at is not null
    qualify row_number() over (
        partition by connector, audience_id, fetched_at
        order by source_updated_at desc nulls last, reported_users desc nulls last, name, description
    ) = 1
),
fetched as (
    select connector, audience_id, fetched_at, count(*) as fetched_users
    from raw.audience_members group by all
),
counted as (
    select
        p.connector, p.audience_id, p.fetched_at, p.name, p.description,
        p.reported_users::bigint as reported_users, coalesce(f.fetched_users, 0)::bigint as fetched_users
    from pulls as p left join fetched as f using (connector, audience_id, fetched_at)
),
judged as (
    select
        *,
        coalesce(fetched_users >= {ENOUGH} * reported_users, fetched_users > 0)
            or (connector, audience_id, fetched_at) in (from raw.accepted_pulls) as is_good
    from counted
)
select
    *,
    is_good and fetched_at = max(fetched_at) filter (where is_good) over audience as is_current,
    fetched_at = max(fetched_at) over audience as is_last
from judged window audience as (partition by connector, audience_id)
order by connector, audience_id, fetched_at
"""
STRATEGIES = (
    "create or replace table raw.match_strategies"
    " (connector varchar, place integer, strategy varchar, kind varchar, key varchar, path varchar)"
)
MEANT = "create or replace table raw.segment_audiences (segment varchar, connector varchar, audience_id varchar)"


@dataclass(frozen=True)
class Audience:
    """One cohort at a vendor: its newest pull, and the newest good one, which may be the same."""

    connector: str
    audience_id: str
    name: str | None
    last: datetime
    last_fetched: int
    last_reported: int | None
    current: datetime | None
    current_fetched: int | None
    failure: Failure | None = None  # of an attempt after the newest pull

    @property
    def short(self) -> str:
        """What the newest pull brought, for people."""
        return (
            f"the last pull of {self._called} at {self.last:%Y-%m-%d %H:%M} UTC brought {self.last_fetched:,}"
            f" of {'an unknown number of' if self.last_reported is None else f'{self.last_reported:,}'} users"
        )

    @property
    def older(self) -> str | None:
        """Why the users are those of an earlier pull than the last one that was tried; None if they are not."""
        if self.current is None or (self.failure is None and self.current == self.last):
            return None
        stay = f"the {self.current_fetched:,} users of the pull at {self.current:%Y-%m-%d %H:%M} UTC stay"
        if self.failure is None:
            return f"{self.short}: {stay}"
        return (
            f"the last pull of {self._called} at {self.failure.at:%Y-%m-%d %H:%M} UTC failed"
            f" ({self.failure.reason}): {stay}"
        )

    @property
    def _called(self) -> str:
        return f"cohort {self.name} ({self.audience_id})" if self.name else f"cohort {self.audience_id}"


@dataclass(frozen=True)
class Meant:
    """`audiences` of the connector segments that have one; `failed` are those without, `older` those that rest on the
    pull before the last, each with one sentence."""

    audiences: Mapping[str, Audience]
    failed: Mapping[str, str]
    older: Mapping[str, str]


def write_strategies(connection: duckdb.DuckDBPyConnection, matching: Mapping[str, Matching]) -> None:
    """The rules of matching as a table, since a dbt variable that changes makes dbt parse everything again.

    `raw.match_strategies`: connector (empty for all others), place from 1, strategy, what of a row it compares, and
    where the attribute lies.
    """
    connection.execute(STRATEGIES)
    rows = [
        [connector, place, strategy, KINDS.get(strategy, "id"), *pointers(strategy)]
        for connector, one in sorted(matching.items())
        for place, strategy in enumerate(one.strategies, start=1)
    ]
    connection.executemany("insert into raw.match_strategies values (?, ?, ?, ?, ?, ?)", rows)


def look_at_audiences(
    connection: duckdb.DuckDBPyConnection, definitions: Mapping[str, Definition], attempts: Attempts = NONE
) -> Meant:
    """Judges the pulls that landed, in view of those that were tried, and finds the cohort of every connector segment.

    Leaves the tables `raw.audience_pulls`, `raw.audience_failures` and `raw.segment_audiences` for the models of the
    run at hand.
    """
    accepted = [[connector, key, naive(at)] for connector, key, at in sorted(attempts.accepted)]
    _write(connection, ACCEPTED, "raw.accepted_pulls", accepted)
    connection.execute(PULLS)
    landed = [
        Audience(*row)
        for row in connection.execute(
            """
            select connector, audience_id, any_value(name) filter (where is_last),
                max(fetched_at), max(fetched_users) filter (where is_last), max(reported_users) filter (where is_last),
                max(fetched_at) filter (where is_current), max(fetched_users) filter (where is_current)
            from raw.audience_pulls group by connector, audience_id order by connector, audience_id
            """
        ).fetchall()
    ]
    landed = [_since(one, attempts) for one in landed]
    failures = [[one.connector, one.audience_id, one.older] for one in landed if one.failure and one.older]
    _write(connection, FAILED, "raw.audience_failures", failures)
    meant = which(definitions, landed, attempts)
    rows = [[name, one.connector, one.audience_id] for name, one in meant.audiences.items()]
    _write(connection, MEANT, "raw.segment_audiences", rows)
    return meant


def _write(connection: duckdb.DuckDBPyConnection, create: str, table: str, rows: list[list[Any]]) -> None:
    connection.execute(create)
    insert_rows(connection, table, rows)


def _since(audience: Audience, attempts: Attempts) -> Audience:
    """With the failure of the last attempt, if nothing has landed after it."""
    failure = attempts.failure(audience.connector, audience.audience_id)
    if failure is None or naive(failure.at) < audience.last:
        return audience
    return replace(audience, failure=failure)


def which(definitions: Mapping[str, Definition], landed: Iterable[Audience], attempts: Attempts = NONE) -> Meant:
    """The audience that each connector segment means: by id, else by the name that its last pull gave it."""
    landed = list(landed)
    audiences: dict[str, Audience] = {}
    failed: dict[str, str] = {}
    older: dict[str, str] = {}
    for name, definition in sorted(definitions.items()):
        body = definition.body
        if not isinstance(body, Connector):
            continue
        theirs = [one for one in landed if one.connector == body.vendor]
        found = [one for one in theirs if one.audience_id == body.cohort]
        found = found or [one for one in theirs if one.name == body.cohort]
        if len(found) != 1:
            failed[name] = _not_one(body, theirs, found)
            if not found and (failure := attempts.failure(body.vendor, body.cohort)):
                failed[name] += f"; the pull at {failure.at:%Y-%m-%d %H:%M} UTC failed ({failure.reason})"
            continue
        one = audiences[name] = found[0]
        if one.current is None:
            failed[name] = f"{one.short}, and no pull before it is complete"
        elif one.older:
            older[name] = one.older
    return Meant(audiences, failed, older)


def _not_one(body: Connector, theirs: list[Audience], found: list[Audience]) -> str:
    vendor = body.vendor.title()
    if found:
        listed = ", ".join(one.audience_id for one in found)
        return f"{len(found)} {vendor} cohorts are named {body.cohort!r}: name one by its id ({listed})"
    if not theirs:
        return f"no cohort of {vendor} has landed yet, expected {body.cohort!r} in the landing table audiences"
    known = [word for one in theirs for word in (one.name, one.audience_id) if word]
    listed = ", ".join(f"{one.name} ({one.audience_id})" if one.name else one.audience_id for one in theirs[:MOST_TOLD])
    listed += f" and {len(theirs) - MOST_TOLD:,} more" if len(theirs) > MOST_TOLD else ""
    return f"{vendor} has no cohort {body.cohort!r}, landed are {listed}{did_you_mean(body.cohort, known)}"
