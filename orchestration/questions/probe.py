"""Rules tried out on the warehouse as the last run left it: compiled, run as plain SQL, forgotten.

The file is opened for reading only and everything made lies in temporary tables, so asking changes nothing that a run
or a reader sees. Truth is the staging of the last run: its events, and users, devices, consents and matched ids as they
were then. Not here: how models are run (`scratch.py`), what is asked, and how it is told (the modules beside this one).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import duckdb

from orchestration.published import NothingPublished, last_run
from orchestration.questions.parts import leaf_definitions, ranks_people
from orchestration.questions.scratch import Scratch, Unanswerable
from orchestration.settings import Settings
from orchestration.warehouse import aware, beside, connect, has_table, insert_rows, naive
from segmentation.clock import Clock
from segmentation.language.model import Definition
from segmentation.plan.compile import Plan, compile_plan
from segmentation.plan.conditions import WORD
from segmentation.plan.live import refusal
from segmentation.plan.system import system_definitions

__all__ = ["Probe", "Unanswerable", "leaf_definitions", "probing"]

_OWNED = ("stg_users", "stg_devices", "stg_consents", "stg_blacklist", "stg_message_events")  # rows of one user each


@contextmanager
def probing(settings: Settings, *, long: bool = False) -> Iterator[Probe]:
    """A probe of the workspace. Raises NothingPublished and WarehouseBusy.

    While it lasts, no run can write and this process can open the file in no other way: whatever else has to be read
    meanwhile goes through `probe.connection`. A `long` one can let the file go before it is through (`let_go`).
    """
    if not settings.warehouse.exists():  # opening would create it
        raise NothingPublished(settings)
    with beside(settings.warehouse) if long else connect(settings.warehouse, read_only=True) as connection:
        if not has_table(connection, "segments", "segments"):
            raise NothingPublished(settings)
        last = last_run(connection)
        if last is None:
            raise NothingPublished(settings)
        yield Probe(connection, settings, *last)


class Probe:
    """An open warehouse that takes rules. `run_no` and `as_of` are those of the last published run."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, settings: Settings, run_no: int, as_of: datetime) -> None:
        self.connection, self.settings, self.run_no, self.as_of = connection, settings, run_no, as_of
        self._scratch = Scratch(connection)
        self._calculated: dict[str, datetime] | None = None

    def answer(
        self,
        definitions: Mapping[str, Definition],
        as_of: datetime,
        *,
        compute: Iterable[str],
        people: Iterable[int] | None = None,
    ) -> str:
        """Members of the segments `compute` at a moment: the name of a temporary table (segment, person_no).

        Segments that these read and that are not in `compute` are read as they were recorded at that moment; system
        segments are always computed. With `people` (their numbers) only they are looked at, unless a rule ranks
        everybody, and only they are in the answer. Raises Unanswerable.
        """
        plan, slots = self.compiled(definitions, as_of, compute=compute)
        asked = None if people is None else self._people(people)
        ranking = ranks_people(definitions[name] for name in plan.computed if name in definitions)
        built = self.build(plan, slots, as_of, None if ranking else asked)
        return self._answered(plan, slots, built, asked)

    def compiled(
        self, definitions: Mapping[str, Definition], as_of: datetime, *, compute: Iterable[str]
    ) -> tuple[Plan, dict[str, int]]:
        """The plan of some segments alone, and the bit of each that it computes or reads. Raises Unanswerable."""
        wanted = sorted({*compute})
        for name in wanted:
            if name not in definitions:
                raise Unanswerable(f"there is no segment {name!r}")
            if reason := refusal(name, definitions):
                raise Unanswerable(f"{name} cannot be computed: {reason}")
        chosen = {name: definitions[name] for name in wanted}
        system = system_definitions(self.settings.events)
        read = sorted({other for one in chosen.values() for other in one.references} - {*wanted, *system})
        calculated = self.calculated()
        stored = [name for name in read if name in calculated and calculated[name] <= as_of]
        slots = {name: slot for slot, name in enumerate([*wanted, *read])}
        for one in chosen.values():
            slots.setdefault(one.name, slots.get(one.name, len(slots)))  # what stands in place of a rule keeps its name
        plan = compile_plan(
            chosen, Clock(as_of, self.settings.zone), slots, stored=stored, settings=self.settings.events
        )
        for name, reason in sorted(plan.failed.items()):
            raise Unanswerable(f"{name} cannot be computed: {reason}")
        return plan, slots

    def calculated(self) -> dict[str, datetime]:
        """When each segment's members were first recorded."""
        if self._calculated is None:
            rows = self.connection.execute(
                "select n.segment, min(z.as_of) from state.segment_size_log as z"
                " join state.segment_names as n on z.segment_no = n.segment_no where z.run_no <= ? group by n.segment",
                [self.run_no],
            ).fetchall()
            self._calculated = {name: aware(at) for name, at in rows}
        return self._calculated

    # ------------------------------------------------------------ running a plan

    def build(self, plan: Plan, slots: Mapping[str, int], as_of: datetime, people: str | None = None) -> dict[str, str]:
        """Runs the models that membership rests on: temporary relations by model. `people` is a relation of numbers."""
        given = {} if people is None else self._rows_of(people)
        return self._scratch.build(plan.models, given, lambda word: self._stored_bits(word, slots, as_of))

    def run(self, models: Mapping[str, str], people: Iterable[int] | None = None) -> dict[str, str]:
        """Runs tiles and profiles other than those of a plan, and the events of people over them."""
        given = {} if people is None else self._rows_of(self._people(people))
        return self._scratch.events_and_profiles(models, given)

    def ask(self, query: str, relations: Mapping[str, str]) -> list[dict[str, Any]]:
        """Rows of a query over models, each of them by column."""
        found = self.connection.execute(self._scratch.rendered(query, relations))
        columns = [column[0] for column in found.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]

    def relation(self, name: str) -> str:
        """A relation of the warehouse by its model's name. Raises Unanswerable where no run has made it yet."""
        return self._scratch.relation(name)

    def let_go(self) -> None:
        """Closes the warehouse so that runs can go on; tiles and profiles that were built for everybody stay.

        After this, only rules that read nothing recorded can be asked, over events that were asked for before.
        """
        self._scratch.let_go()

    def _stored_bits(self, word: int, slots: Mapping[str, int], as_of: datetime) -> str:
        """Members of segments that are read and not computed, as they were recorded at a moment."""
        numbers = [[name, 1 << slot % WORD] for name, slot in slots.items() if slot // WORD == word]
        read = self._scratch.table("read", "select null::varchar as segment, null::ubigint as mask where false")
        insert_rows(self.connection, read, numbers)
        return self._scratch.table(
            f"stored_bits_{word}",
            f"select s.person_no, bit_or(r.mask) as bits from {self.stays()} as s join {read} as r"
            " on r.segment = s.segment where s.valid_from <= $at and coalesce(s.valid_to > $at, true)"
            " group by s.person_no",
            {"at": naive(as_of)},
        )

    def stays(self) -> str:
        """Recorded stays (segment, person_no, valid_from, valid_to) as the last published run left them, as a query."""
        return (
            "(select n.segment, y.person_no, y.valid_from, case when y.run_to <= "
            f"{self.run_no} then y.valid_to end as valid_to from state.segment_stays as y"
            f" join state.segment_names as n on y.segment_no = n.segment_no where y.run_from <= {self.run_no})"
        )

    # ------------------------------------------------------------ people

    def _people(self, people: Iterable[int]) -> str:
        asked = self._scratch.table("people", "select null::uinteger as person_no where false")
        insert_rows(self.connection, asked, [[number] for number in sorted({*people})])
        return asked

    def _rows_of(self, people: str) -> dict[str, str]:
        """Staging with the rows of some people alone, their matched ids of connectors included."""
        known, matched = self.relation("people"), self.relation("source_people")
        ids = self._scratch.table(
            "ids",
            f"select p.source, p.id from {known} as p where p.person_no in (select person_no from {people})"
            f" or p.person_no in (select person_no from {matched} where user_no in (select person_no from {people}))",
        )
        events = self._scratch.table(
            "stg_events",
            f"select e.* from {self.relation('stg_events')} as e"
            f" where coalesce(e.user_id, e.source_user_id) in (select id from {ids})"
            f" and (case when e.user_id is null then e.source else '' end, coalesce(e.user_id, e.source_user_id)) in"
            f" (select (source, id) from {ids})",
        )
        owned = {
            name: self._scratch.table(
                name,
                f"select * from {self.relation(name)} where user_id in (select id from {ids} where source = '')",
            )
            for name in _OWNED
        }
        return {"stg_events": events, **owned}

    def _answered(self, plan: Plan, slots: Mapping[str, int], built: Mapping[str, str], people: str | None) -> str:
        names = self._scratch.table(
            "names", "select null::varchar as segment, null::usmallint as word, null::ubigint as mask where false"
        )
        rows = [[name, slots[name] // WORD, 1 << slots[name] % WORD] for name in plan.computed]
        insert_rows(self.connection, names, rows)
        among = f" and b.person_no in (select person_no from {people})" if people else ""
        answer = self._scratch.table(
            "answer",
            f"select n.segment, b.person_no from {built['segment_bits_now']} as b join {names} as n on b.word = n.word"
            f" where b.bits & n.mask <> 0{among}",
        )
        self._scratch.drop(built)
        return answer
