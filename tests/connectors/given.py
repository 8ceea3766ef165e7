"""What vendors hold in a case of faults.yml that names it under `given`, each a change of the small world.

Not here: faults of a vendor's answers, which are switches of the stand-in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from connectors.clock import ManualClock
from connectors.standin import AmplitudeCohort, MixpanelCohort
from tests.connectors.world import DAY, MORNING, NOON, World, event, uploaded

COMPUTED = int(NOON.timestamp()) - 6 * 3600


def _member(n: int) -> dict[str, Any]:
    return {"$distinct_id": f"cust-{n}", "$properties": {}}


def _cohort(size: int, member: Callable[[int], dict[str, Any]] = _member, **more: Any) -> MixpanelCohort:
    return MixpanelCohort(41001, "PN_lapsed_30d", size, member, **more)


def two_full_pages(here: World) -> None:
    here.mixpanel.cohorts = [_cohort(2000)]


def numbers_without_profiles(here: World) -> None:
    here.mixpanel.cohorts = [_cohort(2500, lambda n: {"$distinct_id": 70_000_000 + n})]


def nobody_comes(here: World) -> None:
    here.mixpanel.cohorts = [_cohort(0, count=2500)]


def the_list_is_behind(here: World) -> None:
    here.mixpanel.cohorts = [_cohort(2500, count=2490)]


def no_cohorts(here: World) -> None:
    here.mixpanel.cohorts = []


def line_separators(here: World) -> None:
    here.mixpanel.events = {DAY: [event(n, city="a\u2028b\u0085c") for n in range(40)]}


def repeated_events(here: World) -> None:
    newer = [event(n, mp_processing_time_ms=2000, amount=99.0) for n in range(10)]
    here.mixpanel.events = {DAY: [*(event(n) for n in range(40)), *newer]}


def the_project_is_a_day_behind(here: World) -> None:
    here.mixpanel.clock = ManualClock(NOON - timedelta(days=2))


def a_size_without_rows(here: World) -> None:
    here.amplitude.cohorts = [AmplitudeCohort("k3vq81m", "High intent", [], size=2, computed=COMPUTED + 60)]


def much_smaller(here: World) -> None:
    here.mixpanel.cohorts = [_cohort(900)]


def events_of_another_day(here: World) -> None:
    late = [event(n, time=MORNING - 3 * 86_400 + n) for n in range(40, 60)]
    here.mixpanel.events = {DAY: [*(event(n) for n in range(40)), *late]}


def a_tenth_of_the_file(here: World) -> None:
    here.amplitude.cohorts = [replace(one, size=10 * len(one.rows)) for one in here.amplitude.cohorts]


def nobody_has_an_id(here: World) -> None:
    nameless = [{"amplitude_id": f"{n}", "user_id": ""} for n in range(30)]
    here.amplitude.cohorts = [AmplitudeCohort("k3vq81m", "High intent", nameless, computed=COMPUTED)]


def no_events_ever(here: World) -> None:
    here.amplitude.events = {}
    for path in (here.root / "landing" / "events").glob("amplitude-*"):
        path.unlink()


def late_uploads(here: World) -> None:
    late = {"event_time": "2026-01-13 23:58:00.000000", "server_upload_time": "2026-01-14 00:03:00.000000"}
    here.amplitude.events = {"20260114T00": [uploaded(n, **late) for n in range(3)], **here.amplitude.events}


def forgotten_users(here: World) -> None:
    here.netmera.users = {"cust-90017": {"msisdn": "+905312345678"}}


WORLDS: dict[str, Callable[[World], None]] = {
    one.__name__: one
    for one in (
        much_smaller, events_of_another_day, a_tenth_of_the_file, nobody_has_an_id, two_full_pages,
        numbers_without_profiles, nobody_comes, the_list_is_behind, no_cohorts, line_separators, repeated_events,
        the_project_is_a_day_behind, a_size_without_rows, no_events_ever, late_uploads, forgotten_users,
    )
}  # fmt: skip
