"""From a pull that failed to what people see of its segments: the last good members, stale, and the reason.

The tests build on each other's workspace in the order of the file.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from connectors.standin import MixpanelCohort
from orchestration.cli import main
from tests.ingest.place import Place, a_place, failures
from tests.orchestration.workspace import a_user, an_event

pytestmark = pytest.mark.long

COHORT = "41001"


def lapsed(*ids: str) -> MixpanelCohort:
    return MixpanelCohort.of(int(COHORT), "PN_lapsed_30d", list(ids))


MANY = [f"cust-{number}" for number in range(30)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with a_place(tmp_path_factory.mktemp("stale")) as made:
        people = (("ada", "cust-1"), ("bea", "cust-2"), ("cem", "cust-90017"), ("dan", "of nobody"))
        made.workspace.land("users/all", *({**a_user(name), "external_id": id_} for name, id_ in people))
        made.workspace.land("events/all", an_event("ada", "purchase", "2026-01-10T09:00:00Z"))
        made.workspace.define(
            lapsed="connector: {mixpanel: {cohort: PN_lapsed_30d}}",
            regulars="[{segment: lapsed}, {did: purchase}]",
        )
        made.world.mixpanel.cohorts[:] = [lapsed(*MANY)]
        yield made


def run(place: Place) -> None:
    """A run an hour after the last pull, which began at a full hour."""
    place.world.clock.sleep(3600)
    place.workspace.run(place.world.clock.now().isoformat())


def now(place: Place) -> str:
    return f"{place.world.clock.now():%Y-%m-%d %H:%M} UTC"


def seen(place: Place) -> tuple[str | None, str | None]:
    return place.workspace.members().get("lapsed"), place.workspace.statuses()["lapsed"]


def status_of(place: Place, audience_id: str) -> tuple[str, str | None]:
    sql = f"select status, reason from segments.connector_segments where audience_id = '{audience_id}'"
    return tuple(place.workspace.rows(sql)[0])  # type: ignore[return-value]


def test_a_good_pull_makes_a_segment_ready(place: Place):
    assert place.pull("mixpanel", what=["audiences"]).success
    assert place.pull("amplitude", what=["audiences"]).success
    run(place)
    assert seen(place) == ("ada bea", "ready")
    assert status_of(place, "k3vq81m") == ("ready", None)


def test_refused_credentials_keep_the_members_and_say_why_also_where_no_segment_names_the_audience(place: Place):
    right = dict(place.world.environ)
    place.world.environ |= {"MIXPANEL_SECRET": "wrong", "AMPLITUDE_SECRET_KEY": "wrong"}
    place.world.mixpanel.cohorts[:] = [lapsed("cust-90017", *MANY)]
    at = now(place)
    (sentence,) = failures(place.pull("mixpanel", what=["audiences"]))
    assert not place.pull("amplitude", what=["audiences"]).success
    place.world.environ.update(right)
    run(place)
    assert seen(place) == ("ada bea", "stale")
    reason = f"the last pull of cohort PN_lapsed_30d (41001) at {at} failed ({sentence}): the 30 users of the pull at"
    assert place.workspace.reason("lapsed").startswith(reason)
    assert place.workspace.reason("regulars").startswith(f"reads segment lapsed, which rests on older data: {reason}")
    assert status_of(place, COHORT) == ("stale", place.workspace.reason("lapsed"))
    status, told = status_of(place, "k3vq81m")
    assert (status, str(told).startswith(f"the last pull of cohort High intent (k3vq81m) at {at} failed")) == (
        "stale",
        True,
    )


def test_show_says_it(place: Place, monkeypatch: pytest.MonkeyPatch):
    settings = place.settings
    for name, value in {"SEGMENTS_HOME": settings.home, "SEGMENTS_LANDING": settings.landing}.items():
        monkeypatch.setenv(name, str(value))
    shown = CliRunner().invoke(main, ["show", "lapsed", "--segments", str(settings.segments)], "segments")
    assert "stale" in shown.output
    assert "the service account is refused" in " ".join(shown.output.split())


def test_a_short_page_does_the_same(place: Place):
    place.world.mixpanel.faults.wrong_total = 3
    (sentence,) = failures(place.pull("mixpanel", what=["audiences"], audiences=[COHORT]))
    place.world.mixpanel.faults.wrong_total = 0
    run(place)
    assert seen(place) == ("ada bea", "stale")
    assert f"failed ({sentence})" in place.workspace.reason("lapsed")


def test_an_audience_that_shrank_is_kept_out_until_somebody_accepts_it(place: Place):
    place.world.mixpanel.cohorts[:] = [lapsed("cust-90017", "cust-3")]
    (sentence,) = failures(place.pull("mixpanel", what=["audiences"]))
    assert "shrink: 2 came where the last good one has 30, expected 15 or more" in sentence
    assert place.checks("mixpanel", "audiences", "shrink")[COHORT][:2] == (False, "ERROR")
    run(place)
    assert seen(place) == ("ada bea", "stale")
    assert f"failed ({sentence})" in place.workspace.reason("lapsed")
    assert place.pull("mixpanel", what=["audiences"], accept="the campaign is over").success
    run(place)
    assert seen(place) == ("cem", "ready")


def test_a_mended_pull_makes_it_ready_again(place: Place):
    place.world.mixpanel.cohorts[:] = [lapsed("cust-90017", *MANY)]
    assert place.pull("mixpanel", what=["audiences"]).success
    assert place.pull("amplitude", what=["audiences"]).success
    run(place)
    assert seen(place) == ("ada bea cem", "ready")
    assert status_of(place, "k3vq81m") == ("ready", None)


def test_a_failure_after_the_moment_of_a_run_does_not_count_for_it(place: Place):
    before = place.world.clock.now()
    place.world.clock.sleep(600)
    place.world.mixpanel.faults.wrong_total = 3
    assert not place.pull("mixpanel", what=["audiences"]).success
    place.world.mixpanel.faults.wrong_total = 0
    place.workspace.run(before.isoformat())
    assert seen(place) == ("ada bea cem", "ready")
