"""What people do to a segment, as jobs of Dagster: the file, the log, and what the run shows or says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from orchestration import changes
from orchestration.inbox import Inbox
from orchestration.launch import sentence_of
from orchestration.lifecycle.jobs import lifecycle_jobs
from segmentation.language.folder import load_folder
from tests.orchestration.workspace import Workspace


class Place:
    """A workspace in which nothing was calculated yet, and its jobs."""

    def __init__(self, folder: Path) -> None:
        self.workspace = Workspace(folder, "UTC")
        self.settings = self.workspace.settings
        self.jobs = {job.name: job for job in lifecycle_jobs(self.settings)}

    def do(self, action: str, tags: dict[str, str] | None = None, **config: str) -> tuple[dict[str, Any], str | None]:
        """The metadata of the step, and the sentence of a failure."""
        result = self.jobs[f"{action}_segment"].execute_in_process(
            run_config={
                "ops": {action: {"config": config}},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            tags=tags,
            raise_on_error=False,
        )
        failed = [sentence_of(event) for event in result.all_events if event.is_step_failure]
        shown: dict[str, Any] = {}
        for event in result.all_events:
            if event.is_successful_output:
                shown = {name: value.value for name, value in event.step_output_data.metadata.items()}
        return shown, failed[0] if failed else None

    def log(self) -> list[tuple[str, str, str]]:
        return [(one.by, one.action, one.segment) for one in changes.read(self.settings.home)]

    def file(self, name: str) -> Path:
        return self.settings.segments / f"{name}.yml"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.workspace.define(gold="labels: [value]   # the card\nwho: {tag: a}\n")
    return place


def test_a_job_edits_the_file_and_shows_what_changed(place: Place):
    before = place.file("gold").read_text()
    shown, failed = place.do("pause", segment="gold", by="ada@example.com")
    assert failed is None
    assert place.file("gold").read_text() == before.replace("# the card\n", "# the card\npaused: true\n")
    (change,) = changes.read(place.settings.home)
    assert (change.by, change.action, change.segment) == ("ada@example.com", "pause", "gold")
    names = ("file", "hash_before", "hash_after", "text_before", "text_after")
    assert {name: shown[name] for name in names} == {name: getattr(change, name) for name in names}
    again, _ = place.do("pause", segment="gold", by="bob")
    assert (again["changed"], again["told"]) == (False, "gold is paused already")
    place.do("resume", segment="gold", by="ada")
    assert place.file("gold").read_text() == before
    assert place.log() == [("ada@example.com", "pause", "gold"), ("ada", "resume", "gold")]


def test_a_whole_life(place: Place):
    for action, config in (
        ("clone", {"segment": "gold", "new_name": "silver", "title": "Silver"}),
        ("pin", {"segment": "silver"}),
        ("unpin", {"segment": "silver"}),
        ("delete", {"segment": "silver"}),
        ("reopen", {"segment": "silver"}),
    ):
        assert place.do(action, by="ada", **config)[1] is None
    assert [action for _, action, _ in place.log()] == ["clone", "pin", "unpin", "delete", "reopen"]
    silver = load_folder(place.settings.segments).definitions["silver"]
    assert (silver.title, silver.created_by, silver.ready_to_use) == ("Silver", "ada", False)


def test_who_started_the_run_counts_where_dagster_knows_and_somebody_has_to(place: Place):
    assert place.do("pause", {"user": "eda@example.com"}, segment="gold")[1] is None
    assert place.do("resume", {"user": "eda@example.com"}, segment="gold", by="can")[1] is None
    assert place.do("pause", segment="gold", by=" ")[1] == "found nobody under `by`, expected who asks for it"
    assert place.log() == [("eda@example.com", "pause", "gold"), ("can", "resume", "gold")]


def test_what_cannot_be_done_fails_with_the_sentence_of_the_command(place: Place):
    text = place.file("gold").read_text()
    assert "there is no segment 'gild'" in str(place.do("pause", segment="gild", by="ada")[1])
    place.workspace.define(odd="when: now\nwho: {tag: a}\n", rich="who: {segment: gold}\n")
    assert "found unknown word 'when'" in str(place.do("pin", segment="odd", by="ada")[1])
    assert place.do("delete", segment="gold", by="ada")[1] == "gold is not deleted: segment rich reads it"
    landing = Path(place.settings.landing)
    for table, row in (
        ("users", {"user_id": "u"}), ("events", {"user_id": "u", "event": "e", "ts": "2026-01-01T00:00:00Z"}),
        ("messages", {"message_id": "m1", "title": "Sale", "channel": "push", "status": "draft", "segments": ["gold"],
                      "created_at": "2026-01-01T00:00:00Z"}),
    ):  # fmt: skip
        landing.mkdir(parents=True, exist_ok=True)
        (landing / f"{table}.jsonl").write_text(json.dumps(row) + "\n")
    assert "gold is not deleted: message m1 (Sale), draft, uses it" in str(
        place.do("delete", segment="gold", by="ada")[1]
    )
    assert (place.file("gold").read_text(), place.log()) == (text, [])


def test_a_refresh_is_a_request_and_no_change(place: Place):
    shown, failed = place.do("refresh", segment="gold", by="ada")
    (request,) = Inbox(place.settings.home).waiting(place.workspace.moment("2026-03-01"))
    assert (failed, request.segments, request.by) == (None, ("gold",), "ada")
    assert request.id in shown["told"]
    assert place.log() == []
    assert "did you mean 'gold'?" in str(place.do("refresh", segment="glod", by="ada")[1])


def test_dagster_loads_them_together(place: Place):
    dg.Definitions.validate_loadable(dg.Definitions(jobs=list(place.jobs.values())))
