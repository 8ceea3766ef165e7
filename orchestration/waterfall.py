"""The way of a vendor's audience to people here, as published: how many are left at each step, and what to make of it.

Not here: how ids are matched (`dbt_project/models/identity/matching`), and how any of it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime

import duckdb

from orchestration.matching import Matching
from orchestration.settings import Settings
from orchestration.warehouse import aware, connect, has_table


@dataclass(frozen=True)
class Waterfall:
    """One row of `segments.connector_segments` that belongs to a segment.

    `connector_users` is what the vendor reported and null if it said nothing, `fetched_users` are rows that came;
    `netmera_users` are users, each counted once, `reachable_push` those of them whom a push reaches. The four
    before the last are rows that led to nobody, `matched_anew` those that the last run matched rather than carried
    over, null if that is not known.
    """

    segment: str
    connector: str
    audience_id: str
    segment_name: str | None
    connector_users: int | None
    fetched_users: int
    with_identifier: int
    known: int
    netmera_users: int
    reachable_push: int
    match_rate: float | None
    updated_at: datetime | None
    no_identifier: int
    not_found: int
    ambiguous: int
    invalid_format: int
    matched_anew: int | None = None

    @property
    def ambiguous_share(self) -> float | None:
        """Of the rows that came, those that could be several users."""
        return self.ambiguous / self.fetched_users if self.fetched_users else None

    @property
    def found_share(self) -> float | None:
        """The match rate; where the vendor reported no number, that of the rows that came."""
        if self.match_rate is not None or not self.fetched_users:
            return self.match_rate
        return self.netmera_users / self.fetched_users

    @property
    def steps(self) -> list[tuple[str, int | None]]:
        """From the vendor to a phone in somebody's hand."""
        return [
            (f"users that {self.connector.title()} reports", self.connector_users),
            ("rows that came", self.fetched_users),
            ("with an identifier", self.with_identifier),
            ("known here", self.known),
            ("users, each once", self.netmera_users),
            ("reachable by push", self.reachable_push),
        ]

    @property
    def losses(self) -> list[tuple[str, int]]:
        """Why rows led to nobody."""
        return [
            ("no identifier", self.no_identifier),
            ("malformed identifier", self.invalid_format),
            ("not found", self.not_found),
            ("of several users", self.ambiguous),
        ]


def waterfalls(settings: Settings, names: Iterable[str]) -> dict[str, Waterfall]:
    """The published rows of some segments, by segment; others have none. Raises WarehouseBusy."""
    with connect(settings.warehouse) as connection:
        return waterfalls_of(connection, names)


def waterfalls_of(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> dict[str, Waterfall]:
    """The same for whoever has the warehouse open."""
    if not has_table(connection, "segments", "connector_segments"):  # a warehouse whose last run knew no connectors
        return {}
    own = [field.name for field in fields(Waterfall) if field.name != "matched_anew"]
    rows = connection.execute(
        f"select {', '.join(own)} from segments.connector_segments where list_contains(?, segment)", [list(names)]
    ).fetchall()
    anew = _matched_anew(connection)
    found = {}
    for values in rows:
        named = dict(zip(own, values, strict=True))
        named["matched_anew"] = anew.get((named["connector"], named["audience_id"], named["updated_at"]))
        named["updated_at"] = aware(named["updated_at"])
        found[named["segment"]] = Waterfall(**named)
    return found


def _matched_anew(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str, datetime], int]:
    """What the last published run did, by connector, audience and pull."""
    if not has_table(connection, "state", "matched_pulls"):  # a warehouse from before matches were carried over
        return {}
    rows = connection.execute(
        "select connector, audience_id, fetched_at, matched_anew from state.matched_pulls where run_no ="
        " (select max(run_no) from raw.runs where is_published and mode = 'present')"
    ).fetchall()
    return {(connector, audience, at): rows_anew for connector, audience, at, rows_anew in rows}


@dataclass(frozen=True)
class Judgement:
    """What one thing that is expected of an audience comes to. `said` is None if it is as expected, else one sentence;
    `numbers` are those it was judged by, the limit among them, and leave out what is not known."""

    said: str | None
    numbers: Mapping[str, float]


def judge(one: Waterfall, rules: Matching) -> dict[str, Judgement]:
    """By name: enough users were found, few ids could be several users, and all came that the vendor reports."""
    return {
        "match_rate": _match_rate(one, rules.match_rate_below),
        "ambiguity": _ambiguity(one, rules.ambiguous_above),
        "whole": _whole(one),
    }


def worries(one: Waterfall, rules: Matching) -> list[str]:
    """What somebody should look at, one sentence each; nothing if the matching is as the settings expect it."""
    return [judged.said for judged in judge(one, rules).values() if judged.said is not None]


def _match_rate(one: Waterfall, below: float) -> Judgement:
    rate, said = one.match_rate, None
    if rate is not None and rate < below:
        said = (
            f"{one.netmera_users:,} of {one.connector_users:,} users that {one.connector.title()} reports were found"
            f" ({rate:.1%}, expected {below:.0%} or more)"
        )
    return _judgement(said, match_rate=rate, match_rate_below=below)


def _ambiguity(one: Waterfall, above: float) -> Judgement:
    share, said = one.ambiguous_share, None
    if share is not None and share > above:
        said = (
            f"{one.ambiguous:,} of {one.fetched_users:,} rows could be several users"
            f" ({share:.1%}, expected {above:.0%} or less)"
        )
    return _judgement(said, ambiguous_share=share, ambiguous_above=above)


def _whole(one: Waterfall) -> Judgement:
    reported, said = one.connector_users, None
    if reported is not None and one.fetched_users != reported:
        said = f"{one.fetched_users:,} rows came where {one.connector.title()} reports {reported:,}"
    return _judgement(said, fetched_users=one.fetched_users, connector_users=reported)


def _judgement(said: str | None, **numbers: float | None) -> Judgement:
    return Judgement(said, {name: number for name, number in numbers.items() if number is not None})
