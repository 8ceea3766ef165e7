"""Every fault of a vendor: what people are told, and that the last good files stay as they were."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.record_faults import CASES, PAGE, PUSHES, record, record_pushes
from tests.connectors.world import PEOPLE, SECRETS, World


def _name(case: dict[str, Any]) -> str:
    return f"{' '.join(case.get('pull', ['push']))}: {case['title']}"


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_a_fault_is_told_in_one_sentence_and_loses_nothing(
    tmp_path: Path, case: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    recorded = record(case, tmp_path)
    assert recorded.told == case["says"]
    spared = str(case.get("still_works"))
    if recorded.exit_code:
        assert _without(recorded.after, spared) == _without(recorded.before, spared)
    else:
        assert recorded.written or recorded.after == recorded.before
    if "calls" in case:
        assert len(recorded.calls) == case["calls"]
    everything = f"{recorded.everything} {caplog.text}"
    assert not [one for one in (*SECRETS, *PEOPLE) if one in everything]
    assert recorded.block in PAGE.read_text(encoding="utf-8"), "python -m tests.connectors.record_faults"


@pytest.mark.parametrize("case", PUSHES, ids=_name)
def test_pushes_that_come_as_they_should_not_lead_to_the_same_members(
    tmp_path: Path, case: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    recorded = record_pushes(case, tmp_path)
    assert (recorded.statuses, recorded.landed) == (case["statuses"], case["landed"])
    assert "cust-" not in f"{recorded.everything} {caplog.text}"
    assert recorded.block in PAGE.read_text(encoding="utf-8"), "python -m tests.connectors.record_faults"


def test_the_page_of_faults_shows_each_of_them_once() -> None:
    shown = [line.removeprefix("### ") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("### ")]
    assert sorted(shown) == sorted(case["title"] for case in (*CASES, *PUSHES))


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
