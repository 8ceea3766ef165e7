"""Every fault of a vendor: what people are told, and that the last good files stay as they were."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.connectors.world import PEOPLE, SECRETS, World

CASES = yaml.safe_load(Path(__file__).with_name("faults.yml").read_text(encoding="utf-8"))


def _name(case: dict[str, Any]) -> str:
    return f"{' '.join(case['pull'])}: {json.dumps(case.get('set', case.get('environ')))}"


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_a_fault_is_told_in_one_sentence_and_loses_nothing(
    here: World, case: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    connector, what = case["pull"]
    assert here.pull(connector, what).failures == []
    good = here.files()
    stand_in = getattr(here, connector)
    for name, value in case.get("set", {}).items():
        if name == "busy":
            for field, given in value.items():
                setattr(stand_in.faults.busy, field, given)
        else:
            setattr(stand_in.faults, name, value)
    here.environ.update(case.get("environ", {}))
    stand_in.calls.clear()

    told = here.told(connector, what)

    assert told == case["says"]
    if case["says"]:
        spared = str(case.get("still_works"))
        assert _without(here.files(), spared) == _without(good, spared)
    if "calls" in case:
        assert len(stand_in.calls) == case["calls"]
    noted = (here.root / "landing" / "_pulls.jsonl").read_text(encoding="utf-8")
    everything = " ".join([*told, *here.said, caplog.text, noted])
    assert not [one for one in (*SECRETS, *PEOPLE) if one in everything]


def _without(files: dict[str, bytes], key: str) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if key not in name}


def test_what_failed_is_noted_beside_the_tables_with_its_reason(here: World) -> None:
    here.mixpanel.faults.short_page = 1
    here.pull("mixpanel", "audiences")
    _, note = here.bench.folder.notes()  # the first one says that the list was read
    assert note == {
        "connector": "mixpanel", "table": "audience_members", "key": "41001", "outcome": "failed",
        "at": "2026-01-15T12:00:00Z",
        "reason": "mixpanel, members of cohort 41001: 1,500 of 2,500 announced members came",
    }  # fmt: skip
    assert here.files() == {}


def test_nothing_that_is_printed_of_an_account_shows_a_secret(here: World) -> None:
    from connectors import accounts

    shown = [
        repr(accounts.mixpanel_account(here.environ, {})),
        repr(accounts.amplitude_account(here.environ, {})),
        repr(accounts.netmera_account(here.environ)),
    ]
    assert not [secret for secret in SECRETS for one in shown if secret in one]
