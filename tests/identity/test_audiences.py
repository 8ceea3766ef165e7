"""Which cohort a segment means and which pull counts, and what the settings say of matching: small cases, no dbt."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.audiences import Audience, look_at_audiences, which, write_strategies
from orchestration.ingest.attempts import Attempts
from orchestration.matching import EVERY, Matching, matching_of, read_matching
from orchestration.settings import ROOT
from segmentation.language.folder import load_texts

MONDAY, TUESDAY = datetime(2026, 3, 2, 2), datetime(2026, 3, 3, 2)


def audience(audience_id: str, name: str | None, *, short: bool = False, ever: bool = True) -> Audience:
    """One whose pull on Monday brought 98 users, and on Tuesday 97 of 100, or 3."""
    current, fetched = (MONDAY, 98) if short else (TUESDAY, 97)
    last = 3 if short else 97
    return Audience("mixpanel", audience_id, name, TUESDAY, last, 100, *((current, fetched) if ever else (None, None)))


LANDED = (
    audience("1", "PN_lapsed"),
    audience("2", "PN_twice"),
    audience("3", "PN_twice"),
    audience("4", "1"),
    audience("5", "PN_short", short=True),
    audience("6", "PN_never", short=True, ever=False),
)


def meant(cohort: str, vendor: str = "mixpanel"):
    text = f'name: a\nconnector: {{{vendor}: {{cohort: "{cohort}"}}}}\n'
    return which(load_texts({"a.yml": text}).definitions, LANDED)


@pytest.mark.parametrize(
    ("cohort", "audience_id"),
    [("PN_lapsed", "1"), ("2", "2"), ("1", "1"), ("PN_short", "5")],  # "1" is also a name, and the id comes first
)
def test_a_cohort_is_meant_by_its_id_or_else_by_its_name(cohort: str, audience_id: str):
    found = meant(cohort)
    assert found.audiences["a"].audience_id == audience_id
    assert not found.failed


@pytest.mark.parametrize(
    ("vendor", "cohort", "reason"),
    [
        ("mixpanel", "PN_twice", "2 Mixpanel cohorts are named 'PN_twice': name one by its id (2, 3)"),
        (
            "mixpanel",
            "PN_laps",
            "Mixpanel has no cohort 'PN_laps', landed are PN_lapsed (1), PN_twice (2), PN_twice (3), 1 (4) and 2 more;"
            " did you mean 'PN_lapsed'?",
        ),
        ("amplitude", "x", "no cohort of Amplitude has landed yet, expected 'x' in the landing table audiences"),
        (
            "mixpanel",
            "PN_never",
            "the last pull of cohort PN_never (6) at 2026-03-03 02:00 UTC brought 3 of 100 users, and no pull before it"
            " is complete",
        ),
    ],
)
def test_a_cohort_that_is_not_one_fails_its_segment_and_says_what_there_is(vendor: str, cohort: str, reason: str):
    assert meant(cohort, vendor).failed == {"a": reason}


def test_a_short_pull_leaves_the_one_before_in_use_and_says_so():
    assert meant("5").older == {
        "a": "the last pull of cohort PN_short (5) at 2026-03-03 02:00 UTC brought 3 of 100 users: the 98 users of the"
        " pull at 2026-03-02 02:00 UTC stay"
    }


@pytest.mark.parametrize(
    ("reported", "fetched", "is_good"),
    [
        (0, 0, True),  # an audience may be empty
        (2, 0, False),  # a short read is not an empty audience
        (4, 2, True),
        (4, 1, False),
        (1, 3, True),  # people came while the pages were read
        (None, 0, False),
        (None, 1, True),
    ],
)
def test_a_pull_is_good_if_half_of_what_was_reported_came(reported: int | None, fetched: int, is_good: bool):
    with duckdb.connect() as connection:
        connection.execute("create schema raw")
        connection.execute(
            "create table raw.audiences as select 'mixpanel' as connector, '1' as audience_id, 'a' as name,"
            f" {'null' if reported is None else reported}::double as reported_users,"
            " timestamp '2026-03-02 02:00' as fetched_at, null::varchar as description,"
            " null::timestamp as source_updated_at"
        )
        connection.execute(
            "create table raw.audience_members as select 'mixpanel' as connector, '1' as audience_id,"
            f" timestamp '2026-03-02 02:00' as fetched_at from range({fetched})"
        )
        look_at_audiences(connection, {})
        told = connection.execute(
            "select fetched_users, is_good, is_current, is_last from raw.audience_pulls"
        ).fetchall()
    assert told == [(fetched, is_good, is_good, True)]


def test_a_short_pull_that_somebody_accepted_is_good():
    accepted = Attempts(accepted={("mixpanel", "1", MONDAY.replace(tzinfo=UTC)), ("mixpanel", "2", MONDAY)})
    with duckdb.connect() as connection:
        connection.execute("create schema raw")
        connection.execute(
            "create table raw.audiences as select 'mixpanel' as connector, id as audience_id, 'a' as name,"
            " 100 as reported_users, timestamp '2026-03-02 02:00' as fetched_at, null::varchar as description,"
            " null::timestamp as source_updated_at from (values ('1'), ('3')) as t(id)"
        )
        connection.execute("create table raw.audience_members as select connector, audience_id, fetched_at"
                           " from raw.audiences")  # fmt: skip
        look_at_audiences(connection, {}, accepted)
        told = connection.execute("select audience_id, is_current from raw.audience_pulls").fetchall()
    assert told == [("1", True), ("3", False)]


# ---------------------------------------------------------------- settings


def settings(tmp_path: Path, text: str) -> Path:
    (tmp_path / "settings.toml").write_text(text)
    return tmp_path / "settings.toml"


def test_a_connector_has_its_own_rules_and_otherwise_those_of_all(tmp_path: Path):
    file = settings(
        tmp_path,
        "matching.ambiguous_above = 0.1\n"
        '[matching.mixpanel]\nstrategies = ["attributes.ids.mp"]\nmatch_rate_below = 0\n',
    )
    read = read_matching(file)
    assert matching_of(read, "mixpanel") == Matching(("attributes.ids.mp",), 0, 0.1)
    assert matching_of(read, "amplitude") == Matching(ambiguous_above=0.1)
    assert read_matching(tmp_path / "none.toml") == {EVERY: Matching()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[matching]\nstrategy = []", "[matching]: found 'strategy', expected one of strategies, match_rate_below,"),
        (
            '[matching.x]\nstrategies = ["phone"]',
            "[matching.x]: found the strategy 'phone', expected external_id, email,",
        ),
        ("[matching]\nstrategies = []", "found strategies [], expected at least one, and each once"),
        ('[matching]\nstrategies = "email"', "found strategies = 'email', expected a list"),
        ("[matching]\nmatch_rate_below = 50", "found match_rate_below = 50, expected a share from 0 to 1"),
    ],
)
def test_settings_of_matching_that_make_no_sense_are_refused(tmp_path: Path, text: str, message: str):
    with pytest.raises(ValueError, match=re.escape(message)) as refused:
        read_matching(settings(tmp_path, text))
    assert "\n" not in str(refused.value)


def test_the_settings_that_come_with_the_project_are_the_documented_order():
    read = read_matching(ROOT / "settings.toml")
    assert read["mixpanel"].strategies == ("external_id", "attributes.mixpanel_id", "email", "msisdn")
    assert matching_of(read, "another").strategies == ("external_id", "email", "msisdn")


def test_rules_reach_the_models_as_rows_in_order():
    with duckdb.connect() as connection:
        connection.execute("create schema raw")
        write_strategies(
            connection, {EVERY: Matching(("email",)), "mixpanel": Matching(("external_id", "attributes.a.b"))}
        )
        assert connection.execute("from raw.match_strategies").fetchall() == [
            ("", 1, "email", "email", None, None),
            ("mixpanel", 1, "external_id", "id", None, None),
            ("mixpanel", 2, "attributes.a.b", "id", "/a.b", "/a/b"),
        ]
