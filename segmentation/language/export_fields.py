"""The fields that an export may have, by the names that people write.

Not here: how a field is taken out of the warehouse (`orchestration/exports/fields.py`).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from segmentation.columns import USER_COLUMNS
from segmentation.language.problems import did_you_mean

Kind = Literal["text", "integer", "number", "boolean", "timestamp", "list", "json"]

ATTRIBUTE = "attributes."
USER_FIELDS: Mapping[str, Kind] = {**USER_COLUMNS, "tags": "list"}
DEVICE_FIELDS: Mapping[str, Kind] = {
    "device_count": "integer", "device_type": "text", "operating_system": "text", "device_model": "text",
    "app_version": "text", "last_used_at": "timestamp",
}  # fmt: skip
MEMBER_FIELDS: Mapping[str, Kind] = {"since": "timestamp"}
PLAIN_FIELDS: Mapping[str, Kind] = {**USER_FIELDS, **DEVICE_FIELDS, **MEMBER_FIELDS}
BLANKS = re.compile(r'("(?:[^"]|"")*")|\s+(?=,|$)')  # or a name in quotes, whose blanks are its own


@dataclass(frozen=True)
class Field:
    """A field as it was asked for, which is the header of its column, and the field that is meant."""

    name: str
    key: str

    @property
    def attribute(self) -> str | None:
        """The path of a profile attribute, None for any other field."""
        return self.key.removeprefix(ATTRIBUTE) if self.key.startswith(ATTRIBUTE) else None

    @property
    def is_of_devices(self) -> bool:
        """Whether it is about the member's devices."""
        return self.key in DEVICE_FIELDS


def parse_fields(text: str) -> tuple[Field, ...]:
    """The fields of a list with commas, in its order; a name that holds a comma, or ends with a blank, stands in
    double quotes.

    Names are those of the tables (`device_count`) or of Netmera's pages (`Device Count`). Raises ValueError in one
    sentence.
    """
    try:
        names = next(csv.reader([BLANKS.sub(r"\1", text)], skipinitialspace=True), [])
    except csv.Error:
        raise ValueError(f"found {text!r}, expected fields with commas between them in one line") from None
    return fields_of(names)


def fields_of(names: Sequence[str]) -> tuple[Field, ...]:
    """The same for names one by one."""
    fields = tuple(_field(name.lstrip()) for name in names)
    if not fields:
        raise ValueError("found no field, expected at least one such as external_id")
    keys = [field.key for field in fields]
    if twice := next((field.name for field in fields if keys.count(field.key) > 1), None):
        raise ValueError(f"found the field {twice!r} twice, expected it once")
    return fields


def _field(name: str) -> Field:
    if name.startswith(ATTRIBUTE) and name != ATTRIBUTE:
        return Field(name, name)  # a key may end with a blank
    name = name.rstrip()
    key = name.lower().replace(" ", "_")
    if key in PLAIN_FIELDS:
        return Field(name, key)
    head, dot, path = name.partition(".")
    if dot and did_you_mean(head, [ATTRIBUTE[:-1]]):
        said = f"; did you mean {ATTRIBUTE + path!r}?" if path else ""
    else:
        said = did_you_mean(key, PLAIN_FIELDS) or (f"; an attribute is written {ATTRIBUTE}{name}" if name else "")
    raise ValueError(f"found the field {name!r}, expected one of {', '.join(PLAIN_FIELDS)} or {ATTRIBUTE}NAME{said}")
