"""One pull, whoever starts it: kinds of data in order, each alone in its folder, and what fails is noted and told.

Not here: how Dagster or the command line show it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from connectors.errors import ConnectorError, CredentialsRefused
from connectors.notes import Notes
from connectors.pulls.attempts import Report
from connectors.pulls.audiences import HOURS, Choice, Prepared
from connectors.pulls.workbench import Workbench

_MOST_LISTED = 200  # audiences in a table of a plan; the rest is counted


@dataclass(frozen=True)
class Wish:
    """What of a vendor's data: `choice` None means audiences by the prefix of the settings, no days those that may have
    changed. `details` are attributes and devices of Netmera's users."""

    choice: Choice | None = None
    hours: float = HOURS
    since: date | None = None
    until: date | None = None
    details: bool = True


def pull_kinds(
    bench: Workbench,
    connector: str,
    kinds: Sequence[str],
    wish: Wish,
    on_plan: Callable[[Prepared], None] = lambda prepared: None,
) -> dict[str, Report]:
    """One report per kind. Where one fails as a whole, the next may still be allowed; not so after refused credentials,
    as some vendors lock an account for that. `on_plan` hears which audiences are pulled before any is."""
    Notes(bench.folder.root).tidy()
    reports: dict[str, Report] = {}
    for kind in kinds:
        try:
            with bench.folder.alone(connector, kind):
                reports[kind] = _pull(bench, connector, kind, wish, on_plan)
        except ConnectorError as error:
            bench.note_failure(connector, kind, error)
            reports[kind] = Report(failed=str(error))
            if isinstance(error, CredentialsRefused):
                break
    return reports


def _pull(
    bench: Workbench, connector: str, kind: str, wish: Wish, on_plan: Callable[[Prepared], None]
) -> Report:  # fmt: skip
    if connector == "netmera":
        return bench.pull_netmera(kind, wish.since, wish.until, wish.details)
    if kind == "audiences":
        prepared = bench.plan_audiences(connector, wish.choice, wish.hours)
        on_plan(prepared)
        return bench.pull_audiences(prepared)
    days = bench.event_days(connector, wish.since, wish.until)
    report = bench.pull_events(connector, days)
    if wish.until is not None and wish.until > days[-1]:
        report.remarks.insert(0, f"{connector}, events: {wish.until} is not over there yet; pulled up to {days[-1]}")
    return report


def plan_in_words(prepared: Prepared) -> str:
    """A plan as Markdown: what is pulled, at what cost, and what follows."""
    plan = prepared.plan
    lines = [
        f"{plan.calls} calls for {len(plan.tonight)} audiences now; {plan.left} could be made at once.",
        "",
        "| audience | id | users | calls | when |",
        "| --- | --- | --- | --- | --- |",
    ]
    for one in plan.planned[:_MOST_LISTED]:
        users = "?" if one.wanted.users is None else f"{one.wanted.users:,}"
        when: str = one.when
        if one.starts is not None and one.ends is not None:
            when = f"{when}, {one.starts:%H:%M} to {one.ends:%H:%M} UTC"
        name = one.wanted.name.replace("|", "\\|").replace("\n", " ")
        lines.append(f"| {name} | {one.wanted.id} | {users} | {one.wanted.calls} | {when} |")
    lines.append("")
    if len(plan.planned) > _MOST_LISTED:
        lines.append(f"And {len(plan.planned) - _MOST_LISTED:,} more.")
    if any(one.when == "later" for one in plan.planned):
        lines.append(plan.follows)
    if any(one.when == "too large" for one in plan.planned):
        lines.append("What is too large needs more hours, or comes by webhook.")
    for reason, keys in groupby(sorted(prepared.left_out, key=lambda one: one[1]), key=lambda one: one[1]):
        lines.append(f"Left out: {len(list(keys)):,}, as {reason}.")
    return "\n".join(lines)
