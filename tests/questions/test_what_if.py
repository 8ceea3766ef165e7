"""Sizes of past days under another rule: worked out by hand, recorded by runs, reconstructed with the changed file."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from orchestration.questions.settable import parse_setting
from orchestration.questions.what_if import AS_IT_IS, WhatIf, what_if
from orchestration.warehouse import connect
from tests.cli.conftest import call
from tests.orchestration.workspace import Workspace
from tests.questions import shop
from tests.questions.test_explain import at

PHONES = "{platform: [ios, android]}"
DAYS = (date(2026, 2, 19), date(2026, 3, 3))


def asked_for(workspace: Workspace, name: str, *sets: str, first: date = DAYS[0], last: date = DAYS[1]) -> WhatIf:
    return what_if(workspace.settings, name, [parse_setting(one) for one in sets], first, last)


def curves(told: WhatIf) -> dict[str, tuple[int, ...]]:
    return {one.label: one.sizes for one in told.curves}


def test_curves_are_those_worked_out_by_hand(asked: Workspace):
    told = asked_for(asked, "buyers", "who.0.count.gte=1,3")
    assert told.days[0] == DAYS[0]
    assert told.days[-1] == DAYS[-1]
    # 19 and 20 Feb, four days, 25 Feb, 26 and 27 Feb, and four days from when bea bought.
    assert curves(told) == {
        AS_IT_IS: (0, 0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2),
        "who.0.count.gte = 1": (1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3),
        "who.0.count.gte = 3": (0,) * 13,
    }


def test_the_rule_as_it_is_has_the_sizes_that_runs_recorded(asked: Workspace):
    for name in ("buyers", "gold_buyers", "quiet", "phones", "visitors_of_the_day", "vip_or_gold", "likely", "best"):
        told = asked_for(asked, name, first=date(2026, 3, 1))
        recorded = {date.fromisoformat(day): users[0] for day, users in asked.days(name).items()}
        assert (told.recorded, told.history_begins) == (recorded, date(2026, 3, 1))
        # Attributes of the first day are not known any more, those of the last one are.
        assert told.curves[0].sizes[-1] == recorded[DAYS[1]], name


def test_the_days_end_with_the_last_day_that_a_run_has_seen(asked: Workspace):
    assert what_if(asked.settings, "gold", [], days=2).days == (date(2026, 3, 2), date(2026, 3, 3))
    with pytest.raises(ValueError, match="2026-03-04 was not over at the last run"):
        asked_for(asked, "gold", last=date(2026, 3, 4))


def test_a_run_can_write_while_the_days_are_counted(asked: Workspace):
    opened = []

    def write(done: int, total: int) -> None:
        with connect(asked.settings.warehouse) as connection:  # what nobody can while the file is open elsewhere
            opened.append(connection.execute("select count(*) from raw.runs").fetchone())

    what_if(asked.settings, "gold_buyers", [], *DAYS, on_day=write)
    assert opened == [(2,)] * 13


@pytest.mark.long
def test_a_variant_has_the_sizes_that_a_reconstruction_with_the_changed_file_finds(asked: Workspace, tmp_path: Path):
    changes = {
        "buyers": ("who.0.count.gte=1", "[{did: purchase, within: 30 days, count: {gte: 1}}]"),
        "spenders": ("who.0.within=10 days", "[{did: purchase, within: 10 days, sum: {of: amount, gte: 100}}]"),
        "plain_buyers": ("exclude=[vip]", "who: [{did: purchase}]\nexclude: [vip]\n"),
        "phones": ("universe=active within 3 days", f"who: [{PHONES}]\nuniverse: active within 3 days\n"),
        "best": ("who.0.rfm.segment=champions", "[{rfm: {event: purchase, within: 60 days, segment: champions}}]"),
        "visitors_of_the_day": ("live.did=purchase", "live: {did: purchase}\n"),
    }  # fmt: skip
    first, last = date(2026, 2, 26), date(2026, 3, 1)
    wanted = {
        name: asked_for(asked, name, told, first=first, last=last).curves[1].sizes
        for name, (told, _) in changes.items()
    }
    shutil.copytree(asked.root, tmp_path / "other")
    other = Workspace(tmp_path / "other", shop.ZONE)
    for name, (_, text) in changes.items():
        other.define(**{name: text})
        # One at a time: a segment that reads a changed one is not asked here.
    days = ("2026-02-26", "2026-02-27", "2026-02-28", "2026-03-01")
    other.reconstruct(*days, only=changes, over_recorded=True)
    found = {name: tuple(other.days(name)[day][0] for day in days) for name in changes}
    assert found == wanted


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("buyers", "--set", "who.0.count.gte=many"), 1, "who.0.count.gte = \"many\": found 'many', expected a number"),
        (("buyer", "--set", "who.0.count.gte=3"), 1, "there is no file of a segment 'buyer'; did you mean 'buyers'?"),
        (("gold_buyers", "--set", "who.0.segment=golden"), 1, "golden"),
        (("vip", "--set", "list.file=other.csv"), 1, "the members of a list are what was sent"),
        (("buyers", "--set", "who"), 2, "expected PATH=VALUE"),
        (("buyers",), 2, "Missing option '--set'"),
    ],
)
def test_the_command_refuses_in_one_sentence(asked: Workspace, words: tuple[str, ...], code: int, said: str):
    with at(asked):
        result = call("what-if", *words, "--segments", asked.settings.segments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr


def test_the_command_shows_curves_and_the_days_that_it_leaves_out(asked: Workspace):
    words = ("what-if", "buyers", "--set", "who.0.count.gte=1", "--segments", asked.settings.segments)
    with at(asked):
        told, plain = call(*words, "--last", "33"), json.loads(call(*words, "--last", "3", "--json").stdout)
    assert "5 of 33 days are listed; --every-day lists all of them" in told.stdout
    assert "records begin on Sun 1 Mar 2026" in told.stdout
    assert plain == {
        "segment": "buyers",
        "days": ["2026-03-01", "2026-03-02", "2026-03-03"],
        "history_begins": "2026-03-01",
        "recorded": {"2026-03-01": 2, "2026-03-03": 2},
        "variants": [{"set": AS_IT_IS, "users": [2, 2, 2]}, {"set": "who.0.count.gte = 1", "users": [3, 3, 3]}],
    }
