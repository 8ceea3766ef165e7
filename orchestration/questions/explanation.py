"""What an explanation is made of: the rule as a tree of ticks, the record beside it, and what is missing.

Not here: how it comes about (`explain.py`) and how it looks (`cli/explain.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestration.questions.missing import Join
from orchestration.questions.recorded import Recorded
from orchestration.questions.values import Value


@dataclass(frozen=True)
class Evidence:
    """The newest of the rows behind a leaf; `total` is how many there are."""

    total: int
    rows: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Part:
    """A leaf or a group of a rule, and whether it is true of the person.

    `inside` is the rule of the segment that a leaf reads, if it was looked into.
    """

    path: str
    join: Join
    holds: bool
    words: str
    value: Value | None = None
    missing: str | None = None
    evidence: Evidence | None = None
    parts: tuple[Part, ...] = ()
    inside: Explanation | None = None


@dataclass(frozen=True)
class Explanation:
    """What a rule says of a person at a moment, and what runs recorded.

    `is_member` is the plan's answer. `missing` are the fewest leaves that would have to be otherwise to let the person
    in. `doubts` say why rule and record may disagree, if they do. `rule_of` is `run` if a run kept the rule, else
    `file`.
    """

    segment: str
    user_id: str
    as_of: datetime
    is_member: bool
    recorded: Recorded
    rule: Part
    missing: tuple[str, ...]
    doubts: tuple[str, ...]
    definition_hash: str
    rule_of: str

    @property
    def agrees(self) -> bool | None:
        """Whether the record says the same; None if there is none."""
        return None if self.recorded.state == "nothing" else (self.recorded.state == "member") is self.is_member
