"""`segments pull`: a vendor's data into landing files, without Dagster, for a first look and for trouble-shooting.

Not here: how vendors are asked and files written (`connectors/`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestration.cli.tables import count, duration
from orchestration.cli.words import (
    FOLDER,
    Day,
    Failed,
    Progress,
    complain,
    print_json,
    progress,
    say,
    settings_for,
    shown_path,
    with_json,
)

if TYPE_CHECKING:
    from connectors.pulls.attempts import Report
    from connectors.pulls.audiences import Choice, Prepared
    from connectors.pulls.workbench import Workbench

CONNECTORS = ("mixpanel", "amplitude", "netmera")
DATA = ("audiences", "events", "users", "messages")
_SAID_EVERY = 300.0  # seconds between two words about waiting where no terminal shows the progress


@click.command()
@click.argument("connector", type=click.Choice(CONNECTORS))
@click.argument("what", type=click.Choice(DATA), required=False)
@click.option("--since", type=Day(), help="First day of events or messages (default: what may have changed).")
@click.option("--until", type=Day(), help="Last day, included (default: the last whole one).")
@click.option("--into", type=FOLDER, metavar="DIR", help="Landing folder (default: the workspace's own).")
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be pulled, and spend no more than the list.")
@click.option("--audience", "named", multiple=True, metavar="A", help="Only this audience, by id or name; repeatable.")
@click.option("--prefix", metavar="P", help="Only cohorts whose name begins so; '' means all.")
@click.option("--skip-unchanged/--even-unchanged", default=None, help="Leave out cohorts that show no change.")
@click.option("--hours", type=click.FloatRange(min=0), default=8, show_default=True, help="How long Mixpanel may take.")
@click.option("--no-details", is_flag=True, help="Netmera users without attributes and devices: two calls less each.")
@click.option("--accept", metavar="WHY", help="Take what a gate refuses, for the reason that is noted with your name.")
@with_json
@click.pass_obj
def pull(
    bench_of: Callable[..., Workbench] | None,
    connector: str,
    what: str | None,
    since: date | None,
    until: date | None,
    into: Path | None,
    only_plan: bool,
    named: tuple[str, ...],
    prefix: str | None,
    skip_unchanged: bool | None,
    hours: float,
    no_details: bool,
    accept: str | None,
    as_json: bool,
) -> None:
    """Pull a vendor's data into landing files.

    WHAT is audiences, events, users or messages; without it, all that the vendor has. What fails leaves its last good
    file, and is noted in _pulls.jsonl of the landing folder.
    """
    from connectors.pulls.workbench import DATA as HAS
    from connectors.pulls.workbench import DATED
    from orchestration.changes import whoever_runs_this
    from orchestration.ingest.bench import workbench
    from orchestration.ingest.gate import Gate
    from orchestration.ingest.pulling import Wish, pull_kinds

    if what is not None and what not in HAS[connector]:
        has = ", ".join(HAS[connector])
        raise click.BadParameter(f"{connector} gives no {what}, only {has}", param_hint="WHAT")
    kinds = HAS[connector] if what is None else (what,)
    if (since or until) and not set(kinds) & set(DATED):
        raise click.BadParameter(f"{kinds[0]} have no days", param_hint="--since" if since else "--until")
    if since and until and until < since:
        raise click.BadParameter(f"{until} lies before {since}", param_hint="--until")
    settings = settings_for()
    gate = Gate(settings.pulls, accept or "", whoever_runs_this())
    with progress("starting") as shown:
        # Whoever calls from Python may bring a bench of its own, with another clock and other accounts.
        bench = (bench_of or workbench)(settings, doing=shown.doing, on_wait=_Waiting(shown), into=into, gate=gate)
        bench.check(connector)
        choice = _choice(bench, connector, named, prefix, skip_unchanged)
        if only_plan:
            plans = {kind: _plan(bench, connector, kind, choice, hours, since, until, no_details) for kind in kinds}
        else:
            wish = Wish(choice, hours, since, until, not no_details)
            reports = pull_kinds(bench, connector, kinds, wish)
    if only_plan:
        _show_plans(plans, as_json)
    else:
        _show_reports(reports, bench.folder.root, as_json)


class _Waiting:
    """Says that something waits: on a terminal each time, elsewhere now and then."""

    def __init__(self, shown: Progress) -> None:
        self._shown, self._last = shown, -_SAID_EVERY

    def __call__(self, sentence: str, seconds: float) -> None:
        told = f"{sentence} (in {duration(seconds)})"
        self._shown.doing(told)
        if not sys.stderr.isatty() and seconds >= 10 and time.monotonic() - self._last >= _SAID_EVERY:
            self._last = time.monotonic()
            complain(told)


def _choice(
    bench: Workbench, connector: str, named: tuple[str, ...], prefix: str | None, skip_unchanged: bool | None
) -> Choice | None:
    if connector == "netmera":
        if named or prefix is not None:
            raise click.BadParameter("netmera's segments are always pulled together", param_hint="--audience, --prefix")
        return None
    from connectors.pulls.audiences import Choice

    # Amplitude says when a cohort was computed; Mixpanel has its size only, and that may stay as members change.
    skip = connector == "amplitude" if skip_unchanged is None else skip_unchanged
    return Choice(bench.prefix(connector) if prefix is None else prefix, named, skip)


def _plan(
    bench: Workbench, connector: str, kind: str, choice: Choice | None, hours: float,
    since: date | None, until: date | None, no_details: bool,
) -> dict[str, Any]:  # fmt: skip
    if kind == "events":
        days = bench.event_days(connector, since, until)
        return {"days": days, "calls": len(days)}
    if kind == "messages":
        return {"calls": None}
    if connector == "netmera":
        segments = bench.netmera_segments()
        users = sum(one.users or 0 for one in segments)
        calls = sum(len(one.systems) for one in segments) + (2 * users if kind == "users" and not no_details else 0)
        return {"segments": [{"id": one.id, "name": one.name, "users": one.users} for one in segments], "calls": calls}
    return _plan_as_json(bench.plan_audiences(connector, choice, hours))


def _plan_as_json(prepared: Prepared) -> dict[str, Any]:
    plan = prepared.plan
    return {
        "calls_left": plan.left,
        "calls": plan.calls,
        "follows": plan.follows,
        "audiences": [
            {
                "id": one.wanted.id, "name": one.wanted.name, "users": one.wanted.users, "calls": one.wanted.calls,
                "when": one.when, "starts": one.starts, "ends": one.ends, "last_pulled": one.wanted.last,
            }
            for one in plan.planned
        ],
        "left_out": [{"id": key, "reason": reason} for key, reason in prepared.left_out],
    }  # fmt: skip


def _show_plans(plans: dict[str, dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(plans)
        return
    for kind, plan in plans.items():
        if kind == "audiences" and "audiences" in plan:
            _show_audience_plan(plan)
        elif kind == "events":
            days = plan["days"]
            say(f"events: {count(len(days), 'day')} from {days[0]} to {days[-1]}, {count(len(days), 'call')}")
        elif kind == "messages":
            say("messages: one call for the list, and one for each page of a message's results")
        else:
            say(f"{kind}: {count(len(plan['segments']), 'segment')}, up to {count(plan['calls'], 'call')}")


def _show_audience_plan(plan: dict[str, Any]) -> None:
    say(f"audiences: {count(plan['calls'], 'call')} tonight, {plan['calls_left']} could be made at once")
    for one in plan["audiences"]:
        users = "size unknown" if one["users"] is None else count(one["users"], "member")
        told = f"  {one['name']} ({one['id']}): {users}, {count(one['calls'], 'call')}, {one['when']}"
        if one["starts"] is not None:
            told += f", {one['starts']:%H:%M} to {one['ends']:%H:%M} UTC"
        say(told)
    if any(one["when"] == "later" for one in plan["audiences"]):
        say(plan["follows"])
    if any(one["when"] == "too large" for one in plan["audiences"]):
        say("What is too large needs more --hours, or comes by webhook.")
    if plan["left_out"]:
        say(f"Left out: {count(len(plan['left_out']), 'cohort')}, {plan['left_out'][0]['reason']} (see --prefix).")


def _show_reports(reports: dict[str, Report], root: Path, as_json: bool) -> None:
    if as_json:
        print_json({"into": str(root), **{kind: report.as_json() for kind, report in reports.items()}})
    else:
        for kind, report in reports.items():
            _show_report(kind, report, root)
    for report in reports.values():
        for sentence in (*report.remarks, *report.failures):
            complain(sentence)
    if any(report.failures for report in reports.values()):
        raise Failed


def _show_report(kind: str, report: Report, root: Path) -> None:
    wrote = [one.wrote for one in report.tried if one.wrote]
    for one in wrote:
        for file, rows in one.rows.items():
            say(f"{shown_path(root / file)}: {count(rows, 'row')}")
    if not wrote and not report.failures:
        say(f"{kind}: nothing to pull")
    for reason, keys in _grouped(report.skipped):
        shown = ", ".join(keys[:5]) + (", ..." if len(keys) > 5 else "")
        say(f"{kind}: {len(keys)} left out ({shown}): {reason}")


def _grouped(skipped: Sequence[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    by_reason: dict[str, list[str]] = {}
    for key, reason in skipped:
        by_reason.setdefault(reason, []).append(key)
    return list(by_reason.items())


COMMANDS = {"pull": pull}
