"""What a run computes and what it says of the rest: tables of cases, no database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest

from orchestration.decisions import Decision, Known, assign_slots, decide, dropped_attributes, due, readable
from segmentation.clock import Clock
from segmentation.language.folder import Folder, load_texts

RULE = "who: [{did: purchase}]\n"
MONDAY = Clock(datetime(2026, 3, 2, tzinfo=UTC), ZoneInfo("Europe/Istanbul"))  # 03:00 local


def folder(**texts: str) -> Folder:
    """Segment files by name; the name is filled in."""
    return load_texts({f"{name}.yml": f"name: {name}\n{text}" for name, text in texts.items()})


def reads(*names: str, more: str = "") -> str:
    return more + "who: [" + ", ".join(f"{{segment: {name}}}" for name in names) + "]\n"


def known(files: Folder, **outcomes: str) -> dict[str, Known]:
    """Segments that were computed before from the definitions they have now, with their last outcomes."""
    return {
        name: Known(number, outcome, f"why {name} {outcome}", files.definitions[name].hash)  # type: ignore[arg-type]
        for number, (name, outcome) in enumerate(sorted(outcomes.items()))
    }


def decided(
    files: Folder,
    before: dict[str, Known],
    computed: str = "",
    failed: str = "",
    older: str = "",
    idle: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Decision]:
    slots = assign_slots({name: one.segment_no for name, one in before.items()}, [*files.definitions, *files.broken])
    failures = {name: f"{name} cannot be computed" for name in failed.split()}
    in_part = {name: f"{name} came in part" for name in older.split()}
    return {one.segment: one for one in decide(files, before, slots, computed.split(), failures, in_part, idle)}


# ---------------------------------------------------------------- what is due

POLICIES = {
    "daily": "refresh: daily\n",
    "default": "",
    "every": "refresh: every 3 hours\n",
    "cron": 'refresh: "30 6 * * mon"\n',
    "once": "refresh: once\n",
    "manual": "refresh: manual\n",
    "paused": "paused: true\n",
}


def test_a_full_run_computes_what_has_a_clock_and_what_was_asked_for_once():
    files = folder(**{name: text + RULE for name, text in POLICIES.items()})
    assert due(files, {}, None, MONDAY) == {"daily", "default", "every", "cron", "once"}


def test_once_means_once():
    files = folder(once="refresh: once\n" + RULE)
    assert due(files, known(files, once="computed"), None, MONDAY) == set()
    assert due(files, {"once": Known(0, "failed", "no luck", None)}, None, MONDAY) == {"once"}


@pytest.mark.parametrize(
    ("computed_at", "is_due"),
    [
        ("2026-02-23T03:30:00Z", False),  # the tick of 23 February, 06:30 in Istanbul, is what it was computed for
        ("2026-02-23T03:29:59Z", True),  # that tick was missed
        ("2026-03-01T00:00:00Z", False),  # the next tick is half past three today
    ],
)
def test_a_cron_line_is_due_once_it_has_ticked_since(computed_at: str, is_due: bool):
    files = folder(weekly=POLICIES["cron"] + RULE)
    before = Known(0, "computed", None, files.definitions["weekly"].hash, True, datetime.fromisoformat(computed_at))
    assert (due(files, {"weekly": before}, None, MONDAY) == {"weekly"}) is is_due


@pytest.mark.parametrize("policy", ["once", "manual", "cron"])
def test_an_edited_rule_does_not_wait_for_its_clock(policy: str):
    files = folder(edited=POLICIES[policy] + RULE)
    before = Known(0, "computed", None, "another rule", True, MONDAY.as_of)
    assert due(files, {"edited": before}, None, MONDAY) == {"edited"}


FAMILY = {
    "base": RULE,
    "reader": reads("base"),
    "reader_of_reader": reads("reader"),
    "including": RULE + "include: [base]\n",
    "excluding": RULE + "exclude: [reader]\n",
    "resting": reads("base", more="paused: true\n"),
    "asked_for": reads("base", more="refresh: manual\n"),
    "stranger": RULE,
}


@pytest.mark.parametrize(
    ("named", "computed"),
    [
        ("base", "base reader reader_of_reader including excluding asked_for"),
        ("reader", "reader reader_of_reader excluding"),
        ("stranger", "stranger"),
        ("resting", "resting"),  # paused segments are computed when they are named, and only then
        ("reader stranger", "reader reader_of_reader excluding stranger"),
        ("unheard_of", ""),
    ],
)
def test_what_is_named_brings_what_reads_it_however_far(named: str, computed: str):
    assert due(folder(**FAMILY), {}, named.split(), MONDAY) == set(computed.split())


@pytest.mark.parametrize(
    ("named", "automatic", "computed"),
    [
        (None, False, "base reader"),
        ("base", False, "base reader"),  # what reads it rests on
        ("base resting sleeping", False, "base reader resting sleeping"),  # a person asks for them
        ("base resting sleeping", True, "base reader"),
        ("sleeping", True, ""),
    ],
)
def test_what_rests_is_computed_when_a_person_names_it_and_by_no_schedule(
    named: str | None, automatic: bool, computed: str
):
    files = folder(
        base=RULE, reader=reads("base"), resting=reads("base", more="paused: true\n"), sleeping=reads("base")
    )
    only = None if named is None else named.split()
    assert due(files, {}, only, MONDAY, idle={"sleeping"}, automatic=automatic) == set(computed.split())


def test_only_segments_that_were_computed_can_be_read():
    before = {"there": Known(0, "failed", "broken", "hash"), "never": Known(1, "failed", "broken", None)}
    assert readable(before) == {"there"}


# ---------------------------------------------------------------- causes


@pytest.mark.parametrize(
    ("before", "cause"),
    [
        (None, "initial"),
        (Known(0, "kept", None, None, was_computed=False), "initial"),
        (Known(0, "failed", "its first run failed", None, was_computed=False), "initial"),
        (Known(0, "computed", None, "same"), "data"),
        (Known(0, "paused", None, "same"), "data"),
        (Known(0, "failed", "broken for a while", "same"), "data"),
        (Known(0, "computed", None, "another"), "definition"),
        (Known(0, "deleted", "its file is gone", None), "definition"),
        (Known(0, "kept", None, None), "definition"),  # deleted, back, and computed only now
    ],
    ids=lambda case: case if isinstance(case, str) else case.outcome if case else "new",
)
def test_a_change_has_the_cause_that_its_run_gives_it(before: Known | None, cause: str):
    files = folder(one=RULE)
    if before and before.computed_hash == "same":
        before = Known(0, before.outcome, before.reason, files.definitions["one"].hash)
    told = decided(files, {"one": before} if before else {}, computed="one")["one"]
    assert (told.outcome, told.is_computed, told.cause) == ("computed", True, cause)


def test_an_edited_definition_is_an_edit_of_those_that_read_it():
    before = folder(base=RULE, reader=reads("base"))
    files = folder(base="who: [{did: visit}]\n", reader=reads("base"))
    told = decided(files, known(before, base="computed", reader="computed"), computed="base reader")
    assert {name: one.cause for name, one in told.items()} == {"base": "definition", "reader": "definition"}


def after(files: Folder, before: dict[str, Known], computed: str, failed: str = "") -> dict[str, Known]:
    """What the run after a run knows."""
    found = {}
    for name, one in decided(files, before, computed, failed).items():
        past = before.get(name)
        hash_ = one.definition.hash if one.is_computed and one.definition else past.computed_hash if past else None
        found[name] = Known(one.segment_no, one.outcome, one.reason, hash_)
    return found


def causes(files: Folder, before: dict[str, Known], computed: str, failed: str = "") -> dict[str, str | None]:
    told = decided(files, before, computed, failed)
    return {name: one.cause for name, one in told.items() if one.is_computed}


EDITED = "who: [{did: visit}]\n"
CAUSE_FILES = folder(base=RULE, reader=reads("base"), static=reads("base", more="refresh: once\n"))
ALL = "base reader static"


def test_a_broken_file_is_no_edit_of_what_reads_it_nor_is_its_repair():
    broken = folder(base="who: []\n", reader=reads("base"), static=reads("base", more="refresh: once\n"))
    first = after(CAUSE_FILES, {}, ALL)
    assert due(broken, first, None, MONDAY) == {"reader"}
    assert causes(broken, first, "reader") == {"reader": "data"}
    second = after(broken, first, "reader")
    assert due(CAUSE_FILES, second, None, MONDAY) == {"base", "reader"}
    assert causes(CAUSE_FILES, second, "base reader") == {"base": "data", "reader": "data"}


@pytest.mark.parametrize("why", ["paused", "failing"])
def test_an_edit_reaches_those_who_read_it_when_it_is_computed_and_not_before(why: str):
    pause = "paused: true\n" if why == "paused" else ""
    edited = folder(base=pause + EDITED, reader=reads("base"), static=reads("base", more="refresh: once\n"))
    failed = "base" if why == "failing" else ""
    first = after(CAUSE_FILES, {}, ALL)
    assert due(edited, first, None, MONDAY, failing={"base"}) - {"base"} == {"reader"}
    assert causes(edited, first, "reader", failed) == {"reader": "data"}
    assert decided(edited, first, "reader", failed)["static"].outcome == "kept"
    second = after(edited, first, "reader", failed)
    healed = folder(base=EDITED, reader=reads("base"), static=reads("base", more="refresh: once\n"))
    assert due(healed, second, None, MONDAY) == {"base", "reader", "static"}
    assert set(causes(healed, second, ALL).values()) == {"definition"}


def test_what_was_edited_or_resumed_and_not_computed_yet_waits():
    files = folder(edited=EDITED, resumed=RULE, kept=RULE, static="refresh: once\n" + RULE, other=RULE)
    same = files.definitions["kept"].hash
    before = {
        "edited": Known(0, "computed", None, same),
        "resumed": Known(1, "paused", None, same),
        "kept": Known(2, "computed", None, same),
        "static": Known(3, "paused", None, same),  # calculated once and for good
        "other": Known(4, "waiting", None, same),
    }
    told = {name: one.outcome for name, one in decided(files, before).items()}
    assert told == {
        "edited": "waiting", "resumed": "waiting", "kept": "kept", "static": "kept", "other": "waiting",
    }  # fmt: skip


# ---------------------------------------------------------------- files that are gone, broken, paused or not due


def test_members_of_a_deleted_file_leave_once():
    before, files = folder(gone=RULE), folder()
    first = decided(files, known(before, gone="computed"))["gone"]
    assert (first.outcome, first.is_computed, first.cause) == ("deleted", True, "definition")
    second = decided(files, {"gone": Known(0, "deleted", first.reason, None)})["gone"]
    assert (second.outcome, second.is_computed) == ("deleted", False)


def test_a_file_that_went_before_it_was_computed_has_nobody_to_let_go():
    told = decided(folder(), {"gone": Known(0, "failed", "broken", None, was_computed=False)})["gone"]
    assert (told.outcome, told.is_computed) == ("deleted", False)


def test_a_broken_file_fails_with_its_first_error_and_is_not_computed():
    files = folder(bad="who:\n  - {dit: purchase}\n  - {did: [}\n", odd="who:\n  - {atribute: tier, equals: a}\n")
    told = decided(files, {"odd": Known(3, "computed", None, "hash")})
    assert {name: (one.outcome, one.is_computed) for name, one in told.items()} == {
        "bad": ("failed", False), "odd": ("failed", False),
    }  # fmt: skip
    assert told["odd"].reason is not None
    assert told["odd"].reason.startswith("odd.yml:3: found unknown word 'atribute'")


def test_what_was_not_due_keeps_what_was_last_said_of_it():
    files = folder(fine=RULE, failing=RULE, waiting=RULE, resting="paused: true\n" + RULE)
    told = decided(files, known(files, fine="computed", failing="failed", waiting="stale", resting="failed"))
    assert {name: (one.outcome, one.reason) for name, one in told.items()} == {
        "fine": ("kept", None),
        "failing": ("failed", "why failing failed"),
        "waiting": ("stale", "why waiting stale"),
        "resting": ("paused", None),
    }
    assert not any(one.is_computed for one in told.values())


# ---------------------------------------------------------------- stale

CHAIN = {"base": RULE, "middle": reads("base"), "top": reads("middle"), "stranger": RULE}
ALL_FINE = dict.fromkeys(CHAIN, "computed")


def test_a_failure_makes_stale_what_reads_it_at_any_depth_and_nothing_else():
    files = folder(**CHAIN)
    told = decided(files, known(files, **ALL_FINE), computed="middle top stranger", failed="base")
    assert {name: one.outcome for name, one in told.items()} == {
        "base": "failed", "middle": "stale", "top": "stale", "stranger": "computed",
    }  # fmt: skip
    assert told["top"].reason == "reads segment base, whose last recalculation failed: its last good members were used"
    assert told["top"].is_computed


def test_a_failure_of_an_earlier_run_still_makes_stale():
    files = folder(**CHAIN)
    told = decided(files, known(files, **{**ALL_FINE, "base": "failed"}), computed="middle top")
    assert (told["base"].outcome, told["middle"].outcome, told["top"].outcome) == ("failed", "stale", "stale")


def test_a_broken_file_makes_stale_what_reads_it():
    files = folder(**{**CHAIN, "base": "who: []\n"})
    before = known(folder(**CHAIN), **ALL_FINE)
    told = decided(files, before, computed="middle top stranger")
    assert (told["base"].outcome, told["middle"].outcome, told["top"].outcome) == ("failed", "stale", "stale")


def test_a_failure_that_this_run_heals_makes_nothing_stale():
    files = folder(**CHAIN)
    told = decided(files, known(files, **{**ALL_FINE, "base": "failed"}), computed="base middle top stranger")
    assert {one.outcome for one in told.values()} == {"computed"}


# ---------------------------------------------------------------- numbers


def test_numbers_stay_and_new_names_come_after_them():
    assert assign_slots({}, ["b", "a"]) == {"a": 0, "b": 1}
    assert assign_slots({"b": 1, "gone": 5, "a": 0}, ["c", "b", "aa"]) == {"a": 0, "b": 1, "gone": 5, "aa": 6, "c": 7}


# ---------------------------------------------------------------- dropped attributes


@pytest.mark.parametrize(
    ("rule", "before", "now", "key"),
    [
        ("{attribute: tier, equals: gold}", {"tier": 3}, {}, "tier"),
        ("{attribute: tier, equals: gold}", {"tier": 3}, {"tier": 0}, "tier"),
        ("{attribute: tier, equals: gold}", {"tier": 3}, {"tier": 1}, None),
        ("{attribute: tier, equals: gold}", {}, {}, None),  # nobody ever had it: a rule ahead of its data
        ("{attribute: tier, equals: gold}", {"tier": 3, "city": 2}, {"tier": 3}, None),
        ("{attribute: address.city, equals: Rome}", {"address": 3}, {}, "address"),
        ("{attribute: address.city, equals: Rome}", {"address": 3}, {"address": 3}, None),
        ("{attribute: address.city, equals: Rome}", {"address.city": 3, "address": 1}, {"address": 1}, "address.city"),
        ("{attribute: address.city, equals: Rome}", {"address.city": 3}, {"address.city": 3}, None),
        ("{not: {any: [{did: visit}, {attribute: tier, exists: true}]}}", {"tier": 3}, {}, "tier"),
        ("{did: purchase, where: [{property: tier, equals: gold}]}", {"tier": 3}, {}, None),
    ],
)
def test_a_segment_fails_by_the_attribute_that_it_asks_for_and_users_lost(
    rule: str, before: dict[str, int], now: dict[str, int], key: str | None
):
    files = folder(one=f"who: [{rule}]\n")
    assert not files.problems
    failed = dropped_attributes(files.definitions, before, now)
    expected = {"one": f"attribute {key} is on no user any more (3 users had it when last seen)"} if key else {}
    assert failed == expected


def test_what_rests_on_an_older_pull_is_stale_and_so_is_what_reads_it_however_far():
    files = folder(**FAMILY)
    told = decided(files, {}, "base reader reader_of_reader stranger", older="base")
    assert {name: one.outcome for name, one in told.items() if one.is_computed} == {
        "base": "stale", "reader": "stale", "reader_of_reader": "stale", "stranger": "computed",
    }  # fmt: skip
    assert told["base"].reason == "base came in part"
    assert told["reader_of_reader"].reason == "reads segment base, which rests on older data: base came in part"
