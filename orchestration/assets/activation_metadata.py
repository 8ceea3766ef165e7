"""What the page of an activation tells of a call: numbers that plot, what the gates said, and a check for each of them.

Nothing here names anybody. Not here: calling it (`activations.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from orchestration.activation.allowed import stays_here
from orchestration.activation.named import SETS, Activation
from orchestration.activation.wish import Outcome
from orchestration.gates.asked import GATES, MOMENTS
from orchestration.gates.results import Result
from orchestration.markdown import table

CHECKS = {
    "freshness": "Its members, and what they rest on, are as fresh as was promised.",
    "size_band": "The segment's size is near that of its last days.",
    "removals": "Of those who are there, no more are taken back at once than the cap allows.",
    "match_rate": "Enough of a vendor's audience are users.",
    "universe": "The number of all users has not dropped.",
    "upstream": "The segment was calculated, and what it reads.",
    "ledger": "It is known who was sent there before.",
    "most_per_run": "No more are sent at once than `most_per_run` allows.",
    "backlog": "Nothing is told that happened long ago.",
}
OWN_GATES: Mapping[str, tuple[str, ...]] = {  # by destination; a message goes to a set of people
    **dict.fromkeys((*SETS, "netmera_push"), ("ledger", "most_per_run")),
    "webhook": ("most_per_run", "backlog"),
    "file": ("most_per_run",),
}


def check_specs(key: dg.AssetKey, activation: Activation) -> Iterator[dg.AssetCheckSpec]:
    """The gates of an activation, by the kind of its destination; files of this machine may be as large as they are."""
    own = () if stays_here(activation) else OWN_GATES.get(activation.to, ())
    for gate in (*GATES, *own):
        yield dg.AssetCheckSpec(gate, asset=key, description=CHECKS[gate], blocking=True)


def evaluations(key: dg.AssetKey, results: Sequence[Result]) -> Iterator[dg.AssetCheckEvaluation]:
    """What the gates said. One that somebody opened has not passed, and is no error."""
    for one in results:
        is_closed = one.state == "closed"
        by = {"opened_by": one.override.by, "because": one.override.reason} if one.override else {}
        yield dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=one.gate,
            passed=one.state in ("open", "unknown"),
            severity=dg.AssetCheckSeverity.ERROR if is_closed else dg.AssetCheckSeverity.WARN,
            description=one.said or None,
            metadata={"state": one.state, **{name: _number(name, value) for name, value in one.numbers.items()}, **by},
            blocking=True,
        )


def metadata(outcome: Outcome) -> dict[str, dg.MetadataValue]:
    """Counts stay numbers, which plot over time; the rest is for people."""
    shown: dict[str, dg.MetadataValue] = {
        "said": dg.MetadataValue.text(outcome.said),
        "ending": dg.MetadataValue.text(outcome.ending.replace("_", " ")),
    }
    if outcome.gates:
        rows = ((one.gate, one.state, _said(one)) for one in outcome.gates)
        shown["gates"] = dg.MetadataValue.md(table(("gate", "state", "said"), rows))
    if remarks := outcome.details.get("remarks"):
        shown["remarks"] = dg.MetadataValue.text("; ".join(remarks))
    return shown | {name: dg.MetadataValue.int(number) for name, number in outcome.counts.items()}


def _said(one: Result) -> str:
    return f"{one.said}; opened by {one.override.by}: {one.override.reason}" if one.override else one.said


def _number(name: str, value: int | float) -> int | float | dg.MetadataValue:
    """Moments are read by people; numbers plot."""
    return dg.MetadataValue.timestamp(value) if name in MOMENTS else value
