"""What each segment of a run cost: the seconds that its dbt nodes took, shared out over the segments it computed.

Measured are seconds per node, rows and stored bytes per table. Nodes work for all segments at once, so whose the
seconds are is shared out, by the work that a node does: conditions by the rows that a segment's conditions look at
(equal conditions are one, and those who ask it share its rows), members by how many a segment has, a kind of its own
among the segments of that kind, and what everybody stands on evenly. Nothing is lost: the shares add up to what was
measured. Seconds outside dbt nodes are nobody's. Not here: measuring (`measure.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from segmentation.plan.reads import Read

Work = Literal["base", "conditions", "members", "connector", "list", "live", "predict"]
KINDS: tuple[Work, ...] = ("connector", "list", "live", "predict")
CONDITIONS = {"event_tiles", "person_events", "user_profiles", "user_conditions"}
PREFIXES: dict[str, Work] = {
    "live_": "live", "prediction_": "predict", "predicted_": "predict", "segment_predictions": "predict",
    "list_": "list", "connector_": "connector", "matched_pulls": "connector", "id_matches": "connector",
    "audience_": "connector",
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What is known of a segment that a run computed: its kind, what its conditions look at, and its members."""

    kind: str
    reads: Mapping[Hashable, Read]
    members: int


@dataclass(frozen=True)
class Cost:
    """The share of a segment in a run. `rows` are those its conditions look at and those of its members; `bytes` are
    what these rows take where they are stored."""

    seconds: float
    read_rows: int
    member_rows: int
    bytes: int

    @property
    def rows(self) -> int:
        """Rows read and rows stored."""
        return self.read_rows + self.member_rows


def work_of(node: str, folder: str) -> Work:
    """What a dbt node works for, by its name and the folder of models it lies in ("" for a test)."""
    for prefix, work in PREFIXES.items():
        if node.startswith(prefix):
            return work
    if node in CONDITIONS:
        return "conditions"
    if folder == "matching":
        return "connector"
    return "members" if folder in ("plan", "state", "segments") else "base"


def shared_out(
    seconds: Mapping[Work, float],
    asked: Mapping[str, Asked],
    rows: Mapping[Read, int],
    bytes_per_row: Mapping[str, float],
    bytes_per_member: float,
) -> dict[str, Cost]:
    """The cost of each segment. `rows` says how many rows a read looks at, `bytes_per_row` what one takes, by model."""
    users: defaultdict[Hashable, list[str]] = defaultdict(list)
    for name in sorted(asked):
        for condition in asked[name].reads:
            users[condition].append(name)
    read: defaultdict[str, int] = defaultdict(int)
    stored: defaultdict[str, float] = defaultdict(float)
    for condition, names in users.items():
        one = asked[names[0]].reads[condition]
        for name, share in zip(names, _evenly(rows[one], len(names)), strict=True):
            read[name] += share
            stored[name] += share * bytes_per_row.get(one.model, 0.0)
    totals: defaultdict[str, float] = defaultdict(float)
    for work, spent in seconds.items():
        for name, part in _shares(work, asked, read).items():
            totals[name] += spent * part
    return {
        name: Cost(totals[name], read[name], one.members, round(stored[name] + one.members * bytes_per_member))
        for name, one in asked.items()
    }


def _shares(work: Work, asked: Mapping[str, Asked], read: Mapping[str, int]) -> dict[str, float]:
    """Shares of the work that add up to 1; what nobody has a claim to is shared evenly."""
    concerned = [name for name, one in asked.items() if one.kind == work or work not in KINDS]
    if work in ("conditions", "live", "predict"):
        weights = {name: read.get(name, 0) for name in concerned}
    elif work == "base":
        weights = {}
    else:
        weights = {name: asked[name].members for name in concerned}
    total = sum(weights.values())
    if total:
        return {name: weight / total for name, weight in weights.items()}
    concerned = concerned or list(asked)
    return {name: 1 / len(concerned) for name in concerned}


def _evenly(rows: int, parts: int) -> Iterable[int]:
    each, left = divmod(rows, parts)
    return (each + (part < left) for part in range(parts))
