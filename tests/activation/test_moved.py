"""What is known of those who are there outlives runs that ended early. Whoever gets another address stays there under
that: they came otherwise than by what counts, or have left where nobody is taken back, so nothing else would send them
again."""

from __future__ import annotations

import duckdb
import pytest

from connectors.errors import VendorBusy
from tests.activation.audience import Audience, Fuse, Killed
from tests.activation.place import GO_ON, Place, a_user

pytestmark = pytest.mark.long

SEGMENTS = {
    "calm": "{to: meta, audience: '1', when: on_change}",
    "kept": "{to: meta, audience: '2', when: daily, mode: add_only}",
    "slow_calm": "{to: meta, audience: '3', when: on_change}",
    "slow_kept": "{to: meta, audience: '4', when: daily, mode: add_only}",
    "gone": "{to: meta, audience: '5', when: daily}",
    "bare": "{to: meta, audience: '6', when: daily}",
}


def people(ada: str, tier: str = "gold") -> list[dict]:
    """Ada under an address of hers, with the telephone that she always had; Bea and Cem stay as they are."""
    return [a_user("ada", tier, email=f"{ada}@x.test", msisdn="1"), a_user("bea", msisdn="2"), a_user("cem")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Three people are everywhere as first members; then Ada has another address, and then she leaves with a third."""
    place = Place.at(tmp_path_factory.mktemp("moved"))
    for name, activate in SEGMENTS.items():
        place.segment(name, activate)
    place.audiences |= {"3": Audience(most=3, slow=True), "4": Audience(most=3, slow=True)}
    place.workspace.land("users", *people("ada"))
    place.workspace.land("events", {"user_id": "ada", "event": "visit", "ts": "2026-03-07T00:00:00Z"})
    place.workspace.run("2026-03-08")
    for name in SEGMENTS:
        if name != "bare":
            place.go(name, causes=("initial",))
    place.workspace.land("users", *people("ada2"))
    place.workspace.run("2026-03-09")
    return place


def stopped(place: Place, segment: str, audience: str, at: int) -> None:
    place.audience(audience).fuse = Fuse(at)
    with pytest.raises(Killed):
        place.go(segment, override=GO_ON)
    place.audience(audience).fuse = Fuse()


def slowly(place: Place, segment: str, audience: str) -> None:
    """A run at whose end the vendor has not said what became of the removal."""
    place.audience(audience).moods = [False] * 8
    place.go(segment, override=GO_ON)
    place.audience(audience).moods = []


def test_where_only_changes_count_a_new_address_is_sent_after_the_run_that_died(place: Place):
    stopped(place, "calm", "1", at=3)
    assert place.people("1") == "bea cem"
    done = place.go("calm", override=GO_ON)
    assert (place.people("1"), done.counts["held_back"], done.counts["added"]) == ("ada2 bea cem", 0, 1)


def test_where_a_vendor_takes_its_time_a_new_address_waits_and_is_not_forgotten(place: Place):
    slowly(place, "slow_calm", "3")
    done = place.go("slow_calm", override=GO_ON)
    assert (place.people("3"), done.counts["held_back"]) == ("ada2 bea cem", 0)
    assert place.go("slow_calm", override=GO_ON).ending == "nothing"


def test_a_ledger_that_is_gone_stays_told_after_a_call_that_came_to_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    file = place.workspace.settings.home / "sent/gone.meta_5.duckdb"
    file.unlink()
    assert place.go("gone").ending == "closed"
    with monkeypatch.context() as patched:
        patched.setattr(place.audience("5"), "check", busy)
        with pytest.raises(VendorBusy):
            place.go("gone")
    closed = place.go("gone")
    assert closed.ending == "closed"
    assert "ledger: of 3 people who are there it is not known any more who they are" in closed.said


def busy() -> None:
    raise VendorBusy("meta", "state of audience", "too many calls")


def test_a_dry_run_beside_a_ledger_that_died_while_it_was_made_says_what_it_would_do(place: Place):
    file = place.workspace.settings.home / "sent/bare.meta_6.duckdb"
    duckdb.connect(str(file)).close()
    before = file.read_bytes()
    dry = place.go("bare", send=False)
    assert (dry.ending, dry.counts["added"], file.read_bytes()) == ("dry_run", 3, before)
    assert place.go("bare").counts["added"] == 3


class Replaceable(Audience):
    def replacing(self, rows: int, batches: int) -> None:
        raise AssertionError("nothing may be replaced")


def test_who_is_there_already_counts_where_everybody_is_sent_again(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(place.audiences, "6", Replaceable())
    monkeypatch.setattr(place, "most_per_run", 2)
    assert place.go("bare").ending == "nothing"
    closed = place.go("bare", replace=True)
    assert closed.ending == "closed"
    assert "most_per_run: 3 people would be sent, and at most 2 are in one run" in closed.said


@pytest.fixture(scope="module")
def later(place: Place) -> Place:
    for name in ("kept", "slow_kept"):
        place.go(name, override=GO_ON)
    place.workspace.land("users", *people("ada3", "silver"), a_user("dan"))
    place.workspace.run("2026-03-10")
    return place


def test_where_nobody_is_taken_back_whoever_left_is_there_under_a_new_address_after_the_run_that_died(later: Place):
    assert later.people("2") == "ada2 bea cem"
    stopped(later, "kept", "2", at=3)
    later.go("kept", override=GO_ON)
    assert later.people("2") == "ada3 bea cem dan"


def test_where_nobody_is_taken_back_whoever_left_is_there_once_the_vendor_is_done(later: Place):
    slowly(later, "slow_kept", "4")
    later.go("slow_kept", override=GO_ON)
    assert later.people("4") == "ada3 bea cem dan"
