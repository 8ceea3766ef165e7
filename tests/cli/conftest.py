"""One way to call the command line, and a workspace of three people that all tests of whole runs share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestration.cli import main

Segments = Callable[..., Result]

USERS = (
    {"user_id": "ada", "attributes": {"tier": "gold"}},
    {"user_id": "bea", "attributes": {"tier": "gold"}},
    {"user_id": "cem", "attributes": {"tier": "basic"}},
)
EVENTS = (
    {"event_id": "1", "user_id": "ada", "event": "purchase", "ts": "2026-01-10T09:00:00Z"},
    {"event_id": "2", "user_id": "bea", "event": "purchase", "ts": "2026-01-14T09:00:00Z"},
    {"event_id": "3", "user_id": "cem", "event": "visit", "ts": "2026-01-14T22:30:00Z"},
)
DEVICES = (
    {"device_id": "d1", "user_id": "ada", "platform": "ios"},
    {"device_id": "d2", "user_id": "bea", "platform": "android"},
    {"device_id": "d3", "user_id": "bea", "platform": "web"},
)
DEFINITIONS = {
    "gold": "title: Gold tier\nlabels: [value]\nready_to_use: true\ncreated_by: crm@example.com\n"
    "created_on: 2026-01-05\n"
    "who:\n  - {attribute: tier, equals: gold}\n",
    "buyers_3d": "title: Bought lately\ncreated_on: 2026-01-10\nwho:\n  - {did: purchase, within: 3 days}\n",
    "gold_buyers": "who:\n  - {segment: gold}\n  - {segment: buyers_3d}\n",
    "asked_for": "refresh: manual\nwho:\n  - {did: visit}\n",
}


@pytest.fixture
def segments() -> Segments:
    return call


def call(*arguments: object) -> Result:
    """Runs `segments` with these words; stdout and stderr are kept apart."""
    return CliRunner().invoke(main, [str(one) for one in arguments], prog_name="segments")


def write_definitions(folder: Path, definitions: dict[str, str] = DEFINITIONS) -> Path:
    """A folder of definitions by name; the texts leave out the name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in definitions.items():
        (folder / f"{name}.yml").write_text(f"name: {name}\n{text}", encoding="utf-8")
    return folder


def write_landing(folder: Path) -> Path:
    """The landing area of the three people."""
    folder.mkdir(parents=True)
    for table, rows in {"users": USERS, "events": EVENTS, "devices": DEVICES}.items():
        (folder / f"{table}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return folder


def data(result: Result) -> object:
    """What a command with --json wrote, which has to be all of stdout."""
    return json.loads(result.stdout)
