"""What is worth a look, and what is not: tables of cases. No database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from orchestration.health.findings import Finding, Pair, Seen, findings
from segmentation.clock import Clock, parse_as_of
from segmentation.language.folder import load_texts
from segmentation.language.model import Definition
from segmentation.plan.system import with_system

UTC_ZONE = ZoneInfo("UTC")
NOW = Clock(parse_as_of("2026-03-02T07:00:00Z", UTC_ZONE), UTC_ZONE)
RULE = "who: [{did: purchase}]\n"


def at(text: str) -> datetime:
    return parse_as_of(text, UTC_ZONE)


def defined(beside: str = "") -> Definition:
    folder = load_texts({"one.yml": f"name: one\n{beside}\n{RULE}"})
    assert not folder.problems
    return folder.definitions["one"]


FINE = Seen("one", "ready", None, at("2026-03-02"), defined(), at("2025-01-01"), at("2026-03-01"), 0, (), [100] * 10)


def said(one: Seen, *pairs: Pair, messages_landed: bool = True) -> list[tuple[str, str]]:
    others = [replace(FINE, segment=name) for name in {pair.other for pair in pairs}]
    found: Iterable[Finding] = findings([one, *others], pairs, NOW, messages_landed=messages_landed)
    return [(finding.kind, finding.said) for finding in found]


def test_a_segment_that_is_as_it_should_be_is_not_mentioned():
    assert said(FINE) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"status": "failed", "reason": "no cohort", "updated_at": at("2026-02-20")},
            ("failing", "no cohort; its members are of 20 Feb 2026"),
        ),
        (
            {"status": "failed", "reason": "x.yml:3: found did_it", "updated_at": None, "definition": None},
            ("failing", "x.yml:3: found did_it; it has no members yet"),
        ),
        ({"status": "stale", "reason": "gold failed"}, ("stale", "gold failed")),
        ({"unsent": [("meta_1", "removals: too many")]}, ("not_sent", "meta_1: removals: too many")),
        (
            {"updated_at": at("2026-03-01T23:59:59Z")},
            (
                "stale",
                "members are of 1 Mar 2026 23:59, but `daily` promises 2 Mar 2026 00:00 or later",
            ),
        ),
        ({"sizes": [100] * 9 + [40]}, ("shrinking", "has 40 users, 40% of 100, the median of 9 days")),
        (
            {"sent_at": at("2025-12-01T23:59:59Z")},
            (
                "unused",
                "the last message that names it went out on 1 Dec 2025, and no segment reads it",
            ),
        ),
        (
            {"sent_at": None},
            ("unused", "no message that names it ever went out, and no segment reads it"),
        ),
    ],
)
def test_what_is_worth_a_look(changed: dict[str, Any], expected: tuple[str, str]):
    assert said(replace(FINE, **changed)) == [expected]


UNUSED = replace(FINE, sent_at=None)


@pytest.mark.parametrize(
    "one",
    [
        replace(UNUSED, sent_at=at("2025-12-02")),
        replace(UNUSED, began_at=at("2025-12-02")),
        replace(UNUSED, began_at=None),
        replace(UNUSED, readers=("gold",)),
        replace(UNUSED, messages_ahead=1),
        replace(UNUSED, definition=defined("ready_to_use: true")),
        replace(UNUSED, status="not_active"),
        replace(UNUSED, status="deleted", definition=None),
        replace(UNUSED, definition=None),
    ],
    ids=str,
)
def test_what_is_used_new_at_rest_or_gone_is_not_unused(one: Seen):
    assert said(one) == []


@pytest.mark.parametrize(
    "one",
    [
        replace(FINE, updated_at=at("2020-01-01"), definition=defined("paused: true")),
        replace(FINE, updated_at=at("2020-01-01"), definition=defined("refresh: manual")),
        replace(FINE, updated_at=None, status="calculating"),
        replace(FINE, sizes=[100] * 5 + [1]),
        replace(FINE, sizes=[]),
        replace(FINE, status="not_active", updated_at=at("2020-01-01"), sizes=[100] * 10 + [0]),
        replace(FINE, segment="all_users", updated_at=at("2020-01-01"),
                definition=with_system(load_texts({}), {}).definitions["all_users"]),
    ],
    ids=str,
)  # fmt: skip
def test_what_nobody_promised_is_not_missed(one: Seen):
    assert said(one) == []


def test_where_no_messages_have_landed_nobody_can_tell_what_is_unused():
    assert said(UNUSED, messages_landed=False) == []


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (Pair("one", "two", True, True, 1.0), ["has the same rule as two"]),
        (Pair("one", "two", True, True, None), ["has the same rule as two"]),
        (Pair("one", "two", True, False, 1.0), ["has the same members as two"]),
        (Pair("one", "two", True, False, 0.962), ["has nearly the members of two (96.2% of both are in both)"]),
        (Pair("one", "two", False, False, 0.9), []),
        (Pair("two", "one", True, False, 1.0), []),  # the other way round of the first
    ],
)
def test_a_pair_of_likely_duplicates_is_told_once(pair: Pair, expected: list[str]):
    other = Pair(pair.other, pair.segment, pair.is_likely, pair.same_rule, pair.jaccard)
    told = said(FINE, pair) + (said(FINE, other) if not expected else [])
    assert [what for kind, what in told if kind == "duplicate" and what in expected] == expected


def test_one_segment_may_be_several_things():
    one = replace(FINE, status="failed", reason="no cohort", sent_at=None, sizes=[100] * 9 + [1])
    assert [kind for kind, _ in said(one)] == ["failing", "shrinking", "unused"]
