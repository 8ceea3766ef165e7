"""Text of a rule reaches the statement as a literal and as nothing else, whatever it looks like."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest
import sqlglot
from jinja2 import Environment, StrictUndefined

from orchestration.segment_tests.memory import rendered
from segmentation.plan.sql import DIALECT, identifier, literal
from tests.plan.engine import compiled, members

AS_OF = datetime(2026, 1, 15, tzinfo=UTC)

NASTY = [
    "'; drop table stg_users; --",
    "it's",
    "''",
    '"',
    'a"b\\c',
    "\\",
    "\\' or true --",
    "/* x */ -- y",
    "{{ env_var('HOME') }}",
    "{{ 1 / 0 }}",
    "{% raw %}",
    "{% endraw %}{{ x }}",
    "{# note #}",
    "}}",
    "line\nbreak",
    "tab\tand\r\n",
    "$1 ? :name %s $$ $tag$",
    "$.a[0].*",
    "a.b",
    "/a/b~c",
    "[0]",
    "#-1",
    "*",
    "a*b",
    " a ",
    "2fa",
    ".",
    "a..b",
    "a.",
    "select",
    "~1/~0",
    "İstanbul ÇAĞLA ß 🙂",
    "x' || chr(39) || 'y",
    "e'\\x41'",
]


def people(text: str) -> dict[str, list[dict[str, Any]]]:
    """One user who has the text everywhere, and one who has a neighbour of it everywhere."""
    tables: dict[str, list[dict[str, Any]]] = {
        "users": [], "events": [], "devices": [], "consents": [], "blacklist": [], "messages": [], "message_events": []
    }  # fmt: skip
    for user, own in (("hit", text), ("miss", text + "x")):
        tables["users"].append(
            {"user_id": user, "city": own, "tags": [own], "attributes": {own: 1, "says": own, "list": [own, "z"]}}
        )
        tables["devices"].append({"device_id": user, "user_id": user, "platform": "web", "device_model": own})
        tables["messages"].append({"message_id": own, "sent_at": AS_OF - timedelta(days=1)})
        tables["message_events"].append(
            {"message_id": own, "user_id": user, "kind": "delivered", "ts": AS_OF - timedelta(hours=1)}
        )
        for hours in (3, 2):
            properties = {own: 1, "says": own, "thing": [{own: own}]}
            tables["events"].append(
                {"user_id": user, "event": own, "ts": AS_OF - timedelta(hours=hours), "properties": properties}
            )
    return tables


def rules(text: str) -> dict[str, Any]:
    """The text in every place of a rule that takes text."""
    says = {"property": "says", "equals": text}
    return {
        "event": {"did": text},
        "events": {"did": [text, "other"]},
        "property": {"did": "any", "where": [{"property": text, "exists": True}]},
        "value": {"did": "any", "where": [says]},
        "value_in": {"did": "any", "where": [{"property": "says", "in": [text, "other"]}]},
        "no_case": {"did": "any", "where": [{**says, "ignore_case": True}]},
        "ends": {"did": "any", "where": [{"property": "says", "ends_with": text}]},
        "item": {"did": "any", "where": [{"property": "thing", "has_item": [{"property": text, "equals": text}]}]},
        "sum_of": {"did": "any", "sum": {"of": text, "gt": 0}},
        "last_is": {"did": "any", "last": {"of": "says", "equals": text}},
        "attribute": {"attribute": text, "equals": 1},
        "stored": {"attribute": "says", "equals": text},
        "listed": {"attribute": "list", "equals": text},
        "tag": {"tag": text},
        "tags": {"tag": {"any": [text, "other"]}},
        "city": {"located": {"city": text}},
        "device": {"device_model": text},
        "message": {"received": text},
        "messages": {"received": [text, "other"], "within": "7 days"},
        "sequence": {"sequence": [{"did": text}, {"did": text, "after": "2 hours", "where": [says]}]},
        "in_one": {"sequence": [{"did": "any"}, {"did": "any"}], "same": text},
        "regular": {"regularly": text, "every": "day", "in_last": 2, "at_least": 1},
        "interest": {"interest": {"event": text, "property": "says", "equals": text, "predominantly": True}},
        "rfm": {"rfm": {"event": text, "segment": "champions"}},
    }


@pytest.mark.parametrize("text", NASTY)
def test_text_of_a_rule_matches_itself_and_nothing_else(text: str) -> None:
    segments = {name: {"name": name, "who": rule} for name, rule in rules(text).items()}
    found = members(segments, people(text), AS_OF)
    assert {name: users for name, users in found.items() if users != {"hit"}} == {}


def live(text: str) -> dict[str, Any]:
    """The text in every place of a live segment that takes text."""
    says = [{"property": "says", "equals": text}]
    return {
        "event": {"did": text},
        "quiet": {"did": [text, "other"], "then_not": "other", "within": "1 minute", "where": says},
        "before": {"did": text, "who": {"did": text, "count": {"gte": 1}, "where": says, "within": "3 hours"}},
        "of_the_run": {"did": text, "who": {"attribute": text, "equals": 1}},
    }


@pytest.mark.parametrize("text", NASTY)
def test_text_of_a_live_segment_matches_itself_and_nothing_else(text: str) -> None:
    segments = {name: {"name": name, "live": body} for name, body in live(text).items()}
    found = members(segments, people(text), AS_OF)
    assert {name: users for name, users in found.items() if users != {"hit"}} == {}


@pytest.mark.parametrize("text", [text for text in NASTY if "#" not in text])  # a fragment is no part of an address
def test_an_address_of_a_rule_matches_itself_and_nothing_else(text: str) -> None:
    tables = people("a")
    for user, own in (("hit", text), ("miss", text + "x")):
        view = {"event": "page_view", "ts": AS_OF - timedelta(hours=1), "properties": {"url": own}}
        tables["events"].append({**view, "user_id": user})
    checks = {"whole": text, "one_of": {"in": [text, "other"]}, "ends": {"ends_with": text}}
    segments = {name: {"name": name, "live": {"page": check}} for name, check in checks.items()}
    found = members(segments, tables, AS_OF)
    assert {name: found[name] for name in ("whole", "one_of")} == {"whole": {"hit"}, "one_of": {"hit"}}
    assert "miss" not in found["ends"]


@pytest.mark.parametrize("text", NASTY)
def test_a_seed_of_any_text_draws_the_same_people_as_its_hash(text: str) -> None:
    body = {"name": "drawn", "who": {"bucket": {"seed": text, "from": 0, "to": 100}}}
    assert members({"drawn": body}, people("a"), AS_OF) == {"drawn": {"hit", "miss"}}


@pytest.mark.parametrize("text", NASTY)
def test_every_model_is_one_statement_that_a_parser_of_the_dialect_reads(text: str) -> None:
    plan = compiled({name: {"name": name, "who": rule} for name, rule in rules(text).items()}, AS_OF)
    for name in plan.models:
        statements = sqlglot.parse(rendered(plan.models[name]), dialect=DIALECT)
        assert [type(one).__name__ for one in statements] in (["Select"], ["Union"])


@pytest.mark.parametrize("text", [*NASTY, "", "nul\x00 inside", "\x00", "{\x00}"])
def test_a_literal_survives_jinja_and_the_engine(text: str) -> None:
    sql = Environment(undefined=StrictUndefined).from_string(f"select {literal(text)}").render()
    with duckdb.connect() as connection:
        assert connection.execute(sql).fetchall() == [(text,)]


@pytest.mark.parametrize("text", ['a"b', "it's", "a b"])
def test_an_identifier_survives_the_engine(text: str) -> None:
    with duckdb.connect() as connection:
        assert connection.execute(f"select 1 as {identifier(text)}").description[0][0] == text
