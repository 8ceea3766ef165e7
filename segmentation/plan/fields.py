"""Fields: the attributes of users and the properties of events that rules look at, taken out of JSON once.

A `FieldSet` collects what the conditions ask for while they are compiled, and then writes the select list of the model
that stores it: one column per field and facet. Conditions only ever see those columns.
Not here: which rows are stored (`compile.py`) and what is asked of a value (`checks.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from segmentation.columns import ColumnType
from segmentation.plan.facets import Facets, extracted, facets_of_json_text
from segmentation.plan.sql import NULL, Sql, column_stem


@dataclass
class FieldSet:
    """The fields of one relation: a JSON document column beside plain columns of the same rows.

    A key in the JSON wins over a column of that name. `alias` is how conditions call the relation that stores the
    fields.
    """

    document: Sql
    columns: Mapping[str, ColumnType]
    alias: str
    paths: set[str] = field(default_factory=set)

    def facets(self, path: str) -> Facets:
        """The stored facets of a field; asking for it makes it stored."""
        self.paths.add(path)
        stem = f"{self.alias}.{column_stem(path)}"
        return Facets(
            text=Sql(f"{stem}__text"),
            number=Sql(f"{stem}__number"),
            boolean=Sql(f"{stem}__boolean"),
            items=Sql(f"{stem}__items"),
            document=Sql(f"{stem}__document"),
        )

    def extracts(self) -> list[Sql]:
        """`expression as column` for the JSON text of every field asked for: each is taken out of its document once."""
        return [
            Sql(f"{extracted(self.document, path)}::varchar as {column_stem(path)}__json")
            for path in sorted(self.paths)
        ]

    def select_list(self, relation: str) -> list[Sql]:
        """`expression as column` for every facet, out of a relation that has the extracts beside its own columns."""
        return [column for path in sorted(self.paths) for column in self._stored(path, relation)]

    def _stored(self, path: str, relation: str) -> list[Sql]:
        stem = column_stem(path)
        value = Sql(f"{relation}.{stem}__json")
        facets = facets_of_json_text(value)
        fallback = self._fallback(path, relation)
        columns = []
        for name, kind, found, other in (
            ("text", "varchar", facets.text, fallback.text),
            ("number", "double", facets.number, fallback.number),
            ("boolean", "boolean", facets.boolean, fallback.boolean),
            ("items", "json[]", facets.items, NULL),
            ("document", "varchar", facets.document, NULL),
        ):
            if other != NULL:
                found = Sql(f"(case when {value} is null then {other} else {found} end)")
            columns.append(Sql(f"({found})::{kind} as {stem}__{name}"))
        return columns

    def _fallback(self, path: str, relation: str) -> Facets:
        kind = self.columns.get(path)
        column = Sql(f"{relation}.{path}")
        if kind == "text":
            return Facets(text=column)
        if kind == "number":
            return Facets(number=column)
        if kind == "boolean":
            return Facets(boolean=column)
        if kind == "timestamp":  # reads as ISO text, with a fraction only where there is one
            iso = f"strftime({column}, '%Y-%m-%dT%H:%M:%S')"
            fraction = f"rtrim(strftime({column}, '.%f'), '0')"
            return Facets(text=Sql(f"concat({iso}, case when {fraction} = '.' then '' else {fraction} end, 'Z')"))
        return Facets()
