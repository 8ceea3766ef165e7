"""What the gate says of a pulled file, by its counts: what it refuses, what it warns of, and how it is accepted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.drafts import Admitted, Count, Draft
from connectors.errors import Refused
from orchestration.ingest.gate import CHECKS, Gate
from orchestration.ingest.limits import Limits
from orchestration.settings import ROOT, read_file

AT = datetime(2026, 1, 15, 2, 30, tzinfo=UTC)
DAY = timedelta(days=1)
GOOD = Draft("mixpanel", "audience_members", "1", "audience 1", AT, 100, Count(100), reported=100, before=90)
EVENTS = Draft("mixpanel", "events", "2026-01-14", "events of 2026-01-14", AT, 100, Count(100), before=90)


def came(rows: int, **lacking: int) -> Draft:
    return replace(GOOD, rows=rows, count=Count(rows, **lacking), reported=rows, before=rows)


CASES = {
    "all is well": (GOOD, {}),
    "nothing is known of the vendor or of before": (replace(GOOD, reported=None, before=None), {}),
    "half came": (replace(GOOD, reported=200), {}),
    "fewer than half came": (
        replace(GOOD, reported=201),
        {"counts": "100 of 201 that the vendor reports came, expected 101 or more"},
    ),
    "nobody came where one is reported": (
        replace(came(0), reported=1),
        {"counts": "0 of 1 that the vendor reports came, expected 1 or more"},
    ),
    "an audience may be empty": (came(0), {}),
    "and may become so if it was small": (replace(came(0), before=20), {}),
    "an audience lost half": (replace(GOOD, before=200), {}),
    "an audience lost more than half": (
        replace(GOOD, before=202),
        {"shrink": "100 came where the last good one has 202, expected 101 or more"},
    ),
    "nobody came where a small audience was": (replace(came(0), before=19), {}),
    "some rows lack an identifier": (came(100, without_id=90), {}),
    "nearly all rows lack an identifier": (
        came(100, without_id=91),
        {"ids": "91 of 100 rows have no identifier, expected 90 at most"},
    ),
    "a few rows lack one": (came(20, without_id=20), {}),
    "the vendor computed it anew": (replace(GOOD, computed=AT, computed_before=AT - DAY), {}),
    "the vendor shows the same": (replace(GOOD, computed=AT, computed_before=AT), {}),
    "the vendor went back": (
        replace(GOOD, computed=AT - DAY, computed_before=AT),
        {
            "freshness": "the vendor computed it at 2026-01-14 02:30 UTC, which is before the 2026-01-15 02:30 UTC of"
            " the last good one"
        },
    ),
    "events lie outside the day": (
        replace(EVENTS, count=Count(100, untimely=11)),
        {"freshness": "11 of 100 events have no time or lie outside the day, expected 10 at most"},
    ),
    "older versions of events are no loss": (replace(EVENTS, rows=50, count=Count(120)), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_pulled_file_is_judged_by_its_counts(case: str):
    draft, refused = CASES[case]
    gate = Gate(Limits())
    if refused:
        with pytest.raises(Refused) as raised:
            gate(draft)
        told = "; ".join(f"{check}: {said}" for check, said in refused.items())
        assert str(raised.value).startswith(
            f"{draft.connector}, {draft.name}: {told}; the last good file stays, unless"
        )
    else:
        assert gate(draft) == Admitted()
    found = gate.verdicts[draft.table, draft.key]
    assert [one.check for one in found] == list(CHECKS)
    assert {one.check: one.said for one in found if one.blocks} == refused


def test_what_was_computed_long_ago_lands_and_is_said():
    gate = Gate(Limits())
    told = "the vendor computed it at 2026-01-07 02:30 UTC, expected 2026-01-08 02:30 UTC or later"
    assert gate(replace(GOOD, computed=AT - 8 * DAY)) == Admitted(f"mixpanel, audience 1: freshness: {told}")
    (one,) = [one for one in gate.verdicts["audience_members", "1"] if one.said]
    assert (one.check, one.blocks, one.numbers["expectations_failed"]) == ("freshness", False, 1)
    assert Gate(Limits(computed_days=0))(replace(GOOD, computed=AT - 8 * DAY)) == Admitted()


def test_whoever_accepts_is_noted_with_the_reason_and_the_numbers_stay_red():
    gate = Gate(Limits(), "the campaign is over", "ayse")
    admitted = gate(replace(GOOD, before=500))
    assert admitted.accepted == "ayse: the campaign is over"
    assert str(admitted.remark).endswith("expected 250 or more; accepted by ayse: the campaign is over")
    numbers = {one.check: one.numbers for one in gate.verdicts["audience_members", "1"]}
    assert numbers["shrink"] == {"expectations_failed": 1, "rows": 100, "rows_kept": 250, "before": 500}
    assert gate(GOOD) == Admitted()  # there was nothing to accept


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("few = -1", r"found few = -1 under \[pulls\], expected a whole number"),
        ("shrunk_below = 2", r"found shrunk_below = 2 under \[pulls\], expected a share from 0 to 1"),
        ("shrink = 0.5", r"found 'shrink' under \[pulls\], expected one of nightly, few, "),
        (
            'nightly = "half past two"',
            r"found nightly = 'half past two' under \[pulls\], expected a time such as '02:30'",
        ),
        ("nightly = 02:30:30", r"found nightly = '02:30:30' under \[pulls\]"),
    ],
)
def test_settings_of_pulls_are_held_to_their_kind(tmp_path: Path, written: str, told: str):
    file = tmp_path / "settings.toml"
    file.write_text(f"[pulls]\n{written}\n")
    with pytest.raises(ValueError, match=told):
        read_file(file)


def test_the_settings_that_come_with_it_are_the_defaults():
    assert read_file(ROOT / "settings.toml").pulls == Limits()
