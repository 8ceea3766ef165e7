"""Who should be at a destination: members of a segment as the last run left them, less those who may not go there.

Read into a file of this machine, so that the warehouse is free again before anybody gets an identity. Each member is
counted once, by the first reason that keeps them away. Not here: identities (`wanted.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.activation.named import Activation, Cause
from orchestration.activation.wish import Wish
from segmentation.plan.sql import literal

NO_LONGER_A_USER, WITHOUT_CONSENT, HELD_BACK = "no_longer_a_user", "without_consent", "held_back"
REASONS = (NO_LONGER_A_USER, WITHOUT_CONSENT, HELD_BACK)
ON_CHANGES = frozenset({"on_enter", "on_leave", "on_change"})


@dataclass(frozen=True)
class Members:
    """Contacts of those who may go are in `file`. `kept` are people among them who are no members any more."""

    file: Path
    members: int
    kept: int
    away: Mapping[str, int]


def causes_sent(activation: Activation, wish: Wish) -> tuple[Cause, ...] | None:
    """By which causes somebody has to have entered; None if all are sent, as those are that go by a schedule alone."""
    if not any(when in ON_CHANGES for when in activation.whens if isinstance(when, str)):
        return None
    return tuple(dict.fromkeys((*activation.causes, *wish.causes)))


def read_members(
    connection: duckdb.DuckDBPyConnection,
    activation: Activation,
    causes: tuple[Cause, ...] | None,
    there: Path,
    file: Path,
) -> Members:
    """Reads from the open warehouse. `there` has the ids of users who are at the destination (`user_id`).

    Whoever is there is not held back. Where nobody is removed who has left the segment, they are kept with their
    present addresses, as long as they are users who may go there.
    """
    there_now = f"read_parquet({literal(str(there))})"
    others = f"""
        union all
        select user_id, null::timestamp, false from {there_now} where user_id not in (select user_id from stays)
    """
    entered = f"""
        left join {there_now} as t on p.user_id = t.user_id
        left join segments.segment_changes as c
            on c.segment = $segment and c.change = 'entered' and p.user_id = c.user_id and p.valid_from = c.as_of
    """
    connection.execute(
        f"""
        create or replace temp table going as
        with stays as (
            select user_id, valid_from from segments.segment_membership where segment = $segment and valid_to is null
        ),
        people as (
            select user_id, valid_from, true as is_member from stays
            {"" if activation.mirrors else others}
        )
        select p.user_id, p.is_member, u.external_id, u.email, u.msisdn, u.country, case
            when u.user_id is null then '{NO_LONGER_A_USER}'
            when $needs_consent and not coalesce(u.ad_consent, false) then '{WITHOUT_CONSENT}'
            when p.is_member and {_is_held(causes)} then '{HELD_BACK}'
        end as why
        from people as p
        left join staging.stg_users as u on p.user_id = u.user_id
        {"" if causes is None else entered}
        """,
        {"segment": activation.segment, "needs_consent": activation.needs_consent},
    )
    counts = dict(connection.execute("select why, count(*) from going where is_member group by why").fetchall())
    kept = connection.execute("select count(*) from going where not is_member and why is null").fetchall()[0][0]
    connection.execute(f"copy (from going where why is null) to {literal(str(file))} (format parquet)")
    connection.execute("drop table going")
    away = {reason: counts.get(reason, 0) for reason in REASONS}
    return Members(file, sum(counts.values()), kept, away)


def _is_held(causes: tuple[Cause, ...] | None) -> str:
    """A stay of which no cause is known is taken for one that nobody asked to be sent."""
    if causes is None:
        return "false"
    named = ", ".join(literal(cause) for cause in causes)
    return f"t.user_id is null and coalesce(c.cause, 'initial') not in ({named})"
