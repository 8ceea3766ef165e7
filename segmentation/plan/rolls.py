"""Rolls: segments whose members a relation lists, in place of a rule: lists, audiences, qualifications, predictions.

Such a relation is a dbt model with one row per member. All that a plan reads become one model, `roll_bits`, which the
membership joins beside the condition bits, so that a roll takes part in references, include, exclude and universe like
any rule. Not here: how a relation comes about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from segmentation.language.model import Definition, Kind, Predict
from segmentation.plan.conditions import WORD, Bit
from segmentation.plan.sql import Sql, literal

# The dbt model of each kind: one row per segment (by name) and member, as `segment` and `person_no`.
RELATIONS: Mapping[Kind, str] = {
    "connector": "audience_people",
    "live": "live_people",
    "predict": "prediction_people",
    "list": "list_people",
}


class Unsupported(Exception):
    """A kind of segment that this version cannot compute; the message is one sentence for people."""


@dataclass(frozen=True)
class Roll:
    """The rows of a relation that belong to one segment."""

    relation: str
    segment: str


def roll_of(definition: Definition) -> Roll | None:
    """Where the members of a definition are listed; None if it has a rule or ranks. Raises Unsupported."""
    if definition.kind == "who" or (isinstance(definition.body, Predict) and definition.body.band):
        return None
    relation = RELATIONS.get(definition.kind)
    if relation is None:
        raise Unsupported(f"segments of kind `{definition.kind}` are not computed by this version")
    return Roll(relation, definition.name)


class Rolls:
    """Gives each roll a bit, and writes the model that sets them."""

    def __init__(self) -> None:
        self.bits: dict[Roll, Bit] = {}

    def bit(self, roll: Roll) -> Bit:
        """The roll's bit, a new one at first sight."""
        return self.bits.setdefault(roll, Bit(len(self.bits) // WORD, len(self.bits) % WORD, "r"))

    @property
    def columns(self) -> list[str]:
        """The words of the model."""
        return sorted({bit.column for bit in self.bits.values()}, key=lambda name: int(name[1:]))

    def model(self) -> str:
        """The dbt model `roll_bits`: one row per person who is on any roll, 64 rolls to a word."""
        head = "{{ config(materialized='table') }}\n"
        if not self.bits:
            return head + "select 0::uinteger as person_no where false\n"
        return head + self.query(self.bits)

    def query(self, bits: Mapping[Roll, Bit]) -> str:
        """The same for some of the rolls, at least one; the bits of the others are not set."""
        listed = "\n    union all\n".join(
            f"    select {literal(relation)} as relation, segment, person_no from {{{{ ref({literal(relation)}) }}}}"
            for relation in sorted({roll.relation for roll in bits})
        )
        keys = ",\n    ".join(
            f"({literal(roll.relation)}, {literal(roll.segment)}, {bit.word}, {1 << bit.position}::ubigint)"
            for roll, bit in bits.items()
        )
        words = ",\n    ".join(
            Sql(f"bit_or(case when k.word = {number} then k.bit else 0::ubigint end) as {column}")
            for number, column in enumerate(self.columns)
        )
        return (
            f"with listed as (\n{listed}\n),\n\n"
            f"keys (relation, segment, word, bit) as (\n    values\n    {keys}\n)\n\n"
            f"select\n    l.person_no,\n    {words}\nfrom listed as l"
            "\njoin keys as k on l.relation = k.relation and l.segment = k.segment\ngroup by l.person_no\n"
        )
