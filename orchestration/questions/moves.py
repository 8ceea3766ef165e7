"""Who moves between two sets of members, counted where the members lie: sizes, and groups of people by what they hold.

Not here: why they move (`segmentation/language/compare.py`), and whose members these are (`diff.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestration.questions.probe import Probe
from orchestration.warehouse import insert_rows, naive


@dataclass(frozen=True)
class Flow:
    """A segment's size under the old and the new rule, and who comes and goes."""

    before: int
    after: int
    entering: int
    leaving: int
    staying: int


@dataclass(frozen=True)
class Alike:
    """People who move one way and hold the same conditions; `held` are the names of those. `sample` are user ids."""

    enters: bool
    held: frozenset[str]
    users: int
    sample: tuple[str, ...]


class Moves:
    """Members of two sides by segment. `sides` gives their names in `members`, a relation (segment, person_no)."""

    def __init__(self, probe: Probe, members: str, sides: Mapping[str, tuple[str | None, str | None]]) -> None:
        self.probe, self.connection, self.members = probe, probe.connection, members
        self.sides = sides
        rows = [
            (segment, key, is_new)
            for segment, keys in sides.items()
            for key, is_new in zip(keys, (False, True), strict=True)
            if key is not None
        ]
        self._table("diff_sides", "segment varchar, key varchar, is_new boolean", rows)
        self.connection.execute(
            "create or replace temp table diff_moves as select s.segment, m.person_no, bool_or(not s.is_new) as was,"
            f" bool_or(s.is_new) as is_now from diff_sides as s join {members} as m on m.segment = s.key"
            " group by s.segment, m.person_no"
        )

    def flows(self) -> dict[str, Flow]:
        """Sizes and flows by segment."""
        rows = self.connection.execute(
            "select segment, count(*) filter (was), count(*) filter (is_now), count(*) filter (is_now and not was),"
            " count(*) filter (was and not is_now), count(*) filter (was and is_now) from diff_moves group by segment"
        ).fetchall()
        return {**dict.fromkeys(self.sides, Flow(0, 0, 0, 0, 0)), **{name: Flow(*counts) for name, *counts in rows}}

    def groups(self, conditions: Mapping[str, Iterable[str]], samples: int) -> dict[str, list[Alike]]:
        """Who moves, by segment and by which of its conditions they hold, the largest group first.

        `samples` people of each segment are named, in the order of a hash of their id, who come and who go by turns.
        """
        rows = [(segment, one) for segment, some in conditions.items() for one in some]
        self._table("diff_conditions", "segment varchar, condition varchar", rows)
        found = self.connection.execute(
            f"""
            with moved as (
                select segment, person_no, is_now as enters from diff_moves
                where was <> is_now and list_contains($asked, segment)
            ),

            held as (
                select c.segment, m.person_no, list(c.condition order by c.condition) as conditions
                from diff_conditions as c join {self.members} as m on m.segment = c.condition
                semi join moved as v on v.segment = c.segment and v.person_no = m.person_no
                group by c.segment, m.person_no
            ),

            placed as (
                select v.segment, v.enters, coalesce(h.conditions, []) as conditions, p.id,
                    row_number() over (partition by v.segment, v.enters order by md5(p.id), p.id) as place
                from moved as v join {self.probe.relation("people")} as p on p.person_no = v.person_no
                left join held as h on h.segment = v.segment and h.person_no = v.person_no
            ),

            chosen as (
                select *, row_number() over (partition by segment order by place, enters) <= $samples as is_sample
                from placed
            )

            select segment, enters, conditions, count(*), coalesce(list(id order by md5(id)) filter (is_sample), [])
            from chosen group by segment, enters, conditions order by segment, count(*) desc, enters, conditions
            """,
            {"samples": samples, "asked": list(conditions)},
        ).fetchall()
        groups: dict[str, list[Alike]] = {segment: [] for segment in conditions}
        for segment, enters, held, users, sample in found:
            groups[segment].append(Alike(enters, frozenset(held), users, tuple(sample)))
        return groups

    def otherwise_recorded(self) -> dict[str, tuple[int, int]]:
        """By segment, how many are recorded at the probe's moment and the old rule does not name, and the reverse."""
        rows = self.connection.execute(
            f"""
            with recorded as (
                select segment, person_no from {self.probe.stays()}
                where valid_from <= $at and coalesce(valid_to > $at, true)
            ),

            either as (
                select s.segment, m.person_no, false as is_recorded from diff_sides as s
                join {self.members} as m on m.segment = s.key where not s.is_new
                union all
                select segment, person_no, true from recorded semi join diff_sides using (segment)
            )

            select segment, count(*) filter (by_run and not by_rule), count(*) filter (by_rule and not by_run)
            from (
                select segment, person_no, bool_or(is_recorded) as by_run, bool_or(not is_recorded) as by_rule
                from either group by segment, person_no
            ) group by segment
            """,
            {"at": naive(self.probe.as_of)},
        ).fetchall()
        return {**dict.fromkeys(self.sides, (0, 0)), **{name: (only, named) for name, only, named in rows}}

    def _table(self, name: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
        self.connection.execute(f"create or replace temp table {name} ({columns})")
        insert_rows(self.connection, name, rows)
