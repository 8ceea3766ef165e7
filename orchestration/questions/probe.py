"""Rules tried out on the warehouse as the last run left it: compiled, run as plain SQL, forgotten.

The file is opened for reading only and everything made lies in temporary tables, so asking changes nothing that a run
or a reader sees. Truth is the staging of the last run: its events, and users, devices, consents and matched ids as they
were then. Not here: what is asked, and how it is told (the modules beside this one).
"""

from __future__ import annotations

import runpy
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import duckdb
from jinja2 import Environment, StrictUndefined

from orchestration.published import NothingPublished, last_run
from orchestration.questions.parts import leaf_definitions, ranks_people
from orchestration.segment_tests.memory import in_order
from orchestration.settings import DBT_SOURCE, Settings
from orchestration.warehouse import aware, beside, connect, has_table, insert_rows, let_go, naive
from segmentation.clock import Clock
from segmentation.language.model import Definition
from segmentation.plan.compile import Plan, compile_plan
from segmentation.plan.conditions import WORD
from segmentation.plan.live import refusal
from segmentation.plan.system import system_definitions

__all__ = ["Probe", "Unanswerable", "leaf_definitions", "probing"]

_JINJA = Environment(undefined=StrictUndefined)
_PREDICTIONS = DBT_SOURCE / "models" / "predictions"
_MATCHING = DBT_SOURCE / "models" / "identity" / "matching"
# Models around the plan that depend on it; they are the files that dbt builds.
_AROUND = {
    "person_events": _MATCHING / "person_events.sql",
    "prediction_weights": _PREDICTIONS / "prediction_weights.py",
    "prediction_quality": _PREDICTIONS / "prediction_quality.sql",
    "prediction_people": _PREDICTIONS / "prediction_people.sql",
}
# A list's people are those of the open run, and there is none: what the published run showed stands in their place.
_LIST_PEOPLE = """
    select distinct r.segment, p.person_no from {{ ref('list_rows') }} as r
    join {{ ref('list_uploads') }} as u on r.segment = u.segment and r.upload_no = u.upload_no and u.state = 'current'
    join {{ ref('people') }} as p on p.source = '' and p.id = r.user_id where r.outcome = 'matched'
"""
_VIEWS = {"person_events"}
_LASTING = {"event_tiles", "user_profiles", "person_events"}  # they hardly depend on the moment, and cost the most
# Staging with one person's rows in it, by the column that says whose they are.
# What plans read of the warehouse besides events and users.
_SMALL = {
    "people", "source_people", "stg_users", "stg_devices", "stg_consents", "stg_blacklist", "stg_messages",
    "stg_message_events", "audience_people", "list_rows", "list_uploads",
}  # fmt: skip
_OWNED = ("stg_users", "stg_devices", "stg_consents", "stg_blacklist", "stg_message_events")


