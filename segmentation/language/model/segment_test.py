"""A test that stands in a segment file: small people, what they did, and who of them is expected in and out.

Not here: how YAML spells it (`parse_tests.py`), and running it (`orchestration/segment_tests`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segmentation.language.model.values import Moment


@dataclass(frozen=True)
class SegmentTest:
    """One item under `tests`.

    `tables` holds landing rows by table, as in the data contract; times in them, and `as_of`, are instants or dates,
    and a date is its local midnight. `timezone` is None for the workspace's own. `segments` says who is in segments
    that this one reads. `line` is where the test begins.
    """

    line: int
    as_of: Moment
    timezone: str | None
    tables: Mapping[str, tuple[Mapping[str, Any], ...]]
    segments: Mapping[str, tuple[str, ...]]
    inside: tuple[str, ...]
    outside: tuple[str, ...]
