"""Segments that nobody uses: what counts as use, for how long, and who keeps whom in use. No database."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from orchestration.decisions import Known
from orchestration.idleness import idle
from orchestration.memory import Memory, remember
from orchestration.visibility import Shown
from segmentation.clock import Clock, parse_as_of
from segmentation.language.canonical import definition_hash
from segmentation.plan.system import with_system
from tests.orchestration.test_decisions import RULE, decided, folder, reads

ISTANBUL = ZoneInfo("Europe/Istanbul")


def at(text: str) -> datetime:
    return parse_as_of(text, ISTANBUL)


LONG_AGO, NOW = at("2025-11-20"), Clock(at("2026-03-02"), ISTANBUL)


def calculated(*names: str, outcome: str = "computed", hash_: str | None = "hash") -> dict[str, Known]:
    return {name: Known(n, outcome, None, hash_) for n, name in enumerate(names)}  # type: ignore[arg-type]


def idle_names(known: dict[str, Known] | None = None, days: int = 90, memory: Memory | None = None, **files: str):
    """Names of the idle ones, all of which were calculated and touched long ago unless said otherwise."""
    segments = folder(**files)
    assert not segments.problems
    memories = dict.fromkeys(segments.definitions, memory or Memory(touched_at=LONG_AGO))
    return " ".join(sorted(idle(segments, calculated(*files) if known is None else known, memories, days, NOW)))


@pytest.mark.parametrize(
    ("last_use", "is_idle"),
    [
        ("2026-03-01T20:59:59Z", False),
        ("2025-12-01T21:00:00Z", False),  # the local midnight 90 days before: where `within: 90 days` begins
        ("2025-12-01T20:59:59Z", True),
        ("2026-03-09T00:00:00Z", False),  # created for a day that is still to come
    ],
)
def test_a_use_counts_for_ninety_local_days(last_use: str, is_idle: bool):
    for memory in (Memory(touched_at=at(last_use)), Memory(touched_at=LONG_AGO, sent_at=at(last_use))):
        assert idle_names(one=RULE, memory=memory) == ("one" if is_idle else "")


def test_created_on_counts_from_its_local_midnight():
    assert idle_names(young="created_on: 2025-12-02\n" + RULE, old="created_on: 2025-12-01\n" + RULE) == "old"


def test_what_is_no_candidate():
    assert idle_names(one=RULE, paused="paused: true\n" + RULE, pinned="ready_to_use: true\n" + RULE) == "one"
    assert idle_names(one="activate: [{to: netmera_tag, when: daily}]\n" + RULE) == ""
    assert idle_names(one=RULE, days=0) == ""
    assert idle_names({}, one=RULE) == ""
    assert idle_names(calculated("one", hash_=None), one=RULE) == ""
    system = with_system(folder(), {})
    memories = dict.fromkeys(system.definitions, Memory(touched_at=LONG_AGO))
    assert not idle(system, calculated(*system.definitions), memories, 90, NOW)


@pytest.mark.parametrize(
    ("reader", "idle_ones"),
    [
        ("ready_to_use: true\n" + reads("middle"), ""),
        (reads("middle"), "base middle reader"),
        ("paused: true\nready_to_use: true\n" + reads("middle"), "base middle"),
        ("ready_to_use: true\n" + RULE + "include: [middle]\n", ""),
        ("ready_to_use: true\n" + RULE + "exclude: [base]\n", "middle"),
    ],
)
def test_what_an_active_segment_reads_is_in_use_however_far(reader: str, idle_ones: str):
    assert idle_names(base=RULE, middle=reads("base"), reader=reader) == idle_ones


def test_the_reason_names_the_day_of_the_last_use():
    memories = {"one": Memory(touched_at=LONG_AGO, sent_at=at("2025-11-30T23:30:00+03:00"))}
    told = idle(folder(one=RULE), calculated("one"), memories, 90, NOW)
    assert told["one"].startswith("for more than 90 days no message went out to it")
    assert "(last on 2025-11-30)" in told["one"]


# ---------------------------------------------------------------- what runs remember

OWN = definition_hash(folder(one=RULE).definitions["one"], {})
BEFORE = Memory(OWN, LONG_AGO, LONG_AGO, Shown(LONG_AGO))


def remembered(
    text: str | None, before: Memory | None = BEFORE, outcome: str = "computed", named: str = "", **sent: str
):
    files = folder(**({"one": text} if text else {}))
    known = {"one": Known(0, outcome, None, "hash", memory=before)} if before else {}  # type: ignore[arg-type]
    midnight = NOW.as_of + timedelta(days=1)
    moments = {name: at(moment) for name, moment in sent.items()}
    return remember(files, known, named.split(), moments, NOW.as_of, midnight)["one"]


@pytest.mark.parametrize(
    ("told", "is_touched"),
    [
        ({"text": RULE}, False),
        ({"text": RULE, "before": None}, True),  # new
        ({"text": RULE, "before": Memory()}, True),  # from a workspace that did not remember yet
        ({"text": "who: [{did: visit}]\n"}, True),
        ({"text": "title: Buyers\n" + RULE}, False),  # says nothing about who is in
        ({"text": RULE, "named": "one"}, True),
        ({"text": RULE, "named": "other"}, False),
        ({"text": RULE, "outcome": "paused"}, True),  # resumed
        ({"text": "paused: true\n" + RULE, "outcome": "paused"}, False),
        ({"text": RULE, "outcome": "deleted"}, True),
        ({"text": RULE, "outcome": "idle"}, False),
        ({"text": RULE, "outcome": "failed"}, False),
        ({"text": "who: []\n"}, False),
    ],
)
def test_what_a_person_does_is_told_from_what_runs_find(told: dict[str, str], is_touched: bool):
    assert remembered(**told).touched_at == (NOW.as_of if is_touched else LONG_AGO)  # type: ignore[arg-type]


def test_an_edit_of_what_a_segment_reads_is_no_edit_of_its_own():
    first, second = folder(base=RULE, one=reads("base")), folder(base="who: [{did: visit}]\n", one=reads("base"))
    before = remember(first, {}, (), {}, LONG_AGO, LONG_AGO)
    known = {name: Known(n, "computed", None, "hash", memory=one) for n, (name, one) in enumerate(before.items())}
    after = remember(second, known, (), {}, NOW.as_of, NOW.as_of)
    assert (after["base"].touched_at, after["one"].touched_at) == (NOW.as_of, LONG_AGO)


def test_the_last_send_stays_known_when_its_files_are_cleared_away():
    assert remembered(RULE).sent_at == LONG_AGO
    assert remembered(RULE, one="2026-02-01").sent_at == at("2026-02-01")
    assert remembered(RULE, Memory(OWN, LONG_AGO, at("2026-02-01")), one="2026-01-01").sent_at == at("2026-02-01")
    assert remembered(RULE, Memory(OWN, LONG_AGO)).sent_at is None


def test_a_broken_file_leaves_what_is_shown_and_one_that_is_gone_does_not():
    assert remembered("ready_to_use: true\n" + RULE).shown == Shown(LONG_AGO)
    assert remembered("who: []\n").shown == Shown(LONG_AGO)
    assert remembered(RULE).shown == Shown(LONG_AGO, NOW.as_of + timedelta(days=1))
    assert remembered(None).shown == Shown()


# ---------------------------------------------------------------- what becomes of an idle segment


def test_an_idle_segment_rests_with_its_reason_until_it_is_in_use_again():
    files = folder(one=RULE)
    own = files.definitions["one"].hash
    told = decided(files, calculated("one", hash_=own), idle={"one": "nobody needs it"})["one"]
    assert (told.outcome, told.reason, told.is_computed) == ("idle", "nobody needs it", False)
    again = decided(files, calculated("one", outcome="idle", hash_=own))["one"]
    assert (again.outcome, again.reason) == ("waiting", None)
    assert decided(files, calculated("one", outcome="idle", hash_=own), computed="one")["one"].outcome == "computed"
