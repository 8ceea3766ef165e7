"""Sending to Google, which says later what became of a batch: whatever it says, and wherever a run stops, the audience
has exactly the people who are wanted in the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from connectors.budget import Ledger
from connectors.destinations import Contact, Remarking
from connectors.errors import ConnectorError
from connectors.google.api import ALLOWANCE
from orchestration.activation.destinations import FACTORIES
from orchestration.activation.named import Activation
from tests.activation.audience import Fuse, bring
from tests.connectors.google_world import ACCEPTED, Here, google_world, known


@pytest.fixture
def here() -> Iterator[Here]:
    with google_world() as made:
        yield made


def a_person(number: int, email: str | None = None, msisdn: str | None = None) -> Contact:
    return Contact(f"u{number:03}", email=email or f"p{number}@example.org", msisdn=msisdn)


def run(here: Here, file: Path, people: Iterable[Contact], most: int = 2) -> dict[str, int]:
    """One run with a new client, in batches of so many; what it counted."""
    audience = here.audience()
    audience.most = most
    audience.fuse = Fuse()  # type: ignore[attr-defined]
    counts: dict[str, int] = {}
    bring(file, people, audience, counts)  # type: ignore[arg-type]
    return counts


def wanted(here: Here, people: Iterable[Contact]) -> set[frozenset[str]]:
    return known(*filter(None, map(here.audience().identity, people)))


PEOPLE = [a_person(number) for number in range(6)]


def test_what_google_has_not_worked_off_waits_and_is_not_sent_twice(here: Here, tmp_path: Path) -> None:
    here.google.faults.processing_for = 99
    assert run(here, tmp_path / "sent", PEOPLE)["waiting"] == 6
    assert run(here, tmp_path / "sent", PEOPLE[1:])["waiting"] == 6  # who left is taken back once Google has answered
    here.google.faults.processing_for = 0
    assert run(here, tmp_path / "sent", PEOPLE[1:])["waiting"] == 0
    assert here.members == wanted(here, PEOPLE[1:])
    assert here.google.received.total() == 6 + 1


def test_a_batch_of_which_google_did_nothing_is_sent_again(here: Here, tmp_path: Path) -> None:
    here.google.faults.failing = {2}
    run(here, tmp_path / "sent", PEOPLE)
    assert len(here.members) == 4
    run(here, tmp_path / "sent", PEOPLE)
    assert here.members == wanted(here, PEOPLE)
    assert here.google.received.total() == 6 + 2


def test_whoever_left_meanwhile_is_taken_back_though_their_batch_failed(here: Here, tmp_path: Path) -> None:
    """What Google says of a request it forgot is that it failed, and the people may be there all the same."""
    here.google.faults.processing_for = 99
    run(here, tmp_path / "sent", PEOPLE)
    here.google.faults.requests_forgotten = True
    run(here, tmp_path / "sent", PEOPLE[3:])
    here.google.faults.requests_forgotten, here.google.faults.processing_for = False, 0
    run(here, tmp_path / "sent", PEOPLE[3:])
    assert here.members == wanted(here, PEOPLE[3:])


def test_a_removal_that_failed_for_some_is_repeated_until_nobody_is_left(here: Here, tmp_path: Path) -> None:
    run(here, tmp_path / "sent", PEOPLE)
    here.google.faults.unusable = here.audience().identity(PEOPLE[0]) or ()
    run(here, tmp_path / "sent", PEOPLE[2:])
    assert here.members == wanted(here, [PEOPLE[0], *PEOPLE[2:]])
    here.google.faults.unusable = ()
    run(here, tmp_path / "sent", PEOPLE[2:])
    assert here.members == wanted(here, PEOPLE[2:])


def test_a_family_with_one_telephone_keeps_whoever_stays(here: Here, tmp_path: Path) -> None:
    family = [a_person(1, msisdn="+905321234567"), a_person(2, msisdn="0532 123 45 67"), a_person(3)]
    run(here, tmp_path / "sent", family)
    run(here, tmp_path / "sent", family[1:])
    assert here.members == wanted(here, family[1:])


def test_two_addresses_of_one_mailbox_are_one_person(here: Here, tmp_path: Path) -> None:
    both = [a_person(1, "ece+a@gmail.com"), a_person(2, "e.c.e+b@gmail.com")]
    run(here, tmp_path / "sent", both)
    run(here, tmp_path / "sent", both[1:])
    assert here.members == wanted(here, both[1:])
    run(here, tmp_path / "sent", [])
    assert here.members == set()


def test_an_activation_makes_the_audience_that_its_place_names(here: Here, tmp_path: Path) -> None:
    activation = Activation("buyers", "google", "8001", ("daily",), True, ("data",), {})
    calls = Ledger(tmp_path / "budgets.sqlite3")
    made = FACTORIES["google"](activation, here.environ, ACCEPTED, here.clock, lambda told, seconds: None, calls)
    made.check()
    ece = made.identity(a_person(1, msisdn="0532 123 45 67"))
    assert ece
    with made.sending("add", 1, 1) as sending:
        sending.send([ece])
    assert here.members == known(ece)
    assert calls.left(ALLOWANCE, here.clock.now()) == 300 - 1
    assert isinstance(made, Remarking)
    assert made.remarks(1) == ["an audience is used by Google from 100 members on, and this one has 1"]


@pytest.mark.long
@pytest.mark.parametrize("after_applying", [False, True])
@pytest.mark.parametrize("at", [1, 25, 50])
def test_of_fifty_batches_that_stop_anywhere_all_arrive(
    here: Here, tmp_path: Path, at: int, after_applying: bool
) -> None:
    people = [a_person(number) for number in range(100)]
    here.google.faults.fail_at, here.google.faults.after_applying = at, after_applying
    with pytest.raises(ConnectorError):
        run(here, tmp_path / "sent", people)
    here.google.faults.fail_at = None
    stayed = [one for number, one in enumerate(people) if number % 10]
    run(here, tmp_path / "sent", stayed)
    assert here.members == wanted(here, stayed)
    twice = [person for (action, person), times in here.google.received.items() if times > 1]
    assert len(twice) <= 2 * after_applying  # the batch whose answer was lost
    before = here.google.received.total()
    run(here, tmp_path / "sent", stayed)
    assert here.google.received.total() == before
