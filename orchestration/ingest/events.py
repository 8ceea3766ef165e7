"""What Dagster records of a pull: a materialization and check evaluations for every audience, day or table, at once.

Numbers stay numbers, so that they plot over time. Names and counts of audiences only, never a person's row.
Not here: pulling (`pulling.py`), and the verdicts (`gate.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from connectors.pulls.attempts import Tried
from connectors.pulls.audiences import Prepared
from connectors.pulls.workbench import Workbench
from orchestration.ingest.gate import Gate, Verdict
from orchestration.ingest.pulling import plan_in_words
from orchestration.names import audience_partitions, pull_key

WHAT = {"audience_members": "audiences", "events": "events", "users": "users", "message_events": "messages"}
PARTITIONED = ("mixpanel", "amplitude")
# The checks that can say something. Mixpanel and Netmera do not tell when they computed an audience.
CHECKS: Mapping[tuple[str, str], Sequence[str]] = {
    ("mixpanel", "audiences"): ("counts", "ids", "shrink"),
    ("mixpanel", "events"): ("ids", "freshness", "shrink"),
    ("amplitude", "audiences"): ("counts", "ids", "freshness", "shrink"),
    ("amplitude", "events"): ("ids", "freshness", "shrink"),
    ("netmera", "audiences"): ("counts", "ids", "shrink"),
    ("netmera", "users"): ("shrink",),
    ("netmera", "messages"): (),
}
MOST_FILES = 20  # named in metadata; the rest is counted
Context = dg.OpExecutionContext | dg.AssetExecutionContext


class Recorder:
    """Hears of a pull and tells Dagster. What has no partitions is told as a whole, by `finish`."""

    def __init__(self, context: Context, connector: str, gate: Gate) -> None:
        self._context, self._connector, self._gate = context, connector, gate
        self._wholes: dict[str, list[Tried]] = {}
        self._not_passed: list[dg.AssetCheckEvaluation] = []
        self._spent: dict[str, int] = {}
        self.bench: Workbench | None = None  # which tells the calls; it is made with this recorder

    def plan(self, prepared: Prepared) -> None:
        """Shows what will be pulled, before any call is spent on it."""
        words = plan_in_words(prepared)
        self._context.log.info(words)
        self._log(
            dg.AssetObservation(
                pull_key(self._connector, "audiences"),
                description="What is pulled now, what later, and for how many calls.",
                metadata={
                    "plan": dg.MetadataValue.md(words),
                    "calls": prepared.plan.calls,
                    "calls_left": prepared.plan.left,
                    "audiences": len(prepared.plan.planned),
                },
            )
        )
        self._calls("audiences")

    def tried(self, one: Tried) -> None:
        """Tells what became of an audience or a day, or keeps it for `finish`."""
        what = WHAT[one.table]
        if self._connector not in PARTITIONED:
            self._wholes.setdefault(what, []).append(one)
            return
        if what == "audiences" and one.wrote:
            self._register(one.key)
        self._tell(what, [one], one.key)

    def finish(self) -> None:
        """Tells what has no partitions, and checks that did not pass, the grave ones last, as an asset's page shows the
        last evaluation of a check, whatever its partition."""
        for what, tried in self._wholes.items():
            self._tell(what, tried, None)
        for one in sorted(self._not_passed, key=lambda one: one.severity == dg.AssetCheckSeverity.ERROR):
            self._log(one)
        self._wholes, self._not_passed = {}, []

    def _register(self, audience_id: str) -> None:
        """An audience that is pulled for the first time gets a partition."""
        name = audience_partitions(self._connector)
        if not self._context.instance.has_dynamic_partition(name, audience_id):
            self._context.instance.add_dynamic_partitions(name, [audience_id])

    def _tell(self, what: str, tried: Sequence[Tried], partition: str | None) -> None:
        key = pull_key(self._connector, what)
        self._evaluate(key, what, tried, partition)
        wrote = [one for one in tried if one.wrote]
        failed = [one.error for one in tried if one.error]
        if wrote:
            told = self._metadata(what, wrote)
            if failed:
                told["failed"] = dg.MetadataValue.int(len(failed))
            self._log(dg.AssetMaterialization(key, partition=partition, metadata=told))
        for error in failed:
            self._context.log.error(error)
        if failed and not wrote:
            self._log(dg.AssetObservation(key, partition=partition, description=failed[0], metadata={"failed": failed}))

    def _metadata(self, what: str, wrote: Sequence[Tried]) -> dict[str, Any]:
        done = [one.wrote for one in wrote if one.wrote]
        rows = sum(next(iter(one.rows.values())) for one in done)
        reported = [one.reported for one in done if one.reported is not None]
        files = [file for one in done for file in one.rows]
        told: dict[str, Any] = {
            "dagster/row_count": dg.MetadataValue.int(rows),
            "rows": dg.MetadataValue.int(rows),
            "files": dg.MetadataValue.text(_listed(files)),
        }
        if reported:
            told["reported"] = dg.MetadataValue.int(sum(reported))
        if len(wrote) == 1 and wrote[0].title:
            told["name"] = dg.MetadataValue.text(wrote[0].title)
        if len(wrote) > 1:
            told["things"] = dg.MetadataValue.int(len(wrote))
        if self.bench:
            told["fetched_at"] = dg.MetadataValue.timestamp(self.bench.at)
        if remarks := [one.remark for one in done if one.remark]:
            told["remarks"] = dg.MetadataValue.text(". ".join(remarks))
        return {**told, **self._calls(what)}

    def _calls(self, what: str) -> dict[str, Any]:
        calls = self.bench.calls(self._connector, what) if self.bench else None
        if calls is None:
            return {}
        spent, left = calls
        before, self._spent[what] = self._spent.get(what, spent), spent
        return {
            "calls_spent": dg.MetadataValue.int(max(0, spent - before)),
            "calls_left": dg.MetadataValue.int(left),
        }

    def _evaluate(self, key: dg.AssetKey, what: str, tried: Sequence[Tried], partition: str | None) -> None:
        judged = [(one, self._gate.verdicts.pop((one.table, one.key), None)) for one in tried]
        for check in CHECKS[self._connector, what]:
            found = [(one, _of(check, verdicts)) for one, verdicts in judged if verdicts]
            if not found:
                continue
            worst = max((verdict for _, verdict in found), key=lambda one: (one.blocks, bool(one.said)))
            blocks = any(verdict.blocks and not one.wrote for one, verdict in found)
            said = "; ".join(f"{one.name}: {verdict.said}" for one, verdict in found if verdict.said)
            accepted = [one.wrote.accepted for one, _ in found if one.wrote and one.wrote.accepted]
            evaluation = dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=check,
                passed=not said,
                severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
                description=said or None,
                metadata={**worst.numbers, **({"accepted": accepted[0]} if accepted and worst.blocks else {})},
                blocking=True,
                partition=partition,
            )
            if said:
                self._not_passed.append(evaluation)
            else:
                self._log(evaluation)

    def _log(self, event: Any) -> None:
        self._context.log_event(event)


def _listed(files: Sequence[str]) -> str:
    more = len(files) - MOST_FILES
    return ", ".join(files[:MOST_FILES]) + (f" and {more:,} more" if more > 0 else "")


def _of(check: str, verdicts: Sequence[Verdict]) -> Verdict:
    return next(one for one in verdicts if one.check == check)
