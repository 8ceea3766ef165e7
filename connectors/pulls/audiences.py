"""Audiences of Mixpanel and Amplitude into `audience_members`, and into `audiences` once their members are complete.

One file of each table per audience, so that one can fail without the others. Not here: what calls cost (plan.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from connectors.accounts import Members
from connectors.amplitude.cohorts import Cohorts as AmplitudeCohorts
from connectors.budget import Ledger, Pretended
from connectors.clock import Clock
from connectors.drafts import Count, Draft
from connectors.errors import BadAnswer, BrokenStream, SessionExpired
from connectors.landing_writer import LandingFolder
from connectors.mixpanel import cohorts as mixpanel
from connectors.notes import ALL, Note
from connectors.pulls.attempts import Attempt, Doing, Report, Told, Wrote, nobody, try_all
from connectors.pulls.plan import Plan, Wanted, plan_by_the_hour, plan_by_the_month
from connectors.streams import as_json

HOURS = 8.0
_EVERY = 10_000  # members between two words of progress


@dataclass(frozen=True)
class Choice:
    """Which audiences: `named` by id, or else by name, or all that begin with the prefix; and whether unchanged too."""

    prefix: str
    named: tuple[str, ...] = ()
    skip_unchanged: bool = False


@dataclass(frozen=True)
class Audience:
    """An audience of any vendor; `members` reads them, as rows of `audience_members` without the common columns."""

    id: str
    name: str
    description: str
    users: int | None
    updated: datetime | None
    members: Callable[[], Iterator[dict[str, Any]]]


@dataclass(frozen=True)
class Prepared:
    """A plan and the audiences that it is about, and those left out on purpose, as (id, reason).

    `missing` were named, and the vendor has none of that id or name.
    """

    connector: str
    plan: Plan
    audiences: dict[str, Audience]
    left_out: tuple[tuple[str, str], ...]
    replan: Callable[[Sequence[Wanted]], Plan]
    missing: tuple[str, ...] = ()

    def plan_for(self, ids: Collection[str]) -> Plan:
        """A plan for some of them, for whoever plans many times a day: what the day has spent counts. Asks nothing."""
        return self.replan([one.wanted for one in self.plan.planned if one.wanted.id in ids])


def prepare_mixpanel(
    cohorts: mixpanel.Cohorts,
    members: Members,
    ledger: Ledger,
    clock: Clock,
    folder: LandingFolder,
    choice: Choice,
    hours: float = HOURS,
) -> Prepared:
    """Spends one call, for the list."""
    listed = [
        Audience(one.id, one.name, one.description, one.count, None, partial(_mixpanel_rows, cohorts, one, members))
        for one in cohorts.list()
    ]
    chosen, left_out, missing = _chosen("mixpanel", listed, folder, choice)
    wanted = [_wanted("mixpanel", one, mixpanel.calls_for(one.users or 0), folder, choice) for one in chosen]
    now = clock.now()
    calls = Pretended(cohorts.allowance, ledger.spent(cohorts.allowance, now), now)
    plan = partial(plan_by_the_hour, calls=calls, hours=hours, pace=mixpanel.pace)
    return Prepared("mixpanel", plan(wanted), {one.id: one for one in chosen}, left_out, plan, missing)


def prepare_amplitude(
    cohorts: AmplitudeCohorts, members: Members, ledger: Ledger, clock: Clock, folder: LandingFolder, choice: Choice
) -> Prepared:
    """Spends no download."""
    listed = [
        Audience(
            one.id, one.name, one.description, one.size, one.computed, partial(_amplitude_rows, cohorts, one, members)
        )
        for one in cohorts.list()
    ]
    chosen, left_out, missing = _chosen("amplitude", listed, folder, choice)
    wanted = [_wanted("amplitude", one, 1, folder, choice) for one in chosen]
    now = clock.now()
    left = ledger.left(cohorts.allowance, now)
    usage = cohorts.usage()
    if usage.limit is not None and usage.used is not None:
        left = min(left, max(0, usage.limit - usage.used))
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    today = sum(at >= midnight for at in ledger.spent(cohorts.allowance, now))
    plan = partial(plan_by_the_month, left=left, now=now)
    return Prepared(
        "amplitude", plan(wanted), {one.id: one for one in chosen}, left_out, partial(plan, today=today), missing
    )  # fmt: skip


def _wanted(connector: str, audience: Audience, calls: int, folder: LandingFolder, choice: Choice) -> Wanted:
    """With what the last good pull left: the vendor's time of computation tells a change, the size hints at one."""
    last = folder.first_row("audiences", file_name(connector, audience.id))
    if last is None:
        return Wanted(audience.id, audience.name, audience.users, calls)
    if audience.updated is not None:
        same = last["source_updated_at"] == audience.updated
    else:
        same = last["reported_users"] == audience.users
    return Wanted(audience.id, audience.name, audience.users, calls, last["fetched_at"], choice.skip_unchanged and same)


