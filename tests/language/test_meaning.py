"""From YAML to the model: how forms that could be read in two ways are read, and what spellings have in common."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from segmentation.language import model as m
from segmentation.language.folder import load_texts
from segmentation.language.parse import parse_text


def rule(text: str) -> object:
    parsed = parse_text(f"name: case\nwho: {text}\n", "case.yml")
    assert parsed.problems == ()
    assert parsed.definition is not None
    return parsed.definition.body


def read_tests(text: str) -> tuple[m.Test, ...]:
    leaf = rule(text)
    assert isinstance(leaf, m.Attribute)
    return leaf.check.tests


JANUARY = m.Between(date(2026, 1, 1), date(2026, 1, 31))


@pytest.mark.parametrize(
    ("operators", "test", "convert"),
    [
        ("between: [2026-01-01, 2026-01-31]", m.Test("window", JANUARY), "date"),
        ("between: [2026-01-01, 2026-01-31], as: date", m.Test("window", JANUARY), "date"),
        ("between: [2026-01-01, 2026-01-31], as: text", m.Test("between", ("2026-01-01", "2026-01-31")), "text"),
        ("between: [2026, 2027]", m.Test("between", (2026, 2027)), None),
        (
            "between: [0, 60], as: date",
            m.Test("window", m.Between(datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, 0, 1, tzinfo=UTC))),
            "date",
        ),
        ("between: [A, C]", m.Test("between", ("A", "C")), None),
        ("within: 30 days", m.Test("window", m.Within(30, "days")), "date"),
        ("anniversary: tomorrow", m.Test("anniversary", m.Offset(1, "days")), "date"),
        ("exactly: in 5 days", m.Test("window", m.Exactly(m.Offset(5, "days"))), "date"),
        ('as: number, equals: "10"', m.Test("equals", 10), "number"),
        ("as: text, equals: 5.0", m.Test("equals", "5"), "text"),
        ("as: text, equals: true", m.Test("equals", "true"), "text"),
        ("as: boolean, equals: NO", m.Test("equals", False), "boolean"),
        ("as: version, gte: 14", m.Test("gte", "14"), "version"),
        ("as: date, gt: 2026-01-10", m.Test("gt", "2026-01-10"), "date"),
        ("in: [b, a, 1, b, true]", m.Test("in", (True, 1, "a", "b")), None),
    ],
)
def test_an_attribute_is_read_as_it_was_meant(operators: str, test: m.Test, convert: str | None) -> None:
    leaf = rule(f"{{attribute: a, {operators}}}")
    assert leaf == m.Attribute("a", m.Check((test,), convert))  # type: ignore[arg-type]


def test_several_operators_on_one_attribute_are_several_tests() -> None:
    assert read_tests("{attribute: age, gte: 18, lt: 30}") == (m.Test("gte", 18), m.Test("lt", 30))


def test_true_and_one_are_different_literals() -> None:
    assert read_tests("{attribute: a, equals: true}") != read_tests("{attribute: a, equals: 1}")
    assert read_tests("{attribute: a, equals: 5}") == read_tests("{attribute: a, equals: 5.0}")


def test_device_words_of_one_mapping_are_one_leaf() -> None:
    equals_ios = m.Check((m.Test("equals", "ios"),))
    from_5_10 = m.Check((m.Test("gte", "5.10"),), "version")
    assert rule('{platform: ios, app_version: {gte: "5.10"}}') == m.Device(
        (("platform", equals_ios), ("app_version", from_5_10))
    )
    assert rule('[{platform: ios}, {app_version: {gte: "5.10"}}]') == m.All(
        (m.Device((("platform", equals_ios),)), m.Device((("app_version", from_5_10),)))
    )


def test_any_event_and_an_event_called_any_are_told_apart() -> None:
    assert rule("{did: any}") == m.Did(None)
    assert rule("{did: [any]}") == m.Did(("any",))
    assert rule("{did: [b, a, b]}") == m.Did(("a", "b"))


def test_a_percentage_is_a_share() -> None:
    for written in ("30%", "0.3"):
        leaf = rule(f"{{interest: {{event: a, property: b, equals: c, at_least: {written}}}}}")
        assert isinstance(leaf, m.Interest)
        assert leaf.at_least == 0.3


def test_hours_are_minutes_after_midnight_and_weekdays_are_iso() -> None:
    leaf = rule("{did: a, hours: [22:00, 06:30], weekdays: [sun, mon]}")
    assert leaf == m.Did(("a",), hours=(1320, 390), weekdays=(1, 7))


@pytest.mark.parametrize(
    ("written", "policy", "cron"),
    [
        ("daily", "daily", "0 0 * * *"),
        ("every 3 hours", "every", "0 */3 * * *"),
        ("every hour", "every", "0 * * * *"),
        ("every 30 minutes", "every", "*/30 * * * *"),
        ("every 24 hours", "every", "0 0 * * *"),
        ("once", "once", None),
        ("manual", "manual", None),
        ("15 6 * * mon", "cron", "15 6 * * mon"),
    ],
)
def test_a_refresh_with_a_clock_becomes_a_cron_line(written: str, policy: str, cron: str | None) -> None:
    definition = parse_text(f"name: case\nrefresh: {written}\nwho: {{tag: a}}\n", "case.yml").definition
    assert definition is not None
    assert definition.refresh == m.Refresh(policy, written, cron)  # type: ignore[arg-type]


# ---------------------------------------------------------------- hashes


def hash_of(text: str, **others: str) -> str:
    folder = load_texts({"case.yml": f"name: case\n{text}", **{f"{name}.yml": other for name, other in others.items()}})
    assert folder.problems == []
    return folder.definitions["case"].hash


RULE = "who: {all: [{tag: a}, {attribute: b, in: [x, y]}, {did: c, where: [{property: d, equals: 5}]}]}\n"


@pytest.mark.parametrize(
    "same",
    [
        "title: Other\ndescription: Other\nlabels: [z]\nrefresh: manual\npaused: true\n" + RULE,
        "who: [{did: c, where: [{property: d, equals: 5.0}]}, {tag: a}, {attribute: b, in: [y, x, y]}]\n",
        "who: {all: [{tag: {all: [a]}}, {tag: a}, {attribute: b, in: [x, y]}, "
        "{did: [c], where: [{property: d, equals: 5}, {property: d, equals: 5}]}]}\n",
        RULE + "universe: known\ninclude: []\n",
    ],
)
def test_spelling_and_looks_do_not_change_the_hash(same: str) -> None:
    assert hash_of(same) == hash_of(RULE)


@pytest.mark.parametrize(
    "other",
    [
        RULE.replace("all:", "any:"),
        RULE.replace("[x, y]", "[x]"),
        RULE.replace("equals: 5", "equals: '5'"),
        RULE.replace("{tag: a}", "{not: {tag: a}}"),
        RULE + "universe: active within 90 days\n",
        RULE + "exclude: [test_users]\n",
        RULE + "include: [test_users]\n",
    ],
)
def test_what_decides_who_is_in_changes_the_hash(other: str) -> None:
    assert hash_of(other) != hash_of(RULE)


def test_the_hash_covers_the_definitions_referred_to() -> None:
    uses = "who: {segment: other}\n"
    before = hash_of(uses, other="name: other\nwho: {tag: a}\n")
    assert hash_of(uses, other="name: other\ntitle: Renamed\nwho: {tag: a}\n") == before
    assert hash_of(uses, other="name: other\nwho: {tag: b}\n") != before


def test_steps_keep_their_order() -> None:
    forth = "who: {sequence: [{did: a}, {did: b}]}\n"
    assert hash_of(forth) != hash_of("who: {sequence: [{did: b}, {did: a}]}\n")
    assert hash_of("who: {attribute: a, equals: true}\n") != hash_of("who: {attribute: a, equals: 1}\n")


def test_a_stored_hash_stays_what_it_was() -> None:
    """Stored hashes tell a changed rule from changed data, so the canonical form is kept across releases."""
    assert hash_of(RULE) == "8605f6e79075d9df"
