"""Statistics of one segment in `segments show`: what members do, messages, reach, dependents, what is most alike.

Sample users are people, and go to whoever typed the command. Not here: what the numbers mean (`docs/numbers.md`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orchestration.cli.tables import day_text, event_table, show
from orchestration.cli.words import say
from orchestration.settings import Settings

if TYPE_CHECKING:
    from orchestration.details import ChannelReach, Details, EventDay, MessageReport, Overlap

MOST = 5  # messages and overlapping segments that are listed; `--json` has them all


class Numbers(NamedTuple):
    """As the last run published them; `events` is None unless somebody asked, as they take a look at the events of all
    members. The sample are people, for whoever typed the command."""

    details: Details
    sample_users: tuple[str, ...]
    events: tuple[EventDay, ...] | None = None


def numbers_of(settings: Settings, name: str, *, with_events: bool = False) -> Numbers:
    """The numbers of a segment in a workspace that has run. Raises WarehouseBusy."""
    from orchestration.details import details, event_days, sample_users
    from orchestration.warehouse import connect

    with connect(settings.warehouse) as connection:
        events = event_days(connection, [name]).get(name, ()) if with_events else None
        return Numbers(details(connection, [name])[name], sample_users(connection, [name]).get(name, ()), events)


def as_plain(numbers: Numbers | None) -> dict[str, object]:
    """For `--json`; empty where nothing was calculated."""
    told = numbers.details if numbers else None
    return {
        "metrics": vars(told.metrics) if told and told.metrics else None,
        "messages": [vars(one) for one in told.messages] if told else [],
        "reachability": [vars(one) for one in told.reachability] if told else [],
        "dependents": [vars(one) for one in told.dependents] if told else [],
        "overlap": [vars(one) for one in told.overlaps] if told else [],
        "sample_users": list(numbers.sample_users) if numbers else [],
        **({"events": [vars(one) for one in numbers.events]} if numbers and numbers.events is not None else {}),
    }


def show_numbers(numbers: Numbers) -> None:
    """For people; a mean of nothing is a dash."""
    details, told = numbers.details, numbers.details.metrics
    if told is None:
        return
    facts = [
        ("app opens", f"{_number(told.average_monthly_app_opens)} per member and month"),
        ("time in app", f"{_number(told.average_time_in_app)} seconds per session"),
        (
            "revenue",
            f"{_number(told.monthly_revenue_total)} per month, {_number(told.monthly_revenue_per_member)} per member",
        ),
        ("push clicks", _share(told.push_click_average)),
        ("messages", f"{told.messages_using:,} use it, {told.engagement:,} of them still to be sent"),
        *(("", _message(one)) for one in details.messages[:MOST]),
        ("reachable", ", ".join(f"{one.channel} {one.reachable:,}{_percent(one)}" for one in details.reachability)),
        *(("most alike" if not place else "", _alike(one)) for place, one in enumerate(details.overlaps[:MOST])),
        ("sample users", ", ".join(numbers.sample_users)),
    ]
    say("\nNumbers of the last three full months and of the last run\n")
    width = max(len(label) for label, _ in facts)
    for label, text in facts:
        if text:
            say(f"{label:<{width}}  {text}")
    if numbers.events is not None:
        _show_events(numbers.events)


def _show_events(rows: tuple[EventDay, ...]) -> None:
    from orchestration.details import habits

    if not rows:
        say("\nIts members did nothing in the last 90 days")
        return
    say(f"\nWhat its members did from {day_text(rows[0].day)} to {day_text(rows[-1].day)}\n")
    show(event_table(habits(rows)))


def _message(one: MessageReport) -> str:
    at = day_text(one.date.date()) if one.date else "no date"
    name = f"{one.message_id} {one.title or ''}".strip()
    if one.role == "excluded":
        return f"{name} ({one.status}, {at}) leaves it out"
    return f"{name} ({one.status}, {at}): {one.sent:,} sent, {one.clicked:,} clicked, {one.conversions:,} converted"


def _alike(one: Overlap) -> str:
    same = ", same rule" if one.same_rule else ""
    return (
        f"{one.other}: {one.both:,} of {one.users:,} and {one.other_users:,} ({one.relation.replace('_', ' ')}{same})"
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.2f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%} on average"


def _percent(one: ChannelReach) -> str:
    return "" if one.percentage is None else f" ({one.percentage:.0f}%)"