class Unanswerable(ValueError):
    """A rule that cannot be computed as asked; the message is one sentence for people."""


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
        self._made = 0
        self._lasting: dict[tuple[str, ...], str] = {}  # temporary relations by model, and what that was built on
        self._kept: dict[str, str] = {}  # copies of relations of the warehouse, once it is let go
        self._schemas: dict[str, str] = dict(
            connection.execute(
                "select table_name, table_schema from information_schema.tables"
                " where table_catalog = current_database() and table_schema not in ('raw', 'main')"
            ).fetchall()
        )
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
        around = {name: file.read_text(encoding="utf-8") for name, file in _AROUND.items()}
        models = {**plan.models, **around, "list_people": _LIST_PEOPLE}
        relations = {} if people is None else self._rows_of(people)
        for name in in_order(models):
            if name == "prediction_weights":
                relations[name] = self._fit(relations)
                continue
            if name in _LASTING:
                relations[name] = self._lasting_relation(name, models[name], relations, as_of)
            else:
                relations[name] = self._table(name, self._rendered(models[name], relations, slots, as_of))
        return relations

    def run(self, models: Mapping[str, str], as_of: datetime, people: Iterable[int] | None = None) -> dict[str, str]:
        """Runs tiles and profiles other than those of a plan, and the events of people over them."""
        relations = {} if people is None else self._rows_of(self._people(people))
        for name, model in {**models, "person_events": _AROUND["person_events"].read_text(encoding="utf-8")}.items():
            relations[name] = self._lasting_relation(name, model, relations, as_of)
        return relations

    def ask(self, query: str, relations: Mapping[str, str], as_of: datetime, *values: object) -> list[dict[str, Any]]:
        """Rows of a query over models, each of them by column; `?` in the query are the values."""
        found = self.connection.execute(self._rendered(query, relations, {}, as_of), list(values))
        columns = [column[0] for column in found.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]

    def relation(self, name: str) -> str:
        """A relation of the warehouse by its model's name. Raises Unanswerable where no run has made it yet."""
        if name in self._kept:
            return self._kept[name]
        if name not in self._schemas:
            raise Unanswerable(f"the warehouse has no {name} yet: run `make run`")
        return f'"{self._schemas[name]}"."{name}"'

    def _rendered(self, model: str, relations: Mapping[str, str], slots: Mapping[str, int], as_of: datetime) -> str:
        def ref(name: str) -> str:
            return relations.get(name) or self.relation(name)

        def execute(sql: str, fetch: bool) -> tuple[None, Any]:
            return None, SimpleNamespace(rows=self.connection.execute(sql).fetchall() if fetch else [])

        return _JINJA.from_string(model).render(
            ref=ref,
            config=lambda **_: "",
            is_incremental=lambda: False,
            execute=True,
            adapter=SimpleNamespace(execute=execute),
            stored_bits=lambda word: self._stored_bits(word, slots, as_of),
        )

    def _fit(self, relations: Mapping[str, str]) -> str:
        """The one model that is Python; it gets what dbt would hand to it."""
        model = runpy.run_path(str(_AROUND["prediction_weights"]))["model"]
        dbt = SimpleNamespace(ref=lambda name: self.connection.table(relations[name]), config=lambda **_: None)
        self.connection.register("fitted", model(dbt, self.connection))
        try:
            return self._table("prediction_weights", "select * from fitted")
        finally:
            self.connection.unregister("fitted")

    def _stored_bits(self, word: int, slots: Mapping[str, int], as_of: datetime) -> str:
        """Members of segments that are read and not computed, as they were recorded at a moment."""
        numbers = [[name, 1 << slot % WORD] for name, slot in slots.items() if slot // WORD == word]
        read = self._table("read", "select null::varchar as segment, null::ubigint as mask where false")
        insert_rows(self.connection, read, numbers)
        return self._table(
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
        asked = self._table("people", "select null::uinteger as person_no where false")
        insert_rows(self.connection, asked, [[number] for number in sorted({*people})])
        return asked

    def _rows_of(self, people: str) -> dict[str, str]:
        """Staging with the rows of some people alone, their matched ids of connectors included."""
        known, matched = self.relation("people"), self.relation("source_people")
        ids = self._table(
            "ids",
            f"select p.source, p.id from {known} as p where p.person_no in (select person_no from {people})"
            f" or p.person_no in (select person_no from {matched} where user_no in (select person_no from {people}))",
        )
        events = self._table(
            "stg_events",
            f"select e.* from {self.relation('stg_events')} as e"
            f" where coalesce(e.user_id, e.source_user_id) in (select id from {ids})"
            f" and (case when e.user_id is null then e.source else '' end, coalesce(e.user_id, e.source_user_id)) in"
            f" (select (source, id) from {ids})",
        )
        owned = {
            name: self._table(
                name,
                f"select * from {self.relation(name)} where user_id in (select id from {ids} where source = '')",
            )
            for name in _OWNED
        }
        return {"stg_events": events, **owned}

    # ------------------------------------------------------------ temporary relations

    def _answered(self, plan: Plan, slots: Mapping[str, int], built: Mapping[str, str], people: str | None) -> str:
        names = self._table(
            "names", "select null::varchar as segment, null::usmallint as word, null::ubigint as mask where false"
        )
        rows = [[name, slots[name] // WORD, 1 << slots[name] % WORD] for name in plan.computed]
        insert_rows(self.connection, names, rows)
        among = f" and b.person_no in (select person_no from {people})" if people else ""
        answer = self._table(
            "answer",
            f"select n.segment, b.person_no from {built['segment_bits_now']} as b join {names} as n on b.word = n.word"
            f" where b.bits & n.mask <> 0{among}",
        )
        for name, relation in built.items():
            if name not in _LASTING and relation.startswith("temp."):
                self.connection.execute(f"drop table {relation}")
        return answer

    def _lasting_relation(self, name: str, model: str, relations: Mapping[str, str], as_of: datetime) -> str:
        key = (model, *(relations[one] for one in ("stg_events", "event_tiles") if one in relations))
        if key not in self._lasting:
            self._lasting[key] = self._table(name, self._rendered(model, relations, {}, as_of))
        return self._lasting[key]

    def let_go(self) -> None:
        """Closes the warehouse so that runs can go on; tiles and profiles that were built for everybody stay.

        After this, only rules that read nothing recorded can be asked, over events that were asked for before.
        """
        for name in sorted(_SMALL & {*self._schemas}):
            self._kept[name] = self._table(name, f"select * from {self.relation(name)}")
        let_go(self.connection)
        self._schemas = {}
        self._lasting = {key: made for key, made in self._lasting.items() if not made.endswith("_person_events")}

    def _table(self, name: str, sql: str, values: Mapping[str, Any] | None = None) -> str:
        """A new temporary relation of a query."""
        self._made += 1
        relation = f"temp.main.probe_{self._made}_{name}"
        kind = "view" if name in _VIEWS else "table"
        self.connection.execute(f"create temp {kind} {relation} as {sql}", values or {})
        return relation
