"""Models as temporary relations over an open warehouse: rendered as dbt would, run, and forgotten with the connection.

What costs most and hardly depends on the moment (tiles, profiles) is built once and serves all questions. Not here:
which models, and what is asked of them (`probe.py`).
"""

from __future__ import annotations

import runpy
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import duckdb
from jinja2 import Environment, StrictUndefined

from orchestration.segment_tests.memory import in_order
from orchestration.settings import DBT_SOURCE
from orchestration.warehouse import let_go

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
# What plans read of the warehouse besides events and users.
_SMALL = {
    "people", "source_people", "stg_users", "stg_devices", "stg_consents", "stg_blacklist", "stg_messages",
    "stg_message_events", "audience_people", "list_rows", "list_uploads",
}  # fmt: skip

Relations = Mapping[str, str]  # by the model they stand for


class Unanswerable(ValueError):
    """A rule that cannot be computed as asked; the message is one sentence for people."""


class Scratch:
    """Temporary relations of one connection, each under a name of its own."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self._made = 0
        self._lasting: dict[tuple[str, ...], str] = {}  # temporary relations by model, and what that was built on
        self._kept: dict[str, str] = {}  # copies of relations of the warehouse, once it is let go
        self._schemas: dict[str, str] = dict(
            connection.execute(
                "select table_name, table_schema from information_schema.tables"
                " where table_catalog = current_database() and table_schema not in ('raw', 'main')"
            ).fetchall()
        )

    def relation(self, name: str) -> str:
        """A relation of the warehouse by its model's name. Raises Unanswerable where no run has made it yet."""
        if name in self._kept:
            return self._kept[name]
        if name not in self._schemas:
            raise Unanswerable(f"the warehouse has no {name} yet: run `make run`")
        return f'"{self._schemas[name]}"."{name}"'

    def table(self, name: str, sql: str, values: Mapping[str, Any] | None = None) -> str:
        """A new temporary relation of a query."""
        self._made += 1
        relation = f"temp.main.probe_{self._made}_{name}"
        kind = "view" if name in _VIEWS else "table"
        self.connection.execute(f"create temp {kind} {relation} as {sql}", values or {})
        return relation

    def build(
        self, models: Mapping[str, str], given: Relations, stored_bits: Callable[[int], str] | None
    ) -> dict[str, str]:
        """Runs the models of a plan that membership rests on, over relations that are given in the place of others."""
        around = {name: file.read_text(encoding="utf-8") for name, file in _AROUND.items()}
        models = {**models, **around, "list_people": _LIST_PEOPLE}
        relations = dict(given)
        for name in in_order(models):
            if name == "prediction_weights":
                relations[name] = self._fit(relations)
            elif name in _LASTING:
                relations[name] = self._lasting_relation(name, models[name], relations)
            else:
                relations[name] = self.table(name, self.rendered(models[name], relations, stored_bits))
        return relations

    def events_and_profiles(self, models: Mapping[str, str], given: Relations) -> dict[str, str]:
        """Runs tiles and profiles other than those of a plan, and the events of people over them."""
        relations = dict(given)
        for name, model in {**models, "person_events": _AROUND["person_events"].read_text(encoding="utf-8")}.items():
            relations[name] = self._lasting_relation(name, model, relations)
        return relations

    def rendered(self, model: str, relations: Relations, stored_bits: Callable[[int], str] | None = None) -> str:
        """A model as dbt would run it the first time."""

        def execute(sql: str, fetch: bool) -> tuple[None, Any]:
            return None, SimpleNamespace(rows=self.connection.execute(sql).fetchall() if fetch else [])

        return _JINJA.from_string(model).render(
            ref=lambda name: relations.get(name) or self.relation(name),
            config=lambda **_: "",
            is_incremental=lambda: False,
            execute=True,
            adapter=SimpleNamespace(execute=execute),
            **({"stored_bits": stored_bits} if stored_bits else {}),
        )

    def drop(self, relations: Relations) -> None:
        """Forgets what was built for one question alone."""
        for name, relation in relations.items():
            if name not in _LASTING and relation.startswith("temp."):
                self.connection.execute(f"drop table {relation}")

    def let_go(self) -> None:
        """Closes the warehouse; tiles and profiles stay, and copies of the small tables that plans read."""
        for name in sorted(_SMALL & {*self._schemas}):
            self._kept[name] = self.table(name, f"select * from {self.relation(name)}")
        let_go(self.connection)
        self._schemas = {}
        self._lasting = {key: made for key, made in self._lasting.items() if not made.endswith("_person_events")}

    def _lasting_relation(self, name: str, model: str, relations: Relations) -> str:
        key = (model, *(relations[one] for one in ("stg_events", "event_tiles") if one in relations))
        if key not in self._lasting:
            self._lasting[key] = self.table(name, self.rendered(model, relations))
        return self._lasting[key]

    def _fit(self, relations: Relations) -> str:
        """The one model that is Python; it gets what dbt would hand to it."""
        model = runpy.run_path(str(_AROUND["prediction_weights"]))["model"]
        dbt = SimpleNamespace(ref=lambda name: self.connection.table(relations[name]), config=lambda **_: None)
        self.connection.register("fitted", model(dbt, self.connection))
        try:
            return self.table("prediction_weights", "select * from fitted")
        finally:
            self.connection.unregister("fitted")
