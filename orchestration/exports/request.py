"""What somebody asks of an export. Not here: whether the segment and its attributes exist (`collect.py`)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from orchestration.exports.words import DELIMITERS, IDENTIFIERS, LIST_COLUMNS, Format
from segmentation.language.export_fields import Field, fields_of
from segmentation.language.export_places import Place
from segmentation.language.words import CHANNELS, FORMATS


@dataclass(frozen=True)
class Request:
    """An export of one segment.

    `channel` is the channel it is for: who is blacklisted there is left out; without one, whoever is blacklisted
    anywhere. `delta` asks for what changed since the last export of these fields to this place. `as_list` writes the
    one identifier as a list segment reads it. `delimiter` and `bom` are for CSV alone. Raises ValueError in one
    sentence if these do not go together.
    """

    segment: str
    into: Place
    fields: tuple[Field, ...] = fields_of(["external_id"])
    format: Format = "csv"
    channel: str | None = None
    delta: bool = False
    as_list: bool = False
    delimiter: str = ","
    bom: bool = False
    by: str = ""

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ValueError(f"found the format {self.format!r}, expected one of {', '.join(FORMATS)}")
        if self.channel is not None and self.channel not in CHANNELS:
            raise ValueError(f"found the channel {self.channel!r}, expected one of {', '.join(CHANNELS)}")
        if self.delimiter not in DELIMITERS.values():
            raise ValueError(f"found the delimiter {self.delimiter!r}, expected one of {' '.join(DELIMITERS.values())}")
        if self.format != "csv" and (self.bom or self.delimiter != ","):
            raise ValueError(f"a delimiter and a byte order mark are for csv, and the format is {self.format}")
        if self.as_list:
            if len(self.fields) != 1 or self.fields[0].key not in IDENTIFIERS:
                raise ValueError(f"a list has one identifier, expected one field of {', '.join(IDENTIFIERS)}")
            if self.format != "csv" or self.delimiter != "," or self.delta:
                raise ValueError("a list is a whole CSV file with commas, expected neither another format nor a delta")

    @property
    def header(self) -> tuple[str, ...]:
        """The columns in their order, without the one that a delta begins with."""
        return LIST_COLUMNS if self.as_list else tuple(field.name for field in self.fields)

    @property
    def is_local(self) -> bool:
        """Whether it goes to a folder of this machine."""
        return isinstance(self.into, Path)

    @property
    def stream(self) -> str:
        """A short name of segment, fields and destination: a delta continues the last export with the same one."""
        told = json.dumps([self.segment, self.header, str(self.into)], ensure_ascii=False)
        return hashlib.sha256(told.encode()).hexdigest()[:24]