def pull_audiences(
    prepared: Prepared, folder: LandingFolder, at: datetime, doing: Doing, told: Told = nobody
) -> Report:
    """Pulls what the plan has for tonight; `at` becomes `fetched_at` of every row."""
    report = Report()
    connector = prepared.connector
    folder.note(Note(connector, "audiences", ALL, "done", at, rows=len(prepared.audiences)))
    report.skipped += prepared.left_out
    for planned in prepared.plan.planned:
        if planned.when != "tonight":
            reason = _why(planned.when)
            report.skipped.append((planned.wanted.id, reason))
            if planned.when == "unchanged":
                folder.note(Note(connector, "audience_members", planned.wanted.id, "skipped", at, reason=reason))
    attempts = [
        Attempt("audience_members", key, f"audience {key}", partial(_not_there, connector, key))
        for key in prepared.missing
    ]
    attempts += [
        Attempt(
            "audience_members", one.id, f"audience {one.id}", partial(_pull, connector, one, folder, at, doing),
            one.name,
        )
        for one in (prepared.audiences[planned.wanted.id] for planned in prepared.plan.tonight)
    ]  # fmt: skip
    try_all(attempts, folder, connector, at, report, doing, told)
    return report


def _not_there(connector: str, key: str) -> Wrote:
    raise BadAnswer(connector, "list of cohorts", f"there is no cohort with the id or name {key!r}")


def _pull(connector: str, audience: Audience, folder: LandingFolder, at: datetime, doing: Doing) -> Wrote:
    try:
        return write_audience(connector, audience, folder, at, doing)
    except (SessionExpired, BrokenStream):
        doing(f"{connector}: audience {audience.id} was cut short; reading it again")
        return write_audience(connector, audience, folder, at, doing)


def write_audience(connector: str, audience: Audience, folder: LandingFolder, at: datetime, doing: Doing) -> Wrote:
    """Members first, and right after them the audience, whose row says that its members are all there."""
    name = file_name(connector, audience.id)
    common = {"connector": connector, "audience_id": audience.id, "fetched_at": at}
    last = folder.first_row("audiences", name) or {}
    count = Count()
    # The second of them is put into its place first.
    with folder.replacing("audiences", name) as about, folder.replacing("audience_members", name) as file:
        for row in audience.members():
            file.write({**row, **common})
            count.member(row)
            if file.rows % _EVERY == 0:
                of = f" of {audience.users:,}" if audience.users else ""
                doing(f"{connector}: audience {audience.id}, {file.rows:,}{of} members")
        rows = file.rows
        reported = rows if audience.users is None else audience.users
        admitted = folder.gate(
            Draft(
                connector, "audience_members", audience.id, f"audience {audience.id}", at, rows, count,
                audience.users, folder.rows("audience_members", name), audience.updated,
                last.get("source_updated_at"),
            )
        )  # fmt: skip
        about.write(
            {
                **common,
                "name": audience.name,
                "description": audience.description,
                "reported_users": reported,
                "source_updated_at": audience.updated,
            }
        )
    differs = f"{connector}, audience {audience.id}: {rows:,} of {reported:,} listed members came"
    remarks = [admitted.remark] if admitted.remark else [differs] if rows != reported else []
    return Wrote(
        {folder.shown("audience_members", name): rows, folder.shown("audiences", name): 1},
        reported,
        remarks[0] if remarks else None,
        admitted.accepted,
    )


def _chosen(
    connector: str, listed: Sequence[Audience], folder: LandingFolder, choice: Choice
) -> tuple[list[Audience], tuple[tuple[str, str], ...], tuple[str, ...]]:
    known = {one.id for one in listed}
    if choice.named:
        names = {name for name in choice.named if name not in known}
        chosen = [one for one in listed if one.id in choice.named or one.name in names]
        there = {one.name for one in chosen} | known
        return chosen, (), tuple(name for name in dict.fromkeys(choice.named) if name not in there)
    gone = [key for key in folder.names("audiences", f"{connector}-") if key not in known]
    other = [one.id for one in listed if not one.name.startswith(choice.prefix)]
    left_out = [(key, f"its name does not begin with {choice.prefix!r}") for key in other]
    left_out += [(key, f"{connector} lists it no longer; its last members stay") for key in gone]
    return [one for one in listed if one.name.startswith(choice.prefix)], tuple(left_out), ()


def _why(when: str) -> str:
    return {
        "later": "it does not fit into this pull's calls and comes first in the next one",
        "too large": "it takes more calls than a whole pull may spend; allow more --hours, or take it by webhook",
        "unchanged": "the vendor shows no change since the last pull",
    }[when]


def _mixpanel_rows(cohorts: mixpanel.Cohorts, cohort: mixpanel.Cohort, members: Members) -> Iterator[dict[str, Any]]:
    for one in cohorts.members(cohort):
        yield _row(one.distinct_id, one.properties, members)


def _amplitude_rows(cohorts: AmplitudeCohorts, cohort: Any, members: Members) -> Iterator[dict[str, Any]]:
    for one in cohorts.members(cohort):
        yield _row(one.user_id, one.properties, members)


def _row(user_id: str, properties: dict[str, Any], members: Members) -> dict[str, Any]:
    rest = dict(properties)
    email, msisdn = rest.pop(members.email_property, None), rest.pop(members.msisdn_property, None)
    return {
        "connector_user_id": user_id,
        "email": None if email in (None, "") else str(email),
        "msisdn": None if msisdn in (None, "") else str(msisdn),
        "properties": as_json(rest),
    }


def file_name(connector: str, audience_id: str) -> str:
    """The name of an audience's file in both tables."""
    return f"{connector}-{audience_id}"
