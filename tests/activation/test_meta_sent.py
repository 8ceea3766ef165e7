"""Fifty batches to Meta's stand-in, whose service goes away somewhere: the next run makes the audience exact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.destinations import Contact
from connectors.errors import VendorBusy
from orchestration.activation.difference import compare
from orchestration.activation.ledger import open_ledger
from orchestration.activation.sending import Sender
from orchestration.activation.wanted import make_wanted
from tests.activation.audience import write_contacts
from tests.connectors.meta_world import Here, known, meta_world

BATCHES, ROWS = 50, 2


def a_person(number: int, phone: int | None = None) -> Contact:
    return Contact(f"u{number}", f"cust-{number}", f"cust-{number}@example.org", f"+90532{phone or number:07}")


# Of a hundred ten leave, one of whom shares a telephone with somebody who stays, and ninety come, one likewise.
BEFORE = [a_person(number, 500 if number in (0, 99) else None) for number in range(100)]
AFTER = [*BEFORE[10:], *(a_person(number, 55 if number == 100 else None) for number in range(100, 190))]


def bring(file: Path, people: list[Contact], here: Here, *, replacing: bool = False) -> dict[str, int]:
    """One run, as far as it gets."""
    audience = here.audience()
    audience.most = ROWS
    place = file.parent / "place"
    place.mkdir(exist_ok=True)
    write_contacts(place / "contacts.parquet", people)
    counts = dict.fromkeys(("added", "removed", "invalid", "calls"), 0)
    with open_ledger(file, place, writing=True) as ledger:
        sender = Sender(ledger, audience, here.clock, counts, [], lambda _: None)
        make_wanted(ledger.connection, place / "contacts.parquet", audience)
        found = compare(ledger.connection, audience.keys)
        if replacing:
            sender.replace(found, audience)
        else:
            sender.mirror(found)
    return counts


def identities(here: Here, people: list[Contact]) -> Any:
    return known(*filter(None, map(here.audience().identity, people)))


@pytest.mark.long
@pytest.mark.parametrize("after_applying", [False, True])
def test_wherever_the_service_goes_away_the_next_run_makes_the_audience_exact(
    tmp_path: Path, after_applying: bool
) -> None:
    for fail_at in (1, 5, 6, 28, BATCHES):  # of removing the first and the last, and of adding
        with meta_world() as here:
            file = tmp_path / f"{fail_at}.duckdb"
            bring(file, BEFORE, here)
            assert here.there.people == identities(here, BEFORE)
            sent = here.meta._batches
            assert sent == BATCHES
            here.meta.received.clear()
            here.meta.faults.fail_at, here.meta.faults.after_applying = sent + fail_at, after_applying
            with pytest.raises(VendorBusy):
                bring(file, AFTER, here)
            here.meta.faults.fail_at = None
            bring(file, AFTER, here)
            assert here.there.people == identities(here, AFTER)
            twice = [one for (action, one), times in here.meta.received.items() if action == "add" and times > 1]
            assert len(twice) <= ROWS + 2  # the batch of which nobody knew, and two who share a telephone
            here.meta.received.clear()
            assert bring(file, AFTER, here)["calls"] == 0


def test_a_replacement_makes_the_audience_exact_whoever_else_was_in_it(tmp_path: Path) -> None:
    with meta_world() as here:
        here.there.people = identities(here, [a_person(1), a_person(900)])  # from nobody knows where
        bring(tmp_path / "ledger.duckdb", BEFORE[:5], here)
        assert here.there.people > identities(here, BEFORE[:5])
        here.meta.faults.fail_at = here.meta._batches + 2
        with pytest.raises(VendorBusy):
            bring(tmp_path / "ledger.duckdb", BEFORE[2:7], here, replacing=True)
        here.meta.faults.fail_at = None
        here.clock.sleep(90 * 60)  # until Meta gives the unfinished one up
        bring(tmp_path / "ledger.duckdb", BEFORE[2:7], here, replacing=True)
        assert here.there.people == identities(here, BEFORE[2:7])
        assert bring(tmp_path / "ledger.duckdb", BEFORE[2:7], here)["calls"] == 0
